//! From a controller that is passed through to a mount in a guest, with something going wrong at a call on the way: the next run
//! finishes what was begun, with one of each.
//!
//! An ordinary test run strikes at a sample of the calls, `.ci/run` at more: `HOMELAB_SWEEP_EVERY=2 cargo test -p lab --test chain`.
use homelab_core::{
    Lab, Providers, ResourceExt, Secrets,
    env::Env,
    host::{Mount, Package},
    plan::{Goal, Wishes},
    sim::Net,
    testing::{Bench, Fault, World as _},
    units::SizeUnits,
};
use homelab_proxmox::{Template, Vm, resource::Nic, sim::Pace, testing::SimWorld};
use homelab_truenas::{Dataset, NfsShare, Pool, resource::Preset, sim::World, testing::SimNas, topology::NasDisks};
use lab::{
    guests, net,
    nodes::{self, DIN, GROGU},
    sites::{NAS, PVE},
    storage,
};
use std::sync::Arc;

/// Which of the two is struck.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Struck {
    Cluster,
    Nas,
}

/// The cluster, the NAS in a guest of it, and a client in another.
struct Chain {
    cluster: SimWorld,
    nas: SimNas,
    struck: Struck,
}

impl Chain {
    fn new(struck: Struck) -> Chain {
        let net = Net::new();
        let world = lab::sites::cluster(nodes::MD1200_CONTROLLER).world("home").pace(Pace::scaled(0.05));
        let cluster = SimWorld::new(PVE, world).joined(Arc::clone(&net));
        let nas = SimNas::new(NAS, World::new("truenas").pace(0.0)).just_installed();
        let guest = format!("proxmox/{}/300", PVE.name());
        nas.sim().see_disks(move || net.computer(&guest).map(|computer| computer.disks));
        Chain { cluster, nas, struck }
    }
}

impl homelab_core::testing::World for Chain {
    fn providers(&self) -> Providers {
        self.cluster.providers().with(NAS, self.nas.client())
    }
    fn calls(&self) -> u64 {
        if self.struck == Struck::Nas { self.nas.calls() } else { self.cluster.calls() }
    }
    fn writes(&self) -> u64 {
        self.cluster.writes() + self.nas.writes()
    }
    fn fail(&self, after: u64, fault: Fault) {
        if self.struck == Struck::Nas { self.nas.fail(after, fault) } else { self.cluster.fail(after, fault) }
    }
    async fn killed(&self) {
        if self.struck == Struck::Nas { self.nas.killed().await } else { self.cluster.killed().await }
    }
    fn heal(&self) {
        self.cluster.heal();
        self.nas.heal();
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

fn bench(struck: Struck) -> Bench<Chain> {
    let mut bench = Bench::new(Chain::new(struck));
    bench.secrets = bench.secrets.and(Env::from_pairs([("NAS_PASSWORD", "correct horse battery staple")]));
    bench
}

#[tokio::test(start_paused = true)]
async fn from_passthrough_to_a_mount_each_call_may_fail_lose_its_reply_or_be_the_last() {
    let every = std::env::var("HOMELAB_SWEEP_EVERY").ok().and_then(|n| n.parse::<usize>().ok()).unwrap_or(37);
    for struck in [Struck::Cluster, Struck::Nas] {
        let calm = bench(struck);
        let run = calm.deploy(chain()).await;
        assert!(run.is_success(), "in peace: {}", run.story());
        let (calls, wanted) = (calm.world.calls(), calm.world.inventory());
        assert!(calm.plan(chain(), &Wishes::new(Goal::Deploy)).await.is_noop());
        for fault in Fault::ALL {
            for call in (0..calls).step_by(every) {
                let what = format!("{fault} at call {call} of {calls} of the {struck:?}");
                let bench = bench(struck);
                bench.world.fail(call, fault);
                bench.deploy(chain()).await;
                bench.world.heal();
                let run = bench.deploy(chain()).await;
                assert!(run.is_success(), "{what}: {}", run.story());
                let plan = bench.plan(chain(), &Wishes::new(Goal::Deploy)).await;
                assert!(plan.is_noop(), "{what}: {plan}");
                assert_eq!(bench.world.inventory(), wanted, "{what}");
                let made = bench.world.nas.log().iter().filter(|method| *method == "pool.create").count();
                assert!(made <= 2, "{what}: asked {made} times for the pool");
            }
        }
    }
}
