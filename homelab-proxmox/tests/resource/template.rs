//! Templates as their author sees them.
use crate::fixture::{DIN, LAN, PVE, bench, cluster, lab};
use homelab_core::{
    Lab,
    plan::{Action, Goal, Wishes},
    testing::{Bench, World as _},
    units::SizeUnits,
};
use homelab_proxmox::{Image, Node, Template, Vm, sim::StorageKind, testing::SimWorld};

const NEWER: Image = Image::sha256(
    "https://example.org/noble-20261001.img",
    "0000000000000000000000000000000000000000000000000000000000000001",
);

/// Linked clones stand on their template's disk where disks are files; thin volumes stand on their own.
fn storage(linked: bool) -> &'static str {
    if linked { "local" } else { "local-lvm" }
}

fn rebuilt(linked: bool) -> Lab {
    let mut lab = Lab::named("home");
    let template = Template::from_image(9000, NEWER).named("ubuntu-24.04").on(DIN).uefi().cloud_init();
    let template = lab.add(template.storage(storage(linked)).disk(8.gib()));
    let web = Vm::clone_from(template).on(DIN).id(201).named("web").at(LAN.host(202));
    lab.add(if linked { web.linked() } else { web });
    lab
}

fn first(linked: bool) -> Lab {
    let mut lab = Lab::named("home");
    let template = Template::ubuntu_24_04(9000).on(DIN).uefi().cloud_init();
    let template = lab.add(template.storage(storage(linked)));
    let web = Vm::clone_from(template).on(DIN).id(201).named("web").at(LAN.host(202));
    lab.add(if linked { web.linked() } else { web });
    lab
}

#[tokio::test(start_paused = true)]
async fn a_template_that_is_made_anew_leaves_its_clones_as_they_are() {
    let bench = bench();
    assert!(bench.deploy(first(false)).await.is_success());
    let plan = bench.plan(rebuilt(false), &Wishes::new(Goal::Deploy)).await;
    let notes: Vec<&str> = plan.items[0].notes.iter().map(|note| note.text.as_str()).collect();
    insta::assert_snapshot!(notes.join("\n"), @r"
    digest cannot be changed in place
    its disk is 3584 MiB and shall be 8 GiB
    guests cloned from it before stay as they are
    ");
    assert_eq!(plan.items.len(), 1, "{plan}");
    let of_web = |inventory: String| -> Vec<String> {
        inventory.lines().filter(|line| line.contains("201")).map(str::to_owned).collect()
    };
    let before = of_web(bench.world.inventory());
    let run = bench.deploy(rebuilt(false)).await;
    assert!(run.is_success(), "{}", run.story());
    assert_eq!(of_web(bench.world.inventory()), before);
    assert!(!bench.world.inventory().contains("612b2c0cc1bc413a"), "the old image is gone with the old template");
}

#[tokio::test(start_paused = true)]
async fn a_template_that_linked_clones_stand_on_is_not_made_anew() {
    let bench = bench();
    let run = bench.deploy(first(true)).await;
    assert!(run.is_success(), "{}", run.story());
    let plan = bench.plan(rebuilt(true), &Wishes::new(Goal::Deploy)).await;
    let refusals = plan.refusals();
    assert_eq!(refusals.len(), 1, "{plan}");
    assert!(refusals[0].1.text.starts_with("linked clones stand on its disk: "), "{}", refusals[0].1.text);
    assert!(refusals[0].1.text.contains("201"), "{}", refusals[0].1.text);
    assert!(bench.destroy(first(true)).await.is_success(), "both together can go");
}

#[tokio::test(start_paused = true)]
async fn a_storage_that_takes_no_images_is_told_with_the_command_that_allows_it() {
    const PLAIN: Node = Node::of(PVE, "din").images("local-lvm");
    let bench = bench();
    let mut lab = Lab::named("home");
    lab.add(Template::ubuntu_24_04(9000).on(PLAIN));
    let run = bench.deploy(lab).await;
    assert!(run.story().contains("storage local-lvm on din takes no disk images to import"), "{}", run.story());
}

#[tokio::test(start_paused = true)]
async fn an_image_that_is_not_what_it_should_be_is_not_imported() {
    let image = homelab_proxmox::sim::Image {
        checksums: vec![("sha256".to_owned(), "f".repeat(64))],
        ..homelab_proxmox::sim::Image::default()
    };
    let url = "https://cloud-images.ubuntu.com/releases/noble/release-20260911/ubuntu-24.04-server-cloudimg-amd64.img";
    let bench = Bench::new(SimWorld::new(PVE, cluster().with_image(url, image)));
    let run = bench.deploy(lab(|vm| vm)).await;
    assert!(run.story().contains("checksum"), "{}", run.story());
    assert_eq!(bench.world.inventory(), "", "nothing is left");
}

#[tokio::test(start_paused = true)]
async fn a_template_whose_disk_would_shrink_is_told() {
    let bench = bench();
    let mut lab = Lab::named("home");
    lab.add(Template::ubuntu_24_04(9000).on(DIN).disk(1.gib()));
    let run = bench.deploy(lab).await;
    assert!(run.story().contains("the image of template ubuntu-24.04 has 3584 MiB"), "{}", run.story());
}

#[tokio::test(start_paused = true)]
async fn a_template_can_be_on_storage_that_keeps_files() {
    let bench = Bench::new(SimWorld::new(PVE, cluster().storage_of("files", StorageKind::Dir, 1 << 40)));
    let lab = || {
        let mut lab = Lab::named("home");
        let template = lab.add(Template::ubuntu_24_04(9000).on(DIN.disks("files")).uefi().cloud_init());
        lab.add(Vm::clone_from(template).on(DIN.disks("files")).id(201).named("web").linked().at(LAN.host(202)));
        lab
    };
    let run = bench.deploy(lab()).await;
    assert!(run.is_success(), "{}", run.story());
    let plan = bench.plan(lab(), &Wishes::new(Goal::Deploy)).await;
    assert_eq!(plan.count(Action::Keep), 0);
    assert!(plan.is_noop(), "{plan}");
    assert!(bench.destroy(lab()).await.is_success());
    assert_eq!(bench.world.inventory(), "");
}
