//! Images of CDs, and the drives that they are in.
use crate::fixture::{DIN, GROGU, bench, every, world};
use homelab_core::{
    Handle, Lab, Permit,
    plan::{Goal, Wishes},
    testing::{Declare, Fixture, World as _, conformance_every},
    units::SizeUnits,
};
use homelab_proxmox::{
    Image, Iso, Node, Vm,
    api::qemu::{MigrateOptions, Slot},
    client::silent,
    resource::{EmptyDrive, NoCloudInit, Uefi, iso::IsoOf},
    sim::Image as SimImage,
};

const DIGEST: &str = "612b2c0cc1bc413a6cb8c38fd611794caf0f2b436c50013d8b3794db12ad7354";
const OTHER: &str = "9144540e8af7637d258b50dbabe82ce1aa6752c9574fedfb048270da0e087899";

fn image(version: &str) -> IsoOf {
    let digest = if version == "1.0" { DIGEST } else { OTHER };
    Iso::of("installer", version, Image::sha256("https://example.org/installer.iso", digest))
}

/// A lab of an image in this version.
fn lab(version: &str) -> Lab {
    let mut lab = Lab::named("home");
    lab.add(image(version).on(DIN));
    lab
}

/// A lab of two images, and an empty guest with what it does with them.
fn guest(change: impl FnOnce(Vm<Uefi, NoCloudInit>, Handle<Iso>, Handle<Iso>) -> Vm<Uefi, NoCloudInit>) -> Lab {
    let mut lab = Lab::named("home");
    let installer = lab.add(image("1.0").on(DIN));
    let drivers = lab.add(Iso::of("drivers", "0.1", Image::sha256("https://example.org/drivers.iso", OTHER)).on(DIN));
    let nas = Vm::blank().uefi().on(DIN).id(300).named("nas").disk(32.gib());
    lab.add(change(nas, installer, drivers));
    lab
}

#[tokio::test(start_paused = true)]
async fn another_version_of_an_image_is_another_file_and_the_old_one_goes() {
    let newer = || lab("1.1");
    let elsewhere = || {
        let mut lab = Lab::named("home");
        lab.add(image("1.0").on(GROGU));
        lab
    };
    let edits: [(&str, &Declare<'_>); 2] = [("version", &newer), ("the node", &elsewhere)];
    conformance_every(every(), &Fixture { world: &world, lab: &|| lab("1.0"), edits: &edits }).await;
    let bench = bench();
    assert!(bench.deploy(lab("1.0")).await.is_success());
    assert!(bench.deploy(newer()).await.is_success());
    let inventory = bench.world.inventory();
    assert!(inventory.contains("installer-1.1-9144540e8af7637d.iso") && !inventory.contains("installer-1.0"));
}

#[tokio::test(start_paused = true)]
async fn an_image_that_is_not_what_its_checksum_says_is_not_kept() {
    let bench = bench();
    let other = SimImage { checksums: vec![("sha256".to_owned(), OTHER.to_owned())], ..SimImage::default() };
    bench.world.sim().change(|world| world.with_image("https://example.org/installer.iso", other)).unwrap();
    let run = bench.deploy(lab("1.0")).await;
    assert!(run.story().contains("checksum mismatch"), "{}", run.story());
    assert!(!bench.world.inventory().contains("installer-1.0"), "{}", bench.world.inventory());
}

#[tokio::test(start_paused = true)]
async fn a_guest_has_a_cd_in_its_drive_another_one_or_none() {
    let base = || guest(|vm, installer, _| vm.cdrom(Slot::ide(0), installer).stopped());
    let other = || guest(|vm, _, drivers| vm.cdrom(Slot::ide(0), drivers).stopped());
    let more =
        || guest(|vm, installer, drivers| vm.cdrom(Slot::ide(0), installer).cdrom(Slot::sata(1), drivers).stopped());
    let none = || guest(|vm, _, _| vm.no_cdrom(Slot::ide(0)).stopped());
    let edits: [(&str, &Declare<'_>); 3] = [("another", &other), ("one more", &more), ("none", &none)];
    conformance_every(every(), &Fixture { world: &world, lab: &base, edits: &edits }).await;
}

#[tokio::test(start_paused = true)]
async fn a_running_guest_gets_another_cd_at_once_and_a_new_drive_with_a_restart() {
    let bench = bench();
    assert!(bench.deploy(guest(|vm, installer, _| vm.cdrom(Slot::ide(0), installer))).await.is_success());
    let other = || guest(|vm, _, drivers| vm.cdrom(Slot::ide(0), drivers));
    let shown = bench.plan(other(), &Wishes::new(Goal::Deploy)).await.to_string();
    assert!(shown.contains("cdroms.ide0") && !shown.contains("it is shut down"), "{shown}");
    assert!(bench.deploy(other()).await.is_success());
    let more = || guest(|vm, _, drivers| vm.cdrom(Slot::ide(0), drivers).cdrom(Slot::sata(0), drivers));
    let shown = bench.plan(more(), &Wishes::new(Goal::Deploy)).await.to_string();
    assert!(shown.contains("it is shut down and started, for cdroms.sata0"), "{shown}");
    let none = || guest(|vm, _, _| vm.no_cdrom(Slot::ide(0)).no_cdrom(Slot::sata(0)));
    assert!(bench.deploy(none()).await.is_success());
    assert!(bench.world.inventory().contains("ide0: none,media=cdrom"), "{}", bench.world.inventory());
    assert!(bench.plan(none(), &Wishes::new(Goal::Deploy)).await.is_noop());
}

#[tokio::test(start_paused = true)]
async fn a_guest_that_is_made_to_be_installed_starts_from_its_disk_first_and_its_drive_is_not_looked_at_later() {
    let bench = bench();
    let made = || guest(|vm, installer, _| vm.installer(installer));
    assert!(bench.deploy(made()).await.is_success());
    let inventory = bench.world.inventory();
    assert!(inventory.contains("boot: order=scsi0;ide2"), "{inventory}");
    assert!(inventory.contains("ide2: local:iso/installer-1.0-612b2c0cc1bc413a.iso,media=cdrom"), "{inventory}");
    assert!(bench.plan(made(), &Wishes::new(Goal::Deploy)).await.is_noop());
    let none = || guest(|vm, _, _| vm.no_cdrom(Slot::ide(2)));
    assert!(bench.deploy(none()).await.is_success());
    assert!(bench.plan(made(), &Wishes::new(Goal::Deploy)).await.is_noop());
}

#[tokio::test(start_paused = true)]
async fn a_guest_that_is_made_to_be_installed_converges_from_anywhere() {
    let made = || guest(|vm, installer, _| vm.installer(installer));
    let ejected = || guest(|vm, _, _| vm.no_cdrom(Slot::ide(2)));
    conformance_every(every(), &Fixture { world: &world, lab: &made, edits: &[("ejected", &ejected)] }).await;
}

/// The same, with its drive emptied from here on.
fn emptied() -> Lab {
    let mut lab = Lab::named("home");
    let installer = lab.add(image("1.0").on(DIN));
    let nas = lab.add(Vm::blank().uefi().on(DIN).id(300).named("nas").disk(32.gib()).installer(installer));
    lab.add(EmptyDrive::of(nas, Slot::ide(2)));
    lab
}

#[tokio::test(start_paused = true)]
async fn a_cd_that_has_served_is_taken_out_once_and_then_there_is_nothing_to_do() {
    let made = || guest(|vm, installer, _| vm.installer(installer));
    conformance_every(every(), &Fixture { world: &world, lab: &emptied, edits: &[("left", &made)] }).await;
    let bench = bench();
    let run = bench.deploy(emptied()).await;
    assert!(run.is_success(), "{}", run.story());
    assert!(bench.world.inventory().contains("ide2: none,media=cdrom"), "{}", bench.world.inventory());
    assert!(bench.plan(emptied(), &Wishes::new(Goal::Deploy)).await.is_noop());
    // Somebody puts one in again.
    assert!(bench.deploy(guest(|vm, _, drivers| vm.cdrom(Slot::ide(2), drivers))).await.is_success());
    let shown = bench.plan(emptied(), &Wishes::new(Goal::Deploy)).await.to_string();
    assert!(shown.contains("the CD in ide2 is taken out"), "{shown}");
    assert!(bench.deploy(emptied()).await.is_success());
    assert!(bench.plan(emptied(), &Wishes::new(Goal::Deploy)).await.is_noop());
}

#[tokio::test(start_paused = true)]
async fn a_guest_with_a_cd_that_only_its_node_has_is_not_moved_before_that_is_out() {
    let bench = bench();
    let on = |node: Node, empty: bool| {
        let mut lab = Lab::named("home");
        let installer = lab.add(image("1.0").on(DIN));
        let nas = lab.add(Vm::blank().uefi().on(node).id(300).named("nas").disk(32.gib()).installer(installer));
        if empty {
            lab.add(EmptyDrive::of(nas, Slot::ide(2)));
        }
        lab
    };
    assert!(bench.deploy(on(DIN, false)).await.is_success());
    let plan = bench.plan(on(GROGU, false), &Wishes::new(Goal::Deploy)).await;
    let refused: Vec<String> = plan.refusals().iter().map(|(_, note)| note.text.clone()).collect();
    let file = "local:iso/installer-1.0-612b2c0cc1bc413a.iso";
    assert_eq!(refused, [format!("{file} is in ide2, and a guest with a CD of din cannot be moved")], "{plan}");
    // The node itself says so too, if nobody asked before.
    let moved =
        MigrateOptions { target: "grogu".into(), online: true, with_local_disks: true, ..MigrateOptions::default() };
    let task = bench.world.client().migrate(&Permit::for_tests(), "din", 300, &moved).await.unwrap();
    let said = task.wait(&silent).await.unwrap_err().to_string();
    assert!(said.contains(&format!("can't migrate local disk '{file}': local cdrom image")), "{said}");
    assert!(bench.deploy(on(DIN, true)).await.is_success());
    let run = bench.deploy(on(GROGU, true)).await;
    assert!(run.is_success(), "{}", run.story());
}
