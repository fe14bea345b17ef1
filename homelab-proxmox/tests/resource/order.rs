//! In which order guests start with their nodes.
use crate::fixture::{DIN, PVE, cluster};
use homelab_core::{
    Lab, ResourceExt,
    plan::{Goal, Wishes},
    testing::{Bench, World as _},
    units::{SizeUnits, Span},
};
use homelab_proxmox::{Vm, resource::Disk, testing::SimWorld};

fn shell(id: u32, name: &str) -> Vm {
    Vm::blank().on(DIN).id(id).named(name).memory(1.gib()).disk(Disk::of(4.gib())).stopped()
}

/// A client, a NAS that it stands on, somebody who has nothing to do with either.
fn lab(client: impl FnOnce(Vm) -> Vm) -> Lab {
    let mut lab = Lab::named("home");
    lab.add(shell(299, "alone"));
    let nas = lab.add(shell(300, "nas").shutdown_within(Span::minutes(5)));
    lab.add(client(shell(201, "web")).after(nas));
    lab
}

fn startup(bench: &Bench<SimWorld>, vmid: u32) -> Option<String> {
    let inventory = bench.world.inventory();
    let guest = inventory.split(&format!("{vmid} on din")).nth(1)?;
    let mut lines = guest.lines().skip(1).take_while(|line| line.starts_with("  "));
    lines.find_map(|line| line.strip_prefix("  startup: ")).map(str::to_owned)
}

#[tokio::test(start_paused = true)]
async fn what_others_stand_on_starts_first_and_has_its_own_time_to_shut_down() {
    let bench = Bench::new(SimWorld::new(PVE, cluster()));
    let plan = bench.plan(lab(|web| web), &Wishes::new(Goal::Deploy)).await.to_string();
    assert!(plan.contains("startup: order=10,down=300,up=60"), "{plan}");
    assert!(plan.contains("startup: order=20,down=180"), "{plan}");
    let run = bench.deploy(lab(|web| web)).await;
    assert!(run.is_success(), "{}", run.story());
    assert_eq!(startup(&bench, 300).as_deref(), Some("order=10,down=300,up=60"));
    assert_eq!(startup(&bench, 299), None, "nothing is said of who has nothing to do with others");
    let plan = bench.plan(lab(|web| web), &Wishes::new(Goal::Deploy)).await;
    assert!(plan.is_noop(), "{plan}");
}

#[tokio::test(start_paused = true)]
async fn a_place_that_was_said_or_left_to_somebody_s_hand_is_not_touched() {
    let bench = Bench::new(SimWorld::new(PVE, cluster()));
    assert!(bench.deploy(lab(|web| web.startup(3, Some(Span::seconds(5))))).await.is_success());
    assert_eq!(startup(&bench, 201).as_deref(), Some("order=3,up=5"));
    let plan = bench.plan(lab(Vm::unordered), &Wishes::new(Goal::Deploy)).await;
    assert!(plan.is_noop(), "{plan}");
}

#[tokio::test(start_paused = true)]
async fn a_credential_that_may_not_set_the_order_is_told_at_plan_with_both_ways_out() {
    let held = ["VM.Allocate", "VM.Audit", "VM.Config.Disk", "VM.Config.Memory", "VM.Config.Options", "VM.PowerMgmt"];
    let held = held.into_iter().chain(["VM.Config.CPU", "Datastore.AllocateSpace"]);
    let world = cluster().with_limited_token("lab@pve!homelab", "least", held);
    let bench = Bench::new(SimWorld::new(PVE, world).as_token("lab@pve!homelab", "least"));
    let plan = bench.plan(lab(|web| web), &Wishes::new(Goal::Deploy)).await;
    let refused = plan.refusals();
    assert_eq!(refused.len(), 2, "{plan}");
    assert!(refused[0].1.text.contains("it lacks Sys.Modify on /"), "{plan}");
    assert!(refused[0].1.hint.as_ref().unwrap().contains("`.unordered()`"), "{plan}");
}
