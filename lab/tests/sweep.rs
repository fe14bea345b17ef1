//! The whole lab, failing at every single call in every way, while tasks take their time: the next run finishes what was begun,
//! with no orphan, no duplicate and nobody's help.
use homelab_core::testing::sweep;
use homelab_proxmox::{
    sim::{NodeSpec, Pace, World},
    testing::SimWorld,
};
use lab::sites::PVE;

/// A twentieth of real times: long enough to be killed in the midst of every task, with few of the looks at it, which are alike.
const PACE: f64 = 0.05;

fn world() -> SimWorld {
    let node = || NodeSpec { cores: 48, memory: 96 << 30, disk: 1 << 40 };
    let world = World::cluster("home").with_node("grogu", node()).with_node("din", node());
    SimWorld::new(PVE, world.pace(Pace::scaled(PACE)))
}

#[tokio::test(start_paused = true)]
async fn the_whole_lab_converges_from_anywhere() {
    let runs = sweep(world, &[&lab::lab]).await;
    assert!(runs > 200, "only {runs} faulty runs");
}
