//! Whether cloud-init still sets a machine up: it holds apt's lock meanwhile, and writes what we would look at.
//!
//! Its generator leaves `/run/cloud-init/enabled` where it has something to do with a boot, and its last stage writes
//! `/run/cloud-init/result.json`, also when something went wrong (cloud-init 18 to 25, `tools/cloud-init-generator`,
//! `cmd/main.py`): `cloud-init status --wait` looks at the same two. Asked together with all else, they cost neither a message nor a
//! process.
use super::{Gather, HostPath, Spot, probe};
use crate::Failure;
use futures_util::future::try_join;
use std::time::Duration;

/// How long after its boot a machine is believed to be set up still. One whose last stage is switched off never gets there.
const LONGEST: Duration = Duration::from_secs(600);

/// # Errors
/// When it does, in a way that passes; or when the machine does not answer.
pub(super) async fn is_done(spot: &Spot, gather: &Gather) -> Result<(), Failure> {
    let at = |name: &str| probe::stat(HostPath::at(&format!("/run/cloud-init/{name}")));
    let (enabled, result) = try_join(gather.ask(at("enabled")), gather.ask(at("result.json"))).await?;
    if enabled.is_none() || result.is_some() {
        return Ok(());
    }
    let uptime = gather.ask(probe::read(HostPath::at("/proc/uptime"))).await?.unwrap_or_default();
    let uptime = String::from_utf8_lossy(&uptime);
    let seconds: u64 = uptime.split(['.', ' ']).next().and_then(|s| s.parse().ok()).unwrap_or(0);
    if seconds >= LONGEST.as_secs() {
        return Ok(());
    }
    let busy = Failure::passing(format!("cloud-init still sets {spot} up, {seconds} s after its boot"));
    Err(busy.waited_for(LONGEST).hint("`cloud-init status --long` on the machine tells what it does"))
}
