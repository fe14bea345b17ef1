//! Which changes a running virtual machine takes at once.
use super::super::props::{self, Keys};
use super::super::rights::is_cloudinit;
use super::super::world::{Guest, World};
use super::configure::{put, remove, windows};
use super::create::boot_devices;
use std::collections::BTreeMap;

/// Options that a running guest takes over at once, touched or not (qemu-server's fast plug list, and cloud-init's).
const FAST: &[&str] = &[
    "description",
    "hookscript",
    "lock",
    "migrate_downtime",
    "migrate_speed",
    "name",
    "onboot",
    "protection",
    "shares",
    "startup",
    "tags",
    "vmstatestorage",
    "cicustom",
    "cipassword",
    "citype",
    "ciuser",
    "ciupgrade",
    "nameserver",
    "searchdomain",
    "sshkeys",
];

fn is_fast(option: &str) -> bool {
    FAST.contains(&option) || stem(option) == "ipconfig"
}

/// Applies what can be; what went wrong comes back by option.
pub(super) fn apply(world: &mut World, vmid: u32, touched: &[&str]) -> BTreeMap<String, String> {
    let mut errors = BTreeMap::new();
    let Some(guest) = world.guests.get(&vmid) else { return errors };
    let fast: Vec<String> = guest.pending.keys().filter(|option| is_fast(option)).cloned().collect();
    fast.iter().for_each(|option| put(world, vmid, option));
    let Some(guest) = world.guests.get(&vmid) else { return errors };
    let deleting: Vec<(String, bool)> = guest.deleting.iter().map(|(key, force)| (key.clone(), *force)).collect();
    let pending: Vec<(String, String)> =
        guest.pending.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
    for (option, force) in deleting.into_iter().filter(|(option, _)| touched.contains(&option.as_str())) {
        let done = match gone(world, vmid, &option) {
            Plug::Done => remove(world, vmid, &option, force).map_err(super::super::answer::Fail::text),
            Plug::Later => Ok(()),
            Plug::Problem(text) => Err(text),
        };
        if let Err(text) = done {
            errors.insert(option, format!("hotplug problem - {text}"));
        }
    }
    for (option, value) in pending.into_iter().filter(|(option, _)| touched.contains(&option.as_str())) {
        match plug(world, vmid, &option, &value) {
            Plug::Done => put(world, vmid, &option),
            Plug::Later => {}
            Plug::Problem(text) => {
                errors.insert(option, format!("hotplug problem - {text}"));
            }
        }
    }
    errors
}

enum Plug {
    Done,
    Later,
    Problem(String),
}

fn when(fits: bool) -> Plug {
    if fits { Plug::Done } else { Plug::Later }
}

fn hotplugs(guest: &Guest, what: &str) -> bool {
    match guest.get("hotplug") {
        None | Some("1") => matches!(what, "network" | "disk" | "usb"),
        Some(list) => super::super::format::list(list).any(|item| item == what),
    }
}

fn usb(guest: &Guest) -> bool {
    hotplugs(guest, "usb") && (guest.get("ostype") == Some("l26") || windows(guest) > 7)
}

fn stem(option: &str) -> &str {
    option.trim_end_matches(|letter: char| letter.is_ascii_digit())
}

/// Taking a device from a running guest needs the guest's consent: one without a system never gives it (recorded).
/// What it boots from stays.
fn unplug(guest: &Guest, option: &str) -> Plug {
    let boots = match guest.get("boot").and_then(boot_devices) {
        Some(devices) => devices.iter().any(|device| device == option && stem(device) != "net"),
        None => guest.get("bootdisk") == Some(option),
    };
    if boots {
        return Plug::Problem(format!("can't unplug bootdisk '{option}'"));
    }
    if matches!(stem(option), "ide" | "sata") {
        return Plug::Problem(format!("can't unplug device '{option}'"));
    }
    if guest.run.as_ref().is_some_and(|run| run.os.is_some()) {
        return Plug::Done;
    }
    Plug::Problem(format!("error on hot-unplugging device '{option}'"))
}

/// Deleting an option.
fn gone(world: &World, vmid: u32, option: &str) -> Plug {
    let Some(guest) = world.guests.get(&vmid) else { return Plug::Later };
    if is_fast(option) {
        return Plug::Done;
    }
    match stem(option) {
        "hotplug" => when(!hotplugs(guest, "cpu") && !hotplugs(guest, "memory")),
        "tablet" => when(hotplugs(guest, "usb")),
        "usb" => when(usb(guest)),
        "vcpus" => when(hotplugs(guest, "cpu")),
        "balloon" => when(guest.get("balloon") != Some("0")),
        "net" if hotplugs(guest, "network") => unplug(guest, option),
        "scsi" | "virtio" if hotplugs(guest, "disk") => unplug(guest, option),
        "memory" => when(hotplugs(guest, "memory")),
        "cpuunits" | "cpulimit" => Plug::Done,
        _ => Plug::Later,
    }
}

fn plug(world: &World, vmid: u32, option: &str, value: &str) -> Plug {
    let Some(guest) = world.guests.get(&vmid) else { return Plug::Later };
    let keys = |text: &str| props::keys(world.release, false, option, text);
    match (stem(option), guest.get(option)) {
        ("hotplug", _) => {
            let heavy = |text: &str| text.contains("memory") || text.contains("cpu");
            when(!heavy(value) && !heavy(guest.get("hotplug").unwrap_or_default()))
        }
        ("tablet", _) => when(hotplugs(guest, "usb")),
        ("usb", _) => when(usb(guest)),
        ("vcpus", _) if hotplugs(guest, "cpu") => {
            let number = |key: &str| guest.get(key).and_then(|text| text.parse::<u64>().ok()).unwrap_or(1);
            if value.parse::<u64>().is_ok_and(|wanted| wanted > number("sockets") * number("cores")) {
                return Plug::Problem("you can't add more vcpus than maxcpus".to_owned());
            }
            Plug::Done
        }
        ("balloon", old) => when((old != Some("0")) == (value != "0")),
        ("net", Some(old)) => {
            let (old, new) = (keys(old), keys(value));
            if differs(&old, &new, &["model", "macaddr", "queues", "mtu"])
                || !old.contains_key("bridge")
                || !new.contains_key("bridge")
            {
                return if hotplugs(guest, "network") { unplug(guest, option) } else { Plug::Later };
            }
            Plug::Done
        }
        ("net", None) => when(hotplugs(guest, "network")),
        ("ide" | "sata" | "scsi" | "virtio", Some(old)) => disk(guest, option, &keys(old), &keys(value)),
        ("scsi" | "virtio", None) => {
            when(hotplugs(guest, "disk") && !is_cloudinit(value.split(',').next().unwrap_or_default()))
        }
        ("memory", old) if hotplugs(guest, "memory") => {
            let number = |text: &str| text.parse::<u64>().unwrap_or(512);
            when(number(value) > number(old.unwrap_or("512")))
        }
        ("cpuunits" | "cpulimit", _) => Plug::Done,
        ("agent", Some(old)) => when(same_agent(&keys(old), &keys(value))),
        _ => Plug::Later,
    }
}

/// A drive that was there before.
fn disk(guest: &Guest, option: &str, old: &Keys, new: &Keys) -> Plug {
    let media = |keys: &Keys| keys.get("media").cloned().unwrap_or_else(|| "disk".to_owned());
    if media(old) != media(new) {
        return Plug::Problem("unable to change media type".to_owned());
    }
    if media(old) == "cdrom" {
        return Plug::Done;
    }
    if differs(old, new, &["file"]) {
        return if hotplugs(guest, "disk") { unplug(guest, option) } else { Plug::Later };
    }
    let fixed = ["aio", "discard", "iothread", "queues", "product", "cache", "ssd", "vendor", "ro"];
    when(!differs(old, new, &fixed))
}

/// Only whether cloned disks are trimmed can change while it runs.
fn same_agent(old: &Keys, new: &Keys) -> bool {
    let on = |keys: &Keys, name: &str| keys.get(name).is_some_and(|value| value != "0");
    old.keys()
        .chain(new.keys())
        .filter(|name| *name != "fstrim_cloned_disks")
        .all(|name| on(old, name) == on(new, name))
}

fn differs(old: &Keys, new: &Keys, names: &[&str]) -> bool {
    names.iter().any(|name| old.get(*name) != new.get(*name))
}
