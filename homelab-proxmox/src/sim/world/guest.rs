//! A virtual machine or container: its configuration, what is pending, and whether it runs.
use super::super::answer::Fail;
use super::super::rights::is_cloudinit;
use super::super::{quirks, random};
use super::{Firmware, World};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Options as texts, by name.
pub(crate) type Texts = BTreeMap<String, String>;

/// What is installed on a disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Os {
    /// Whether it answers the guest agent once booted.
    pub(crate) agent: bool,
    /// The firmware that it boots with.
    #[serde(default)]
    pub(crate) firmware: Firmware,
    /// Whom it lets in unless cloud-init makes another user.
    #[serde(default)]
    pub(crate) login: Login,
}

/// The user that an image comes with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Login {
    #[default]
    Root,
    Ubuntu,
    Debian,
}

/// A running guest.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Run {
    /// Since when, in milliseconds.
    pub(crate) since: u64,
    pub(crate) pid: u32,
    pub(crate) paused: bool,
    /// The system that it booted, if its disk holds one.
    pub(crate) os: Option<Os>,
    /// What cloud-init was given at this start.
    pub(crate) cloudinit: Texts,
    /// The installer that it booted instead.
    #[serde(default)]
    pub(crate) installer: Option<Installer>,
}

/// How far an installer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Installer {
    /// It waits at its console for somebody, for ever.
    Asks,
    /// It is done then, in milliseconds, and powers the guest off.
    Until(u64),
}

/// A snapshot.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Snapshot {
    pub(crate) config: Texts,
    pub(crate) description: Option<String>,
    pub(crate) time: u64,
    pub(crate) parent: Option<String>,
    pub(crate) vmstate: bool,
}

impl Snapshot {
    /// Whether a volume is part of it.
    pub(crate) fn holds(&self, volid: &str) -> bool {
        self.config.values().any(|value| value.split(',').next() == Some(volid))
    }
}

/// A guest.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Guest {
    pub(crate) vmid: u32,
    pub(crate) lxc: bool,
    pub(crate) node: String,
    pub(crate) config: Texts,
    pub(crate) pending: Texts,
    /// Options that the next stop removes, and whether by force.
    pub(crate) deleting: BTreeMap<String, bool>,
    pub(crate) snapshots: BTreeMap<String, Snapshot>,
    pub(crate) run: Option<Run>,
    /// When it was made, in milliseconds.
    pub(crate) made: u64,
    /// What the cloud-init drive still has of options that changed while the guest ran; `added` names new ones.
    #[serde(default)]
    pub(crate) cloudinit: Texts,
    /// Who may log in to a container as root.
    #[serde(default)]
    pub(crate) keys: Vec<String>,
    /// The guest that it was cloned from.
    #[serde(default)]
    pub(crate) source: Option<u32>,
}

impl Guest {
    /// A guest with an empty configuration.
    pub(crate) fn new(vmid: u32, lxc: bool, node: &str, now: u64) -> Guest {
        Guest {
            vmid,
            lxc,
            node: node.to_owned(),
            config: Texts::new(),
            pending: Texts::new(),
            deleting: BTreeMap::new(),
            snapshots: BTreeMap::new(),
            run: None,
            made: now,
            cloudinit: Texts::new(),
            keys: Vec::new(),
            source: None,
        }
    }

    /// An option that is in force.
    pub(crate) fn get(&self, option: &str) -> Option<&str> {
        self.config.get(option).map(String::as_str)
    }

    /// An option as it will be: pending over current.
    pub(crate) fn wanted(&self, option: &str) -> Option<&str> {
        self.pending.get(option).or_else(|| self.config.get(option)).map(String::as_str)
    }

    /// Sets an option that is in force.
    pub(crate) fn set(&mut self, option: &str, value: impl Into<String>) {
        self.config.insert(option.to_owned(), value.into());
    }

    /// Whether it is a template.
    pub(crate) fn is_template(&self) -> bool {
        self.get("template") == Some("1")
    }

    /// The name, or what lists show without one.
    pub(crate) fn name(&self) -> String {
        let key = if self.lxc { "hostname" } else { "name" };
        let kind = if self.lxc { "CT" } else { "VM" };
        self.get(key).map_or_else(|| format!("{kind}{}{}", if self.lxc { "" } else { " " }, self.vmid), str::to_owned)
    }

    /// The digest of the configuration file.
    pub(crate) fn digest(&self) -> String {
        random::digest(&format!("{:?}{:?}{:?}{:?}", self.config, self.pending, self.deleting, self.snapshots))
    }

    /// The word of the API for its kind.
    pub(crate) fn kind(&self) -> &'static str {
        if self.lxc { "lxc" } else { "qemu" }
    }

    /// Refuses when the configuration carries a lock.
    pub(crate) fn check_lock(&self) -> Result<(), Fail> {
        match self.get("lock") {
            Some(lock) => Err(Fail::die(format!("{} is locked ({lock})", if self.lxc { "CT" } else { "VM" }))),
            None => Ok(()),
        }
    }

    /// Refuses when the guest is protected: `what` says what was wanted.
    pub(crate) fn check_protection(&self, what: &str) -> Result<(), Fail> {
        if self.get("protection") == Some("1") {
            return Err(Fail::die(format!("{what} - protection mode enabled")));
        }
        Ok(())
    }

    /// The slot of its cloud-init drive.
    pub(crate) fn cloudinit_drive(&self) -> Option<&str> {
        let mut drives =
            self.config.iter().filter(|(key, _)| is_volume_key(self.lxc, key) && !key.starts_with("unused"));
        let found = drives.find(|(_, value)| value.split(',').next().is_some_and(is_cloudinit));
        found.map(|(key, _)| key.as_str())
    }

    /// Writes the cloud-init drive anew, if there is one.
    pub(crate) fn write_cloudinit(&mut self) {
        if self.cloudinit_drive().is_none() {
            return;
        }
        self.cloudinit.clear();
        let config = self.told();
        if let Some(run) = &mut self.run {
            run.cloudinit = config;
        }
    }

    /// The options that cloud-init tells the guest.
    pub(crate) fn told(&self) -> Texts {
        let named = ["ciuser", "cipassword", "sshkeys", "nameserver", "searchdomain", "name"];
        let told = |key: &String| named.contains(&key.as_str()) || key.starts_with("ipconfig");
        self.config.iter().filter(|(key, _)| told(key)).map(|(key, value)| (key.clone(), value.clone())).collect()
    }

    /// Remembers what the drive still has of an option that changes while the guest runs.
    pub(crate) fn note_cloudinit(&mut self, option: &str, old: Option<&str>, new: Option<&str>) {
        let stem = option.trim_end_matches(|letter: char| letter.is_ascii_digit());
        let known =
            ["cicustom", "cipassword", "citype", "ciuser", "ciupgrade", "nameserver", "searchdomain", "sshkeys"];
        let numbered = stem.len() < option.len() && matches!(stem, "ipconfig" | "net");
        if !(known.contains(&option) || option == "name" || numbered) {
            return;
        }
        let text = self.cloudinit.remove("added").unwrap_or_default();
        let mut added: std::collections::BTreeSet<String> =
            text.split(',').filter(|part| !part.is_empty()).map(str::to_owned).collect();
        let recorded = self.cloudinit.get(option).cloned();
        match (old, new, recorded) {
            (_, Some(new), Some(recorded)) if new == recorded => {
                self.cloudinit.remove(option);
                added.remove(option);
            }
            (_, _, Some(_)) | (None, None, None) => {}
            (Some(_), None, None) if added.remove(option) => {}
            (Some(_), Some(_), None) if added.contains(option) => {}
            (Some(old), _, None) => {
                self.cloudinit.insert(option.to_owned(), old.to_owned());
            }
            (None, Some(_), None) => {
                added.insert(option.to_owned());
            }
        }
        if !added.is_empty() {
            self.cloudinit.insert("added".to_owned(), added.into_iter().collect::<Vec<_>>().join(","));
        }
    }

    /// Volumes that the configuration and the snapshots name, with their options.
    pub(crate) fn drives(&self) -> Vec<(String, String)> {
        self.config
            .iter()
            .filter(|(key, _)| is_volume_key(self.lxc, key))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect()
    }
}

/// Whether an option of a guest names a volume (`unusedN` too).
pub(crate) fn is_volume_key(lxc: bool, key: &str) -> bool {
    let stem = key.trim_end_matches(|letter: char| letter.is_ascii_digit());
    if stem.len() == key.len() {
        return lxc && key == "rootfs";
    }
    match stem {
        "unused" => true,
        "mp" => lxc,
        "ide" | "sata" | "scsi" | "virtio" | "efidisk" | "tpmstate" => !lxc,
        _ => false,
    }
}

impl World {
    /// The guest of that kind on that node, or the words of its missing configuration file.
    pub(crate) fn guest(&self, node: &str, lxc: bool, vmid: u32) -> Result<&Guest, Fail> {
        self.guests
            .get(&vmid)
            .filter(|guest| guest.lxc == lxc && guest.node == node)
            .ok_or_else(|| Fail::die(quirks::missing_guest(node, lxc, vmid)))
    }

    /// The guest, to change it.
    pub(crate) fn guest_mut(&mut self, node: &str, lxc: bool, vmid: u32) -> Result<&mut Guest, Fail> {
        self.guests
            .get_mut(&vmid)
            .filter(|guest| guest.lxc == lxc && guest.node == node)
            .ok_or_else(|| Fail::die(quirks::missing_guest(node, lxc, vmid)))
    }

    /// Refuses an id that any guest of the cluster has.
    pub(crate) fn check_free(&self, vmid: u32) -> Result<(), String> {
        match self.guests.get(&vmid) {
            Some(guest) => {
                let kind = if guest.lxc { "CT" } else { "VM" };
                Err(format!("{kind} {vmid} already exists on node '{}'", guest.node))
            }
            None => Ok(()),
        }
    }

    /// The pool that a guest is in.
    pub(crate) fn pool_of(&self, vmid: u32) -> Option<&str> {
        self.pools.iter().find(|(_, pool)| pool.vms.contains(&vmid)).map(|(id, _)| id.as_str())
    }
}
