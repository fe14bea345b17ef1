//! Shares, users, services: what clients are given.
use crate::world::{NAS, bench, call, shelf, with_dataset};
use homelab_core::{
    Lab, Secret, Secrets,
    env::Env,
    plan::{Goal, Wishes},
    testing::{Bench, World as _},
    units::{Network, SizeUnits},
};
use homelab_truenas::{
    Dataset, NfsShare, Pool, SmbShare,
    resource::{Day, Group, Schedule, ScrubTask, Service, StorageNetwork, User, csi},
    testing::SimNas,
    topology::NasDisks,
};
use serde_json::json;

const STORAGE: StorageNetwork = StorageNetwork::of(Network::new("storage", [10, 10, 10, 0], 24).vlan(10));
const LAN: Network = Network::new("LAN", [192, 168, 0, 0], 24).gateway(1);
const PASSWORD: Secret = Secret::named("NAS_PASSWORD");

fn nfs() -> Lab {
    with_dataset(|lab, media| lab.add(NfsShare::of(media).for_network(STORAGE).at(STORAGE.host(13))))
}

#[tokio::test(start_paused = true)]
async fn a_share_starts_its_service() {
    let bench = bench();
    let run = bench.deploy(nfs()).await;
    assert!(run.is_success(), "{}", run.story());
    assert!(bench.world.inventory().contains(r#"service "nfs" is "RUNNING""#));
    // Somebody stops it: that is a difference, and is put right.
    call(&bench.world, "service.control", vec![json!("STOP"), json!("nfs")]).await;
    let plan = bench.plan(nfs(), &Wishes::new(Goal::Deploy)).await;
    assert!(plan.to_string().contains("served: false -> true"), "{plan}");
    assert!(bench.deploy(nfs()).await.is_success());
    assert!(bench.plan(nfs(), &Wishes::new(Goal::Deploy)).await.is_noop());
}

#[tokio::test(start_paused = true)]
async fn a_share_s_address_feeds_whoever_mounts_it() {
    let bench = bench();
    // Any text will do: a cron job that names the address waits for the share, and has it once it is known.
    let lab = || {
        with_dataset(|lab, media| {
            let share = lab.add(NfsShare::of(media).for_network(STORAGE).at(STORAGE.host(13)));
            lab.add(User::named("client", 3001).on(NAS).home_in(media).authorized_key(share.address()));
        })
    };
    let run = bench.deploy(lab()).await;
    assert!(run.is_success(), "{}", run.story());
    assert!(bench.world.inventory().contains("10.10.10.13:/mnt/bulk/media"), "{}", bench.world.inventory());
}

#[tokio::test(start_paused = true)]
async fn a_time_machine_share_has_its_quota_and_its_purpose_and_no_old_fields() {
    let bench = bench();
    let lab = || with_dataset(|lab, media| lab.add(SmbShare::of(media).named("Time Machine").time_machine(500.gib())));
    let run = bench.deploy(lab()).await;
    assert!(run.is_success(), "{}", run.story());
    let made = bench.world.requests().into_iter().find(|call| call.method == "sharing.smb.create").expect("it is made");
    assert_eq!(made.params[0]["options"], json!({"purpose": "TIMEMACHINE_SHARE", "timemachine_quota": 500_u64 << 30}));
    for old in ["guestok", "timemachine", "auxsmbconf", "ro", "abe"] {
        assert!(made.params[0].get(old).is_none(), "{old} is dropped by the NAS without a word");
    }
    assert!(bench.plan(lab(), &Wishes::new(Goal::Deploy)).await.is_noop());
}

#[tokio::test(start_paused = true)]
async fn on_25_04_a_time_machine_share_has_the_fields_of_that_release() {
    let bench = Bench::new(SimNas::new(NAS, shelf().release("25.04.2")));
    let lab = || with_dataset(|lab, media| lab.add(SmbShare::of(media).named("Time Machine").time_machine(500.gib())));
    let run = bench.deploy(lab()).await;
    assert!(run.is_success(), "{}", run.story());
    let made = bench.world.requests().into_iter().find(|call| call.method == "sharing.smb.create").expect("it is made");
    let sent = |name: &str| made.params[0].get(name).cloned();
    assert_eq!(sent("purpose"), Some(json!("TIMEMACHINE")));
    assert_eq!(sent("timemachine_quota"), Some(json!(500_u64 << 30)));
    assert_eq!((sent("options"), sent("readonly"), sent("ro")), (None, None, Some(json!(false))));
    assert!(bench.plan(lab(), &Wishes::new(Goal::Deploy)).await.is_noop());
}

#[tokio::test(start_paused = true)]
async fn what_25_04_cannot_set_of_an_smb_share_is_refused_when_it_is_planned() {
    let bench = Bench::new(SimNas::new(NAS, shelf().release("25.04.2")));
    let lab = with_dataset(|lab, media| lab.add(SmbShare::of(media).named("Papers").time_locked(900)));
    let plan = bench.plan(lab, &Wishes::new(Goal::Deploy)).await;
    let refused: Vec<String> = plan.refusals().iter().map(|(_, note)| note.text.clone()).collect();
    assert!(refused.iter().any(|text| text.contains("before 25.10")), "{refused:?}");
}

#[tokio::test(start_paused = true)]
async fn users_are_put_into_groups_by_their_rows_and_have_numbers_of_their_own() {
    let mut bench = bench();
    bench.secrets = Secrets::none().and(Env::from_pairs([("NAS_PASSWORD", "correct horse battery")]));
    let lab = |smb: bool| {
        let mut lab = Lab::named("home");
        let media = lab.add(Group::named("media", 3001).on(NAS));
        let user = User::named("jellyfin", 3002).on(NAS).group(media).password(PASSWORD);
        lab.add(if smb { user.smb() } else { user });
        lab
    };
    let run = bench.deploy(lab(true)).await;
    assert!(run.is_success(), "{}", run.story());
    assert!(bench.plan(lab(true), &Wishes::new(Goal::Deploy)).await.is_noop());
    let made = bench.world.requests().into_iter().find(|call| call.method == "user.create").expect("it is made");
    assert_eq!((&made.params[0]["uid"], &made.params[0]["smb"]), (&json!(3002), &json!(true)));
    assert_ne!(made.params[0]["group"], json!(3001), "a group goes by its row and not by its number");
}

#[tokio::test(start_paused = true)]
async fn the_scrub_that_came_with_the_pool_is_taken_over_and_given_back() {
    let bench = bench();
    let pool = |scrub: bool| {
        let mut lab = Lab::named("home");
        let bulk = lab.add(Pool::named("bulk").on(NAS).mirror(NAS.disks(["D1", "D2"])));
        if scrub {
            lab.add(ScrubTask::of(bulk, Schedule::weekly(Day::Saturday, 4, 0)));
        }
        lab
    };
    let run = bench.deploy(pool(true)).await;
    assert!(run.is_success(), "{}", run.story());
    assert!(bench.plan(pool(true), &Wishes::new(Goal::Deploy)).await.is_noop());
    let scrubs = call(&bench.world, "pool.scrub.query", vec![]).await;
    assert_eq!((scrubs.as_array().map(Vec::len), &scrubs[0]["schedule"]["dow"]), (Some(1), &json!("6")));
    let run = bench.deploy(pool(false)).await;
    assert!(run.is_success(), "{}", run.story());
    let scrubs = call(&bench.world, "pool.scrub.query", vec![]).await;
    assert_eq!((&scrubs[0]["schedule"]["dow"], &scrubs[0]["description"]), (&json!("7"), &json!("")));
}

#[tokio::test(start_paused = true)]
async fn a_service_that_runs_already_is_not_taken_over_silently() {
    let bench = bench();
    call(&bench.world, "service.update", vec![json!("ssh"), json!({"enable": true})]).await;
    call(&bench.world, "service.control", vec![json!("START"), json!("ssh")]).await;
    let lab = || {
        let mut lab = Lab::named("home");
        lab.add(Service::ssh().on(NAS));
        lab
    };
    let plan = bench.plan(lab(), &Wishes::new(Goal::Deploy)).await;
    assert!(plan.to_string().contains("was not made by this lab"), "{plan}");
}

#[tokio::test(start_paused = true)]
async fn a_share_of_a_dataset_that_is_gone_says_so() {
    let bench = bench();
    assert!(bench.deploy(nfs()).await.is_success());
    call(&bench.world, "pool.dataset.delete", vec![json!("bulk/media"), json!({"recursive": true})]).await;
    // The NAS has deleted the share first; both are made again.
    let run = bench.deploy(nfs()).await;
    assert!(run.is_success(), "{}", run.story());
}

#[test]
#[should_panic(expected = "is on none of the networks that this share is for")]
fn a_storage_share_is_not_found_at_an_address_of_the_lan() {
    let _ = with_dataset(|lab, media| lab.add(NfsShare::of(media).for_network(STORAGE).at(LAN.host(13))));
}

#[test]
fn a_share_for_the_lan_says_so() {
    let lab = with_dataset(|lab: &mut Lab, media: homelab_core::Handle<Dataset>| {
        lab.add(NfsShare::of(media).open_to(LAN).at(LAN.host(13)));
    });
    assert!(lab.build().is_ok());
}

#[tokio::test(start_paused = true)]
async fn the_values_of_democratic_csi_come_from_the_lab() {
    let bench = bench();
    let lab = || {
        with_dataset(|lab, media| {
            let volumes = lab.add(Dataset::of(media, "volumes"));
            let snapshots = lab.add(Dataset::of(media, "snapshots"));
            let values = csi::nfs_values("nfs", STORAGE.host(13), STORAGE, volumes, snapshots);
            // Any resource that takes text will do: the values are written down once the datasets are known.
            lab.add(User::named("values", 3001).on(NAS).home_in(media).authorized_key(values));
        })
    };
    let run = bench.deploy(lab()).await;
    assert!(run.is_success(), "{}", run.story());
    let made = bench.world.requests().into_iter().find(|call| call.method == "user.create").expect("it is made");
    insta::assert_snapshot!(made.params[0]["sshpubkey"].as_str().unwrap_or_default());
}
