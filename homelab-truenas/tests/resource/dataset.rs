//! Datasets and volumes: three-valued properties, protection, what goes with them.
use crate::world::{NAS, bench, with_dataset, with_pool};
use homelab_core::{
    Field, Lab,
    plan::{Goal, Wishes},
    testing::World as _,
    units::{Network, SizeUnits},
};
use homelab_truenas::{
    Dataset, NfsShare,
    resource::{Compression, Keep, Preset, Schedule, SnapshotTask, StorageNetwork, Zvol},
    sim::World,
};

const STORAGE: StorageNetwork = StorageNetwork::of(Network::new("storage", [10, 10, 10, 0], 24).vlan(10));

fn one(dataset: impl Fn(Dataset) -> Dataset) -> impl Fn() -> Lab {
    move || with_pool(|lab, bulk| lab.add(dataset(Dataset::of(bulk, "media"))))
}

#[tokio::test(start_paused = true)]
async fn a_property_is_set_inherited_or_left_alone() {
    let bench = bench();
    let set = one(|d| d.preset(Preset::Media).quota(100.gib()).comments("films"));
    assert!(bench.deploy(set()).await.is_success());
    // What is not declared any more stays, and is no difference.
    let unmanaged = one(|d| d);
    assert!(bench.plan(unmanaged(), &Wishes::new(Goal::Deploy)).await.is_noop());
    let inherited = one(|d| d.inherit("recordsize").quota(Field::Cleared));
    let plan = bench.plan(inherited(), &Wishes::new(Goal::Deploy)).await;
    assert!(plan.to_string().contains("properties.recordsize: 1M -> INHERIT"), "{plan}");
    let run = bench.deploy(inherited()).await;
    assert!(run.is_success(), "{}", run.story());
    assert!(bench.plan(inherited(), &Wishes::new(Goal::Deploy)).await.is_noop());
    let sent: Vec<_> = bench
        .world
        .requests()
        .into_iter()
        .filter(|c| c.method == "pool.dataset.update" && c.params[0] == "bulk/media")
        .collect();
    assert_eq!(sent.len(), 1);
    // A quota takes no INHERIT: nothing is zero (truenas-notes section 7).
    assert_eq!(sent[0].params[1], serde_json::json!({"recordsize": "INHERIT", "quota": 0}));
}

#[tokio::test(start_paused = true)]
async fn comments_are_emptied_and_never_become_the_word_inherit() {
    let bench = bench();
    assert!(bench.deploy(one(|d| d.comments("films"))()).await.is_success());
    let run = bench.deploy(one(|d| d.comments(""))()).await;
    assert!(run.is_success() || run.story().contains("comments"), "{}", run.story());
    assert!(!bench.world.inventory().contains("INHERIT"));
}

#[tokio::test(start_paused = true)]
async fn a_plan_that_deletes_a_dataset_names_what_goes_with_it() {
    let bench = bench();
    let full = || {
        with_dataset(|lab, media| {
            lab.add(NfsShare::of(media).for_network(STORAGE));
            lab.add(SnapshotTask::of(media, Schedule::daily(3, 0), Keep::weeks(2)));
        })
    };
    let run = bench.deploy(full()).await;
    assert!(run.is_success(), "{}", run.story());
    let mounted =
        |world: World| world.mounted("10.10.10.20", "/mnt/bulk/media").mounted("10.10.10.21", "/mnt/bulk/other");
    bench.world.sim().change(mounted).expect("it is in memory");
    let plan = bench.plan(with_pool(|_, _| ()), &Wishes::new(Goal::Deploy)).await;
    let text = plan.to_string();
    for named in
        ["NFS share /mnt/bulk/media", "snapshot task of bulk/media", "the mount of /mnt/bulk/media by 10.10.10.20"]
    {
        assert!(text.contains(named), "{named}: {text}");
    }
    assert!(!text.contains("10.10.10.21"), "{text}");
    assert!(!plan.refusals().is_empty(), "{text}");
}

#[tokio::test(start_paused = true)]
async fn a_plan_that_gives_a_dataset_its_name_back_names_what_breaks() {
    let bench = bench();
    let full = || with_dataset(|lab, media| lab.add(NfsShare::of(media).for_network(STORAGE)));
    assert!(bench.deploy(full()).await.is_success());
    // By hand, with a share at the new place.
    let call = crate::world::call;
    call(&bench.world, "pool.dataset.rename", vec!["bulk/media".into(), serde_json::json!({"new_name": "bulk/films"})])
        .await;
    let share = serde_json::json!({"path": "/mnt/bulk/films", "networks": ["10.10.11.0/24"]});
    call(&bench.world, "sharing.nfs.create", vec![share]).await;
    bench.world.sim().change(|world| world.mounted("10.10.11.20", "/mnt/bulk/films")).expect("it is in memory");
    let plan = bench.plan(full(), &Wishes::new(Goal::Deploy)).await;
    let text = plan.to_string();
    for named in [
        "dataset: bulk/films -> bulk/media",
        "NFS share /mnt/bulk/films goes with it",
        "the mount of /mnt/bulk/films by 10.10.11.20 breaks",
    ] {
        assert!(text.contains(named), "{named}: {text}");
    }
    // And it is not done while somebody uses it.
    let run = bench.deploy(full()).await;
    assert!(run.story().contains("it is used by NFS share /mnt/bulk/films"), "{}", run.story());
}

#[tokio::test(start_paused = true)]
async fn a_plan_that_lets_go_of_a_pool_names_what_is_turned_off_with_it() {
    let bench = bench();
    let full = || with_dataset(|lab, media| lab.add(NfsShare::of(media).for_network(STORAGE)));
    assert!(bench.deploy(full()).await.is_success());
    let plan = bench.plan(full(), &Wishes::new(Goal::Destroy)).await;
    assert!(plan.to_string().contains("NFS share /mnt/bulk/media is turned off with it"), "{plan}");
}

#[tokio::test(start_paused = true)]
async fn a_dataset_that_is_allowed_to_go_goes_alone_and_never_recursively() {
    let bench = bench();
    assert!(bench.deploy(one(|d| d)()).await.is_success());
    let mut wishes = Wishes::new(Goal::Deploy);
    wishes.allow_destroy.insert("truenas/dataset/nas/bulk/media".into());
    let run = bench.run(with_pool(|_, _| ()), &wishes).await;
    assert!(run.is_success(), "{}", run.story());
    let asked: Vec<_> = bench.world.requests().into_iter().filter(|c| c.method == "pool.dataset.delete").collect();
    assert_eq!((asked.len(), &asked[0].params[1]["recursive"]), (1, &serde_json::json!(false)));
    assert!(!bench.world.inventory().contains("dataset bulk/media"));
}

#[tokio::test(start_paused = true)]
async fn destroying_a_lab_exports_its_pools_and_deletes_no_dataset() {
    let bench = bench();
    assert!(bench.deploy(one(|d| d)()).await.is_success());
    let run = bench.clear(one(|d| d)()).await;
    assert!(run.is_success(), "{}", run.story());
    assert!(bench.world.inventory().contains("exported pool bulk"));
    assert!(!bench.world.log().iter().any(|method| method == "pool.dataset.delete"));
}

#[tokio::test(start_paused = true)]
async fn a_dataset_that_somebody_else_made_is_not_touched() {
    let bench = bench();
    assert!(bench.deploy(with_pool(|_, _| ())).await.is_success());
    crate::world::call(
        &bench.world,
        "pool.dataset.create",
        vec![serde_json::json!({"name": "bulk/media", "type": "FILESYSTEM"})],
    )
    .await;
    let plan = bench.plan(one(|d| d)(), &Wishes::new(Goal::Deploy)).await;
    assert!(plan.to_string().contains("was not made by this lab"), "{plan}");
    let mut wishes = Wishes::new(Goal::Deploy);
    wishes.adopt = true;
    let run = bench.run(one(|d| d)(), &wishes).await;
    assert!(run.is_success(), "{}", run.story());
    assert!(bench.plan(one(|d| d)(), &Wishes::new(Goal::Deploy)).await.is_noop());
}

#[tokio::test(start_paused = true)]
async fn datasets_lie_in_datasets() {
    let bench = bench();
    let lab = || {
        with_pool(|lab, bulk| {
            let media = lab.add(Dataset::of(bulk, "media").compression(Compression::Zstd(3)));
            let films = lab.add(Dataset::of(media, "films"));
            lab.add(Dataset::of(films, "old"));
        })
    };
    let run = bench.deploy(lab()).await;
    assert!(run.is_success(), "{}", run.story());
    assert!(bench.world.inventory().contains("dataset bulk/media/films/old"));
    assert!(bench.plan(lab(), &Wishes::new(Goal::Deploy)).await.is_noop());
}

#[tokio::test(start_paused = true)]
async fn a_volume_grows_and_never_shrinks() {
    let bench = bench();
    let of = |gib: u64| move || with_pool(|lab, bulk| lab.add(Zvol::of(bulk, "vm", gib.gib()).sparse()));
    assert!(bench.deploy(of(10)()).await.is_success());
    let run = bench.deploy(of(20)()).await;
    assert!(run.is_success(), "{}", run.story());
    assert!(bench.plan(of(20)(), &Wishes::new(Goal::Deploy)).await.is_noop());
    let plan = bench.plan(of(10)(), &Wishes::new(Goal::Deploy)).await;
    assert!(plan.to_string().contains("a volume cannot shrink"), "{plan}");
}

#[test]
#[should_panic(expected = "is no name of a dataset")]
fn a_name_with_a_slash_is_two_datasets() {
    let _ = with_pool(|lab, bulk| lab.add(Dataset::of(bulk, "a/b")));
}

#[test]
fn two_pools_do_not_share_a_disk() {
    use homelab_truenas::{Pool, topology::NasDisks};
    let mut lab = Lab::named("home");
    lab.add(Pool::named("one").on(NAS).mirror(NAS.disks(["D1", "D2"])));
    lab.add(Pool::named("two").on(NAS).mirror(NAS.disks(["D2", "D3"])));
    let error = lab.build().err().expect("a disk is in two pools").to_string();
    assert!(error.contains("disk D2"), "{error}");
}
