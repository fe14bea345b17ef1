//! `/cluster`: everything there is, in one listing, and the cluster's own state.
use super::{lenient::scalar, tags::Tags};
use crate::{
    client::{Reader, call::Call},
    error::{Cause, Error, Result},
};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::{collections::BTreeMap, sync::Arc};

/// The kind of a guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum GuestKind {
    /// A virtual machine.
    Qemu,
    /// A container.
    Lxc,
}

/// One guest in the listing. Right after its creation nearly all may be missing (pve-notes section 14).
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Guest {
    /// Its number.
    #[serde(deserialize_with = "scalar")]
    pub vmid: u32,
    /// The node that it is on.
    #[serde(deserialize_with = "scalar")]
    pub node: String,
    /// What it is.
    #[serde(rename = "type")]
    pub kind: GuestKind,
    /// Its name, which a guest just made may not have yet.
    #[serde(default, deserialize_with = "scalar")]
    pub name: Option<String>,
    /// `running`, `stopped`, or `unknown` if its node does not tell. A paused guest is `running`.
    #[serde(default, deserialize_with = "scalar")]
    pub status: Option<String>,
    /// Whether it is a template.
    #[serde(default, deserialize_with = "scalar")]
    pub template: Option<bool>,
    /// What holds its configuration.
    #[serde(default, deserialize_with = "scalar")]
    pub lock: Option<String>,
    /// Its tags.
    #[serde(default)]
    pub tags: Option<Tags>,
    /// Its pool.
    #[serde(default, deserialize_with = "scalar")]
    pub pool: Option<String>,
    /// Memory in bytes.
    #[serde(default, deserialize_with = "scalar")]
    pub maxmem: Option<u64>,
    /// The size of its first disk in bytes.
    #[serde(default, deserialize_with = "scalar")]
    pub maxdisk: Option<u64>,
    /// Processors.
    #[serde(default, deserialize_with = "scalar")]
    pub maxcpu: Option<f64>,
    /// Seconds since its start.
    #[serde(default, deserialize_with = "scalar")]
    pub uptime: Option<u64>,
    /// What else the listing says.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

impl Guest {
    /// Whether it runs.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.status.as_deref() == Some("running")
    }
}

/// All that the credential may see of the cluster.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Resources {
    guests: BTreeMap<u32, Guest>,
    others: Vec<Map<String, Value>>,
}

impl Resources {
    /// All guests by number.
    pub fn guests(&self) -> impl Iterator<Item = &Guest> {
        self.guests.values()
    }

    /// The guest with this number. Whether a guest exists is decided here, never from a status code (pve-notes
    /// section 5); a guest that the credential may not see is not here either.
    #[must_use]
    pub fn guest(&self, vmid: u32) -> Option<&Guest> {
        self.guests.get(&vmid)
    }

    /// The names of the nodes, with `online` or not.
    pub fn nodes(&self) -> impl Iterator<Item = (&str, bool)> {
        let text = |row: &'_ Map<String, Value>, key: &str| row.get(key).and_then(Value::as_str).map(str::to_owned);
        let nodes = self.others.iter().filter(|row| row.get("type").is_some_and(|kind| kind == "node"));
        nodes
            .filter_map(move |row| Some((row.get("node")?.as_str()?, text(row, "status").as_deref() == Some("online"))))
    }

    /// Everything that is no guest, as it came: nodes, storages, networks.
    pub fn others(&self) -> impl Iterator<Item = &Map<String, Value>> {
        self.others.iter()
    }
}

impl<'de> Deserialize<'de> for Resources {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let mut resources = Resources::default();
        for row in Vec::<Map<String, Value>>::deserialize(from)? {
            if row.get("type").is_some_and(|kind| kind == "qemu" || kind == "lxc") {
                let guest = serde_json::from_value::<Guest>(row.into()).map_err(serde::de::Error::custom)?;
                resources.guests.insert(guest.vmid, guest);
            } else {
                resources.others.push(row);
            }
        }
        Ok(resources)
    }
}

/// The cluster's own state.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ClusterState {
    /// The cluster's name; a single node has none.
    pub name: Option<String>,
    /// Whether it may write. A single node always may.
    pub quorate: bool,
    /// Its nodes.
    pub members: Vec<ClusterMember>,
}

/// A node of the cluster.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct ClusterMember {
    /// Its name.
    #[serde(deserialize_with = "scalar")]
    pub name: String,
    /// Its address.
    #[serde(default, deserialize_with = "scalar")]
    pub ip: Option<String>,
    /// Whether it is up.
    #[serde(default, deserialize_with = "scalar")]
    pub online: bool,
    /// Whether it is the node that answered.
    #[serde(default, deserialize_with = "scalar")]
    pub local: bool,
}

impl<'de> Deserialize<'de> for ClusterState {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(tag = "type", rename_all = "lowercase")]
        enum Row {
            Cluster {
                #[serde(deserialize_with = "scalar")]
                name: String,
                #[serde(default, deserialize_with = "scalar")]
                quorate: bool,
            },
            Node(ClusterMember),
        }
        let mut state = ClusterState { quorate: true, ..ClusterState::default() };
        for row in Vec::<Row>::deserialize(from)? {
            match row {
                Row::Cluster { name, quorate } => (state.name, state.quorate) = (Some(name), quorate),
                Row::Node(member) => state.members.push(member),
            }
        }
        Ok(state)
    }
}

impl Reader {
    /// Everything there is, in one call.
    ///
    /// # Errors
    /// If it cannot be read.
    pub async fn resources(&self) -> Result<Arc<Resources>> {
        self.once(Call::get("list", "the cluster's resources", "/cluster/resources")).await
    }

    /// Whether it has a node of this name: one that stands alone as yet is not one of it.
    ///
    /// # Errors
    /// If the listing cannot be read.
    pub async fn has_node(&self, name: &str) -> Result<bool> {
        Ok(self.resources().await?.nodes().any(|(node, _)| node == name))
    }

    /// The guest with this number, wherever it is, or nothing.
    ///
    /// # Errors
    /// If the listing cannot be read.
    pub async fn guest(&self, vmid: u32) -> Result<Option<Guest>> {
        Ok(self.resources().await?.guest(vmid).cloned())
    }

    /// The cluster's own state: its nodes and whether it has quorum.
    ///
    /// # Errors
    /// If it cannot be read.
    pub async fn cluster(&self) -> Result<Arc<ClusterState>> {
        self.once(Call::get("read", "the cluster's state", "/cluster/status")).await
    }

    /// The lowest free number of the datacenter's range. It is not reserved: see [`Pve::reserve_id`].
    ///
    /// [`Pve::reserve_id`]: crate::client::Pve::reserve_id
    ///
    /// # Errors
    /// If it cannot be read.
    pub async fn next_id(&self) -> Result<u32> {
        let call = Call::get("find", "a free number for a guest", "/cluster/nextid");
        let data = self.core.call(&call).await?.data;
        scalar(data).map_err(|error: serde_json::Error| {
            Error::new(call.operation, call.object, Cause::Answer(error.to_string()), 1)
        })
    }
}
