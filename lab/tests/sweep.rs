//! The whole lab, failing at every single call in every way, with tasks that take as long as on real hardware: the next run
//! finishes what was begun, with no orphan, no duplicate and nobody's help.
use homelab_core::testing::sweep;
use homelab_proxmox::{
    sim::{NodeSpec, Pace, World},
    testing::SimWorld,
};
use lab::sites::PVE;

fn world(pace: Pace) -> SimWorld {
    let node = || NodeSpec { cores: 48, memory: 96 << 30, disk: 1 << 40 };
    SimWorld::new(PVE, World::cluster("home").with_node("grogu", node()).with_node("din", node()).pace(pace))
}

#[tokio::test(start_paused = true)]
async fn the_whole_lab_converges_from_anywhere_while_tasks_take_their_time() {
    sweep(|| world(Pace::realistic()), &[&lab::lab]).await;
}

#[tokio::test(start_paused = true)]
async fn the_whole_lab_converges_from_anywhere_when_everything_is_done_at_once() {
    sweep(|| world(Pace::instant()), &[&lab::lab]).await;
}
