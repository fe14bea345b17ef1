//! The awkward kinds that the trait was settled on: easy ones prove nothing.
use crate::{
    kinds::{Controller, Pool, file, generation, vm},
    world::Toy,
};
use homelab_core::{
    Edge, Lab,
    plan::{Goal, Wishes},
    testing::{Bench, Run},
};

fn shelf() -> Toy {
    let toy = Toy::default();
    toy.state().shelves.insert("boot".into(), vec!["SSD-1".into()]);
    toy.state().shelves.insert("h330".into(), vec!["WD-1".into(), "WD-2".into(), "WD-3".into()]);
    toy
}

fn nas() -> Lab {
    let mut lab = Lab::named("home");
    let nas = lab.add(vm(90, "nas").passthrough(Controller("h330")));
    let [a, b] = nas.disks(["WD-1", "WD-3"]);
    lab.add(Pool::of("bulk", nas, [a, b]));
    lab
}

#[tokio::test(start_paused = true)]
async fn a_pool_whose_disks_come_from_a_controller_that_is_passed_to_a_guest_is_made_in_one_run() {
    let bench = Bench::new(shelf());
    insta::assert_snapshot!(bench.plan(nas(), &Wishes::new(Goal::Deploy)).await, @r"
    + toy/vm/nas  homelab-core/tests/core/sketches.rs:21
        vmid: 90
        name: nas
        cores: 1
        controllers: [h330]
    + toy/pool/bulk  homelab-core/tests/core/sketches.rs:23
        nas: ${toy/vm/nas.ip}
        disks: [WD-1, WD-3]
    2 to create
    ");
    let run = bench.deploy(nas()).await;
    assert!(run.is_success(), "{}", run.story());
    assert_eq!(bench.world.state().pools["bulk"].0, ["WD-1", "WD-3"]);
    assert!(bench.plan(nas(), &Wishes::new(Goal::Deploy)).await.is_noop());
}

#[tokio::test(start_paused = true)]
async fn what_only_the_world_can_tell_forbids_a_plan_until_it_is_so_and_then_says_nothing() {
    let bench = Bench::new(shelf());
    let taken_out = bench.world.state().shelves.remove("h330").unwrap();
    let plan = bench.plan(nas(), &Wishes::new(Goal::Deploy)).await;
    assert_eq!(plan.refusals().len(), 1, "{plan}");
    assert!(plan.to_string().contains("there is no controller h330"), "{plan}");
    bench.world.state().shelves.insert("h330".into(), taken_out);
    assert!(bench.deploy(nas()).await.is_success());
    bench.world.state().shelves.remove("h330");
    let plan = bench.plan(nas(), &Wishes::new(Goal::Deploy)).await;
    assert!(plan.refusals().is_empty(), "what is there already is not asked about: {plan}");
}

#[test]
fn a_disk_in_two_vdevs_is_an_error_of_assembly_even_if_somebody_names_it_twice() {
    let mut lab = Lab::named("home");
    let nas = lab.add(vm(90, "nas"));
    lab.add(Pool::of("bulk", nas, nas.disks(["WD-1", "WD-2"])));
    lab.add(Pool::of("fast", nas, nas.disks(["WD-2", "WD-3"])));
    let said = lab.build().err().expect("it is not valid").to_string();
    assert!(said.contains("error: disk WD-2 is claimed twice"), "{said}");
    assert_eq!(said.matches("--> homelab-core/tests/core/sketches.rs:").count(), 2, "{said}");
}

#[test]
fn what_is_used_by_its_name_comes_first_and_has_to_be_declared_first() {
    let lab = |pool_first: bool| {
        let mut lab = Lab::named("home");
        let (nas, web) = (lab.add(vm(90, "nas")), lab.add(vm(80, "web")));
        let pool = |lab: &mut Lab| lab.add(Pool::of("bulk", nas, nas.disks(["WD-1", "WD-2"])));
        if pool_first {
            pool(&mut lab);
        }
        lab.add(file(web, "/etc/exports", "pool bulk"));
        lab.add(file(web, "/etc/other", "pool that nobody here makes"));
        if !pool_first {
            pool(&mut lab);
        }
        lab.build()
    };
    let graph = lab(true).unwrap();
    let needs = graph.resource("toy/file/web/etc/exports").unwrap().needs();
    assert!(needs.contains(&("toy/pool/bulk", Edge::Names)), "{needs:?}");
    assert_eq!(graph.resource("toy/file/web/etc/other").unwrap().needs().len(), 2);
    let said = lab(false).err().expect("it is not valid").to_string();
    assert!(said.contains("pool bulk is used before what makes it is declared"), "{said}");
}

#[tokio::test(start_paused = true)]
async fn a_file_on_a_machine_that_does_not_exist_yet_is_absent_and_then_converges() {
    let bench = Bench::new(Toy::default());
    let lab = || {
        let mut lab = Lab::named("home");
        let web = lab.add(vm(80, "web"));
        lab.add(file(web, "/etc/motd", "welcome"));
        lab
    };
    let plan = bench.plan(lab(), &Wishes::new(Goal::Deploy)).await;
    assert!(plan.to_string().contains("on: ${toy/vm/web.ip}"), "{plan}");
    assert!(bench.deploy(lab()).await.is_success());
    assert!(bench.plan(lab(), &Wishes::new(Goal::Deploy)).await.is_noop());
}

fn pi(name: &'static str) -> Lab {
    let mut lab = Lab::named("home");
    lab.add(generation(name));
    lab
}

#[tokio::test(start_paused = true)]
async fn a_generation_that_does_not_answer_is_taken_back_by_the_machine_and_tried_again_by_the_next_run() {
    let bench = Bench::new(Toy::default());
    assert!(bench.deploy(pi("g1")).await.is_success());
    bench.world.state().pi.broken.insert("g2".into());
    let Run::Ended(_, outcome) = bench.deploy(pi("g2")).await else { panic!("nobody kills it") };
    assert!(outcome.failed[0].failure.message.contains("generation g2 does not answer"));

    tokio::time::sleep(crate::kinds::CONFIRM_WITHIN).await;
    assert_eq!(bench.world.state().pi.running, "g1", "without anybody's help");
    bench.world.state().pi.broken.clear();
    assert!(bench.deploy(pi("g2")).await.is_success());
    assert_eq!(bench.world.state().pi.running, "g2");
}

#[tokio::test(start_paused = true)]
async fn a_kill_between_trial_and_confirmation_never_leaves_an_unconfirmed_generation() {
    homelab_core::testing::sweep(Toy::default, &[&|| pi("g1"), &|| pi("g2")]).await;
}
