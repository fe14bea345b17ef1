//! The name server on a guest of Proxmox VE: names would be gone while its node is restarted.
use homelab_core::{Lab, Site, units::SizeUnits};
use homelab_pi::pihole::{Appliance, DnsGate, Pihole};
use homelab_proxmox::{Node, Pve, Vm};
const PVE: Site<Pve> = Site::named("pve");
const DIN: Node = Node::of(PVE, "din");
const PIHOLE: Site<Pihole> = Site::named("pihole");

fn main() {
    let mut lab = Lab::named("home");
    let dns = lab.add(Vm::blank().on(DIN).id(53).named("pihole").memory(1.gib()).disk(4.gib()));
    lab.add(DnsGate::of(Appliance::of(PIHOLE)).served_by(dns));
}
