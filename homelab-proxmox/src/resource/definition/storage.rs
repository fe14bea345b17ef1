//! [`Storage`]: where a cluster keeps disks and files.
use super::{NameId, Place, Row, checked, row, text, words};
use crate::{Pve, client::Params};
use homelab_core::{
    Apply, Claim, Failure, Field, Input, Lock, Look, Resource, Secret, Site, outputs,
    plan::{Action, Change, Note},
};
use serde::Serialize;
use std::{collections::BTreeMap, net::IpAddr};

const LIST: &str = "/storage";
const WHAT: &str = "storage";
/// What says where a storage is: it cannot be changed, only defined anew.
const PLACE: [&str; 8] = ["path", "export", "share", "vgname", "thinpool", "pool", "datastore", "namespace"];

/// A storage as the cluster defines it. The definition alone: what is on it stays when it goes.
///
/// ```
/// # use homelab_core::{Lab, Site, units::Network};
/// # use homelab_proxmox::{Node, Pve, resource::Storage};
/// # const PVE: Site<Pve> = Site::named("pve");
/// # const DIN: Node = Node::of(PVE, "din");
/// # const STORAGE: Network = Network::new("storage", [10, 10, 10, 0], 24);
/// # let mut lab = Lab::named("home");
/// lab.add(Storage::nfs(PVE, "nas", STORAGE.host(13).ip(), "/mnt/bulk/proxmox").content(["backup", "iso", "vztmpl"]));
/// lab.add(Storage::zfs(PVE, "tank", "tank/guests").content(["images", "rootdir"]).on([DIN]));
/// ```
///
/// - It bears no mark: the ledger alone knows that it is ours, so one that is there is taken over with `--adopt`.
/// - Needs `Datastore.Allocate` on `/storage`.
/// - Guests name storages by text, and come after those that the lab makes.
/// - It is not removed while it holds disks of guests.
#[derive(Clone, Debug, Serialize)]
pub struct Storage {
    name: String,
    #[serde(skip)]
    site: Site<Pve>,
    kind: &'static str,
    place: BTreeMap<&'static str, String>,
    server: Option<Input<IpAddr>>,
    username: Option<String>,
    password: Option<Secret>,
    fingerprint: Option<String>,
    content: Option<Vec<String>>,
    nodes: Field<Vec<String>>,
    shared: Option<bool>,
    enabled: bool,
}

/// What can be observed of a storage's definition.
#[derive(Clone, Debug, Serialize)]
pub struct StorageState {
    /// Its name.
    pub name: String,
    /// `dir`, `nfs` and so on.
    pub kind: String,
    /// What says where it is.
    pub place: BTreeMap<String, String>,
    /// The server that it is on.
    pub server: Option<String>,
    /// Who logs in there.
    pub username: Option<String>,
    /// What the server's certificate must be.
    pub fingerprint: Option<String>,
    /// What it may hold, sorted.
    pub content: Vec<String>,
    /// The nodes that have it; nothing: all.
    pub nodes: Option<Vec<String>>,
    /// Whether all nodes see the same.
    pub shared: bool,
    /// Whether it is switched on.
    pub enabled: bool,
}

outputs!(
    /// What others need to know of a storage.
    StorageOutputs of StorageState {
        /// Its name.
        name: String,
    }
);

impl Storage {
    /// What the definition of a storage claims, and what a guest with disks on it uses.
    pub(crate) fn claim(site: Site<Pve>, name: &str) -> Claim {
        Claim::new(WHAT, name).within(site.name())
    }

    #[track_caller]
    fn new(site: Site<Pve>, name: &str, kind: &'static str, place: &[(&'static str, &str)]) -> Storage {
        Storage {
            name: checked(WHAT, name),
            site,
            kind,
            place: place.iter().map(|(key, value)| (*key, (*value).to_owned())).collect(),
            server: None,
            username: None,
            password: None,
            fingerprint: None,
            content: None,
            nodes: Field::Unmanaged,
            shared: None,
            enabled: true,
        }
    }

    /// A directory of the nodes.
    #[must_use]
    #[track_caller]
    pub fn dir(site: Site<Pve>, name: &str, path: &str) -> Storage {
        Storage::new(site, name, "dir", &[("path", path)])
    }

    /// A Btrfs file system of the nodes.
    #[must_use]
    #[track_caller]
    pub fn btrfs(site: Site<Pve>, name: &str, path: &str) -> Storage {
        Storage::new(site, name, "btrfs", &[("path", path)])
    }

    /// A volume group of LVM.
    #[must_use]
    #[track_caller]
    pub fn lvm(site: Site<Pve>, name: &str, group: &str) -> Storage {
        Storage::new(site, name, "lvm", &[("vgname", group)])
    }

    /// A thin pool of LVM, `pve/data`.
    ///
    /// # Panics
    /// When the pool does not name its volume group.
    #[must_use]
    #[track_caller]
    pub fn lvm_thin(site: Site<Pve>, name: &str, pool: &str) -> Storage {
        let (group, pool) =
            pool.split_once('/').unwrap_or_else(|| panic!("`{pool}` is no thin pool: write GROUP/POOL"));
        Storage::new(site, name, "lvmthin", &[("vgname", group), ("thinpool", pool)])
    }

    /// A pool or dataset of ZFS on the nodes.
    #[must_use]
    #[track_caller]
    pub fn zfs(site: Site<Pve>, name: &str, pool: &str) -> Storage {
        Storage::new(site, name, "zfspool", &[("pool", pool)])
    }

    /// An export of NFS.
    #[must_use]
    #[track_caller]
    pub fn nfs(site: Site<Pve>, name: &str, server: impl Into<Input<IpAddr>>, export: &str) -> Storage {
        Storage { server: Some(server.into()), ..Storage::new(site, name, "nfs", &[("export", export)]) }
    }

    /// A share of SMB.
    #[must_use]
    #[track_caller]
    pub fn cifs(site: Site<Pve>, name: &str, server: impl Into<Input<IpAddr>>, share: &str) -> Storage {
        Storage { server: Some(server.into()), ..Storage::new(site, name, "cifs", &[("share", share)]) }
    }

    /// A datastore of a Proxmox Backup Server; the fingerprint of its certificate is 32 pairs of hexadecimal digits.
    #[must_use]
    #[track_caller]
    pub fn backup_server(
        site: Site<Pve>,
        name: &str,
        server: impl Into<Input<IpAddr>>,
        datastore: &str,
        fingerprint: &str,
    ) -> Storage {
        let storage = Storage::new(site, name, "pbs", &[("datastore", datastore)]);
        let fingerprint = Some(fingerprint.to_ascii_lowercase());
        Storage { server: Some(server.into()), fingerprint, ..storage }.content(["backup"])
    }

    /// Who logs in to the server. The password is given when the storage is defined, and cannot be seen afterwards.
    #[must_use]
    pub fn login(self, username: impl Into<String>, password: Secret) -> Storage {
        Storage { username: Some(username.into()), password: Some(password), ..self }
    }

    /// What it may hold: `images`, `rootdir`, `iso`, `vztmpl`, `import`, `snippets`, `backup`.
    ///
    /// # Panics
    /// When one is none of these.
    #[must_use]
    #[track_caller]
    pub fn content<C: AsRef<str>>(self, content: impl IntoIterator<Item = C>) -> Storage {
        const KNOWN: [&str; 7] = ["images", "rootdir", "iso", "vztmpl", "import", "snippets", "backup"];
        let mut all: Vec<String> = content.into_iter().map(|one| one.as_ref().to_owned()).collect();
        for one in &all {
            assert!(KNOWN.contains(&one.as_str()), "no storage holds `{one}`: there are {}", KNOWN.join(", "));
        }
        all.sort_unstable();
        all.dedup();
        Storage { content: Some(all), ..self }
    }

    /// On these nodes only.
    #[must_use]
    pub fn on(self, nodes: impl IntoIterator<Item = crate::Node>) -> Storage {
        let mut nodes: Vec<String> = nodes.into_iter().map(|node| node.name().to_owned()).collect();
        nodes.sort_unstable();
        Storage { nodes: if nodes.is_empty() { Field::Cleared } else { Field::Set(nodes) }, ..self }
    }

    /// Whether all nodes see the same there, of a directory that is mounted on each.
    #[must_use]
    pub fn shared(self, on: bool) -> Storage {
        Storage { shared: Some(on), ..self }
    }

    /// Switched off.
    #[must_use]
    pub fn disabled(self) -> Storage {
        Storage { enabled: false, ..self }
    }

    fn at<'a>(name: &'a str) -> Place<'a> {
        Place { what: WHAT, name, list: LIST, key: "storage" }
    }
}

impl StorageState {
    fn of(row: &Row) -> StorageState {
        let on = |key: &str| text(row, key).is_some_and(|text| text != "0");
        StorageState {
            name: text(row, "storage").unwrap_or_default(),
            kind: text(row, "type").unwrap_or_default(),
            place: PLACE.iter().filter_map(|key| Some(((*key).to_owned(), text(row, key)?))).collect(),
            server: text(row, "server"),
            username: text(row, "username"),
            fingerprint: text(row, "fingerprint"),
            content: words(row, "content"),
            nodes: text(row, "nodes").map(|_| words(row, "nodes")),
            shared: on("shared"),
            enabled: !on("disable"),
        }
    }
}

impl Resource for Storage {
    const KIND: &'static str = "proxmox/storage";
    const REPLACE_ON: &'static [&'static str] = &["kind", "place", "server"];
    const WRITE_ONLY: &'static [&'static str] = &["password"];
    type Provider = Pve;
    type State = StorageState;
    type Id = NameId;
    type Outputs = StorageOutputs;

    fn name(&self) -> &str {
        &self.name
    }
    fn site(&self) -> Site<Pve> {
        self.site
    }
    fn claims(&self) -> Vec<Claim> {
        vec![Storage::claim(self.site, &self.name)]
    }
    fn locks(&self) -> Vec<Lock> {
        vec![Lock::exclusive(format!("{}/storage-definitions", self.site.name()))]
    }
    fn review(&self, _: Option<&StorageState>, action: Action, _: &[Change]) -> Vec<Note> {
        let anew = (action == Action::Replace)
            .then(|| Note::info("only its definition is removed and made anew; what is on it stays as it is"));
        anew.into_iter().collect()
    }
    async fn read(&self, cx: &Look<'_, Pve>) -> Result<Option<StorageState>, Failure> {
        Self::find(&NameId { name: self.name.clone() }, cx).await
    }
    async fn find(id: &NameId, cx: &Look<'_, Pve>) -> Result<Option<StorageState>, Failure> {
        Ok(row(cx, "the cluster's storages", LIST, "storage", &id.name).await?.as_ref().map(StorageState::of))
    }
    fn id(state: &StorageState) -> NameId {
        NameId { name: state.name.clone() }
    }
    fn planned_id(&self) -> Option<NameId> {
        Some(NameId { name: self.name.clone() })
    }
    async fn apply(&self, _: Option<&StorageState>, cx: &Apply<'_, Pve>) -> Result<(), Failure> {
        let before = row(cx, WHAT, LIST, "storage", &self.name).await?;
        let mut fixed: BTreeMap<&'static str, String> = self.place.clone();
        fixed.insert("type", self.kind.to_owned());
        if let Some(password) = &self.password {
            fixed.insert("password", cx.secret(password)?.expose().to_owned());
        }
        if let Some(server) = &self.server {
            fixed.insert("server", cx.get(server)?.to_string());
        }
        let mut wanted: BTreeMap<&'static str, Option<String>> = BTreeMap::new();
        for (key, value) in [("username", &self.username), ("fingerprint", &self.fingerprint)] {
            wanted.extend(value.clone().map(|value| (key, Some(value))));
        }
        if let Some(content) = &self.content {
            // The server lists them in an order of its own.
            let same = before.as_ref().is_some_and(|before| words(before, "content") == *content);
            wanted.extend((!same).then(|| ("content", Some(content.join(",")))));
        }
        match &self.nodes {
            Field::Set(nodes) if before.as_ref().is_none_or(|before| words(before, "nodes") != *nodes) => {
                wanted.insert("nodes", Some(nodes.join(",")));
            }
            Field::Cleared => drop(wanted.insert("nodes", None)),
            _ => {}
        }
        let now = before.as_ref().map(StorageState::of);
        if let Some(shared) = self.shared.filter(|shared| now.as_ref().is_none_or(|now| now.shared != *shared)) {
            wanted.insert("shared", Some(u8::from(shared).to_string()));
        }
        if now.as_ref().map_or(!self.enabled, |now| now.enabled != self.enabled) {
            wanted.insert("disable", Some(u8::from(!self.enabled).to_string()));
        }
        Self::at(&self.name).write(cx, before.as_ref(), &fixed, &wanted).await
    }
    async fn delete(state: &StorageState, cx: &Apply<'_, Pve>) -> Result<(), Failure> {
        for (node, online) in cx.resources().await?.nodes() {
            let here = state.nodes.as_ref().is_none_or(|nodes| nodes.iter().any(|name| name == node));
            if !online || !here || !state.enabled {
                continue;
            }
            // A storage that does not answer cannot be asked; its definition may go all the same.
            let Ok(volumes) = cx.volumes(node, &state.name, None).await else { continue };
            let owners: std::collections::BTreeSet<u32> = volumes
                .iter()
                .filter(|volume| {
                    volume.content.as_deref().is_some_and(|content| ["images", "rootdir"].contains(&content))
                })
                .filter_map(|volume| volume.vmid)
                .collect();
            if !owners.is_empty() {
                let list = owners.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
                return Err(Failure::new(format!("storage {} holds disks of guests on {node}: {list}", state.name))
                    .hint("move them to another storage or delete these guests first; or `state forget` it"));
            }
        }
        Self::at(&state.name).remove(cx, Params::new()).await
    }
}
