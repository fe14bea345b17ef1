//! Packages and where they come from.
use super::bench::{lab, room};
use homelab_core::{
    Lab, ResourceExt,
    host::{AptRepository, Package, Packages},
    plan::{Goal, Wishes},
    report::{Event, Reporter},
    sim::Room,
    testing::{Bench, Declare, Fixture, World, conformance_every},
};
use std::sync::Mutex;

const KEY: &str = "-----BEGIN PGP PUBLIC KEY BLOCK-----\nmQ\n-----END PGP PUBLIC KEY BLOCK-----\n";
const OTHER_KEY: &str = "-----BEGIN PGP PUBLIC KEY BLOCK-----\nmR\n-----END PGP PUBLIC KEY BLOCK-----\n";
const DOCKER: &str = "https://download.docker.com/linux/debian";

fn shop() -> Room {
    let room = room();
    let web = room.machine("web");
    web.offer_older("curl", "7.88.1-10");
    web.publish(DOCKER, &[("docker-ce", "5:28.3.0-1")]);
    web.publish("https://mirror.example/debian", &[]);
    room
}

fn curl(change: impl FnOnce(Package) -> Package) -> Lab {
    lab(|lab, web| lab.add(change(Package::on(web, "curl"))))
}

#[tokio::test(start_paused = true)]
async fn a_package_survives_everything() {
    let edits: [(&str, &Declare<'_>); 2] =
        [("version", &|| curl(|p| p.version("7.88.1-10"))), ("held", &|| curl(Package::held))];
    conformance_every(3, &Fixture { world: &shop, lab: &|| curl(|p| p), edits: &edits }).await;
}

#[tokio::test(start_paused = true)]
async fn a_package_that_shall_not_be_there_survives_everything() {
    let gone = || lab(|lab, web| lab.add(Package::absent(web, "nano")));
    let there = || lab(|lab, web| lab.add(Package::on(web, "nano")));
    conformance_every(3, &Fixture { world: &shop, lab: &gone, edits: &[("installed", &there)] }).await;
}

#[tokio::test(start_paused = true)]
async fn a_set_of_packages_survives_everything() {
    let set =
        |names: &'static [&'static str]| move || lab(|lab, web| lab.add(Packages::on(web, names.iter().copied())));
    let (two, other) = (set(&["curl", "nano"]), set(&["curl", "git"]));
    conformance_every(3, &Fixture { world: &shop, lab: &two, edits: &[("names", &other)] }).await;
}

#[tokio::test(start_paused = true)]
async fn a_repository_survives_everything() {
    let with = |uri: &'static str, suite: &'static str, parts: &'static str, key: &'static str| {
        move || {
            lab(|lab, web| {
                let docker = AptRepository::on(web, "docker", uri, suite, key);
                lab.add(docker.components([parts]).architectures(if parts == "stable" {
                    vec![]
                } else {
                    vec!["amd64"]
                }));
            })
        }
    };
    let edits: [(&str, &Declare<'_>); 4] = [
        ("uris", &with("https://mirror.example/debian", "bookworm", "stable", KEY)),
        ("suites", &with(DOCKER, "trixie", "stable", KEY)),
        ("components", &with(DOCKER, "bookworm", "test", KEY)),
        ("signed_by", &with(DOCKER, "bookworm", "stable", OTHER_KEY)),
    ];
    let fixture = Fixture { world: &shop, lab: &with(DOCKER, "bookworm", "stable", KEY), edits: &edits };
    conformance_every(7, &fixture).await;
}

#[tokio::test(start_paused = true)]
async fn packages_that_are_wanted_at_once_are_installed_in_one_run() {
    let bench = Bench::new(shop());
    let names = ["curl", "git", "htop", "jq", "rsync", "vim"];
    let run = bench
        .deploy(lab(|lab, web| {
            names.iter().for_each(|n| {
                lab.add(Package::on(web, n));
            })
        }))
        .await;
    assert!(run.is_success(), "{}", run.story());
    assert_eq!(bench.world.writes(), 2, "one that finds no package lists, and one that has fetched them");
}

#[tokio::test(start_paused = true)]
async fn a_package_that_does_not_exist_fails_alone_and_says_what_to_do() {
    let bench = Bench::new(shop());
    let run = bench
        .deploy(lab(|lab, web| {
            ["curl", "crul", "git"].iter().for_each(|n| {
                lab.add(Package::on(web, n));
            })
        }))
        .await;
    let story = run.story();
    assert!(story.contains("Unable to locate package crul") && !story.contains("host/package/web/git:"), "{story}");
    let inventory = bench.world.inventory();
    assert!(inventory.contains("package curl") && inventory.contains("package git"), "{inventory}");
}

#[tokio::test(start_paused = true)]
async fn what_was_installed_before_stays_when_its_code_goes() {
    let bench = Bench::new(shop());
    bench.world.machine("web").install("curl", "7.88.1-10");
    let before = bench.world.inventory();
    let plan = bench.plan(curl(|p| p), &Wishes::new(Goal::Deploy)).await;
    assert!(plan.to_string().contains("is installed already"), "{plan}");
    assert!(bench.deploy(curl(|p| p)).await.is_success());
    assert!(bench.destroy(curl(|p| p)).await.is_success());
    assert_eq!(bench.world.inventory(), before);
}

#[tokio::test(start_paused = true)]
async fn a_package_of_another_repository_comes_after_it() {
    let bench = Bench::new(shop());
    let lab = || {
        lab(|lab, web| {
            let docker = lab.add(AptRepository::on(web, "docker", DOCKER, "bookworm", KEY).components(["stable"]));
            lab.add(Package::on(web, "docker-ce").after(docker));
        })
    };
    let run = bench.deploy(lab()).await;
    assert!(run.is_success(), "{}", run.story());
    assert!(bench.plan(lab(), &Wishes::new(Goal::Deploy)).await.is_noop());
}

#[tokio::test(start_paused = true)]
async fn a_repository_that_is_not_there_says_so() {
    let bench = Bench::new(shop());
    let lab = lab(|lab, web| lab.add(AptRepository::on(web, "x", "https://nowhere.example/debian", "x", KEY)));
    let story = bench.deploy(lab).await.story();
    assert!(story.contains("does not have a Release file"), "{story}");
}

#[derive(Default)]
struct Heard(Mutex<Vec<String>>);
impl Reporter for Heard {
    fn report(&self, event: &Event) {
        if let Event::Progress { message, .. } = event {
            self.0.lock().unwrap().push(message.clone());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_lock_of_apt_is_waited_for_and_its_holder_is_named() {
    let bench = Bench::new(shop());
    bench.world.machine("web").hold_apt("1234 (unattended-upgr)", 3);
    let heard = Heard::default();
    let interrupt = homelab_core::engine::Interrupt::pair().1;
    let run = bench.run_with(curl(|p| p), &Wishes::new(Goal::Deploy), &heard, interrupt).await;
    assert!(run.is_success(), "{}", run.story());
    let heard = heard.0.into_inner().unwrap();
    assert_eq!(heard, vec!["waits for apt's lock, which process 1234 (unattended-upgr) holds"; 3]);
}

#[tokio::test(start_paused = true)]
async fn a_lock_of_apt_that_never_goes_away_is_an_error_that_names_its_holder() {
    let bench = Bench::new(shop());
    bench.world.machine("web").hold_apt("1234 (aptitude)", 100_000);
    let story = bench.deploy(curl(|p| p)).await.story();
    assert!(story.contains("is locked by process 1234 (aptitude) since 10 minutes"), "{story}");
}

#[tokio::test(start_paused = true)]
async fn an_installation_that_was_cut_off_is_finished_first() {
    let bench = Bench::new(shop());
    bench.world.machine("web").break_dpkg();
    let run = bench.deploy(curl(|p| p)).await;
    assert!(run.is_success(), "{}", run.story());
}

#[tokio::test(start_paused = true)]
async fn a_full_disk_and_one_that_is_read_only_are_named() {
    for (answer, hint) in [("No space left on device", "No space left"), ("Read-only file system", "Read-only")] {
        let bench = Bench::new(shop());
        bench.world.machine("web").refuse_writes(Some(answer));
        let story = bench.deploy(curl(|p| p)).await.story();
        assert!(story.contains(hint), "{story}");
        bench.world.machine("web").refuse_writes(None);
        assert!(bench.deploy(curl(|p| p)).await.is_success());
    }
}
