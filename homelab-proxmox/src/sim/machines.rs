//! The nodes as computers of the simulated network: each is a Debian with what the installer of Proxmox VE puts on it. A node that is
//! restarted by the API is a machine that boots anew, and the other way round.
use super::computers::Joined;
use super::interfaces;
use super::tasks::{Job, Locks};
use super::world::{Identity, Node, Release, World};
use homelab_core::sim::{Computer, Net, SimMachine};

/// What ifupdown2 has loaded on a simulated machine.
const LOADED: &str = "/run/network/loaded";

/// The file whose code shows the notice, and the part of it that asks for a subscription.
const TOOLKIT: &str = "/usr/share/javascript/proxmox-widget-toolkit/proxmoxlib.js";
const NOTICE: &str =
    "\t\t\tif (res === null || res === undefined || !res ||\n\t\t\t    res.data.status.toLowerCase() !== 'active') {\n";

impl Joined {
    pub(super) fn node_id(&self, node: &str) -> String {
        format!("proxmox/{}/node/{node}", self.site)
    }

    /// Switches the machines of the nodes with them, and takes a node down whose machine was restarted.
    pub(super) fn sync_nodes(&mut self, world: &mut World) {
        let names: Vec<String> =
            world.nodes.iter().filter(|(_, n)| !n.addresses.is_empty()).map(|(n, _)| n.clone()).collect();
        let gone = world.seconds().saturating_sub(std::mem::replace(&mut self.passed, world.seconds()));
        for name in names {
            let id = self.node_id(&name);
            self.net.pass(&id, gone);
            if let (Some(machine), Some(node)) = (self.net.machine(&id), world.nodes.get_mut(&name)) {
                same_network(&self.net, &id, &machine, node);
            }
            let seen = self.boots.get(&name).copied();
            let boots = self.net.machine(&id).map(|machine| machine.boots());
            if world.is_online(&name) && seen.is_some() && boots != seen {
                world.restart_node(&name);
            }
            if !world.is_online(&name) {
                self.net.switch_off(&id);
            } else {
                let addresses = world.nodes.get(&name).map(Node::reachable).unwrap_or_default();
                let computer = Computer::named(&name, addresses);
                if self.net.machine(&id).is_none() {
                    self.net.switch_on(&id, computer.clone());
                    if let (Some(machine), Some(node)) = (self.net.machine(&id), world.nodes.get_mut(&name)) {
                        install(&machine, &name, world.release);
                        same_network(&self.net, &id, &machine, node);
                    }
                    // What was put on it is kept with the next switch.
                    self.net.switch_off(&id);
                }
                self.net.switch_on(&id, computer);
                let line = self.net.machine(&id).and_then(|machine| machine.text("/proc/cmdline")).unwrap_or_default();
                if let Some(node) = world.nodes.get_mut(&name) {
                    node.iommu_off &= !line.contains("iommu=on");
                }
            }
            let boots = self.net.machine(&id).map(|machine| machine.boots());
            self.boots.extend(boots.map(|boots| (name, boots)));
        }
    }
}

/// What the API has loaded is in the file of the machine, and what the machine itself has loaded is what the API shows.
fn same_network(net: &Net, id: &str, machine: &SimMachine, node: &mut Node) {
    let there = machine.text(LOADED);
    let theirs = there.filter(|text| node.written.as_ref().is_some_and(|written| written != text));
    match theirs {
        Some(text) => {
            node.network = interfaces::parse(&text);
            node.written = Some(text);
        }
        None => {
            let text = interfaces::render(&node.network);
            if node.written.as_ref() != Some(&text) {
                net.somebody_writes(id, &[interfaces::FILE, LOADED], &text);
                node.written = Some(text);
            }
        }
    }
}

/// What the installer leaves.
fn install(machine: &SimMachine, name: &str, release: Release) {
    machine.somebody_writes("/etc/hostname", &format!("{name}\n"));
    machine.publish("http://download.proxmox.com/debian/pve", &[]);
    machine.somebody_runs(&["apt-get", "update"]);
    machine.somebody_runs(&["apt-get", "install", "-y", "chrony"]);
    machine.somebody_writes("/etc/pve/storage.cfg", "dir: local\n\tpath /var/lib/vz\n");
    machine.somebody_writes(TOOLKIT, NOTICE);
    match release {
        Release::V8_4 => {
            machine.install("pve-manager", "8.4.21");
            machine.somebody_writes("/etc/apt/trusted.gpg.d/proxmox-release-bookworm.gpg", "key\n");
            let list = |path: &str, what: &str| {
                let line = format!("deb https://enterprise.proxmox.com/debian/{what}\n");
                machine.somebody_writes(&format!("/etc/apt/sources.list.d/{path}.list"), &line);
            };
            list("pve-enterprise", "pve bookworm pve-enterprise");
            list("ceph", "ceph-quincy bookworm enterprise");
        }
        Release::V9_2 => {
            machine.install("pve-manager", "9.2.3");
            machine.somebody_writes("/usr/share/keyrings/proxmox-archive-keyring.gpg", "key\n");
            let sources = |path: &str, what: &str, component: &str| {
                let text = format!(
                    "Types: deb\nURIs: https://enterprise.proxmox.com/debian/{what}\nSuites: trixie\nComponents: {component}\n\
                     Signed-By: /usr/share/keyrings/proxmox-archive-keyring.gpg\n"
                );
                machine.somebody_writes(&format!("/etc/apt/sources.list.d/{path}.sources"), &text);
            };
            sources("pve-enterprise", "pve", "pve-enterprise");
            sources("ceph", "ceph-squid", "enterprise");
        }
    }
}

impl World {
    /// Restarts a node: it is away for a while, its guests go down, and those that start at boot come back.
    pub(crate) fn restart_node(&mut self, name: &str) {
        let until = self.now + self.pace.restart();
        self.take_node_down(name);
        let Some(node) = self.nodes.get_mut(name) else { return };
        node.booted = until;
        // What is staged counts from the next boot on.
        if let Some(staged) = node.staged.take() {
            node.network = staged;
        }
        let starts = |guest: &&super::world::Guest| {
            guest.node == name && guest.get("onboot") == Some("1") && !guest.is_template()
        };
        let starting: Vec<(u32, bool)> =
            self.guests.values().filter(starts).map(|guest| (guest.vmid, guest.lxc)).collect();
        let root = Identity::user("root@pam");
        for (vmid, lxc) in starting {
            let (kind, job) = (if lxc { "vzstart" } else { "qmstart" }, Job::Start { vmid, skiplock: false });
            self.start_task_at(until, name, kind, &vmid.to_string(), &root, Locks::alone(vmid), job);
        }
    }

    /// Switches a node off.
    pub(crate) fn switch_node_off(&mut self, name: &str) {
        self.take_node_down(name);
        if let Some(node) = self.nodes.get_mut(name) {
            node.online = false;
        }
    }

    fn take_node_down(&mut self, name: &str) {
        for guest in self.guests.values_mut().filter(|guest| guest.node == name) {
            guest.run = None;
        }
    }
}
