//! The guests of the cluster.
use crate::{
    net,
    nodes::{DIN, GROGU},
};
use homelab_core::{Handle, Lab, units::SizeUnits};
use homelab_proxmox::{
    Template, Vm,
    resource::{CloudInit, Nic, Uefi},
};

/// The key in the 1Password item `proxmox`: put the public half of yours here.
pub const KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHUy4sUdyK2ePNnqVAtCY1Sdl6kPnCNKt0bNC8x8yGqP svenlito@proxmox";

/// What services are cloned from: UEFI and set up by cloud-init.
pub type Ubuntu = Handle<Template<Uefi, CloudInit>>;

/// The templates.
///
/// There is one, on grogu: services run there, beside it, so that a clone copies from disk to disk and never over the network.
/// din stores; its guests are installed and not cloned. A guest that should be cloned to din wants a template of its own there,
/// for the nodes share no storage: `Template::ubuntu_24_04(9001).named("ubuntu-24.04-din").on(DIN)`.
pub fn templates(lab: &mut Lab) -> Ubuntu {
    lab.add(Template::ubuntu_24_04(9000).on(GROGU).uefi().cloud_init())
}

/// What runs for people.
pub fn services(lab: &mut Lab, ubuntu: Ubuntu) {
    lab.add(
        Vm::clone_from(ubuntu)
            .on(GROGU)
            .id(201)
            .named("newservice-server")
            .cores(2)
            .memory(4096.mib())
            .disk(50.gib())
            .at(net::NEWSERVICE)
            .resolver(net::PIHOLE.ip())
            .authorized_keys([KEY])
            .tags(["ubuntu", "newservice", "production"]),
    );
}

/// The storage guests, as shells: TrueNAS is not installed on them yet, so they stay off.
pub fn storage(lab: &mut Lab) {
    lab.add(
        Vm::blank()
            .uefi()
            .on(DIN)
            .id(300)
            .named("truenas")
            .disk(32.gib())
            .nic(Nic::at(net::NAS))
            .nic(Nic::at(net::NAS_STORAGE))
            .stopped(),
    );
    lab.add(
        Vm::blank()
            .uefi()
            .on(GROGU)
            .id(301)
            .named("truenas-backup")
            .disk(32.gib())
            .nic(Nic::at(net::NAS_BACKUP))
            .nic(Nic::at(net::NAS_BACKUP_STORAGE))
            .stopped(),
    );
}
