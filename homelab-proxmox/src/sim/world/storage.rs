//! Storages and the volumes on them.
use super::super::answer::Fail;
use super::World;
use super::guest::{Os, Texts};
use serde::{Deserialize, Serialize};

/// A volume of a storage.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Volume {
    /// `local:100/vm-100-disk-0.qcow2`
    pub(crate) volid: String,
    /// The node whose disk holds it; empty on a shared storage.
    pub(crate) node: String,
    /// `images`, `rootdir`, `iso`, `vztmpl`, `import`, `backup` or `snippets`.
    pub(crate) content: String,
    pub(crate) format: String,
    /// Bytes as the guest sees them, or of the file.
    pub(crate) size: u64,
    /// Bytes on the disk.
    pub(crate) used: u64,
    pub(crate) vmid: Option<u32>,
    /// Seconds since 1970.
    pub(crate) ctime: u64,
    /// The base that a linked clone rests on.
    pub(crate) parent: Option<String>,
    /// What is installed on it.
    pub(crate) os: Option<Os>,
    /// Bytes that a disk made from this file has.
    pub(crate) holds: u64,
    pub(crate) notes: Option<String>,
    /// What it does in a drive of a guest, if it is a CD that somebody made for that.
    #[serde(default)]
    pub(crate) medium: Option<Medium>,
}

/// What a CD does in the drive of a guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Medium {
    /// It installs Ubuntu Server on an empty disk.
    Installer,
    /// It answers what that installer asks, and then has it power off.
    Answers,
}

/// What a disk boots with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Firmware {
    /// Either one, as most cloud images do.
    #[default]
    Either,
    /// The classic BIOS only (`bios: seabios`, the default).
    Bios,
    /// UEFI only (`bios: ovmf`).
    Uefi,
}

/// A file that can be fetched from the simulated internet.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Image {
    /// Bytes of the file.
    pub size: u64,
    /// Bytes of the disk inside.
    pub virtual_size: u64,
    /// Whether its system answers the guest agent. Most cloud images do not.
    pub agent: bool,
    /// What its system boots with. With another firmware the guest stays at the firmware's screen: it runs, and never
    /// gets an address nor answers its agent.
    #[serde(default)]
    pub firmware: Firmware,
    /// Checksums that fit, by algorithm in lower case; one that is not listed fits any text.
    pub checksums: Vec<(String, String)>,
}

impl Default for Image {
    fn default() -> Image {
        Image {
            size: 600_000_000,
            virtual_size: 3_758_096_384,
            agent: false,
            firmware: Firmware::Either,
            checksums: Vec::new(),
        }
    }
}

impl World {
    /// A storage's options.
    pub(crate) fn storage(&self, id: &str) -> Result<&Texts, Fail> {
        self.storages.get(id).ok_or_else(|| Fail::die(format!("storage '{id}' does not exist")))
    }

    /// Whether all nodes see the same volumes on it.
    pub(crate) fn is_shared(&self, id: &str) -> bool {
        self.storages.get(id).is_some_and(|options| {
            options.get("shared").map(String::as_str) == Some("1")
                || matches!(
                    options.get("type").map(String::as_str),
                    Some(
                        "nfs"
                            | "cifs"
                            | "glusterfs"
                            | "cephfs"
                            | "rbd"
                            | "pbs"
                            | "iscsi"
                            | "iscsidirect"
                            | "zfs"
                            | "esxi"
                    )
                )
        })
    }

    /// Whether the storage keeps files (and so knows qcow2, iso, import).
    pub(crate) fn is_files(&self, id: &str) -> bool {
        self.storages.get(id).is_some_and(|options| {
            matches!(
                options.get("type").map(String::as_str),
                Some("dir" | "nfs" | "cifs" | "glusterfs" | "cephfs" | "btrfs")
            )
        })
    }

    /// The directory of a storage of files.
    pub(crate) fn storage_path(&self, id: &str) -> String {
        let path = self.storages.get(id).and_then(|options| options.get("path"));
        path.map_or_else(|| format!("/mnt/pve/{id}"), String::clone)
    }

    /// Whether the storage is switched on and meant for the node.
    pub(crate) fn storage_usable(&self, id: &str, node: &str) -> Result<(), Fail> {
        let options = self.storage(id)?;
        if options.get("disable").map(String::as_str) == Some("1") {
            return Err(Fail::die(format!("storage '{id}' is disabled")));
        }
        let nodes = options.get("nodes").map(String::as_str).unwrap_or_default();
        if !nodes.is_empty() && !nodes.split(',').any(|name| name == node) {
            return Err(Fail::die(format!("storage '{id}' is not available on node '{node}'")));
        }
        Ok(())
    }

    /// Whether the storage may hold a kind of content.
    pub(crate) fn storage_holds(&self, id: &str, content: &str) -> bool {
        self.storages
            .get(id)
            .and_then(|options| options.get("content"))
            .is_some_and(|list| list.split(',').any(|item| item == content))
    }

    fn key(&self, node: &str, volid: &str) -> String {
        let storage = volid.split(':').next().unwrap_or_default();
        if self.is_shared(storage) { format!("|{volid}") } else { format!("{node}|{volid}") }
    }

    /// A volume as a node sees it.
    pub(crate) fn volume(&self, node: &str, volid: &str) -> Option<&Volume> {
        self.volumes.get(&self.key(node, volid))
    }

    /// A volume, to change it.
    pub(crate) fn volume_mut(&mut self, node: &str, volid: &str) -> Option<&mut Volume> {
        let key = self.key(node, volid);
        self.volumes.get_mut(&key)
    }

    /// Puts a volume where its storage keeps it.
    pub(crate) fn put_volume(&mut self, node: &str, mut volume: Volume) {
        let key = self.key(node, &volume.volid);
        volume.node = key.split('|').next().unwrap_or_default().to_owned();
        self.volumes.insert(key, volume);
    }

    /// Takes a volume away.
    pub(crate) fn take_volume(&mut self, node: &str, volid: &str) -> Option<Volume> {
        let key = self.key(node, volid);
        self.volumes.remove(&key)
    }

    /// The volumes of a storage that a node sees.
    pub(crate) fn volumes_on<'w>(&'w self, node: &'w str, storage: &'w str) -> impl Iterator<Item = &'w Volume> {
        self.volumes.values().filter(move |volume| {
            volume.volid.split(':').next() == Some(storage) && (volume.node.is_empty() || volume.node == node)
        })
    }

    /// Total and used bytes of a storage on a node.
    pub(crate) fn space(&self, node: &str, storage: &str) -> (u64, u64) {
        let total = self.capacity.get(storage).copied().unwrap_or(500 << 30);
        let used: u64 = self.volumes_on(node, storage).map(|volume| volume.used).sum();
        (total, (used + (1 << 20)).min(total))
    }

    /// Refuses an allocation that does not fit.
    pub(crate) fn check_space(&self, node: &str, storage: &str, bytes: u64) -> Result<(), Fail> {
        let (total, used) = self.space(node, storage);
        if used + bytes <= total {
            return Ok(());
        }
        let free = total - used;
        Err(Fail::die(match self.storages.get(storage).and_then(|options| options.get("type")).map(String::as_str) {
            Some("lvm") => format!("not enough free space ({} < {})", free / 1024, bytes / 1024),
            // A thin pool is full when data is written, not when a volume is made; this stands for both.
            _ => format!(
                "unable to create image: not enough free space on storage '{storage}': {} needed, {} available \
                 - No space left on device",
                format_size(bytes),
                format_size(free / 1024 * 1024)
            ),
        }))
    }

    /// Waits in vain for a storage's lock, if somebody was told to hold it ([`World::hold_storage_lock`]).
    pub(crate) fn check_storage_lock(&self, storage: &str) -> Result<(), Fail> {
        if !self.trouble.locked_storages.contains(storage) {
            return Ok(());
        }
        if self.is_shared(storage) {
            let text = format!("cfs-lock 'storage-{storage}' error: got lock request timeout");
            return Err(Fail::die(text));
        }
        let path = format!("/var/lock/pve-manager/pve-storage-{storage}");
        Err(Fail::die(format!("can't lock file '{path}' - got timeout")))
    }
}

/// A size as configurations show it: `528K`, `1124M`, `1G`.
pub(crate) fn format_size(bytes: u64) -> String {
    let mut number = bytes;
    for unit in ["", "K", "M", "G"] {
        if !number.is_multiple_of(1024) || number == 0 {
            return format!("{number}{unit}");
        }
        number /= 1024;
    }
    format!("{number}T")
}

/// A size as configurations and resize write it; without a unit it is bytes.
pub(crate) fn parse_size(text: &str) -> Option<u64> {
    let (number, factor) = match text.chars().last()? {
        'K' => (&text[..text.len() - 1], 1_u64 << 10),
        'M' => (&text[..text.len() - 1], 1 << 20),
        'G' => (&text[..text.len() - 1], 1 << 30),
        'T' => (&text[..text.len() - 1], 1 << 40),
        _ => (text, 1),
    };
    scaled(number, factor)
}

/// A decimal number times a factor, in whole bytes.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be a small positive number")]
pub(crate) fn scaled(number: &str, factor: u64) -> Option<u64> {
    let value: f64 = number.parse().ok()?;
    let bytes = value * factor as f64;
    (0.0..9e18).contains(&bytes).then_some(bytes as u64)
}
