//! What lives in something goes with it, and what came with it is used as it is.
use crate::{
    kinds::{file, vm},
    world::Toy,
};
use homelab_core::{
    Lab, ResourceExt,
    plan::{Action, Goal, Wishes},
    store::Store,
    testing::{Bench, Fault, Run, World},
};
use std::net::Ipv4Addr;

const WEB: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 80);

fn lab(files: &[(&str, &str)], protect: bool) -> Lab {
    let mut lab = Lab::named("home");
    let web = lab.add(vm(80, "web"));
    for (path, content) in files {
        let file = file(web, path, content);
        if protect {
            lab.add(file.protect())
        } else {
            lab.add(file)
        };
    }
    lab
}

fn motd() -> Lab {
    lab(&[("/etc/motd", "welcome")], false)
}

fn keys(bench: &Bench<Toy>) -> Vec<String> {
    Store::peek(&bench.state(), "home").unwrap().ledger.entries.into_keys().collect()
}

#[tokio::test(start_paused = true)]
async fn what_lives_in_a_guest_goes_with_it_and_a_guest_that_does_not_answer_can_be_destroyed() {
    let bench = Bench::new(Toy::default());
    assert!(bench.deploy(motd()).await.is_success());
    bench.world.state().silent.insert(WEB);
    insta::assert_snapshot!(bench.plan(motd(), &Wishes::new(Goal::Destroy)).await, @r"
    ? toy/file/web/etc/motd  homelab-core/tests/core/within.rs:24
        because: it goes with toy/vm/web
    - toy/vm/web  homelab-core/tests/core/within.rs:18
    1 to delete, 1 to forget
    ");
    let Run::Ended(_, outcome) = bench.destroy(motd()).await else { panic!("nobody kills it") };
    assert!(outcome.is_success());
    let order: Vec<_> = outcome.done.iter().map(|d| (d.action, d.key.as_str())).collect();
    assert_eq!(order, [(Action::Delete, "toy/vm/web"), (Action::Forget, "toy/file/web/etc/motd")], "the guest first");
    assert!(keys(&bench).is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_guest_that_does_not_answer_can_be_replaced_without_a_look_inside() {
    let bench = Bench::new(Toy::default());
    assert!(bench.deploy(lab(&[("/etc/motd", "welcome"), ("/etc/old", "x")], false)).await.is_success());
    bench.world.state().silent.insert(WEB);
    let other = |flavour| {
        let mut lab = Lab::named("home");
        let web = lab.add(vm(80, "web").flavour(flavour));
        lab.add(file(web, "/etc/motd", "welcome"));
        lab
    };
    let plan = bench.plan(other(2), &Wishes::new(Goal::Deploy)).await;
    let actions: Vec<_> = plan.items.iter().map(|item| (item.key.as_str(), item.action)).collect();
    assert!(actions.contains(&("toy/vm/web", Action::Replace)), "{plan}");
    assert!(actions.contains(&("toy/file/web/etc/motd", Action::Create)), "{plan}");
    assert!(!actions.iter().any(|(_, action)| *action == Action::Delete), "{plan}");
    // One that stays has to answer.
    let kept = bench.run(motd(), &Wishes::new(Goal::Deploy)).await;
    assert!(matches!(&kept, Run::Blind(_)), "{}", kept.story());
}

#[tokio::test(start_paused = true)]
async fn what_left_the_code_together_with_its_guest_is_not_asked_for_and_goes_with_it() {
    let bench = Bench::new(Toy::default());
    assert!(bench.deploy(motd()).await.is_success());
    bench.world.state().silent.insert(WEB);
    let run = bench.deploy(Lab::named("home")).await;
    assert!(run.is_success(), "{}", run.story());
    assert!(keys(&bench).is_empty() && bench.world.state().guests.is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_is_left_of_a_guest_that_somebody_deleted_is_forgotten_without_asking() {
    let bench = Bench::new(Toy::default());
    assert!(bench.deploy(motd()).await.is_success());
    bench.world.state().guests.clear();
    bench.world.state().silent.insert(WEB);
    let run = bench.deploy(lab(&[], false)).await;
    assert!(run.is_success(), "{}", run.story());
    assert_eq!(keys(&bench), ["toy/vm/web"]);
}

#[tokio::test(start_paused = true)]
async fn what_lives_in_a_guest_that_is_not_deleted_after_all_is_still_ours() {
    let bench = Bench::new(Toy::default());
    assert!(bench.deploy(motd()).await.is_success());
    // The calls of a destroy: the guest is looked at, looked at again, and deleted.
    for call in 2..5 {
        bench.world.fail(call, Fault::Error);
    }
    bench.world.state().silent.insert(WEB);
    bench.destroy(motd()).await;
    bench.world.heal();
    bench.world.state().silent.clear();
    let there = bench.world.state().guests.contains_key(&80);
    assert_eq!(keys(&bench).len(), if there { 2 } else { 0 });
}

#[tokio::test(start_paused = true)]
async fn protection_holds_for_what_would_go_with_its_guest_with_code_and_without() {
    let bench = Bench::new(Toy::default());
    let precious = || lab(&[("/srv/photos", "many")], true);
    assert!(bench.deploy(precious()).await.is_success());
    let said = bench.plan(precious(), &Wishes::new(Goal::Destroy)).await.to_string();
    assert!(said.contains("refused: it goes with toy/vm/web, but it is protected"), "{said}");
    let said = bench.plan(Lab::named("home"), &Wishes::new(Goal::Deploy)).await.to_string();
    assert!(said.contains("refused: it goes with toy/vm/web, but it is protected"), "{said}");
    let mut wishes = Wishes::new(Goal::Destroy);
    wishes.allow_destroy.insert("toy/file/web/srv/photos".into());
    assert!(bench.run(precious(), &wishes).await.is_success());
}

#[tokio::test(start_paused = true)]
async fn what_is_commonly_there_and_right_is_used_and_never_owned() {
    let bench = Bench::new(Toy::default());
    assert!(bench.deploy(lab(&[], false)).await.is_success());
    bench.world.state().files.entry(WEB).or_default().insert("/etc/motd".into(), "welcome".into());
    let plan = bench.plan(motd(), &Wishes::new(Goal::Deploy)).await;
    assert!(plan.is_noop(), "{plan}");
    assert!(bench.deploy(motd()).await.is_success());
    assert_eq!(keys(&bench), ["toy/vm/web"]);
    assert!(bench.deploy(lab(&[], false)).await.is_success());
    assert!(bench.world.state().files[&WEB].contains_key("/etc/motd"), "it is not deleted with its line of code");
}

#[tokio::test(start_paused = true)]
async fn what_is_commonly_there_and_differs_is_asked_for() {
    let bench = Bench::new(Toy::default());
    assert!(bench.deploy(lab(&[], false)).await.is_success());
    bench.world.state().files.entry(WEB).or_default().insert("/etc/motd".into(), "Debian".into());
    insta::assert_snapshot!(bench.plan(motd(), &Wishes::new(Goal::Deploy)).await, @r"
    > toy/file/web/etc/motd  homelab-core/tests/core/within.rs:24
        content: Debian -> welcome
        refused: it exists and was not made by this lab
          hint: take it over with `--adopt`, or give this one another identity
    1 to adopt (1 as they should be)
    ");
}

#[tokio::test(start_paused = true)]
async fn what_a_new_guest_came_with_asks_no_question_even_after_a_crash() {
    let both = || lab(&[("/etc/motd", "welcome"), ("/etc/issue", "Debian")], false);
    let new = || {
        let toy = Toy::default();
        let came = [("/etc/motd", "Debian"), ("/etc/issue", "Debian")];
        toy.state().comes_with = came.map(|(path, content)| (path.into(), content.into())).into();
        Bench::new(toy)
    };
    let calm = new();
    let run = calm.deploy(both()).await;
    assert!(run.is_success(), "{}", run.story());
    assert_eq!(keys(&calm), ["toy/file/web/etc/motd", "toy/vm/web"], "what was right is not ours");
    assert!(calm.plan(both(), &Wishes::new(Goal::Deploy)).await.is_noop());
    let calls = calm.world.calls();
    for call in 0..calls {
        let bench = new();
        bench.world.fail(call, Fault::Kill);
        bench.deploy(both()).await;
        bench.world.heal();
        let run = bench.deploy(both()).await;
        assert!(run.is_success(), "killed at call {call}: {}", run.story());
        assert_eq!(bench.world.inventory(), calm.world.inventory(), "killed at call {call}");
    }
    // Later, nothing is new any more.
    calm.world.state().files.get_mut(&WEB).unwrap().insert("/etc/hosts".into(), "somebody's".into());
    let more = || lab(&[("/etc/motd", "welcome"), ("/etc/issue", "Debian"), ("/etc/hosts", "ours")], false);
    assert_eq!(calm.plan(more(), &Wishes::new(Goal::Deploy)).await.refusals().len(), 1);
}
