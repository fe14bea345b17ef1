//! What goes wrong with a NAS, and what a plan or a run says of it.
use crate::world::{NAS, bench, shelf, with_dataset, with_pool};
use homelab_core::{
    Lab,
    plan::{Goal, Plan, Wishes},
    testing::{Bench, World as _},
};
use homelab_truenas::{Dataset, Pool, testing::SimNas, topology::NasDisks};
use std::time::Duration;

const POOL: &str = "truenas/pool/nas/bulk";
const MEDIA: &str = "truenas/dataset/nas/bulk/media";

async fn planned(bench: &Bench<SimNas>, lab: Lab) -> Plan {
    bench.plan(lab, &Wishes::new(Goal::Deploy)).await
}

fn refusals(plan: &Plan) -> Vec<String> {
    plan.refusals().iter().map(|(item, note)| format!("{}: {}", item.key, note.text)).collect()
}

fn of(pool: Pool) -> Lab {
    let mut lab = Lab::named("home");
    lab.add(pool);
    lab
}

#[tokio::test(start_paused = true)]
async fn a_pool_that_is_degraded_is_only_healed() {
    let bench = bench();
    let pool = || Pool::named("bulk").on(NAS).mirror(NAS.disks(["D1", "D2"]));
    assert!(bench.deploy(of(pool())).await.is_success());
    bench.world.sim().change(|world| world.pull("D2")).expect("it is in memory");
    let with_log = || pool().log_mirror(NAS.disks(["S1", "S2"]));
    let refused = refusals(&planned(&bench, of(with_log())).await);
    assert!(refused.contains(&format!("{POOL}: the pool is DEGRADED: log is added")), "{refused:?}");
    let healed = || Pool::named("bulk").on(NAS).mirror(NAS.disks(["D1", "D3"]));
    let run = bench.deploy(of(healed())).await;
    assert!(run.is_success(), "{}", run.story());
    assert!(planned(&bench, of(healed())).await.is_noop());
}

#[tokio::test(start_paused = true)]
async fn a_pool_whose_disks_are_all_gone_is_told_and_nothing_is_made_in_its_place() {
    let bench = bench();
    let lab = || with_dataset(|_, _| ());
    assert!(bench.deploy(lab()).await.is_success());
    bench.world.sim().change(|world| world.pull("D1").pull("D2")).expect("it is in memory");
    let writes = bench.world.writes();
    let refused = refusals(&planned(&bench, lab()).await);
    assert!(refused.contains(&format!("{POOL}: pool bulk is OFFLINE: none of its disks is to be seen")), "{refused:?}");
    assert!(!bench.deploy(lab()).await.is_success());
    assert_eq!(bench.world.writes(), writes, "nothing of a refused plan is done");
}

#[tokio::test(start_paused = true)]
async fn a_dataset_that_somebody_uses_stays_and_goes_when_nobody_does() {
    let bench = bench();
    assert!(bench.deploy(with_dataset(|_, _| ())).await.is_success());
    bench.world.sim().change(|world| world.busy("bulk/media")).expect("it is in memory");
    let mut wishes = Wishes::new(Goal::Deploy);
    wishes.allow_destroy.insert(MEDIA.into());
    let run = bench.run(with_pool(|_, _| ()), &wishes).await;
    assert!(run.story().contains("busy"), "{}", run.story());
    assert!(bench.world.inventory().contains("dataset bulk/media"));
    bench.world.sim().change(|world| world.left("bulk/media")).expect("it is in memory");
    let run = bench.run(with_pool(|_, _| ()), &wishes).await;
    assert!(run.is_success(), "{}", run.story());
    assert!(!bench.world.inventory().contains("dataset bulk/media"));
}

#[tokio::test(start_paused = true)]
async fn a_restart_in_the_middle_of_a_deploy_is_waited_for_or_finished_by_the_next_one() {
    let lab = || with_pool(|lab, bulk| ["a", "b", "c"].map(|name| lab.add(Dataset::of(bulk, name))));
    for after in [0, 2, 6, 11, 13, 14] {
        let bench = Bench::new(SimNas::new(NAS, shelf().pace(1.0)));
        let restart = async {
            tokio::time::sleep(Duration::from_millis(after * 1000 + 300)).await;
            bench.world.sim().reboot();
        };
        tokio::join!(bench.deploy(lab()), restart);
        tokio::time::sleep(Duration::from_secs(90)).await;
        let run = bench.deploy(lab()).await;
        assert!(run.is_success(), "after {after} s: {}", run.story());
        assert!(planned(&bench, lab()).await.is_noop(), "after {after} s");
        assert_eq!(bench.world.inventory().matches("pool bulk autotrim").count(), 1, "after {after} s");
    }
}
