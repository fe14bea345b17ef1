//! One VM on one node, cloned from one template: the smallest lab that is worth having.
use homelab_core::{
    Lab, Site, Sites, cli,
    units::{Network, SizeUnits},
};
use homelab_proxmox::{
    Node, Pve, Template, Vm,
    site::{Cluster, Hardware},
};
use std::process::ExitCode;

const PVE: Site<Pve> = Site::named("pve");
const NODE: Node = Node::of(PVE, "pve");
const LAN: Network = Network::new("LAN", [192, 168, 0, 0], 24).gateway(1);
/// Who may log in: the public half of an SSH key, which is no secret.
const ME: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHUy4sUdyK2ePNnqVAtCY1Sdl6kPnCNKt0bNC8x8yGqP you@laptop";

fn lab() -> Lab {
    let mut lab = Lab::named("one-vm");
    let ubuntu = lab.add(Template::ubuntu_24_04(9000).on(NODE).uefi().cloud_init());
    lab.add(
        Vm::clone_from(ubuntu)
            .on(NODE)
            .id(201)
            .named("newservice-server")
            .cores(2)
            .memory(4096.mib())
            .disk(50.gib())
            .at(LAN.host(202))
            .authorized_keys([ME])
            .tags(["ubuntu", "newservice", "production"]),
    );
    lab
}

/// Where Proxmox VE is, and the machine that the sandbox simulates in its place.
fn sites() -> Sites {
    Sites::new().with(PVE, Cluster::at(["https://192.168.0.10:8006"]).node(NODE, Hardware::default()))
}

fn main() -> ExitCode {
    cli::run(lab, sites)
}

#[cfg(test)]
mod tests;
