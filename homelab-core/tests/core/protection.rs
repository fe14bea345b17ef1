//! What holds data does not go by accident.
use crate::{
    kinds::{Controller, Pool, vm},
    world::Toy,
};
use homelab_core::{
    Lab, ResourceExt,
    plan::{Goal, Wishes},
    testing::{Bench, World},
};

fn shelf() -> Toy {
    let toy = Toy::default();
    toy.state().shelves.insert("h330".into(), vec!["WD-1".into(), "WD-2".into(), "WD-3".into()]);
    toy
}

fn nas(serials: [&'static str; 2]) -> Lab {
    let mut lab = Lab::named("home");
    let nas = lab.add(vm(90, "nas").passthrough(Controller("h330")));
    lab.add(Pool::of("bulk", nas, nas.disks(serials)));
    lab
}

fn without_pool() -> Lab {
    let mut lab = Lab::named("home");
    lab.add(vm(90, "nas").passthrough(Controller("h330")));
    lab
}

#[tokio::test(start_paused = true)]
async fn protection_survives_the_deletion_of_the_code() {
    let bench = Bench::new(shelf());
    assert!(bench.deploy(nas(["WD-1", "WD-2"])).await.is_success());
    let writes = bench.world.writes();
    insta::assert_snapshot!(bench.plan(without_pool(), &Wishes::new(Goal::Deploy)).await, @r"
    - toy/pool/bulk
        because: it is not in the code any more
        refused: it would be deleted, but it is protected and holds pool bulk on 2 disks
          hint: if its data may go: `--allow-destroy toy/pool/bulk`; to let go of it and leave it as it is: `state forget toy/pool/bulk`
    1 to delete (1 as they should be)
    ");
    assert!(!bench.deploy(without_pool()).await.is_success());
    assert!(!bench.destroy(nas(["WD-1", "WD-2"])).await.is_success());
    assert_eq!(bench.world.writes(), writes, "nothing of a plan with a refusal is done");

    let mut allowed = Wishes::new(Goal::Deploy);
    allowed.allow_destroy.insert("toy/pool/bulk".into());
    assert!(bench.run(without_pool(), &allowed).await.is_success());
    assert!(bench.world.state().pools.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_protected_thing_is_not_replaced_either() {
    let bench = Bench::new(shelf());
    assert!(bench.deploy(nas(["WD-1", "WD-2"])).await.is_success());
    let plan = bench.plan(nas(["WD-1", "WD-3"]), &Wishes::new(Goal::Deploy)).await.to_string();
    assert!(
        plan.contains("refused: it would be replaced, but it is protected and holds pool bulk on 2 disks"),
        "{plan}"
    );
}

#[tokio::test(start_paused = true)]
async fn any_resource_can_be_protected_by_its_lab() {
    let bench = Bench::new(Toy::default());
    let lab = || {
        let mut lab = Lab::named("home");
        lab.add(vm(80, "web").protect());
        lab
    };
    assert!(bench.deploy(lab()).await.is_success());
    let plan = bench.plan(Lab::named("home"), &Wishes::new(Goal::Deploy)).await.to_string();
    assert!(plan.contains("refused: it would be deleted, but it is protected"), "{plan}");
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_done_is_said_before_anything_is_touched() {
    let bench = Bench::new(Toy::default());
    let lab = |cores| {
        let mut lab = Lab::named("home");
        lab.add(vm(53, "dns"));
        lab.add(vm(80, "web").cores(cores));
        lab
    };
    assert!(bench.deploy(lab(4)).await.is_success());
    let writes = bench.world.writes();
    assert!(!bench.deploy(lab(2)).await.is_success());
    assert_eq!(bench.world.writes(), writes);
}
