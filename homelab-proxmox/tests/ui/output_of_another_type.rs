//! A name where an address belongs.
use homelab_core::{Lab, Site, units::{HostAddr, Network}};
use homelab_proxmox::{Node, Pve, Template, Vm};
const PVE: Site<Pve> = Site::named("pve");
const DIN: Node = Node::of(PVE, "din");
const LAN: Network = Network::new("LAN", [192, 168, 0, 0], 24).vlan(20).gateway(1);
const WEB: HostAddr = LAN.host(202);

fn main() {
    let mut lab = Lab::named("home");
    let ubuntu = lab.add(Template::ubuntu_24_04(9000).on(DIN).cloud_init());
    let dns = lab.add(Vm::clone_from(ubuntu).on(DIN).named("dns").at(WEB));
    lab.add(Vm::clone_from(ubuntu).on(DIN).named("web").resolver(dns.name()));
}
