//! The guests of the cluster.
use crate::{
    Told, net,
    nodes::{ARC_A310, DIN, GROGU, H330, LSI_9201_8E, Ready},
    storage::{BOOT, TRUENAS},
};
use homelab_core::{
    Handle, Lab,
    host::{DockerEngine, NodeExporter, SshHardening},
    units::SizeUnits,
};
use homelab_proxmox::{
    Container, ContainerTemplate, Iso, Node, Template, Vm,
    resource::{CloudInit, Nic, Uefi},
};

/// The key in the 1Password item `proxmox`: put the public half of yours here.
pub(crate) const KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHUy4sUdyK2ePNnqVAtCY1Sdl6kPnCNKt0bNC8x8yGqP svenlito@proxmox";

/// All of them, for what is put on them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Guests {
    /// What runs for people.
    pub(crate) services: Services,
    /// What the two NAS run in.
    pub(crate) nas: NasGuests,
}

/// All guests, and the template that some are cloned from.
pub(crate) fn guests(lab: &mut Lab, nodes: Ready, told: Told) -> Guests {
    lab.group("proxmox", |lab| {
        let ubuntu = templates(lab, nodes);
        Guests { services: services(lab, nodes, ubuntu), nas: storage(lab, nodes, told) }
    })
}

/// What services are cloned from: UEFI, set up by cloud-init, and with what all of them have.
type Ubuntu = Handle<Template<Uefi, CloudInit>>;

/// The templates.
///
/// There is one, on grogu: services run there, beside it, so that a clone copies from disk to disk and never over the network.
/// din stores; its guests are installed and not cloned. A guest that should be cloned to din wants a template of its own there,
/// for the nodes share no storage: `Template::ubuntu_24_04(9001).named("ubuntu-24.04-din").on(DIN)`.
///
/// What is on it, is on every clone from its first second on. The stacks declare it once more on their guests: there it is found right,
/// and it stays so when the template is another one some day.
fn templates(lab: &mut Lab, nodes: Ready) -> Ubuntu {
    let ubuntu = Template::ubuntu_24_04(9000).on(GROGU).uefi().cloud_init();
    lab.add(nodes.before(ubuntu.provisioned(net::BUILD, |lab, machine| {
        lab.add(SshHardening::on(machine));
        DockerEngine::ubuntu(lab, machine);
        NodeExporter::debian(lab, machine);
    })))
}

/// A virtual machine of the template.
pub(crate) type Guest = Handle<Vm<Uefi, CloudInit>>;

/// What runs for people, for what is put on it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Services {
    /// The example VM.
    pub(crate) newservice: Guest,
    /// The one with the graphics card.
    pub(crate) jellyfin: Guest,
}

/// What runs for people.
fn services(lab: &mut Lab, nodes: Ready, ubuntu: Ubuntu) -> Services {
    let newservice = lab.add(
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
    // The reference gives this one 201 too, which is the VM's: two guests cannot have one number, so it has the next.
    // It mounts `/mnt/pve/storage` of its node at `/data`, shared. No token may set that, so it gets a volume of its own: with a login
    // of root it would be `.bind("/mnt/pve/storage", "/data")`.
    let debian = lab.add(nodes.before(ContainerTemplate::appliance("debian-12-standard").on(GROGU)));
    lab.add(
        Container::from_template(debian)
            .on(GROGU)
            .id(202)
            .named("newservice-container")
            .nesting()
            .cores(2)
            .memory(2.gib())
            .scratch_volume("/data", 16.gib())
            .at(net::NEWCONTAINER)
            .resolver(net::PIHOLE.ip())
            .authorized_keys([KEY])
            .tags(["debian", "newservice"]),
    );
    let arc = nodes.before_naming(GROGU.pci(ARC_A310)).map(lab, "arc-a310");
    let jellyfin = lab.add(
        Vm::clone_from(ubuntu)
            .on(GROGU)
            .id(210)
            .named("jellyfin")
            .cores(4)
            .memory(8.gib())
            .disk(50.gib())
            .at(net::JELLYFIN)
            .resolver(net::PIHOLE.ip())
            .authorized_keys([KEY])
            .tags(["ubuntu", "jellyfin"])
            .passthrough([arc]),
    );
    Services { newservice, jellyfin }
}

/// The guests that the two NAS run in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NasGuests {
    /// That of the primary NAS.
    pub(crate) primary: Handle<Vm<Uefi>>,
    /// That of the backup NAS.
    pub(crate) backup: Handle<Vm<Uefi>>,
}

/// The guests of the two NAS. Their disks are behind controllers that are passed to them whole; that of the backup's shelf is passed if
/// it is known. They start empty, from the installer's ISO if one is told; else TrueNAS is installed by hand, and the deploy waits for it
/// meanwhile.
fn storage(lab: &mut Lab, nodes: Ready, Told { md1200, installer }: Told) -> NasGuests {
    let iso = |lab: &mut Lab, node: Node| {
        let iso = installer.map(|image| Iso::of("truenas", TRUENAS, image).on(node));
        iso.map(|iso| lab.add(nodes.before(iso)))
    };
    let h330 = nodes.before_naming(DIN.pci(H330)).map(lab, "h330");
    let lsi = nodes.before_naming(DIN.pci(LSI_9201_8E)).map(lab, "lsi-9201-8e");
    let shelf = md1200.map(|id| nodes.before_naming(GROGU.pci(id)).map(lab, "md1200"));
    let missing = "The controller of the MD1200 shelf is not in the list of hardware, so this guest has no disks for its pool: name it \
                   in lab/src/nodes.rs.";
    let primary = Vm::blank()
        .uefi()
        .on(DIN)
        .id(300)
        .named("truenas")
        .cores(4)
        .memory(16.gib())
        .disk(BOOT)
        .nic(Nic::at(net::NAS))
        .nic(Nic::at(net::NAS_STORAGE))
        .passthrough([h330, lsi]);
    let primary = match iso(lab, DIN) {
        Some(iso) => primary.installer(iso),
        None => primary,
    };
    let backup = Vm::blank()
        .uefi()
        .on(GROGU)
        .id(301)
        .named("truenas-backup")
        .cores(4)
        .memory(16.gib())
        .disk(BOOT)
        .nic(Nic::at(net::NAS_BACKUP))
        .nic(Nic::at(net::NAS_BACKUP_STORAGE))
        .notes(if shelf.is_none() { missing } else { "" })
        .passthrough(shelf);
    let backup = match iso(lab, GROGU) {
        Some(iso) => backup.installer(iso),
        None => backup,
    };
    let primary = lab.add(nodes.before(primary));
    let backup = lab.add(nodes.before(backup));
    NasGuests { primary, backup }
}
