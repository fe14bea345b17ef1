//! Containers and their templates as their author sees them.
use crate::fixture::{DIN, GROGU, KEY, LAN, PVE, STORAGE, bench, cluster, every, world};
use homelab_core::{
    Lab, Secret, Secrets,
    env::Env,
    plan::{Goal, Plan, Wishes},
    testing::{Bench, Fixture, World as _, conformance_every},
    units::{Size, SizeUnits, TimeUnits},
};
use homelab_proxmox::{
    Container, ContainerTemplate,
    resource::{Nested, Nic},
    sim::Image,
    testing::SimWorld,
};

type Docker = Container<Nested>;

const DEBIAN: &str = "debian-12-standard";

/// The container of the reference lab, under a number of its own, or another one.
fn lab(change: impl FnOnce(Docker) -> Docker) -> Lab {
    let mut lab = Lab::named("home");
    let debian = lab.add(ContainerTemplate::appliance(DEBIAN).on(DIN));
    let docker = Container::from_template(debian).on(DIN).id(202).named("docker").nesting();
    lab.add(change(docker.cores(2).memory(1.gib()).at(LAN.host(204)).authorized_keys([KEY]).tags(["debian"])));
    lab
}

async fn plan(bench: &Bench<SimWorld>, lab: Lab) -> Plan {
    bench.plan(lab, &Wishes::new(Goal::Deploy)).await
}

async fn must(bench: &Bench<SimWorld>, lab: Lab) {
    let run = bench.deploy(lab).await;
    assert!(run.is_success(), "{}", run.story());
}

#[tokio::test(start_paused = true)]
async fn a_container_takes_every_setting_and_converges_from_anywhere() {
    let live = || {
        lab(|ct| {
            let ct = ct
                .cores(4)
                .memory(2.gib())
                .swap(Size::ZERO)
                .root(12.gib())
                .tags(["web"])
                .notes("x")
                .start_on_boot(true);
            ct.startup(2, Some(30.seconds())).nic(Nic::at(STORAGE.host(204))).scratch_volume("/cache", 4.gib())
        })
    };
    let restart = || lab(|ct| ct.resolver(LAN.host(53).ip()).search_domain("lan").root_on("tank"));
    let off = || lab(Container::stopped);
    conformance_every(
        every(),
        &Fixture {
            world: &world,
            lab: &|| lab(|ct| ct),
            edits: &[("live", &live), ("with a restart", &restart), ("off", &off)],
        },
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_container_loses_what_is_declared_away_and_moves() {
    let base = || lab(|ct| ct.scratch_volume("/cache", 4.gib()).scratch_volume("/tmp", 1.gib()).notes("b").stopped());
    let less = || lab(|ct| ct.no_mount("/cache").scratch_volume("/tmp", 2.gib()).notes("").tags::<&str>([]).stopped());
    let moved = || {
        let mut lab = Lab::named("home");
        let debian = lab.add(ContainerTemplate::appliance(DEBIAN).on(GROGU));
        let docker =
            Container::from_template(debian).on(GROGU).id(202).named("docker").nesting().cores(2).memory(1.gib());
        let docker = docker.scratch_volume("/cache", 4.gib()).scratch_volume("/tmp", 1.gib()).notes("b").stopped();
        lab.add(docker.at(LAN.host(204)).authorized_keys([KEY]).tags(["debian"]));
        lab
    };
    conformance_every(every(), &Fixture { world: &world, lab: &base, edits: &[("less", &less), ("the node", &moved)] })
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_running_container_is_restarted_to_lose_a_volume_and_the_volume_goes() {
    let bench = bench();
    must(&bench, lab(|ct| ct.scratch_volume("/cache", 4.gib()))).await;
    let less = || lab(|ct| ct.no_mount("/cache"));
    let shown = plan(&bench, less()).await.to_string();
    assert!(shown.contains("reboot: it is shut down and started, for mounts./cache"), "{shown}");
    must(&bench, less()).await;
    assert!(!bench.world.inventory().contains("disk-1"), "{}", bench.world.inventory());
    assert!(plan(&bench, less()).await.is_noop());
}

#[tokio::test(start_paused = true)]
async fn a_template_is_the_newest_of_the_index_and_stays_until_the_newest_is_asked_for() {
    let bench = bench();
    let base = || {
        let mut lab = Lab::named("home");
        lab.add(ContainerTemplate::appliance(DEBIAN).on(DIN));
        lab
    };
    let fresh = || {
        let mut lab = Lab::named("home");
        lab.add(ContainerTemplate::appliance(DEBIAN).on(DIN).up_to_date());
        lab
    };
    must(&bench, base()).await;
    bench.world.sim().change(|world| world.with_appliance("debian-12-standard_12.13-1_amd64.tar.zst")).unwrap();
    assert!(plan(&bench, base()).await.is_noop());
    let shown = plan(&bench, fresh()).await.to_string();
    assert!(shown.contains("debian-12-standard_12.13-1_amd64.tar.zst is newer"), "{shown}");
    must(&bench, fresh()).await;
    let inventory = bench.world.inventory();
    assert!(inventory.contains("12.13-1") && !inventory.contains("12.12-1"), "{inventory}");
    conformance_every(every(), &Fixture { world: &world, lab: &base, edits: &[] }).await;
}

#[tokio::test(start_paused = true)]
async fn a_template_that_the_index_does_not_have_is_told_with_what_it_has() {
    let mut lab = Lab::named("home");
    lab.add(ContainerTemplate::appliance("debian-11-standard").on(DIN));
    let plan = plan(&bench(), lab).await;
    let (_, note) = plan.refusals()[0];
    assert_eq!(note.text, "the index of din has no template whose name begins with debian-11-standard");
    assert_eq!(note.hint.as_deref(), Some("there are debian-12-standard, debian-13-standard"));
}

#[tokio::test(start_paused = true)]
async fn a_template_that_is_not_what_its_checksum_says_is_refused_and_nothing_of_it_is_kept() {
    const URL: &str = "https://images.example.org/router_1.2_amd64.tar.xz";
    const SUM: &str = "0000000000000000000000000000000000000000000000000000000000000000\
                       0000000000000000000000000000000000000000000000000000000000000000";
    let broken = Image { checksums: vec![("sha512".to_owned(), "f".repeat(128))], ..Image::default() };
    let bench = Bench::new(SimWorld::new(PVE, cluster().with_image(URL, broken)));
    let lab = || {
        let mut lab = Lab::named("home");
        let router = lab.add(ContainerTemplate::from_url(URL, SUM).on(DIN));
        lab.add(Container::from_template(router).on(DIN).id(202).named("router"));
        lab
    };
    let run = bench.deploy(lab()).await;
    let story = run.story();
    assert!(!run.is_success(), "{story}");
    for part in ["proxmox/container-template/din/router_1.2_amd64", "checksum mismatch", SUM] {
        assert!(story.contains(part), "{story}");
    }
    assert_eq!(bench.world.inventory(), "", "neither the file nor a container of it");
    let right = Image { checksums: vec![("sha512".to_owned(), SUM.to_owned())], ..Image::default() };
    bench.world.sim().change(|world| world.with_image(URL, right)).unwrap();
    must(&bench, lab()).await;
}

#[tokio::test(start_paused = true)]
async fn a_volume_is_data_and_survives_a_plain_run_without_its_code() {
    let bench = bench();
    must(&bench, lab(|ct| ct.volume("/data", 100.gib()))).await;
    let refused =
        |plan: &Plan| plan.refusals().iter().map(|(_, note)| note.text.clone()).collect::<Vec<_>>().join("; ");
    let gone = plan(&bench, Lab::named("home")).await;
    assert!(refused(&gone).contains("it holds /data: 100 GiB on local-lvm"), "{gone}");
    let less = plan(&bench, lab(|ct| ct.no_mount("/data"))).await;
    assert!(refused(&less).contains("/data holds data: 100 GiB"), "{less}");
    let smaller = plan(&bench, lab(|ct| ct.volume("/data", 50.gib()))).await;
    assert!(refused(&smaller).contains("/data has 100 GiB and cannot shrink to 50 GiB"), "{smaller}");
    must(&bench, lab(|ct| ct.volume("/data", 200.gib()))).await;
    // A mount that stays in place has its place by its path, whatever is declared around it.
    must(&bench, lab(|ct| ct.volume("/data", 200.gib()).scratch_volume("/a", 1.gib()))).await;
    let inventory = bench.world.inventory();
    assert!(inventory.contains("mp0: local-lvm:vm-202-disk-1,mp=/data"), "{inventory}");
}

#[tokio::test(start_paused = true)]
async fn what_is_root_s_alone_is_refused_to_a_token_at_plan_and_done_by_root() {
    let with = || {
        lab(|ct| {
            let ct = ct.bind("/mnt/pve/storage", "/data").device("/dev/dri/renderD128", Some(104));
            ct.feature("keyctl")
        })
    };
    let plan = plan(&bench(), with()).await;
    let (_, note) = plan.refusals()[0];
    assert_eq!(
        note.text,
        "no API token may do this, whatever its rights: to mount its node's directory /mnt/pve/storage, and to give it its node's \
         device /dev/dri/renderD128, and to give it the feature keyctl"
    );
    assert!(note.hint.as_deref().unwrap_or_default().contains("PROXMOX_USERNAME=root@pam"));

    let bench = Bench::new(SimWorld::new(PVE, cluster()).as_root());
    must(&bench, with()).await;
    let inventory = bench.world.inventory();
    assert!(inventory.contains("mp0: /mnt/pve/storage,mp=/data"), "{inventory}");
    assert!(inventory.contains("dev0: /dev/dri/renderD128,gid=104"), "{inventory}");
    assert!(inventory.contains("features: keyctl=1,nesting=1"), "{inventory}");
    assert!(bench.plan(with(), &Wishes::new(Goal::Deploy)).await.is_noop());
    // A token that has nothing left to do there needs no leave.
    assert!(bench.destroy(with()).await.is_success());
}

#[tokio::test(start_paused = true)]
async fn a_privileged_container_shows_its_reason_and_is_made_anew_when_that_changes() {
    let bench = bench();
    let privileged = || {
        let mut lab = Lab::named("home");
        let debian = lab.add(ContainerTemplate::appliance(DEBIAN).on(DIN));
        let nfs = Container::from_template(debian).on(DIN).id(203).named("nfs").at(LAN.host(205));
        lab.add(nfs.privileged("the kernel's NFS server runs in it"));
        lab
    };
    let first = plan(&bench, privileged()).await.to_string();
    assert!(first.contains("because the kernel's NFS server runs in it"), "{first}");
    must(&bench, privileged()).await;
    let mut unprivileged = Lab::named("home");
    let debian = unprivileged.add(ContainerTemplate::appliance(DEBIAN).on(DIN));
    unprivileged.add(Container::from_template(debian).on(DIN).id(203).named("nfs").at(LAN.host(205)));
    let plan = plan(&bench, unprivileged).await.to_string();
    assert!(plan.contains("unprivileged cannot be changed in place"), "{plan}");
}

#[tokio::test(start_paused = true)]
async fn a_template_of_another_node_is_refused_at_plan() {
    let mut lab = Lab::named("home");
    let debian = lab.add(ContainerTemplate::appliance(DEBIAN).on(GROGU));
    lab.add(Container::from_template(debian).on(DIN).named("far"));
    let plan = plan(&bench(), lab).await;
    assert_eq!(plan.refusals()[0].1.text, "its template is on grogu, and it shall be made on din");
}

#[tokio::test(start_paused = true)]
async fn a_password_is_given_when_it_is_made_and_never_shown() {
    const SECRET: Secret = Secret::named("CONTAINER_PASSWORD");
    let mut bench = bench();
    bench.secrets = Secrets::none().and(Env::from_pairs([("CONTAINER_PASSWORD", "correct horse")]));
    must(&bench, lab(|ct| ct.password(SECRET))).await;
    let sent = bench.world.requests().iter().filter(|r| r.params.iter().any(|(_, v)| v == "correct horse")).count();
    assert_eq!(sent, 1);
    let plan = plan(&bench, lab(|ct| ct.password(SECRET))).await;
    assert!(plan.is_noop() && !plan.to_string().contains("correct"), "{plan}");
}
