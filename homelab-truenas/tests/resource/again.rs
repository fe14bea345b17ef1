//! Pools that were let go of, and what becomes of them when their code comes back.
use crate::world::{NAS, TB, bench, call, nth, shelf, with_dataset};
use homelab_core::{
    Lab, Secret, Secrets,
    env::Env,
    plan::{Goal, Plan, Wishes},
    testing::{Bench, Fault, World as _},
    units::Network,
};
use homelab_truenas::{
    Dataset, NfsShare, Pool,
    resource::{Encryption, StorageNetwork},
    sim::DiskSpec,
    testing::SimNas,
    topology::NasDisks,
};
use serde_json::json;

const STORAGE: StorageNetwork = StorageNetwork::of(Network::new("storage", [10, 10, 10, 0], 24).vlan(10));
const KEY: Secret = Secret::named("POOL_KEY");

/// A pool of two disks with a dataset that is shared.
fn home() -> Lab {
    with_dataset(|lab, media| lab.add(NfsShare::of(media).for_network(STORAGE)))
}

fn of(pool: Pool) -> Lab {
    let mut lab = Lab::named("home");
    lab.add(pool);
    lab
}

async fn planned(bench: &Bench<SimNas>, lab: Lab) -> Plan {
    bench.plan(lab, &Wishes::new(Goal::Deploy)).await
}

async fn guid(bench: &Bench<SimNas>) -> u64 {
    let pools = call(&bench.world, "pool.query", vec![]).await;
    pools[0]["guid"].as_str().and_then(|guid| guid.parse().ok()).expect("a guid is a number")
}

fn refusal(plan: &Plan) -> String {
    let told =
        |(_, note): &(_, &homelab_core::plan::Note)| format!("{} ({})", note.text, note.hint.as_deref().unwrap_or(""));
    plan.refusals().iter().map(told).collect::<Vec<_>>().join("; ")
}

fn made(bench: &Bench<SimNas>) -> usize {
    bench.world.log().iter().filter(|method| *method == "pool.create").count()
}

#[tokio::test(start_paused = true)]
async fn a_pool_that_was_let_go_of_is_imported_again_with_all_that_is_in_it() {
    let bench = bench();
    assert!(bench.deploy(home()).await.is_success());
    let guid = guid(&bench).await;
    let before = bench.world.inventory();
    assert!(bench.clear(home()).await.is_success());
    let plan = planned(&bench, home()).await;
    let notes: Vec<&str> = plan
        .item("truenas/pool/nas/bulk")
        .expect("it is planned")
        .notes
        .iter()
        .map(|note| note.text.as_str())
        .collect();
    assert_eq!(
        notes[..3],
        [
            &*format!(
                "import of the exported pool bulk, guid {guid}, ONLINE: this lab let go of it; nothing on it is made anew"
            ),
            "in it: pool bulk: 192.0 KiB",
            "in it: dataset bulk/media",
        ]
    );
    let run = bench.deploy(home()).await;
    assert!(run.is_success(), "{}", run.story());
    assert!(planned(&bench, home()).await.is_noop());
    assert_eq!((made(&bench), bench.world.inventory()), (1, before));
}

#[tokio::test(start_paused = true)]
async fn a_pool_that_somebody_exported_by_hand_is_imported_again() {
    let bench = bench();
    assert!(bench.deploy(home()).await.is_success());
    let pools = call(&bench.world, "pool.query", vec![]).await;
    call(&bench.world, "pool.export", vec![pools[0]["id"].clone(), json!({})]).await;
    let run = bench.deploy(home()).await;
    assert!(run.is_success(), "{}", run.story());
    assert!(planned(&bench, home()).await.is_noop());
    assert_eq!(made(&bench), 1);
}

#[tokio::test(start_paused = true)]
async fn whatever_breaks_while_it_is_exported_and_imported_again_there_is_one_pool_and_all_its_data() {
    let calm = bench();
    assert!(calm.deploy(home()).await.is_success());
    let wanted = calm.world.inventory();
    for fault in Fault::ALL {
        for at in (0..60).step_by(nth()) {
            let what = format!("{fault} at call {at}");
            let bench = bench();
            assert!(bench.deploy(home()).await.is_success());
            bench.world.fail(at, fault);
            bench.clear(home()).await;
            bench.deploy(home()).await;
            bench.world.heal();
            let run = bench.deploy(home()).await;
            assert!(run.is_success(), "{what}: {}", run.story());
            assert!(planned(&bench, home()).await.is_noop(), "{what}");
            assert_eq!((made(&bench), bench.world.inventory()), (1, wanted.clone()), "{what}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_this_lab_does_not_know_is_refused_with_the_line_that_takes_it_in() {
    let bench = bench();
    assert!(bench.deploy(home()).await.is_success());
    let guid = guid(&bench).await;
    assert!(bench.clear(home()).await.is_success());
    // The same NAS, and nothing is remembered of it.
    let fresh = Bench::new(bench.world.clone());
    let refused = refusal(&planned(&fresh, home()).await);
    let want = format!("D1, D2 holds the exported pool bulk (guid {guid}, ONLINE), which this lab does not know");
    assert!(refused.contains(&want), "{refused}");
    assert!(refused.contains(&format!("import it: `.import({guid})`")), "{refused}");
    assert!(!fresh.deploy(home()).await.is_success());
    assert_eq!(made(&bench), 1);

    let pool = || Pool::named("bulk").on(NAS).mirror(NAS.disks(["D1", "D2"]));
    let run = fresh.deploy(of(pool().import(guid))).await;
    assert!(run.is_success(), "{}", run.story());
    assert!(planned(&fresh, of(pool().import(guid))).await.is_noop());
    let wrong = refusal(&planned(&Bench::new(SimNas::new(NAS, shelf())), of(pool().import(7))).await);
    assert!(wrong.contains("no pool with the guid 7 is on the disks of this NAS (to be seen are: none"), "{wrong}");
}

#[tokio::test(start_paused = true)]
async fn one_that_is_declared_otherwise_than_it_is_on_its_disks_is_not_taken_in() {
    let bench = bench();
    assert!(bench.deploy(home()).await.is_success());
    assert!(bench.clear(home()).await.is_success());
    for (pool, want) in [
        (Pool::named("big").on(NAS).mirror(NAS.disks(["D1", "D2"])), "holds the exported pool bulk"),
        (Pool::named("bulk").on(NAS).mirror(NAS.disks(["D1", "D2", "D3"])), "D3 is not part of it"),
        (Pool::named("bulk").on(NAS).mirror(NAS.disks(["D1", "D4"])), "D2 is part of it too"),
    ] {
        let refused = refusal(&planned(&bench, of(pool)).await);
        assert!(refused.contains(want), "{want}: {refused}");
    }
    // Nothing of it is on these disks, so this is another pool.
    let elsewhere = || of(Pool::named("bulk").on(NAS).mirror(NAS.disks(["D5", "D6"])));
    let run = bench.deploy(elsewhere()).await;
    assert!(run.is_success(), "{}", run.story());
    assert!(bench.world.inventory().contains("exported pool bulk"));
}

#[tokio::test(start_paused = true)]
async fn one_that_somebody_else_marked_meanwhile_is_put_back() {
    let bench = bench();
    assert!(bench.deploy(home()).await.is_success());
    let guid = guid(&bench).await;
    assert!(bench.clear(home()).await.is_success());
    call(&bench.world, "pool.import_pool", vec![json!({"guid": guid.to_string()})]).await;
    let theirs = json!({"user_properties_update": [{"key": "homelab:mark", "value": "office truenas/pool/nas/bulk"}]});
    call(&bench.world, "pool.dataset.update", vec![json!("bulk"), theirs]).await;
    let pools = call(&bench.world, "pool.query", vec![]).await;
    call(&bench.world, "pool.export", vec![pools[0]["id"].clone(), json!({})]).await;
    let run = bench.deploy(home()).await;
    assert!(
        run.story().contains("belongs to truenas/pool/nas/bulk of lab `office` by now: it is exported again"),
        "{}",
        run.story()
    );
    assert!(bench.world.inventory().contains("exported pool bulk"));
}

#[tokio::test(start_paused = true)]
async fn an_encrypted_pool_and_what_is_encrypted_in_it_are_unlocked() {
    let mut bench = Bench::new(SimNas::new(NAS, shelf().disk(DiskSpec::new("X", TB))));
    let key = "0123456789abcdef".repeat(4);
    bench.secrets = Secrets::none().and(Env::from_pairs([("POOL_KEY", key.as_str())]));
    let lab = || {
        let mut lab = Lab::named("home");
        let pool = Pool::named("bulk").on(NAS).mirror(NAS.disks(["D1", "D2"])).encrypted(Encryption::key(KEY));
        let pool = lab.add(pool);
        lab.add(Dataset::of(pool, "private").encrypted(Encryption::key(KEY)));
        lab
    };
    let run = bench.deploy(lab()).await;
    assert!(run.is_success(), "{}", run.story());
    assert!(bench.clear(lab()).await.is_success());
    let run = bench.deploy(lab()).await;
    assert!(run.is_success(), "{}", run.story());
    assert!(planned(&bench, lab()).await.is_noop());
    for dataset in ["bulk", "bulk/private"] {
        let rows = call(&bench.world, "pool.dataset.query", vec![json!([["id", "=", dataset]])]).await;
        assert_eq!((&rows[0]["encrypted"], &rows[0]["locked"]), (&json!(true), &json!(false)), "{dataset}");
    }
}
