//! A device is one piece of hardware: it is moved into the guest that gets it.
use homelab_core::{Lab, Site};
use homelab_proxmox::{Node, Vm};

const DIN: Node = Node::of(Site::named("pve"), "din");

fn main() {
    let mut lab = Lab::named("home");
    let h330 = DIN.pci("1000:0097").map(&mut lab, "h330");
    lab.add(Vm::blank().uefi().on(DIN).id(300).named("nas").passthrough([h330]));
    lab.add(Vm::blank().uefi().on(DIN).id(301).named("other").passthrough([h330]));
}
