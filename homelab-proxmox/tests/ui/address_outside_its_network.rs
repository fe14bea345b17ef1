//! An address that its network does not have.
use homelab_core::units::{HostAddr, Network};

const LAN: Network = Network::new("LAN", [192, 168, 0, 0], 24).vlan(20).gateway(1);
const WEB: HostAddr = LAN.host(256);

fn main() {
    println!("{WEB}");
}
