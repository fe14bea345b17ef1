//! The initramfs, which has to be built anew when what it is made from has changed.
use super::{
    kept::{Kept, Place, forget, lives_on_a_machine},
    service::values,
};
use crate::{
    Apply, Failure, NoOutputs, Resource, Text,
    host::{Action, Command, Host, Hosts, HostsReader},
};
use serde::Serialize;
use std::time::Duration;

/// How long building one for each kernel may take.
const BUILT_WITHIN: Duration = Duration::from_secs(600);

/// The initramfs of all installed kernels, built anew when what it was given with [`rebuilt_on`](Initramfs::rebuilt_on) has changed.
/// That stays to be done, over crashes too, until it is done.
#[derive(Clone, Debug, Serialize)]
pub struct Initramfs {
    #[serde(skip)]
    host: Host,
    #[serde(skip)]
    name: String,
    built_with: Vec<Text>,
}

impl Initramfs {
    /// The initramfs of a machine.
    #[must_use]
    pub fn on(host: impl Into<Host>) -> Self {
        Initramfs { host: host.into(), name: "all".into(), built_with: vec![] }
    }

    /// Built anew when this has another value.
    #[must_use]
    pub fn rebuilt_on(mut self, changed: impl Into<Text>) -> Self {
        self.built_with.push(changed.into());
        self
    }
}

/// What is seen of an initramfs.
#[derive(Clone, Debug, Serialize)]
pub struct InitramfsState {
    /// What it was built with.
    pub built_with: Vec<String>,
    #[serde(skip)]
    place: Place,
    #[serde(skip)]
    kept: Option<Kept<Vec<String>>>,
}

async fn look(place: &Place, cx: &HostsReader) -> Result<Option<InitramfsState>, Failure> {
    let kept = Kept::<Vec<String>>::recall(Initramfs::KIND, place, cx).await?;
    Ok(kept.map(|kept| InitramfsState { built_with: kept.before.clone(), place: place.clone(), kept: Some(kept) }))
}

impl Resource for Initramfs {
    const KIND: &'static str = "host/initramfs";
    type Outputs = NoOutputs;
    lives_on_a_machine!(InitramfsState);

    async fn apply(&self, _: Option<&InitramfsState>, cx: &Apply<'_, Hosts>) -> Result<(), Failure> {
        let with = values(cx, &self.built_with)?;
        let build = Command::new("update-initramfs").args(["-u", "-k", "all"]).within(BUILT_WITHIN);
        let actions = [Action::Run(build), Kept::new(cx.mark(), with).write(Self::KIND, &self.name)];
        cx.carry_out(cx.permit(), &self.host.spot_now(cx)?, actions).await
    }

    async fn delete(state: &InitramfsState, cx: &Apply<'_, Hosts>) -> Result<(), Failure> {
        cx.carry_out(cx.permit(), &state.place.spot, [forget(Self::KIND, &state.place.name)]).await
    }
}
