//! The sandbox: a simulated NAS on loopback, reached by the real client over TLS.
use super::TrueNas;
use crate::{
    Nas,
    client::{Entry, Socket, Way},
    sim::{DiskSpec, Sim, World},
};
use homelab_core::{
    Connecting, Failure, Sandbox,
    sim::Net,
    tls::{Fingerprint, Trust},
};
use std::{env, fmt::Display, net::IpAddr, sync::Arc};

/// How fast the simulated hardware is, as a factor of real times; the same variable as for a simulated Proxmox VE.
const PACE: &str = "HOMELAB_SANDBOX_PACE";
/// Without that variable: what takes a minute takes some seconds, and one can watch it.
const WATCHABLE: f64 = 0.03;
/// Nobody but this program talks to the simulator, so its key is no secret.
const KEY: &str = "1-sandbox0000000000000000000000000000";

impl TrueNas {
    /// Has the sandbox give it the disks of this simulated computer instead of those of whatever answers at its address:
    /// `proxmox/pve/300`.
    #[must_use]
    pub fn computer(mut self, id: impl Into<String>) -> Self {
        self.computer = Some(id.into());
        self
    }

    /// Has the sandbox begin with a NAS that was just installed: nobody has set it up, as [`System`](crate::resource::System) does.
    #[must_use]
    pub fn just_installed(mut self) -> Self {
        self.is_new = true;
        self
    }

    /// Has the sandbox begin with a computer that has no system yet and starts the installer.
    #[must_use]
    pub fn bare(mut self) -> Self {
        (self.is_new, self.is_bare) = (true, true);
        self
    }

    /// Has the sandbox give it so many disks of this size in bytes, whose serials are the prefix and a number from 1.
    #[must_use]
    pub fn disks(mut self, prefix: &str, count: usize, bytes: u64) -> Self {
        self.disks.extend((1..=count).map(|n| (format!("{prefix}{n}"), bytes)));
        self
    }
}

/// Starts, or goes on with, the simulated NAS below the sandbox's directory.
pub(super) fn start<'a>(way: &'a TrueNas, sandbox: &'a Sandbox) -> Connecting<'a, Nas> {
    Box::pin(begin(way, sandbox))
}

async fn begin(way: &TrueNas, sandbox: &Sandbox) -> Result<Nas, Failure> {
    let failed = |e: &dyn Display| {
        Failure::new(format!("the simulated NAS cannot be started: {e}")).hint("`sandbox reset` starts afresh")
    };
    let name: String =
        way.address.chars().map(|c| if c.is_ascii_alphanumeric() || c == '.' { c } else { '-' }).collect();
    let fresh = World::new("truenas").pace(pace()?);
    let fresh = if way.is_new { fresh } else { fresh.key(KEY) };
    let fresh = if way.is_bare { fresh.bare() } else { fresh };
    let given = |world: World, (serial, bytes): &(String, u64)| world.disk(DiskSpec::new(serial, *bytes));
    let fresh = way.disks.iter().fold(fresh, given);
    let sim = Sim::persistent(&sandbox.dir().join(format!("truenas-{name}")), fresh).map_err(|e| failed(&e))?;
    let (net, computer) = (Net::of(sandbox)?, way.computer.clone());
    let address: Option<IpAddr> = way.address.parse().ok();
    let find = move || match &computer {
        Some(id) => net.computer(id),
        None => address.and_then(|address| net.at(address)).map(|(_, computer)| computer),
    };
    let (find, must_be_there) = (Arc::new(find), way.computer.is_some());
    let looks = Arc::clone(&find);
    sim.runs_on(move || looks());
    let served = sim.serve(0).await.map_err(|e| failed(&e))?;
    let installer = sim.serve_installer(0).await.map_err(|e| failed(&e))?;
    let installs = format!("http://{}", installer.address).parse().map_err(|e| failed(&e))?;
    let pin: Fingerprint = served.fingerprint.parse().map_err(|e| failed(&e))?;
    let at = format!("https://{}", served.address).parse().map_err(|e| failed(&e))?;
    let login = Box::new(move || {
        // Whoever holds this keeps the simulator serving.
        let _ = (&served, &installer);
        // A NAS that is a guest is not there before the guest is, and one that nobody has set up has no key.
        let key = if must_be_there && find().is_none() { None } else { sim.some_key() };
        let trust = Trust::Pinned(vec![pin]);
        Ok(key.map(|key| Entry { user: "truenas_admin".into(), key: key.into(), trust }))
    });
    let trust = Box::new(move || Ok(Trust::Pinned(vec![pin])));
    Ok(Nas::over(Arc::new(Socket::new(Way { address: at, login, trust, installer: installs }))))
}

fn pace() -> Result<f64, Failure> {
    let Ok(text) = env::var(PACE) else { return Ok(WATCHABLE) };
    text.parse::<f64>().ok().filter(|factor| factor.is_finite() && *factor >= 0.0).ok_or_else(|| {
        Failure::new(format!("{PACE}={text} is no pace"))
            .hint("1 is as slow as real hardware, 0.03 the usual, 0 instant")
    })
}
