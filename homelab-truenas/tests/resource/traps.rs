//! Traps of the API that are in no other file's way: what is sent, what is not, and what is refused before anything is.
use crate::world::{NAS, TB, bench, call, shelf, with_dataset, with_pool};
use homelab_core::{
    Lab, Secret, Secrets,
    env::Env,
    plan::{Goal, Plan, Wishes},
    testing::{Bench, World as _},
    units::{Network, SizeUnits},
};
use homelab_truenas::{
    Dataset, NfsShare, Pool, SmbShare,
    resource::{Chap, Encryption, Group, Permissions, SshConnection, SshKey, StorageNetwork, UpdateSettings, User},
    rpc::Call,
    sim::DiskSpec,
    testing::SimNas,
    topology::NasDisks,
};
use serde_json::{Value, json};

const STORAGE: StorageNetwork = StorageNetwork::of(Network::new("storage", [10, 10, 10, 0], 24).vlan(10));

fn site<T>(declare: impl FnOnce(&mut Lab) -> T) -> Lab {
    let mut lab = Lab::named("home");
    declare(&mut lab);
    lab
}

async fn planned(bench: &Bench<SimNas>, lab: Lab) -> Plan {
    bench.plan(lab, &Wishes::new(Goal::Deploy)).await
}

fn refusals(plan: &Plan) -> Vec<String> {
    plan.refusals().iter().map(|(_, note)| note.text.clone()).collect()
}

fn sent(bench: &Bench<SimNas>, method: &str) -> Vec<Call> {
    bench.world.requests().into_iter().filter(|call| call.method == method).collect()
}

#[tokio::test(start_paused = true)]
async fn a_pool_needs_nothing_after_its_disks_have_got_other_names() {
    let bench = bench();
    let lab = || with_pool(|_, _| ());
    assert!(bench.deploy(lab()).await.is_success());
    let named =
        async || call(&bench.world, "disk.query", vec![json!([["serial", "=", "D1"]])]).await[0]["name"].clone();
    let before = named().await;
    bench.world.sim().reboot();
    assert_ne!(named().await, before);
    assert!(planned(&bench, lab()).await.is_noop());
}

#[tokio::test(start_paused = true)]
async fn a_disk_without_a_serial_number_or_in_another_pool_is_refused() {
    let bench = Bench::new(SimNas::new(NAS, shelf().disk(DiskSpec::virtual_disk(TB).slot(1, 4))));
    let lab = || site(|lab| lab.add(Pool::named("x").on(NAS).stripe_without_redundancy(NAS.slots(1, [4]))));
    let refused = refusals(&planned(&bench, lab()).await);
    assert_eq!(refused.len(), 1, "{refused:?}");
    assert!(refused[0].contains("has no serial number and could be another one after the next start"), "{refused:?}");
    assert!(bench.deploy(with_pool(|_, _| ())).await.is_success());
    let second = || with_pool(|lab, _| lab.add(Pool::named("y").on(NAS).mirror(NAS.disks(["D3", "D4"]))));
    assert!(bench.deploy(second()).await.is_success());
    let taken = || with_pool(|lab, _| lab.add(Pool::named("z").on(NAS).mirror(NAS.disks(["D4", "D5"]))));
    let refused = refusals(&planned(&bench, taken()).await);
    assert!(refused.iter().any(|text| text.contains("disk D4 (sde) is in pool y")), "{refused:?}");
}

#[tokio::test(start_paused = true)]
async fn a_single_disk_and_a_draid_are_read_back_as_they_were_declared() {
    for pool in [
        || Pool::named("s").on(NAS).stripe_without_redundancy(NAS.disks(["D1"])).cache(NAS.disks(["S1"])),
        || Pool::named("d").on(NAS).draid::<1, 2, 1, 5>(NAS.disks(["D1", "D2", "D3", "D4", "D5"])),
    ] {
        let (bench, lab) = (bench(), || site(|lab| lab.add(pool())));
        let run = bench.deploy(lab()).await;
        assert!(run.is_success(), "{}", run.story());
        let plan = planned(&bench, lab()).await;
        assert!(plan.is_noop(), "{plan}");
    }
}

#[test]
#[should_panic(expected = "the data vdevs of a pool are all of the same layout")]
fn a_pool_has_data_of_one_layout() {
    let _ = Pool::named("x").on(NAS).mirror(NAS.disks(["D1", "D2"])).raidz1(NAS.disks(["D3", "D4", "D5"]));
}

#[test]
#[should_panic(expected = "a pool has at most one row for log")]
fn a_pool_has_one_row_for_its_log() {
    let pool = Pool::named("x").on(NAS).mirror(NAS.disks(["D1", "D2"])).log_mirror(NAS.disks(["S1", "S2"]));
    let [more] = NAS.disks(["S3"]);
    let _ = pool.log(more);
}

#[tokio::test(start_paused = true)]
async fn a_dataset_is_made_with_its_type_and_without_a_type_of_share() {
    let bench = bench();
    assert!(bench.deploy(with_dataset(|_, _| ())).await.is_success());
    for call in sent(&bench, "pool.dataset.create") {
        assert_eq!((&call.params[0]["type"], call.params[0].get("share_type")), (&json!("FILESYSTEM"), None));
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_set_when_a_dataset_is_made_is_not_changed_later() {
    let bench = bench();
    let lab = |sensitive: bool| with_pool(|lab, bulk| lab.add(Dataset::of(bulk, "m").case_sensitive(sensitive)));
    assert!(bench.deploy(lab(true)).await.is_success());
    let refused = refusals(&planned(&bench, lab(false)).await);
    assert_eq!(refused, ["case_sensitive is set when a dataset is made and cannot be changed"]);
}

#[tokio::test(start_paused = true)]
async fn a_child_that_the_nas_does_not_list_keeps_its_dataset() {
    let bench = bench();
    assert!(bench.deploy(with_dataset(|_, _| ())).await.is_success());
    call(&bench.world, "pool.dataset.create", vec![json!({"name": "bulk/media/ix-apps"})]).await;
    let mut wishes = Wishes::new(Goal::Deploy);
    wishes.allow_destroy.insert("truenas/dataset/nas/bulk/media".into());
    let run = bench.run(with_pool(|_, _| ()), &wishes).await;
    assert!(!run.is_success() && run.story().contains("has children"), "{}", run.story());
    assert!(bench.world.inventory().contains("dataset bulk/media"));
}

#[test]
#[should_panic(expected = "root is mapped already")]
fn a_share_maps_root_or_everybody() {
    let _ = with_dataset(|lab, media| {
        lab.add(NfsShare::of(media).for_network(STORAGE).root_is("root", "root").everybody_is("a", "a"));
    });
}

#[test]
fn two_smb_shares_have_no_names_that_differ_in_their_letters_alone() {
    let lab = with_dataset(|lab, media| {
        lab.add(SmbShare::of(media).named("Media"));
        lab.add(SmbShare::of(media).named("MEDIA"));
    });
    let problems = lab.build().err().expect("SMB sees no difference").to_string();
    assert!(problems.contains("SMB share media"), "{problems}");
}

#[test]
#[should_panic(expected = "SMB needs a password")]
fn a_user_of_smb_has_a_password_when_he_is_made() {
    let _ = User::named("anna", 3001).on(NAS).smb();
}

#[test]
#[should_panic(expected = "keys lie in the home")]
fn a_user_without_a_home_has_no_keys() {
    let _ = User::named("anna", 3001).on(NAS).authorized_key("ssh-ed25519 AAAA".to_owned());
}

#[tokio::test(start_paused = true)]
async fn an_account_that_the_system_brought_is_never_taken_for_ours() {
    let bench = bench();
    let lab = || site(|lab| lab.add(Group::named("builtin_users", 3005).on(NAS)));
    assert!(!bench.deploy(lab()).await.is_success());
    let mut wishes = Wishes::new(Goal::Deploy);
    wishes.adopt = true;
    assert!(!bench.run(lab(), &wishes).await.is_success());
    assert!(sent(&bench, "group.update").is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_group_goes_without_its_users() {
    let bench = bench();
    assert!(bench.deploy(site(|lab| lab.add(Group::named("media", 3001).on(NAS)))).await.is_success());
    assert!(bench.deploy(site(|_| ())).await.is_success());
    let asked = sent(&bench, "group.delete");
    assert_eq!((asked.len(), &asked[0].params[1]), (1, &json!({"delete_users": false})));
}

#[tokio::test(start_paused = true)]
async fn permissions_are_set_on_the_directory_alone() {
    let bench = bench();
    let lab = with_dataset(|lab, media| lab.add(Permissions::of(media).mode(0o770)));
    assert!(bench.deploy(lab).await.is_success());
    let asked: Vec<Call> =
        bench.world.requests().into_iter().filter(|call| call.method.starts_with("filesystem.set")).collect();
    assert!(!asked.is_empty());
    for call in asked {
        let recursive = call.params[0].pointer("/options/recursive").cloned().unwrap_or(Value::Bool(false));
        assert_eq!(recursive, json!(false), "{call:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_moves_is_sent_with_all_its_attributes() {
    let bench = bench();
    let lab = |last: u32| {
        site(|lab| {
            let key = lab.add(SshKey::named("k").on(NAS));
            let link = SshConnection::named("far").from(key, "root", STORAGE.host(last), "ssh-ed25519 AAAA".to_owned());
            lab.add(link);
        })
    };
    assert!(bench.deploy(lab(14)).await.is_success());
    let run = bench.deploy(lab(15)).await;
    assert!(run.is_success(), "{}", run.story());
    let asked = sent(&bench, "keychaincredential.update");
    let attributes = asked[0].params[1]["attributes"].as_object().expect("they are sent").clone();
    assert_eq!(attributes["host"], "10.10.10.15");
    for name in ["port", "username", "private_key", "remote_host_key", "connect_timeout"] {
        assert!(attributes.contains_key(name), "{name}");
    }
    assert!(planned(&bench, lab(15)).await.is_noop());
}

#[tokio::test(start_paused = true)]
async fn a_secret_of_chap_that_is_too_long_or_too_short_is_refused_when_it_is_planned() {
    const SECRET: Secret = Secret::named("CHAP_SECRET");
    let lab = || site(|lab| lab.add(Chap::user("din").on(NAS, 7, SECRET)));
    for (value, want) in [
        ("too short", Some("CHAP_SECRET has 9 characters, and a login of iSCSI has 12 to 16")),
        ("seventeen letters", Some("CHAP_SECRET has 17 characters, and a login of iSCSI has 12 to 16")),
        (" blank before", Some("CHAP_SECRET begins or ends with a blank, which a login of iSCSI cannot")),
        ("twelve to 16", None),
    ] {
        let mut bench = bench();
        bench.secrets = Secrets::none().and(Env::from_pairs([("CHAP_SECRET", value)]));
        let plan = planned(&bench, lab()).await;
        assert_eq!(refusals(&plan), Vec::from_iter(want), "{plan}");
        assert_eq!(bench.deploy(lab()).await.is_success(), want.is_none());
    }
}

#[tokio::test(start_paused = true)]
async fn a_passphrase_or_key_that_the_nas_would_not_take_is_told_before_it_is_sent() {
    const SECRET: Secret = Secret::named("POOL_KEY");
    for (encryption, value, want) in [
        (Encryption::passphrase(SECRET), "short", "the passphrase is shorter than 8 characters"),
        (Encryption::key(SECRET), "no digits of a key", "the encryption key is not 64 hexadecimal digits"),
    ] {
        let mut bench = bench();
        bench.secrets = Secrets::none().and(Env::from_pairs([("POOL_KEY", value)]));
        let lab = with_pool(|lab, bulk| lab.add(Dataset::of(bulk, "private").encrypted(encryption)));
        let run = bench.deploy(lab).await;
        assert!(run.story().contains(want), "{}", run.story());
        assert_eq!(sent(&bench, "pool.dataset.create").len(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn on_25_04_the_switch_of_updates_is_set_and_nothing_is_ever_updated() {
    let bench = Bench::new(SimNas::new(NAS, shelf().release("25.04.2")));
    let lab = || site(|lab| lab.add(UpdateSettings::by_hand(NAS)));
    let run = bench.deploy(lab()).await;
    assert!(run.is_success(), "{}", run.story());
    assert_eq!(sent(&bench, "update.set_auto_download")[0].params, [json!(false)]);
    assert!(planned(&bench, lab()).await.is_noop());
    assert!(bench.deploy(site(|_| ())).await.is_success());
    assert_eq!(sent(&bench, "update.set_auto_download")[1].params, [json!(true)]);
    assert!(!bench.world.log().iter().any(|method| method == "update.update"), "there this is the update itself");
}

#[test]
#[should_panic(expected = "the NAS takes no quota below 1 GiB")]
fn a_quota_is_as_large_as_the_nas_takes_it_at_least() {
    let _ = with_pool(|lab, bulk| lab.add(Dataset::of(bulk, "m").quota(512.mib())));
}
