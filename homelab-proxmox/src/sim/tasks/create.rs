//! Creating a virtual machine, its disks, and turning it into a template.
use super::super::answer::Fail;
use super::super::props::{self, Keys};
use super::super::world::{Guest, Identity, Texts, World, format_size};
use super::disk::{self, New, Spec};
use super::{Job, Locks, Task};

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

/// Makes the disks that drive options ask for, and returns the options as they are stored.
pub(crate) fn make_disks(
    world: &mut World,
    task: &mut Task,
    node: &str,
    vmid: u32,
    options: &Texts,
) -> Result<Texts, Fail> {
    let mut made = Texts::new();
    for (key, value) in options.iter().filter(|(key, _)| is_drive(key)) {
        let keys = props::keys(world.release, false, key, value);
        let text = make_disk(world, task, node, vmid, key, &keys)?;
        made.insert(key.clone(), text);
    }
    Ok(made)
}

fn make_disk(
    world: &mut World,
    task: &mut Task,
    node: &str,
    vmid: u32,
    key: &str,
    keys: &Keys,
) -> Result<String, Fail> {
    let format = keys.get("format").map(String::as_str);
    match disk::spec_of(keys) {
        Spec::Empty => Ok(disk::printed(keys, keys.get("file").map_or("none", String::as_str), None)),
        Spec::CloudInit { storage } => {
            let format = if world.is_files(&storage) { format.unwrap_or("qcow2") } else { "raw" };
            let new = New { node, vmid, storage: &storage, bytes: 4 << 20, format, os: None, role: "cloudinit" };
            let volid = disk::allocate(world, Some(task), &new)?;
            let mut keys = keys.clone();
            keys.insert("media".to_owned(), "cdrom".to_owned());
            let text = disk::printed(&keys, &volid, None);
            task.say(format!("{key}: successfully created disk '{text}'"));
            Ok(text)
        }
        Spec::New { storage, bytes } => {
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
            if firmware {
                task.say(disk::transferred(bytes));
            }
            let text = disk::printed(keys, &volid, Some(bytes));
            task.say(format!("{key}: successfully created disk '{text}'"));
            Ok(text)
        }
        Spec::Import { storage, source } => {
            let image = world.volume(node, &source).cloned();
            let image = image.ok_or_else(|| missing_image(world, &source))?;
            task.say(format!("create full clone of drive ({source})"));
            let known = ["raw", "qcow2", "vmdk"].contains(&image.format.as_str());
            let format = format.unwrap_or(if known { &image.format } else { "raw" });
            let new = New { node, vmid, storage: &storage, bytes: image.holds, format, os: image.os, role: "" };
            let volid = disk::allocate(world, Some(task), &new)?;
            task.say(disk::transferred(image.holds));
            let text = disk::printed(keys, &volid, Some(image.holds));
            task.say(format!("{key}: successfully created disk '{text}'"));
            Ok(text)
        }
        Spec::Volume(volid) => {
            let cdrom = keys.get("media").map(String::as_str) == Some("cdrom");
            let volume = world.volume(node, &volid);
            let volume = volume.ok_or_else(|| Fail::die(format!("volume '{volid}' does not exist")))?;
            let size = volume.size;
            Ok(disk::printed(keys, &volid, (!cdrom || volume.content == "iso").then_some(size)))
        }
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
pub(super) fn finish(world: &mut World, task: &mut Task, vmid: u32, options: Texts, start: bool) -> Result<(), Fail> {
    let node = world.guests.get(&vmid).map(|guest| guest.node.clone()).unwrap_or_default();
    let disks = make_disks(world, task, &node, vmid, &options)?;
    let mut config = options;
    config.extend(disks);
    if !config.contains_key("boot") {
        config.insert("boot".to_owned(), default_boot(&config));
    }
    if !config.contains_key("smbios1") {
        let uuid = world.new_uuid();
        config.insert("smbios1".to_owned(), format!("uuid={uuid}"));
    }
    if config.get("vmgenid").is_none_or(|value| value == "1") {
        let uuid = world.new_uuid();
        config.insert("vmgenid".to_owned(), uuid);
    }
    if let Some(pinned) = pin(&config) {
        task.say(format!("pinning machine type to '{pinned}' for Windows guest OS"));
        config.insert("machine".to_owned(), pinned);
    }
    config.insert("meta".to_owned(), format!("creation-qemu=10.0.2,ctime={}", world.seconds()));
    if let Some(guest) = world.guests.get_mut(&vmid) {
        guest.config = config;
    }
    if start {
        let who = Identity { user: task.who.user.clone(), token: task.who.token.clone() };
        // The task ends OK before the guest runs; a stop right after it finds nothing to stop (pve-notes section 14).
        let from = world.now + world.pace.ms(500);
        world.start_task_at(from, &node, "qmstart", &vmid.to_string(), &who, Locks::alone(vmid), Job::Start { vmid });
    }
    Ok(())
}

/// Windows guests get the newest machine version, written down.
fn pin(config: &Texts) -> Option<String> {
    let windows = config.get("ostype").is_some_and(|kind| kind.starts_with('w'));
    let machine = config.get("machine").map_or("pc", String::as_str);
    if !windows {
        return None;
    }
    match machine.split(',').next().unwrap_or_default().trim_start_matches("type=") {
        "q35" => Some("pc-q35-10.0".to_owned()),
        "pc" => Some("pc-i440fx-10.0".to_owned()),
        _ => None,
    }
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
pub(super) fn template(world: &mut World, vmid: u32) -> Result<(), Fail> {
    let Some(guest) = world.guests.get(&vmid).cloned() else { return Err(Fail::die("guest is gone")) };
    let mut changed = Guest { ..guest.clone() };
    changed.set("template", "1");
    for (key, value) in guest.drives() {
        let (volid, rest) = value.split_once(',').map_or((value.as_str(), None), |(volid, rest)| (volid, Some(rest)));
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

    /// Turns a guest into a template at once.
    pub(crate) fn make_template(&mut self, vmid: u32) -> Result<(), Fail> {
        template(self, vmid)
    }

    /// The size of a guest's volume as configurations show it.
    pub(crate) fn size_text(&self, node: &str, volid: &str) -> Option<String> {
        self.volume(node, volid).map(|volume| format_size(volume.size))
    }
}
