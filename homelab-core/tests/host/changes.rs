//! What is done when something has changed: it stays to be done until it was done.
use crate::bench::{lab, room};
use homelab_core::{
    Lab,
    host::{Command, File, Output, Reboot, Run},
    plan::{Goal, Wishes},
    sim::Room,
    testing::{Bench, Fault, Fixture, World, conformance},
};
use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

/// A room whose machine counts how often `reload` was run.
fn counted() -> (Room, Arc<AtomicU32>) {
    let (room, runs) = (room(), Arc::new(AtomicU32::new(0)));
    let count = Arc::clone(&runs);
    room.machine("web").on_command(move |argv, _| {
        (argv == ["reload"]).then(|| {
            count.fetch_add(1, Ordering::Relaxed);
            Output { status: 0, stdout: vec![], stderr: vec![] }
        })
    });
    (room, runs)
}

fn reloading(content: &'static str) -> Lab {
    lab(move |lab, web| {
        let conf = lab.add(File::on(web, "/etc/app.conf", content));
        lab.add(Run::on(web, "reload", Command::new("reload")).when(conf.digest()));
    })
}

fn rebooting(content: &'static str) -> Lab {
    lab(move |lab, web| {
        let conf = lab.add(File::on(web, "/etc/modprobe.d.conf", content));
        lab.add(Reboot::on(web).if_required().when(conf.digest()));
    })
}

#[tokio::test(start_paused = true)]
async fn a_command_conforms() {
    conformance(&Fixture {
        world: &|| counted().0,
        lab: &|| reloading("1\n"),
        edits: &[("when", &|| reloading("2\n"))],
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_restart_conforms() {
    conformance(&Fixture { world: &room, lab: &|| rebooting("1\n"), edits: &[("when", &|| rebooting("2\n"))] }).await;
}

#[tokio::test(start_paused = true)]
async fn that_a_file_changes_is_planned_together_with_what_depends_on_it() {
    let (room, runs) = counted();
    let bench = Bench::new(room);
    assert!(bench.deploy(reloading("1\n")).await.is_success());
    assert_eq!(runs.load(Ordering::Relaxed), 1);
    insta::assert_snapshot!(bench.plan(reloading("2\n"), &Wishes::new(Goal::Deploy)).await, @r"
    ~ host/file/web/etc/app.conf  homelab-core/tests/host/changes.rs:30
        content: 1 -> 2
    ~ host/run/web/reload  homelab-core/tests/host/changes.rs:31
        when: [4355a46b19d348dc2f57c046f8ef63d4538ebb936000f3c9ee954a27460dd865] -> [${host/file/web/etc/app.conf.digest}]
        note: it will be run; its effect is not known
          hint: `unless` or `creates` lets a plan look
        because: what it depends on changes
    2 to update (1 as they should be)
    ");
    assert!(bench.deploy(reloading("2\n")).await.is_success());
    assert_eq!(runs.load(Ordering::Relaxed), 2);
    assert!(bench.deploy(reloading("2\n")).await.is_success());
    assert_eq!(runs.load(Ordering::Relaxed), 2, "done is done");
}

#[tokio::test(start_paused = true)]
async fn what_is_to_be_done_stays_to_be_done_over_a_crash_between_the_change_and_it() {
    let calm = {
        let bench = Bench::new(counted().0);
        assert!(bench.deploy(reloading("1\n")).await.is_success());
        let start = bench.world.calls();
        assert!(bench.deploy(reloading("2\n")).await.is_success());
        bench.world.calls() - start
    };
    for call in 0..calm {
        for fault in Fault::ALL {
            let (room, runs) = counted();
            let bench = Bench::new(room);
            assert!(bench.deploy(reloading("1\n")).await.is_success());
            bench.world.fail(call, fault);
            bench.deploy(reloading("2\n")).await;
            bench.world.heal();
            assert!(bench.deploy(reloading("2\n")).await.is_success());
            assert!(runs.load(Ordering::Relaxed) >= 2, "{fault} at call {call}: the change was never taken up");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_restart_is_a_planned_step_with_its_reason_and_the_machine_has_booted_anew_after_it() {
    let bench = Bench::new(room());
    assert!(bench.deploy(rebooting("1\n")).await.is_success());
    insta::assert_snapshot!(bench.plan(rebooting("2\n"), &Wishes::new(Goal::Deploy)).await, @r"
    ~ host/file/web/etc/modprobe.d.conf  homelab-core/tests/host/changes.rs:37
        content: 1 -> 2
    ~ host/reboot/web/reboot  homelab-core/tests/host/changes.rs:38
        when: [4355a46b19d348dc2f57c046f8ef63d4538ebb936000f3c9ee954a27460dd865] -> [${host/file/web/etc/modprobe.d.conf.digest}]
        reboot: the machine is restarted, because what it is for changes
    2 to update (1 as they should be)
    ");
    let before = bench.world.machine("web").boots();
    assert!(bench.deploy(rebooting("2\n")).await.is_success());
    assert_eq!(bench.world.machine("web").boots(), before + 1);
    assert!(bench.plan(rebooting("2\n"), &Wishes::new(Goal::Deploy)).await.is_noop());
}

#[tokio::test(start_paused = true)]
async fn a_machine_is_restarted_once_however_the_run_is_cut_short() {
    let bench = Bench::new(room());
    assert!(bench.deploy(rebooting("1\n")).await.is_success());
    let start = bench.world.calls();
    assert!(bench.deploy(rebooting("2\n")).await.is_success());
    let calls = bench.world.calls() - start;
    for call in 0..calls {
        let bench = Bench::new(room());
        assert!(bench.deploy(rebooting("1\n")).await.is_success());
        let before = bench.world.machine("web").boots();
        bench.world.fail(call, Fault::Kill);
        bench.deploy(rebooting("2\n")).await;
        bench.world.heal();
        assert!(bench.deploy(rebooting("2\n")).await.is_success());
        assert_eq!(bench.world.machine("web").boots(), before + 1, "killed at call {call}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_command_without_a_check_says_that_its_effect_is_not_known_and_one_that_is_done_is_not_run() {
    let (room, runs) = counted();
    let bench = Bench::new(room);
    let said = bench.plan(reloading("1\n"), &Wishes::new(Goal::Deploy)).await.to_string();
    assert!(said.contains("it will be run; its effect is not known"), "{said}");
    let done = || {
        lab(|lab, web| {
            lab.add(Run::on(web, "reload", Command::new("reload")).unless(Command::new("true")));
        })
    };
    assert!(bench.plan(done(), &Wishes::new(Goal::Deploy)).await.is_noop());
    assert!(bench.deploy(done()).await.is_success());
    assert_eq!(runs.load(Ordering::Relaxed), 0);
}
