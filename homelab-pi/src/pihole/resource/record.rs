//! A local name and its addresses: lines of `dns.hosts`. They take effect at once and restart nothing.
use super::{Appliance, BEHIND, Behind, one_at_a_time};
use crate::pihole::{Pihole, client::part, http::Method, reader::lines};
use homelab_core::{Apply, Claim, Failure, Input, Lock, Look, Resource, Site, outputs};
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// A local name. Its address is a value or another resource's output, so that a name follows its guest.
///
/// ```
/// use homelab_core::{Lab, Site};
/// use homelab_pi::pihole::{Appliance, DnsRecord};
/// const PIHOLE: Appliance = Appliance::of(Site::named("pihole"));
/// let mut lab = Lab::named("home");
/// lab.add(DnsRecord::on(PIHOLE, "jellyfin.lan", std::net::IpAddr::from([192, 168, 0, 30])));
/// ```
#[derive(Debug, Serialize)]
pub struct DnsRecord {
    #[serde(skip)]
    key: String,
    #[serde(skip)]
    site: Site<Pihole>,
    /// In lower case.
    #[serde(rename = "name")]
    host: String,
    addresses: Vec<Input<IpAddr>>,
    #[serde(skip_serializing_if = "Behind::is_nothing")]
    behind: Behind,
}

impl DnsRecord {
    /// `name` has this address.
    ///
    /// # Panics
    /// When it is no host name; Pi-hole itself takes `-bad-.lan`, and comments.
    #[must_use]
    #[track_caller]
    pub fn on(pihole: impl Into<Appliance>, name: &str, address: impl Into<Input<IpAddr>>) -> DnsRecord {
        let (on, host) = (pihole.into(), host_name(name));
        DnsRecord {
            key: on.name(&host),
            site: on.site(),
            host,
            addresses: vec![address.into()],
            behind: Behind::of(on),
        }
    }

    /// It has this address too: one of IPv6 beside that of IPv4.
    #[must_use]
    pub fn also(mut self, address: impl Into<Input<IpAddr>>) -> DnsRecord {
        self.addresses.push(address.into());
        self
    }
}

/// The name as DNS knows it.
#[track_caller]
pub(super) fn host_name(name: &str) -> String {
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    let label = |label: &str| {
        let inner = label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        inner && (1..=63).contains(&label.len()) && !label.starts_with('-') && !label.ends_with('-')
    };
    assert!(
        name.len() <= 253 && name.split('.').all(label),
        "`{name}` is no host name: labels of letters, digits and `-`, separated by dots"
    );
    name
}

/// A local name as it was seen.
#[derive(Debug, Serialize)]
pub struct DnsRecordState {
    /// The name.
    pub name: String,
    /// Its addresses.
    pub addresses: Vec<IpAddr>,
}
outputs!(
    /// What a local name is known by.
    DnsRecordOutputs of DnsRecordState {
        /// The name, for others to point at.
        name: String,
    }
);

/// How a name is found again.
#[derive(Debug, Serialize, Deserialize)]
pub struct RecordId {
    name: String,
}

/// One line: an address, and names.
fn parse(line: &str) -> Option<(IpAddr, Vec<&str>)> {
    let line = line.split('#').next().unwrap_or_default();
    let mut words = line.split_whitespace();
    Some((words.next()?.parse().ok()?, words.collect()))
}

fn addresses_of(hosts: &[String], name: &str) -> Vec<IpAddr> {
    let lines = hosts.iter().filter_map(|line| parse(line));
    lines.filter(|(_, names)| names.iter().any(|n| n.eq_ignore_ascii_case(name))).map(|(ip, _)| ip).collect()
}

fn state(name: &str, hosts: &[String]) -> Option<DnsRecordState> {
    let addresses = addresses_of(hosts, name);
    (!addresses.is_empty()).then(|| DnsRecordState { name: name.to_owned(), addresses })
}

impl Resource for DnsRecord {
    const KIND: &'static str = "pi/dns-record";
    const WRITE_ONLY: &'static [&'static str] = BEHIND;
    type Provider = Pihole;
    type State = DnsRecordState;
    type Id = RecordId;
    type Outputs = DnsRecordOutputs;

    fn name(&self) -> &str {
        &self.key
    }
    fn site(&self) -> Site<Pihole> {
        self.site
    }
    fn claims(&self) -> Vec<Claim> {
        vec![Claim::new("name", &self.host).within(self.site.name())]
    }
    fn locks(&self) -> Vec<Lock> {
        one_at_a_time(self.site)
    }

    async fn read(&self, cx: &Look<'_, Pihole>) -> Result<Option<DnsRecordState>, Failure> {
        if !self.behind.is_open(cx) {
            return Ok(None);
        }
        let Some(mut state) = state(&self.host, &cx.hosts().await?) else { return Ok(None) };
        // The order of addresses means nothing: those that are declared come in the order of the code.
        let declared: Vec<Option<IpAddr>> = self.addresses.iter().map(|address| cx.get(address)).collect();
        state.addresses.sort_by_key(|ip| declared.iter().position(|d| *d == Some(*ip)).unwrap_or(usize::MAX));
        Ok(Some(state))
    }

    async fn find(id: &RecordId, cx: &Look<'_, Pihole>) -> Result<Option<DnsRecordState>, Failure> {
        Ok(state(&id.name, &cx.hosts().await?))
    }

    fn id(state: &DnsRecordState) -> RecordId {
        RecordId { name: state.name.clone() }
    }
    fn planned_id(&self) -> Option<RecordId> {
        Some(RecordId { name: self.host.clone() })
    }

    async fn apply(&self, _: Option<&DnsRecordState>, cx: &Apply<'_, Pihole>) -> Result<(), Failure> {
        let wanted: Vec<IpAddr> = self.addresses.iter().map(|address| cx.get(address)).collect::<Result<_, _>>()?;
        change(cx, &self.host, &wanted).await
    }

    async fn delete(state: &DnsRecordState, cx: &Apply<'_, Pihole>) -> Result<(), Failure> {
        change(cx, &state.name, &[]).await
    }
}

/// Makes the name have these addresses and no others. What is new is put there first, so that it is never without an answer, and
/// each line is put or taken by itself: what others change meanwhile stays.
async fn change(cx: &Apply<'_, Pihole>, name: &str, wanted: &[IpAddr]) -> Result<(), Failure> {
    let _held = cx.writing().await;
    let hosts = lines(&cx.fetch("/config/dns/hosts").await?["config"]["dns"]["hosts"]);
    let there = addresses_of(&hosts, name);
    for ip in wanted.iter().filter(|ip| !there.contains(ip)) {
        cx.write(cx.permit(), Method::Put, &item(&format!("{ip} {name}")), None).await?;
    }
    for line in &hosts {
        let Some((ip, names)) = parse(line) else { continue };
        let has = names.iter().any(|n| n.eq_ignore_ascii_case(name));
        if !has || wanted.contains(&ip) {
            continue;
        }
        // A person's line may have more names: those stay.
        let others: Vec<&str> = names.into_iter().filter(|n| !n.eq_ignore_ascii_case(name)).collect();
        if !others.is_empty() {
            cx.write(cx.permit(), Method::Put, &item(&format!("{ip} {}", others.join(" "))), None).await?;
        }
        cx.write(cx.permit(), Method::Delete, &item(line), None).await?;
    }
    Ok(())
}

fn item(line: &str) -> String {
    format!("/config/dns/hosts/{}", part(line))
}
