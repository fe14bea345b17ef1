//! [`SshKey`] and [`SshConnection`]: how one NAS logs in at another machine.
use super::{
    Fields,
    row::{Entry, Row, RowOutputs, RowState, at_site},
};
use crate::Nas;
use homelab_core::{Apply, Failure, Handle, Input, Output, Site, outputs, plan, units::HostAddr};
use serde::Serialize;
use serde_json::Value;

/// A pair of SSH keys that the NAS makes and keeps. The private half never leaves it.
pub type SshKey = Entry<KeyPair>;

/// A pair of keys without a NAS.
#[derive(Clone, Debug)]
pub struct SshKeyOf(String);

/// What a pair of keys is.
#[derive(Clone, Debug, Serialize)]
pub struct KeyPair {
    #[serde(rename = "name")]
    credential: String,
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip)]
    name: String,
    #[serde(skip)]
    site: Site<Nas>,
}

outputs!(
    /// What a pair of keys is known by.
    SshKeyOutputs of RowState {
        /// Its number in the table.
        id: u64,
        /// The half that the other machine is given: `ssh-rsa AAAA...`.
        public_key: String,
    }
);

impl SshKey {
    /// The pair of this name.
    #[must_use]
    pub fn named(name: impl Into<String>) -> SshKeyOf {
        SshKeyOf(name.into())
    }
}

impl SshKeyOf {
    /// On the NAS that logs in with it.
    #[must_use]
    pub fn on(self, site: Site<Nas>) -> SshKey {
        Entry(KeyPair { name: at_site(site, &self.0), credential: self.0, kind: "SSH_KEY_PAIR", site })
    }
}

fn is_type(row: &Fields, kind: &str) -> bool {
    row.get("type").and_then(Value::as_str) == Some(kind)
}

impl Row for KeyPair {
    const KIND: &'static str = "truenas/ssh-key";
    const TABLE: &'static str = "keychaincredential";
    const KEY: &'static [&'static str] = &["name"];
    const HIDDEN: &'static [&'static str] = &["attributes"];
    type Outputs = SshKeyOutputs;

    fn name(&self) -> &str {
        &self.name
    }
    fn site(&self) -> Site<Nas> {
        self.site
    }
    fn key(&self) -> impl Serialize + Send {
        (&self.credential,)
    }
    fn is_kind(row: &Fields) -> bool {
        is_type(row, "SSH_KEY_PAIR")
    }
    async fn create_only(&self, cx: &Apply<'_, Nas>) -> Result<Fields, Failure> {
        let pair = cx.write(cx.permit(), "keychaincredential.generate_ssh_key_pair", vec![]).await?;
        Ok(Fields::from_iter([("attributes".to_owned(), pair)]))
    }
}

/// How this NAS logs in at another machine. The address decides which network replication takes (truenas-notes section 9).
///
/// The other machine's host key is pinned: of a NAS it is an output of its [`Service::ssh`](super::Service::ssh).
pub type SshConnection = Entry<Connection>;

/// A connection that lacks its far end.
#[derive(Clone, Debug)]
pub struct SshConnectionOf(String);

/// What a connection is.
#[derive(Clone, Debug, Serialize)]
pub struct Connection {
    #[serde(rename = "name")]
    credential: String,
    #[serde(rename = "type")]
    kind: &'static str,
    attributes: Attributes,
    #[serde(skip)]
    name: String,
    #[serde(skip)]
    site: Site<Nas>,
}

#[derive(Clone, Debug, Serialize)]
struct Attributes {
    host: String,
    port: u16,
    username: String,
    private_key: Output<u64>,
    remote_host_key: Input<String>,
    connect_timeout: u32,
}

impl SshConnection {
    /// The connection of this name.
    #[must_use]
    pub fn named(name: impl Into<String>) -> SshConnectionOf {
        SshConnectionOf(name.into())
    }
    /// At another port than 22.
    #[must_use]
    pub fn port(mut self, port: u16) -> SshConnection {
        self.0.attributes.port = port;
        self
    }
}

impl SshConnectionOf {
    /// From the NAS that holds this key, as `user` at `address`, which proves itself by `host_key`.
    #[must_use]
    pub fn from(
        self,
        key: Handle<SshKey>,
        user: impl Into<String>,
        address: HostAddr,
        host_key: impl Into<Input<String>>,
    ) -> SshConnection {
        let site = key.site();
        Entry(Connection {
            name: at_site(site, &self.0),
            credential: self.0,
            kind: "SSH_CREDENTIALS",
            attributes: Attributes {
                host: address.ip().to_string(),
                port: 22,
                username: user.into(),
                private_key: key.id(),
                remote_host_key: host_key.into(),
                connect_timeout: 10,
            },
            site,
        })
    }
}

impl Row for Connection {
    const KIND: &'static str = "truenas/ssh-connection";
    const TABLE: &'static str = "keychaincredential";
    const KEY: &'static [&'static str] = &["name"];
    type Outputs = RowOutputs;

    fn name(&self) -> &str {
        &self.name
    }
    fn site(&self) -> Site<Nas> {
        self.site
    }
    fn key(&self) -> impl Serialize + Send {
        (&self.credential,)
    }
    fn is_kind(row: &Fields) -> bool {
        is_type(row, "SSH_CREDENTIALS")
    }
    /// An update has to carry all attributes, and must not carry the type (truenas-notes section 9).
    fn body(&self, mut spec: Fields, now: Option<&RowState>) -> Fields {
        if now.is_some() {
            spec.remove("type");
        }
        spec
    }
    fn review(&self, _: Option<&RowState>, _: plan::Action, changes: &[plan::Change]) -> Vec<plan::Note> {
        let host_key = changes
            .iter()
            .filter(|change| change.field == "attributes.remote_host_key" && change.from != homelab_core::Tree::Null);
        host_key
            .map(|_| {
                plan::Note::info("the other machine proves itself by another key than before: was it installed anew?")
            })
            .collect()
    }
}
