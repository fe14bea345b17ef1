//! The Proxmox part of the lab, failing at every single call in every way, while tasks take their time: the next run finishes what was begun,
//! with no orphan, no duplicate and nobody's help. It begins with nodes that stand alone.
//!
//! All of it takes minutes on two cores, so an ordinary test run does every fifty-third call and `.ci/run` all of them, with optimisation:
//! `HOMELAB_SWEEP_EVERY=1 cargo test --profile sweep -p lab sweep`.
use super::{network, proxmox};
use crate::sites::PVE;
use homelab_core::{
    Providers,
    testing::{Traffic, World, sweep_every},
};
use homelab_proxmox::{sim::Pace, testing::SimWorld};

/// A twentieth of real times: long enough to be killed in the midst of every task, with few of the looks at it, which are alike.
const PACE: f64 = 0.05;

/// The cluster, but for what its nodes are reached by: that stays when the lab is destroyed.
struct Cluster(SimWorld);

impl Cluster {
    fn new() -> Cluster {
        let world = crate::sites::cluster(crate::nodes::MD1200_CONTROLLER).from_single_nodes().world("home");
        Cluster(SimWorld::new(PVE, world.pace(Pace::scaled(PACE))).joined(network()))
    }
}

impl World for Cluster {
    fn providers(&self) -> Providers {
        self.0.providers()
    }
    fn traffic(&self) -> &Traffic {
        self.0.traffic()
    }
    fn inventory(&self) -> String {
        let stays = |line: &&str| {
            let what = line.trim_start_matches("gone: ").split(':').next().unwrap_or_default();
            what.starts_with("interface of ") && (what.ends_with(" vmbr0") || what.ends_with(" vmbr0.20"))
        };
        self.0.inventory().lines().filter(|line| !stays(line)).map(|line| format!("{line}\n")).collect()
    }
}

#[tokio::test(start_paused = true)]
async fn the_whole_lab_converges_from_anywhere() {
    let every = std::env::var("HOMELAB_SWEEP_EVERY").ok().and_then(|n| n.parse().ok()).unwrap_or(53);
    let runs = sweep_every(every, Cluster::new, &[&proxmox]).await;
    assert!(runs > 200 / every, "only {runs} faulty runs");
}
