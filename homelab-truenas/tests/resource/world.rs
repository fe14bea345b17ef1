//! The simulated NAS of these tests, and labs on it.
use homelab_core::{
    Handle, Lab, Providers, Site,
    testing::{Bench, Traffic},
};
use homelab_truenas::{
    Dataset, Nas, Pool,
    rpc::Call,
    sim::{DiskSpec, World},
    testing::SimNas,
    topology::NasDisks,
};
use serde_json::Value;

pub(crate) const NAS: Site<Nas> = Site::named("nas");
pub(crate) const TB: u64 = 1_000_000_000_000;

/// Twelve disks of 8 TB, `D1` to `D12`, and two SSDs, `S1` and `S2`. Nothing takes time.
pub(crate) fn shelf() -> World {
    let world = World::new("truenas").pace(0.0).disks("D", 12, 8 * TB);
    world.disk(DiskSpec::ssd("S1", TB / 5)).disk(DiskSpec::ssd("S2", TB / 5))
}

/// What somebody else does on the NAS.
pub(crate) async fn call(nas: &SimNas, method: &str, params: Vec<Value>) -> Value {
    nas.sim().link("root").call(&Call::new(method, params)).await.unwrap_or_else(|e| panic!("{method}: {e}"))
}

pub(crate) fn bench() -> Bench<SimNas> {
    Bench::new(SimNas::new(NAS, shelf()))
}

/// A lab with a pool of two disks.
pub(crate) fn with_pool<T>(declare: impl FnOnce(&mut Lab, Handle<Pool>) -> T) -> Lab {
    let mut lab = Lab::named("home");
    let bulk = lab.add(Pool::named("bulk").on(NAS).mirror(NAS.disks(["D1", "D2"])));
    declare(&mut lab, bulk);
    lab
}

/// A lab with a dataset.
pub(crate) fn with_dataset<T>(declare: impl FnOnce(&mut Lab, Handle<Dataset>) -> T) -> Lab {
    with_pool(|lab, bulk| {
        let media = lab.add(Dataset::of(bulk, "media"));
        declare(lab, media)
    })
}

/// A NAS in whose inventory two things do not count: an exported pool, for exporting is all that a deletion of one does, and services,
/// which shares start and leave running.
pub(crate) struct Exported(pub(crate) SimNas);

impl homelab_core::testing::World for Exported {
    fn providers(&self) -> Providers {
        self.0.providers()
    }
    fn traffic(&self) -> &Traffic {
        self.0.traffic()
    }
    fn secrets(&self) -> Vec<(&'static str, &'static str)> {
        vec![("PROBE_CHAP", "correct horse")]
    }
    fn inventory(&self) -> String {
        let all = self.0.inventory();
        let exported: Vec<&str> =
            all.lines().filter_map(|line| line.strip_prefix("exported pool ")?.split(' ').next()).collect();
        // What lies in an exported pool is with it; shares and tasks are kept, turned off, for when it comes back.
        let with_it = |line: &str| {
            let of = |pool: &&str| {
                ["/mnt/", "zvol/", "\"", " "].iter().any(|before| line.contains(&format!("{before}{pool}/")))
            };
            exported.iter().any(of)
        };
        let mut within = false;
        let kept = all.lines().filter(|line| {
            within = line.starts_with("exported pool") || (within && line.starts_with("  "));
            !within && !with_it(line) && !line.starts_with("disk ") && !line.starts_with("service ")
        });
        kept.map(|line| format!("{line}\n")).collect()
    }
}

pub(crate) fn world() -> Exported {
    Exported(SimNas::new(NAS, shelf()))
}

/// The same of 25.04.
pub(crate) fn old_world() -> Exported {
    Exported(SimNas::new(NAS, shelf().release("25.04.2")))
}

/// In an ordinary test run faults strike at a sample of the calls; `.ci/run` does all.
pub(crate) fn nth() -> usize {
    std::env::var("HOMELAB_SWEEP_EVERY").ok().and_then(|n| n.parse().ok()).unwrap_or(11)
}
