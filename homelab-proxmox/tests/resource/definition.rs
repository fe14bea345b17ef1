//! Storages, pools, and who may do what.
use crate::fixture::{DIN, LAN, PVE, cluster, every, world};
use homelab_core::{
    Lab,
    plan::{Goal, Plan, Wishes},
    testing::{Bench, Declare, Fixture, World as _, conformance_every},
    units::SizeUnits,
};
use homelab_proxmox::{
    Vm,
    resource::{Access, Pool, Role, Storage, User},
    sim::Release,
    testing::SimWorld,
};

async fn plan(bench: &Bench<SimWorld>, lab: Lab) -> Plan {
    bench.plan(lab, &Wishes::new(Goal::Deploy)).await
}

fn one<D: homelab_core::Declare>(resource: D) -> Lab {
    let mut lab = Lab::named("home");
    lab.add(resource);
    lab
}

#[tokio::test(start_paused = true)]
async fn storages_take_every_setting_and_converge_from_anywhere() {
    let nfs = || Storage::nfs(PVE, "nas", LAN.host(13).ip(), "/mnt/bulk/proxmox");
    let base = || one(nfs().content(["backup", "iso"]));
    let edited = || one(nfs().content(["vztmpl", "backup"]).on([DIN]).disabled());
    let elsewhere = || one(Storage::nfs(PVE, "nas", LAN.host(14).ip(), "/mnt/bulk/proxmox").content(["backup", "iso"]));
    let other = || one(Storage::dir(PVE, "nas", "/srv/nas").content(["backup", "iso"]).shared(true));
    let edits: [(&str, &Declare<'_>); 3] =
        [("content, nodes, off", &edited), ("server", &elsewhere), ("another kind", &other)];
    conformance_every(every(), &Fixture { world: &world, lab: &base, edits: &edits }).await;
}

#[tokio::test(start_paused = true)]
async fn a_storage_that_holds_disks_is_not_removed() {
    let bench = Bench::new(SimWorld::new(PVE, cluster()));
    let with = |storage: bool| {
        let mut lab = Lab::named("home");
        if storage {
            lab.add(Storage::zfs(PVE, "more", "tank/more").content(["images"]));
        }
        let nas =
            Vm::blank().on(DIN).id(300).named("nas").disk(homelab_proxmox::resource::Disk::of(8.gib()).on("more"));
        lab.add(nas.stopped());
        lab
    };
    let run = bench.deploy(with(true)).await;
    assert!(run.is_success(), "{}", run.story());
    let run = bench.deploy(with(false)).await;
    assert!(run.story().contains("storage more holds disks of guests on din: 300"), "{}", run.story());
}

#[tokio::test(start_paused = true)]
async fn pools_have_their_guests_and_converge_from_anywhere() {
    let lab = |members: usize, comment: &'static str| {
        let mut lab = Lab::named("home");
        let shell = |id: u32| Vm::blank().on(DIN).id(id).named(format!("g{id}")).disk(1.gib()).stopped();
        let guests = [lab.add(shell(301)), lab.add(shell(300))];
        lab.add(
            Pool::named(PVE, "services").comment(comment).guests(guests[..members].iter().map(|guest| guest.vmid())),
        );
        lab
    };
    let edits: [(&str, &Declare<'_>); 2] = [("guests", &|| lab(1, "People use them.")), ("comment", &|| lab(2, ""))];
    let base = || lab(2, "People use them.");
    conformance_every(every(), &Fixture { world: &world, lab: &base, edits: &edits }).await;
}

fn watcher(privileges: &[&str], propagate: bool, enabled: bool) -> Lab {
    let mut lab = Lab::named("home");
    let role = lab.add(Role::named(PVE, "Watcher", privileges.iter().copied()));
    let user = User::named(PVE, "prometheus@pve").comment("The exporter.").email("ada@home.example");
    let user = lab.add(if enabled { user } else { user.disabled() });
    let access = Access::of(PVE, user.name(), role.name()).on("/vms");
    lab.add(if propagate { access } else { access.not_below() });
    lab
}

#[tokio::test(start_paused = true)]
async fn roles_users_and_access_converge_from_anywhere() {
    let base = || watcher(&["VM.Audit"], true, true);
    let more = || watcher(&["Sys.Audit", "VM.Audit"], false, false);
    conformance_every(every(), &Fixture { world: &world, lab: &base, edits: &[("everything", &more)] }).await;
}

#[tokio::test(start_paused = true)]
async fn a_privilege_of_another_release_is_refused_at_plan() {
    for (release, wrong) in [(Release::V8_4, "VM.GuestAgent.Audit"), (Release::V9_2, "VM.Monitor")] {
        let bench = Bench::new(SimWorld::new(PVE, cluster().release(release)));
        let plan = plan(&bench, one(Role::named(PVE, "Agent", ["VM.Audit", wrong]))).await;
        assert_eq!(plan.refusals()[0].1.text, format!("this release of Proxmox VE has no privilege {wrong}"));
    }
}

#[tokio::test(start_paused = true)]
async fn nobody_saws_off_the_branch_that_this_program_sits_on() {
    let bench = Bench::new(SimWorld::new(PVE, cluster()));
    let mut wishes = Wishes::new(Goal::Deploy);
    wishes.adopt = true;
    let plan = bench.plan(one(User::named(PVE, "iac@pve").disabled()), &wishes).await;
    assert!(
        plan.refusals().iter().any(|(_, note)| note.text == "iac@pve is the user that this program works as"),
        "{plan}"
    );
    // It was taken over as it is, and has left the code: it is not deleted.
    assert!(bench.run(one(User::named(PVE, "iac@pve")), &wishes).await.is_success());
    let run = bench.deploy(Lab::named("home")).await;
    assert!(run.story().contains("iac@pve is the user that this program works as"), "{}", run.story());
    assert!(bench.world.inventory().contains("user iac@pve"));
}
