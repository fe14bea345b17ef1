//! How long the tree of a Pi with a thousand names takes: `cargo bench -p homelab-pi --bench tree`. The target is 20 ms.
#![expect(clippy::print_stdout, reason = "the figure is the result")]
use homelab_core::units::Network;
use homelab_pi::{
    Board, Pi,
    config::{PiHole, Pins, System},
    nix::generate,
};
use std::time::Instant;

const NET: Network = Network::new("big", [10, 0, 0, 0], 16).gateway(1);
const PINS: Pins = homelab_pi::pins!("../tests/nix/flake.lock");
const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHUy4sUdyK2ePNnqVAtCY1Sdl6kPnCNKt0bNC8x8yGqP bench";
const NAMES: u32 = 1000;
const ROUNDS: usize = 101;

fn main() {
    let dns = (2..NAMES + 2).fold(PiHole::new(), |dns, n| dns.record(&format!("host-{n}"), NET.host(n)));
    let pi = Pi::named("pihole").board(Board::Pi4).at(NET.host(53)).login("me", [KEY]);
    let pi = pi.system(System::nixos_25_11(PINS)).dns(dns);
    let addresses = (2..NAMES + 2).map(|n| (format!("host-{n}.lan"), NET.host(n).ip())).collect();
    let mut times: Vec<_> = (0..ROUNDS)
        .map(|_| {
            let began = Instant::now();
            std::hint::black_box(generate(&pi, &addresses));
            began.elapsed()
        })
        .collect();
    times.sort();
    println!("tree of {NAMES} names: median {:?}, slowest {:?}", times[ROUNDS / 2], times[ROUNDS - 1]);
}
