//! Starting and stopping guests.
use super::super::answer::Fail;
use super::super::quirks;
use super::super::world::{Firmware, Guest, Identity, Login, Os, Run, World};
use super::configure::settle_pending;
use super::create::boot_devices;
use super::disk::{self, New};
use super::{Job, Locks, Task, installer};

/// What a guest boots, when its first boot disk holds a system.
pub(crate) fn boots(world: &World, guest: &Guest) -> Option<Os> {
    if guest.lxc {
        return Some(Os { agent: false, firmware: Firmware::Either, login: Login::Root });
    }
    let order = guest.get("boot").and_then(boot_devices).unwrap_or_default();
    order.iter().find_map(|device| {
        let volid = guest.get(device)?.split(',').next()?;
        world.volume(&guest.node, volid)?.os.filter(|os| fits(guest, os.firmware))
    })
}

/// Whether a disk made for one firmware boots with the guest's; if not, the guest stays at the firmware's screen.
fn fits(guest: &Guest, firmware: Firmware) -> bool {
    let uefi = guest.get("bios") == Some("ovmf");
    match firmware {
        Firmware::Either => true,
        Firmware::Bios => !uefi,
        Firmware::Uefi => uefi,
    }
}

fn guest<'w>(world: &'w World, node: &str, vmid: u32) -> Result<&'w Guest, Fail> {
    let guest = world.guests.get(&vmid).filter(|guest| guest.node == node);
    guest.ok_or_else(|| Fail::die(quirks::missing_guest(node, false, vmid)))
}

/// The guest that is to be stopped: it is looked for by its process.
fn stopping<'w>(world: &'w World, node: &str, vmid: u32, skiplock: bool) -> Result<&'w Guest, Fail> {
    let guest = world.guests.get(&vmid).filter(|guest| guest.node == node);
    let guest = guest.ok_or_else(|| Fail::die(quirks::no_config(node, vmid)))?;
    if guest.run.is_some() && !skiplock {
        guest.check_lock()?;
    }
    Ok(guest)
}

/// Whether a guest can be stopped, and how long that takes.
pub(super) fn begin_stop(world: &mut World, task: &Task, vmid: u32, skiplock: bool) -> Result<u64, Fail> {
    stopping(world, &task.node, vmid, skiplock)?;
    Ok(world.pace.ms(1_000))
}

/// Suspends to a disk.
pub(super) fn hibernate(world: &mut World, task: &mut Task, vmid: u32, storage: &str) -> Result<(), Fail> {
    let volid = world.save_state(vmid, storage, &format!("suspend-{}", world.seconds() / 86_400))?;
    task.say("State saved, quitting");
    if let Some(guest) = world.guests.get_mut(&vmid) {
        guest.run = None;
        guest.set("vmstate", volid);
        guest.set("lock", "suspended");
        guest.set("runningmachine", "pc-i440fx-10.0+pve0");
    }
    Ok(())
}

/// High availability does what was asked for a little later, in a task of its own.
pub(super) fn ask_ha(world: &mut World, task: &mut Task, vmid: u32, sid: &str, start: bool) {
    let word = if start { "start" } else { "stop" };
    let kind = if sid.starts_with("ct") { "CT" } else { "VM" };
    task.say(format!("Requesting HA {word} for {kind} {vmid}"));
    if let Some(options) = world.ha.resources.get_mut(sid) {
        options.insert("state".to_owned(), if start { "started" } else { "stopped" }.to_owned());
    }
    let Some(guest) = world.guests.get(&vmid) else { return };
    if guest.run.is_some() == start {
        return;
    }
    let (node, root) = (guest.node.clone(), Identity::user("root@pam"));
    let prefix = if guest.lxc { "vz" } else { "qm" };
    let (name, job) = if start {
        (format!("{prefix}start"), Job::Start { vmid, skiplock: false })
    } else {
        let timeout = quirks::SHUTDOWN_WAIT;
        (format!("{prefix}shutdown"), Job::Shutdown { vmid, timeout, force: true, skiplock: false })
    };
    let from = world.now + world.pace.ms(10_000);
    world.start_task_at(from, &node, &name, &vmid.to_string(), &root, Locks::alone(vmid), job);
}

/// Checks of a start that the worker makes (pve-notes section 14).
pub(super) fn begin_start(world: &mut World, task: &mut Task, vmid: u32, skiplock: bool) -> Result<u64, Fail> {
    let guest = guest(world, &task.node, vmid)?;
    let kind = if guest.lxc { "CT" } else { "VM" };
    if guest.is_template() {
        return Err(Fail::die(if guest.lxc {
            "you can't start a CT if it's a template"
        } else {
            "you can't start a vm if it's a template"
        }));
    }
    let suspended = !guest.lxc && guest.get("lock") == Some("suspended");
    if !skiplock && !suspended {
        guest.check_lock()?;
    }
    if guest.run.is_some() {
        return Err(Fail::die(format!("{kind} {vmid} already running")));
    }
    check_devices(world, guest)?;
    for (key, value) in guest.drives().into_iter().filter(|(key, _)| !key.starts_with("unused")) {
        let volid = value.split(',').next().unwrap_or_default();
        if volid.contains(':') && world.volume(&guest.node, volid).is_none() {
            return Err(Fail::die(format!("volume '{volid}' does not exist ({key})")));
        }
    }
    check_bridges(world, guest)?;
    check_memory(world, guest)?;
    if suspended {
        task.say("Resuming suspended VM");
    }
    Ok(world.pace.ms(3_000))
}

/// A net on a bridge that does not exist is accepted, and fails here (pve-notes section 14).
fn check_bridges(world: &World, guest: &Guest) -> Result<(), Fail> {
    let Some(node) = world.nodes.get(&guest.node) else { return Ok(()) };
    let nets = guest.config.iter().filter(|(key, _)| key.starts_with("net") && key.len() > 3);
    for (_, value) in nets {
        let bridge = value.split(',').find_map(|part| part.strip_prefix("bridge="));
        if let Some(bridge) = bridge.filter(|bridge| !node.has_bridge(bridge)) {
            return Err(Fail::die(format!("bridge '{bridge}' does not exist")));
        }
    }
    Ok(())
}

/// A guest that is bigger than its node does not start.
fn check_memory(world: &World, guest: &Guest) -> Result<(), Fail> {
    let bytes = guest.get("memory").and_then(|text| text.parse::<u64>().ok()).unwrap_or(512) << 20;
    let total = world.nodes.get(&guest.node).map_or(u64::MAX, |node| node.spec.memory);
    if !guest.lxc && bytes > total {
        return Err(Fail::die("start failed: QEMU exited with code 1"));
    }
    Ok(())
}

/// Mapped devices are looked at only now (pve-notes section 14).
fn check_devices(world: &World, guest: &Guest) -> Result<(), Fail> {
    for value in guest.config.iter().filter(|(key, _)| key.starts_with("hostpci")).map(|(_, value)| value) {
        let Some(id) = value.split(',').find_map(|part| part.strip_prefix("mapping=")) else { continue };
        let mapping = world.mappings.get("pci").and_then(|mappings| mappings.get(id));
        let Some(mapping) = mapping else {
            return Err(Fail::die(format!("PCI device mapping not found for '{id}'")));
        };
        let here = format!("node={}", guest.node);
        let entry = mapping.map.iter().find(|entry| entry.split(',').any(|part| part == here));
        let Some(entry) = entry else {
            return Err(Fail::die(format!(
                "PCI device mapping invalid (hardware probably changed): no entry for node '{}'",
                guest.node
            )));
        };
        if let Some(problem) = world.mapping_problem(&guest.node, entry) {
            return Err(Fail::die(format!("PCI device mapping invalid (hardware probably changed): {problem}")));
        }
        let path = entry.split(',').find_map(|part| part.strip_prefix("path=")).unwrap_or_default();
        let busy = world.guests.values().find(|other| {
            other.vmid != guest.vmid
                && other.run.is_some()
                && other.node == guest.node
                && other.config.values().any(|value| {
                    value.split(',').find_map(|part| part.strip_prefix("mapping=")).is_some_and(|other| other == id)
                })
        });
        if let Some(other) = busy {
            return Err(Fail::die(format!("PCI device '{path}' already in use by VMID '{}'", other.vmid)));
        }
    }
    Ok(())
}

/// The guest runs.
pub(super) fn finish_start(world: &mut World, vmid: u32) -> Result<(), Fail> {
    settle_pending(world, vmid);
    let Some(guest) = world.guests.get_mut(&vmid) else { return Ok(()) };
    if guest.get("lock") == Some("suspended") {
        let (node, state) = (guest.node.clone(), guest.config.remove("vmstate").unwrap_or_default());
        for key in ["lock", "runningmachine", "runningcpu"] {
            guest.config.remove(key);
        }
        world.take_volume(&node, &state);
    }
    let Some(guest) = world.guests.get(&vmid) else { return Ok(()) };
    let os = boots(world, guest);
    let installer = installer::boots(world, guest).filter(|_| os.is_none());
    let (pid, since) = (world.new_pid(), world.now);
    if let Some(guest) = world.guests.get_mut(&vmid) {
        let cloudinit = guest.told();
        guest.cloudinit.clear();
        guest.run = Some(Run { since, pid, paused: false, os, cloudinit, installer });
    }
    world.learn_agent(vmid);
    Ok(())
}

/// Stops at once; stopping what is stopped is fine. What was pending is applied.
pub(super) fn stop(world: &mut World, vmid: u32) -> Result<(), Fail> {
    if let Some(guest) = world.guests.get_mut(&vmid) {
        guest.run = None;
    }
    settle_pending(world, vmid);
    Ok(())
}

/// How a shutdown will go: a system with an ear for it goes down; without one the time runs out.
pub(super) fn begin_shutdown(
    world: &mut World,
    task: &Task,
    vmid: u32,
    timeout: u64,
    skiplock: bool,
) -> Result<u64, Fail> {
    let guest = stopping(world, &task.node, vmid, skiplock)?;
    let Some(run) = &guest.run else { return Ok(world.pace.ms(200)) };
    let agent = guest.get("agent").is_some_and(|agent| agent.starts_with('1') || agent.contains("enabled=1"));
    let dead = agent && !world.agent_answers(guest);
    let listening = run.os.is_some() && world.is_booted(guest) && !run.paused;
    let late = if dead { quirks::DEAD_AGENT_DELAY } else { 0 };
    let needed = world.pace.ms(6_000) + late;
    let limit = world.pace.limit(timeout * 1000) + late;
    Ok(if listening { needed.min(limit) } else { limit })
}

/// Whether a shutdown that has had its time brought the guest down.
fn went_down(world: &World, vmid: u32) -> bool {
    world.guests.get(&vmid).is_none_or(|guest| {
        guest.run.as_ref().is_none_or(|run| run.os.is_some() && world.is_booted(guest) && !run.paused)
    })
}

pub(super) fn finish_shutdown(world: &mut World, task: &mut Task, vmid: u32, force: bool) -> Result<(), Fail> {
    if went_down(world, vmid) {
        return stop(world, vmid);
    }
    if force {
        task.say("VM still running - terminating now with SIGTERM");
        return stop(world, vmid);
    }
    Err(Fail::die("VM quit/powerdown failed - got timeout"))
}

/// A reboot is a shutdown and a start by root@pam in a task of its own (pve-notes section 14).
pub(super) fn finish_reboot(world: &mut World, vmid: u32) -> Result<(), Fail> {
    if !went_down(world, vmid) {
        return Err(Fail::die("VM quit/powerdown failed - got timeout"));
    }
    stop(world, vmid)?;
    let Some(guest) = world.guests.get(&vmid) else { return Ok(()) };
    let (node, kind) = (guest.node.clone(), if guest.lxc { "vzstart" } else { "qmstart" });
    let root = Identity::user("root@pam");
    world.start_task(&node, kind, &vmid.to_string(), &root, Locks::alone(vmid), Job::Start { vmid, skiplock: false });
    Ok(())
}

pub(super) fn reset(world: &mut World, vmid: u32) -> Result<(), Fail> {
    let now = world.now;
    if let Some(run) = world.guests.get_mut(&vmid).and_then(|guest| guest.run.as_mut()) {
        run.since = now;
    }
    Ok(())
}

pub(super) fn pause(world: &mut World, vmid: u32, paused: bool) -> Result<(), Fail> {
    if let Some(run) = world.guests.get_mut(&vmid).and_then(|guest| guest.run.as_mut()) {
        run.paused = paused;
    }
    Ok(())
}

impl World {
    /// Where a guest's state is saved: on the storage of its disks, or on the first that holds images.
    pub(crate) fn state_storage(&self, vmid: u32) -> String {
        let of_disk = self.guests.get(&vmid).and_then(|guest| {
            guest.drives().into_iter().find_map(|(key, value)| {
                let volid = value.split(',').next()?.to_owned();
                let (storage, _) = volid.split_once(':')?;
                (!key.starts_with("unused") && !value.contains("media=cdrom")).then(|| storage.to_owned())
            })
        });
        let any = || self.storages.keys().find(|id| self.storage_holds(id, "images")).cloned();
        of_disk.or_else(any).unwrap_or_else(|| "local".to_owned())
    }

    /// Makes the volume that a guest's memory is saved on.
    pub(crate) fn save_state(&mut self, vmid: u32, storage: &str, name: &str) -> Result<String, Fail> {
        let Some(guest) = self.guests.get(&vmid) else { return Ok(String::new()) };
        let memory = guest.get("memory").and_then(|text| text.parse::<u64>().ok()).unwrap_or(512);
        let (node, role) = (guest.node.clone(), format!("state-{name}"));
        let bytes = (memory * 2 + 500) << 20;
        let new = New { node: &node, vmid, storage, bytes, format: "raw", os: None, role: &role };
        disk::allocate(self, None, &new)
    }

    /// Whether the guest's system is up: a small one takes about 11 s (pve-notes section 14).
    pub(crate) fn is_booted(&self, guest: &Guest) -> bool {
        let boot = self.pace.ms(if guest.lxc { 2_000 } else { 11_000 });
        guest.run.as_ref().is_some_and(|run| run.os.is_some() && self.now >= run.since + boot)
    }

    /// Whether the agent answers: switched on, installed, booted, not paused.
    pub(crate) fn agent_answers(&self, guest: &Guest) -> bool {
        guest.run.as_ref().is_some_and(|run| !run.paused && run.os.is_some_and(|os| os.agent)) && self.is_booted(guest)
    }

    /// A CD or snippet that installs the agent has done so by the time the guest is up; the disk keeps it.
    fn learn_agent(&mut self, vmid: u32) {
        let Some(guest) = self.guests.get(&vmid) else { return };
        let node = guest.node.clone();
        let volid = |text: &str| text.split(',').next().unwrap_or_default().to_owned();
        let teaches = guest.config.values().any(|value| {
            let names = value.split(',').map(|part| part.split_once('=').map_or(part, |(_, name)| name));
            names.into_iter().any(|name| {
                self.volume(&node, name).is_some_and(|volume| {
                    matches!(volume.content.as_str(), "iso" | "snippets") && volume.os.is_some_and(|os| os.agent)
                })
            })
        });
        if !teaches {
            return;
        }
        let order = guest.get("boot").and_then(boot_devices).unwrap_or_default();
        let disks: Vec<String> = order.iter().filter_map(|device| guest.get(device)).map(volid).collect();
        for disk in disks {
            if let Some(os) = self.volume_mut(&node, &disk).and_then(|volume| volume.os.as_mut()) {
                os.agent = true;
            }
        }
        if let Some(os) =
            self.guests.get_mut(&vmid).and_then(|guest| guest.run.as_mut()).and_then(|run| run.os.as_mut())
        {
            os.agent = true;
        }
    }
}
