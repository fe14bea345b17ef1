//! The disks of guests are copied to another node.
use crate::fixture::{DIN, GROGU, PVE, cluster, every};
use homelab_core::{
    Lab,
    plan::{Goal, Wishes},
    testing::{Bench, Fixture, World as _, conformance_every},
    units::SizeUnits,
};
use homelab_proxmox::{
    Node, Vm,
    resource::{Disk, Replication},
    sim::{NodeSpec, Release},
    testing::SimWorld,
};

fn lab(to: Node, change: impl FnOnce(Replication) -> Replication) -> Lab {
    let mut lab = Lab::named("home");
    let web = Vm::blank().on(DIN).id(300).named("web").disk(Disk::of(1.gib()).on("tank")).stopped();
    let web = lab.add(web);
    lab.add(change(Replication::of("web", web.vmid(), to).comment("For a broken node.")));
    lab
}

#[tokio::test(start_paused = true)]
async fn replication_jobs_take_every_setting_and_converge_from_anywhere_on_both_releases() {
    let base = || lab(GROGU, |job| job);
    let set = || lab(GROGU, |job| job.every("02:30").at_most(50).comment("").disabled());
    for release in [Release::V8_4, Release::V9_2] {
        let world = || SimWorld::new(PVE, cluster().release(release));
        conformance_every(every(), &Fixture { world: &world, lab: &base, edits: &[("everything", &set)] }).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_job_to_another_node_is_made_when_the_old_one_and_its_copies_are_gone() {
    const IG: Node = Node::of(PVE, "ig");
    let spec = NodeSpec { cores: 4, memory: 8 << 30, disk: 1 << 40 };
    let bench = Bench::new(SimWorld::new(PVE, cluster().with_node("ig", spec)));
    for to in [GROGU, IG] {
        let run = bench.deploy(lab(to, |job| job)).await;
        assert!(run.is_success(), "{}", run.story());
        let plan = bench.plan(lab(to, |job| job), &Wishes::new(Goal::Deploy)).await;
        assert!(plan.is_noop(), "{plan}");
    }
    let kept = bench.world.inventory();
    assert!(kept.contains("replication job 300-0") && kept.contains("\"target\":\"ig\""), "{kept}");
}

#[tokio::test(start_paused = true)]
async fn a_node_that_the_cluster_does_not_have_is_told_at_plan() {
    let bench = Bench::new(SimWorld::new(PVE, cluster()));
    let plan = bench.plan(lab(Node::of(PVE, "ig"), |job| job), &Wishes::new(Goal::Deploy)).await;
    assert_eq!(plan.refusals()[0].1.text, "there is no node ig in this cluster", "{plan}");
}
