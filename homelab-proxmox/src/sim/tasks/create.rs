//! Creating a virtual machine, its disks, and turning it into a template.
use super::super::answer::Fail;
use super::super::props::{self, Keys};
use super::super::rights::is_cloudinit;
use super::super::world::{Guest, Identity, Texts, World, format_size, is_storage_id};
use super::disk::{self, New, Spec};
use super::{Job, Locks, Task};
use serde::{Deserialize, Serialize};

/// A guest about to be made, already judged.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Create {
    pub(crate) vmid: u32,
    pub(crate) options: Texts,
    /// The storage of sizes that name none.
    pub(crate) storage: Option<String>,
    pub(crate) pool: Option<String>,
    pub(crate) start: bool,
}

/// Names of drives, in the order in which they are made: alphabetical.
pub(crate) fn is_drive(key: &str) -> bool {
    let stem = key.trim_end_matches(|letter: char| letter.is_ascii_digit());
    stem.len() < key.len() && matches!(stem, "ide" | "sata" | "scsi" | "virtio" | "efidisk" | "tpmstate")
}

/// How long making the disks will take.
pub(super) fn span(world: &World, vmid: u32, options: &Texts) -> u64 {
    let node = world.guests.get(&vmid).map_or("", |guest| guest.node.as_str());
    let mut span = world.pace.ms(800);
    for (key, value) in options.iter().filter(|(key, _)| is_drive(key)) {
        span += drive_span(world, node, &props::keys(world.release, false, key, value));
    }
    span
}

/// How long one drive takes: imports are copied.
pub(super) fn drive_span(world: &World, node: &str, keys: &Keys) -> u64 {
    match disk::spec_of(keys) {
        Spec::Import { source, .. } => world.pace.copy(world.volume(node, &source).map_or(0, |volume| volume.holds)),
        Spec::New { .. } | Spec::CloudInit { .. } => world.pace.ms(300),
        _ => 0,
    }
}

/// Makes the volumes that drive options ask for.
pub(crate) struct Maker<'a> {
    pub(crate) node: &'a str,
    /// Who asks, and for which guest.
    pub(crate) rights: (&'a Identity, u32),
    /// What the guest has, pending or not: there may be one cloud-init drive only.
    pub(crate) others: &'a Texts,
    /// The storage of sizes that name none.
    pub(crate) default: Option<&'a str>,
}

impl Maker<'_> {
    /// Makes what is asked for, and returns the drives as they are stored. What was made before an error is removed.
    pub(crate) fn make(&self, world: &mut World, task: &mut Task, options: &Texts) -> Result<Texts, Fail> {
        let (mut made, mut volumes) = (Texts::new(), Vec::new());
        for (key, value) in options.iter().filter(|(key, _)| is_drive(key)) {
            let keys = props::keys(world.release, false, key, value);
            match self.disk(world, task, key, &keys, &made) {
                Ok(text) => {
                    let new = !matches!(disk::spec_of(&keys), Spec::Volume(_) | Spec::Empty);
                    volumes.extend(new.then(|| text.split(',').next().unwrap_or_default().to_owned()));
                    made.insert(key.clone(), text);
                }
                Err(fail) => {
                    for volid in volumes {
                        world.take_volume(self.node, &volid);
                    }
                    return Err(fail);
                }
            }
        }
        Ok(made)
    }

    /// Refuses a second cloud-init drive.
    fn one_cloudinit(&self, key: &str, made: &Texts) -> Result<(), Fail> {
        let is_other = |(other, value): &(&String, &String)| {
            other.as_str() != key && is_drive(other) && is_cloudinit(value.split(',').next().unwrap_or_default())
        };
        match self.others.iter().chain(made).find(is_other) {
            Some((other, _)) => Err(Fail::die(format!("{key} - cloud-init drive is already attached at '{other}'"))),
            None => Ok(()),
        }
    }

    fn storage(&self, named: String) -> Result<String, Fail> {
        if named.is_empty() {
            let text = "no storage ID specified (and no default storage)";
            return self.default.map(str::to_owned).ok_or_else(|| Fail::die(text));
        }
        Ok(named)
    }

    fn disk(&self, world: &mut World, task: &mut Task, key: &str, keys: &Keys, made: &Texts) -> Result<String, Fail> {
        let (node, vmid) = (self.node, self.rights.1);
        let format = keys.get("format").map(String::as_str);
        let (text, bytes) = match disk::spec_of(keys) {
            Spec::Empty => return Ok(disk::printed(keys, keys.get("file").map_or("none", String::as_str), None)),
            Spec::CloudInit { storage } => {
                self.one_cloudinit(key, made)?;
                let storage = self.storage(storage)?;
                let format = if world.is_files(&storage) { format.unwrap_or("qcow2") } else { "raw" };
                let new = New { node, vmid, storage: &storage, bytes: 4 << 20, format, os: None, role: "cloudinit" };
                let volid = disk::allocate(world, Some(task), &new)?;
                let mut keys = keys.clone();
                keys.insert("media".to_owned(), "cdrom".to_owned());
                (disk::printed(&keys, &volid, None), None)
            }
            Spec::New { storage, bytes } => {
                let storage = self.storage(storage)?;
                let stem = key.trim_end_matches(|letter: char| letter.is_ascii_digit());
                let (bytes, firmware) = match stem {
                    "efidisk" if keys.get("efitype").map(String::as_str) == Some("4m") => (540_672, true),
                    "efidisk" => (131_072, true),
                    "tpmstate" => (4 << 20, false),
                    _ => (bytes, false),
                };
                let format = if stem == "tpmstate" { "raw" } else { format.unwrap_or("raw") };
                let new = New { node, vmid, storage: &storage, bytes, format, os: None, role: "" };
                let volid = disk::allocate(world, Some(task), &new)?;
                (disk::printed(keys, &volid, Some(bytes)), firmware.then_some(bytes))
            }
            Spec::Import { storage, source } => {
                let storage = self.storage(storage)?;
                let image = world.volume(node, &source).cloned();
                let image = image.ok_or_else(|| missing_image(world, &source))?;
                task.say(format!("create full clone of drive ({source})"));
                let known = ["raw", "qcow2", "vmdk"].contains(&image.format.as_str());
                let format = format.unwrap_or(if known { &image.format } else { "raw" });
                let new = New { node, vmid, storage: &storage, bytes: image.holds, format, os: image.os, role: "" };
                let volid = disk::allocate(world, Some(task), &new)?;
                (disk::printed(keys, &volid, Some(image.holds)), Some(image.holds))
            }
            Spec::Volume(volid) => return self.existing(world, key, keys, &volid, made),
        };
        if let Some(bytes) = bytes {
            task.say(disk::transferred(bytes));
        }
        task.say(format!("{key}: successfully created disk '{text}'"));
        Ok(text)
    }

    /// A volume that should be there.
    fn existing(&self, world: &World, key: &str, keys: &Keys, volid: &str, made: &Texts) -> Result<String, Fail> {
        world.volume_access(self.rights.0, Some(self.rights.1), volid, None)?;
        let managed = volid.split_once(':').is_some_and(|(id, _)| is_storage_id(id));
        if !managed {
            return Err(Fail::die(format!("volume {volid} does not exist")));
        }
        let name = world.volume_name(volid)?;
        if !matches!(name.kind, "images" | "iso") {
            let at = "at /usr/share/perl5/PVE/API2/Qemu.pm line 714.";
            let text = format!("cannot use volume {volid} - content type needs to be 'images' or 'iso' {at}");
            return Err(Fail::die(text));
        }
        if let Some(format) = keys.get("format").filter(|format| **format != name.format) {
            return Err(Fail::die(format!(
                "drive '{key}' - volume '{volid}' - 'format={format}' option different from storage format '{}'",
                name.format
            )));
        }
        if is_cloudinit(volid) {
            self.one_cloudinit(key, made)?;
        } else if key == "tpmstate0" && name.format != "raw" {
            let text = format!("tpmstate0: volume format is '{}', only 'raw' is supported!", name.format);
            return Err(Fail::die(text));
        }
        world.storage_usable(volid.split(':').next().unwrap_or_default(), self.node)?;
        let volume = world.volume(self.node, volid);
        let volume = volume.ok_or_else(|| Fail::die(format!("volume '{volid}' does not exist")))?;
        let cdrom = keys.get("media").map(String::as_str) == Some("cdrom");
        let mut text = disk::printed(keys, volid, (!cdrom || volume.content == "iso").then_some(volume.size));
        if let Some(format) = keys.get("format") {
            text.push_str(&format!(",format={format}"));
        }
        Ok(text)
    }
}

/// What is said of an image that is not there: files are looked at, other volumes asked for.
pub(crate) fn missing_image(world: &World, source: &str) -> Fail {
    let storage = source.split(':').next().unwrap_or_default();
    if world.is_files(storage) {
        Fail::die(format!("failed to stat '{}'", disk::path_of(world, source)))
    } else {
        Fail::die(format!("volume '{source}' does not exist"))
    }
}

/// The guest as it stands after creation.
pub(super) fn finish(world: &mut World, task: &mut Task, create: &Create) -> Result<(), Fail> {
    let vmid = create.vmid;
    let prefix = |fail: Fail| Fail::die(format!("unable to create VM {vmid} - {}", fail.text()));
    build(world, task, create).map_err(prefix)?;
    if let Some(pool) = create.pool.as_ref().and_then(|pool| world.pools.get_mut(pool)) {
        pool.vms.push(vmid);
    }
    if create.start {
        task.say("Execute autostart");
        let who = task.who.clone();
        // The task ends OK before the guest runs; a stop right after it finds nothing to stop (pve-notes section 14).
        let from = world.now + world.pace.ms(500);
        let (node, id) = (task.node.clone(), vmid.to_string());
        world.start_task_at(
            from,
            &node,
            "qmstart",
            &id,
            &who,
            Locks::alone(vmid),
            Job::Start { vmid, skiplock: false },
        );
    }
    Ok(())
}

fn build(world: &mut World, task: &mut Task, create: &Create) -> Result<(), Fail> {
    let Create { vmid, options, .. } = create;
    let mut config = Texts::new();
    for (key, value) in options {
        config.extend(super::stored(key, value).map(|value| (key.clone(), value)));
    }
    let node = world.guests.get(vmid).map(|guest| guest.node.clone()).unwrap_or_default();
    let who = task.who.clone();
    let (others, default) = (Texts::new(), create.storage.as_deref());
    let maker = Maker { node: &node, rights: (&who, *vmid), others: &others, default };
    let disks = maker.make(world, task, options)?;
    config.extend(disks);
    if config.get("boot").is_none_or(|boot| boot.trim().is_empty()) {
        config.insert("boot".to_owned(), default_boot(&config));
    }
    if let Some(vga) = config.get("vga") {
        super::clipboard(world.release, vga)?;
    }
    if !config.contains_key("smbios1") {
        let uuid = world.new_uuid();
        config.insert("smbios1".to_owned(), format!("uuid={uuid}"));
    }
    if config.get("vmgenid").is_none_or(|value| value == "1") {
        let uuid = world.new_uuid();
        config.insert("vmgenid".to_owned(), uuid);
    }
    super::machine(world.release, config.get("machine").map_or("pc", String::as_str))?;
    let machine = config.get("machine").map(String::as_str);
    if let Some(pinned) = config.get("ostype").and_then(|kind| pinned(machine, kind)) {
        let kind = pinned.split(',').next().unwrap_or_default().to_owned();
        task.say(format!("pinning machine type to '{kind}' for Windows guest OS"));
        config.insert("machine".to_owned(), pinned);
    }
    config.insert("meta".to_owned(), format!("creation-qemu=10.0.2,ctime={}", world.seconds()));
    if let Some(guest) = world.guests.get_mut(vmid) {
        guest.config = config;
    }
    Ok(())
}

/// Windows guests get the newest machine version, written down.
pub(super) fn pinned(machine: Option<&str>, kind: &str) -> Option<String> {
    let machine = machine.unwrap_or("pc");
    let (kind_of, rest) = machine.split_once(',').map_or((machine, None), |(kind, rest)| (kind, Some(rest)));
    let newest = match kind_of.trim_start_matches("type=") {
        "q35" => "pc-q35-10.0",
        "pc" => "pc-i440fx-10.0",
        _ => return None,
    };
    kind.starts_with('w').then(|| rest.map_or_else(|| newest.to_owned(), |rest| format!("{newest},{rest}")))
}

/// The first disk, the first CD drive, the first network device.
fn default_boot(config: &Texts) -> String {
    let is_cdrom = |value: &str| value.contains("media=cdrom");
    let first = |cdrom: bool| {
        ["ide", "scsi", "virtio", "sata"].into_iter().find_map(|bus| {
            (0..31)
                .map(|number| format!("{bus}{number}"))
                .find(|key| config.get(key).is_some_and(|value| is_cdrom(value) == cdrom))
        })
    };
    let net = (0..32).map(|number| format!("net{number}")).find(|key| config.contains_key(key));
    let devices: Vec<String> = [first(false), first(true), net].into_iter().flatten().collect();
    boot_order(&devices)
}

/// The option `boot` of these devices. Without any it is a blank (recorded).
pub(crate) fn boot_order(devices: &[String]) -> String {
    if devices.is_empty() { " ".to_owned() } else { format!("order={}", devices.join(";")) }
}

/// The devices of an option `boot`.
pub(crate) fn boot_devices(boot: &str) -> Option<Vec<String>> {
    let order = boot.split(',').find_map(|part| part.trim().strip_prefix("order="))?;
    Some(order.split(';').filter(|part| !part.is_empty()).map(str::to_owned).collect())
}

/// Every disk becomes a base, the guest a template.
pub(super) fn template(world: &mut World, vmid: u32, only: Option<&str>) -> Result<(), Fail> {
    let Some(guest) = world.guests.get(&vmid).cloned() else { return Err(Fail::die("guest is gone")) };
    let mut changed = Guest { ..guest.clone() };
    changed.set("template", "1");
    for (key, value) in guest.drives() {
        let (volid, rest) = value.split_once(',').map_or((value.as_str(), None), |(volid, rest)| (volid, Some(rest)));
        if only.is_some_and(|only| only != key) || volid.contains("base-") {
            continue;
        }
        if key.starts_with("unused") || value.contains("media=cdrom") || !volid.contains(':') {
            continue;
        }
        let Some(mut volume) = world.take_volume(&guest.node, volid) else { continue };
        let base = volid.replacen(&format!("vm-{vmid}-"), &format!("base-{vmid}-"), 1);
        volume.volid.clone_from(&base);
        world.put_volume(&guest.node, volume);
        changed.set(&key, rest.map_or(base.clone(), |rest| format!("{base},{rest}")));
    }
    world.guests.insert(vmid, changed);
    Ok(())
}

impl World {
    /// Removes a guest that could not be made, with what was already allocated for it.
    pub(super) fn discard(&mut self, vmid: u32) {
        if self.guests.get(&vmid).is_some_and(|guest| guest.get("lock").is_some()) {
            self.guests.remove(&vmid);
            self.volumes.retain(|_, volume| {
                volume.vmid != Some(vmid) || !matches!(volume.content.as_str(), "images" | "rootdir")
            });
            for pool in self.pools.values_mut() {
                pool.vms.retain(|member| *member != vmid);
            }
        }
    }

    /// The size of a guest's volume as configurations show it.
    pub(crate) fn size_text(&self, node: &str, volid: &str) -> Option<String> {
        self.volume(node, volid).map(|volume| format_size(volume.size))
    }
}
