//! A cluster that cannot do now what it is asked for: somebody else holds a lock, or the nodes have no majority.
use crate::fixture::{DIN, PVE, bench, lab, ubuntu};
use homelab_core::{
    Failure, Lab,
    testing::{Bench, Run, World as _},
};
use homelab_proxmox::{Vm, resource::Pool, testing::SimWorld};
use serde_json::Value;

fn template() -> Lab {
    let mut lab = Lab::named("home");
    ubuntu(&mut lab);
    lab
}

/// Somebody else has the template, or nobody.
fn locked(bench: &Bench<SimWorld>, by: Value) {
    let edited = |world| {
        let mut json = serde_json::to_value(world).unwrap();
        let config = json["guests"]["9000"]["config"].as_object_mut().unwrap();
        match by {
            Value::Null => config.remove("lock"),
            by => config.insert("lock".into(), by),
        };
        serde_json::from_value(json).unwrap()
    };
    bench.world.sim().change(edited).unwrap();
}

/// What failed, each with its hint.
fn told(run: &Run) -> Vec<String> {
    let Run::Ended(_, outcome) = run else { panic!("{}", run.story()) };
    let hint = |failure: &Failure| failure.hint.clone().unwrap_or_default();
    outcome.failed.iter().map(|f| format!("{}: {} / {}", f.key, f.failure.message, hint(&f.failure))).collect()
}

#[tokio::test(start_paused = true)]
async fn a_template_that_is_being_backed_up_is_told_and_cloned_once_it_is_free() {
    let bench = bench();
    assert!(bench.deploy(template()).await.is_success());
    locked(&bench, "backup".into());
    let before = bench.world.inventory();
    let run = bench.deploy(lab(|vm| vm)).await;
    assert_eq!(
        told(&run),
        [
            "proxmox/vm/web: cannot clone guest 9000 on din to 201: VM is locked (backup) (tried 8 times) / wait until the \
          backup has ended"
        ]
    );
    assert_eq!(bench.world.inventory(), before, "nothing is left of the clone");
    locked(&bench, Value::Null);
    let run = bench.deploy(lab(|vm| vm)).await;
    assert!(run.is_success(), "{}", run.story());
}

#[tokio::test(start_paused = true)]
async fn a_cluster_without_quorum_changes_nothing_and_says_how_it_gets_one() {
    let bench = bench();
    let lab = || {
        let mut lab = Lab::named("home");
        lab.add(Pool::named(PVE, "services"));
        lab.add(Vm::blank().on(DIN).id(300).named("nas").stopped());
        lab
    };
    let before = bench.world.inventory();
    bench.world.sim().trouble(|trouble| trouble.no_quorum = true);
    let calls = bench.world.writes();
    let told = told(&bench.deploy(lab()).await);
    assert_eq!(told.len(), 1, "once, and not for each step: {told:?}");
    assert!(told[0].contains("nothing can be changed in the cluster home, it has no quorum"), "{told:?}");
    assert!(told[0].contains("bring the others up; `pvecm expected 1`"), "{told:?}");
    assert_eq!(bench.world.writes(), calls, "and nothing was tried");
    assert_eq!(bench.world.inventory(), before);
    bench.world.sim().trouble(|trouble| trouble.no_quorum = false);
    let run = bench.deploy(lab()).await;
    assert!(run.is_success(), "{}", run.story());
}
