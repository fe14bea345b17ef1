use homelab_core::{Lab, Site};
use homelab_truenas::{Nas, Pool, topology::NasDisks};

const NAS: Site<Nas> = Site::named("nas");

fn main() {
    let mut lab = Lab::named("home");
    let disks = NAS.disks(["ZA1", "ZA2", "ZA3"]);
    lab.add(Pool::named("bulk").on(NAS).raidz2(disks));
}
