//! What tasks do: which code begins and finishes each job.
use super::super::answer::Fail;
use super::super::world::{Texts, Volume, World};
use super::configure::Change;
use super::disk::Spec;
use super::{Task, clone, configure, content, create, destroy, lxc, migrate, moving, power, snapshot};
use serde::{Deserialize, Serialize};

/// The work of a task.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Job {
    Create(create::Create),
    Configure {
        vmid: u32,
        change: Change,
    },
    Clone(clone::Clone),
    Destroy {
        vmid: u32,
        purge: bool,
        unreferenced: bool,
        skiplock: bool,
    },
    Start {
        vmid: u32,
        skiplock: bool,
    },
    Stop {
        vmid: u32,
        skiplock: bool,
    },
    Shutdown {
        vmid: u32,
        timeout: u64,
        force: bool,
        skiplock: bool,
    },
    /// Suspending to a disk.
    Hibernate {
        vmid: u32,
        storage: String,
    },
    /// Asking high availability to start or stop a guest.
    AskHa {
        vmid: u32,
        sid: String,
        start: bool,
    },
    Reboot {
        vmid: u32,
        timeout: u64,
    },
    Reset {
        vmid: u32,
    },
    Pause {
        vmid: u32,
        paused: bool,
    },
    Resize {
        vmid: u32,
        disk: String,
        size: String,
        digest: Option<String>,
        skiplock: bool,
    },
    Move(moving::Move),
    Hand {
        vmid: u32,
        disk: String,
        target: u32,
        slot: String,
    },
    Template {
        vmid: u32,
        /// Only this disk becomes a base.
        disk: Option<String>,
    },
    Snapshot {
        vmid: u32,
        name: String,
        description: Option<String>,
        vmstate: bool,
    },
    Rollback {
        vmid: u32,
        name: String,
        start: bool,
    },
    DropSnapshot {
        vmid: u32,
        name: String,
    },
    Migrate(migrate::Migrate),
    Fetch(content::Fetch),
    Store {
        node: String,
        volume: Volume,
        temporary: String,
        /// What the checksum said, if one was to be checked.
        checked: Option<Result<(), String>>,
    },
    DropVolume {
        node: String,
        volid: String,
    },
    CreateCt {
        vmid: u32,
        template: String,
        options: Texts,
        disks: Vec<(String, Spec)>,
        pool: Option<String>,
        start: bool,
    },
    ReloadNetwork {
        node: String,
    },
    /// Work that fails at once.
    Failing {
        text: String,
    },
    /// Work that changes nothing here (refreshing package lists and the like), in milliseconds.
    Other {
        span: u64,
    },
}

/// Begins a job: checks that run inside the worker, first effects, and how long it will take in milliseconds.
pub(super) fn begin(world: &mut World, task: &mut Task) -> Result<u64, Fail> {
    let job = task.job.clone();
    let pace = world.pace;
    match job {
        Job::Create(job) => Ok(create::span(world, job.vmid, &job.options)),
        Job::Configure { vmid, change } => Ok(configure::span(world, vmid, &change)),
        Job::Clone(clone) => clone::begin(world, &clone),
        Job::Destroy { vmid, skiplock, .. } => destroy::begin(world, task, vmid, skiplock),
        Job::Start { vmid, skiplock } => power::begin_start(world, task, vmid, skiplock),
        Job::Stop { vmid, skiplock } => power::begin_stop(world, task, vmid, skiplock),
        Job::Hibernate { .. } => Ok(pace.ms(3_000)),
        Job::AskHa { .. } => Ok(pace.ms(1_000)),
        Job::Shutdown { vmid, timeout, skiplock, .. } => power::begin_shutdown(world, task, vmid, timeout, skiplock),
        Job::Reboot { vmid, timeout } => power::begin_shutdown(world, task, vmid, timeout, false),
        Job::Reset { .. } | Job::Pause { .. } => Ok(pace.ms(300)),
        Job::Resize { vmid, disk, size, digest, skiplock } => {
            let digest = digest.as_deref();
            moving::begin_resize(world, task, &moving::Growth { vmid, disk: &disk, size: &size, digest, skiplock })
        }
        Job::Move(job) => moving::begin(world, &job),
        Job::Hand { .. } => Ok(pace.ms(500)),
        Job::Template { .. } => Ok(pace.ms(1_500)),
        Job::Snapshot { vmid, name, .. } => snapshot::begin(world, task, vmid, &name),
        Job::Rollback { vmid, name, .. } => snapshot::begin_rollback(world, task, vmid, &name),
        Job::DropSnapshot { vmid, name } => snapshot::begin_drop(world, task, vmid, &name),
        Job::Migrate(job) => migrate::begin(world, task, &job),
        Job::Fetch(fetch) => content::begin_fetch(world, task, &fetch),
        Job::Store { node, volume, .. } => content::begin_store(world, &node, &volume),
        Job::DropVolume { .. } => Ok(pace.ms(800)),
        Job::CreateCt { vmid, template, disks, .. } => lxc::begin(world, vmid, &template, &disks),
        Job::ReloadNetwork { .. } => Ok(pace.ms(4_000)),
        Job::Failing { text } => Err(Fail::die(text)),
        Job::Other { span } => Ok(pace.ms(span)),
    }
}

/// Finishes a job: its effects.
pub(super) fn finish(world: &mut World, task: &mut Task) -> Result<(), Fail> {
    let job = task.job.clone();
    match job {
        Job::Create(job) => create::finish(world, task, &job),
        Job::Configure { vmid, change } => configure::run(world, task, vmid, &change),
        Job::Clone(clone) => clone::finish(world, task, &clone),
        Job::Destroy { vmid, purge, unreferenced, .. } => destroy::finish(world, task, vmid, purge, unreferenced),
        Job::Start { vmid, .. } => power::finish_start(world, vmid),
        Job::Stop { vmid, .. } => power::stop(world, vmid),
        Job::Hibernate { vmid, storage } => power::hibernate(world, task, vmid, &storage),
        Job::AskHa { vmid, sid, start } => {
            power::ask_ha(world, task, vmid, &sid, start);
            Ok(())
        }
        Job::Shutdown { vmid, force, .. } => power::finish_shutdown(world, task, vmid, force),
        Job::Reboot { vmid, .. } => power::finish_reboot(world, vmid),
        Job::Reset { vmid } => power::reset(world, vmid),
        Job::Pause { vmid, paused } => power::pause(world, vmid, paused),
        Job::Resize { vmid, disk, size, .. } => moving::finish_resize(world, task, vmid, &disk, &size),
        Job::Move(job) => moving::finish(world, task, &job),
        Job::Hand { vmid, disk, target, slot } => moving::hand(world, task, vmid, &disk, target, &slot),
        Job::Template { vmid, disk } => create::template(world, vmid, disk.as_deref()),
        Job::Snapshot { vmid, name, description, vmstate } => {
            snapshot::finish(world, task, vmid, &name, description, vmstate)
        }
        Job::Rollback { vmid, name, start } => snapshot::rollback(world, task, vmid, &name, start),
        Job::DropSnapshot { vmid, name } => snapshot::drop(world, vmid, &name),
        Job::Migrate(job) => migrate::finish(world, task, &job),
        Job::Fetch(fetch) => content::finish_fetch(world, task, &fetch),
        Job::Store { node, volume, temporary, checked } => {
            content::finish_store(world, task, &node, volume, (&temporary, checked.as_ref()))
        }
        Job::DropVolume { node, volid } => content::finish_drop(world, task, &node, &volid),
        Job::CreateCt { vmid, template, options, disks, pool, start } => {
            lxc::finish(world, task, vmid, &template, options, &disks, start)?;
            if let Some(pool) = pool.and_then(|pool| world.pools.get_mut(&pool)) {
                pool.vms.push(vmid);
            }
            Ok(())
        }
        Job::ReloadNetwork { node } => {
            let node = world.node_mut(&node)?;
            if let Some(staged) = node.staged.take() {
                node.network = staged;
            }
            Ok(())
        }
        Job::Failing { .. } | Job::Other { .. } => Ok(()),
    }
}

/// Cleans up after a job that failed, as the real worker does: a guest half made is removed.
pub(super) fn abandon(world: &mut World, task: &Task) {
    match &task.job {
        Job::Create(job) => world.discard(job.vmid),
        Job::CreateCt { vmid, .. } => world.discard(*vmid),
        Job::Clone(clone) => world.discard(clone.vmid),
        Job::Migrate(job) => {
            if let Some(guest) = world.guests.get_mut(&job.vmid) {
                guest.config.remove("lock");
            }
        }
        _ => {}
    }
}
