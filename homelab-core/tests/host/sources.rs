//! What comes from elsewhere and is no package.
use super::bench::{lab, room};
use homelab_core::{
    Lab, Providers, Secret,
    env::Env,
    host::{Binary, Certificate, Content, GitCheckout, NodeExporter},
    plan::{Goal, Wishes},
    sim::Room,
    testing::{Bench, Declare, Fixture, Traffic, World, conformance_every},
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
    let edits: [(&str, &Declare<'_>); 3] =
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
    let edits: [(&str, &Declare<'_>); 2] =
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

const TLS_KEY: Secret = Secret::named("TLS_KEY");
const VALID: &str = "ends 1900000000\n-----BEGIN CERTIFICATE-----\nMII\n-----END CERTIFICATE-----\n";
const RENEWED: &str = "ends 1950000000\n-----BEGIN CERTIFICATE-----\nMIJ\n-----END CERTIFICATE-----\n";
const ENDS_SOON: &str = "ends 1750100000\n-----BEGIN CERTIFICATE-----\nMIK\n-----END CERTIFICATE-----\n";

fn certificate(text: &'static str, owner: &'static str) -> impl Fn() -> Lab {
    move || lab(|lab, web| lab.add(Certificate::on(web, "/etc/ssl/www", text, TLS_KEY).owner(owner)))
}

fn with_key(key: &str) -> Bench<Room> {
    let mut bench = Bench::new(world());
    bench.world.machine("web").somebody_writes("/etc/ssl/openssl.cnf", "");
    bench.secrets = homelab_core::Secrets::none().and(Env::from_pairs([("TLS_KEY", key)]));
    bench
}

const PEM: &str = "-----BEGIN PRIVATE KEY-----\nMC4\n-----END PRIVATE KEY-----\n";
const OTHER_PEM: &str = "-----BEGIN PRIVATE KEY-----\nMC5\n-----END PRIVATE KEY-----\n";

#[tokio::test(start_paused = true)]
async fn a_certificate_is_put_in_place_renewed_and_taken_away_and_its_key_is_never_shown() {
    let mut bench = with_key(PEM);
    let before = bench.world.inventory();
    let run = bench.deploy(certificate(VALID, "root")()).await;
    assert!(run.is_success(), "{}", run.story());
    let web = bench.world.machine("web");
    assert_eq!(web.text("/etc/ssl/www.key").unwrap(), PEM);
    assert!(bench.plan(certificate(VALID, "root")(), &Wishes::new(Goal::Deploy)).await.is_noop());
    for edit in [certificate(RENEWED, "root")(), certificate(RENEWED, "daemon")()] {
        let run = bench.deploy(edit).await;
        assert!(run.is_success(), "{}", run.story());
    }
    bench.secrets = homelab_core::Secrets::none().and(Env::from_pairs([("TLS_KEY", OTHER_PEM)]));
    let plan = bench.plan(certificate(RENEWED, "daemon")(), &Wishes::new(Goal::Deploy)).await;
    assert!(plan.to_string().contains("key: missing, or another -> as declared"), "{plan}");
    assert!(!plan.to_string().contains("PRIVATE"), "{plan}");
    assert!(bench.deploy(certificate(RENEWED, "daemon")()).await.is_success());
    assert_eq!(web.text("/etc/ssl/www.key").unwrap(), OTHER_PEM);
    assert!(bench.destroy(certificate(RENEWED, "daemon")()).await.is_success());
    assert_eq!(bench.world.inventory(), before);
}

/// A world whose labs know the key.
struct WithKey(Room);

impl World for WithKey {
    fn providers(&self) -> Providers {
        self.0.providers()
    }
    fn inventory(&self) -> String {
        self.0.inventory()
    }
    fn traffic(&self) -> &Traffic {
        self.0.traffic()
    }
    fn secrets(&self) -> Vec<(&'static str, &'static str)> {
        vec![("TLS_KEY", PEM)]
    }
}

#[tokio::test(start_paused = true)]
async fn a_certificate_survives_everything() {
    let world = || {
        let room = world();
        room.machine("web").somebody_writes("/etc/ssl/openssl.cnf", "");
        WithKey(room)
    };
    let edits: &[(&str, &Declare<'_>)] =
        &[("text", &certificate(RENEWED, "root")), ("owner", &certificate(VALID, "daemon"))];
    conformance_every(1, &Fixture { world: &world, lab: &certificate(VALID, "root"), edits }).await;
}

#[tokio::test(start_paused = true)]
async fn a_certificate_that_ends_is_warned_of_and_one_that_has_ended_is_refused() {
    let bench = with_key(PEM);
    assert!(bench.deploy(certificate(ENDS_SOON, "root")()).await.is_success());
    let plan = bench.plan(certificate(ENDS_SOON, "daemon")(), &Wishes::new(Goal::Deploy)).await;
    assert!(plan.to_string().contains("it ends within 30 days"), "{plan}");
    bench.world.machine("web").pass(200_000);
    let plan = bench.plan(certificate(ENDS_SOON, "root")(), &Wishes::new(Goal::Deploy)).await;
    assert!(plan.to_string().contains("it has ended"), "{plan}");
}

#[tokio::test(start_paused = true)]
async fn what_is_no_key_is_not_put_in_place() {
    let bench = with_key("hunter2");
    let story = bench.deploy(certificate(VALID, "root")()).await.story();
    assert!(story.contains("Could not read key") && !story.contains("hunter2"), "{story}");
    assert_eq!(bench.world.machine("web").text("/etc/ssl/www.key"), None);
}

#[tokio::test(start_paused = true)]
async fn somebody_elses_files_are_not_overwritten() {
    let bench = with_key(PEM);
    bench.world.machine("web").somebody_writes("/etc/ssl/www.crt", "theirs");
    let plan = bench.plan(certificate(VALID, "root")(), &Wishes::new(Goal::Deploy)).await;
    assert!(plan.to_string().contains("there is a /etc/ssl/www.crt already, and it is not ours"), "{plan}");
}

#[tokio::test(start_paused = true)]
async fn the_node_exporter_comes_from_debian_or_from_its_makers() {
    let room = world();
    let url =
        "https://github.com/prometheus/node_exporter/releases/download/v1.9.1/node_exporter-1.9.1.linux-amd64.tar.gz";
    let tar = "== node_exporter-1.9.1.linux-amd64/node_exporter\n#!it\n";
    room.machine("web").host_download(url, tar);
    let bench = Bench::new(room);
    let debian = || lab(NodeExporter::debian);
    let sum = Content::from(tar).sha256();
    let release = || lab(|lab, web| NodeExporter::release(lab, web, "1.9.1", "amd64", &sum));
    for (lab, unit) in
        [(&debian as &Declare<'_>, "prometheus-node-exporter.service"), (&release, "node_exporter.service")]
    {
        let run = bench.deploy(lab()).await;
        assert!(run.is_success(), "{}", run.story());
        assert!(bench.plan(lab(), &Wishes::new(Goal::Deploy)).await.is_noop());
        assert_eq!(bench.world.machine("web").unit(unit).active, "active");
    }
    let run = bench.destroy(release()).await;
    assert!(run.is_success(), "{}", run.story());
    assert!(!bench.world.inventory().contains("node_exporter"));
}
