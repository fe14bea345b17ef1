use homelab_core::Lab;
use homelab_truenas::Dataset;

fn main() {
    let mut lab = Lab::named("home");
    lab.add(Dataset::of("bulk", "media"));
}
