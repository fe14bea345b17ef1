//! What the author of this lab wants to be sure of before anything is deployed.
use super::{PVE, lab, sites};
use homelab_core::{
    Mode, Secrets,
    env::Env,
    plan::{Goal, Wishes},
    testing::{Bench, World as _},
};
use homelab_proxmox::{
    sim::{NodeSpec, Pace, World},
    testing::SimWorld,
};
use std::collections::BTreeSet;

/// A simulated Proxmox VE with the node that this lab expects, where everything is done at once.
fn bench() -> Bench<SimWorld> {
    let world = World::cluster("home").with_node("pve", NodeSpec::default()).pace(Pace::instant());
    Bench::new(SimWorld::new(PVE, world))
}

#[test]
fn the_vm_waits_for_its_template() {
    let graph = lab().build().expect("this lab is valid");
    let vm = graph.resource("proxmox/vm/newservice-server").expect("the VM is declared");
    let needs: BTreeSet<&str> = vm.needs().into_iter().map(|(key, _)| key).collect();
    assert_eq!(needs, BTreeSet::from(["proxmox/template/ubuntu-24.04"]));
}

#[tokio::test(start_paused = true)]
async fn the_first_plan_makes_the_template_and_the_vm() {
    let plan = bench().plan(lab(), &Wishes::new(Goal::Deploy)).await;
    // Where a resource stands in the code, and what its image hashes to, are of no interest here.
    let filters = [(r"  \S+\.rs:\d+", ""), ("digest: [0-9a-f]+", "digest: [DIGEST]")];
    insta::with_settings!({ filters => filters }, {
        insta::assert_snapshot!(plan, @r"
    + proxmox/template/ubuntu-24.04
        vmid: 9000
        name: ubuntu-24.04
        node: pve
        image: https://cloud-images.ubuntu.com/releases/noble/release-20260911/ubuntu-24.04-server-cloudimg-amd64.img (sha256 612b2c0cc1bc..)
        digest: [DIGEST]
        storage: local-lvm
        firmware: uefi
        cloud_init: ide2
        serial: true
        cores: 2
        memory: 2 GiB
        login: ubuntu
    + proxmox/vm/newservice-server
        name: newservice-server
        vmid: 201
        node: pve
        clone_of.vmid: 9000
        clone_of.node: pve
        clone_of.login: ubuntu
        clone_of.disk: ${proxmox/template/ubuntu-24.04.disk}
        firmware: uefi
        cloud_init: true
        cores: 2
        memory: 4 GiB
        disks.scsi0.size: 50 GiB
        nics.net0.bridge: vmbr0
        nics.net0.address: 192.168.0.202/24
        nics.net0.gateway: 192.168.0.1
        ip: 192.168.0.202
        authorized_keys: [ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHUy4sUdyK2ePNnqVAtCY1Sdl6kPnCNKt0bNC8x8yGqP you@laptop]
        tags: [newservice, production, ubuntu]
        running: true
    2 to create
    ")
    });
}

#[tokio::test(start_paused = true)]
async fn a_second_deploy_finds_nothing_to_do_and_destroy_leaves_nothing() {
    let bench = bench();
    let empty = bench.world.inventory();
    let run = bench.deploy(lab()).await;
    assert!(run.is_success(), "{}", run.story());

    let plan = bench.plan(lab(), &Wishes::new(Goal::Deploy)).await;
    assert!(plan.is_noop(), "{plan}");

    let run = bench.destroy(lab()).await;
    assert!(run.is_success(), "{}", run.story());
    assert_eq!(bench.world.inventory(), empty);
}

#[tokio::test(start_paused = true)]
async fn the_clone_has_the_firmware_and_the_cloud_init_drive_of_its_template() {
    let bench = bench();
    let run = bench.deploy(lab()).await;
    assert!(run.is_success(), "{}", run.story());
    let inventory = bench.world.inventory();
    let of_interest = |line: &&str| {
        let key = line.trim().split(':').next().unwrap_or_default();
        let keys =
            ["bios", "machine", "efidisk0", "ide2", "ipconfig0", "name", "cores", "memory", "scsi0", "net0", "tags"];
        key.starts_with("201 on") || keys.contains(&key)
    };
    let vm = inventory.split("9000 on").next().unwrap_or_default();
    let vm: Vec<&str> = vm.lines().filter(of_interest).collect();
    insta::assert_snapshot!(vm.join("\n"), @r"
    201 on pve, running
      bios: ovmf
      cores: 2
      efidisk0: local-lvm:vm-201-disk-0,efitype=4m,pre-enrolled-keys=0,size=528K
      ide2: local-lvm:vm-201-cloudinit,media=cdrom
      ipconfig0: gw=192.168.0.1,ip=192.168.0.202/24
      machine: q35
      memory: 4096
      name: newservice-server
      net0: virtio,bridge=vmbr0
      scsi0: local-lvm:vm-201-disk-1,discard=on,iothread=1,size=50G
      tags: homelab;newservice;production;ubuntu
    ");
}

#[test]
fn credentials_decide_whether_it_is_real_and_those_of_terraform_will_do() {
    let mode = |pairs: &[(&str, &str)]| sites().mode(&Secrets::none().and(Env::from_pairs(pairs.iter().copied())));
    assert_eq!(mode(&[]).unwrap(), Mode::Sandbox);
    let ours = [("PROXMOX_TOKEN_ID", "root@pam!terraform"), ("PROXMOX_TOKEN_SECRET", "s3cret")];
    assert_eq!(mode(&ours).unwrap(), Mode::Live);
    let terraform =
        [("TF_VAR_proxmox_api_token_id", "root@pam!terraform"), ("TF_VAR_proxmox_api_token_secret", "s3cret")];
    assert_eq!(mode(&terraform).unwrap(), Mode::Live);
    let half = mode(&ours[..1]).unwrap_err().to_string();
    assert!(half.contains("PROXMOX_TOKEN_SECRET") && !half.contains("terraform:"), "{half}");
}
