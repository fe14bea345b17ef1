//! [`NfsShare`]: a directory for clients of some networks.
use super::StorageNetwork;
use crate::{
    Nas,
    resource::{
        dataset::{Parent, Within},
        row::{Entry, Fields, Row, ShareOutputs},
    },
};
use homelab_core::{
    AnyHandle, Site, Text,
    units::{HostAddr, Network},
};
use serde::Serialize;
use std::{collections::BTreeSet, net::IpAddr};

/// A share over NFS.
///
/// ```
/// # use homelab_core::{Lab, Site, units::Network};
/// # use homelab_truenas::{Nas, Dataset, NfsShare, Pool, resource::StorageNetwork, topology::NasDisks};
/// # const NAS: Site<Nas> = Site::named("nas");
/// # let mut lab = Lab::named("home");
/// # let bulk = lab.add(Pool::named("bulk").on(NAS).mirror(NAS.disks(["A", "B"])));
/// const STORAGE: StorageNetwork = StorageNetwork::of(Network::new("storage", [10, 10, 10, 0], 24).vlan(10));
/// let media = lab.add(Dataset::of(bulk, "media"));
/// let films = lab.add(NfsShare::of(media).for_network(STORAGE).at(STORAGE.host(13)));
/// films.address(); // "10.10.10.13:/mnt/bulk/media", for a mount or a volume
/// ```
///
/// It starts the service. Its address is an output, so what mounts it waits for it.
pub type NfsShare = Entry<Nfs>;

/// A share that is for nobody yet; it cannot be added to a lab, for TrueNAS would open it to everybody.
///
/// ```compile_fail,E0277
/// # use homelab_core::{Handle, Lab};
/// # use homelab_truenas::{Dataset, NfsShare};
/// # fn declare(lab: &mut Lab, media: Handle<Dataset>) {
/// lab.add(NfsShare::of(media)); // error: `NfsShareOf` cannot be added to a lab
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct NfsShareOf(Within);

/// What an NFS share is.
#[derive(Clone, Debug, Serialize)]
pub struct Nfs {
    path: Text,
    networks: BTreeSet<String>,
    hosts: BTreeSet<String>,
    ro: bool,
    enabled: bool,
    comment: Option<String>,
    maproot_user: Option<String>,
    maproot_group: Option<String>,
    mapall_user: Option<String>,
    mapall_group: Option<String>,
    #[serde(skip)]
    name: String,
    #[serde(skip)]
    at: Option<HostAddr>,
    #[serde(skip)]
    open: Vec<Network>,
    #[serde(skip)]
    within: Within,
}

impl NfsShare {
    /// What lies in this dataset.
    #[must_use]
    pub fn of(dataset: impl Parent) -> NfsShareOf {
        NfsShareOf(dataset.within())
    }
}

impl NfsShareOf {
    fn closed(self) -> Nfs {
        Nfs {
            path: self.0.path.clone(),
            networks: BTreeSet::new(),
            hosts: BTreeSet::new(),
            ro: false,
            enabled: true,
            comment: None,
            maproot_user: None,
            maproot_group: None,
            mapall_user: None,
            mapall_group: None,
            name: "nfs".to_owned(),
            at: None,
            open: vec![],
            within: self.0,
        }
    }
    /// For clients on a network of storage.
    #[must_use]
    pub fn for_network(self, network: StorageNetwork) -> NfsShare {
        Entry(self.closed()).for_network(network)
    }
    /// For clients on any network, also one from which there is a way out: everybody there can reach it.
    #[must_use]
    pub fn open_to(self, network: Network) -> NfsShare {
        Entry(self.closed()).open_to(network)
    }
    /// For some clients and nobody else.
    #[must_use]
    pub fn for_hosts<A: Into<IpAddr>>(self, hosts: impl IntoIterator<Item = A>) -> NfsShare {
        let mut nfs = self.closed();
        nfs.hosts = hosts.into_iter().map(|host| host.into().to_string()).collect();
        Entry(nfs)
    }
}

impl NfsShare {
    /// Also for clients on this network of storage.
    #[must_use]
    pub fn for_network(self, network: StorageNetwork) -> NfsShare {
        self.open_to(network.network())
    }
    /// Also for clients on this network, from which there may be a way out.
    #[must_use]
    pub fn open_to(mut self, network: Network) -> NfsShare {
        self.0.networks.insert(network.to_string());
        self.0.open.push(network);
        self
    }
    /// The address at which clients find it, on one of its networks.
    ///
    /// # Panics
    /// When the address is on none of the networks that it is shared with.
    #[must_use]
    #[track_caller]
    pub fn at(mut self, address: HostAddr) -> NfsShare {
        let reachable = self.0.open.is_empty() || self.0.open.iter().any(|network| network.contains(address.ip()));
        assert!(reachable, "{} is on none of the networks that this share is for", address.ip());
        self.0.at = Some(address);
        self
    }
    /// Called this in the lab, where a dataset has several shares.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> NfsShare {
        self.0.name = name.into();
        self
    }
    /// Nobody can write.
    #[must_use]
    pub fn read_only(mut self) -> NfsShare {
        self.0.ro = true;
        self
    }
    /// Words for people.
    #[must_use]
    pub fn comment(mut self, comment: impl Into<String>) -> NfsShare {
        self.0.comment = Some(comment.into());
        self
    }
    /// The clients' root is this user and group here, and not nobody.
    ///
    /// # Panics
    /// When everybody is mapped already.
    #[must_use]
    #[track_caller]
    pub fn root_is(mut self, user: impl Into<String>, group: impl Into<String>) -> NfsShare {
        assert!(self.0.mapall_user.is_none(), "everybody is mapped already, root too");
        (self.0.maproot_user, self.0.maproot_group) = (Some(user.into()), Some(group.into()));
        self
    }
    /// Every client is this user and group here.
    ///
    /// # Panics
    /// When root is mapped already.
    #[must_use]
    #[track_caller]
    pub fn everybody_is(mut self, user: impl Into<String>, group: impl Into<String>) -> NfsShare {
        assert!(self.0.maproot_user.is_none(), "root is mapped already: a share maps root or everybody");
        (self.0.mapall_user, self.0.mapall_group) = (Some(user.into()), Some(group.into()));
        self
    }
}

impl Row for Nfs {
    const KIND: &'static str = "truenas/nfs";
    const TABLE: &'static str = "sharing.nfs";
    /// The path alone may repeat, for other clients (truenas-notes section 8).
    const KEY: &'static [&'static str] = &["path", "networks", "hosts"];
    const MARK: Option<&'static str> = Some("comment");
    const SERVICE: Option<&'static str> = Some("nfs");
    type Outputs = ShareOutputs;

    fn name(&self) -> &str {
        &self.name
    }
    fn site(&self) -> Site<Nas> {
        self.within.site
    }
    fn lives_in(&self) -> Option<AnyHandle> {
        Some(self.within.handle)
    }
    fn key(&self) -> impl Serialize + Send {
        (&self.path, &self.networks, &self.hosts)
    }
    fn address(&self, row: &Fields) -> Option<String> {
        Some(format!("{}:{}", self.at?.ip(), row.get("path")?.as_str()?))
    }
}
