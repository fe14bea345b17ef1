//! From an empty computer to a NAS that is set up, through the installer.
use crate::{
    first::run_lab,
    setup::{secrets, way},
};
use homelab_core::{
    Connect, Lab, Permit, Secret, Site, Sites,
    cli::Exit,
    sim::Computer,
    units::{Network, Size, SizeUnits},
};
use homelab_truenas::{
    Nas,
    resource::System,
    rpc::{First, Install, Installed},
    sim::{DiskSpec, Served, Sim, World},
    site::TrueNas,
};

const NAS: Site<Nas> = Site::named("nas");
const LAN: Network = Network::new("LAN", [192, 168, 0, 0], 24).gateway(1);

fn wish() -> Install {
    Install { disk: Size::gib(32), model: "QEMU HARDDISK".into(), address: Some(([192, 168, 0, 13].into(), 24)) }
}

/// A computer of this world, what it serves, and a client that has no key for it.
async fn stage(world: World) -> (Sim, [Served; 2], Nas) {
    let sim = Sim::new(world.bare());
    let (served, installer) = (sim.serve(0).await.unwrap(), sim.serve_installer(0).await.unwrap());
    let way = way(&served).installer_at(installer.address.to_string());
    let nas = way.live(&secrets(&[])).await.unwrap();
    (sim, [served, installer], nas)
}

fn first() -> First {
    First { password: "correct horse".into(), key_name: "homelab-home".into() }
}

#[tokio::test]
async fn the_installer_puts_a_system_on_the_boot_disk_and_starts_it_without_an_administrator() {
    let (sim, _served, nas) = stage(World::new("nas").disks("WD-", 4, 8 << 40).pace(0.002)).await;
    let permit = Permit::for_tests();
    assert!(nas.set_up(&permit, &first()).await.unwrap_err().is_transient(), "nothing is installed yet");
    let mut told = vec![];
    let done = nas.install(&permit, &wish(), &mut |progress| told.push(progress.percent)).await.unwrap();
    assert_eq!(done, Installed::Made);
    let far: Vec<f64> = told.into_iter().flatten().collect();
    assert!(far.iter().all(|percent| (0.0..=100.0).contains(percent)), "{far:?}");
    assert_eq!(nas.install(&permit, &wish(), &mut |_| {}).await.unwrap(), Installed::Nowhere, "the system answers now");
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    nas.set_up(&permit, &first()).await.expect("its first administrator is whoever asks first");
    assert!(sim.some_key().is_some());
}

#[tokio::test]
async fn an_installation_whose_connection_is_lost_goes_on_and_is_not_begun_again() {
    let (sim, _served, nas) = stage(World::new("nas").pace(0.002)).await;
    sim.cut_after("install");
    let done = nas.install(&Permit::for_tests(), &wish(), &mut |_| {}).await.unwrap();
    assert_eq!(done, Installed::Restarted, "what is on the disk is started");
    // And the restart, whose answer is lost as a rule.
    let (sim, _served, nas) = stage(World::new("nas").pace(0.0)).await;
    sim.cut_after("reboot");
    assert_eq!(nas.install(&Permit::for_tests(), &wish(), &mut |_| {}).await.unwrap(), Installed::Made);
}

#[tokio::test]
async fn without_a_cd_in_its_drive_no_installer_starts() {
    let (sim, _served, nas) = stage(World::new("nas").pace(0.0)).await;
    sim.runs_on(|| Some(Computer::named("truenas", [])));
    let done = nas.install(&Permit::for_tests(), &wish(), &mut |_| {}).await.unwrap();
    assert_eq!(done, Installed::Nowhere);
}

#[tokio::test]
async fn a_disk_with_data_is_never_installed_over() {
    for (world, want) in [
        (
            World::new("nas").disk(DiskSpec { model: "QEMU HARDDISK".into(), ..DiskSpec::new("D", 32 << 30) }),
            "sees not exactly one",
        ),
        (World::new("nas").pull("boot-0"), "sees not exactly one: no disk at all"),
    ] {
        let (_sim, _served, nas) = stage(world).await;
        let refused = nas.install(&Permit::for_tests(), &wish(), &mut |_| {}).await.unwrap_err();
        assert!(refused.to_string().contains(want), "{refused}");
    }
}

#[test]
fn an_empty_guest_becomes_a_nas_with_a_key_in_one_deploy() {
    const PASSWORD: Secret = Secret::named("TRUENAS_PASSWORD");
    const KEY: Secret = Secret::named("TRUENAS_API_KEY");
    const PIN: Secret = Secret::named("TRUENAS_FINGERPRINT").open();
    let dir = tempfile::tempdir().unwrap();
    let lab = || {
        let mut lab = Lab::named("home");
        let system = System::of(NAS).administrator(PASSWORD).keeps(KEY, PIN);
        lab.add(system.installed_on(32.gib()).first_address(LAN.host(13)));
        lab
    };
    let sites = || Sites::new().with(NAS, TrueNas::at("192.0.2.20").bare());
    let run = |line: &str| run_lab(dir.path(), line, &lab, &sites);
    assert_eq!(run("plan --detailed-exitcode"), Exit::Pending);
    assert_eq!(run("deploy --yes"), Exit::Done);
    assert_eq!(run("plan --detailed-exitcode"), Exit::Done);
    assert_eq!(run("status truenas"), Exit::Done);
}
