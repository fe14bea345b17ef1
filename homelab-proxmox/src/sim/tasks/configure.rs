//! Changing a virtual machine's options: everything becomes pending first, then what can be applied is.
use super::super::answer::Fail;
use super::super::check::matches_whole;
use super::super::props::{self, Keys};
use super::super::rights::{Rights, is_cloudinit};
use super::super::world::{Guest, Identity, Release, Texts, World};
use super::create::{Maker, boot_devices, boot_order, drive_span, is_drive};
use super::{Task, hotplug};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A change of options, already judged.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Change {
    pub(crate) set: Texts,
    pub(crate) delete: Vec<String>,
    pub(crate) force: bool,
    /// The line that the log begins with; none for a synchronous call.
    pub(crate) line: Option<String>,
    /// Who asked: some rights depend on values, and are asked for by the worker.
    pub(crate) who: Identity,
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
    let boot = guest(world, vmid)?.get("boot").and_then(boot_devices);
    let mut edit = Edit { vmid, change, boot: boot.unwrap_or_default() };
    let mut touched: Vec<&str> = Vec::new();
    for option in &change.delete {
        if edit.delete(world, task, option)? {
            touched.push(option);
        }
    }
    for (option, value) in &change.set {
        edit.set(world, task, option, value)?;
        touched.push(option);
    }
    touched.extend(["boot", "machine"]);
    apply(world, task, vmid, &touched)
}

fn guest(world: &mut World, vmid: u32) -> Result<&mut Guest, Fail> {
    world.guests.get_mut(&vmid).ok_or_else(|| Fail::die(format!("VM {vmid} is gone")))
}

fn volid_of(drive: &str) -> &str {
    drive.split(',').next().unwrap_or_default()
}

/// A change on its way into what is pending.
struct Edit<'c> {
    vmid: u32,
    change: &'c Change,
    /// The boot order, as it becomes.
    boot: Vec<String>,
}

impl Edit<'_> {
    fn rights<'w>(&'w self, world: &'w World) -> Rights<'w> {
        Rights { world, who: &self.change.who, vmid: self.vmid, pool: None }
    }

    /// Marks an option for deletion; says whether there was anything to delete.
    fn delete(&mut self, world: &mut World, task: &mut Task, option: &str) -> Result<bool, Fail> {
        let guest = guest(world, self.vmid)?;
        let Some(value) = guest.get(option).or_else(|| guest.wanted(option)).map(str::to_owned) else {
            task.say(format!("cannot delete '{option}' - not set in current configuration!"));
            return Ok(false);
        };
        let was_pending = guest.pending.remove(option).is_some();
        if self.boot.iter().any(|device| device == option) {
            self.boot.retain(|device| device != option);
            guest.pending.insert("boot".to_owned(), boot_order(&self.boot));
        }
        if option.starts_with("unused") {
            guest.check_protection(&format!("can't remove unused disk '{}'", volid_of(&value)))?;
            self.rights(world).need(&["VM.Config.Disk"])?;
            free(world, &self.change.who, self.vmid, option, volid_of(&value))?;
            self::guest(world, self.vmid)?.config.remove(option);
            return Ok(true);
        }
        if is_drive(option) {
            guest.check_protection(&format!("can't remove drive '{option}'"))?;
            self.rights(world).drive(&props::keys(world.release, false, option, &value))?;
            if was_pending {
                keep_unused(world, self.vmid, &value);
            }
        } else if option == "tags" {
            self.rights(world).tags(&value, "")?;
            self::guest(world, self.vmid)?.config.remove(option);
            return Ok(true);
        } else {
            self.rights(world).device(option, &value, "delete")?;
        }
        let force = self.change.force;
        let guest = self::guest(world, self.vmid)?;
        if guest.config.contains_key(option) {
            guest.deleting.insert(option.to_owned(), force);
        }
        Ok(true)
    }

    fn set(&mut self, world: &mut World, task: &mut Task, option: &str, value: &str) -> Result<(), Fail> {
        let guest = guest(world, self.vmid)?;
        if guest.pending.get(option).is_some_and(|pending| pending == value) {
            return Ok(());
        }
        let old = guest.get(option).map(str::to_owned);
        let mut value = value.to_owned();
        if is_drive(option) {
            value = self.drive(world, task, option, &value, old.as_deref())?;
        } else if option == "cipassword" {
            let text = if windows(guest) == 0 { encrypted(world, &value) } else { value };
            self::guest(world, self.vmid)?.set(option, text);
            return Ok(());
        } else if option == "tags" {
            self.rights(world).tags(old.as_deref().unwrap_or_default(), &value)?;
            value = unique_tags(&value);
        } else if option == "vga" {
            clipboard(world.release, &value)?;
        } else if option == "machine" {
            machine(world.release, &value)?;
        } else if option == "ostype" {
            if !self.change.set.contains_key("machine")
                && !self.change.delete.iter().any(|gone| gone == "machine")
                && !guest.pending.contains_key("machine")
                && let Some(pinned) = super::create::pinned(guest.get("machine"), &value)
            {
                task.say(format!("pinning machine type to '{}' for Windows guest OS", type_of(&pinned)));
                self::guest(world, self.vmid)?.pending.insert("machine".to_owned(), pinned);
            }
        } else if option == "boot"
            && let Some(devices) = boot_devices(&value)
        {
            let is_there = |device: &String| {
                (guest.wanted(device).is_some() || self.change.set.contains_key(device))
                    && !self.change.delete.contains(device)
            };
            if let Some(missing) = devices.iter().find(|device| !is_there(device)) {
                return Err(Fail::die(format!("invalid bootorder: device '{missing}' does not exist'")));
            }
            value = boot_order(&devices);
            if guest.config.contains_key("bootdisk") {
                guest.deleting.insert("bootdisk".to_owned(), false);
            }
        } else if option.starts_with("serial") {
            let plain = old.as_deref().is_none_or(|old| old == "socket");
            self.rights(world).device(option, if plain { &value } else { "real" }, "modify")?;
        } else {
            if let Some(old) = &old {
                self.rights(world).device(option, old, "set")?;
            }
            self.rights(world).device(option, &value, "set")?;
        }
        let guest = self::guest(world, self.vmid)?;
        guest.deleting.remove(option);
        if let Some(value) = stored(option, &value) {
            guest.pending.insert(option.to_owned(), value);
        }
        Ok(())
    }

    /// A drive: rights over the old and the new one, then the volume that it asks for.
    fn drive(
        &mut self,
        world: &mut World,
        task: &mut Task,
        option: &str,
        value: &str,
        old: Option<&str>,
    ) -> Result<String, Fail> {
        let keys = |text: &str| props::keys(world.release, false, option, text);
        let new = keys(value);
        if let Some(old) = old.map(keys) {
            self.rights(world).drive(&old)?;
            let version = |keys: &Keys| keys.get("version").cloned().unwrap_or_else(|| "v1.2".to_owned());
            if option == "tpmstate0" && old.get("file") == new.get("file") && version(&old) != version(&new) {
                return Err(Fail::die("cannot change TPM state version after creation"));
            }
        }
        self.rights(world).drive(&new)?;
        let guest = guest(world, self.vmid)?;
        let (node, replaced) = (guest.node.clone(), guest.pending.get(option).cloned());
        if let Some(replaced) = replaced.filter(|replaced| volid_of(replaced) != volid_of(value)) {
            keep_unused(world, self.vmid, &replaced);
        }
        let guest = self::guest(world, self.vmid)?;
        let mut others = guest.config.clone();
        others.extend(guest.pending.clone());
        let asked = Texts::from([(option.to_owned(), value.to_owned())]);
        let maker = Maker { node: &node, rights: (&self.change.who, self.vmid), others: &others, default: None };
        let made = maker.make(world, task, &asked)?;
        let value = made.get(option).cloned().unwrap_or_else(|| value.to_owned());
        let guest = self::guest(world, self.vmid)?;
        let used = volid_of(&value).to_owned();
        guest.config.retain(|key, text| !(key.starts_with("unused") && volid_of(text) == used));
        if value.contains("media=cdrom") && !self.boot.is_empty() && !self.boot.iter().any(|device| device == option) {
            self.boot.push(option.to_owned());
            guest.pending.insert("boot".to_owned(), boot_order(&self.boot));
        }
        Ok(value)
    }
}

/// A value as the file keeps it: without blanks around it; nothing at all is a blank, and no description is none.
pub(crate) fn stored(option: &str, value: &str) -> Option<String> {
    if option == "description" {
        let text = value.trim_end();
        return (!text.is_empty()).then(|| text.to_owned());
    }
    let text = value.trim();
    Some(if text.is_empty() { " ".to_owned() } else { text.to_owned() })
}

/// A password as cloud-init is told: encrypted, unless it already is.
pub(crate) fn encrypted(world: &mut World, password: &str) -> String {
    if matches_whole(r"\$([156]|2[ay])(\$.+){2}.*", password) {
        return password.to_owned();
    }
    let salt = world.new_hex();
    format!("$5${}${}", &salt[..8.min(salt.len())], super::super::random::digest(&format!("{salt}{password}")))
}

/// A shared clipboard needs a display that has one.
pub(crate) fn clipboard(release: Release, vga: &str) -> Result<(), Fail> {
    let keys = props::keys(release, false, "vga", vga);
    let kind = keys.get("type").map(String::as_str).unwrap_or_default();
    let fits = ["std", "cirrus", "vmware", "virtio", "qxl"].iter().any(|known| kind.starts_with(known));
    if keys.get("clipboard").map(String::as_str) == Some("vnc") && !kind.is_empty() && !fits {
        return Err(Fail::die(format!("vga type {kind} is not compatible with VNC clipboard")));
    }
    Ok(())
}

/// Intel's own IOMMU is there on q35 only.
pub(crate) fn machine(release: Release, machine: &str) -> Result<(), Fail> {
    let keys = props::keys(release, false, "machine", machine);
    let key = |name: &str| keys.get(name).map(String::as_str).unwrap_or_default();
    if key("viommu") == "intel" && !key("type").contains("q35") {
        return Err(Fail::die("to use Intel vIOMMU please set the machine type to q35"));
    }
    Ok(())
}

fn type_of(machine: &str) -> &str {
    machine.split(',').next().unwrap_or_default().trim_start_matches("type=")
}

/// Whose Windows it is, as a number; 0 is none.
pub(super) fn windows(guest: &Guest) -> u8 {
    match guest.get("ostype").unwrap_or_default() {
        "wxp" | "w2k" | "w2k3" => 5,
        "wvista" | "w2k8" => 6,
        "win7" => 7,
        "win8" => 8,
        "win10" => 10,
        "win11" => 11,
        _ => 0,
    }
}

/// Frees a volume of the guest for good, unless something still needs it.
fn free(world: &mut World, who: &Identity, vmid: u32, option: &str, volid: &str) -> Result<(), Fail> {
    let Some(guest) = world.guests.get(&vmid) else { return Ok(()) };
    let node = guest.node.clone();
    if world.volume(&node, volid).is_none_or(|volume| volume.vmid != Some(vmid)) {
        return Ok(());
    }
    let storage = volid.split(':').next().unwrap_or_default();
    super::super::permission::need(world, who, &format!("/storage/{storage}"), &["Datastore.AllocateSpace"])?;
    let uses = |key: &String, text: &String| key != option && volid_of(text) == volid;
    let used = guest.config.iter().any(|(key, text)| uses(key, text))
        || guest.snapshots.values().any(|snapshot| snapshot.config.values().any(|text| volid_of(text) == volid));
    if used {
        return Err(Fail::die(format!("unable to delete '{volid}' - volume is still in use (snapshot?)")));
    }
    world.check_unused_base(&node, volid)?;
    world.take_volume(&node, volid);
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

/// Applies what is pending: all of it to a stopped guest; to a running one, of what was touched, what hotplugs.
fn apply(world: &mut World, task: &mut Task, vmid: u32, touched: &[&str]) -> Result<(), Fail> {
    let Some(guest) = world.guests.get_mut(&vmid) else { return Ok(()) };
    let config = guest.config.clone();
    guest.pending.retain(|key, value| config.get(key) != Some(value));
    guest.deleting.retain(|key, _| config.contains_key(key));
    let drive = |(key, value): (&String, &String)| is_drive(key) && is_cloudinit(volid_of(value));
    let regenerates = guest.pending.iter().any(drive);
    let mut errors = if guest.run.is_some() { hotplug::apply(world, vmid, touched) } else { cold(world, vmid) };
    if regenerates {
        task.say("generating cloud-init ISO");
        if let Some(guest) = world.guests.get_mut(&vmid) {
            guest.write_cloudinit();
        }
    }
    errors.values_mut().for_each(|text| text.push('\n'));
    if errors.is_empty() { Ok(()) } else { Err(Fail::Params(errors)) }
}

/// Everything pending becomes the configuration, as at a stop and at a start.
pub(crate) fn settle_pending(world: &mut World, vmid: u32) {
    cold(world, vmid);
}

fn cold(world: &mut World, vmid: u32) -> BTreeMap<String, String> {
    let mut errors = BTreeMap::new();
    let Some(guest) = world.guests.get(&vmid) else { return errors };
    let deleting = guest.deleting.clone();
    let pending: Vec<String> = guest.pending.keys().cloned().collect();
    for (option, force) in deleting {
        if let Err(fail) = remove(world, vmid, &option, force) {
            errors.insert(option.clone(), format!("unable to apply pending change {option} : {}", fail.text()));
        }
    }
    for option in pending {
        put(world, vmid, &option);
    }
    errors
}

/// Takes an option out of the configuration; a drive's volume is kept as unused, or freed.
pub(super) fn remove(world: &mut World, vmid: u32, option: &str, force: bool) -> Result<(), Fail> {
    let Some(value) = world.guests.get(&vmid).and_then(|guest| guest.get(option)).map(str::to_owned) else {
        return Ok(());
    };
    if is_drive(option) && force && !value.contains("media=cdrom") {
        free(world, &Identity::user("root@pam"), vmid, option, volid_of(&value))?;
    }
    if let Some(guest) = world.guests.get_mut(&vmid) {
        guest.deleting.remove(option);
        guest.config.remove(option);
    }
    if holds_volume(option) && !force {
        keep_unused(world, vmid, &value);
    }
    Ok(())
}

/// Whether an option is a drive, or a container's mount point, whose volume is kept when the option goes.
fn holds_volume(option: &str) -> bool {
    is_drive(option) || option.strip_prefix("mp").is_some_and(|number| number.parse::<u16>().is_ok())
}

/// Puts what is pending for an option into force.
pub(super) fn put(world: &mut World, vmid: u32, option: &str) {
    let Some(guest) = world.guests.get_mut(&vmid) else { return };
    let Some(value) = guest.pending.remove(option) else { return };
    let old = guest.config.insert(option.to_owned(), value);
    if let Some(old) = old.filter(|_| holds_volume(option)) {
        keep_unused(world, vmid, &old);
    }
}
