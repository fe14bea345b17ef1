//! The reading side: each listing is asked for once in one look at the world, whoever needs it.
use super::{ClientRow, DomainRow, GroupRow, ListRow, Pihole, client::part};
use homelab_core::Failure;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::sync::OnceCell;

/// One look at a Pi-hole.
#[derive(Debug)]
pub struct Reader {
    pihole: Pihole,
    dns: OnceCell<Value>,
    detailed: OnceCell<Value>,
    domains: OnceCell<Vec<DomainRow>>,
    lists: OnceCell<Vec<ListRow>>,
    groups: OnceCell<Vec<GroupRow>>,
    clients: OnceCell<Vec<ClientRow>>,
}

impl Reader {
    pub(super) fn new(pihole: Pihole) -> Reader {
        Reader {
            pihole,
            dns: OnceCell::new(),
            detailed: OnceCell::new(),
            domains: OnceCell::new(),
            lists: OnceCell::new(),
            groups: OnceCell::new(),
            clients: OnceCell::new(),
        }
    }

    /// How its name service is asked.
    #[must_use]
    pub fn dns(&self) -> &crate::dns::Prober {
        self.pihole.dns()
    }

    /// Whether this password lets in.
    ///
    /// # Errors
    /// When it cannot be reached.
    pub async fn accepts(&self, password: &str) -> Result<bool, Failure> {
        self.pihole.accepts(password).await
    }

    /// What Pi-hole says of itself, afresh.
    ///
    /// # Errors
    /// When it cannot be reached, or does not let us in.
    pub async fn health(&self) -> Result<super::Health, Failure> {
        super::Dashboard::health(&self.pihole).await
    }

    /// The lines of `dns.hosts`: an address and names.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn hosts(&self) -> Result<Vec<String>, Failure> {
        Ok(lines(&self.settings().await?["hosts"]))
    }

    /// The lines of `dns.cnameRecords`: an alias, its target and perhaps a time to live.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn cnames(&self) -> Result<Vec<String>, Failure> {
        Ok(lines(&self.settings().await?["cnameRecords"]))
    }

    async fn settings(&self) -> Result<&Value, Failure> {
        self.dns.get_or_try_init(|| async { Ok(self.pihole.fetch("/config/dns").await?["config"]["dns"].take()) }).await
    }

    /// One setting with its default and its flags; none if this release does not know it.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn setting(&self, path: &str) -> Result<Option<Value>, Failure> {
        let all = self
            .detailed
            .get_or_try_init(|| async {
                Ok::<_, Failure>(self.pihole.fetch("/config?detailed=true").await?["config"].take())
            })
            .await?;
        let found = path.split('.').try_fold(all, |tree, name| tree.get(name));
        Ok(found.filter(|leaf| leaf.get("value").is_some() && leaf.get("flags").is_some()).cloned())
    }

    /// All allowed and denied domains.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn domains(&self) -> Result<&[DomainRow], Failure> {
        let rows = self.domains.get_or_try_init(|| rows(&self.pihole, "domains")).await?;
        Ok(rows)
    }

    /// All lists.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn lists(&self) -> Result<&[ListRow], Failure> {
        Ok(self.lists.get_or_try_init(|| rows(&self.pihole, "lists")).await?)
    }

    /// All groups.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn groups(&self) -> Result<&[GroupRow], Failure> {
        Ok(self.groups.get_or_try_init(|| rows(&self.pihole, "groups")).await?)
    }

    /// All clients that are in groups.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn clients(&self) -> Result<&[ClientRow], Failure> {
        Ok(self.clients.get_or_try_init(|| rows(&self.pihole, "clients")).await?)
    }
}

pub(super) fn lines(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// The rows of a listing: `/groups` answers `{"groups": [..]}`.
pub(super) async fn rows<T: DeserializeOwned>(pihole: &Pihole, name: &str) -> Result<Vec<T>, Failure> {
    let mut body = pihole.fetch(&format!("/{}", part(name))).await?;
    serde_json::from_value(body[name].take()).map_err(|e| {
        Failure::new(format!("the {name} of {} are not as expected: {e}", pihole.host()))
            .hint("this program knows Pi-hole 6 (FTL 6.4); `pihole -v` on the Pi shows what it has")
    })
}
