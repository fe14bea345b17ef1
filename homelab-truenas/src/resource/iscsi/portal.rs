//! [`Portal`]: the addresses at which targets are offered.
use crate::{
    Nas,
    resource::{
        Fields,
        row::{Entry, Row, RowOutputs, at_site},
        share::StorageNetwork,
    },
};
use homelab_core::{Site, units::HostAddr};
use serde::Serialize;
use serde_json::Value;

/// The addresses at which targets are offered: of networks for storage alone.
pub type Portal = Entry<PortalRow>;

/// A portal without a NAS.
#[derive(Clone, Debug)]
pub struct PortalOf(String);

/// What a portal is.
#[derive(Clone, Debug, Serialize)]
pub struct PortalRow {
    listen: Vec<Listen>,
    comment: Option<String>,
    #[serde(skip)]
    name: String,
    #[serde(skip)]
    site: Site<Nas>,
}

#[derive(Clone, Debug, Serialize)]
struct Listen {
    ip: String,
}

impl Portal {
    /// The portal of this name in the lab.
    #[must_use]
    pub fn named(name: impl Into<String>) -> PortalOf {
        PortalOf(name.into())
    }
}

impl PortalOf {
    /// On this NAS, at its address in a network of storage.
    ///
    /// # Panics
    /// When the address is not of that network.
    #[must_use]
    #[track_caller]
    pub fn on(self, site: Site<Nas>, network: StorageNetwork, address: HostAddr) -> Portal {
        assert!(network.network().contains(address.ip()), "{} is not in {}", address.ip(), network.network());
        let listen = vec![Listen { ip: address.ip().to_string() }];
        Entry(PortalRow { listen, comment: None, name: at_site(site, self.0), site })
    }
}

impl Row for PortalRow {
    const KIND: &'static str = "truenas/portal";
    const TABLE: &'static str = "iscsi.portal";
    const KEY: &'static [&'static str] = &["listen"];
    const MARK: Option<&'static str> = Some("comment");
    const SERVICE: Option<&'static str> = Some("iscsitarget");
    type Outputs = RowOutputs;

    fn name(&self) -> &str {
        &self.name
    }
    fn site(&self) -> Site<Nas> {
        self.site
    }
    fn key(&self) -> impl Serialize + Send {
        (&self.listen,)
    }
    /// Answers carry the port, which is one for the whole NAS.
    fn observed(mut row: Fields) -> Fields {
        let listen = row.get_mut("listen").and_then(Value::as_array_mut);
        listen.into_iter().flatten().filter_map(Value::as_object_mut).for_each(|at| at.retain(|key, _| key == "ip"));
        row
    }
}
