//! Names, clocks, languages, mounts and what cron runs.
use super::bench::{lab, room};
use homelab_core::{
    Lab, ResourceExt,
    host::{Cron, Hostname, Locale, Mount, Package, TimeSync, Timezone},
    plan::{Goal, Wishes},
    testing::{Bench, Declare, Fixture, World, conformance_every},
};

#[tokio::test(start_paused = true)]
async fn a_host_name_survives_everything() {
    let with = |name: &'static str| move || lab(|lab, web| lab.add(Hostname::on(web, name)));
    let domain = || lab(|lab, web| lab.add(Hostname::on(web, "www").domain("home.arpa")));
    let edits: [(&str, &Declare<'_>); 2] = [("running", &with("shop")), ("in_hosts", &domain)];
    conformance_every(3, &Fixture { world: &named, lab: &with("www"), edits: &edits }).await;
}

/// A machine that already has a name.
fn named() -> homelab_core::sim::Room {
    let room = room();
    room.machine("web").somebody_runs(&["hostname", "debian"]);
    room
}

#[tokio::test(start_paused = true)]
async fn a_time_zone_survives_everything() {
    let with = |zone: &'static str| move || lab(|lab, web| lab.add(Timezone::on(web, zone)));
    let edits: [(&str, &Declare<'_>); 1] = [("zone", &with("America/New_York"))];
    conformance_every(3, &Fixture { world: &room, lab: &with("Europe/Berlin"), edits: &edits }).await;
}

#[tokio::test(start_paused = true)]
async fn a_time_zone_that_is_none_is_refused_in_the_plan() {
    let bench = Bench::new(room());
    let lab = lab(|lab, web| lab.add(Timezone::on(web, "Europe/Atlantis")));
    let plan = bench.plan(lab, &Wishes::new(Goal::Deploy)).await;
    assert!(plan.to_string().contains("the machine knows no time zone Europe/Atlantis"), "{plan}");
}

#[tokio::test(start_paused = true)]
async fn a_time_zone_that_a_package_before_it_may_bring_is_looked_for_when_its_turn_comes() {
    let bench = Bench::new(room());
    let zone = || {
        lab(|lab, web| {
            let zones = lab.add(Package::on(web, "htop"));
            lab.add(Timezone::on(web, "Europe/Atlantis").after(zones));
        })
    };
    let plan = bench.plan(zone(), &Wishes::new(Goal::Deploy)).await;
    assert!(!plan.to_string().contains("knows no time zone"), "{plan}");
    let run = bench.deploy(zone()).await;
    assert!(run.story().contains("the machine knows no time zone Europe/Atlantis"), "{}", run.story());
    assert!(!bench.world.inventory().contains("Atlantis"));
}

#[tokio::test(start_paused = true)]
async fn a_locale_survives_everything() {
    let with = |lang: &'static str| move || lab(|lab, web| lab.add(Locale::on(web, lang)));
    let edits: [(&str, &Declare<'_>); 2] = [("lang", &with("de_DE.UTF-8")), ("built in", &with("C.UTF-8"))];
    conformance_every(3, &Fixture { world: &room, lab: &with("en_US.UTF-8"), edits: &edits }).await;
}

#[tokio::test(start_paused = true)]
async fn time_servers_survive_everything() {
    let with =
        |servers: &'static [&'static str]| move || lab(|lab, web| lab.add(TimeSync::on(web, servers.iter().copied())));
    let edits: [(&str, &Declare<'_>); 1] = [("servers", &with(&["192.168.0.1"]))];
    let fixture =
        Fixture { world: &room, lab: &with(&["0.debian.pool.ntp.org", "1.debian.pool.ntp.org"]), edits: &edits };
    conformance_every(3, &fixture).await;
}

#[tokio::test(start_paused = true)]
async fn chrony_takes_the_place_of_the_other_program_and_gets_its_servers() {
    let bench = Bench::new(room());
    let lab = || {
        lab(|lab, web| {
            let chrony = lab.add(Package::on(web, "chrony"));
            lab.add(TimeSync::on(web, ["192.168.0.1"]).chrony().after(chrony));
        })
    };
    let run = bench.deploy(lab()).await;
    assert!(run.is_success(), "{}", run.story());
    let text = bench.world.machine("web").text("/etc/chrony/sources.d/homelab.sources").unwrap();
    assert_eq!(text, "server 192.168.0.1 iburst\n");
    assert!(bench.plan(lab(), &Wishes::new(Goal::Deploy)).await.is_noop());
}

#[tokio::test(start_paused = true)]
async fn a_cron_job_survives_everything() {
    let with = |schedule: &'static str, user: &'static str, command: &'static str| {
        move || lab(|lab, web| lab.add(Cron::on(web, "backup", schedule, command).user(user)))
    };
    let edits: [(&str, &Declare<'_>); 3] = [
        ("schedule", &with("@weekly", "root", "backup --to '/a b' +%F")),
        ("user", &with("0 3 * * *", "daemon", "backup --to '/a b' +%F")),
        ("command", &with("0 3 * * *", "root", "backup --quiet")),
    ];
    let fixture = Fixture { world: &room, lab: &with("0 3 * * *", "root", "backup --to '/a b' +%F"), edits: &edits };
    conformance_every(3, &fixture).await;
}

fn media(change: impl FnOnce(Mount) -> Mount) -> Lab {
    lab(|lab, web| lab.add(change(Mount::on(web, "/srv/my media").from("nas:/mnt/tank/media"))))
}

#[tokio::test(start_paused = true)]
async fn a_mount_survives_everything() {
    let edits: [(&str, &Declare<'_>); 4] = [
        ("from", &|| lab(|lab, web| lab.add(Mount::on(web, "/srv/my media").from("nas:/mnt/tank/100%")))),
        ("kind", &|| media(|m| m.kind("nfs4"))),
        ("options", &|| media(|m| m.options("ro,noatime"))),
        ("automount", &|| media(Mount::automount)),
    ];
    conformance_every(3, &Fixture { world: &room, lab: &|| media(|m| m), edits: &edits }).await;
}

#[tokio::test(start_paused = true)]
async fn a_mount_whose_server_does_not_answer_says_what_mount_said() {
    let bench = Bench::new(room());
    bench.world.machine("web").cut_off("nas:/mnt/tank/media");
    let story = bench.deploy(media(|m| m)).await.story();
    assert!(story.contains("mount.nfs: Connection refused for nas:/mnt/tank/media"), "{story}");
}

#[tokio::test(start_paused = true)]
async fn somebody_who_unmounts_is_seen() {
    let bench = Bench::new(room());
    assert!(bench.deploy(media(|m| m)).await.is_success());
    bench.world.machine("web").somebody_runs(&["systemctl", "stop", "srv-my\\x20media.mount"]);
    let plan = bench.plan(media(|m| m), &Wishes::new(Goal::Deploy)).await;
    assert!(plan.to_string().contains("active: false -> true"), "{plan}");
    assert!(bench.deploy(media(|m| m)).await.is_success());
    assert!(bench.world.inventory().contains("runs srv-my\\x20media.mount active"));
}

#[test]
#[should_panic(expected = "is no schedule of cron")]
fn a_schedule_that_cron_would_not_understand_is_refused() {
    let _ = lab(|lab, web| lab.add(Cron::on(web, "x", "61 * * * *", "true")));
}
#[test]
#[should_panic(expected = "is no mount point")]
fn a_mount_point_that_leads_elsewhere_is_refused() {
    let _ = lab(|_, web| Mount::on(web, "/srv/../etc"));
}
