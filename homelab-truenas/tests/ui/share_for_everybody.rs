use homelab_core::{Lab, Site};
use homelab_truenas::{Dataset, Nas, NfsShare, Pool, topology::NasDisks};

const NAS: Site<Nas> = Site::named("nas");

fn main() {
    let mut lab = Lab::named("home");
    let bulk = lab.add(Pool::named("bulk").on(NAS).mirror(NAS.disks(["ZA1", "ZA2"])));
    let media = lab.add(Dataset::of(bulk, "media"));
    lab.add(NfsShare::of(media));
}
