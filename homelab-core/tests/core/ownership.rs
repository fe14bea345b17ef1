//! What is ours, what is not, and what is told of it.
use crate::{
    kinds::{file, vm},
    world::{Guest, Toy},
};
use homelab_core::{
    Lab, Mark, ResourceExt,
    plan::{Action, Goal, Wishes},
    testing::{Bench, Run, World},
};
use std::{fs, net::Ipv4Addr};

fn web() -> Lab {
    let mut lab = Lab::named("home");
    lab.add(vm(80, "web"));
    lab
}

/// Somebody's guest, made by hand.
fn by_hand(toy: &Toy, vmid: u32, mark: Option<Mark>) {
    let mut state = toy.state();
    let uuid = state.uuid();
    let ip = Ipv4Addr::new(10, 0, 0, vmid as u8);
    let guest = Guest { cores: 1, uuid, dns: None, ip, controllers: Default::default(), mark, busy_until: None };
    state.guests.insert(vmid, guest);
    state.names.insert(vmid, "precious".into());
}

#[tokio::test(start_paused = true)]
async fn a_guest_with_our_number_that_we_did_not_make_is_never_touched_without_being_asked() {
    let bench = Bench::new(Toy::default());
    by_hand(&bench.world, 80, None);
    let before = bench.world.inventory();
    let plan = bench.plan(web(), &Wishes::new(Goal::Deploy)).await;
    insta::assert_snapshot!(plan, @r"
    > toy/vm/web  homelab-core/tests/core/ownership.rs:15
        name: precious -> web
        refused: it exists and was not made by this lab
          hint: take it over with `--adopt`, or give this one another identity
    1 to adopt
    ");
    let Run::Ended(_, outcome) = bench.deploy(web()).await else { panic!("nobody kills it") };
    assert!(!outcome.is_success());
    assert_eq!(bench.world.writes(), 0);

    let run = bench.destroy(web()).await;
    assert!(run.is_success(), "{}", run.story());
    assert_eq!(bench.world.inventory(), before, "destroy leaves it too");

    let adopting = Wishes { adopt: true, ..Wishes::new(Goal::Deploy) };
    assert_eq!(bench.plan(web(), &adopting).await.items[0].action, Action::Adopt);
    assert!(bench.run(web(), &adopting).await.is_success());
    assert!(bench.plan(web(), &Wishes::new(Goal::Deploy)).await.is_noop(), "it is ours now");
}

#[tokio::test(start_paused = true)]
async fn code_can_say_that_a_thing_may_be_taken_over() {
    let bench = Bench::new(Toy::default());
    by_hand(&bench.world, 80, None);
    let lab = || {
        let mut lab = Lab::named("home");
        lab.add(vm(80, "web").adopt());
        lab
    };
    assert!(bench.deploy(lab()).await.is_success());
    assert!(bench.plan(web(), &Wishes::new(Goal::Deploy)).await.is_noop());
}

#[tokio::test(start_paused = true)]
async fn another_labs_guest_is_named_with_its_lab() {
    let bench = Bench::new(Toy::default());
    by_hand(&bench.world, 80, Some(Mark { lab: "office".into(), key: "toy/vm/mail".into() }));
    let plan = bench.plan(web(), &Wishes::new(Goal::Deploy)).await.to_string();
    assert!(plan.contains("refused: it exists and belongs to toy/vm/mail of lab `office`"), "{plan}");
}

#[tokio::test(start_paused = true)]
async fn a_lost_ledger_changes_nothing_since_things_bear_marks() {
    let bench = Bench::new(Toy::default());
    assert!(bench.deploy(web()).await.is_success());
    fs::remove_file(bench.state().join("ledger.json")).unwrap();
    assert!(bench.plan(web(), &Wishes::new(Goal::Deploy)).await.is_noop());
    assert!(bench.destroy(web()).await.is_success());
    assert_eq!(bench.world.inventory(), Toy::default().inventory());
}

#[tokio::test(start_paused = true)]
async fn a_guest_that_took_the_place_of_ours_is_not_ours() {
    let bench = Bench::new(Toy::default());
    assert!(bench.deploy(web()).await.is_success());
    bench.world.state().guests.clear();
    by_hand(&bench.world, 80, None);
    let empty = || Lab::named("home");
    let plan = bench.plan(empty(), &Wishes::new(Goal::Deploy)).await;
    insta::assert_snapshot!(plan, @r"
    ? toy/vm/web
        note: what is there now is not what this lab made: it is left alone
    1 to forget
    ");
    assert!(bench.deploy(empty()).await.is_success());
    assert_eq!(bench.world.state().guests.len(), 1, "it is left alone");
    assert!(!bench.deploy(web()).await.is_success(), "and not taken over either");
}

#[tokio::test(start_paused = true)]
async fn a_new_name_for_the_same_guest_keeps_the_guest() {
    let bench = Bench::new(Toy::default());
    assert!(bench.deploy(web()).await.is_success());
    let uuid = bench.world.state().guests[&80].uuid;
    let renamed = || {
        let mut lab = Lab::named("home");
        lab.add(vm(80, "www"));
        lab
    };
    insta::assert_snapshot!(bench.plan(renamed(), &Wishes::new(Goal::Deploy)).await, @r"
    ~ toy/vm/www  homelab-core/tests/core/ownership.rs:112
        key: toy/vm/web -> toy/vm/www
        name: web -> www
        because: it was toy/vm/web until now; it stays, under its new name
    1 to update
    ");
    assert!(bench.deploy(renamed()).await.is_success());
    assert_eq!(bench.world.state().guests[&80].uuid, uuid);
    assert!(bench.plan(renamed(), &Wishes::new(Goal::Deploy)).await.is_noop());
    assert!(bench.destroy(renamed()).await.is_success());
    assert_eq!(bench.world.inventory(), Toy::default().inventory());
}

#[tokio::test(start_paused = true)]
async fn what_an_interrupted_run_made_is_deleted_although_its_code_has_gone_meanwhile() {
    let lab = || {
        let mut lab = Lab::named("home");
        let web = lab.add(vm(80, "web"));
        lab.add(file(web, "motd", "welcome"));
        lab
    };
    let calm = Bench::new(Toy::default());
    assert!(calm.deploy(lab()).await.is_success());
    for call in 0..calm.world.calls() {
        let bench = Bench::new(Toy::default());
        bench.world.fail(call, homelab_core::testing::Fault::Kill);
        bench.deploy(lab()).await;
        bench.world.heal();
        let run = bench.deploy(Lab::named("home")).await;
        assert!(run.is_success(), "kill at call {call}: {}", run.story());
        assert_eq!(bench.world.inventory(), Toy::default().inventory(), "kill at call {call}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_takes_our_place_while_a_run_is_dead_is_not_taken_for_ours() {
    let bench = Bench::new(Toy::default());
    // The second call is the clone. That it began is in the journal; what it made is gone again.
    bench.world.fail(1, homelab_core::testing::Fault::Kill);
    bench.deploy(web()).await;
    bench.world.heal();
    bench.world.state().guests.clear();
    by_hand(&bench.world, 80, None);
    for _ in 0..2 {
        assert!(!bench.deploy(web()).await.is_success());
        assert!(bench.world.state().guests[&80].mark.is_none());
    }
    assert!(bench.deploy(Lab::named("home")).await.is_success());
    assert_eq!(bench.world.state().guests.len(), 1, "it is not deleted either");
}

#[tokio::test(start_paused = true)]
async fn a_lost_ledger_is_whole_again_after_the_next_deploy() {
    let bench = Bench::new(Toy::default());
    assert!(bench.deploy(web()).await.is_success());
    fs::remove_file(bench.state().join("ledger.json")).unwrap();
    assert!(bench.deploy(web()).await.is_success());
    assert!(bench.deploy(Lab::named("home")).await.is_success());
    assert!(bench.world.state().guests.is_empty(), "it is found although its code is gone");
}

#[tokio::test(start_paused = true)]
async fn a_protection_that_is_added_later_survives_the_code_too() {
    let bench = Bench::new(Toy::default());
    assert!(bench.deploy(web()).await.is_success());
    let protected = || {
        let mut lab = Lab::named("home");
        lab.add(vm(80, "web").protect());
        lab
    };
    let writes = bench.world.writes();
    assert!(bench.deploy(protected()).await.is_success());
    assert_eq!(bench.world.writes(), writes, "only the ledger has learned something");
    assert!(!bench.deploy(Lab::named("home")).await.is_success());
}
