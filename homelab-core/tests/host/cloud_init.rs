//! A machine that cloud-init still sets up.
use crate::bench::{lab, room};
use homelab_core::{
    Lab,
    engine::Interrupt,
    host::File,
    plan::{Goal, Wishes},
    report::{Event, Reporter},
    sim::{Room, SimMachine},
    testing::{Bench, Run, World},
};
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::time::{Instant, sleep};

/// What a person is told.
#[derive(Default)]
struct Told(Mutex<Vec<String>>);

impl Reporter for Told {
    fn report(&self, event: &Event) {
        if let Event::Warning { key, message } = event {
            self.0.lock().unwrap().push(format!("{key}: {message}"));
        }
    }
}

fn motd() -> Lab {
    lab(|lab, web| {
        lab.add(File::on(web, "/etc/motd", "welcome\n"));
    })
}

/// A machine whose cloud-init is at work, and is done so many seconds later.
fn being_set_up(bench: &Bench<Room>, done_after: Option<u64>) -> Arc<SimMachine> {
    let web = bench.world.machine("web");
    web.somebody_writes("/run/cloud-init/enabled", "");
    web.somebody_writes("/proc/uptime", "12.34 20.00\n");
    if let Some(seconds) = done_after {
        let web = Arc::clone(&web);
        tokio::spawn(async move {
            sleep(Duration::from_secs(seconds)).await;
            web.somebody_writes("/run/cloud-init/result.json", "{}");
        });
    }
    web
}

#[tokio::test(start_paused = true)]
async fn a_deploy_waits_until_cloud_init_has_done_with_a_machine_and_touches_nothing_before() {
    let bench = Bench::new(room());
    let web = being_set_up(&bench, Some(90));
    let watch = async {
        sleep(Duration::from_secs(89)).await;
        assert_eq!((bench.world.writes(), web.text("/etc/motd")), (0, None));
    };
    let began = Instant::now();
    let (wishes, story) = (Wishes::new(Goal::Deploy), Told::default());
    let deploy = bench.run_with(motd(), &wishes, &story, Interrupt::pair().1);
    let (run, ()) = tokio::join!(deploy, watch);
    assert!(run.is_success(), "{}", run.story());
    assert!((90..95).contains(&began.elapsed().as_secs()), "{:?}", began.elapsed());
    assert_eq!(web.text("/etc/motd").as_deref(), Some("welcome\n"));
    let told = story.0.lock().unwrap().join("\n");
    let waits = "host/computer/web: it is waited for: cloud-init still sets 192.168.0.11 up, 12 s after its boot";
    assert_eq!(told.matches("it is waited for").count(), 1, "{told}");
    assert!(told.contains(waits), "{told}");
}

#[tokio::test(start_paused = true)]
async fn a_plan_waits_too_and_then_shows_what_is_there() {
    let bench = Bench::new(room());
    let web = being_set_up(&bench, Some(40));
    web.somebody_writes("/etc/motd", "welcome\n");
    let plan = bench.plan(motd(), &Wishes::new(Goal::Deploy)).await;
    assert!(plan.is_noop(), "what is right already is seen to be: {plan}");
    assert_eq!(bench.world.writes(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_machine_whose_clock_stands_still_is_given_up_after_ten_minutes() {
    let bench = Bench::new(room());
    being_set_up(&bench, None);
    let began = Instant::now();
    let Run::Blind(troubles) = bench.deploy(motd()).await else { panic!("it is never ready") };
    let failure = &troubles[0].failure;
    assert!(failure.message.contains("cloud-init still sets 192.168.0.11 up, 12 s after its boot"), "{failure}");
    assert!(failure.hint.as_ref().unwrap().contains("cloud-init status --long"));
    assert!((600..605).contains(&began.elapsed().as_secs()), "{:?}", began.elapsed());
    assert_eq!(bench.world.writes(), 0);
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
    assert_eq!((calls(false).await, calls(true).await), (1, 1), "one for the machine and what is on it");
}
