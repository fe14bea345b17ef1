//! All that exists of a simulated Pi-hole, as data.
use super::{schema, upstream::Upstream};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;

/// A group.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Group {
    /// Its number.
    pub id: u32,
    /// Its name.
    pub name: String,
    /// What is written beside it.
    pub comment: Option<String>,
    /// Whether its rules count.
    pub enabled: bool,
}

/// An allowed or denied domain.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Domain {
    /// Its number.
    pub id: u32,
    /// The domain or the expression.
    pub domain: String,
    /// `allow` or `deny`.
    pub kind: String,
    /// `exact` or `regex`.
    pub form: String,
    /// What is written beside it.
    pub comment: Option<String>,
    /// The numbers of its groups.
    pub groups: Vec<u32>,
    /// Whether it counts.
    pub enabled: bool,
    /// When it was made and changed, in seconds since 1970.
    pub dates: (u64, u64),
}

/// A list of domains.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct List {
    /// Its number.
    pub id: u32,
    /// Where it comes from.
    pub address: String,
    /// `block` or `allow`.
    pub kind: String,
    /// What is written beside it.
    pub comment: Option<String>,
    /// The numbers of its groups.
    pub groups: Vec<u32>,
    /// Whether it counts.
    pub enabled: bool,
    /// When it was made and changed, in seconds since 1970.
    pub dates: (u64, u64),
    /// When it was loaded, in seconds since 1970; 0 for never.
    pub updated: u64,
    /// How loading it ended: 0 not yet, 1 loaded, 2 unchanged, 3 from the copy of before, 4 not to be had.
    pub status: u8,
    /// Its domains, as they were loaded.
    pub domains: Vec<String>,
}

/// A client that is in groups.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Client {
    /// Its number.
    pub id: u32,
    /// An address, a network, a MAC or a name.
    pub client: String,
    /// What is written beside it.
    pub comment: Option<String>,
    /// The numbers of its groups.
    pub groups: Vec<u32>,
    /// When it was made and changed, in seconds since 1970.
    pub dates: (u64, u64),
}

/// All that exists.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct World {
    /// The settings.
    pub config: Value,
    /// Settings that the environment forces, by their path.
    pub forced: Vec<String>,
    /// SHA-256 of the password; nothing when there is none.
    pub password: Option<String>,
    /// SHA-256 of the app password.
    pub app_password: Option<String>,
    /// Groups.
    pub groups: Vec<Group>,
    /// Domains.
    pub domains: Vec<Domain>,
    /// Lists.
    pub lists: Vec<List>,
    /// Clients.
    pub clients: Vec<Client>,
    /// The next number.
    pub next_id: u32,
    /// When blocking is switched, in seconds since 1970, and to what.
    pub timer: Option<(f64, bool)>,
    /// What is beyond: names and their answers.
    pub upstream: Upstream,
    /// What the lists on the web hold, by address.
    pub web: BTreeMap<String, Vec<String>>,
}

/// What Pi-hole does with a password is hash it; here it is only compared.
pub(super) fn digest(password: &str) -> String {
    data_encoding::HEXLOWER.encode(&Sha256::digest(password))
}

impl Default for World {
    fn default() -> Self {
        World {
            config: schema::defaults(),
            forced: vec![],
            password: None,
            app_password: None,
            groups: vec![Group {
                id: 0,
                name: "Default".into(),
                comment: Some("The default group".into()),
                enabled: true,
            }],
            domains: vec![],
            lists: vec![],
            clients: vec![],
            next_id: 1,
            timer: None,
            upstream: Upstream::default(),
            web: BTreeMap::new(),
        }
    }
}

impl World {
    /// A Pi-hole as it is after its installation, without a password.
    #[must_use]
    pub fn new() -> World {
        World::default()
    }

    /// With this password.
    #[must_use]
    pub fn password(mut self, password: &str) -> World {
        self.password = Some(digest(password));
        self
    }

    /// With this value of a setting.
    ///
    /// # Panics
    /// When there is no such setting.
    #[must_use]
    pub fn set(mut self, path: &str, value: impl Into<Value>) -> World {
        let at = schema::at_mut(&mut self.config, path).unwrap_or_else(|| panic!("there is no setting {path}"));
        *at = value.into();
        self
    }

    /// With a value that the environment forces.
    ///
    /// # Panics
    /// When there is no such setting.
    #[must_use]
    pub fn force(mut self, path: &str, value: impl Into<Value>) -> World {
        self.forced.push(path.to_owned());
        self.set(path, value)
    }

    /// With what is beyond it.
    #[must_use]
    pub fn upstream(mut self, upstream: Upstream) -> World {
        self.upstream = upstream;
        self
    }

    /// With a list on the web that holds these domains. Other addresses cannot be had.
    #[must_use]
    pub fn web(mut self, address: &str, domains: &[&str]) -> World {
        self.web.insert(address.to_owned(), domains.iter().map(ToString::to_string).collect());
        self
    }

    /// The setting at a path.
    #[must_use]
    pub fn setting(&self, path: &str) -> &Value {
        path.split('.').fold(&self.config, |tree, name| &tree[name])
    }

    /// The setting at a path, as lines.
    #[must_use]
    pub fn lines(&self, path: &str) -> Vec<&str> {
        self.setting(path).as_array().into_iter().flatten().filter_map(Value::as_str).collect()
    }

    pub(super) fn new_id(&mut self) -> u32 {
        self.next_id += 1;
        self.next_id - 1
    }
}
