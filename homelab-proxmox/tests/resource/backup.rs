//! Backup jobs of the cluster.
use crate::fixture::{DIN, PVE, cluster, every, world};
use homelab_core::{
    Lab,
    plan::{Goal, Wishes},
    testing::{Bench, Declare, Fixture, conformance_every},
    units::SizeUnits,
};
use homelab_proxmox::{
    Vm,
    resource::{BackupJob, BackupMode, Keep, Pool, Storage},
    testing::SimWorld,
};

enum Of {
    Two,
    All,
    AllBut,
    ThePool,
}

fn lab(of: &Of, change: impl FnOnce(BackupJob) -> BackupJob) -> Lab {
    let mut lab = Lab::named("home");
    let shell = |id: u32| Vm::blank().on(DIN).id(id).named(format!("g{id}")).disk(1.gib()).stopped();
    let (second, first) = (lab.add(shell(301)), lab.add(shell(300)));
    let pool = lab.add(Pool::named(PVE, "services").guests([first.vmid()]));
    let storage = lab.add(Storage::dir(PVE, "backups", "/srv/backups").content(["backup"]));
    let job = BackupJob::to(PVE, "nightly", storage.name());
    let job = match of {
        Of::Two => job.guests([second.vmid(), first.vmid()]),
        Of::All => job.all(),
        Of::AllBut => job.all_but([first.vmid()]),
        Of::ThePool => job.pool(pool.name()),
    };
    lab.add(change(job.comment("Every night.")));
    lab
}

#[tokio::test(start_paused = true)]
async fn backup_jobs_take_every_setting_and_converge_from_anywhere() {
    let same = |job: BackupJob| job;
    let set = |job: BackupJob| {
        let job =
            job.at("sat 03:15").mode(BackupMode::Stop).keep(Keep::last(3).daily(7).weekly(4).monthly(6).yearly(1));
        job.on(DIN).notes("{{guestname}}").comment("").disabled()
    };
    let base = || lab(&Of::Two, same);
    let edits: [(&str, &Declare<'_>); 4] = [
        ("all", &|| lab(&Of::All, same)),
        ("all but one", &|| lab(&Of::AllBut, same)),
        ("a pool", &|| lab(&Of::ThePool, same)),
        ("times and what is kept", &|| lab(&Of::Two, set)),
    ];
    conformance_every(every(), &Fixture { world: &world, lab: &base, edits: &edits }).await;
}

#[tokio::test(start_paused = true)]
async fn a_storage_that_holds_no_backups_is_told_at_plan() {
    let bench = Bench::new(SimWorld::new(PVE, cluster()));
    let mut lab = Lab::named("home");
    lab.add(BackupJob::to(PVE, "nightly", "local-lvm").all());
    let plan = bench.plan(lab, &Wishes::new(Goal::Deploy)).await;
    assert_eq!(plan.refusals()[0].1.text, "storage local-lvm does not hold backups", "{plan}");
}
