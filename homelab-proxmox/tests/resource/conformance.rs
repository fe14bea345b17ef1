//! What every kind must survive, with an edit for every field that can be declared.
use crate::fixture::{DIN, GROGU, KEY, LAN, STORAGE, every, lab, ubuntu, web, world};
use homelab_core::{
    Lab, Secret, Secrets,
    env::Env,
    testing::{Declare, Fixture, conformance_every, sweep_every},
    units::{Mac, SizeUnits, TimeUnits, Vlan},
};
use homelab_proxmox::{
    Template, Vm,
    api::qemu::Slot,
    resource::{Bios, Disk, Image, Nic, NoCloudInit, template::TemplateOf},
};

type Edit<'a> = (&'a str, &'a Declare<'a>);

async fn survives(base: &Declare<'_>, edits: &[Edit<'_>]) {
    conformance_every(every(), &Fixture { world: &world, lab: base, edits }).await;
}

fn template(change: impl Fn(TemplateOf) -> TemplateOf, more: impl Fn(Template) -> Template) -> Lab {
    let mut lab = Lab::named("home");
    lab.add(more(change(Template::debian_12(9001)).on(DIN)));
    lab
}

#[tokio::test(start_paused = true)]
async fn a_template_takes_in_place_what_its_clones_do_not_stand_on() {
    let edited = || {
        template(
            |t| t.named("bookworm"),
            |t| t.cores(4).memory(3.gib()).agent(true).tags(["debian"]).notes("Made by code."),
        )
    };
    survives(&|| template(|t| t, |t| t), &[("name, cores, memory, agent, tags, notes", &edited)]).await;
}

#[tokio::test(start_paused = true)]
async fn a_template_is_made_anew_when_what_it_is_built_from_changes() {
    let image = || {
        let mut lab = Lab::named("home");
        lab.add(Template::from_image(9001, Image::DEBIAN_13).named("debian-12").on(DIN));
        lab
    };
    let hardware = || {
        let mut lab = Lab::named("home");
        let template = Template::debian_12(9001).on(GROGU).uefi().cloud_init().secure_boot();
        lab.add(template.disk(10.gib()).storage("tank").no_serial());
        lab
    };
    survives(&|| template(|t| t, |t| t), &[("image", &image), ("everything else, and the node", &hardware)]).await;
}

fn shell(change: impl FnOnce(Vm<Bios, NoCloudInit>) -> Vm<Bios, NoCloudInit>) -> Lab {
    let mut lab = Lab::named("home");
    let shell = Vm::blank().on(DIN).id(300).named("nas").disk(32.gib()).nic(Nic::at(LAN.host(13))).stopped();
    lab.add(change(shell));
    lab
}

#[tokio::test(start_paused = true)]
async fn an_empty_guest_takes_every_setting_of_its_machine() {
    let machine = || {
        shell(|vm| {
            vm.cores(4)
                .sockets(2)
                .cpu("host")
                .memory(8.gib())
                .ballooning(2.gib())
                .agent(true)
                .tags(["Storage"])
                .notes("The NAS.\n\nAsk Ada.")
                .boot_order(["scsi0", "net0"])
                .start_on_boot(true)
                .startup(1, Some(30.seconds()))
        })
    };
    let renamed = || {
        let mut lab = Lab::named("home");
        let nas = Vm::blank().on(DIN).id(300).named("truenas").disk(32.gib()).nic(Nic::at(LAN.host(13))).stopped();
        lab.add(nas.no_ballooning());
        lab
    };
    survives(&|| shell(|vm| vm), &[("the machine", &machine), ("its name", &renamed)]).await;
}

#[tokio::test(start_paused = true)]
async fn an_empty_guest_takes_disks_and_network_devices() {
    let options = |disk: Disk| disk.ssd(true).discard(true).iothread(true).backup(false);
    let disks = || shell(|vm| vm.disk(options(Disk::of(64.gib()))).scratch_disk(Slot::scsi(1), 8.gib()));
    let moved = || shell(|vm| vm.disk(Disk::of(32.gib()).on("tank")));
    let nics = || {
        let mut lab = Lab::named("home");
        let mac = Mac::new([0x02, 0, 0, 0, 0, 1]);
        let first = Nic::untagged().vlan(Vlan::new(30)).mac(mac).mtu(9000).firewall(true).bridge("vmbr1");
        let nas = Vm::blank().on(DIN).id(300).named("nas").disk(32.gib()).nic(first).nic(Nic::at(STORAGE.host(13)));
        lab.add(nas.stopped());
        lab
    };
    survives(&|| shell(|vm| vm), &[("disks", &disks), ("storage", &moved), ("network devices", &nics)]).await;
}

#[tokio::test(start_paused = true)]
async fn an_empty_guest_loses_what_is_declared_away_moves_and_is_started() {
    let base = || shell(|vm| vm.scratch_disk(Slot::scsi(1), 8.gib()).nic(Nic::untagged()).tags(["a"]).notes("b"));
    let less = || shell(|vm| vm.no_disk(Slot::scsi(1)).no_nic().tags::<&str>([]).notes(""));
    let elsewhere = || {
        let mut lab = Lab::named("home");
        let nas = Vm::blank().on(GROGU).id(300).named("nas").disk(32.gib()).nic(Nic::at(LAN.host(13))).stopped();
        lab.add(nas.scratch_disk(Slot::scsi(1), 8.gib()).nic(Nic::untagged()).tags(["a"]).notes("b"));
        lab
    };
    let other_number = || {
        let mut lab = Lab::named("home");
        let nas = Vm::blank().on(DIN).id(303).named("nas").disk(32.gib()).nic(Nic::at(LAN.host(13)));
        lab.add(nas.scratch_disk(Slot::scsi(1), 8.gib()).nic(Nic::untagged()).tags(["a"]).notes("b"));
        lab
    };
    survives(&base, &[("less", &less), ("the node", &elsewhere), ("the number, and on", &other_number)]).await;
}

#[tokio::test(start_paused = true)]
async fn a_running_clone_takes_changes_at_once_or_with_a_restart() {
    let live =
        || lab(|vm| vm.tags(["web"]).notes("x").disk(60.gib()).nic(Nic::at(STORAGE.host(202))).start_on_boot(true));
    let restart = || {
        lab(|vm| {
            let vm = vm.cores(4).memory(8.gib()).at(LAN.host(203)).resolver(LAN.host(53).ip()).search_domain("lan");
            vm.user("ada").authorized_keys([KEY, &KEY.replace("ada", "eve")])
        })
    };
    survives(&|| lab(|vm| vm), &[("live", &live), ("with a restart", &restart)]).await;
}

#[tokio::test(start_paused = true)]
async fn a_running_clone_moves_and_stops() {
    let moved = || {
        let mut lab = Lab::named("home");
        let template = ubuntu(&mut lab);
        let web = Vm::clone_from(template).on(GROGU).id(201).named("web").cores(2).memory(4.gib()).disk(50.gib());
        lab.add(web.at(LAN.host(202)).authorized_keys([KEY]).tags(["ubuntu", "production"]));
        lab
    };
    survives(&|| lab(|vm| vm), &[("the node", &moved), ("off", &|| lab(|vm| vm.stopped()))]).await;
}

#[tokio::test(start_paused = true)]
async fn a_clone_on_another_node_with_a_number_of_the_lab_s_own_converges_from_anywhere() {
    let far = || {
        let mut lab = Lab::named("home");
        let template = ubuntu(&mut lab);
        lab.add(Vm::clone_from(template).on(GROGU).named("far").at(LAN.host(77)));
        lab
    };
    sweep_every(every(), world, &[&far]).await;
}

#[tokio::test(start_paused = true)]
async fn a_password_is_given_when_the_guest_is_made_also_by_the_run_that_finishes_it() {
    const SECRET: Secret = Secret::named("GUEST_PASSWORD");
    let made = || {
        let mut lab = Lab::named("home");
        let template = ubuntu(&mut lab);
        lab.add(web(template, |vm| vm.password(SECRET)));
        lab
    };
    let mut bench = crate::fixture::bench();
    bench.secrets = Secrets::none().and(Env::from_pairs([("GUEST_PASSWORD", "correct horse")]));
    let run = bench.deploy(made()).await;
    assert!(run.is_success(), "{}", run.story());
    let kept = |bench: &homelab_core::testing::Bench<_>| {
        use homelab_core::testing::World as _;
        let world: &homelab_proxmox::testing::SimWorld = &bench.world;
        world.inventory().contains("cipassword")
    };
    assert!(kept(&bench));
    let plan = bench.plan(made(), &homelab_core::plan::Wishes::new(homelab_core::plan::Goal::Deploy)).await;
    assert!(plan.is_noop() && !plan.to_string().contains("correct"), "{plan}");
}
