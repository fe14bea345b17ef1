//! Guests that the cluster keeps running.
use crate::fixture::{DIN, GROGU, PVE, cluster, every, world};
use homelab_core::{
    Handle, Lab,
    plan::{Goal, Wishes},
    testing::{Bench, Declare, Fixture, conformance_every},
    units::SizeUnits,
};
use homelab_proxmox::{
    Vm,
    resource::{HaGroup, HaResource, HaRule},
    sim::Release,
    testing::SimWorld,
};

fn old() -> SimWorld {
    SimWorld::new(PVE, cluster().release(Release::V8_4))
}

fn new() -> SimWorld {
    SimWorld::new(PVE, cluster().release(Release::V9_2))
}

fn kept(lab: &mut Lab, id: u32, change: impl FnOnce(HaResource) -> HaResource) -> Handle<HaResource> {
    let guest = lab.add(Vm::blank().on(DIN).id(id).named(format!("g{id}")).disk(1.gib()).stopped());
    lab.add(change(HaResource::of(PVE, format!("g{id}"), guest.vmid()).stopped().comment("People use it.")))
}

fn alone(change: impl FnOnce(HaResource) -> HaResource) -> Lab {
    let mut lab = Lab::named("home");
    kept(&mut lab, 300, change);
    lab
}

#[tokio::test(start_paused = true)]
async fn guests_that_are_kept_running_take_every_setting_and_converge_from_anywhere_on_both_releases() {
    let base = || alone(|guest| guest);
    let set = || alone(|guest| guest.ignored().restarts(3).relocations(0).comment(""));
    for world in [&old as &(dyn Fn() -> SimWorld + Sync), &new] {
        conformance_every(every(), &Fixture { world, lab: &base, edits: &[("everything", &set)] }).await;
    }
}

fn grouped(change: impl FnOnce(HaGroup) -> HaGroup, nodes: &[(homelab_proxmox::Node, u32)]) -> Lab {
    let mut lab = Lab::named("home");
    let group = HaGroup::named(PVE, "services", nodes.iter().copied()).comment("Where people are served.");
    let group = lab.add(change(group));
    kept(&mut lab, 300, |guest| guest.group(group.name()));
    lab
}

#[tokio::test(start_paused = true)]
async fn groups_of_nodes_take_every_setting_and_converge_from_anywhere_on_release_8() {
    let base = || grouped(|group| group, &[(GROGU, 1), (DIN, 2)]);
    let set = || grouped(|group| group.restricted().no_failback().comment(""), &[(DIN, 0)]);
    conformance_every(every(), &Fixture { world: &old, lab: &base, edits: &[("everything", &set)] }).await;
}

fn ruled(change: impl FnOnce(HaRule) -> HaRule, nodes: &[(homelab_proxmox::Node, u32)]) -> Lab {
    let mut lab = Lab::named("home");
    let [second, first] = [301, 300].map(|id| kept(&mut lab, id, |guest| guest));
    let rule = HaRule::nodes(PVE, "on-din", [second.sid(), first.sid()], nodes.iter().copied());
    lab.add(change(rule.comment("It is the faster one.")));
    lab
}

fn related(apart: bool) -> Lab {
    let mut lab = Lab::named("home");
    let [second, first] = [301, 300].map(|id| kept(&mut lab, id, |guest| guest));
    let guests = [second.sid(), first.sid()];
    lab.add(if apart { HaRule::apart(PVE, "on-din", guests) } else { HaRule::together(PVE, "on-din", guests) });
    lab
}

#[tokio::test(start_paused = true)]
async fn rules_take_every_setting_and_converge_from_anywhere_on_release_9() {
    let base = || ruled(|rule| rule, &[(GROGU, 1), (DIN, 2)]);
    let set = || ruled(|rule| rule.strict().comment("").disabled(), &[(DIN, 0)]);
    let edits: [(&str, &Declare<'_>); 2] = [("everything", &set), ("another kind", &|| related(true))];
    conformance_every(every(), &Fixture { world: &new, lab: &base, edits: &edits }).await;
    let edits: [(&str, &Declare<'_>); 1] = [("apart", &|| related(true))];
    conformance_every(every(), &Fixture { world: &new, lab: &|| related(false), edits: &edits }).await;
}

#[tokio::test(start_paused = true)]
async fn what_the_release_does_not_have_is_told_at_plan_with_what_it_has_instead() {
    let nodes = [(DIN, 1)];
    for (world, lab, wrong) in [
        (new(), grouped(|group| group, &nodes), "this release of Proxmox VE has no groups of high availability"),
        (old(), ruled(|rule| rule, &nodes), "this release of Proxmox VE has no rules of high availability"),
    ] {
        let plan = Bench::new(world).plan(lab, &Wishes::new(Goal::Deploy)).await;
        assert!(plan.refusals().iter().any(|(_, note)| note.text == wrong && note.hint.is_some()), "{plan}");
    }
}

#[tokio::test(start_paused = true)]
async fn that_two_nodes_lose_their_quorum_is_told_at_plan() {
    let plan = Bench::new(world()).plan(alone(|guest| guest), &Wishes::new(Goal::Deploy)).await;
    assert!(plan.to_string().contains("fewer than three nodes"), "{plan}");
}
