use homelab_core::{Lab, Site, units::Network};
use homelab_truenas::{Dataset, Nas, NfsShare, Pool, topology::NasDisks};

const NAS: Site<Nas> = Site::named("nas");
const LAN: Network = Network::new("LAN", [192, 168, 0, 0], 24).gateway(1);

fn main() {
    let mut lab = Lab::named("home");
    let bulk = lab.add(Pool::named("bulk").on(NAS).mirror(NAS.disks(["ZA1", "ZA2"])));
    let media = lab.add(Dataset::of(bulk, "media"));
    lab.add(NfsShare::of(media).for_network(LAN));
}
