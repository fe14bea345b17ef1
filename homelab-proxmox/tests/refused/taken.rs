//! What somebody else has already: numbers and addresses.
use crate::{
    desk::{DIN, Desk, LAN, Late, shell, stranger, ubuntu, web},
    says,
    world::everything,
};
use homelab_core::{Lab, cli::Exit};
use homelab_proxmox::Vm;
use std::io::Cursor;

#[test]
fn a_number_that_a_stranger_has_is_refused_in_the_plan() {
    let desk = everything();
    stranger(&desk.sim, 201);
    says!(desk.run("deploy --yes"), @r"
    exit 4
    --- stdout
    + proxmox/template/ubuntu-24.04  [CODE]
        vmid: 9000
        name: ubuntu-24.04
        node: din
        image: https://cloud-images.ubuntu.com/releases/noble/release-20260911/ubuntu-24.04-server-cloudimg-amd64.img (sha256 612b2c0cc1bc..)
        digest: dc50f6e3e8caa215
        storage: local-lvm
        firmware: uefi
        cloud_init: ide2
        serial: true
        cores: 2
        memory: 2 GiB
        login: ubuntu
    > proxmox/vm/web  [CODE]
        name: somebodys -> web
        firmware: bios -> uefi
        cloud_init: false -> true
        cores: 1 -> 2
        memory: 512 MiB -> 4 GiB
        disks.scsi0.size: 50 GiB
        nics.net0.bridge: vmbr0
        nics.net0.vlan: 20
        nics.net0.address: 192.168.0.202/24
        nics.net0.gateway: 192.168.0.1
        ip: 192.168.0.202
        running: false -> true
        refused: it exists and was not made by this lab
          hint: take it over with `--adopt`, or give this one another identity
        refused: its firmware is bios and cannot be changed in place
          hint: a system installed for the one does not start with the other: make the guest anew, under another name
    1 to create, 1 to adopt
    --- stderr
    error: proxmox/vm/web: it exists and was not made by this lab
      hint: take it over with `--adopt`, or give this one another identity
    error: proxmox/vm/web: its firmware is bios and cannot be changed in place
      hint: a system installed for the one does not start with the other: make the guest anew, under another name
    ");
    let before = desk.guests();
    assert_eq!(desk.run("plan").exit, Exit::Refused);
    assert_eq!(desk.guests(), before);
}

#[test]
fn a_number_that_a_stranger_takes_after_the_plan_stays_the_strangers() {
    let desk = Desk::new(shell);
    let sim = desk.sim.clone();
    let said = desk.run_changed("deploy", |outside| {
        outside.can_answer = true;
        outside.stdin = Box::new(Late(move || stranger(&sim, 300), Cursor::new("yes\n")));
    });
    says!(said, @r"
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
    Carry this out for real? Only `yes` does it: [TIME] proxmox/vm/shell: create
    [TIME] proxmox/vm/shell: create failed: number 300 was taken in the meantime by somebodys on din
    error: proxmox/vm/shell: create failed: number 300 was taken in the meantime by somebodys on din
      hint: give this one another number, or plan again and take that one over with `--adopt`
    ");
    assert!(desk.guests().contains("somebodys"), "{}", desk.guests());
    says!(desk.errors("deploy --yes"), @r"
    exit 4
    error: proxmox/vm/shell: it exists and was not made by this lab
      hint: take it over with `--adopt`, or give this one another identity
    ");
}

#[test]
fn a_saved_plan_is_refused_when_a_stranger_took_the_number() {
    let desk = Desk::new(shell);
    assert_eq!(desk.run("plan --out a.plan").exit, Exit::Done);
    stranger(&desk.sim, 300);
    says!(desk.run("deploy a.plan"), @r"
    exit 4
    --- stdout
    --- stderr
    error: the saved plan is not carried out: proxmox/vm/shell has changed since it was made: it did not exist, and does now
      hint: nothing was changed; plan again and look at what is different
    ");
}

#[test]
fn an_address_that_two_guests_want_is_refused_before_anything_is_sent() {
    let desk = Desk::new(|| {
        let mut lab = Lab::named("home");
        let template = ubuntu(&mut lab);
        lab.add(web(template));
        lab.add(Vm::clone_from(template).on(DIN).id(202).named("mail").at(LAN.host(202)));
        lab
    });
    says!(desk.run("plan"), @r"
    exit 3
    --- stdout
    --- stderr
    error: address 192.168.0.202 is claimed twice
      --> [CODE]: proxmox/vm/web
      --> [CODE]: proxmox/vm/mail
      hint: give one of them another address
    ");
    assert_eq!(desk.sim.calls(), 0);
}

#[test]
fn an_address_that_a_stranger_answers_is_not_given_to_a_new_guest() {
    let mut desk = everything();
    desk.strangers = vec![LAN.host(202).ip()];
    says!(desk.errors("deploy --yes"), @r"
    exit 4
    error: proxmox/vm/web: create failed: web was not started: another machine answers at its address 192.168.0.202
      hint: give this one another address, or take the other machine off the network; then run again
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
    desk.strangers.clear();
    desk.converges();
}
