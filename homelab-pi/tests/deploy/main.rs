//! A running Pi brought to another system: names are answered all the while, whatever goes wrong and whenever.
mod back;
mod dark;
mod steps;

use homelab_core::{Lab, ResourceExt, testing::Bench, units::Network};
use homelab_pi::{
    Board, Pi,
    config::{PiHole, Pins, System},
    sim::Flaw,
    testing::PiWorld,
};
use serde_json::Value;

pub(crate) const LAN: Network = Network::new("LAN", [192, 168, 0, 0], 24).gateway(1);
pub(crate) const PINS: Pins = homelab_pi::pins!("../nix/flake.lock");
/// The same sources a day later.
pub(crate) const NEWER: Pins = homelab_pi::pins!("newer.lock");
pub(crate) const KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHUy4sUdyK2ePNnqVAtCY1Sdl6kPnCNKt0bNC8x8yGqP svenlito@proxmox";

pub(crate) fn dns() -> PiHole {
    PiHole::new().records([("grogu", LAN.host(10)), ("pihole", LAN.host(53))])
}

/// With nothing that need not be said.
pub(crate) fn careful(pins: Pins) -> Pi {
    let pi = Pi::named("pihole").board(Board::Pi4).at(LAN.host(53)).login("svenlito", [KEY]);
    pi.system(System::nixos_25_11(pins))
}

pub(crate) fn pi(pins: Pins, dns: PiHole) -> Pi {
    careful(pins).second_resolver(LAN.host(1)).dns(dns).accept_boot_changes()
}

pub(crate) fn lab_of(pi: Pi) -> Lab {
    let mut lab = Lab::named("home");
    lab.add(pi.adopt());
    lab
}

/// The lab as it is.
pub(crate) fn lab() -> Lab {
    lab_of(pi(PINS, dns()))
}

/// A Pi whose systems are as flawed as one of their names says.
pub(crate) fn world() -> PiWorld {
    PiWorld::new(LAN.host(53).ip(), |description: &Value| {
        let has = |name: &str| description["records"].get(name).is_some();
        match () {
            () if has("no-names.lan") => Flaw::NoNames,
            () if has("no-network.lan") => Flaw::NoNetwork,
            () if has("no-activation.lan") => Flaw::NoActivation,
            () => Flaw::None,
        }
    })
}

/// A Pi that has been deployed.
pub(crate) async fn deployed() -> Bench<PiWorld> {
    let bench = Bench::new(world());
    let run = bench.deploy(lab()).await;
    assert!(run.is_success(), "{}", run.story());
    bench
}
