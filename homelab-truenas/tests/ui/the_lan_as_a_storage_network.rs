use homelab_core::units::Network;
use homelab_truenas::resource::StorageNetwork;

const LAN: Network = Network::new("LAN", [192, 168, 0, 0], 24).gateway(1);
const STORAGE: StorageNetwork = StorageNetwork::of(LAN);

fn main() {
    println!("{:?}", STORAGE);
}
