//! Changing a virtual machine's options: everything becomes pending first, then what can be applied is.
use super::super::answer::Fail;
use super::super::props::{self, Keys};
use super::super::world::{Guest, Texts, World};
use super::Task;
use super::create::{boot_devices, boot_order, drive_span, is_drive, make_disks};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A change of options, already judged.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Change {
    pub(crate) set: Texts,
    pub(crate) delete: Vec<String>,
    pub(crate) force: bool,
    /// The line that the log begins with; none for a synchronous call.
    pub(crate) line: Option<String>,
}

/// How long the task takes: allocating and importing disks.
pub(super) fn span(world: &World, vmid: u32, change: &Change) -> u64 {
    let node = world.guests.get(&vmid).map_or("", |guest| guest.node.as_str());
    let disks = change.set.iter().filter(|(key, _)| is_drive(key));
    let spans = disks.map(|(key, value)| drive_span(world, node, &props::keys(world.release, false, key, value)));
    world.pace.ms(300) + spans.sum::<u64>()
}

/// Applies a change; what is wrong with live changes comes back by option.
pub(crate) fn run(world: &mut World, task: &mut Task, vmid: u32, change: &Change) -> Result<(), Fail> {
    if let Some(line) = &change.line {
        task.say(line.clone());
    }
    for option in &change.delete {
        delete(world, vmid, option, change.force)?;
    }
    for (option, value) in &change.set {
        set(world, task, vmid, option, value)?;
    }
    let mut touched: Vec<&str> = change.set.keys().chain(&change.delete).map(String::as_str).collect();
    touched.push("boot");
    apply(world, vmid, &touched)
}

fn guest(world: &mut World, vmid: u32) -> Result<&mut Guest, Fail> {
    world.guests.get_mut(&vmid).ok_or_else(|| Fail::die(format!("VM {vmid} is gone")))
}

fn delete(world: &mut World, vmid: u32, option: &str, force: bool) -> Result<(), Fail> {
    let guest = guest(world, vmid)?;
    let was_pending = guest.pending.remove(option);
    let Some(value) = guest.config.get(option).cloned().or(was_pending.clone()) else { return Ok(()) };
    if let Some(mut devices) = guest.wanted("boot").and_then(boot_devices)
        && devices.iter().any(|device| device == option)
    {
        devices.retain(|device| device != option);
        guest.pending.insert("boot".to_owned(), boot_order(&devices));
    }
    let volid = value.split(',').next().unwrap_or_default().to_owned();
    if option.starts_with("unused") {
        guest.check_protection(&format!("can't remove unused disk '{volid}'"))?;
        guest.config.remove(option);
        let node = guest.node.clone();
        world.take_volume(&node, &volid);
        return Ok(());
    }
    if is_drive(option) {
        guest.check_protection(&format!("can't remove drive '{option}'"))?;
        if was_pending.is_some() && !guest.config.contains_key(option) {
            keep_unused(world, vmid, &value);
            return Ok(());
        }
    }
    let guest = self::guest(world, vmid)?;
    if guest.config.contains_key(option) {
        guest.deleting.insert(option.to_owned(), force);
    }
    Ok(())
}

fn set(world: &mut World, task: &mut Task, vmid: u32, option: &str, value: &str) -> Result<(), Fail> {
    let guest = guest(world, vmid)?;
    let mut value = value.to_owned();
    if is_drive(option) {
        let node = guest.node.clone();
        let replaced = guest.pending.get(option).cloned();
        let volid = |text: &str| text.split(',').next().unwrap_or_default().to_owned();
        if let Some(old) = replaced.filter(|old| volid(old) != volid(&value)) {
            keep_unused(world, vmid, &old);
        }
        let asked = Texts::from([(option.to_owned(), value.clone())]);
        let made = make_disks(world, task, &node, vmid, &asked)?;
        value = made.get(option).cloned().unwrap_or(value);
        let guest = self::guest(world, vmid)?;
        let used = volid(&value);
        guest.config.retain(|key, text| !(key.starts_with("unused") && volid(text) == used));
        if value.contains("media=cdrom")
            && let Some(mut devices) = guest.wanted("boot").and_then(boot_devices)
            && !devices.iter().any(|device| device == option)
        {
            devices.push(option.to_owned());
            guest.pending.insert("boot".to_owned(), boot_order(&devices));
        }
    } else if option == "boot"
        && let Some(devices) = boot_devices(&value)
    {
        if let Some(missing) = devices.iter().find(|device| guest.wanted(device).is_none()) {
            return Err(Fail::die(format!("invalid bootorder: device '{missing}' does not exist'")));
        }
        value = boot_order(&devices);
    } else if option == "tags" {
        value = unique_tags(&value);
    } else if option == "vmgenid" && value == "1" {
        value = world.new_uuid();
    }
    let guest = self::guest(world, vmid)?;
    guest.deleting.remove(option);
    guest.pending.insert(option.to_owned(), value);
    Ok(())
}

/// Tags in lower case, once each, sorted; none of them is a blank (pve-notes section 14).
pub(crate) fn unique_tags(text: &str) -> String {
    let mut tags: Vec<String> = super::super::format::list(text).map(str::to_lowercase).collect();
    tags.sort_unstable();
    tags.dedup();
    if tags.is_empty() { " ".to_owned() } else { tags.join(";") }
}

/// Remembers a volume that nothing uses any more, unless it is an image of a CD or belongs to somebody else.
pub(crate) fn keep_unused(world: &mut World, vmid: u32, drive: &str) {
    let volid = drive.split(',').next().unwrap_or_default().to_owned();
    let Some(guest) = world.guests.get(&vmid) else { return };
    let node = guest.node.clone();
    if world.volume(&node, &volid).is_none_or(|volume| volume.vmid != Some(vmid)) {
        return;
    }
    if volid.contains("-cloudinit") {
        world.take_volume(&node, &volid);
        return;
    }
    let Some(guest) = world.guests.get_mut(&vmid) else { return };
    let uses = |text: &String| text.split(',').next() == Some(volid.as_str());
    if guest.config.values().any(uses) || guest.pending.values().any(uses) {
        return;
    }
    let free = (0..256).map(|number| format!("unused{number}")).find(|key| !guest.config.contains_key(key));
    if let Some(key) = free {
        guest.config.insert(key, volid);
    }
}

/// Options that a running guest takes over at once (qemu-server's fast plug list and cloud-init's own).
const FAST: &[&str] = &[
    "lock",
    "name",
    "onboot",
    "shares",
    "startup",
    "description",
    "protection",
    "vmstatestorage",
    "hookscript",
    "tags",
    "cicustom",
    "cipassword",
    "citype",
    "ciuser",
    "ciupgrade",
    "nameserver",
    "searchdomain",
    "sshkeys",
    "cpuunits",
    "cpulimit",
    "migrate_speed",
    "migrate_downtime",
];

/// Applies what is pending: all of it to a stopped guest; to a running one, of what was touched, what hotplugs.
fn apply(world: &mut World, vmid: u32, touched: &[&str]) -> Result<(), Fail> {
    let Some(guest) = world.guests.get_mut(&vmid) else { return Ok(()) };
    let same: Vec<String> = guest
        .pending
        .iter()
        .filter(|(key, value)| guest.config.get(*key) == Some(value))
        .map(|(key, _)| key.clone())
        .collect();
    for key in same {
        guest.pending.remove(&key);
    }
    if guest.run.is_none() {
        settle_pending(world, vmid);
        return Ok(());
    }
    let mut errors = BTreeMap::new();
    let deleting: Vec<(String, bool)> = guest.deleting.iter().map(|(key, force)| (key.clone(), *force)).collect();
    let pending: Vec<(String, String)> =
        guest.pending.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
    for (option, force) in deleting.into_iter().filter(|(option, _)| touched.contains(&option.as_str())) {
        match unplug(world, vmid, &option) {
            Plug::Done => remove(world, vmid, &option, force),
            Plug::Later => {}
            Plug::Problem(text) => {
                errors.insert(option, format!("hotplug problem - {text}\n"));
            }
        }
    }
    for (option, value) in pending.into_iter().filter(|(option, _)| touched.contains(&option.as_str())) {
        match plug(world, vmid, &option, &value) {
            Plug::Done => put(world, vmid, &option),
            Plug::Later => {}
            Plug::Problem(text) => {
                errors.insert(option, format!("hotplug problem - {text}\n"));
            }
        }
    }
    if errors.is_empty() { Ok(()) } else { Err(Fail::Params(errors)) }
}

/// Everything pending becomes the configuration, as at a stop and at a start.
pub(crate) fn settle_pending(world: &mut World, vmid: u32) {
    let Some(guest) = world.guests.get_mut(&vmid) else { return };
    let deleting = std::mem::take(&mut guest.deleting);
    let pending: Vec<String> = guest.pending.keys().cloned().collect();
    for (option, force) in deleting {
        remove(world, vmid, &option, force);
    }
    for option in pending {
        put(world, vmid, &option);
    }
}

fn remove(world: &mut World, vmid: u32, option: &str, force: bool) {
    let Some(guest) = world.guests.get_mut(&vmid) else { return };
    guest.deleting.remove(option);
    let Some(value) = guest.config.remove(option) else { return };
    if is_drive(option) {
        if force {
            let node = guest.node.clone();
            let volid = value.split(',').next().unwrap_or_default();
            if world.volume(&node, volid).is_some_and(|volume| volume.vmid == Some(vmid)) {
                world.take_volume(&node, volid);
            }
        } else {
            keep_unused(world, vmid, &value);
        }
    }
}

fn put(world: &mut World, vmid: u32, option: &str) {
    let Some(guest) = world.guests.get_mut(&vmid) else { return };
    let Some(value) = guest.pending.remove(option) else { return };
    let old = guest.config.insert(option.to_owned(), value);
    if let Some(old) = old.filter(|_| is_drive(option)) {
        keep_unused(world, vmid, &old);
    }
}

enum Plug {
    Done,
    Later,
    Problem(String),
}

fn hotplugs(guest: &Guest, what: &str) -> bool {
    match guest.get("hotplug") {
        None | Some("1") => matches!(what, "network" | "disk" | "usb"),
        Some(list) => super::super::format::list(list).any(|item| item == what),
    }
}

fn stem(option: &str) -> &str {
    option.trim_end_matches(|letter: char| letter.is_ascii_digit())
}

/// Taking a device from a running guest needs the guest's consent: one without a system never gives it (recorded).
fn unplug(world: &World, vmid: u32, option: &str) -> Plug {
    let Some(guest) = world.guests.get(&vmid) else { return Plug::Later };
    let consents = guest.run.as_ref().is_some_and(|run| run.os.is_some());
    let consent = |text: String| if consents { Plug::Done } else { Plug::Problem(text) };
    if FAST.contains(&option) {
        return Plug::Done;
    }
    match stem(option) {
        "net" if hotplugs(guest, "network") => consent(format!("error on hot-unplugging device '{option}'")),
        "scsi" | "virtio" if hotplugs(guest, "disk") => {
            let first = guest.get("boot").and_then(boot_devices).and_then(|devices| devices.into_iter().next());
            if first.as_deref() == Some(option) {
                return Plug::Problem(format!("can't unplug bootdisk '{option}'"));
            }
            consent(format!("error unplugging device '{option}'"))
        }
        "usb" if hotplugs(guest, "usb") => consent(format!("error on hot-unplugging device '{option}'")),
        _ => Plug::Later,
    }
}

fn plug(world: &World, vmid: u32, option: &str, value: &str) -> Plug {
    let Some(guest) = world.guests.get(&vmid) else { return Plug::Later };
    if FAST.contains(&option) {
        return Plug::Done;
    }
    let keys = |text: &str| props::keys(world.release, false, option, text);
    match (stem(option), guest.get(option)) {
        ("ipconfig", _) => Plug::Done,
        ("net", old) if hotplugs(guest, "network") => match old {
            Some(old) if differs(&keys(old), &keys(value), &["model", "macaddr"]) => unplug(world, vmid, option),
            _ => Plug::Done,
        },
        ("scsi" | "virtio", None) if hotplugs(guest, "disk") => Plug::Done,
        ("ide" | "sata" | "scsi" | "virtio", Some(old)) => {
            let (old, new) = (keys(old), keys(value));
            let cdrom = new.get("media").map(String::as_str) == Some("cdrom");
            if cdrom {
                Plug::Done
            } else if differs(&old, &new, &["file"]) {
                if hotplugs(guest, "disk") && matches!(stem(option), "scsi" | "virtio") {
                    unplug(world, vmid, option)
                } else {
                    Plug::Later
                }
            } else if differs(&old, &new, &["aio", "cache", "discard", "iothread", "queues", "ssd", "ro"]) {
                Plug::Later
            } else {
                Plug::Done
            }
        }
        ("balloon", old) if old != Some("0") && value != "0" => Plug::Done,
        ("usb", _) if hotplugs(guest, "usb") => Plug::Done,
        ("vcpus", _) if hotplugs(guest, "cpu") => Plug::Done,
        ("memory", old) if hotplugs(guest, "memory") => {
            let number = |text: &str| text.parse::<u64>().unwrap_or(512);
            if number(value) > number(old.unwrap_or("512")) { Plug::Done } else { Plug::Later }
        }
        _ => Plug::Later,
    }
}

fn differs(old: &Keys, new: &Keys, names: &[&str]) -> bool {
    names.iter().any(|name| old.get(*name) != new.get(*name))
}
