//! What people do in the web interface, and what is not ours because of it.
use crate::fixture::{bench, lab};
use homelab_core::{
    Lab, Permit,
    plan::{Action, Goal, Wishes},
};
use homelab_proxmox::{
    api::qemu::{Change, CloneOptions},
    client::silent,
};

/// The template alone: the guest's line has gone.
fn without_web() -> Lab {
    let mut lab = Lab::named("home");
    crate::fixture::ubuntu(&mut lab);
    lab
}

#[tokio::test(start_paused = true)]
async fn a_disk_that_somebody_attached_keeps_the_guest_from_being_deleted() {
    let bench = bench();
    assert!(bench.deploy(lab(|vm| vm)).await.is_success());
    let (client, permit) = (bench.world.client(), Permit::for_tests());
    let config = client.config("din", 201).await.unwrap();
    assert!(config.unused.is_empty());
    let change = Change::new().set("scsi3", "local-lvm:500");
    client.configure(&permit, "din", 201, &change).await.unwrap();
    assert!(
        bench.plan(lab(|vm| vm), &Wishes::new(Goal::Deploy)).await.is_noop(),
        "what is not declared is not managed"
    );

    let plan = bench.plan(without_web(), &Wishes::new(Goal::Deploy)).await.to_string();
    assert!(plan.contains("it holds scsi3: a disk of 500 GiB that this lab did not make"), "{plan}");
    client.configure(&permit, "din", 201, &Change::new().delete("scsi3")).await.unwrap();
    let plan = bench.plan(without_web(), &Wishes::new(Goal::Deploy)).await.to_string();
    assert!(plan.contains("unused0: the detached volume local-lvm:vm-201-disk-"), "{plan}");
    assert!(!bench.deploy(without_web()).await.is_success());
    assert!(client.guest(201).await.unwrap().is_some());

    let mut allowed = Wishes::new(Goal::Deploy);
    allowed.allow_destroy.insert("proxmox/vm/web".into());
    assert!(bench.run(without_web(), &allowed).await.is_success());
    assert!(client.guest(201).await.unwrap().is_none());
}

#[tokio::test(start_paused = true)]
async fn a_guest_without_a_number_is_known_again_although_its_mark_and_its_tag_were_wiped_off() {
    let unnumbered = |cores| {
        let mut lab = Lab::named("home");
        let template = crate::fixture::ubuntu(&mut lab);
        lab.add(
            homelab_proxmox::Vm::clone_from(template).on(crate::fixture::DIN).named("web").agent(false).cores(cores),
        );
        lab
    };
    let bench = bench();
    assert!(bench.deploy(unnumbered(2)).await.is_success());
    let (client, permit) = (bench.world.client(), Permit::for_tests());
    let guests = async || client.resources().await.unwrap().guests().map(|guest| guest.vmid).collect::<Vec<_>>();
    let before = guests().await;
    let vmid = *before.iter().find(|vmid| **vmid != 9000).unwrap();
    let wiped = Change::new().set("description", "mine").set("name", "renamed").delete("tags");
    client.configure(&permit, "din", vmid, &wiped).await.unwrap();
    // Listings know it some seconds later.
    tokio::time::sleep(std::time::Duration::from_secs(30)).await;

    let run = bench.deploy(unnumbered(4)).await;
    assert!(run.is_success(), "{}", run.story());
    assert_eq!(guests().await, before, "no second one is made");
    let config = client.config("din", vmid).await.unwrap();
    assert!(
        config.description.as_ref().is_some_and(|text| text.as_str().contains("proxmox/vm/web")),
        "it is marked again"
    );
    assert_eq!(config.cores, Some(4));
}

#[tokio::test(start_paused = true)]
async fn a_clone_that_somebody_made_of_our_guest_is_not_ours() {
    let bench = bench();
    assert!(bench.deploy(lab(|vm| vm)).await.is_success());
    let (client, permit) = (bench.world.client(), Permit::for_tests());
    let options = CloneOptions { name: Some("experiment".into()), full: Some(true), ..CloneOptions::default() };
    client.clone_guest(&permit, "din", 201, 777, &options).await.unwrap().wait(&silent).await.unwrap();
    let copied = client.config("din", 777).await.unwrap();
    assert!(copied.description.as_ref().is_some_and(|d| d.as_str().contains("id=201")), "the notes are copied");

    assert!(bench.plan(lab(|vm| vm), &Wishes::new(Goal::Deploy)).await.is_noop());
    let graph = homelab_core::testing::Bench::<homelab_proxmox::testing::SimWorld>::graph(Lab::named("home"));
    std::fs::remove_file(bench.state().join("ledger.json")).unwrap();
    let known = bench.look(&graph).await.unwrap();
    assert!(known.strays.is_empty());
    assert!(bench.deploy(lab(|vm| vm)).await.is_success());
    assert!(bench.destroy(lab(|vm| vm)).await.is_success());
    assert!(client.guest(777).await.unwrap().is_some(), "it is left alone");
}

#[tokio::test(start_paused = true)]
async fn a_guest_that_is_taken_over_keeps_its_disks_from_being_deleted() {
    let bench = bench();
    let (client, permit) = (bench.world.client(), Permit::for_tests());
    let options =
        homelab_proxmox::client::Params::new().set("name", "web").set("scsi0", "local-lvm:50").set("bios", "ovmf");
    client.create(&permit, "din", 201, options).await.unwrap().wait(&silent).await.unwrap();
    let plan = bench.plan(lab(|vm| vm), &Wishes::new(Goal::Deploy)).await;
    assert_eq!(plan.item("proxmox/vm/web").map(|i| i.action), Some(Action::Adopt));
    assert_eq!(plan.refusals().len(), 1);
    assert!(!bench.deploy(lab(|vm| vm)).await.is_success());
    assert!(client.config("din", 201).await.unwrap().description.is_none(), "it is not touched");
}
