//! Provisioning what will become a template: it is started with a key of its own, brought to what its recipe says, sealed, and shut
//! down. Until it bears the mark of that it is good for nothing, and a build that was cut off is thrown away by the next run.
use super::{
    Spec,
    apply::notes,
    state::{BUILDING, SEALED},
};
use crate::{
    Pve,
    api::qemu::{Change, IpConfig, Net, SshKeys},
    client::pause_after,
    resource::{
        vm,
        work::{self, At, SSH},
    },
    site::Answered,
};
use homelab_core::{
    Apply, Failure,
    host::{HOSTS, Recipe},
    units::HostAddr,
};
use std::{net::SocketAddr, time::Duration};
use tokio::time::{Instant, sleep};

/// How long an image may take until its SSH server answers: the first boot grows its disk and makes keys.
const ANSWERS: Duration = Duration::from_secs(600);
/// How long a sealed guest may take to shut down, in seconds.
const SHUTDOWN: u32 = 300;

/// Builds: afterwards the guest is down, sealed, and marked so.
pub(super) async fn build(spec: &Spec, recipe: &Recipe, cx: &Apply<'_, Pve>, at: &At) -> Result<(), Failure> {
    let address = recipe.address();
    let visit = cx.at(HOSTS)?.visit(address.ip(), recipe.login())?;
    if let Some(stranger) = work::stranger(cx, &spec.name, address.ip()).await {
        return Err(stranger);
    }
    open(spec, cx, at, address, visit.public_key()).await?;
    // Nothing is copied any more: others may, while this one is built.
    cx.release_shared();
    work::start(cx, at).await?;
    answers(spec, cx, at, address).await?;
    let config = cx.config(&at.node, at.vmid).await?;
    let key = vm::host_key(cx, at, &config).await;
    let visit = visit.pinned(key.map(|key| format!("{} {key}", vm::KEY_TYPE)));
    recipe.carry_out(&visit, cx).await?;
    work::shut_down(cx, at, SHUTDOWN).await?;
    close(spec, cx, at).await
}

/// The address and the key that it has while it is built.
async fn open(spec: &Spec, cx: &Apply<'_, Pve>, at: &At, address: HostAddr, key: &str) -> Result<(), Failure> {
    let config = cx.config(&at.node, at.vmid).await?;
    let gateway = address.gateway().map(|gateway| format!(",gw={gateway}")).unwrap_or_default();
    let change = Change::new()
        .set("sshkeys", SshKeys::new([key]))
        .set("ipconfig0", format!("ip={address}{gateway}"))
        .set("description", notes(spec, cx, Some(&config), BUILDING)?.description(spec.vmid));
    let change = match address.vlan() {
        Some(vlan) => change.set("net0", Net { tag: Some(vlan.tag()), ..Net::on(spec.node.bridge) }),
        None => change,
    };
    Ok(cx.configure(cx.permit(), &at.node, at.vmid, &change.if_still(config.digest.as_deref())).await?)
}

/// Takes both away again, in the call that marks it as sealed, and makes sure that they are gone.
async fn close(spec: &Spec, cx: &Apply<'_, Pve>, at: &At) -> Result<(), Failure> {
    let config = work::unlocked(cx, at).await?;
    let change = Change::new()
        .delete("sshkeys")
        .set("ipconfig0", IpConfig::dhcp())
        .set("net0", Net::on(spec.node.bridge))
        .set("description", notes(spec, cx, Some(&config), SEALED)?.description(spec.vmid));
    cx.configure(cx.permit(), &at.node, at.vmid, &change.if_still(config.digest.as_deref())).await?;
    if cx.config(&at.node, at.vmid).await?.sshkeys.is_some() {
        return Err(Failure::new(format!("the key that {} was built with is still in its configuration", spec.name)));
    }
    Ok(())
}

async fn answers(spec: &Spec, cx: &Apply<'_, Pve>, at: &At, address: HostAddr) -> Result<(), Failure> {
    let (began, vmid) = (Instant::now(), at.vmid);
    loop {
        let answered = cx.network().knock(SocketAddr::new(address.ip(), SSH)).await;
        if answered == Answered::Open {
            return Ok(());
        }
        let seconds = began.elapsed().as_secs();
        if began.elapsed() >= ANSWERS {
            let what = if answered == Answered::Refused { "no SSH server in it answers" } else { "nobody answers" };
            let (name, within) = (&spec.name, ANSWERS.as_secs());
            return Err(Failure::new(format!(
                "{name} ({vmid} on {}) runs, but {what} at {} within {within} s",
                at.node,
                address.ip()
            ))
            .hint(format!(
                "is {} free, and can this machine reach {} on {}? look at its console: `qm terminal {vmid}` on {}",
                address.ip(),
                address.network(),
                spec.node.bridge,
                at.node
            )));
        }
        cx.progress(format!("waits for {} to answer on port {SSH} ({seconds} s)", address.ip()), None);
        sleep(pause_after(began.elapsed())).await;
    }
}
