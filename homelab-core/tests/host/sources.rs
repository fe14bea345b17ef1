//! What comes from elsewhere and is no package.
use super::bench::{lab, room};
use homelab_core::{
    Lab,
    host::{Binary, Content, GitCheckout},
    plan::{Goal, Wishes},
    sim::Room,
    testing::{Bench, Fixture, World, conformance_every},
};

const SITE: &str = "https://git.home.arpa/me/site.git";
const MOVED: &str = "https://git.home.arpa/us/site.git";
const ONE: &str = "1111111111111111111111111111111111111111";
const TWO: &str = "2222222222222222222222222222222222222222";
const URL: &str = "https://dl.home.arpa/exporter-1.tar.gz";
const NEWER: &str = "https://dl.home.arpa/exporter-2.tar.gz";
const TAR: &str = "== exporter/LICENSE\nfree\n== exporter/exporter\n#!one\n";
const NEWER_TAR: &str = "== exporter/LICENSE\nfree\n== exporter/exporter\n#!two\n";

fn world() -> Room {
    let room = room();
    let web = room.machine("web");
    web.install("git", "1:2.39.5-0+deb12u2");
    web.install("curl", "7.88.1-10+deb12u12");
    web.host_repository(SITE, &[("v1", ONE), ("v2", TWO), ("main", TWO)]);
    web.host_repository(MOVED, &[("v1", ONE), ("v2", TWO)]);
    web.host_download(URL, TAR);
    web.host_download(NEWER, NEWER_TAR);
    room
}

fn site(url: &'static str, revision: &'static str) -> impl Fn() -> Lab {
    move || lab(|lab, web| lab.add(GitCheckout::on(web, "/opt/site", url, revision)))
}

fn exporter(url: &'static str, tar: &'static str, member: &'static str) -> impl Fn() -> Lab {
    move || {
        let sum = Content::from(tar).sha256();
        lab(|lab, web| lab.add(Binary::on(web, "/usr/local/bin/exporter", url, &sum).member(member)))
    }
}

#[tokio::test(start_paused = true)]
async fn a_checkout_survives_everything() {
    let edits: [(&str, &dyn Fn() -> Lab); 3] =
        [("revision", &site(SITE, "v2")), ("a branch", &site(SITE, "main")), ("url", &site(MOVED, "v1"))];
    conformance_every(3, &Fixture { world: &world, lab: &site(SITE, "v1"), edits: &edits }).await;
}

#[tokio::test(start_paused = true)]
async fn what_somebody_has_changed_in_a_checkout_is_never_thrown_away() {
    let bench = Bench::new(world());
    assert!(bench.deploy(site(SITE, "v1")()).await.is_success());
    bench.world.machine("web").somebody_writes("/opt/site/README", "mine");
    let plan = bench.plan(site(SITE, "v2")(), &Wishes::new(Goal::Deploy)).await;
    assert!(plan.to_string().contains("somebody has changed files in it: M README"), "{plan}");
    let run = bench.destroy(site(SITE, "v1")()).await;
    assert!(!run.is_success());
    assert_eq!(bench.world.machine("web").text("/opt/site/README").unwrap(), "mine");
}

#[tokio::test(start_paused = true)]
async fn a_revision_that_is_none_is_named() {
    let bench = Bench::new(world());
    let story = bench.deploy(site(SITE, "v9")()).await.story();
    assert!(story.contains("has no revision v9"), "{story}");
}

#[tokio::test(start_paused = true)]
async fn a_downloaded_program_survives_everything() {
    let member = "exporter/exporter";
    let edits: [(&str, &dyn Fn() -> Lab); 2] =
        [("url and sum", &exporter(NEWER, NEWER_TAR, member)), ("member", &exporter(URL, TAR, "exporter/LICENSE"))];
    conformance_every(3, &Fixture { world: &world, lab: &exporter(URL, TAR, member), edits: &edits }).await;
}

#[tokio::test(start_paused = true)]
async fn a_download_that_is_not_what_it_must_be_is_never_run() {
    let bench = Bench::new(world());
    let story = bench.deploy(exporter(URL, NEWER_TAR, "exporter/exporter")()).await.story();
    assert!(story.contains("did NOT match"), "{story}");
    assert!(!bench.world.inventory().contains("/usr/local/bin/exporter"), "{}", bench.world.inventory());
}
