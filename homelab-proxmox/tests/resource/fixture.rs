//! Two nodes, a network, and a world in which everything is done as soon as it is asked for.
use homelab_core::{
    Handle, Lab, Site,
    testing::Bench,
    units::{HostAddr, Network, SizeUnits},
};
use homelab_proxmox::{
    Node, Pve, Template, Vm,
    resource::{CloudInit, Uefi},
    sim::{NodeSpec, Pace, StorageKind, World},
    testing::SimWorld,
};

pub(crate) const PVE: Site<Pve> = Site::named("pve");
pub(crate) const DIN: Node = Node::of(PVE, "din");
pub(crate) const GROGU: Node = Node::of(PVE, "grogu");
pub(crate) const LAN: Network = Network::new("LAN", [192, 168, 0, 0], 24).vlan(20).gateway(1);
pub(crate) const STORAGE: Network = Network::new("storage", [10, 10, 10, 0], 24).vlan(10);
pub(crate) const WEB: HostAddr = LAN.host(202);
pub(crate) const KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHUy4sUdyK2ePNnqVAtCY1Sdl6kPnCNKt0bNC8x8yGqP ada@home";

pub(crate) fn cluster() -> World {
    let node = || NodeSpec { cores: 24, memory: 192 << 30, disk: 1 << 40 };
    let world = World::cluster("home").with_node("din", node()).with_node("grogu", node());
    world.with_bridge("din", "vmbr1").storage_of("tank", StorageKind::ZfsPool, 1 << 40).pace(Pace::instant())
}

pub(crate) fn world() -> SimWorld {
    SimWorld::new(PVE, cluster())
}

/// At which calls faults strike: all of them take minutes, so an ordinary test run does every seventh; `.ci/run` does all:
/// `HOMELAB_SWEEP_EVERY=1 cargo test --profile sweep -p homelab-proxmox --test resource`.
pub(crate) fn every() -> usize {
    std::env::var("HOMELAB_SWEEP_EVERY").ok().and_then(|n| n.parse().ok()).unwrap_or(7)
}

pub(crate) fn bench() -> Bench<SimWorld> {
    Bench::new(world())
}

pub(crate) type Ubuntu = Handle<Template<Uefi, CloudInit>>;
pub(crate) type Cloud = Vm<Uefi, CloudInit>;

pub(crate) fn ubuntu(lab: &mut Lab) -> Ubuntu {
    lab.add(Template::ubuntu_24_04(9000).on(DIN).uefi().cloud_init())
}

/// The VM of the reference lab, or another one made from it.
pub(crate) fn web(template: Ubuntu, change: impl FnOnce(Cloud) -> Cloud) -> Cloud {
    let web = Vm::clone_from(template).on(DIN).id(201).named("web");
    change(web.cores(2).memory(4.gib()).disk(50.gib()).at(WEB).authorized_keys([KEY]).tags(["ubuntu", "production"]))
}

/// A lab of the template and one VM.
pub(crate) fn lab(change: impl FnOnce(Cloud) -> Cloud) -> Lab {
    let mut lab = Lab::named("home");
    let template = ubuntu(&mut lab);
    lab.add(web(template, change));
    lab
}
