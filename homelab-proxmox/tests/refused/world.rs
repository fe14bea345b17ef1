//! A world that does not fit: nodes, storages, images, bridges.
use crate::{
    desk::{Cloud, DIN, Desk, GROGU, LAN, cluster, lab_of, shell, ubuntu},
    says,
};
use homelab_core::{Lab, cli::Exit, units::SizeUnits};
use homelab_proxmox::{
    Image, Node, Template, Vm,
    client::{Params, silent},
    sim::{self, Fault, Faults, StorageKind},
};
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

fn desk(change: impl Fn(Cloud) -> Cloud + Send + Sync + 'static) -> Desk {
    Desk::new(move || lab_of(&change))
}

pub(crate) fn everything() -> Desk {
    desk(|web| web)
}

#[test]
fn a_node_that_is_down_stops_only_what_lives_on_it() {
    let desk = Desk::new(|| {
        let mut lab = shell();
        lab.add(Vm::blank().on(GROGU).id(301).named("other").disk(8.gib()).stopped());
        lab
    });
    desk.edit(|world| {
        world["nodes"]["grogu"]["online"] = false.into();
        // The other of two nodes goes on alone by a third vote.
        world["qdevice"] = "192.168.0.5".into();
    });
    says!(desk.run("deploy --yes --parallel 1"), @r"
    exit 4
    --- stdout
    + proxmox/vm/shell  [CODE]
        name: shell
        vmid: 300
        node: din
        firmware: bios
        disks.scsi0.size: 32 GiB
        running: false
    + proxmox/vm/other  [CODE]
        name: other
        vmid: 301
        node: grogu
        firmware: bios
        disks.scsi0.size: 8 GiB
        running: false
    2 to create
    1 created, 1 failed in [TIME]
    --- stderr
    [TIME] proxmox/vm/shell: create
    [TIME] proxmox/vm/shell: creates it
    [TIME] proxmox/vm/shell: created in [TIME]
    [TIME] proxmox/vm/other: create
    [TIME] proxmox/vm/other: try 1 of 3 failed: cannot create guest 301 on grogu: Connection to node 'grogu' failed: No route to host (status 595); once more in [TIME]
    [TIME] proxmox/vm/other: try 2 of 3 failed: cannot create guest 301 on grogu: Connection to node 'grogu' failed: No route to host (status 595); once more in [TIME]
    [TIME] proxmox/vm/other: create failed: cannot create guest 301 on grogu: Connection to node 'grogu' failed: No route to host (status 595)
    error: proxmox/vm/other: create failed: cannot create guest 301 on grogu: Connection to node 'grogu' failed: No route to host (status 595)
      hint: the node that owns this object cannot be reached from the node that was asked: is it up?
    ");
    desk.edit(|world| world["nodes"]["grogu"]["online"] = true.into());
    desk.converges();
}

#[test]
fn a_node_that_is_down_makes_what_it_holds_unknown() {
    let desk = Desk::new(|| {
        let mut lab = Lab::named("home");
        lab.add(Vm::blank().on(GROGU).id(301).named("other").disk(8.gib()).stopped());
        lab
    });
    desk.converges();
    let before = desk.sim.calls();
    assert_eq!(desk.run("plan").exit, Exit::Done);
    let reads = &desk.sim.log()[usize::try_from(before).unwrap()..];
    let config = reads.iter().position(|call| call.path == "/nodes/grogu/qemu/301/config").unwrap();
    // As often as it is asked, which is not told by waiting for each refusal's 5 seconds.
    let first = desk.sim.calls() + config as u64 + 1;
    let down = Fault::Error { status: 595, reason: "Connection to node 'grogu' failed: No route to host".into() };
    desk.sim.plan_faults((first..first + 6).fold(Faults::none(), |faults, call| faults.at_call(call, down.clone())));
    says!(desk.run("plan"), @r"
    exit 4
    --- stdout
    --- stderr
    error: looking at proxmox/vm/other: cannot read the configuration of guest 301 on grogu: Connection to node 'grogu' failed: No route to host (status 595) (tried 6 times)
      hint: the node that owns this object cannot be reached from the node that was asked: is it up?
    ");
}

#[test]
fn a_node_that_the_cluster_does_not_have_is_told() {
    const DINN: Node = Node::of(crate::desk::PVE, "dinn");
    let desk = Desk::new(|| {
        let mut lab = Lab::named("home");
        lab.add(Vm::blank().on(DINN).id(300).named("shell").disk(32.gib()).stopped());
        lab
    });
    says!(desk.run("deploy --yes"), @r"
    exit 4
    --- stdout
    + proxmox/vm/shell  [CODE]
        name: shell
        vmid: 300
        node: dinn
        firmware: bios
        disks.scsi0.size: 32 GiB
        running: false
    1 to create
    1 failed in [TIME]
    --- stderr
    [TIME] proxmox/vm/shell: create
    [TIME] proxmox/vm/shell: create failed: cannot create guest 300 on dinn: hostname lookup 'dinn' failed - failed to get address info for: dinn: Name or service not known
    error: proxmox/vm/shell: create failed: cannot create guest 300 on dinn: hostname lookup 'dinn' failed - failed to get address info for: dinn: Name or service not known
      hint: the cluster has no node of this name: names are those of the node list, without a domain
    ");
}

#[test]
fn a_storage_that_is_not_there_is_told_by_name() {
    const FAST: Node = DIN.disks("fast");
    let desk = Desk::new(|| {
        let mut lab = Lab::named("home");
        lab.add(Vm::blank().on(FAST).id(300).named("shell").disk(32.gib()).stopped());
        lab
    });
    says!(desk.run("deploy --yes"), @r"
    exit 4
    --- stdout
    + proxmox/vm/shell  [CODE]
        name: shell
        vmid: 300
        node: din
        firmware: bios
        disks.scsi0.size: 32 GiB
        running: false
    1 to create
    1 failed in [TIME]
    --- stderr
    [TIME] proxmox/vm/shell: create
    [TIME] proxmox/vm/shell: create failed: cannot create guest 300 on din: storage 'fast' does not exist
    error: proxmox/vm/shell: create failed: cannot create guest 300 on din: storage 'fast' does not exist
      hint: `pvesm status` on the node lists its storages; `Node::disks`, `Node::images` and `.storage(..)` name them
    ");
    assert_eq!(desk.guests(), "");
}

#[test]
fn a_storage_for_images_that_is_missing_or_takes_none_is_told() {
    let desk = everything();
    desk.admin(async |pve, permit| pve.put(permit, "/storage/local", Params::new().set("content", "iso,vztmpl")).await);
    says!(desk.errors("deploy --yes"), @r"
    exit 4
    error: proxmox/template/ubuntu-24.04: create failed: storage local on din takes no disk images to import
      hint: allow it once: `pvesm set local --content iso,vztmpl,import`, or choose another with `Node::images`
    not begun because of proxmox/template/ubuntu-24.04: proxmox/vm/web
    ");
    desk.admin(async |pve, permit| pve.delete(permit, "/storage/local", Params::new()).await);
    says!(desk.errors("deploy --yes"), @r"
    exit 4
    error: proxmox/template/ubuntu-24.04: create failed: cannot read storage local on din: Parameter verification failed: storage: No such storage.
      hint: `pvesm status` on the node lists its storages; `Node::disks`, `Node::images` and `.storage(..)` name them
    not begun because of proxmox/template/ubuntu-24.04: proxmox/vm/web
    ");
    assert_eq!(desk.guests(), "");
}

#[test]
fn a_full_storage_leaves_nothing_behind_and_the_next_run_goes_on() {
    let desk = Desk::at(cluster().storage_of("local-lvm", StorageKind::LvmThin, 8 << 30), || lab_of(|web| web));
    says!(desk.errors("deploy --yes"), @r"
    exit 4
    error: proxmox/vm/web: create failed: cannot resize scsi0 of guest 201 on din to 50G: the task failed: unable to create image: not enough free space on storage 'local-lvm': 47616M needed, 1038304K available - No space left on device
      hint: make room on the storage or name another one, then run again: it goes on from what is there
    ");
    says!(desk.guests(), @r"
    201 web on din, stopped
    9000 ubuntu-24.04 on din, stopped
    local-lvm:base-9000-disk-0
    local-lvm:base-9000-disk-1
    local-lvm:vm-201-cloudinit
    local-lvm:vm-201-disk-0
    local-lvm:vm-201-disk-1
    local-lvm:vm-9000-cloudinit
    local:import/homelab-home-9000-612b2c0cc1bc413a.qcow2
    ");
    desk.sim.change(|world| world.storage_of("local-lvm", StorageKind::LvmThin, 1 << 40)).unwrap();
    desk.converges();
    let full = Desk::at(cluster().storage_of("local-lvm", StorageKind::LvmThin, 8 << 30), shell);
    says!(full.errors("deploy --yes"), @r"
    exit 4
    error: proxmox/vm/shell: create failed: cannot create guest 300 on din: the task failed: unable to create VM 300 - unable to create image: not enough free space on storage 'local-lvm': 32G needed, 8191M available - No space left on device
      hint: make room on the storage or name another one, then run again: it goes on from what is there
    ");
    assert_eq!(full.guests(), "");
}

#[test]
fn an_image_with_another_checksum_is_never_used() {
    const NOBLE: Image = Image::UBUNTU_24_04;
    let url = "https://cloud-images.ubuntu.com/releases/noble/release-20260911/ubuntu-24.04-server-cloudimg-amd64.img";
    let other = sim::Image { checksums: vec![("sha256".into(), "0".repeat(64))], ..sim::Image::default() };
    let desk = Desk::at(cluster().with_image(url, other), || {
        let mut lab = Lab::named("home");
        lab.add(Template::from_image(9000, NOBLE).named("noble").on(DIN));
        lab
    });
    says!(desk.errors("deploy --yes"), @r"
    exit 4
    error: proxmox/template/noble: create failed: cannot download homelab-home-9000-612b2c0cc1bc413a.qcow2 to local on din: the task failed: checksum mismatch: got '0000000000000000000000000000000000000000000000000000000000000000' != expect '612b2c0cc1bc413a6cb8c38fd611794caf0f2b436c50013d8b3794db12ad7354'
      hint: the file is not the one that the code names: compare its checksum with the publisher's, and name a dated release
      | downloading https://cloud-images.ubuntu.com/releases/noble/release-20260911/ubuntu-24.04-server-cloudimg-amd64.img to /var/lib/vz/import/homelab-home-9000-612b2c0cc1bc413a.qcow2
      | calculating checksum...
    ");
    assert_eq!(desk.guests(), "");
    desk.sim.change(|world| world.with_image(url, sim::Image::default())).unwrap();
    desk.converges();
}

#[test]
fn an_image_that_cannot_be_fetched_is_told() {
    const GONE: Image = Image::sha256(
        "https://localhost/noble.img",
        "612b2c0cc1bc413a6cb8c38fd611794caf0f2b436c50013d8b3794db12ad7354",
    );
    let desk = Desk::new(|| {
        let mut lab = Lab::named("home");
        lab.add(Template::from_image(9000, GONE).named("noble").on(DIN));
        lab
    });
    says!(desk.errors("deploy --yes"), @r"
    exit 4
    error: proxmox/template/noble: create failed: cannot download homelab-home-9000-612b2c0cc1bc413a.qcow2 to local on din: the task failed: download failed: command 'wget '--progress=dot:giga' -O /var/lib/vz/import/homelab-home-9000-612b2c0cc1bc413a.qcow2.tmp_dwnl.4242 https://localhost/noble.img' failed: exit code 4
      hint: the node fetches it itself: can it reach that address? a proxy is set under Datacenter, Options
      | downloading https://localhost/noble.img to /var/lib/vz/import/homelab-home-9000-612b2c0cc1bc413a.qcow2
    ");
}

#[test]
fn a_template_of_another_node_is_cloned_there_and_a_linked_clone_is_refused() {
    let lab = |linked: bool| {
        move || {
            let mut lab = Lab::named("home");
            let template = ubuntu(&mut lab);
            let web = Vm::clone_from(template).on(GROGU).id(201).named("web").at(LAN.host(202));
            lab.add(if linked { web.linked() } else { web });
            lab
        }
    };
    Desk::new(lab(false)).converges();
    says!(Desk::new(lab(true)).errors("deploy --yes"), @r"
    exit 4
    error: proxmox/vm/web: a linked clone stands on its template's disk, which is on din and not on grogu
      hint: leave out `.linked()`, put a template on grogu too, or, if both nodes share the storage, say so: `Node::shared_disks`
    ");
}

#[test]
fn a_template_that_somebody_deleted_is_made_again() {
    let desk = everything();
    desk.converges();
    desk.admin(async |pve, permit| {
        let options = homelab_proxmox::api::qemu::DestroyOptions { purge: true, unreferenced_disks: true };
        pve.destroy(permit, "din", 9000, options).await?.wait(&silent).await
    });
    assert_eq!(desk.run("plan --detailed-exitcode").exit, Exit::Pending);
    desk.converges();
}

#[test]
fn a_bridge_that_is_not_there_is_told_by_name() {
    const VMBR9: Node = DIN.bridge("vmbr9");
    let bridge = Arc::new(AtomicBool::new(false));
    let mended = Arc::clone(&bridge);
    let desk = Desk::new(move || {
        let mut lab = Lab::named("home");
        let template = ubuntu(&mut lab);
        let node = if mended.load(Ordering::Relaxed) { DIN } else { VMBR9 };
        lab.add(Vm::clone_from(template).on(node).id(201).named("web").at(LAN.host(202)));
        lab
    });
    says!(desk.errors("deploy --yes"), @r"
    exit 4
    error: proxmox/vm/web: create failed: cannot start guest 201 on din: the task failed: bridge 'vmbr9' does not exist
      hint: the node's bridges are listed under its Network; `Node::bridge` and `Nic` name them
    ");
    bridge.store(true, Ordering::Relaxed);
    desk.converges();
}

#[test]
fn a_guest_with_more_memory_than_its_node_is_told() {
    says!(desk(|web| web.memory(512.gib())).errors("deploy --yes"), @r"
    exit 4
    error: proxmox/vm/web: create failed: cannot start guest 201 on din: the task failed: start failed: QEMU exited with code 1
      hint: most often the guest has more memory than the node has left, or a device that is in use: its task log in the web interface says which
    ");
}

#[test]
fn a_disk_smaller_than_the_templates_is_told() {
    says!(desk(|web| web.disk(1.gib())).errors("deploy --yes"), @r"
    exit 4
    error: proxmox/vm/web: create failed: web was not cloned: scsi0 would have 1 GiB, less than the 3584 MiB of its template, and a disk cannot shrink
      hint: declare `.disk(3584.mib())` or more, or give the template a smaller disk
    ");
}
