//! A cluster of two nodes with a template on each, two name servers that stand in for each other, and a web server that asks both.
mod rules;

use homelab_core::{
    Handle, Lab, Site, Sites, cli,
    units::{HostAddr, Network, SizeUnits},
};
use homelab_proxmox::{
    Node, Pve, Template, Vm,
    resource::{CloudInit, Uefi},
    site::{Cluster, Hardware},
};
use std::process::ExitCode;

const PVE: Site<Pve> = Site::named("pve");
const ALICE: Node = Node::of(PVE, "alice");
const BOB: Node = Node::of(PVE, "bob").bridge("vmbr1");
const SERVERS: Network = Network::new("servers", [10, 20, 0, 0], 24).vlan(20).gateway(1);
/// Who may log in: the public half of an SSH key, which is no secret.
const ME: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHUy4sUdyK2ePNnqVAtCY1Sdl6kPnCNKt0bNC8x8yGqP you@laptop";

type Debian = Handle<Template<Uefi, CloudInit>>;

fn lab() -> Lab {
    let mut lab = Lab::named("two-nodes");
    lab.check(rules::name_servers_are_on_different_nodes);

    // A template on each node: its clones need not be copied from one to the other.
    let [on_alice, on_bob] = [(9000, ALICE), (9001, BOB)].map(|(vmid, node)| {
        let name = format!("debian-{}", node.name());
        lab.add(Template::debian_13(vmid).named(name).on(node).uefi().cloud_init())
    });

    let (ns1, ns2) = lab.group("dns", |lab| {
        let ns1 = lab.add(guest(on_alice, ALICE, "ns1", SERVERS.host(11)));
        // Using an output of the first is what makes it come first.
        let ns2 = lab.add(guest(on_bob, BOB, "ns2", SERVERS.host(12)).resolver(ns1.ip()));
        (ns1, ns2)
    });
    let web = guest(on_bob, BOB, "web", SERVERS.host(20)).cores(4).memory(8.gib()).disk(100.gib());
    lab.add(web.resolver(ns1.ip()).resolver(ns2.ip()));
    lab
}

/// What all guests here have in common, in one place.
fn guest(template: Debian, node: Node, name: &str, at: HostAddr) -> Vm<Uefi, CloudInit> {
    let small = Vm::clone_from(template).on(node).named(name).cores(1).memory(1.gib()).disk(10.gib());
    small.at(at).user("admin").authorized_keys([ME]).tags(["debian"]).start_on_boot(true)
}

/// Where the cluster is, and the machines that the sandbox simulates in its place.
fn sites() -> Sites {
    let cluster = Cluster::at(["https://10.20.0.2:8006", "https://10.20.0.3:8006"])
        .node(ALICE, Hardware { cores: 8, memory: 32.gib(), disk: 500.gib() })
        .node(BOB, Hardware { cores: 16, memory: 64.gib(), disk: 1.tib() });
    Sites::new().with(PVE, cluster)
}

fn main() -> ExitCode {
    cli::run(lab, sites)
}

#[cfg(test)]
mod tests;
