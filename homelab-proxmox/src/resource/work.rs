//! Doing things to guests: tasks that are noted and followed, locks that are waited for, shutting down.
use super::guest;
use crate::{
    Error, Pve,
    api::qemu::{QemuConfig, ShutdownOptions},
    client::{Progress, Task},
};
use homelab_core::{Apply, Failure};
use std::{sync::Arc, time::Duration};
use tokio::time::{Instant, sleep};

/// How long somebody else's lock (a backup, a migration) is waited for.
const LOCK_WAIT: Duration = Duration::from_secs(1800);
/// The pause between two looks at a lock.
const LOCK_PAUSE: Duration = Duration::from_secs(2);
/// How long a guest has to shut down before it is deleted: then it is stopped, for it is going away.
const LAST_SHUTDOWN: u32 = 60;

/// Where a guest is.
#[derive(Clone, Debug)]
pub(crate) struct At {
    pub(crate) vmid: u32,
    pub(crate) node: String,
}

/// Notes a task that was started, waits for its end, and passes on what it says.
pub(crate) async fn done(cx: &Apply<'_, Pve>, what: &str, task: Result<Task, Error>) -> Result<(), Failure> {
    let task = task?;
    if let Some(upid) = task.upid() {
        cx.note(upid.to_string()).await?;
    }
    cx.progress(what, None);
    let follow = |progress: Progress| {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to 0..=100 before")]
        let percent = progress.percent.map(|percent| percent.clamp(0.0, 100.0) as u8);
        match percent {
            Some(_) => cx.progress(what, percent),
            None => cx.progress(format!("{what}: {}", progress.line), None),
        }
    };
    for warning in task.wait(&follow).await?.warnings {
        cx.warn(format!("{what}: {warning}"));
    }
    Ok(())
}

/// The configuration of a guest, once nobody holds it locked.
pub(crate) async fn unlocked(cx: &Apply<'_, Pve>, at: &At) -> Result<Arc<QemuConfig>, Failure> {
    let began = Instant::now();
    loop {
        let config = cx.config(&at.node, at.vmid).await?;
        let Some(lock) = &config.lock else { return Ok(config) };
        if began.elapsed() >= LOCK_WAIT {
            return Err(Failure::stuck(format!("guest {} on {} is locked ({lock})", at.vmid, at.node)).hint(format!(
                "if no {lock} is running any more, its lock was left behind: `qm unlock {}` on {}, as root, removes it",
                at.vmid, at.node
            )));
        }
        cx.progress(format!("waits for the {lock} of guest {} to end", at.vmid), None);
        sleep(LOCK_PAUSE).await;
    }
}

/// Shuts a guest down, and never pulls its plug.
pub(crate) async fn shut_down(cx: &Apply<'_, Pve>, at: &At, seconds: u32) -> Result<(), Failure> {
    let options = ShutdownOptions { timeout: Some(seconds), force_stop: false };
    let task = cx.shutdown(cx.permit(), &at.node, at.vmid, options).await;
    match done(cx, "shuts down", task).await {
        Ok(()) => Ok(()),
        Err(failure) if !guest::is_up(cx, &at.node, at.vmid).await? => {
            cx.warn(format!("it is down, although its shutdown said: {}", failure.message));
            Ok(())
        }
        Err(failure) if failure.message.contains("got timeout") => Err(Failure {
            nature: homelab_core::Nature::Refused,
            hint: Some(format!(
                "it did not shut down within {seconds} s and was left running: shut it down from within, or `qm stop {}` on {}; \
                 then run again",
                at.vmid, at.node
            )),
            ..failure
        }),
        Err(failure) => Err(failure),
    }
}

/// Starts a guest that is down.
pub(crate) async fn start(cx: &Apply<'_, Pve>, at: &At) -> Result<(), Failure> {
    let task = cx.start_guest(cx.permit(), &at.node, at.vmid).await;
    match done(cx, "starts", task).await {
        // Somebody else may have been faster.
        Err(_) if guest::is_up(cx, &at.node, at.vmid).await? => Ok(()),
        done => done,
    }
}

/// Destroys a guest with its disks. That it is gone already is fine.
pub(crate) async fn destroy(cx: &Apply<'_, Pve>, vmid: u32) -> Result<(), Failure> {
    let Some(guest) = cx.guest(vmid).await? else { return Ok(()) };
    let at = At { vmid, node: guest.node };
    let config = unlocked(cx, &at).await?;
    if guest::is_up(cx, &at.node, vmid).await? {
        let options = ShutdownOptions { timeout: Some(LAST_SHUTDOWN), force_stop: true };
        done(cx, "shuts down", cx.shutdown(cx.permit(), &at.node, vmid, options).await).await?;
    }
    if config.protection == Some(true) {
        // That it may go was agreed to by name.
        let change = crate::api::qemu::Change::new().flag("protection", false);
        cx.configure(cx.permit(), &at.node, vmid, &change).await?;
    }
    let options = crate::api::qemu::DestroyOptions { purge: true, unreferenced_disks: true };
    done(cx, "destroys it", cx.destroy(cx.permit(), &at.node, vmid, options).await).await
}
