//! Templates that an installer makes from the CD of a system.
use crate::fixture::{DIN, GROGU, LAN, PVE, cluster, every};
use homelab_core::{
    Handle, Lab, Permit,
    host::{File, Package, Unsealed},
    plan::{Action, Goal, Wishes},
    sim::Net,
    testing::{Bench, Declare, Fault, Fixture, World as _, conformance_every, sweep_every},
    units::{HostAddr, SizeUnits},
};
use homelab_proxmox::{
    Image, Iso, Node, Template, Vm,
    api::qemu::Change,
    http::{Method, Request},
    sim::{Pace, Release, World, check_request},
    testing::SimWorld,
};
use std::sync::Arc;

const BUILD: HostAddr = LAN.host(251);
const URL: &str = "https://releases.ubuntu.com/24.04/ubuntu-24.04-live-server-amd64.iso";
const DIGEST: &str = "612b2c0cc1bc413a6cb8c38fd611794caf0f2b436c50013d8b3794db12ad7354";
const OTHER: &str = "9144540e8af7637d258b50dbabe82ce1aa6752c9574fedfb048270da0e087899";

fn cd(lab: &mut Lab, node: Node, version: &str, url: &'static str) -> Handle<Iso> {
    let digest = if version == "24.04.3" { DIGEST } else { OTHER };
    lab.add(Iso::of("ubuntu-server", version, Image::sha256(url, digest)).on(node))
}

fn of(node: Node, version: &str, url: &'static str, recipe: impl FnOnce(&mut Lab, Handle<Unsealed>)) -> Lab {
    let mut lab = Lab::named("home");
    let cd = cd(&mut lab, node, version, url);
    let template = Template::from_iso(9010, cd).named("noble").on(node).uefi().cloud_init();
    lab.add(template.provisioned(BUILD, recipe));
    lab
}

fn htop(lab: &mut Lab, machine: Handle<Unsealed>) {
    lab.add(Package::on(machine, "htop"));
}

fn only() -> Lab {
    of(DIN, "24.04.3", URL, htop)
}

/// The template, and a guest that is cloned from it.
fn home() -> Lab {
    let mut lab = Lab::named("home");
    let cd = cd(&mut lab, DIN, "24.04.3", URL);
    let noble = Template::from_iso(9010, cd).named("noble").on(DIN).uefi().cloud_init();
    let noble = lab.add(noble.provisioned(BUILD, htop));
    lab.add(Vm::clone_from(noble).on(DIN).id(201).named("web").disk(20.gib()).at(LAN.host(202)));
    lab
}

fn slow(release: Release) -> World {
    cluster().release(release).pace(Pace::scaled(0.05))
}

fn joined(world: World) -> (Bench<SimWorld>, Arc<Net>) {
    let net = Net::new();
    (Bench::new(SimWorld::new(PVE, world).joined(Arc::clone(&net))), net)
}

async fn must(bench: &Bench<SimWorld>, lab: Lab) {
    let run = bench.deploy(lab).await;
    assert!(run.is_success(), "{}", run.story());
}

fn made(bench: &Bench<SimWorld>) -> usize {
    bench.world.log().iter().filter(|call| *call == "POST /nodes/din/qemu").count()
}

#[tokio::test(start_paused = true)]
async fn a_template_is_installed_provisioned_and_sealed_and_nothing_of_its_making_is_left() {
    let (bench, net) = joined(slow(Release::V9_2));
    must(&bench, home()).await;
    let machine = net.machine("proxmox/pve/9010").unwrap().inventory();
    assert!(machine.contains("package htop"), "{machine}");
    assert!(!machine.contains("authorized_keys") && !machine.contains("ssh_host_"), "{machine}");
    let world = bench.world.inventory();
    for gone in ["-seed-", "sshkeys", "ide0:", "stage=building"] {
        assert!(!world.contains(gone), "{gone}:\n{world}");
    }
    assert!(world.contains("boot: order=scsi0") && world.contains("template: 1"), "{world}");
    assert!(net.machine("proxmox/pve/201").unwrap().inventory().contains("package htop"));
    let plan = bench.plan(home(), &Wishes::new(Goal::Deploy)).await;
    assert!(plan.is_noop(), "{plan}");
    assert!(bench.destroy(home()).await.is_success());
    assert_eq!(bench.world.inventory(), "");
}

#[tokio::test(start_paused = true)]
async fn another_cd_or_another_recipe_makes_it_anew_and_says_so() {
    let (bench, _net) = joined(cluster());
    must(&bench, only()).await;
    let newer = || of(DIN, "24.04.4", URL, htop);
    let motd = || {
        of(DIN, "24.04.3", URL, |lab, machine| {
            lab.add(Package::on(machine, "htop"));
            lab.add(File::on(machine, "/etc/motd", "hello"));
        })
    };
    let plan = bench.plan(motd(), &Wishes::new(Goal::Deploy)).await;
    let item = plan.items.iter().find(|item| item.key == "proxmox/template/noble").unwrap();
    assert_eq!(item.action, Action::Replace, "{plan}");
    assert!(plan.to_string().contains("its recipe has more on it: host/file/noble/etc/motd"), "{plan}");
    must(&bench, newer()).await;
    assert_eq!(made(&bench), 2);
    let world = bench.world.inventory();
    assert!(world.contains("installer=local:iso/ubuntu-server-24.04.4-9144540e8af7637d.iso"), "{world}");
    assert!(bench.plan(newer(), &Wishes::new(Goal::Deploy)).await.is_noop());
}

/// Where the run that makes it waits for the installer for the first time, as the number of a call.
async fn first_wait() -> u64 {
    let (bench, _net) = joined(slow(Release::V9_2));
    must(&bench, only()).await;
    let log = bench.world.log();
    let started = log.iter().position(|call| call.ends_with("/9010/status/start")).unwrap();
    let waits = log[started..].iter().filter(|call| call.ends_with("/9010/status/current"));
    assert!(waits.count() > 3, "it takes its time");
    let wait = log[started..].iter().position(|call| call.ends_with("/9010/status/current")).unwrap();
    (started + wait) as u64
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_killed_while_the_installer_works_is_gone_on_with() {
    let wait = first_wait().await;
    let (bench, _net) = joined(slow(Release::V9_2));
    bench.world.fail(wait, Fault::Kill);
    assert!(!bench.deploy(only()).await.is_success());
    bench.world.heal();
    let plan = bench.plan(only(), &Wishes::new(Goal::Deploy)).await.to_string();
    assert!(plan.contains("its installation is waited for if it still runs"), "{plan}");
    must(&bench, only()).await;
    assert_eq!(made(&bench), 1, "it was not installed twice");
    assert!(!bench.world.inventory().contains("-seed-"));
}

#[tokio::test(start_paused = true)]
async fn an_installer_that_has_lost_its_answers_asks_for_ever_and_the_run_says_what_is_missing() {
    let wait = first_wait().await;
    let (bench, _net) = joined(slow(Release::V9_2));
    bench.world.fail(wait, Fault::Kill);
    assert!(!bench.deploy(only()).await.is_success());
    bench.world.heal();
    let (pve, permit) = (bench.world.client(), Permit::for_tests());
    pve.stop_guest(&permit, "din", 9010).await.unwrap().wait(&|_| ()).await.unwrap();
    pve.configure(&permit, "din", 9010, &Change::new().set("ide2", "none,media=cdrom")).await.unwrap();
    pve.start_guest(&permit, "din", 9010).await.unwrap().wait(&|_| ()).await.unwrap();
    let story = bench.deploy(only()).await.story();
    assert!(story.contains("was not installed within 60 minutes: the CD with its answers is not in ide2"), "{story}");
    pve.stop_guest(&permit, "din", 9010).await.unwrap().wait(&|_| ()).await.unwrap();
    must(&bench, only()).await;
    assert_eq!(made(&bench), 2);
    assert!(bench.destroy(only()).await.is_success());
    assert_eq!(bench.world.inventory(), "");
}

#[tokio::test(start_paused = true)]
async fn the_cd_of_another_system_is_told_after_an_hour() {
    let (bench, _net) = joined(slow(Release::V9_2));
    let story = bench.deploy(of(DIN, "13", "https://example.org/debian-13-netinst.iso", htop)).await.story();
    assert!(story.contains("was not installed within 60 minutes: both of its CDs are there"), "{story}");
}

#[test]
fn what_an_installer_makes_has_to_be_provisioned() {
    let mut lab = Lab::named("home");
    let cd = cd(&mut lab, DIN, "24.04.3", URL);
    lab.add(Template::from_iso(9010, cd).named("noble").on(DIN).uefi().cloud_init());
    let told = lab.build().err().expect("it is not valid").to_string();
    assert!(told.contains("what an installer has made is looked at and sealed before it is copied"), "{told}");
    assert!(told.contains(".provisioned(LAN.host(250), |_, _| ())"), "{told}");
}

fn shown(request: &Request) -> String {
    let head = format!("{} {}", request.method.as_str(), request.path);
    let file =
        request.upload.iter().map(|file| format!("\n    filename: {} ({} bytes)", file.name, file.content.len()));
    let params = request.params.iter().filter(|(key, _)| key != "sshkeys" && key != "digest");
    params
        .map(|(key, value)| format!("\n    {key}={}", value.replace('\n', "\\n")))
        .chain(file)
        .fold(head, |a, b| a + &b)
}

#[tokio::test(start_paused = true)]
async fn an_installation_sends_exactly_this_and_both_releases_know_it() {
    let mut all = vec![];
    for release in [Release::V8_4, Release::V9_2] {
        let (bench, _net) = joined(cluster().release(release));
        must(&bench, only()).await;
        let requests = bench.world.requests();
        let wrong: Vec<_> = requests.iter().filter_map(|request| check_request(release, request).err()).collect();
        assert!(wrong.is_empty(), "{release:?}:\n{}", wrong.join("\n"));
        all.push(
            requests.iter().filter(|request| request.method != Method::Get).map(shown).collect::<Vec<_>>().join("\n"),
        );
    }
    assert_eq!(all[0], all[1]);
    insta::assert_snapshot!(all[0]);
}

#[tokio::test(start_paused = true)]
async fn an_installed_template_survives_everything_on_both_releases() {
    let more = || {
        of(DIN, "24.04.3", URL, |lab, machine| {
            lab.add(Package::on(machine, "htop"));
            lab.add(Package::on(machine, "jq"));
        })
    };
    let elsewhere = || of(GROGU, "24.04.4", URL, htop);
    let edits: [(&str, &Declare<'_>); 2] = [("recipe", &more), ("the node, and the CD", &elsewhere)];
    for release in [Release::V8_4, Release::V9_2] {
        let world = move || SimWorld::new(PVE, slow(release)).joined(Net::new()).with_machines();
        conformance_every(every() * 5, &Fixture { world: &world, lab: &only, edits: &edits }).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_lab_with_an_installed_template_converges_from_anywhere() {
    sweep_every(every() * 2, || SimWorld::new(PVE, slow(Release::V9_2)).joined(Net::new()).with_machines(), &[&home])
        .await;
}
