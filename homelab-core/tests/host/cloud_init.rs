//! A machine that cloud-init still sets up.
use crate::bench::{lab, room};
use homelab_core::{
    Lab,
    host::File,
    plan::{Goal, Wishes},
    testing::{Bench, Run, World},
};

fn motd() -> Lab {
    lab(|lab, web| {
        lab.add(File::on(web, "/etc/motd", "welcome\n"));
    })
}

#[tokio::test(start_paused = true)]
async fn a_machine_is_neither_looked_at_nor_changed_before_cloud_init_has_done_with_it() {
    let bench = Bench::new(room());
    let web = bench.world.machine("web");
    web.somebody_writes("/run/cloud-init/enabled", "");
    web.somebody_writes("/proc/uptime", "12.34 20.00\n");
    let Run::Blind(troubles) = bench.deploy(motd()).await else { panic!("it is not looked at yet") };
    let failure = &troubles[0].failure;
    assert!(failure.message.contains("cloud-init still sets 192.168.0.11 up, 12 s after its boot"), "{failure}");
    assert!(failure.hint.as_ref().unwrap().contains("cloud-init status --wait"));
    assert_eq!(failure.nature, homelab_core::Nature::Passing, "what waits for a new guest waits for this too");
    assert_eq!(bench.world.writes(), 0);
    web.somebody_writes("/run/cloud-init/result.json", "{}");
    assert!(bench.deploy(motd()).await.is_success());
    assert!(bench.plan(motd(), &Wishes::new(Goal::Deploy)).await.is_noop());
}

#[tokio::test(start_paused = true)]
async fn one_whose_last_stage_never_comes_is_waited_for_ten_minutes_and_no_longer() {
    let bench = Bench::new(room());
    let web = bench.world.machine("web");
    web.somebody_writes("/run/cloud-init/enabled", "");
    web.somebody_writes("/proc/uptime", "601.00 20.00\n");
    assert!(bench.deploy(motd()).await.is_success());
}

#[tokio::test(start_paused = true)]
async fn the_question_costs_no_message_of_its_own() {
    let calls = |set_up: bool| async move {
        let bench = Bench::new(room());
        let web = bench.world.machine("web");
        if set_up {
            web.somebody_writes("/run/cloud-init/enabled", "");
            web.somebody_writes("/run/cloud-init/result.json", "{}");
        }
        assert!(bench.deploy(motd()).await.is_success());
        let before = bench.world.calls();
        assert!(bench.plan(motd(), &Wishes::new(Goal::Deploy)).await.is_noop());
        bench.world.calls() - before
    };
    assert_eq!((calls(false).await, calls(true).await), (2, 2), "one for the machine, one for what is on it");
}
