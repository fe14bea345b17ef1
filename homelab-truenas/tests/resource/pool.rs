//! Pools: made once, changed only as ZFS can, never wiped.
use crate::world::{NAS, TB, bench, shelf};
use homelab_core::{
    Lab,
    plan::{Goal, Plan, Wishes},
    testing::{Bench, Fault, World as _},
};
use homelab_truenas::{
    Pool,
    sim::{DiskSpec, World},
    testing::SimNas,
    topology::{Disk, NasDisks},
};

fn lab(pool: impl FnOnce() -> Pool) -> Lab {
    let mut lab = Lab::named("home");
    lab.add(pool());
    lab
}

fn disks<const N: usize>(names: [&str; N]) -> [Disk; N] {
    NAS.disks(names)
}

fn bulk() -> Pool {
    Pool::named("bulk").on(NAS).raidz2(disks(["D1", "D2", "D3", "D4", "D5"])).log_mirror(disks(["S1", "S2"]))
}

fn on(world: World) -> Bench<SimNas> {
    Bench::new(SimNas::new(NAS, world))
}

async fn planned(bench: &Bench<SimNas>, pool: impl FnOnce() -> Pool) -> Plan {
    bench.plan(lab(pool), &Wishes::new(Goal::Deploy)).await
}

fn notes(plan: &Plan) -> Vec<String> {
    plan.items.iter().flat_map(|item| &item.notes).map(|note| note.text.clone()).collect()
}

fn refusal(plan: &Plan) -> String {
    plan.refusals()
        .iter()
        .map(|(_, note)| format!("{} ({})", note.text, note.hint.as_deref().unwrap_or("")))
        .collect::<Vec<_>>()
        .join("; ")
}

#[tokio::test(start_paused = true)]
async fn the_plan_shows_a_table_of_vdevs_with_sizes_and_what_may_fail() {
    let notes = notes(&planned(&bench(), bulk).await);
    assert_eq!(
        notes,
        [
            "data1: RAIDZ2 of 5 x 7.3 TiB, 21.5 TiB usable, any 2 may fail",
            "log: MIRROR of 2 x 186.3 GiB, any 1 may fail",
            "about 21.4 TiB usable in all",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_pool_is_made_once_and_then_there_is_nothing_to_do() {
    let bench = bench();
    let run = bench.deploy(lab(bulk)).await;
    assert!(run.is_success(), "{}", run.story());
    assert!(planned(&bench, bulk).await.is_noop());
}

#[tokio::test(start_paused = true)]
async fn a_lost_reply_or_a_kill_never_makes_a_second_pool() {
    for fault in Fault::ALL {
        for call in 0..24 {
            let bench = bench();
            bench.world.fail(call, fault);
            bench.deploy(lab(bulk)).await;
            bench.world.heal();
            let run = bench.deploy(lab(bulk)).await;
            assert!(run.is_success(), "{fault} at call {call}: {}", run.story());
            assert!(planned(&bench, bulk).await.is_noop(), "{fault} at call {call}");
            let made = bench.world.log().iter().filter(|method| *method == "pool.create").count();
            let effects = bench.world.inventory().matches("pool bulk autotrim").count();
            assert_eq!(effects, 1, "{fault} at call {call}: after {made} calls of pool.create");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_disk_that_cannot_be_taken_is_refused_when_it_is_planned() {
    let of = |world: World| on(world);
    let mirror = |a: &'static str, b: &'static str| move || Pool::named("x").on(NAS).mirror(NAS.disks([a, b]));
    for (world, a, b, want) in [
        (shelf(), "D1", "NOPE", "does not see disk NOPE"),
        (shelf().disk(DiskSpec::new("F", TB).foreign("old")), "D1", "F", "holds the exported pool old"),
        (shelf().disk(DiskSpec::new("P", TB).partitioned()), "D1", "P", "partitions on it"),
        (shelf(), "D1", "boot-0", "is what the NAS starts from"),
        (shelf().disk(DiskSpec::new("T", TB)).disk(DiskSpec::new("T", TB)), "D1", "T", "several disks are called T"),
        (shelf().disk(DiskSpec::new("TINY", 1 << 20)), "D1", "TINY", "has only 1.0 MiB"),
    ] {
        let bench = of(world);
        let refusal = refusal(&planned(&bench, mirror(a, b)).await);
        assert!(refusal.contains(want), "{a} {b}: {refusal}");
        assert!(!bench.deploy(lab(mirror(a, b))).await.is_success());
        assert!(!bench.world.log().iter().any(|method| method == "pool.create"), "{want}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_disk_on_two_paths_is_one_disk() {
    let path = |serial: &str| DiskSpec::new(serial, TB).lun(format!("5000c500{serial}"));
    let world = shelf().disk(path("M1")).disk(path("M2")).disk(path("M1")).disk(path("M2"));
    let bench = on(world);
    let pool = || Pool::named("fast").on(NAS).mirror(NAS.disks(["M1", "M2"]));
    let plan = planned(&bench, pool).await;
    assert!(notes(&plan).iter().any(|note| note.contains("counted once")), "{plan}");
    let run = bench.deploy(lab(pool)).await;
    assert!(run.is_success(), "{}", run.story());
    assert!(planned(&bench, pool).await.is_noop());
}

#[tokio::test(start_paused = true)]
async fn disks_are_found_by_their_slots() {
    let world = shelf().disk(DiskSpec::new("Q1", TB).slot(1, 4)).disk(DiskSpec::new("Q2", TB).slot(1, 5));
    let bench = on(world);
    let pool = || Pool::named("slots").on(NAS).mirror(NAS.slots(1, [4, 5]));
    let run = bench.deploy(lab(pool)).await;
    assert!(run.is_success(), "{}", run.story());
    assert!(planned(&bench, pool).await.is_noop());
}

#[tokio::test(start_paused = true)]
async fn pools_change_as_zfs_can_change_them() {
    let raidz = |names: &'static [&'static str]| {
        move || match names {
            [a, b, c, d] => Pool::named("z").on(NAS).raidz2(NAS.disks([*a, *b, *c, *d])),
            [a, b, c, d, e] => Pool::named("z").on(NAS).raidz2(NAS.disks([*a, *b, *c, *d, *e])),
            _ => unreachable!("the tests have four or five disks"),
        }
    };
    let four = raidz(&["D1", "D2", "D3", "D4"]);
    for (what, edited) in
        [("wider", raidz(&["D1", "D2", "D3", "D4", "D5"])), ("another disk", raidz(&["D1", "D2", "D3", "D9"]))]
    {
        let bench = bench();
        assert!(bench.deploy(lab(four)).await.is_success());
        let run = bench.deploy(lab(edited)).await;
        assert!(run.is_success(), "{what}: {}", run.story());
        assert!(planned(&bench, edited).await.is_noop(), "{what}: {}", planned(&bench, edited).await);
    }
    let bench = bench();
    assert!(bench.deploy(lab(four)).await.is_success());
    let with_more = || {
        four().raidz2(NAS.disks(["D5", "D6", "D7", "D8"])).log_mirror(NAS.disks(["S1", "S2"])).spares(NAS.disks(["D9"]))
    };
    let run = bench.deploy(lab(with_more)).await;
    assert!(run.is_success(), "{}", run.story());
    assert!(planned(&bench, with_more).await.is_noop());
    let without_log = || four().raidz2(NAS.disks(["D5", "D6", "D7", "D8"])).spares(NAS.disks(["D9"]));
    let run = bench.deploy(lab(without_log)).await;
    assert!(run.is_success(), "{}", run.story());
    assert!(planned(&bench, without_log).await.is_noop());
}

#[tokio::test(start_paused = true)]
async fn what_zfs_cannot_change_is_refused_and_never_made_anew() {
    let bench = bench();
    assert!(bench.deploy(lab(bulk)).await.is_success());
    let raidz1 = || {
        Pool::named("bulk")
            .on(NAS)
            .raidz1(NAS.disks(["D1", "D2", "D3", "D4", "D5"]))
            .log_mirror(NAS.disks(["S1", "S2"]))
    };
    assert!(refusal(&planned(&bench, raidz1).await).contains("does not change the layout"));
    let narrower =
        || Pool::named("bulk").on(NAS).raidz2(NAS.disks(["D1", "D2", "D3", "D4"])).log_mirror(NAS.disks(["S1", "S2"]));
    assert!(refusal(&planned(&bench, narrower).await).contains("cannot get narrower"));
    let small = || {
        Pool::named("bulk")
            .on(NAS)
            .raidz2(NAS.disks(["D1", "D2", "D3", "D4", "SMALL"]))
            .log_mirror(NAS.disks(["S1", "S2"]))
    };
    let bench = on(shelf().disk(DiskSpec::new("SMALL", TB)));
    assert!(bench.deploy(lab(bulk)).await.is_success());
    assert!(refusal(&planned(&bench, small).await).contains("is smaller than the smallest of data1"));
}

#[tokio::test(start_paused = true)]
async fn a_pool_is_not_deleted_and_when_allowed_by_name_only_exported() {
    let bench = bench();
    assert!(bench.deploy(lab(bulk)).await.is_success());
    let empty = || Lab::named("home");
    let plan = bench.plan(empty(), &Wishes::new(Goal::Deploy)).await;
    assert!(refusal(&plan).contains("--allow-destroy truenas/pool/nas/bulk"), "{plan}");
    let mut wishes = Wishes::new(Goal::Deploy);
    wishes.allow_destroy.insert("truenas/pool/nas/bulk".into());
    let run = bench.run(empty(), &wishes).await;
    assert!(run.is_success(), "{}", run.story());
    assert!(bench.world.inventory().contains("exported pool bulk"));
    let asked: Vec<_> = bench.world.requests().into_iter().filter(|call| call.method == "pool.export").collect();
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].params[1], serde_json::json!({"destroy": false, "cascade": false, "restart_services": false}));
    assert!(!bench.world.log().iter().any(|method| method.contains("wipe")));
}
