//! The sandbox: a simulated cluster on loopback, reached by the real client over TLS.
use super::{Answered, Cluster, Device, Drive, Reach};
use crate::{
    Pve,
    client::{Connection, Credential, Endpoint, Fingerprint, Trust},
    sim::{NodeSpec, Pace, Served, Sim, StorageKind, World},
};
use async_trait::async_trait;
use homelab_core::{
    Connecting, Failure, Sandbox,
    sim::{Disk, Net, Wire},
};
use std::{env, net::SocketAddr, sync::Arc};

/// How fast the simulated hardware is, as a factor of real times.
const PACE: &str = "HOMELAB_SANDBOX_PACE";
/// Without that variable: a deploy of several minutes takes some seconds, and one can watch it.
const WATCHABLE: f64 = 0.03;
/// Nobody but this program talks to the simulator, so its token is no secret.
const TOKEN: (&str, &str) = ("sandbox@pve!lab", "5a4d0b0e-0000-4000-8000-000000000000");

/// Nor is this one.
const ROOT: (&str, &str) = ("root@pam", "root-of-the-sandbox");

/// Starts, or goes on with, the simulated cluster below the sandbox's directory.
pub(super) fn start<'a>(cluster: &'a Cluster, sandbox: &'a Sandbox) -> Connecting<'a, Pve> {
    Box::pin(begin(cluster, sandbox))
}

async fn begin(cluster: &Cluster, sandbox: &Sandbox) -> Result<Pve, Failure> {
    let Some((first, _)) = cluster.nodes.first() else {
        return Err(Failure::new("the sandbox does not know the nodes of this cluster")
            .hint("name them where the cluster is connected: `Cluster::at(..).node(DIN, Hardware::default())`"));
    };
    let site = first.site().name();
    let failed = |e: &dyn std::fmt::Display| {
        Failure::new(format!("the sandbox cannot be started: {e}")).hint("`sandbox reset` starts afresh")
    };
    let dir = sandbox.dir().join(format!("proxmox-{site}"));
    let fresh = with_nodes(
        cluster.empty(site).with_token(TOKEN.0, TOKEN.1).with_password(ROOT.0, ROOT.1).pace(pace()?),
        cluster,
    );
    let sim = Sim::persistent(&dir, fresh).map_err(|e| failed(&e))?;
    // Nodes that the code has got since it was kept are put there; what is there already stays as it is. A world that has all
    // is not written, for looking writes nothing.
    if !has_nodes(&sim.world(), cluster) {
        sim.change(|world| with_nodes(world, cluster)).map_err(|e| failed(&e))?;
    }
    let net = Net::of(sandbox)?;
    let sim = sim.joined(Arc::clone(&net), site);
    let served = sim.serve(0).await.map_err(|e| failed(&e))?;
    let pin: Fingerprint = served.fingerprint.parse().map_err(|e| failed(&e))?;
    let connection = Connection {
        endpoints: vec![Endpoint::new(served.address.ip().to_string(), served.address.port())],
        trust: Trust::Pinned(vec![pin]),
        credential: Credential::token(TOKEN.0, TOKEN.1),
    };
    let admin = Credential::password(ROOT.0, ROOT.1);
    let pve = Pve::connect(connection)?.with_admin(Some(admin)).logging_in_by(Arc::new(Wire(Arc::clone(&net))));
    Ok(pve.reaching(Arc::new(Guests { sim, net, _served: served })))
}

fn pace() -> Result<Pace, Failure> {
    let Ok(text) = env::var(PACE) else { return Ok(Pace::scaled(WATCHABLE).watched()) };
    let factor = text.parse::<f64>().ok().filter(|factor| factor.is_finite() && *factor >= 0.0);
    factor.map(|factor| Pace::scaled(factor).watched()).ok_or_else(|| {
        Failure::new(format!("{PACE}={text} is no pace"))
            .hint("1 is as slow as real hardware, 0.03 the usual, 0 instant")
    })
}

/// The world with every node of the cluster, and the storages and bridges that they name.
pub(super) fn with_nodes(world: World, cluster: &Cluster) -> World {
    let world = cluster.nodes.iter().fold(world, |mut world, (node, hardware)| {
        if world.hardware(node.name).is_none() {
            let first = world.nodes.is_empty();
            let disk = hardware.disk.as_bytes();
            world = world
                .with_node(node.name, NodeSpec { cores: hardware.cores, memory: hardware.memory.as_bytes(), disk });
            world = world.with_bridge(node.name, node.bridge);
            if cluster.single && !first {
                world = world.alone(node.name);
            }
        }
        let disks = if node.shared { StorageKind::Nfs } else { StorageKind::LvmThin };
        for (name, kind) in [(node.disks, disks), (node.images, StorageKind::Dir)] {
            if !world.storages.contains_key(name) {
                world = world.storage_of(name, kind, hardware.disk.as_bytes());
            }
        }
        world
    });
    let world = cluster
        .machines
        .iter()
        .filter(|(node, _)| !has_machine(&world, node.name))
        .fold(world.clone(), |world, (node, at)| world.with_machine(node.name, *at));
    cluster.devices.iter().filter(|(node, device)| !has_device(&world, node.name, device)).fold(
        world.clone(),
        |world, (node, device)| {
            let Device { slot, id, group, name, class, drives } = device;
            let disk = |drive: &Drive| Disk {
                serial: drive.serial.clone(),
                model: drive.model.clone(),
                size: drive.size.as_bytes(),
                rotational: drive.rotational,
                paths: drive.paths,
                slot: None,
            };
            let world = world.with_pci(node.name, slot, id, i64::from(*group), name).of_class(node.name, class);
            world.with_disks(node.name, drives.iter().map(disk))
        },
    )
}

fn has_device(world: &World, node: &str, device: &Device) -> bool {
    world.hardware(node).is_some_and(|node| node.pci.iter().any(|pci| pci.path == device.slot))
}

fn has_machine(world: &World, node: &str) -> bool {
    world.hardware(node).is_some_and(|node| !node.addresses.is_empty())
}

/// Whether [`with_nodes`] would change nothing.
fn has_nodes(world: &World, cluster: &Cluster) -> bool {
    cluster.nodes.iter().all(|(node, _)| {
        let has = |storage| world.storages.contains_key(storage);
        world.hardware(node.name).is_some() && has(node.disks) && has(node.images)
    }) && cluster.machines.iter().all(|(node, _)| has_machine(world, node.name))
        && cluster.devices.iter().all(|(node, device)| has_device(world, node.name, device))
}

/// The network of the simulated guests and of all other simulated machines. Whoever holds it keeps the simulator serving.
struct Guests {
    sim: Sim,
    net: Arc<Net>,
    _served: Served,
}

#[async_trait]
impl Reach for Guests {
    async fn knock(&self, at: SocketAddr) -> Answered {
        let anybody = self.sim.reachable(at.ip()) || self.net.at(at.ip()).is_some();
        if anybody { Answered::Open } else { Answered::Nobody }
    }
}
