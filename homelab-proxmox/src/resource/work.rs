//! Doing things to guests: tasks that are noted and followed, locks that are waited for, shutting down.
use super::{Node, guest};
use crate::{
    Error, Pve,
    api::{
        GuestKind,
        lxc::LxcConfig,
        qemu::{Change, DestroyOptions, QemuConfig, ShutdownOptions},
    },
    client::{Progress, Task},
    site::Answered,
};
use homelab_core::{Apply, Failure};
use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};
use tokio::time::{Instant, sleep};

/// How long somebody else's lock (a backup, a migration) is waited for.
const LOCK_WAIT: Duration = Duration::from_secs(1800);
/// The pause between two looks at a lock.
const LOCK_PAUSE: Duration = Duration::from_secs(2);
/// How long a guest has to shut down before it is deleted: then it is stopped, for it is going away.
const LAST_SHUTDOWN: u32 = 60;
/// The port that a guest which can be logged in to answers on.
pub(crate) const SSH: u16 = 22;

/// Where a guest is.
#[derive(Clone, Debug)]
pub(crate) struct At {
    kind: GuestKind,
    pub(crate) vmid: u32,
    pub(crate) node: String,
}

impl At {
    pub(crate) fn vm(vmid: u32, node: &str) -> At {
        At { kind: GuestKind::Qemu, vmid, node: node.to_owned() }
    }

    pub(crate) fn of(kind: GuestKind, vmid: u32, node: &str) -> At {
        At { kind, vmid, node: node.to_owned() }
    }

    pub(crate) fn container(vmid: u32, node: &str) -> At {
        At { kind: GuestKind::Lxc, vmid, node: node.to_owned() }
    }
}

/// Whether a guest runs, as its node says.
pub(crate) async fn is_up(cx: &Apply<'_, Pve>, at: &At) -> Result<bool, Failure> {
    guest::is_up(cx, at.kind, &at.node, at.vmid).await
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

/// The configuration of a virtual machine, once nobody holds it locked.
pub(crate) async fn unlocked(cx: &Apply<'_, Pve>, at: &At) -> Result<Arc<QemuConfig>, Failure> {
    let mut wait = Wait::begin();
    loop {
        let config = cx.config(&at.node, at.vmid).await?;
        let Some(lock) = &config.lock else { return Ok(config) };
        wait.longer(cx, at, lock).await?;
    }
}

/// The same of a container.
pub(crate) async fn unlocked_container(cx: &Apply<'_, Pve>, at: &At) -> Result<Arc<LxcConfig>, Failure> {
    let mut wait = Wait::begin();
    loop {
        let config = cx.container_config(&at.node, at.vmid).await?;
        let Some(lock) = &config.lock else { return Ok(config) };
        wait.longer(cx, at, lock).await?;
    }
}

/// The program that works on guests of a kind on their node.
pub(crate) fn tool(kind: GuestKind) -> &'static str {
    match kind {
        GuestKind::Qemu => "qm",
        GuestKind::Lxc => "pct",
    }
}

/// Waiting for somebody else's lock, with an end.
struct Wait(Instant);

impl Wait {
    fn begin() -> Wait {
        Wait(Instant::now())
    }

    async fn longer(&mut self, cx: &Apply<'_, Pve>, at: &At, lock: &str) -> Result<(), Failure> {
        let (vmid, node) = (at.vmid, &at.node);
        if self.0.elapsed() >= LOCK_WAIT {
            return Err(Failure::stuck(format!("guest {vmid} on {node} is locked ({lock})")).hint(format!(
                "if no {lock} is running any more, its lock was left behind: `{} unlock {vmid}` on {node}, as root, removes it",
                tool(at.kind)
            )));
        }
        cx.progress(format!("waits for the {lock} of guest {vmid} to end"), None);
        sleep(LOCK_PAUSE).await;
        Ok(())
    }
}

/// Makes a guest under this number, or under a free one of the node's.
pub(crate) async fn numbered<M>(
    cx: &Apply<'_, Pve>,
    vmid: Option<u32>,
    node: Node,
    make: impl Fn(u32) -> M,
) -> Result<(u32, Task), Failure>
where
    M: Future<Output = Result<Task, Error>>,
{
    let Some(vmid) = vmid else { return Ok(cx.with_free_id(node.free_ids(), make).await?) };
    match make(vmid).await {
        Ok(task) => Ok((vmid, task)),
        Err(error) if error.is_id_taken() => Err(taken(cx, vmid, error).await),
        Err(error) => Err(error.into()),
    }
}

/// Says who has the number, if that can be seen.
async fn taken(cx: &Apply<'_, Pve>, vmid: u32, error: Error) -> Failure {
    let Ok(Some(guest)) = cx.guest(vmid).await else { return error.into() };
    // The listing knows a new guest's name only after some seconds.
    let config = match guest.kind {
        GuestKind::Qemu => cx.config(&guest.node, vmid).await.ok().and_then(|config| config.name.clone()),
        GuestKind::Lxc => cx.container_config(&guest.node, vmid).await.ok().and_then(|config| config.hostname.clone()),
    };
    let name = guest.name.or(config).unwrap_or_else(|| "a guest without a name".to_owned());
    Failure::new(format!("number {vmid} was taken in the meantime by {name} on {}", guest.node))
        .hint("give this one another number, or plan again and take that one over with `--adopt`")
}

/// Says that somebody else has the address of a guest that never ran. Started all the same, it would seem to be up while the two
/// take turns in answering.
pub(crate) async fn stranger(cx: &Apply<'_, Pve>, name: &str, ip: IpAddr) -> Option<Failure> {
    if cx.network().knock(SocketAddr::new(ip, SSH)).await == Answered::Nobody {
        return None;
    }
    // What leaves the address may be on its way out in this very run.
    Some(
        Failure::passing(format!("{name} was not started: another machine answers at its address {ip}"))
            .hint("give this one another address, or take the other machine off the network; then run again"),
    )
}

/// Shuts a guest down, and never pulls its plug.
pub(crate) async fn shut_down(cx: &Apply<'_, Pve>, at: &At, seconds: u32) -> Result<(), Failure> {
    let options = ShutdownOptions { timeout: Some(seconds), force_stop: false };
    match done(cx, "shuts down", ask_down(cx, at, options).await).await {
        Ok(()) => Ok(()),
        Err(failure) if !is_up(cx, at).await? => {
            cx.warn(format!("it is down, although its shutdown said: {}", failure.message));
            Ok(())
        }
        Err(failure) if failure.message.contains("got timeout") => Err(Failure {
            nature: homelab_core::Nature::Refused,
            hint: Some(format!(
                "it did not shut down within {seconds} s and was left running: shut it down from within, or `{} stop {}` on {}; \
                 then run again",
                tool(at.kind),
                at.vmid,
                at.node
            )),
            ..failure
        }),
        Err(failure) => Err(failure),
    }
}

async fn ask_down(cx: &Apply<'_, Pve>, at: &At, options: ShutdownOptions) -> Result<Task, Error> {
    match at.kind {
        GuestKind::Qemu => cx.shutdown(cx.permit(), &at.node, at.vmid, options).await,
        GuestKind::Lxc => cx.shut_container_down(cx.permit(), &at.node, at.vmid, options).await,
    }
}

/// Starts a guest that is down.
pub(crate) async fn start(cx: &Apply<'_, Pve>, at: &At) -> Result<(), Failure> {
    let task = match at.kind {
        GuestKind::Qemu => cx.start_guest(cx.permit(), &at.node, at.vmid).await,
        GuestKind::Lxc => cx.start_container(cx.permit(), &at.node, at.vmid).await,
    };
    match done(cx, "starts", task).await {
        // Somebody else may have been faster.
        Err(_) if is_up(cx, at).await? => Ok(()),
        done => done,
    }
}

/// Destroys a guest with its disks. That it is gone already is fine.
pub(crate) async fn destroy(cx: &Apply<'_, Pve>, vmid: u32) -> Result<(), Failure> {
    let Some(guest) = cx.guest(vmid).await? else { return Ok(()) };
    let at = At { kind: guest.kind, vmid, node: guest.node };
    let protected = match at.kind {
        GuestKind::Qemu => unlocked(cx, &at).await?.protection,
        GuestKind::Lxc => unlocked_container(cx, &at).await?.protection,
    };
    if is_up(cx, &at).await? {
        let options = ShutdownOptions { timeout: Some(LAST_SHUTDOWN), force_stop: true };
        done(cx, "shuts down", ask_down(cx, &at, options).await).await?;
    }
    let (node, options) = (&at.node, DestroyOptions { purge: true, unreferenced_disks: true });
    // That it may go, even if it is protected, was agreed to by name.
    let unprotect = Change::new().flag("protection", false);
    let destroyed = match at.kind {
        GuestKind::Qemu => {
            if protected == Some(true) {
                cx.configure(cx.permit(), node, vmid, &unprotect).await?;
            }
            cx.destroy(cx.permit(), node, vmid, options).await
        }
        GuestKind::Lxc => {
            if protected == Some(true) {
                cx.configure_container(cx.permit(), node, vmid, &unprotect).await?;
            }
            cx.destroy_container(cx.permit(), node, vmid, options).await
        }
    };
    done(cx, "destroys it", destroyed).await
}
