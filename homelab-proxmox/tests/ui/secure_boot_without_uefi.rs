//! Secure Boot without UEFI.
use homelab_core::{Lab, Site};
use homelab_proxmox::{Node, Pve, Template};
const PVE: Site<Pve> = Site::named("pve");
const DIN: Node = Node::of(PVE, "din");

fn main() {
    let mut lab = Lab::named("home");
    lab.add(Template::ubuntu_24_04(9000).on(DIN).secure_boot());
}
