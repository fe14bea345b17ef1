//! VMs as their author sees them: what is asked, what is refused, what is restarted, what is left alone.
use crate::fixture::{Cloud, DIN, GROGU, KEY, LAN, PVE, WEB, bench, cluster, lab, ubuntu, web, world};
use homelab_core::{
    Lab, Permit,
    plan::{Action, Goal, Plan, Wishes},
    testing::{Bench, World as _},
    units::{Mac, SizeUnits, TimeUnits},
};
use homelab_proxmox::{
    Node, Vm,
    api::{Upload, qemu::Slot},
    client::{Params, silent},
    resource::{Disk, Nic},
    sim::{Pace, StorageKind},
    testing::SimWorld,
};
use std::time::Duration;

async fn deployed(change: impl FnOnce(Cloud) -> Cloud) -> Bench<SimWorld> {
    let bench = bench();
    must(&bench, lab(change)).await;
    bench
}

async fn must(bench: &Bench<SimWorld>, lab: Lab) {
    let run = bench.deploy(lab).await;
    assert!(run.is_success(), "{}", run.story());
}

async fn plan(bench: &Bench<SimWorld>, lab: Lab) -> Plan {
    bench.plan(lab, &Wishes::new(Goal::Deploy)).await
}

/// What forbids a plan, with the hints.
fn refused(plan: &Plan) -> Vec<String> {
    let told = |(_, note): &(_, &homelab_core::plan::Note)| {
        format!("{} / {}", note.text, note.hint.as_deref().unwrap_or_default())
    };
    plan.refusals().iter().map(told).collect()
}

/// A guest that somebody made by hand.
async fn by_hand(bench: &Bench<SimWorld>, node: &str, options: &[(&str, &str)]) {
    let (client, permit) = (bench.world.client(), Permit::for_tests());
    let options: Params = options.iter().copied().collect();
    client.create(&permit, node, 201, options).await.unwrap().wait(&silent).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_run_with_nothing_to_do_asks_for_one_listing_and_one_configuration_each() {
    let bench = deployed(|vm| vm).await;
    // Listings know a new guest some seconds later.
    tokio::time::sleep(Duration::from_secs(30)).await;
    let before = bench.world.log().len();
    must(&bench, lab(|vm| vm)).await;
    let log = bench.world.log().split_off(before);
    assert_eq!(log, ["GET /cluster/resources", "GET /nodes/din/qemu/9000/config", "GET /nodes/din/qemu/201/config"]);
}

#[tokio::test(start_paused = true)]
async fn a_change_that_a_running_guest_cannot_take_is_shown_with_its_restart_and_done() {
    let bench = deployed(|vm| vm).await;
    let more = || lab(|vm| vm.cores(4).tags(["web"]));
    let plan = plan(&bench, more()).await;
    let shown: Vec<String> = plan.to_string().lines().skip(1).map(|line| line.trim().to_owned()).collect();
    insta::assert_snapshot!(shown.join("\n"), @r"
    cores: 2 -> 4
    tags: [production, ubuntu] -> [web]
    reboot: it is shut down and started, for cores, which a running guest cannot take
    1 to update (1 as they should be)
    ");
    must(&bench, more()).await;
    let inventory = bench.world.inventory();
    assert!(inventory.contains("cores: 4") && !inventory.contains("pending"), "{inventory}");
    let starts = bench.world.log().iter().filter(|call| call.ends_with("/201/status/start")).count();
    assert_eq!(starts, 2);
    assert!(!bench.world.log().iter().any(|call| call.ends_with("/status/stop")), "its plug is never pulled");
}

#[tokio::test(start_paused = true)]
async fn a_guest_that_must_not_be_restarted_keeps_its_changes_waiting() {
    let bench = deployed(|vm| vm).await;
    let more = || lab(|vm| vm.cores(4).no_restarts());
    let plan = plan(&bench, more()).await.to_string();
    assert!(plan.contains("note: a restart is left to you, for cores"), "{plan}");
    must(&bench, more()).await;
    assert!(bench.world.inventory().contains("pending cores: 4"));
}

#[tokio::test(start_paused = true)]
async fn a_restart_that_the_plan_did_not_show_is_left_for_the_next_plan() {
    let bench = deployed(|vm| vm.no_ballooning()).await;
    // A running guest without a balloon does not get one.
    let more = || lab(|vm| vm.ballooning(2.gib()));
    let run = bench.deploy(more()).await;
    assert!(!run.is_success() && run.story().contains("balloon cannot be changed while it runs"), "{}", run.story());
    let plan = plan(&bench, more()).await.to_string();
    assert!(plan.contains("reboot: it is shut down and started, for changes that wait for one"), "{plan}");
    must(&bench, more()).await;
    assert!(!bench.world.inventory().contains("pending"));
}

#[tokio::test(start_paused = true)]
async fn a_guest_that_does_not_come_up_is_told_and_waited_for_again_by_the_next_run() {
    let bench = Bench::new(SimWorld::new(PVE, cluster().pace(Pace::realistic())));
    let hasty = || lab(|vm| vm.ready_within(1.seconds()));
    let run = bench.deploy(hasty()).await;
    let story = run.story();
    assert!(story.contains("web (201 on din) runs, but nobody answered at 192.168.0.202 within 1s"), "{story}");
    let plan = plan(&bench, hasty()).await.to_string();
    assert!(plan.contains("unfinished: making -> none"), "{plan}");
    assert!(plan.contains("note: it was made by a run that did not see it come up"), "{plan}");
    tokio::time::sleep(Duration::from_secs(30)).await;
    must(&bench, hasty()).await;
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_is_declared_and_missing_is_named_where_only_it_could_tell_the_address() {
    let bench = bench();
    let by_dhcp = || {
        let mut lab = Lab::named("home");
        let template = ubuntu(&mut lab);
        lab.add(
            Vm::clone_from(template).on(DIN).named("web").nic(Nic::untagged()).agent(true).ready_within(1.minutes()),
        );
        lab
    };
    let run = bench.deploy(by_dhcp()).await;
    assert!(run.story().contains("its guest agent did not answer within 1m"), "{}", run.story());
}

#[tokio::test(start_paused = true)]
async fn a_guest_that_we_did_not_make_is_not_touched_until_it_is_adopted() {
    let bench = bench();
    by_hand(&bench, "din", &[("name", "theirs"), ("bios", "ovmf"), ("onboot", "1"), ("description", "Do not touch.")])
        .await;
    let before = bench.world.inventory();
    let only_web = || {
        let mut lab = Lab::named("home");
        lab.add(Vm::blank().uefi().on(DIN).id(201).named("web").cores(2).stopped());
        lab
    };
    let plan = plan(&bench, only_web()).await;
    insta::assert_snapshot!(refused(&plan).join("\n"), @"it exists and was not made by this lab / take it over with `--adopt`, or give this one another identity");
    let run = bench.deploy(only_web()).await;
    assert!(!run.is_success());
    assert_eq!(bench.world.inventory(), before, "nothing was touched");

    let wishes = Wishes { adopt: true, ..Wishes::new(Goal::Deploy) };
    let run = bench.run(only_web(), &wishes).await;
    assert!(run.is_success(), "{}", run.story());
    let after = bench.world.inventory();
    assert!(after.contains("Do not touch.\n\nhomelab: home proxmox/vm/web"), "{after}");
    assert!(after.contains("onboot: 1") && after.contains("name: web") && after.contains("tags: homelab"), "{after}");
}

#[tokio::test(start_paused = true)]
async fn a_number_that_is_taken_meanwhile_or_by_a_container_is_told() {
    let bench = bench();
    by_hand(&bench, "grogu", &[("name", "theirs")]).await;
    let plan = plan(&bench, lab(|vm| vm)).await;
    assert!(refused(&plan)[0].starts_with("it exists and was not made by this lab"), "{plan}");

    let bench = Bench::new(world());
    let (client, permit) = (bench.world.client(), Permit::for_tests());
    let archive = Upload {
        content: "vztmpl".to_owned(),
        filename: "debian-12.tar.zst".to_owned(),
        bytes: vec![0; 64],
        checksum: None,
    };
    client.upload(&permit, "din", "local", archive).await.unwrap().wait(&silent).await.unwrap();
    let options = [("vmid", "201"), ("ostemplate", "local:vztmpl/debian-12.tar.zst"), ("rootfs", "local-lvm:1")];
    client.post(&permit, "/nodes/din/lxc", options.into_iter().collect()).await.unwrap();
    let story = bench.deploy(lab(|vm| vm)).await.story();
    assert!(story.contains("201 is the number of a container"), "{story}");
}

#[tokio::test(start_paused = true)]
async fn a_guest_with_data_is_kept_when_its_line_is_gone_and_the_data_is_named() {
    let with_data = || lab(|vm| vm.data_disk(Slot::scsi(1), Disk::of(500.gib()).on("tank")));
    let bench = bench();
    must(&bench, with_data()).await;
    let without = || {
        let mut lab = Lab::named("home");
        ubuntu(&mut lab);
        lab
    };
    let plan = plan(&bench, without()).await;
    insta::assert_snapshot!(refused(&plan).join("\n"), @"it would be deleted, but it holds scsi1: 500 GiB on tank / if its data may go: `--allow-destroy proxmox/vm/web`; to let go of it and leave it as it is: `state forget proxmox/vm/web`");
    // Whoever loses the ledger too still finds it on the guest.
    assert!(bench.world.inventory().contains("homelab: home proxmox/vm/web id=201 data=scsi1"));

    let allowed = Wishes { allow_destroy: ["proxmox/vm/web".to_owned()].into(), ..Wishes::new(Goal::Deploy) };
    let run = bench.run(without(), &allowed).await;
    assert!(run.is_success(), "{}", run.story());
    assert!(!bench.world.inventory().contains("201"));
}

#[tokio::test(start_paused = true)]
async fn a_guest_that_proxmox_protects_goes_only_when_it_is_allowed_by_name() {
    let bench = deployed(|vm| vm.protection(true)).await;
    let plan = bench.plan(lab(|vm| vm.protection(true)), &Wishes::new(Goal::Destroy)).await;
    assert!(refused(&plan)[0].contains("its protection in Proxmox VE"), "{plan}");
    let allowed = Wishes { allow_destroy: ["proxmox/vm/web".to_owned()].into(), ..Wishes::new(Goal::Destroy) };
    let run = bench.run(lab(|vm| vm.protection(true)), &allowed).await;
    assert!(run.is_success(), "{}", run.story());
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_done_in_place_is_refused_when_it_is_planned() {
    let bench = deployed(|vm| vm.data_disk(Slot::scsi(1), 100.gib())).await;
    let shrunk = plan(&bench, lab(|vm| vm.disk(40.gib()))).await;
    let emptied = plan(&bench, lab(|vm| vm.no_disk(Slot::scsi(1)))).await;
    let headless = plan(&bench, lab(|vm| vm.no_disk(Slot::scsi(0)))).await;
    let bios = {
        let mut lab = Lab::named("home");
        lab.add(Vm::blank().on(DIN).id(201).named("web"));
        plan(&bench, lab).await
    };
    let all: Vec<String> = [&shrunk, &emptied, &headless, &bios].into_iter().flat_map(refused).collect();
    insta::assert_snapshot!(all.join("\n"), @r"
    scsi0 has 50 GiB and cannot shrink to 40 GiB / declare 50 GiB or more
    scsi1 holds data: 100 GiB / to lose it, deploy once with `.scratch_disk(Slot::scsi(1), 100.gib())` in place of `.no_disk(Slot::scsi(1))`: what holds no data can then be taken away
    the disk with the system cannot be taken away / leave the guest stopped instead
    its firmware is uefi and cannot be changed in place / a system installed for the one does not start with the other: make the guest anew, under another name
    ");
}

#[test]
fn duplicates_are_all_named_with_both_places() {
    let mut lab = Lab::named("home");
    let template = ubuntu(&mut lab);
    let mac = Mac::new([0x02, 0, 0, 0, 0, 1]);
    let twin = |name: &str| Vm::clone_from(template).on(DIN).id(201).named(name).nic(Nic::at(WEB).mac(mac));
    lab.add(twin("web"));
    lab.add(twin("web2"));
    lab.add(Vm::blank().on(GROGU).id(9000).named("ubuntu-24.04"));
    let Err(problems) = lab.build() else { panic!("the lab is not valid") };
    let text = problems.to_string();
    for what in [
        "VMID 201 of pve",
        "address 192.168.0.202",
        "MAC 02:00:00:00:00:01",
        "VMID 9000 of pve",
        "guest name ubuntu-24.04",
    ] {
        assert!(text.contains(what), "{what} in\n{text}");
    }
    assert_eq!(text.matches("is claimed twice").count(), 5, "{text}");
    assert_eq!(text.matches(file!()).count() + text.matches("fixture.rs").count(), 10, "both places each:\n{text}");
}

#[tokio::test(start_paused = true)]
async fn a_guest_without_a_number_gets_one_of_the_node_s_and_is_found_again() {
    const NODE: Node = Node::of(PVE, "din").ids(7000..=7001);
    let two = || {
        let mut lab = Lab::named("home");
        let template = ubuntu(&mut lab);
        for name in ["one", "two"] {
            lab.add(Vm::clone_from(template).on(NODE).named(name).agent(false));
        }
        lab
    };
    let bench = bench();
    must(&bench, two()).await;
    let inventory = bench.world.inventory();
    assert!(inventory.contains("7000 on din") && inventory.contains("7001 on din"), "{inventory}");
    assert!(plan(&bench, two()).await.is_noop());
    let three = || {
        let mut lab = two();
        let template = lab.add(homelab_proxmox::Template::debian_13(9002).on(NODE));
        lab.add(Vm::clone_from(template).on(NODE).named("three"));
        lab
    };
    let story = bench.deploy(three()).await.story();
    assert!(story.contains("no id is free from 7000 to 7001"), "{story}");
}

#[tokio::test(start_paused = true)]
async fn a_guest_keeps_its_address_on_the_wire_when_it_is_made_anew() {
    let bench = deployed(|vm| vm).await;
    let mac = async || bench.world.client().config("din", 201).await.unwrap().nets[&0].mac.unwrap().to_string();
    let first = mac().await;
    assert!(first.starts_with("BC:24:11:"));
    assert!(bench.destroy(lab(|vm| vm)).await.is_success());
    must(&bench, lab(|vm| vm)).await;
    assert_eq!(mac().await, first);
}

#[tokio::test(start_paused = true)]
async fn a_renamed_guest_stays_if_it_has_a_number() {
    let bench = deployed(|vm| vm).await;
    let renamed = || {
        let mut lab = Lab::named("home");
        let template = ubuntu(&mut lab);
        let shop = Vm::clone_from(template).on(DIN).id(201).named("shop").cores(2).memory(4.gib()).disk(50.gib());
        lab.add(shop.at(WEB).authorized_keys([KEY]).tags(["ubuntu", "production"]));
        lab
    };
    let plan = plan(&bench, renamed()).await;
    assert_eq!(plan.item("proxmox/vm/shop").unwrap().action, Action::Update, "{plan}");
    assert_eq!(plan.items.len(), 1, "{plan}");
    must(&bench, renamed()).await;
    assert!(bench.world.inventory().contains("homelab: home proxmox/vm/shop"));
}

fn far(node: Node, change: impl FnOnce(Cloud) -> Cloud) -> Lab {
    let mut lab = Lab::named("home");
    let template = ubuntu(&mut lab);
    lab.add(change(Vm::clone_from(template).on(node).id(202).named("far").at(LAN.host(77))));
    lab
}

#[tokio::test(start_paused = true)]
async fn a_clone_on_another_node_is_moved_there_or_refused_if_it_is_linked() {
    let bench = bench();
    let linked = plan(&bench, far(GROGU, Vm::linked)).await;
    insta::assert_snapshot!(refused(&linked).join("\n"), @"a linked clone stands on its template's disk, which is on din and not on grogu / leave out `.linked()`, put a template on grogu too, or, if both nodes share the storage, say so: `Node::shared_disks`");
    let full = plan(&bench, far(GROGU, |vm| vm)).await.to_string();
    assert!(full.contains("note: it is cloned on din, where its template is, and then moved to grogu"), "{full}");
    must(&bench, far(GROGU, |vm| vm)).await;
    assert!(bench.world.inventory().contains("202 on grogu, running"));
    assert!(bench.world.log().iter().any(|call| call == "POST /nodes/din/qemu/202/migrate"));
}

#[tokio::test(start_paused = true)]
async fn a_clone_that_would_be_smaller_than_its_template_is_refused_before_anything_is_made() {
    const SMALLER: &str = "scsi0 would have 1 GiB, less than the 20 GiB of its template, and a disk cannot shrink / declare \
                           `.disk(20.gib())` or more, or give the template a smaller disk";
    let small = |declared: bool| {
        let mut lab = Lab::named("home");
        let template = homelab_proxmox::Template::ubuntu_24_04(9000).on(DIN).uefi().cloud_init();
        let template = lab.add(if declared { template.disk(20.gib()) } else { template });
        lab.add(Vm::clone_from(template).on(DIN).named("web").agent(false).disk(1.gib()));
        lab
    };
    let bench = bench();
    assert_eq!(refused(&plan(&bench, small(true)).await), [SMALLER], "the template is only declared");
    let story = bench.deploy(small(true)).await.story();
    assert!(!bench.world.log().iter().any(|call| !call.starts_with("GET ")), "{story}");
    // How large an image is turns out when it is there.
    let story = bench.deploy(small(false)).await.story();
    assert!(story.contains("web was not cloned: scsi0 would have 1 GiB, less than the"), "{story}");
    assert!(!bench.world.log().iter().any(|call| call.ends_with("/clone")));
    let refusals = refused(&plan(&bench, small(false)).await);
    assert!(refusals.len() == 1 && refusals[0].starts_with("scsi0 would have 1 GiB"), "{refusals:?}");
}

#[tokio::test(start_paused = true)]
async fn a_clone_goes_to_another_node_directly_where_both_see_its_disks() {
    let bench = Bench::new(SimWorld::new(PVE, cluster().storage_of("nfs", StorageKind::Nfs, 1 << 40)));
    let shared = || {
        let mut lab = Lab::named("home");
        let on = |node: Node| node.shared_disks("nfs");
        let template = lab.add(homelab_proxmox::Template::ubuntu_24_04(9000).on(on(DIN)).uefi().cloud_init());
        lab.add(Vm::clone_from(template).on(on(GROGU)).id(202).named("far").linked().at(LAN.host(77)));
        lab
    };
    must(&bench, shared()).await;
    assert!(bench.world.inventory().contains("202 on grogu, running"), "{}", bench.world.inventory());
    assert!(!bench.world.log().iter().any(|call| call.ends_with("/migrate")));
}

#[tokio::test(start_paused = true)]
async fn a_storage_that_is_missing_or_full_is_told_and_nothing_is_left_half_made() {
    let bench = bench();
    let run = bench.deploy(lab(|vm| vm.disk(Disk::of(50.gib()).on("nvme")))).await;
    assert!(run.story().contains("storage 'nvme' does not exist"), "{}", run.story());
    assert!(!bench.world.inventory().contains("201 on"), "{}", bench.world.inventory());
    let run = bench.deploy(lab(|vm| vm.scratch_disk(Slot::scsi(1), Disk::of(4.tib()).on("tank")))).await;
    let story = run.story();
    assert!(story.contains("proxmox/vm/web") && (story.contains("space") || story.contains("full")), "{story}");
    // What was made is ours: the next run, with a disk that fits, goes on with it.
    must(&bench, lab(|vm| vm)).await;
}

#[tokio::test(start_paused = true)]
async fn a_guest_whose_number_is_changed_in_the_code_is_made_anew_and_leaves_no_other_behind() {
    let bench = deployed(|vm| vm).await;
    let moved = || {
        let mut lab = Lab::named("home");
        let template = ubuntu(&mut lab);
        lab.add(Vm::clone_from(template).on(DIN).id(211).named("web").at(WEB));
        lab
    };
    let plan = plan(&bench, moved()).await;
    assert_eq!(plan.item("proxmox/vm/web").unwrap().action, Action::Replace, "{plan}");
    must(&bench, moved()).await;
    let inventory = bench.world.inventory();
    assert!(inventory.contains("211 on din") && !inventory.contains("201 on din"), "{inventory}");
}

#[tokio::test(start_paused = true)]
async fn a_value_of_one_guest_is_used_by_another() {
    let bench = bench();
    let pair = || {
        let mut lab = Lab::named("home");
        let template = ubuntu(&mut lab);
        let dns = lab.add(Vm::clone_from(template).on(DIN).id(210).named("dns").at(LAN.host(210)));
        lab.add(web(template, |vm| vm.resolver(dns.ip())));
        lab
    };
    let plan = plan(&bench, pair()).await.to_string();
    assert!(plan.contains("resolvers: [192.168.0.210]"), "a fixed address is known before it is there:\n{plan}");
    must(&bench, pair()).await;
    assert!(bench.world.inventory().contains("nameserver: 192.168.0.210"));
}
