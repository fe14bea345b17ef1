//! What the lab promises, tried on simulated systems.
mod calls;
mod chain;
mod lab;
mod makespan;
mod names;
mod nodes;
mod pi;
mod stacks;
mod storage;
mod sweep;
mod whole;

use crate::{TOLD, guests, net, nodes::Ready};
use homelab_core::{
    AnyHandle, Lab,
    host::Computer,
    sim::{Computer as SimComputer, Net},
};
use std::sync::Arc;

/// The nodes and their guests, behind something that stands for the name service: what a test of the cluster deploys.
fn proxmox() -> Lab {
    let mut lab = Lab::named("home");
    let names = lab.add(Computer::named("pihole", net::PIHOLE));
    crate::proxmox(&mut lab, names, TOLD);
    lab
}

/// The guests alone, on nodes that need nothing.
fn on_ready_nodes() -> Lab {
    let mut lab = Lab::named("home");
    let names = AnyHandle::from(lab.add(Computer::named("pihole", net::PIHOLE)));
    guests::guests(&mut lab, Ready([names; 2]), TOLD);
    lab
}

/// A network with that in it.
fn network() -> Arc<Net> {
    let net = Net::new();
    net.switch_on("pi/pihole", SimComputer::named("pihole", [net::PIHOLE.ip()]));
    net
}
