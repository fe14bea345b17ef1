//! A Pi that nobody could ever log in to.
use homelab_core::units::Network;
use homelab_pi::{Board, Pi};

const LAN: Network = Network::new("LAN", [192, 168, 0, 0], 24).gateway(1);

fn main() {
    let _ = Pi::named("pihole").board(Board::Pi4).at(LAN.host(53)).login("svenlito", []);
}
