//! `pvecm` on the machines of the nodes: it begins a cluster, joins one, and gives another machine a vote. It runs as a unit of its own,
//! as it has to where the connection may be lost meanwhile; called directly it would end with it.
use super::computers::Joined;
use super::world::{Apart, World};
use homelab_core::{
    host::Output,
    sim::{Net, SimMachine},
};
use serde_json::json;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The public half of the key by which a node logs in to others.
pub(super) const KEY: &str = "/root/.ssh/id_rsa.pub";
/// Who may log in to the nodes of a cluster.
pub(super) const ALLOWED: &str = "/etc/pve/priv/authorized_keys";
/// Who may log in to another machine.
const ALLOWED_ELSEWHERE: &str = "/root/.ssh/authorized_keys";
/// Whom a node knows.
const KNOWN: &str = "/root/.ssh/known_hosts";
/// What its file system for the cluster says of itself, and of all guests.
const MEMBERS: &str = "/etc/pve/.members";
const GUESTS: &str = "/etc/pve/.vmlist";

/// What was asked of a node's `pvecm`, and how it ended.
#[derive(Clone, Debug, Default)]
pub(super) struct Desk(Arc<Mutex<Job>>);

#[derive(Clone, Debug, Default)]
struct Job {
    /// The arguments of what is still to be done.
    asked: Option<Vec<String>>,
    failed: bool,
    said: String,
    /// What the machine was told last of the cluster and of the guests.
    told: [String; 2],
}

impl Desk {
    fn job(&self) -> MutexGuard<'_, Job> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A call of a program on the machine, if it is about this.
    fn call(&self, argv: &[String]) -> Option<Output> {
        let words: Vec<&str> = argv.iter().map(String::as_str).collect();
        let said = |text: &str| Some(Output { status: 0, stdout: text.as_bytes().to_vec(), stderr: vec![] });
        let refused = |text: String| Some(Output { status: 1, stdout: vec![], stderr: text.into_bytes() });
        let unit = |text: &str| text.ends_with("homelab-cluster.service");
        let mut job = self.job();
        match words.as_slice() {
            ["systemd-run", options @ ..] => {
                let at = options.iter().position(|word| *word == "pvecm")?;
                if job.failed || job.asked.is_some() {
                    let text = "Failed to start transient service unit: Unit homelab-cluster.service was already loaded or has \
                                a fragment file.\n";
                    return refused(text.to_owned());
                }
                job.asked = Some(options[at + 1..].iter().map(|word| (*word).to_owned()).collect());
                said("")
            }
            ["systemctl", "reset-failed", name] if unit(name) => {
                if !std::mem::take(&mut job.failed) {
                    return refused(format!("Failed to reset failed state of unit {name}: Unit {name} not loaded.\n"));
                }
                said("")
            }
            // What was asked for takes no time: it is done before anybody hears of the cluster the next time.
            ["systemctl", "show", .., name] if unit(name) => said(if job.failed { "failed\n" } else { "inactive\n" }),
            ["journalctl", .., name] if unit(name) => said(&job.said),
            _ => None,
        }
    }
}

impl Joined {
    /// Has the machines of the nodes know `pvecm`, and does what it was asked for.
    pub(super) fn sync_clusters(&mut self, world: &mut World) {
        let names: Vec<String> =
            world.all_nodes().filter(|(_, n)| !n.addresses.is_empty()).map(|(n, _)| n.clone()).collect();
        for name in &names {
            let Some(machine) = self.net.machine(&self.node_id(name)) else { continue };
            let desk = self.desks.entry(name.clone()).or_insert_with(|| {
                let desk = Desk::default();
                let theirs = desk.clone();
                machine.on_command(move |argv, _| theirs.call(argv));
                desk
            });
            let asked = desk.job().asked.clone();
            if let Some(asked) = asked.filter(|_| world.is_up(name)) {
                let around = Around { net: &self.net, machine: &machine };
                let done = world.pvecm(name, &asked, &around);
                let mut job = desk.job();
                job.asked = None;
                job.failed = done.is_err();
                job.said = done.err().unwrap_or_default();
            }
        }
        for name in names {
            let told = [world.members_file(&name), world.guests_file(&name)];
            if let Some(desk) = self.desks.get(&name).filter(|desk| desk.job().told != told) {
                let id = self.node_id(&name);
                self.net.somebody_writes(&id, &[MEMBERS], &told[0]);
                self.net.somebody_writes(&id, &[GUESTS], &told[1]);
                desk.job().told = told;
            }
        }
    }
}

/// The machine that asks, and whom it can reach.
struct Around<'a> {
    net: &'a Net,
    machine: &'a SimMachine,
}

impl Around<'_> {
    /// Whether root of this machine can log in to root at an address with his key, and knows who answers there.
    fn can_log_in(&self, address: &str, allowed: &str) -> bool {
        let there =
            address.parse::<IpAddr>().ok().and_then(|ip| self.net.at(ip)).and_then(|(id, _)| self.net.machine(&id));
        let lines = |text: Option<String>| text.unwrap_or_default().lines().map(str::to_owned).collect::<Vec<_>>();
        let key = self.machine.text(KEY).unwrap_or_default();
        let known = lines(self.machine.text(KNOWN));
        let lets_in = |there: Arc<SimMachine>| lines(there.text(allowed)).iter().any(|line| line == key.trim());
        known.iter().any(|line| line.split(' ').next() == Some(address)) && there.is_some_and(lets_in)
    }

    fn has_package(machine: &SimMachine, name: &str) -> bool {
        machine.inventory().lines().any(|line| line.starts_with(&format!("package {name} ")))
    }
}

/// Options by name, and what is left.
fn options(words: &[String]) -> (BTreeMap<&str, &str>, Vec<&str>) {
    let (mut named, mut left) = (BTreeMap::new(), vec![]);
    let mut words = words.iter().map(String::as_str);
    while let Some(word) = words.next() {
        match word.strip_prefix("--") {
            Some(name) => drop(named.insert(name, words.next().unwrap_or_default())),
            None => left.push(word),
        }
    }
    (named, left)
}

impl World {
    fn pvecm(&mut self, node: &str, words: &[String], around: &Around<'_>) -> Result<(), String> {
        let (named, left) = options(words);
        let links: Vec<String> =
            (0..8).filter_map(|n| named.get(format!("link{n}").as_str())).map(|text| (*text).to_owned()).collect();
        match left.as_slice() {
            ["create", name] => self.begin_cluster(node, name, links),
            ["add", peer] => self.join_cluster(node, peer, links, around),
            ["qdevice", "setup", address] => self.set_up_qdevice(address, around),
            other => Err(format!("ERROR: unknown command 'pvecm {}'\n", other.join(" "))),
        }
    }

    fn begin_cluster(&mut self, node: &str, name: &str, links: Vec<String>) -> Result<(), String> {
        if self.cluster_of(node).is_some() {
            return Err("cluster config '/etc/pve/corosync.conf' already exists\n".to_owned());
        }
        if name.len() > 15 {
            return Err(
                "400 Parameter verification failed.\nclustername: value may only be 15 characters long\n".to_owned()
            );
        }
        match self.apart.get_mut(node) {
            Some(apart) => apart.cluster = Some(name.to_owned()),
            None => {
                self.cluster = Some(name.to_owned());
                self.links.insert(node.to_owned(), links);
            }
        }
        Ok(())
    }

    fn join_cluster(&mut self, node: &str, peer: &str, links: Vec<String>, around: &Around<'_>) -> Result<(), String> {
        let mut wrong = String::new();
        if self.cluster_of(node).is_some() {
            wrong.push_str("* authentication key '/etc/corosync/authkey' already exists\n");
            wrong.push_str("* cluster config '/etc/pve/corosync.conf' already exists\n");
        }
        if self.apart.get(node).is_some_and(|apart| !apart.guests.is_empty()) {
            wrong.push_str("* this host already contains virtual guests\n");
        }
        for (n, link) in links.iter().enumerate().filter(|(_, link)| !self.has_address(node, link)) {
            wrong.push_str(&format!("* link{n}: cannot use IP '{link}', not found on local node!\n"));
        }
        if !wrong.is_empty() {
            return Err(format!("detected the following error(s):\n{wrong}Check if node may join a cluster failed!\n"));
        }
        if !around.can_log_in(peer, ALLOWED) {
            return Err("unable to copy ssh ID\n".to_owned());
        }
        let fails = |why: &str| {
            let text = format!("ssh {peer} -o BatchMode=yes pvecm addnode {node} --force 1");
            Err(format!("{why}unable to add node: command failed ({text})\n"))
        };
        if self.cluster.is_none() {
            return fails("");
        }
        if !self.is_quorate() {
            return fails("cluster not ready - no quorum?\n");
        }
        if let Some(Apart { node: there, .. }) = self.apart.remove(node) {
            self.nodes.insert(node.to_owned(), there);
            self.links.insert(node.to_owned(), links);
        }
        Ok(())
    }

    fn set_up_qdevice(&mut self, address: &str, around: &Around<'_>) -> Result<(), String> {
        if let Some(away) = self.nodes.keys().find(|name| !self.is_online(name)) {
            return Err(format!("All nodes must be online! Node {away} is offline, aborting.\n"));
        }
        if self.qdevice.is_some() {
            return Err("QDevice already configured!\n".to_owned());
        }
        if self.nodes.len() % 2 == 1 {
            return Err("Clusters with an odd node count are not officially supported!\n".to_owned());
        }
        if !around.can_log_in(address, ALLOWED_ELSEWHERE) {
            return Err(format!("command 'ssh-copy-id -i /root/.ssh/id_rsa root@{address}' failed: exit code 1\n"));
        }
        let there = address.parse().ok().and_then(|ip| around.net.at(ip)).and_then(|(id, _)| around.net.machine(&id));
        if !there.is_some_and(|there| Around::has_package(&there, "corosync-qnetd")) {
            return Err("bash: line 1: corosync-qnetd-certutil: command not found\n".to_owned());
        }
        if !Around::has_package(around.machine, "corosync-qdevice") {
            return Err("command 'corosync-qdevice-net-certutil -r' failed: No such file or directory\n".to_owned());
        }
        self.qdevice = Some(address.to_owned());
        Ok(())
    }

    /// The cluster that a node is in.
    fn cluster_of(&self, node: &str) -> Option<&str> {
        self.apart.get(node).map_or(self.cluster.as_deref(), |apart| apart.cluster.as_deref())
    }

    fn has_address(&self, node: &str, address: &str) -> bool {
        let cidrs = self
            .hardware(node)
            .into_iter()
            .flat_map(|node| node.network.values())
            .filter_map(|options| options.get("cidr"));
        cidrs.into_iter().any(|cidr| cidr.split('/').next() == Some(address))
    }

    /// What the cluster's file system says of the nodes.
    fn members_file(&self, node: &str) -> String {
        let Some(cluster) = self.cluster_of(node) else {
            return json!({"nodename": node, "version": 0}).to_string();
        };
        let quorate = u8::from(self.apart.contains_key(node) || self.is_quorate());
        json!({"nodename": node, "version": 2, "cluster": {"name": cluster, "version": 2, "quorate": quorate}})
            .to_string()
    }

    /// What it says of the guests.
    fn guests_file(&self, node: &str) -> String {
        let ids: BTreeMap<String, _> = match self.apart.get(node) {
            Some(apart) => {
                apart.guests.iter().map(|id| (id.to_string(), json!({"node": node, "type": "qemu"}))).collect()
            }
            None => {
                let kind = |lxc| if lxc { "lxc" } else { "qemu" };
                let row = |lxc, node: &str| json!({"node": node, "type": kind(lxc)});
                self.guests.iter().map(|(id, guest)| (id.to_string(), row(guest.lxc, &guest.node))).collect()
            }
        };
        json!({"version": 1, "ids": ids}).to_string()
    }
}
