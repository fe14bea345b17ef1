//! A VM that has no node.
use homelab_core::{Lab, Site};
use homelab_proxmox::{Node, Pve, Template, Vm};
const PVE: Site<Pve> = Site::named("pve");
const DIN: Node = Node::of(PVE, "din");

fn main() {
    let mut lab = Lab::named("home");
    let ubuntu = lab.add(Template::ubuntu_24_04(9000).on(DIN));
    lab.add(Vm::clone_from(ubuntu));
}
