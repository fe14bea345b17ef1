//! The two NAS of the lab: what is planned for them, and that what is promised holds.
use crate::{
    sites::{BACKUP, NAS},
    storage,
};
use homelab_core::{
    Lab, Providers, ResourceExt, Secrets,
    env::Env,
    plan::{Goal, Wishes},
    testing::{Bench, Traffic, World as _},
    units::{Size, SizeUnits},
};
use homelab_truenas::{
    sim::{DiskSpec, World},
    testing::SimNas,
    topology::{Layout, Role, capacity},
};

const TB: u64 = 1_000_000_000_000;

/// Both NAS, with the shelves as they stand in the rack.
struct Rack(SimNas, SimNas);

impl Rack {
    fn of(primary: World, backup: World) -> Rack {
        let primary = SimNas::new(NAS, primary);
        let backup = SimNas::new(BACKUP, backup).counted_with(primary.traffic());
        Rack(primary, backup)
    }
}

impl homelab_core::testing::World for Rack {
    fn providers(&self) -> Providers {
        Providers::default().with(NAS, self.0.client()).with(BACKUP, self.1.client())
    }
    fn traffic(&self) -> &Traffic {
        self.0.traffic()
    }
    fn inventory(&self) -> String {
        format!("{}\n{}", self.0.inventory(), self.1.inventory())
    }
}

fn rack() -> Bench<Rack> {
    let add = |world: World, serial: &str, bytes: u64| world.disk(DiskSpec::new(serial, bytes));
    let primary =
        storage::BULK.iter().fold(World::new("truenas").pace(0.0), |world, serial| add(world, serial, 8 * TB));
    let primary = storage::LOG.iter().fold(primary, |world, serial| world.disk(DiskSpec::ssd(*serial, TB / 5)));
    // Two cables lead to the DS2246: each of its disks is there twice.
    let shelf = |world: World| {
        storage::FAST.iter().fold(world, |world, serial| {
            world.disk(DiskSpec::new(*serial, 9 * TB / 10).lun(format!("5000cca0{serial}")))
        })
    };
    let primary = shelf(shelf(primary));
    let backup =
        storage::BACKUP_DISKS.iter().fold(World::new("backup").pace(0.0), |world, serial| add(world, serial, 3 * TB));
    bench(primary, backup)
}

fn bench(primary: World, backup: World) -> Bench<Rack> {
    let mut bench = Bench::new(Rack::of(primary, backup));
    bench.secrets = Secrets::none().and(Env::from_pairs([("NAS_SMB_PASSWORD", "correct horse battery staple")]));
    bench
}

/// Both NAS without the guests that they run in, and with the shelf of the backup.
fn lab() -> Lab {
    let mut lab = Lab::named("home");
    let systems =
        storage::Systems { primary: lab.add(storage::primary().adopt()), backup: lab.add(storage::backup().adopt()) };
    storage::storage(&mut lab, &systems, true);
    lab
}

#[tokio::test(start_paused = true)]
async fn one_deploy_goes_from_disks_to_replicated_shares_and_a_second_one_plans_nothing() {
    let bench = rack();
    let run = bench.deploy(lab()).await;
    assert!(run.is_success(), "{}", run.story());
    let plan = bench.plan(lab(), &Wishes::new(Goal::Deploy)).await;
    assert!(plan.is_noop(), "{plan}");
    let inventory = bench.world.inventory();
    for there in ["pool bulk", "pool fast", "pool backup", "dataset fast/databases", "10.10.10.14"] {
        assert!(inventory.contains(there), "{there}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_plan_shows_the_pools_with_their_vdevs_sizes_and_redundancy() {
    let plan = rack().plan(lab(), &Wishes::new(Goal::Deploy)).await;
    let notes = |key: &str| {
        let item = plan.item(key).unwrap_or_else(|| panic!("{key} is planned"));
        item.notes.iter().map(|note| note.text.clone()).filter(|text| !text.contains("paths")).collect::<Vec<_>>()
    };
    assert_eq!(
        notes("truenas/pool/nas/bulk"),
        [
            "data1: RAIDZ2 of 5 x 7.3 TiB, 21.5 TiB usable, any 2 may fail",
            "log: MIRROR of 2 x 186.3 GiB, any 1 may fail",
            "about 21.4 TiB usable in all"
        ]
    );
    assert_eq!(notes("truenas/pool/nas/fast").len(), 5, "{:?}", notes("truenas/pool/nas/fast"));
    assert!(notes("truenas/pool/nas/fast")[4].starts_with("about 12."), "{:?}", notes("truenas/pool/nas/fast"));
}

#[tokio::test(start_paused = true)]
async fn a_shelf_that_nobody_passed_through_is_named_disk_by_disk() {
    let bench = bench(World::new("truenas"), World::new("backup"));
    let plan = bench.plan(lab(), &Wishes::new(Goal::Deploy)).await;
    let refused: Vec<String> =
        plan.refusals().iter().map(|(item, note)| format!("{}: {}", item.key, note.text)).collect();
    for serial in storage::BACKUP_DISKS {
        assert!(
            refused.contains(&format!("truenas/pool/backup/backup: the NAS does not see disk {serial}")),
            "{refused:?}"
        );
    }
}

#[test]
fn the_shelf_of_24_bays_is_all_of_fast() {
    let graph = lab().build().unwrap_or_else(|problems| panic!("{problems}"));
    let fast = graph.resource("truenas/pool/nas/fast").expect("it is declared");
    assert_eq!(fast.claims().len(), storage::FAST.len());
}

#[test]
fn what_is_replicated_fits_on_the_backup() {
    let backup = capacity::usable([(Role::Data, Layout::Raidz(2), storage::BACKUP_DISKS.len(), 3.tb())]);
    let replicated: Size = [8.tib(), 4.tib(), 1.tib()].into_iter().sum();
    assert!(replicated < backup, "{replicated} on {backup}");
}

#[test]
fn every_share_over_nfs_is_for_the_storage_network_alone() {
    let graph = lab().build().unwrap_or_else(|problems| panic!("{problems}"));
    for share in graph.resources().filter(|resource| resource.kind() == "truenas/nfs") {
        assert_eq!(
            share.spec().get("networks").map(ToString::to_string).as_deref(),
            Some("[10.10.10.0/24]"),
            "{}",
            share.key()
        );
    }
}

#[test]
fn a_dataset_without_snapshots_is_an_error_of_the_lab() {
    let mut lab = Lab::named("home");
    let pool = homelab_truenas::topology::NasDisks::disks(NAS, ["A", "B"]);
    let pool = lab.add(homelab_truenas::Pool::named("bulk").on(NAS).mirror(pool));
    lab.add(homelab_truenas::Dataset::of(pool, "bare"));
    lab.check(|graph| homelab_truenas::resource::every_dataset_has_snapshots(graph, &[]));
    let problems = lab.build().err().expect("a dataset is bare").to_string();
    assert!(problems.contains("this dataset has no snapshots"), "{problems}");
}
