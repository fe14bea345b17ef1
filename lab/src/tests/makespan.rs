//! How long a first deploy takes on simulated hardware of realistic speed, against the least that it could take: the tasks and
//! boots of the longest way, one after the other, given what may not happen at once. The clock is paused, so these are times
//! of the simulated world, the same on every machine.
#![expect(clippy::print_stderr, reason = "the figures are for docs/benchmarks.md")]
use super::{network, on_ready_nodes};
use crate::{
    net::LAN,
    nodes::{DIN, GROGU},
    sites::PVE,
};
use homelab_core::{Lab, testing::Bench, units::SizeUnits};
use homelab_proxmox::{Node, Template, Vm, sim::Pace, testing::SimWorld};
use serde_json::Value;
use std::time::Duration;
use tokio::time::Instant;

/// From the start of a guest until it answers (pve-notes section 14).
const BOOT: Duration = Duration::from_secs(11);
/// How much of the least time a run may take.
const AT_MOST: f64 = 1.05;

struct Deployed {
    took: Duration,
    world: Value,
}

async fn deployed(lab: Lab) -> Deployed {
    let world = crate::sites::cluster(crate::nodes::MD1200_CONTROLLER).world("home").pace(Pace::realistic());
    let bench = Bench::new(SimWorld::new(PVE, world).joined(network()));
    let began = Instant::now();
    let run = bench.deploy(lab).await;
    assert!(run.is_success(), "{}", run.story());
    let took = began.elapsed();
    Deployed { took, world: serde_json::to_value(bench.world.sim().world()).unwrap() }
}

impl Deployed {
    /// The tasks that made a guest, of these kinds or all: how long they took, as the server knows.
    fn tasks(&self, vmid: u32, kinds: &[&str]) -> Duration {
        let about = |task: &&Value| {
            let id = task["id"].as_str().unwrap();
            // A clone bears the number of its source, and is found by the guest that it locked.
            let made = task["locks"]["alone"].as_array().unwrap().iter().any(|id| *id == vmid);
            id == vmid.to_string() && task["kind"] != "qmclone" || id.contains(&format!("-{vmid}-")) || made
        };
        let kind = |task: &&Value| kinds.is_empty() || kinds.contains(&task["kind"].as_str().unwrap());
        let span = |task: &Value| task["state"]["Done"]["at"].as_u64().unwrap() - task["start"].as_u64().unwrap();
        let tasks = self.world["tasks"].as_array().unwrap();
        Duration::from_millis(tasks.iter().filter(about).filter(kind).map(span).sum())
    }

    #[track_caller]
    fn is_close_to(&self, what: &str, least: Duration) {
        let ratio = self.took.as_secs_f64() / least.as_secs_f64();
        eprintln!("makespan of {what}: {:.1?}, at least {least:.1?}: {ratio:.3}", self.took);
        assert!(self.took >= least, "{what}: {:?} is less than can be, {least:?}", self.took);
        assert!(ratio <= AT_MOST, "{what}: {:?} is {ratio:.3} of {least:?}", self.took);
    }
}

#[tokio::test(start_paused = true)]
async fn the_lab_takes_as_long_as_its_longest_way() {
    let lab = deployed(on_ready_nodes()).await;
    // The template boots too: it is provisioned.
    lab.is_close_to("the reference lab", lab.tasks(9000, &[]) + BOOT + lab.tasks(201, &[]) + BOOT);
}

/// A template and as many clones of it, on these nodes in turn.
fn clones(on: &[Node], count: u32) -> Lab {
    let mut lab = Lab::named("clones");
    let ubuntu = lab.add(Template::ubuntu_24_04(9000).on(DIN).uefi().cloud_init());
    for (n, node) in (0..count).zip(on.iter().cycle()) {
        let name = format!("web-{n}");
        lab.add(Vm::clone_from(ubuntu).on(*node).id(200 + n).named(name).disk(50.gib()).at(LAN.host(210 + n)));
    }
    lab
}

/// What copies: of it two may work on a storage at once. Starts and boots wait for nobody.
const COPYING: [&str; 3] = ["qmclone", "qmigrate", "resize"];

#[tokio::test(start_paused = true)]
async fn six_clones_on_one_node_wait_for_each_others_copying_alone() {
    let lab = deployed(clones(&[DIN], 6)).await;
    let copying = lab.tasks(200, &COPYING);
    let least = lab.tasks(9000, &[]) + copying * 3 + lab.tasks(200, &["qmstart"]) + BOOT;
    lab.is_close_to("six clones on one node", least);
}

#[tokio::test(start_paused = true)]
async fn six_clones_on_two_nodes_take_as_long_as_the_node_that_has_more_to_copy() {
    let lab = deployed(clones(&[DIN, GROGU], 6)).await;
    // A clone for grogu is made on din, where the template is, and moved; three of them are two rounds.
    let copying = lab.tasks(201, &COPYING);
    let least = lab.tasks(9000, &[]) + copying * 2 + lab.tasks(201, &["qmstart"]) + BOOT;
    lab.is_close_to("six clones on two nodes", least);
}
