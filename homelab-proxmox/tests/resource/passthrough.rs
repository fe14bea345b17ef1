//! Devices of nodes that guests get.
use crate::fixture::{DIN, GROGU, PVE, cluster, every};
use homelab_core::{
    Lab,
    plan::{Goal, Plan, Wishes},
    testing::{Bench, Fixture, World as _, conformance_every},
    units::SizeUnits,
};
use homelab_proxmox::{
    Node, Vm,
    resource::{NoCloudInit, PciOn, Uefi, UsbOn},
    sim::{Release, World},
    testing::SimWorld,
};

const H330: &str = "1000:0097";
const LSI: &str = "1000:0072";
/// What din boots from is known here.
const NODE: Node = DIN.boots_from("8086:8d62");

/// din as it is: two controllers to pass on, one that it boots from, a radio stick, and a second one of the same make.
fn din() -> World {
    let world = cluster()
        .with_pci("din", "0000:03:00.0", H330, 12, "SAS3008")
        .with_pci("din", "0000:04:00.0", LSI, 13, "SAS2008")
        .with_pci("din", "0000:00:1f.2", "8086:8d62", 30, "C610 SATA")
        .of_class("din", "0x010601");
    let world = world.with_usb("din", "1-2", "10c4:ea60", Some("A1"), "CP2102");
    world.with_usb("din", "1-3", "10c4:ea60", Some("B2"), "CP2102")
}

fn bench(world: World) -> Bench<SimWorld> {
    Bench::new(SimWorld::new(PVE, world))
}

fn nas(lab: &mut Lab) -> Vm<Uefi, NoCloudInit> {
    let _ = lab;
    Vm::blank().uefi().on(NODE).id(300).named("nas").disk(32.gib()).stopped()
}

fn with(device: PciOn) -> Lab {
    let mut lab = Lab::named("home");
    let device = device.map(&mut lab, "h330");
    let nas = nas(&mut lab).passthrough([device]);
    lab.add(nas);
    lab
}

fn sticks(stick: UsbOn) -> Lab {
    let mut lab = Lab::named("home");
    let stick = stick.map(&mut lab, "zigbee");
    let nas = nas(&mut lab).usb([stick]);
    lab.add(nas);
    lab
}

async fn plan(bench: &Bench<SimWorld>, lab: Lab) -> Plan {
    bench.plan(lab, &Wishes::new(Goal::Deploy)).await
}

fn told(plan: &Plan) -> Vec<String> {
    let one = |(_, note): &(_, &homelab_core::plan::Note)| {
        format!("{} / {}", note.text, note.hint.as_deref().unwrap_or_default())
    };
    plan.refusals().iter().map(one).collect()
}

#[tokio::test(start_paused = true)]
async fn a_controller_is_mapped_and_given_to_a_guest_and_converges_from_anywhere() {
    let without = || {
        let mut lab = Lab::named("home");
        let nas = nas(&mut lab).no_passthrough();
        lab.add(nas);
        lab
    };
    conformance_every(
        every(),
        &Fixture {
            world: &|| SimWorld::new(PVE, din()),
            lab: &|| with(NODE.pci(H330)),
            edits: &[("another device", &|| with(NODE.pci_slot("0000:04:00.0"))), ("none", &without)],
        },
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_stick_is_found_by_its_serial_number_and_converges_from_anywhere() {
    conformance_every(
        every(),
        &Fixture {
            world: &|| SimWorld::new(PVE, din()),
            lab: &|| sticks(NODE.usb("10c4:ea60").serial("A1")),
            edits: &[("another port", &|| sticks(NODE.usb("10c4:ea60").port("1-3")))],
        },
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_entry_has_all_that_is_checked_at_the_start_on_both_releases() {
    for release in [Release::V8_4, Release::V9_2] {
        let bench = bench(din().release(release));
        let lab = || {
            let mut lab = Lab::named("home");
            let device = NODE.pci(H330).map(&mut lab, "h330");
            lab.add(Vm::blank().uefi().on(NODE).id(300).named("nas").disk(32.gib()).passthrough([device]));
            lab
        };
        let run = bench.deploy(lab()).await;
        assert!(run.is_success(), "{}", run.story());
        let inventory = bench.world.inventory();
        assert!(inventory.contains("node=din,id=1000:0097,iommugroup=12,path=0000:03:00.0"), "{inventory}");
        assert!(
            inventory.contains("hostpci0: mapping=h330,pcie=1") && inventory.contains("300 on din, running"),
            "{inventory}"
        );
        assert!(plan(&bench, lab()).await.is_noop());
    }
}

#[tokio::test(start_paused = true)]
async fn a_device_that_is_missing_or_not_alone_is_told_with_what_there_is() {
    let bench = bench(din());
    assert_eq!(
        told(&plan(&bench, with(NODE.pci("10de:1b80"))).await),
        [
            "din has no PCI device 10de:1b80 / it has 1000:0097 at 0000:03:00.0 (SAS3008), 1000:0072 at 0000:04:00.0 (SAS2008), \
          8086:8d62 at 0000:00:1f.2 (C610 SATA)"
        ]
    );
    assert_eq!(
        told(&plan(&bench, sticks(NODE.usb("10c4:ea60"))).await),
        [
            "din has several USB devices 10c4:ea60: 10c4:ea60 at 1-2 with serial A1 (CP2102), 10c4:ea60 at 1-3 with serial B2 \
          (CP2102) / say which by its serial number or port: `.serial(..)`, `.port(..)`"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn what_the_node_boots_from_is_refused_and_so_is_everything_without_an_iommu() {
    let said = told(&plan(&bench(din()), with(NODE.pci("8086:8d62"))).await);
    assert!(said[0].starts_with("din boots from disks behind 8086:8d62 at 0000:00:1f.2"), "{said:?}");
    let off = cluster().with_pci("din", "0000:03:00.0", H330, -1, "SAS3008");
    let said = told(&plan(&bench(off), with(NODE.pci(H330))).await);
    assert!(
        said[0].starts_with("din has no IOMMU, so no device of it can be passed on: 1000:0097 at 0000:03:00.0"),
        "{said:?}"
    );
    let shared = cluster().with_pci("din", "0000:03:00.0", H330, 12, "SAS3008").with_pci(
        "din",
        "0000:05:00.0",
        "8086:1572",
        12,
        "X710",
    );
    let shared = shared.of_class("din", "0x020000").with_pci("din", "0000:00:1f.2", "8086:8d62", 30, "C610 SATA");
    let plan = plan(&bench(shared), with(NODE.pci(H330))).await;
    assert!(plan.refusals().is_empty());
    assert!(
        plan.to_string()
            .contains("IOMMU group 12 is passed on as a whole; in it too: 8086:1572 at 0000:05:00.0 (X710)"),
        "{plan}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_mapping_that_another_board_made_stale_is_shown_and_put_right() {
    let bench = bench(din());
    assert!(bench.deploy(with(NODE.pci(H330))).await.is_success());
    let moved = |world: World| world.without_pci("din").with_pci("din", "0000:06:00.0", H330, 20, "SAS3008");
    bench
        .world
        .sim()
        .change(|world| moved(world).with_pci("din", "0000:00:1f.2", "8086:8d62", 30, "C610 SATA"))
        .unwrap();
    let stale = plan(&bench, with(NODE.pci(H330))).await.to_string();
    assert!(stale.contains("there is no device at 0000:03:00.0 any more"), "{stale}");
    assert!(bench.deploy(with(NODE.pci(H330))).await.is_success());
    assert!(bench.world.inventory().contains("path=0000:06:00.0"));
    assert!(plan(&bench, with(NODE.pci(H330))).await.is_noop());
    // Taken out for good: the plan says so, and nothing else is touched.
    bench
        .world
        .sim()
        .change(|world| world.without_pci("din").with_pci("din", "0000:00:1f.2", "8086:8d62", 30, "SATA"))
        .unwrap();
    let said = told(&plan(&bench, with(NODE.pci(H330))).await);
    assert!(said[0].starts_with("din has no PCI device 1000:0097"), "{said:?}");
}

/// Both nodes have one.
fn both() -> World {
    din().with_pci("grogu", "0000:05:00.0", H330, 7, "SAS3008").with_pci(
        "grogu",
        "0000:00:1f.2",
        "8086:8d02",
        30,
        "C610 SATA",
    )
}

#[tokio::test(start_paused = true)]
async fn one_name_has_a_device_of_each_node_and_converges_from_anywhere() {
    let grogu = || GROGU.boots_from("8086:8d02");
    conformance_every(
        every(),
        &Fixture {
            world: &|| SimWorld::new(PVE, both().with_usb("grogu", "1-1", "10c4:ea60", None, "CP2102")),
            lab: &|| with(NODE.pci(H330).or(grogu().pci(H330))),
            edits: &[("one of them alone", &|| with(NODE.pci(H330)))],
        },
    )
    .await;
    let bench = bench(both().with_usb("grogu", "1-1", "10c4:ea60", None, "CP2102"));
    assert!(bench.deploy(with(NODE.pci(H330).or(grogu().pci(H330)))).await.is_success());
    let inventory = bench.world.inventory();
    assert!(inventory.contains("node=din,id=1000:0097,iommugroup=12,path=0000:03:00.0"), "{inventory}");
    assert!(inventory.contains("node=grogu,id=1000:0097,iommugroup=7,path=0000:05:00.0"), "{inventory}");
    let run = bench.deploy(sticks(NODE.usb("10c4:ea60").serial("A1").or(grogu().usb("10c4:ea60")))).await;
    assert!(run.is_success(), "{}", run.story());
    // What each boots from is its own.
    let said = told(&plan(&bench, with(NODE.pci(H330).or(grogu().pci("8086:8d02")))).await);
    assert!(said[0].starts_with("grogu boots from disks behind 8086:8d02"), "{said:?}");
}

#[tokio::test(start_paused = true)]
async fn a_card_in_one_group_with_what_the_node_boots_from_is_refused() {
    let world = cluster().with_pci("din", "0000:03:00.0", H330, 12, "SAS3008");
    let world = world.with_pci("din", "0000:00:1f.2", "8086:8d62", 12, "C610 SATA");
    let said = told(&plan(&bench(world), with(NODE.pci(H330))).await);
    assert!(said[0].contains("8086:8d62 at 0000:00:1f.2 (C610 SATA), which is in the same IOMMU group 12"), "{said:?}");
}

#[test]
fn one_device_under_two_names_is_an_error_of_assembly() {
    let mut lab = Lab::named("home");
    let (one, other) = (NODE.pci(H330).map(&mut lab, "one"), NODE.pci(H330).map(&mut lab, "other"));
    let nas = nas(&mut lab).passthrough([one, other]);
    lab.add(nas);
    let said = lab.build().err().expect("it is not valid").to_string();
    assert!(said.contains("PCI device 1000:0097 of din of pve is claimed twice"), "{said}");
}
