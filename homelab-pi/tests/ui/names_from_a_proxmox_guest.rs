//! Names that are served from a guest of Proxmox VE: nobody would answer while its node is restarted.
use homelab_core::{Handle, Site};
use homelab_pi::pihole::{Appliance, DnsGate, Pihole};
use homelab_proxmox::Vm;

const PIHOLE: Site<Pihole> = Site::named("pihole");

fn gate(guest: Handle<Vm>) -> DnsGate {
    DnsGate::of(Appliance::of(PIHOLE)).served_by(guest)
}

fn main() {}
