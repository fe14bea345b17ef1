//! UEFI on a clone of a template that has it not: the guest would hang at the BIOS's screen.
use homelab_core::{Lab, Site};
use homelab_proxmox::{Node, Pve, Template, Vm};
const PVE: Site<Pve> = Site::named("pve");
const DIN: Node = Node::of(PVE, "din");

fn main() {
    let mut lab = Lab::named("home");
    let ubuntu = lab.add(Template::ubuntu_24_04(9000).on(DIN).cloud_init());
    lab.add(Vm::clone_from(ubuntu).on(DIN).named("web").uefi());
}
