//! Guests as computers of the simulated network, and how they are logged in to.
use crate::fixture::{DIN, KEY, LAN, PVE, cluster, lab, web};
use homelab_core::{
    Lab,
    host::Host,
    sim::{Disk, Net},
    testing::{Bench, World as _},
    units::SizeUnits,
};
use homelab_proxmox::{
    Container, ContainerTemplate, Template, Vm,
    resource::Image,
    sim::{Image as Online, World},
    testing::SimWorld,
};
use std::{net::IpAddr, sync::Arc};

fn bench(world: World) -> (Bench<SimWorld>, Arc<Net>) {
    let net = Net::new();
    (Bench::new(SimWorld::new(PVE, world).joined(Arc::clone(&net))), net)
}

async fn must(bench: &Bench<SimWorld>, lab: Lab) {
    let run = bench.deploy(lab).await;
    assert!(run.is_success(), "{}", run.story());
}

fn at(host: u32) -> IpAddr {
    LAN.host(host).ip()
}

#[tokio::test(start_paused = true)]
async fn a_vm_that_runs_is_a_computer_with_the_user_and_the_keys_that_cloud_init_was_told() {
    let (bench, net) = bench(cluster());
    must(&bench, lab(|vm| vm)).await;
    let (id, computer) = net.at(at(202)).expect("it answers");
    assert_eq!((id.as_str(), computer.name.as_str(), computer.login.as_str()), ("proxmox/pve/201", "web", "ubuntu"));
    assert_eq!(computer.authorized_keys, [KEY]);
    must(&bench, lab(|vm| vm.user("ada"))).await;
    assert_eq!(net.at(at(202)).unwrap().1.login, "ada");
    must(&bench, lab(|vm| vm.user("ada").stopped())).await;
    assert!(net.at(at(202)).is_none() && net.computer("proxmox/pve/201").is_some(), "it is off, and its disk is there");
    assert!(bench.destroy(lab(|vm| vm.user("ada").stopped())).await.is_success());
    assert!(net.computer("proxmox/pve/201").is_none());
}

#[tokio::test(start_paused = true)]
async fn a_container_that_runs_is_a_computer_of_root() {
    let (bench, net) = bench(cluster());
    let mut lab = Lab::named("home");
    let debian = lab.add(ContainerTemplate::appliance("debian-12-standard").on(DIN));
    let docker = lab.add(
        Container::from_template(debian)
            .on(DIN)
            .id(202)
            .named("docker")
            .nesting()
            .at(LAN.host(204))
            .authorized_keys([KEY]),
    );
    let _: Host = docker.into();
    must(&bench, lab).await;
    let (id, computer) = net.at(at(204)).expect("it answers");
    assert_eq!((id.as_str(), computer.login.as_str()), ("proxmox/pve/202", "root"));
    assert_eq!(computer.authorized_keys, [KEY]);
}

#[tokio::test(start_paused = true)]
async fn a_guest_sees_the_disks_of_the_controllers_that_it_has() {
    let disk = |serial: &str| Disk {
        serial: serial.into(),
        model: "WD80EFAX".into(),
        size: 8 << 40,
        rotational: true,
        paths: 1,
        slot: None,
    };
    let world = cluster()
        .with_pci("din", "0000:03:00.0", "1000:0097", 12, "SAS3008")
        .with_disks("din", [disk("WD-1"), disk("WD-2")])
        .with_pci("din", "0000:00:1f.2", "8086:8d62", 30, "SATA");
    let (bench, net) = bench(world);
    let mut lab = Lab::named("home");
    let h330 = DIN.pci("1000:0097").map(&mut lab, "h330");
    let nas = Vm::blank().uefi().on(DIN).id(300).named("nas").disk(32.gib());
    lab.add(nas.scratch_disk(homelab_proxmox::api::qemu::Slot::scsi(1), 16.gib()).passthrough([h330]));
    must(&bench, lab).await;
    let serials: Vec<String> =
        net.computer("proxmox/pve/300").unwrap().disks.into_iter().map(|disk| disk.serial).collect();
    assert_eq!(serials, ["drive-scsi1", "WD-1", "WD-2"]);
}

#[tokio::test(start_paused = true)]
async fn the_host_key_is_what_the_agent_told_when_it_was_made_and_costs_nothing_afterwards() {
    const IMAGE: Image = Image::sha256(
        "https://example.org/alma.qcow2",
        "612b2c0cc1bc413a6cb8c38fd611794caf0f2b436c50013d8b3794db12ad7354",
    );
    let with_agent = Online { agent: true, ..Online::default() };
    let (bench, _) = bench(cluster().with_image("https://example.org/alma.qcow2", with_agent));
    let lab = || {
        let mut lab = Lab::named("home");
        let alma =
            Template::from_image(9000, IMAGE.user("almalinux")).named("alma").on(DIN).uefi().cloud_init().agent(true);
        let alma = lab.add(alma);
        lab.add(web(alma, |vm| vm));
        lab
    };
    must(&bench, lab()).await;
    let inventory = bench.world.inventory();
    assert!(inventory.contains(" login=almalinux ") || inventory.contains(" login=almalinux\n"), "{inventory}");
    assert!(inventory.contains("hostkey=AAAAC3NzaC1lZDI1NTE5"), "{inventory}");
    let asked = || bench.world.log().iter().filter(|call| call.ends_with("/agent/file-read")).count();
    assert_eq!(asked(), 1);
    must(&bench, lab()).await;
    assert_eq!(asked(), 1, "a key that is known is not asked for again");
}
