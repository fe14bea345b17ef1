//! How long a plan with nothing to do takes on a NAS with 200 datasets, 100 of them shared, and how many questions it asks:
//! `cargo run --release -p homelab-truenas --features testing --example noop-plan`.
use homelab_core::{
    Lab, Site,
    plan::{Goal, Wishes},
    testing::{Bench, World as _},
    units::Network,
};
use homelab_truenas::{
    Dataset, Nas, NfsShare, Pool,
    resource::{Preset, StorageNetwork},
    sim::World,
    testing::SimNas,
    topology::NasDisks,
};
use std::{io::Write, time::Instant};

const NAS: Site<Nas> = Site::named("nas");
const STORAGE: StorageNetwork = StorageNetwork::of(Network::new("storage", [10, 10, 10, 0], 24).vlan(10));
const ROUNDS: u32 = 10;

fn lab() -> Lab {
    let mut lab = Lab::named("home");
    let bulk = lab.add(Pool::named("bulk").on(NAS).mirror(NAS.disks(["D1", "D2"])));
    for n in 0..200 {
        let dataset = lab.add(Dataset::of(bulk, format!("d{n}")).preset(Preset::Media));
        if n % 2 == 0 {
            lab.add(NfsShare::of(dataset).for_network(STORAGE));
        }
    }
    lab
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::io::Result<()> {
    let bench = Bench::new(SimNas::new(NAS, World::new("truenas").pace(0.0).disks("D", 2, 8_000_000_000_000)));
    let run = bench.deploy(lab()).await;
    assert!(run.is_success(), "{}", run.story());
    let (began, before) = (Instant::now(), bench.world.calls());
    for _ in 0..ROUNDS {
        assert!(bench.plan(lab(), &Wishes::new(Goal::Deploy)).await.is_noop());
    }
    let (each, calls) = (began.elapsed() / ROUNDS, (bench.world.calls() - before) / u64::from(ROUNDS));
    writeln!(std::io::stdout(), "{:.1} ms, {calls} calls", each.as_secs_f64() * 1000.0)
}
