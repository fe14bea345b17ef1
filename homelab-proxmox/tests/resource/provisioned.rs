//! Templates that something is put on before they are sealed.
use crate::fixture::{DIN, GROGU, KEY, LAN, PVE, Ubuntu, cluster, every, web};
use homelab_core::{
    Handle, Lab, ResourceExt, Secret,
    host::{DockerEngine, File, Group, NodeExporter, Output, Package, SshHardening, Unsealed},
    plan::{Action, Goal, Wishes},
    sim::{Computer, Net, SimMachine},
    testing::{Bench, Declare, Fixture, World as _, conformance_every, sweep_every},
    text,
    units::{HostAddr, SizeUnits},
};
use homelab_proxmox::{
    Template, Vm,
    sim::{Pace, Release, World},
    testing::SimWorld,
};
use std::sync::Arc;

const BUILD: HostAddr = LAN.host(250);

fn whole(lab: &mut Lab, machine: Handle<Unsealed>) {
    lab.add(SshHardening::on(machine));
    DockerEngine::ubuntu(lab, machine);
    NodeExporter::debian(lab, machine);
}

fn template(lab: &mut Lab, recipe: impl FnOnce(&mut Lab, Handle<Unsealed>)) -> Ubuntu {
    lab.add(Template::ubuntu_24_04(9000).on(DIN).uefi().cloud_init().provisioned(BUILD, recipe))
}

fn only(recipe: impl FnOnce(&mut Lab, Handle<Unsealed>)) -> Lab {
    let mut lab = Lab::named("home");
    template(&mut lab, recipe);
    lab
}

/// A template with all of it, and a guest that has the same declared once more.
fn home() -> Lab {
    let mut lab = Lab::named("home");
    let ubuntu = template(&mut lab, whole);
    let web = lab.add(web(ubuntu, |vm| vm));
    lab.add(SshHardening::on(web));
    DockerEngine::ubuntu(&mut lab, web);
    NodeExporter::debian(&mut lab, web);
    lab
}

fn joined(world: World) -> (Bench<SimWorld>, Arc<Net>) {
    let net = Net::new();
    (Bench::new(SimWorld::new(PVE, world).joined(Arc::clone(&net))), net)
}

fn add<R: homelab_core::Declare>(lab: &mut Lab, resource: R) {
    lab.add(resource);
}

async fn must(bench: &Bench<SimWorld>, lab: Lab) {
    let run = bench.deploy(lab).await;
    assert!(run.is_success(), "{}", run.story());
}

#[tokio::test(start_paused = true)]
async fn a_template_is_provisioned_sealed_and_then_needs_nothing() {
    let (bench, net) = joined(cluster());
    must(&bench, only(whole)).await;
    let machine = net.machine("proxmox/pve/9000").unwrap();
    assert!(net.at(BUILD.ip()).is_none(), "it is down");
    let inventory = machine.inventory();
    for there in [
        "package docker.io ",
        "package docker-compose-v2 ",
        "package prometheus-node-exporter ",
        "/etc/docker/daemon.json ",
    ] {
        assert!(inventory.contains(there), "{there}:\n{inventory}");
    }
    assert_eq!(machine.text("/etc/machine-id").as_deref(), Some(""));
    for gone in ["ssh_host_", "authorized_keys", "/var/lib/misc/homelab-", "/var/lib/cloud", "cloud-init.log"] {
        assert!(!inventory.contains(gone), "{gone}:\n{inventory}");
    }
    let world = bench.world.inventory();
    assert!(
        !world.contains("sshkeys") && world.contains("ipconfig0: ip=dhcp") && world.contains("template: 1"),
        "{world}"
    );
    let plan = bench.plan(only(whole), &Wishes::new(Goal::Deploy)).await;
    assert!(plan.is_noop(), "{plan}");
    assert!(bench.destroy(only(whole)).await.is_success());
    assert!(net.machine("proxmox/pve/9000").is_none() && bench.world.inventory().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_clone_has_what_the_recipe_put_there_and_an_identity_of_its_own() {
    let (bench, net) = joined(cluster());
    must(&bench, home()).await;
    let (web, built) = (net.machine("proxmox/pve/201").unwrap(), net.machine("proxmox/pve/9000").unwrap());
    let id = web.text("/etc/machine-id").unwrap();
    assert!(id.trim().len() == 32 && built.text("/etc/machine-id").as_deref() == Some(""), "{id}");
    assert!(web.text("/etc/ssh/ssh_host_ed25519_key.pub").is_some());
    assert_eq!(web.text("/home/ubuntu/.ssh/authorized_keys").unwrap(), format!("{KEY}\n"));
    assert_eq!(web.text("/etc/hostname").as_deref(), Some("web\n"));
    assert_eq!(web.unit("docker.service").active, "active");
    // What is declared on the guest too is there already: apt had no lists there, and has none still.
    let install = web.somebody_runs(&["apt-get", "install", "-y", "htop"]);
    assert_ne!(install.status, 0, "apt was not asked for anything");
    let plan = bench.plan(home(), &Wishes::new(Goal::Deploy)).await;
    assert!(plan.is_noop(), "{plan}");
}

#[tokio::test(start_paused = true)]
async fn the_plan_shows_each_part_of_the_recipe_with_its_line() {
    let (bench, _net) = joined(cluster());
    let plan = bench.plan(only(whole), &Wishes::new(Goal::Deploy)).await;
    let notes: Vec<&str> =
        plan.items[0].notes.iter().map(|note| note.text.split("  ").next().unwrap_or_default()).collect();
    insta::assert_snapshot!(notes.join("\n"), @r"
    puts on it: host/ssh-hardening/ubuntu-24.04/sshd
    puts on it: host/packages/ubuntu-24.04/docker
    puts on it: host/directory/ubuntu-24.04/etc/docker
    puts on it: host/file/ubuntu-24.04/etc/docker/daemon.json
    puts on it: host/service/ubuntu-24.04/docker.service
    puts on it: host/package/ubuntu-24.04/prometheus-node-exporter
    puts on it: host/service/ubuntu-24.04/prometheus-node-exporter.service
    ");
    assert!(plan.items[0].notes.iter().all(|note| note.text.contains("tests/resource/provisioned.rs:")), "{plan}");
}

#[tokio::test(start_paused = true)]
async fn a_template_is_rebuilt_exactly_when_its_recipe_changes_and_its_clones_stay() {
    let lab = |motd: &'static str, more: bool| {
        let mut lab = Lab::named("home");
        let ubuntu = template(&mut lab, |lab, machine| {
            lab.add(Package::on(machine, "htop"));
            lab.add(File::on(machine, "/etc/motd", motd));
            if more {
                lab.add(Package::on(machine, "jq"));
            }
        });
        lab.add(Vm::clone_from(ubuntu).on(DIN).id(201).named("web").at(LAN.host(202)));
        lab
    };
    let (bench, net) = joined(cluster());
    must(&bench, lab("hello", true)).await;
    let clone = net.machine("proxmox/pve/201").unwrap().inventory();
    let plan = bench.plan(lab("good bye", false), &Wishes::new(Goal::Deploy)).await;
    assert_eq!((plan.items.len(), plan.items[0].action), (1, Action::Replace), "{plan}");
    let notes: Vec<&str> =
        plan.items[0].notes.iter().map(|note| note.text.split("  ").next().unwrap_or_default()).collect();
    insta::assert_snapshot!(notes.join("\n"), @r"
    digest cannot be changed in place
    its recipe says something else: host/file/ubuntu-24.04/etc/motd
    its recipe has 1 fewer of the parts that it was built with
    guests cloned from it before stay as they are
    puts on it: host/package/ubuntu-24.04/htop
    puts on it: host/file/ubuntu-24.04/etc/motd
    ");
    must(&bench, lab("good bye", false)).await;
    assert_eq!(net.machine("proxmox/pve/9000").unwrap().text("/etc/motd").as_deref(), Some("good bye"));
    assert_eq!(net.machine("proxmox/pve/201").unwrap().inventory(), clone, "the clone is as it was");
    assert!(clone.contains("package jq"));
    let plan = bench.plan(lab("good bye", false), &Wishes::new(Goal::Deploy)).await;
    assert!(plan.is_noop(), "{plan}");
}

#[tokio::test(start_paused = true)]
async fn a_part_that_fails_is_named_with_its_line_and_the_next_run_begins_anew() {
    let (bench, net) = joined(cluster());
    let wrong = || only(|lab, machine| add(lab, Package::on(machine, "no-such-package")));
    let run = bench.deploy(wrong()).await;
    let story = run.story();
    assert!(
        story.contains("host/package/ubuntu-24.04/no-such-package (homelab-proxmox/tests/resource/provisioned.rs:"),
        "{story}"
    );
    let plan = bench.plan(wrong(), &Wishes::new(Goal::Deploy)).await.to_string();
    assert!(plan.contains("its build was cut off: it is thrown away and begun anew"), "{plan}");
    let right = || only(|lab, machine| add(lab, Package::on(machine, "htop")));
    must(&bench, right()).await;
    assert!(net.machine("proxmox/pve/9000").unwrap().inventory().contains("package htop"));
    assert!(bench.destroy(right()).await.is_success());
    assert_eq!(bench.world.inventory(), "");
}

/// A world in which the machine of the template is there already, and was meddled with.
fn meddled(meddle: impl FnOnce(&SimMachine)) -> Bench<SimWorld> {
    let net = Net::new();
    net.switch_on("proxmox/pve/9000", Computer::named("ubuntu-24.04", []));
    meddle(&net.machine("proxmox/pve/9000").unwrap());
    net.switch_off("proxmox/pve/9000");
    Bench::new(SimWorld::new(PVE, cluster()).joined(net))
}

#[tokio::test(start_paused = true)]
async fn what_is_left_on_it_keeps_it_from_being_converted() {
    let idle = |argv: &[String]| argv.first().is_some_and(|program| program == "cloud-init") && argv[1] == "clean";
    let done = Output { status: 0, stdout: vec![], stderr: vec![] };
    let bench = meddled(|machine| machine.on_command(move |argv, _| idle(argv).then(|| done.clone())));
    let story = bench.deploy(only(whole)).await.story();
    assert!(story.contains("it is not sealed, and every clone would have it"), "{story}");
    assert!(story.contains("/var/lib/cloud/instance is there: cloud-init was not cleaned"), "{story}");
    assert!(!bench.world.log().iter().any(|call| call.ends_with("/9000/template")));
}

#[tokio::test(start_paused = true)]
async fn cloud_init_that_fails_is_told() {
    let bench = meddled(|machine| machine.break_unit("cloud-init", true));
    let story = bench.deploy(only(whole)).await.story();
    assert!(
        story.contains("cloud-init failed with status 1") && story.contains("cloud-init: status: error"),
        "{story}"
    );
}

#[tokio::test(start_paused = true)]
async fn secrets_and_strangers_in_a_recipe_are_errors_of_the_lab() {
    const TOKEN: Secret = Secret::named("TOKEN");
    let invalid = |lab: Lab| lab.build().err().expect("it is not valid").to_string();
    let told = invalid(only(|lab, machine| add(lab, File::on(machine, "/etc/token", text![TOKEN]))));
    assert!(told.contains("the secret TOKEN would be copied to every guest"), "{told}");
    assert!(
        told.contains("host/file/ubuntu-24.04/etc/token") && told.contains("proxmox/template/ubuntu-24.04"),
        "{told}"
    );
    let mut lab = Lab::named("home");
    let debian = lab.add(Template::debian_13(9001).on(DIN).cloud_init());
    let other = lab.add(Vm::clone_from(debian).on(DIN).id(300).named("other").at(LAN.host(13)));
    template(&mut lab, |lab, _| add(lab, Package::on(other, "htop")));
    assert!(invalid(lab).contains("it uses a handle that this lab did not give out"));
    let mut lab = Lab::named("home");
    let ubuntu = template(&mut lab, |_, _| ());
    lab.add(Vm::clone_from(ubuntu).on(DIN).id(201).named("web").at(BUILD));
    assert!(invalid(lab).contains("address 192.168.0.250 is claimed twice"));
}

#[tokio::test(start_paused = true)]
async fn without_a_way_to_machines_it_is_refused_when_it_is_planned() {
    let bench = Bench::new(SimWorld::new(PVE, cluster()));
    let plan = bench.plan(only(whole), &Wishes::new(Goal::Deploy)).await;
    assert_eq!(plan.refusals().len(), 1, "{plan}");
    assert!(plan.to_string().contains("the lab has no way to machines"), "{plan}");
}

#[tokio::test(start_paused = true)]
async fn somebody_at_the_build_address_is_told_before_anything_is_started() {
    let (bench, _net) = joined(cluster());
    let squatter = || {
        let mut lab = Lab::named("other");
        let debian = lab.add(Template::debian_13(9001).on(DIN).cloud_init());
        lab.add(Vm::clone_from(debian).on(DIN).id(300).named("squatter").at(BUILD));
        lab
    };
    must(&bench, squatter()).await;
    let other = Bench::new(bench.world.clone());
    let run = other.deploy(only(whole)).await;
    assert!(run.story().contains("another machine answers at its address 192.168.0.250"), "{}", run.story());
}

#[tokio::test(start_paused = true)]
async fn what_was_sealed_and_then_run_by_somebody_is_built_anew() {
    let (bench, net) = joined(cluster());
    // Killed right before it is converted.
    must(&bench, only(whole)).await;
    let calls = bench.world.log();
    let convert = calls.iter().position(|call| call.ends_with("/9000/template")).unwrap() as u64;
    for somebody in [false, true] {
        let (bench, net) = (Bench::new(SimWorld::new(PVE, cluster()).joined(Arc::clone(&net))), Arc::clone(&net));
        net.discard("proxmox/pve/9000");
        bench.world.fail(convert - 1, homelab_core::testing::Fault::Kill);
        assert!(!bench.deploy(only(whole)).await.is_success());
        bench.world.heal();
        if somebody {
            let pve = bench.world.client();
            let permit = homelab_core::Permit::for_tests();
            let task = pve.start_guest(&permit, "din", 9000).await.unwrap();
            task.wait(&|_| ()).await.unwrap();
        }
        let before = bench.world.log().len();
        must(&bench, only(whole)).await;
        let again = bench.world.log()[before..].iter().any(|call| call == "POST /nodes/din/qemu");
        assert_eq!(again, somebody, "only what somebody has run is built anew");
        assert_eq!(net.machine("proxmox/pve/9000").unwrap().text("/etc/machine-id").as_deref(), Some(""));
    }
}

fn slow(release: Release) -> SimWorld {
    SimWorld::new(PVE, cluster().release(release).pace(Pace::scaled(0.05))).joined(Net::new()).with_machines()
}

#[tokio::test(start_paused = true)]
async fn a_provisioned_template_survives_everything_on_both_releases() {
    let small = |lab: &mut Lab, machine: Handle<Unsealed>| add(lab, Package::on(machine, "htop"));
    let base = || only(small);
    let more = || {
        only(|lab, machine| {
            let package = lab.add(Package::on(machine, "htop"));
            lab.add(File::on(machine, "/etc/motd", "hello").after(package));
            lab.add(Group::on(machine, "media"));
        })
    };
    let elsewhere = || {
        let mut lab = Lab::named("home");
        lab.add(
            Template::ubuntu_24_04(9000).on(GROGU).uefi().cloud_init().cores(4).disk(8.gib()).provisioned(BUILD, small),
        );
        lab
    };
    let edits: [(&str, &Declare<'_>); 2] = [("recipe", &more), ("the node, and in place", &elsewhere)];
    for release in [Release::V8_4, Release::V9_2] {
        let fixture = Fixture { world: &|| slow(release), lab: &base, edits: &edits };
        conformance_every(every() * 3, &fixture).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_lab_with_a_provisioned_template_converges_from_anywhere() {
    sweep_every(every() * 3, || slow(Release::V9_2), &[&home]).await;
}
