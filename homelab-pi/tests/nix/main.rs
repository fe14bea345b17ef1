//! What is generated: read back by a parser, laid out as a formatter would, every option known, reviewed as a whole.
mod golden;
mod options;
mod syntax;

use homelab_core::units::{HostAddr, Network};
use homelab_pi::{
    Board, Pi,
    config::{ContainerImage, PiHole, Pins, System},
    nix::Addresses,
};
use std::net::IpAddr;

pub(crate) const LAN: Network = Network::new("LAN", [192, 168, 0, 0], 24).gateway(1);
pub(crate) const PINS: Pins = homelab_pi::pins!("flake.lock");
pub(crate) const KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHUy4sUdyK2ePNnqVAtCY1Sdl6kPnCNKt0bNC8x8yGqP svenlito@proxmox";
pub(crate) const IMAGE: ContainerImage = ContainerImage {
    name: "docker.io/pihole/pihole",
    tag: "2025.08.0",
    digest: "sha256:90a1412b3d3037d1c22131402bde19180d898255b584d685c84d943cf9c14821",
    hash: "sha256-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
};

pub(crate) fn dns() -> PiHole {
    PiHole::new()
        .block("https://raw.githubusercontent.com/StevenBlack/hosts/master/hosts", "StevenBlack")
        .allow("https://lists.example/allow.txt", "ours: ${not} code, \"quoted\"")
        .records([("grogu", LAN.host(10)), ("din", LAN.host(11)), ("pihole", LAN.host(53))])
        .cname("proxmox", "grogu")
        .listen_to_all()
}

pub(crate) fn pi(board: Board, system: System) -> Pi {
    Pi::named("pihole")
        .board(board)
        .at(LAN.host(53))
        .login("svenlito", [KEY])
        .system(system)
        .time_zone("Europe/Berlin")
        .ntp([LAN.host(1)])
        .second_resolver(LAN.host(1))
        .dns(dns())
}

/// Every shape of tree: each release, both ways to run Pi-hole, each board, both upstreams.
pub(crate) fn shapes() -> Vec<(&'static str, Pi)> {
    let tls = |pi: Pi| pi.dns(dns().domain("home.arpa").forward_tls([("9.9.9.9".parse().unwrap(), "dns.quad9.net")]));
    vec![
        ("25.11", pi(Board::Pi4, System::nixos_25_11(PINS))),
        ("25.11 in a container", pi(Board::Pi3, System::nixos_25_11(PINS).in_container(IMAGE))),
        ("25.05", pi(Board::Pi4, System::nixos_25_05(PINS, IMAGE))),
        ("24.11 over TLS", tls(pi(Board::Pi3, System::nixos_24_11(PINS, IMAGE)))),
        ("model 5", pi(Board::Pi5(homelab_pi::board::Untested), System::nixos_25_11(PINS)).keep_generations(3)),
    ]
}

pub(crate) fn addresses() -> Addresses {
    let of = |name: &str, host: HostAddr| (format!("{name}.lan"), IpAddr::from(host));
    [of("grogu", LAN.host(10)), of("din", LAN.host(11)), of("pihole", LAN.host(53))].into()
}
