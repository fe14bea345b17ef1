//! The way of a deploy when nothing goes wrong, and when the new system is no good.
use super::{LAN, NEWER, PINS, deployed, dns, lab, lab_of, pi, world};
use homelab_core::{
    Lab, Nature, ResourceExt,
    plan::{Goal, NoteKind, Wishes},
    testing::{Bench, Fixture, Run, World, conformance_every},
};

fn with(name: &'static str) -> Lab {
    lab_of(pi(PINS, dns().record(name, LAN.host(99))))
}

fn failure(run: &Run) -> homelab_core::Failure {
    let Run::Ended(_, outcome) = run else { panic!("{}", run.story()) };
    outcome.failed[0].failure.clone()
}

#[tokio::test(start_paused = true)]
async fn a_record_is_added_and_the_second_deploy_has_nothing_to_do() {
    let bench = deployed().await;
    let plan = bench.plan(with("nas"), &Wishes::new(Goal::Deploy)).await;
    let item = plan.item("pi/generation/pihole").unwrap();
    let fields: Vec<&str> = item.changes.iter().map(|c| c.field.as_str()).collect();
    assert_eq!(fields, ["records.nas.lan", "tree"]);
    assert!(bench.deploy(with("nas")).await.is_success());
    assert!(bench.plan(with("nas"), &Wishes::new(Goal::Deploy)).await.is_noop());
    let [current, profile, loader] = bench.world.pi().systems();
    assert!(current == profile && profile == loader && !bench.world.pi().is_armed());
}

#[tokio::test(start_paused = true)]
async fn a_system_that_answers_no_names_is_taken_back_and_said_to_be() {
    for flaw in ["no-names", "no-activation"] {
        let bench = deployed().await;
        let before = bench.world.pi().systems();
        let run = bench.deploy(with(flaw)).await;
        let failure = failure(&run);
        assert_eq!(failure.nature, Nature::RolledBack, "{flaw}: {failure}");
        assert!(failure.hint.is_some());
        assert_eq!(bench.world.pi().systems(), before, "{flaw}");
        assert!(bench.world.pi().answers() && !bench.world.pi().is_armed());
    }
}

#[tokio::test(start_paused = true)]
async fn a_system_that_cannot_be_reached_goes_back_by_itself() {
    let bench = deployed().await;
    let before = bench.world.pi().systems();
    let run = bench.deploy(with("no-network")).await;
    let failure = failure(&run);
    assert_eq!(failure.nature, Nature::RolledBack, "{failure}");
    assert!(bench.world.pi().is_armed() && !bench.world.pi().answers());
    tokio::time::advance(std::time::Duration::from_secs(300)).await;
    assert_eq!(bench.world.pi().systems(), before);
    assert!(bench.world.pi().answers());
}

#[tokio::test(start_paused = true)]
async fn another_kernel_is_activated_only_with_leave() {
    let bench = deployed().await;
    let before = bench.world.pi().systems();
    let careful = || {
        let mut lab = Lab::named("home");
        lab.add(super::careful(NEWER).second_resolver(LAN.host(1)).dns(dns()));
        lab
    };
    let plan = bench.plan(careful(), &Wishes::new(Goal::Deploy)).await;
    let notes = &plan.item("pi/generation/pihole").unwrap().notes;
    assert!(notes.iter().any(|n| n.text.contains("may bring another kernel")), "{notes:?}");
    let failure = failure(&bench.deploy(careful()).await);
    assert!(failure.message.contains("the kernel") && failure.message.contains("nothing was activated"), "{failure}");
    assert_eq!(bench.world.pi().systems(), before);

    let plan = bench.plan(lab_of(pi(NEWER, dns())), &Wishes::new(Goal::Deploy)).await;
    let notes = &plan.item("pi/generation/pihole").unwrap().notes;
    assert!(notes.iter().any(|n| n.kind == NoteKind::Reboot), "{notes:?}");
    assert!(bench.deploy(lab_of(pi(NEWER, dns()))).await.is_success());
}

#[tokio::test(start_paused = true)]
async fn a_pi_that_is_not_ours_is_not_taken_over_silently() {
    let bench = Bench::new(world());
    let mut lab = Lab::named("home");
    lab.add(pi(PINS, dns()));
    let plan = bench.plan(lab, &Wishes::new(Goal::Deploy)).await;
    assert_eq!(plan.refusals().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_pi_that_never_comes_up_is_waited_for_and_then_told_with_what_to_look_at() {
    let bench = Bench::new(world());
    bench.world.pi().switch_off();
    let plan = bench.plan(lab(), &Wishes::new(Goal::Deploy)).await;
    let notes = &plan.item("pi/generation/pihole").unwrap().notes;
    assert!(notes.iter().any(|n| n.text.contains("nobody answers at 192.168.0.53 yet")), "{notes:?}");
    let began = tokio::time::Instant::now();
    let failure = failure(&bench.deploy(lab()).await);
    assert!(began.elapsed() >= std::time::Duration::from_secs(600), "a first boot has ten minutes");
    assert!(failure.hint.as_deref().is_some_and(|hint| hint.contains("is the card written")), "{failure}");
}

#[tokio::test(start_paused = true)]
async fn without_a_second_resolver_a_plan_warns() {
    let bench = Bench::new(world());
    let mut lab = Lab::named("home");
    lab.add(super::careful(PINS).adopt());
    let plan = bench.plan(lab, &Wishes::new(Goal::Deploy)).await;
    let notes = &plan.item("pi/generation/pihole").unwrap().notes;
    assert!(notes.iter().any(|n| n.text.contains("no second resolver")), "{notes:?}");
}

#[tokio::test(start_paused = true)]
async fn a_pi_survives_everything_that_a_kind_must_survive() {
    let more = || with("nas");
    let zone = || lab_of(pi(PINS, dns()).time_zone("Europe/Berlin"));
    let newer = || lab_of(pi(NEWER, dns()));
    // All calls in CI; they take a minute.
    let every = std::env::var("HOMELAB_SWEEP_EVERY").ok().and_then(|n| n.parse().ok()).unwrap_or(7);
    conformance_every(
        every,
        &Fixture {
            world: &world,
            lab: &lab,
            edits: &[("a record", &more), ("the time zone", &zone), ("the sources", &newer)],
        },
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn it_is_gone_back_to_an_older_generation_without_a_build() {
    let bench = deployed().await;
    let first = bench.world.pi().systems();
    assert!(bench.deploy(with("nas")).await.is_success());
    let providers = bench.world.providers();
    let pis = providers.get(homelab_pi::PIS).unwrap();
    let spot = homelab_core::host::Spot::at(LAN.host(53).ip());
    let all = homelab_pi::deploy::generations(pis.hosts(), &spot).await.unwrap();
    assert_eq!(all.iter().map(|g| (g.number, g.default)).collect::<Vec<_>>(), [(1, false), (2, false), (3, true)]);
    assert_ne!(first, bench.world.pi().systems());
}

#[test]
fn a_pi_and_other_maintenance_never_happen_at_once() {
    use homelab_core::{Lock, Resource};
    assert!(pi(PINS, dns()).locks().contains(&Lock::maintenance()));
    assert_eq!(Lock::maintenance(), Lock::exclusive("maintenance"));
}
