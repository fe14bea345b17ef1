//! Replication between two NAS.
use crate::world::{NAS, TB, shelf};
use homelab_core::{
    Lab, Providers, Site,
    plan::{Goal, Wishes},
    testing::{Bench, Fault, Traffic, World as _},
    units::Network,
};
use homelab_truenas::{
    Dataset, Nas, Pool,
    resource::{Keep, Replication, Schedule, Service, SnapshotTask, SshConnection, SshKey, User},
    sim::DiskSpec,
    testing::SimNas,
    topology::NasDisks,
};
use serde_json::json;

const BACKUP: Site<Nas> = Site::named("backup");
const STORAGE: Network = Network::new("storage", [10, 10, 10, 0], 24).vlan(10);

/// Two NAS.
struct Two(SimNas, SimNas);

impl homelab_core::testing::World for Two {
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

fn lab() -> Lab {
    let mut lab = Lab::named("home");
    let fast = lab.add(Pool::named("fast").on(NAS).mirror(NAS.disks(["D1", "D2"])));
    let databases = lab.add(Dataset::of(fast, "databases"));
    let hourly = lab.add(SnapshotTask::of(databases, Schedule::hourly(0), Keep::days(2)));
    let tank = lab.add(Pool::named("tank").on(BACKUP).mirror(BACKUP.disks(["D3", "D4"])));
    let home = lab.add(Dataset::of(tank, "homes"));
    let ssh = lab.add(Service::ssh().on(BACKUP));
    let key = lab.add(SshKey::named("replication").on(NAS));
    let user = User::named("replicator", 3999).on(BACKUP).home_in(home).authorized_key(key.public_key());
    lab.add(user.sudo_without_password(["/usr/sbin/zfs"]));
    let link = lab.add(SshConnection::named("backup").from(key, "replicator", STORAGE.host(14), ssh.host_key()));
    lab.add(Replication::named("databases").of(databases, hourly).to(link, tank).keep(Keep::months(3)).sudo());
    lab
}

fn bench() -> Bench<Two> {
    let primary = SimNas::new(NAS, shelf());
    let backup = SimNas::new(BACKUP, shelf()).counted_with(primary.traffic());
    Bench::new(Two(primary, backup))
}

#[tokio::test(start_paused = true)]
async fn keys_are_made_on_one_side_and_trusted_on_the_other_over_the_chosen_network() {
    let bench = bench();
    let run = bench.deploy(lab()).await;
    assert!(run.is_success(), "{}", run.story());
    assert!(bench.plan(lab(), &Wishes::new(Goal::Deploy)).await.is_noop());
    let made =
        |nas: &SimNas, method: &str| nas.requests().into_iter().filter(|c| c.method == method).collect::<Vec<_>>();
    let links = made(&bench.world.0, "keychaincredential.create");
    let link = links.iter().find(|call| call.params[0]["type"] == "SSH_CREDENTIALS").expect("a connection is made");
    assert_eq!(link.params[0]["attributes"]["host"], "10.10.10.14");
    assert!(
        link.params[0]["attributes"]["remote_host_key"].as_str().is_some_and(|key| key.starts_with("ssh-ed25519 "))
    );
    let user = &made(&bench.world.1, "user.create")[0].params[0];
    assert!(user["sshpubkey"].as_str().is_some_and(|key| key.starts_with("ssh-")), "{user}");
    let task = &made(&bench.world.0, "replication.create")[0].params[0];
    assert_eq!(
        (&task["target_dataset"], &task["allow_from_scratch"], &task["retention_policy"]),
        (&json!("tank/databases"), &json!(false), &json!("CUSTOM"))
    );
}

#[tokio::test(start_paused = true)]
async fn the_private_key_is_never_in_a_plan_or_in_the_state() {
    let bench = bench();
    assert!(bench.deploy(lab()).await.is_success());
    for entry in std::fs::read_dir(bench.state()).expect("the state is there").flatten() {
        let text = String::from_utf8_lossy(&std::fs::read(entry.path()).expect("it is readable")).into_owned();
        assert!(!text.contains("PRIVATE KEY"), "{:?}", entry.path());
    }
}

#[tokio::test(start_paused = true)]
async fn a_lost_reply_or_a_kill_anywhere_in_the_chain_leaves_one_of_each() {
    let calm = bench();
    assert!(calm.deploy(lab()).await.is_success());
    let wanted = calm.world.inventory().lines().count();
    let calls = calm.world.calls();
    for fault in Fault::ALL {
        for call in (0..calls).step_by(5) {
            let bench = bench();
            bench.world.fail(call, fault);
            bench.deploy(lab()).await;
            bench.world.heal();
            let run = bench.deploy(lab()).await;
            assert!(run.is_success(), "{fault} at call {call}: {}", run.story());
            assert!(bench.plan(lab(), &Wishes::new(Goal::Deploy)).await.is_noop(), "{fault} at call {call}");
            assert_eq!(bench.world.inventory().lines().count(), wanted, "{fault} at call {call}");
        }
    }
}

#[test]
#[should_panic(expected = "which has to dial")]
fn the_nas_with_the_data_dials() {
    let mut lab = Lab::named("home");
    let fast = lab.add(Pool::named("fast").on(NAS).mirror(NAS.disks(["D1", "D2"])));
    let tank = lab.add(Pool::named("tank").on(BACKUP).mirror(BACKUP.disks(["D3", "D4"])));
    let task = lab.add(SnapshotTask::of(fast, Schedule::daily(1, 0), Keep::days(7)));
    let key = lab.add(SshKey::named("replication").on(BACKUP));
    let link = lab.add(SshConnection::named("back").from(key, "root", STORAGE.host(13), "ssh-ed25519 AAAA".to_owned()));
    lab.add(Replication::named("fast").of(fast, task).to(link, tank));
}

#[tokio::test(start_paused = true)]
async fn a_target_that_cannot_hold_the_source_is_refused_by_name_when_it_is_planned() {
    let bench = bench();
    assert!(bench.deploy(lab()).await.is_success());
    let rows = crate::world::call(&bench.world.0, "replication.query", vec![]).await;
    crate::world::call(&bench.world.0, "replication.delete", vec![rows[0]["id"].clone()]).await;
    // The pool at the far end has almost 8 TB.
    bench.world.0.sim().change(|world| world.content("fast/databases", 5 * TB)).expect("it is in memory");
    bench.world.1.sim().change(|world| world.content("tank/homes", 4 * TB)).expect("it is in memory");
    let plan = bench.plan(lab(), &Wishes::new(Goal::Deploy)).await;
    let refused = plan.refusals().iter().map(|(_, note)| note.text.clone()).collect::<Vec<_>>();
    assert_eq!(
        refused,
        ["replication databases: the source holds 4.5 TiB, and at its target only 3.5 TiB are free"],
        "{plan}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_target_that_is_made_in_the_same_run_is_asked_before_the_task_is_made() {
    let bench = bench();
    let small = || {
        let mut lab = Lab::named("home");
        let fast = lab.add(Pool::named("fast").on(NAS).mirror(NAS.disks(["D1", "D2"])));
        lab.add(Dataset::of(fast, "databases"));
        lab
    };
    assert!(bench.deploy(small()).await.is_success());
    bench.world.0.sim().change(|world| world.content("fast/databases", 7 * TB)).expect("it is in memory");
    let narrow = |world: homelab_truenas::sim::World| {
        ["D3", "D4"]
            .iter()
            .fold(world, |world, disk| world.pull(disk))
            .disk(DiskSpec::new("D3", TB))
            .disk(DiskSpec::new("D4", TB))
    };
    bench.world.1.sim().change(narrow).expect("it is in memory");
    let run = bench.deploy(lab()).await;
    assert!(
        run.story().contains("replication databases: the source holds 6.4 TiB, and at its target only"),
        "{}",
        run.story()
    );
    assert!(!bench.world.0.log().iter().any(|method| method == "replication.create"));
}

#[tokio::test(start_paused = true)]
async fn a_target_that_does_not_answer_is_told_where_the_task_is_looked_at() {
    let bench = bench();
    assert!(bench.deploy(lab()).await.is_success());
    bench.world.0.sim().change(|world| world.unreachable("10.10.10.14")).expect("it is in memory");
    let rows = crate::world::call(&bench.world.0, "replication.query", vec![]).await;
    crate::world::call(&bench.world.0, "replication.run", vec![rows[0]["id"].clone()]).await;
    tokio::time::sleep(std::time::Duration::from_secs(60)).await;
    let rows = crate::world::call(&bench.world.0, "replication.query", vec![]).await;
    assert!(bench.plan(lab(), &Wishes::new(Goal::Deploy)).await.is_noop(), "what a task did last is no difference");
    assert_eq!(rows[0]["state"]["error"], "ssh: connect to host 10.10.10.14 port 22: No route to host");
}
