//! A pool as it is observed.
use super::shelf::Shelf;
use crate::{
    NasReader,
    resource::dataset::{datasets, users},
    topology::{DiskName, Layout, Role, Vdev},
};
use homelab_core::{Failure, Owner, outputs, units::Size};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// A pool.
#[derive(Clone, Debug, Serialize)]
pub struct PoolState {
    /// Its name.
    pub name: String,
    /// Where it is mounted: `/mnt/bulk`.
    pub path: String,
    /// Its number in the NAS's configuration: another one after each import.
    pub id: u64,
    /// ZFS's own number of it, the same for ever.
    pub guid: String,
    /// `ONLINE`, `DEGRADED`, `OFFLINE` ...
    pub status: String,
    /// Its vdevs, called as they were declared.
    pub vdevs: BTreeMap<String, VdevState>,
    pub(super) count: BTreeMap<Role, usize>,
    pub(super) encryption: Option<BTreeMap<&'static str, String>>,
    pub(super) unlocked: bool,
    pub(super) autotrim: bool,
    pub(super) marked: bool,
    /// How many bytes can still be written to it.
    pub available: u64,
    #[serde(skip)]
    pub(super) used_by: Vec<String>,
    #[serde(skip)]
    pub(super) allocated: Size,
    #[serde(skip)]
    pub(super) datasets: Vec<String>,
    #[serde(skip)]
    pub(super) owner: Owner,
}

outputs!(
    /// What a pool is known by.
    PoolOutputs of PoolState {
        /// Its name.
        name: String,
        /// Where it is mounted: `/mnt/bulk`.
        path: String,
        /// Its number in the NAS's configuration.
        id: u64,
        /// ZFS's own number of it.
        guid: String,
        /// How many bytes can still be written to it.
        available: u64,
    }
);

/// A vdev as it is observed.
#[derive(Clone, Debug, Serialize)]
pub struct VdevState {
    /// How its disks hold data.
    pub layout: Layout,
    /// Its disks.
    pub disks: BTreeSet<DiskName>,
    #[serde(skip)]
    pub(super) role: Role,
    /// ZFS's number of it.
    #[serde(skip)]
    pub(super) guid: String,
    /// ZFS's number of each disk in it.
    #[serde(skip)]
    pub(super) leaves: BTreeMap<DiskName, String>,
}

/// What a pool is found by when its code is gone.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PoolId {
    pub(super) name: String,
    #[serde(default)]
    pub(super) guid: Option<String>,
}

/// A row of `pool.query`.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Listed {
    pub(crate) id: u64,
    pub(crate) name: String,
    pub(crate) guid: String,
    pub(crate) status: String,
    #[serde(default)]
    pub(crate) allocated: Option<u64>,
    #[serde(default)]
    autotrim: Value,
    #[serde(default)]
    topology: Option<BTreeMap<String, Vec<VdevNode>>>,
}

/// A vdev of the answer, which holds others.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct VdevNode {
    name: String,
    #[serde(rename = "type")]
    kind: String,
    guid: String,
    children: Vec<VdevNode>,
    disk: Option<String>,
    unavail_disk: Option<Value>,
}

impl VdevNode {
    /// The disks in it: one that is being replaced or stood in for counts as its newest.
    fn leaves<'a>(&'a self, out: &mut Vec<&'a VdevNode>) {
        match self.kind.as_str() {
            "DISK" => out.push(self),
            "REPLACING" | "SPARE" => {
                let newest = self.children.iter().rev().find(|child| child.disk.is_some()).or(self.children.last());
                if let Some(child) = newest {
                    child.leaves(out);
                }
            }
            _ => self.children.iter().for_each(|child| child.leaves(out)),
        }
    }

    /// What the disk is called. One that is gone is remembered by its serial number.
    fn called(&self, shelf: &Shelf, declared: &[&DiskName]) -> DiskName {
        match (&self.disk, &self.unavail_disk) {
            (Some(kernel), _) => shelf.called(kernel, declared),
            (None, Some(gone)) => {
                let serial = gone.get("serial").and_then(Value::as_str).unwrap_or(&self.guid);
                DiskName::Serial(serial.to_owned())
            }
            (None, None) => DiskName::Serial(format!("{} (gone)", self.guid)),
        }
    }
}

/// All pools, one question a look. `None` while there is no NAS.
pub(crate) async fn pools(nas: &NasReader) -> Result<Option<Arc<Vec<Listed>>>, Failure> {
    Ok(nas.query::<Listed>("pool.query").await?)
}

impl PoolState {
    /// The pool with its vdevs called as `declared` calls those that share the most disks with them.
    pub(super) async fn of(
        row: &Listed,
        nas: &NasReader,
        declared: &BTreeMap<String, Vdev>,
    ) -> Result<PoolState, Failure> {
        let shelf = Shelf::read(nas).await?.unwrap_or_default();
        let all = datasets(nas).await?;
        let all = all.as_deref().map(Vec::as_slice).unwrap_or_default();
        let root = all.iter().find(|dataset| dataset.id == row.name);
        let below = format!("{}/", row.name);
        let names: Vec<&DiskName> = declared.values().flat_map(|vdev| &vdev.disks).collect();
        let rows = row.rows(&shelf, &names);
        let mut count: BTreeMap<Role, usize> = Role::ALL.into_iter().map(|role| (role, 0)).collect();
        rows.iter().for_each(|vdev| *count.entry(vdev.role).or_default() += 1);
        Ok(PoolState {
            path: format!("/mnt/{}", row.name),
            name: row.name.clone(),
            id: row.id,
            guid: row.guid.clone(),
            status: row.status.clone(),
            vdevs: called(rows, declared),
            count,
            encryption: root.and_then(|root| root.encryption()),
            unlocked: root.is_some_and(|root| !root.locked),
            autotrim: is_on(&row.autotrim),
            marked: matches!(root.map(|root| root.owner()), Some(Owner::Marked(_))),
            available: root.and_then(|root| root.size("available")).unwrap_or_default().as_bytes(),
            used_by: users::of(&row.name, nas).await?,
            allocated: Size::bytes(row.allocated.unwrap_or_default()),
            datasets: all.iter().filter(|d| d.id.starts_with(&below)).map(|d| d.id.clone()).collect(),
            // Until the root dataset is marked, which takes a second call, the ledger and the journal are the witnesses.
            owner: match root.map(|root| root.owner()) {
                Some(Owner::Marked(mark)) => Owner::Marked(mark),
                _ => Owner::Unmarkable,
            },
        })
    }

    /// What would be lost with it.
    pub(super) fn lost(&self) -> Vec<String> {
        let what = format!("pool {}: {}", self.name, crate::topology::capacity::about(self.allocated));
        [what].into_iter().chain(self.datasets.iter().map(|name| format!("dataset {name}"))).collect()
    }
}

fn is_on(autotrim: &Value) -> bool {
    let word = autotrim.get("rawvalue").or_else(|| autotrim.get("value")).unwrap_or(autotrim);
    word.as_str().is_some_and(|word| word.eq_ignore_ascii_case("on"))
}

impl Listed {
    /// Its vdevs. Disks that stand alone in a role make one row without redundancy, as they are declared.
    fn rows(&self, shelf: &Shelf, declared: &[&DiskName]) -> Vec<VdevState> {
        let mut rows: Vec<VdevState> = vec![];
        for role in Role::ALL {
            let nodes = self.topology.iter().filter_map(|topology| topology.get(role.word())).flatten();
            for node in nodes {
                let mut leaves = vec![];
                node.leaves(&mut leaves);
                let leaves: BTreeMap<DiskName, String> =
                    leaves.into_iter().map(|leaf| (leaf.called(shelf, declared), leaf.guid.clone())).collect();
                // The shape of dRAID is in the name alone.
                let layout = node.name.parse().or_else(|_| node.kind.parse()).unwrap_or(Layout::Stripe);
                let layout = if node.children.is_empty() { Layout::Stripe } else { layout };
                let alone = rows.iter_mut().find(|row| row.role == role && row.layout == Layout::Stripe);
                match alone.filter(|_| layout == Layout::Stripe) {
                    Some(row) => {
                        row.disks.extend(leaves.keys().cloned());
                        row.leaves.extend(leaves);
                    }
                    None => rows.push(VdevState {
                        layout,
                        role,
                        guid: node.guid.clone(),
                        disks: leaves.keys().cloned().collect(),
                        leaves,
                    }),
                }
            }
        }
        rows
    }
}

/// The vdevs by the names of those that are declared and share the most disks with them; others get the next free names.
fn called(mut rows: Vec<VdevState>, declared: &BTreeMap<String, Vdev>) -> BTreeMap<String, VdevState> {
    let mut named = BTreeMap::new();
    for (key, vdev) in declared {
        let shared = |row: &VdevState| row.disks.intersection(&vdev.disks).count();
        let best = rows.iter().enumerate().filter(|(_, row)| row.role == vdev.role).max_by_key(|(_, row)| shared(row));
        let best = best.filter(|(_, row)| shared(row) > 0).map(|(at, _)| at);
        if let Some(at) = best {
            named.insert(key.clone(), rows.remove(at));
        }
    }
    for row in rows {
        let many = row.role.holds_the_pool();
        let mut names = (1..).map(|n| if many || n > 1 { format!("{}{n}", row.role) } else { row.role.to_string() });
        let free = names.find(|name| !(named.contains_key(name) || declared.contains_key(name) && many));
        named.insert(free.unwrap_or_default(), row);
    }
    named
}
