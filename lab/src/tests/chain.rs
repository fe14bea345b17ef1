//! From a controller that is passed through to a mount in a guest, with something going wrong at a call on the way: the next run
//! finishes what was begun, with one of each.
//!
//! An ordinary test run strikes at a sample of the calls, `.ci/run` at all: `HOMELAB_SWEEP_EVERY=1 cargo test --profile sweep -p lab chain`.
use crate::{
    guests, net,
    nodes::{self, DIN, GROGU},
    sites::{NAS, PVE},
    storage,
};
use homelab_core::{
    Lab, Providers, ResourceExt,
    env::Env,
    host::{Mount, Package},
    plan::{Goal, Wishes},
    sim::Net,
    testing::{Bench, Fault, Traffic, World as _},
    units::SizeUnits,
};
use homelab_proxmox::{Template, Vm, resource::Nic, sim::Pace, testing::SimWorld};
use homelab_truenas::{Dataset, NfsShare, Pool, resource::Preset, sim::World, testing::SimNas, topology::NasDisks};
use std::{sync::Arc, time::Duration};

/// The cluster, the NAS in a guest of it, and a client in another. Their calls are counted together.
struct Chain {
    cluster: SimWorld,
    nas: SimNas,
}

impl Chain {
    fn new() -> Chain {
        let net = Net::new();
        let world = crate::sites::cluster(nodes::MD1200_CONTROLLER).world("home").pace(Pace::scaled(0.05));
        let cluster = SimWorld::new(PVE, world).joined(Arc::clone(&net));
        let nas = SimNas::new(NAS, World::new("truenas").pace(0.0)).just_installed().counted_with(cluster.traffic());
        let guest = format!("proxmox/{}/300", PVE.name());
        nas.sim().runs_on(move || net.computer(&guest));
        Chain { cluster, nas }
    }
}

impl homelab_core::testing::World for Chain {
    fn providers(&self) -> Providers {
        self.cluster.providers().with(NAS, self.nas.client())
    }
    fn traffic(&self) -> &Traffic {
        self.cluster.traffic()
    }
    fn inventory(&self) -> String {
        format!("{}\n{}", self.cluster.inventory(), self.nas.inventory())
    }
}

/// Passthrough, system, pool, dataset, share, mount.
fn chain() -> Lab {
    let mut lab = Lab::named("home");
    let h330 = DIN.pci(nodes::H330).map(&mut lab, "h330");
    let guest = Vm::blank().uefi().on(DIN).id(300).named("truenas").memory(16.gib()).disk(32.gib());
    let guest = lab.add(guest.nic(Nic::at(net::NAS)).nic(Nic::at(net::NAS_STORAGE)).passthrough([h330]));
    let system = lab.add(storage::primary().within(guest));
    let bulk = Pool::named("bulk").on(NAS).raidz2(NAS.disks(storage::BULK)).log_mirror(NAS.disks(storage::LOG));
    let bulk = lab.add(bulk.after(system));
    let media = lab.add(Dataset::of(bulk, "media").preset(Preset::Media));
    let share = lab.add(NfsShare::of(media).for_network(storage::STORAGE).at(net::NAS_STORAGE));
    let ubuntu = lab.add(Template::ubuntu_24_04(9000).on(GROGU).uefi().cloud_init());
    let client = Vm::clone_from(ubuntu).on(GROGU).id(210).named("jellyfin").memory(4.gib()).disk(50.gib());
    let client = lab.add(client.at(net::JELLYFIN).authorized_keys([guests::KEY]));
    let nfs = lab.add(Package::on(client, "nfs-common"));
    lab.add(Mount::on(client, "/srv/media").from(share.address()).options("nfsvers=4.2").automount().after(nfs));
    lab
}

fn bench() -> Bench<Chain> {
    let mut bench = Bench::new(Chain::new());
    bench.secrets = bench.secrets.and(Env::from_pairs([("NAS_PASSWORD", "correct horse battery staple")]));
    bench
}

#[tokio::test(start_paused = true)]
async fn from_passthrough_to_a_mount_each_call_may_fail_lose_its_reply_or_be_the_last() {
    let every = std::env::var("HOMELAB_SWEEP_EVERY").ok().and_then(|n| n.parse::<usize>().ok()).unwrap_or(41);
    let calm = bench();
    let run = calm.deploy(chain()).await;
    assert!(run.is_success(), "in peace: {}", run.story());
    let (calls, wanted) = (calm.world.calls(), calm.world.inventory());
    assert!(calm.plan(chain(), &Wishes::new(Goal::Deploy)).await.is_noop());
    for fault in Fault::ALL {
        for call in (0..calls).step_by(every) {
            let what = format!("{fault} at call {call} of {calls}");
            let bench = bench();
            bench.world.fail(call, fault);
            bench.deploy(chain()).await;
            bench.world.heal();
            // A guest that was left while it booted boots on, and somebody takes a minute to run again.
            tokio::time::sleep(Duration::from_secs(60)).await;
            let run = bench.deploy(chain()).await;
            assert!(run.is_success(), "{what}: {}", run.story());
            let plan = bench.plan(chain(), &Wishes::new(Goal::Deploy)).await;
            assert!(plan.is_noop(), "{what}: {plan}");
            assert_eq!(bench.world.inventory(), wanted, "{what}");
        }
    }
}
