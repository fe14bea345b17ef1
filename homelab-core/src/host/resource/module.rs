//! Kernel modules that are loaded.
use super::{
    kept::{Kept, Place, forget, lives_on_a_machine},
    whole::put,
};
use crate::{
    Apply, Failure, NoOutputs, Provider, Resource,
    host::{Action, Batch, Command, Host, HostPath, Hosts, HostsReader, probe},
};
use futures_util::future::try_join3;
use serde::{Deserialize, Serialize};

/// What modprobe takes for a module.
#[track_caller]
pub(super) fn module_name(name: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"_-".contains(&b);
    assert!(
        !name.is_empty() && name.bytes().all(plain) && !name.starts_with('-'),
        "`{}` is no kernel module",
        name.escape_debug()
    );
    name.to_owned()
}

/// A kernel module that is loaded, now and at each boot. When it goes, it is unloaded unless it was loaded before.
///
/// ```
/// # use homelab_core::{Lab, host::{Computer, KernelModule}, units::Network};
/// # const LAN: Network = Network::new("LAN", [192, 168, 0, 0], 24);
/// # let mut lab = Lab::named("home");
/// # let din = lab.add(Computer::named("din", LAN.host(11)));
/// lab.add(KernelModule::on(din, "vfio-pci"));
/// ```
#[derive(Clone, Debug, Serialize)]
pub struct KernelModule {
    #[serde(skip)]
    host: Host,
    #[serde(skip)]
    name: String,
    loaded: bool,
    at_boot: bool,
}

impl KernelModule {
    /// A module of this name.
    ///
    /// # Panics
    /// On what is no name of a module.
    #[must_use]
    #[track_caller]
    pub fn on(host: impl Into<Host>, name: &str) -> Self {
        KernelModule { host: host.into(), name: module_name(name), loaded: true, at_boot: true }
    }
}

fn boot_file(name: &str) -> HostPath {
    HostPath::at(&format!("/etc/modules-load.d/homelab-{name}.conf"))
}

/// Whether a module was loaded before us.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Before {
    loaded: bool,
}

/// What is seen of a module.
#[derive(Clone, Debug, Serialize)]
pub struct KernelModuleState {
    /// Whether it is loaded.
    pub loaded: bool,
    /// Whether our file loads it at boot.
    pub at_boot: bool,
    #[serde(skip)]
    place: Place,
    #[serde(skip)]
    kept: Option<Kept<Before>>,
}

/// Where the kernel shows a module: with `_`, however it is written.
fn shown(name: &str) -> HostPath {
    HostPath::at(&format!("/sys/module/{}", name.replace('-', "_")))
}

async fn look(place: &Place, cx: &HostsReader) -> Result<Option<KernelModuleState>, Failure> {
    let loaded = cx.ask(&place.spot, probe::stat(shown(&place.name)));
    let file = cx.ask(&place.spot, probe::read(boot_file(&place.name)));
    let (kept, loaded, file) = try_join3(Kept::recall(KernelModule::KIND, place, cx), loaded, file).await?;
    let at_boot = file.is_some_and(|text| text == format!("{}\n", place.name).into_bytes());
    Ok(kept.is_some().then(|| KernelModuleState { loaded: loaded.is_some(), at_boot, place: place.clone(), kept }))
}

impl Resource for KernelModule {
    const KIND: &'static str = "host/kernel-module";
    type Outputs = NoOutputs;
    lives_on_a_machine!(KernelModuleState);

    async fn apply(&self, now: Option<&KernelModuleState>, cx: &Apply<'_, Hosts>) -> Result<(), Failure> {
        let spot = self.host.spot_now(cx)?;
        let before = match now.and_then(|now| now.kept.clone()) {
            Some(kept) => kept.before,
            None => Before { loaded: cx.reader().ask(&spot, probe::stat(shown(&self.name))).await?.is_some() },
        };
        let actions = [
            Kept::new(cx.mark(), before).write(Self::KIND, &self.name),
            Action::Run(Command::new("modprobe").args(["--", &self.name])),
            put(&boot_file(&self.name), format!("{}\n", self.name), 0o644),
        ];
        cx.carry_out(cx.permit(), &spot, actions).await
    }

    async fn delete(state: &KernelModuleState, cx: &Apply<'_, Hosts>) -> Result<(), Failure> {
        let name = &state.place.name;
        let mut batch = Batch::new();
        batch.act(cx.permit(), Action::Remove(boot_file(name)));
        batch.barrier();
        if state.loaded && state.kept.as_ref().is_some_and(|kept| !kept.before.loaded) {
            // One that is in use stays until the next boot.
            batch.run(cx.permit(), Command::new("modprobe").args(["-r", "--", name]));
        }
        batch.act(cx.permit(), forget(Self::KIND, name));
        cx.all(cx.permit(), &state.place.spot, &batch).await
    }
}
