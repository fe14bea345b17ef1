//! Restarts of whole machines.
use super::{
    kept::{Kept, Place, forget, lives_on_a_machine},
    run::values,
};
use crate::{
    Apply, Failure, Look, NoOutputs, Resource, Text,
    host::{Batch, Command, Host, HostPath, Hosts, HostsReader, Spot, probe},
    plan::{self, Change, Note},
};
use futures_util::future::try_join3;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use tokio::time::Instant;

/// How long a machine may take until it answers again.
const WAIT: Duration = Duration::from_secs(900);
/// The pause between two looks.
const PAUSE: Duration = Duration::from_secs(2);
/// Debian's packages leave this where they need a restart.
const REQUIRED: &str = "/run/reboot-required";

/// A restart of a machine, when something that needs one has changed. It is a step of the plan, with its reason; it stays to be
/// done over crashes until the machine has booted anew, and what comes `.after` it waits until it answers.
///
/// ```
/// # use homelab_core::{Lab, host::{Computer, File, Reboot}, units::Network};
/// # const LAN: Network = Network::new("LAN", [192, 168, 0, 0], 24);
/// # let mut lab = Lab::named("home");
/// # let web = lab.add(Computer::named("web", LAN.host(11)));
/// let iommu = lab.add(File::on(web, "/etc/modprobe.d/vfio.conf", "options vfio-pci ids=1000:0097\n"));
/// lab.add(Reboot::on(web).if_required().when(iommu.digest()));
/// ```
#[derive(Clone, Debug, Serialize)]
pub struct Reboot {
    #[serde(skip)]
    host: Host,
    #[serde(skip)]
    name: String,
    required: Option<bool>,
    when: Vec<Text>,
}

impl Reboot {
    /// A restart of this machine.
    #[must_use]
    pub fn on(host: impl Into<Host>) -> Self {
        Reboot { host: host.into(), name: "reboot".into(), required: None, when: vec![] }
    }

    /// Where there are several: one for the kernel before the drivers, say.
    ///
    /// # Panics
    /// When the name is empty or begins with a slash.
    #[must_use]
    #[track_caller]
    pub fn named(mut self, name: &str) -> Self {
        assert!(!name.is_empty() && !name.starts_with('/'), "`{}` is no name for a restart", name.escape_debug());
        self.name = name.to_owned();
        self
    }

    /// When the machine itself says that it needs one: `/run/reboot-required`, which Debian's packages leave.
    #[must_use]
    pub fn if_required(mut self) -> Self {
        self.required = Some(false);
        self
    }

    /// Whenever this has another value than at the last restart: the digest of a file, the version of a package.
    #[must_use]
    pub fn when(mut self, changed: impl Into<Text>) -> Self {
        self.when.push(changed.into());
        self
    }
}

/// What the restart was for, and the boot that has to end for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Before {
    when: Vec<String>,
    boot: String,
}

/// What is seen of the need of a restart.
#[derive(Clone, Debug, Serialize)]
pub struct RebootState {
    /// Whether the machine says that it needs one.
    pub required: bool,
    /// What it was restarted for had these values.
    pub when: Vec<String>,
    #[serde(skip)]
    place: Place,
    #[serde(skip)]
    kept: Option<Kept<Before>>,
}

async fn look(place: &Place, cx: &HostsReader) -> Result<Option<RebootState>, Failure> {
    let required = cx.ask(&place.spot, probe::stat(HostPath::at(REQUIRED)));
    let (kept, required, system) =
        try_join3(Kept::<Before>::recall(Reboot::KIND, place, cx), required, cx.ask(&place.spot, probe::system()))
            .await?;
    // A note of the boot that still goes on is of a restart that is still to come.
    let done = kept.as_ref().filter(|kept| kept.before.boot != system.boot_id);
    let when = done.map(|kept| kept.before.when.clone()).unwrap_or_default();
    Ok(Some(RebootState { required: required.is_some(), when, place: place.clone(), kept }))
}

impl Resource for Reboot {
    const KIND: &'static str = "host/reboot";
    const COMMON: bool = true;
    type Outputs = NoOutputs;
    lives_on_a_machine!(RebootState, own read);

    fn review(&self, now: Option<&RebootState>, action: plan::Action, changes: &[Change]) -> Vec<Note> {
        if matches!(action, plan::Action::Delete | plan::Action::Keep | plan::Action::Forget) {
            return vec![];
        }
        let asked = now.is_some_and(|now| now.required) && changes.iter().any(|c| c.top() == "required");
        let why = if asked { "the machine says that it needs it" } else { "what it is for changes" };
        vec![Note::reboot(format!("the machine is restarted, because {why}"))]
    }
    fn estimate(&self, _: plan::Action) -> Duration {
        Duration::from_secs(60)
    }
    async fn read(&self, cx: &Look<'_, Hosts>) -> Result<Option<RebootState>, Failure> {
        let Some(spot) = self.host.spot(cx) else { return Ok(None) };
        let Some(seen) = look(&Place { spot, name: self.name.clone() }, cx).await? else { return Ok(None) };
        let wanted = values(&self.when, cx)?;
        let content = self.required.is_none_or(|required| required == seen.required)
            && wanted.is_some_and(|wanted| wanted.is_empty() || wanted == seen.when);
        // Without a note of ours there is a restart to make, or nothing at all.
        Ok((seen.kept.is_some() || content).then_some(seen))
    }
    async fn apply(&self, _: Option<&RebootState>, cx: &Apply<'_, Hosts>) -> Result<(), Failure> {
        let spot = self.host.spot_now(cx)?;
        let when =
            self.when.iter().map(|text| Ok(cx.text(text)?.expose().to_owned())).collect::<Result<_, Failure>>()?;
        let boot = boot(&spot, cx).await?;
        let note = Kept::new(cx.mark(), Before { when, boot: boot.clone() });
        cx.carry_out(cx.permit(), &spot, [note.write(Self::KIND, &self.name)]).await?;
        let mut batch = Batch::new();
        batch.run(cx.permit(), Command::new("systemctl").arg("reboot"));
        // Whether the answer still comes is a matter of luck; that it boots anew is what counts.
        if let Err(failure) = cx.run(cx.permit(), &spot, &batch).await
            && failure.nature != crate::Nature::Passing
        {
            return Err(failure);
        }
        let began = Instant::now();
        loop {
            match self::boot(&spot, cx).await {
                Ok(now) if now != boot => return Ok(()),
                Err(failure) if failure.nature != crate::Nature::Passing => return Err(failure),
                _ if began.elapsed() > WAIT => {
                    return Err(Failure::new(format!(
                        "{spot} has not come back from its restart in {} s",
                        WAIT.as_secs()
                    ))
                    .hint("look at its console; when it is up again, run again"));
                }
                _ => cx.progress(format!("waits for {spot} to come back ({} s)", began.elapsed().as_secs()), None),
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
    async fn delete(state: &RebootState, cx: &Apply<'_, Hosts>) -> Result<(), Failure> {
        let Place { spot, name } = &state.place;
        cx.carry_out(cx.permit(), spot, [forget(Self::KIND, name)]).await
    }
}

/// Which boot a machine is in.
async fn boot(spot: &Spot, cx: &Apply<'_, Hosts>) -> Result<String, Failure> {
    let mut batch = Batch::new();
    let system = batch.ask(probe::system());
    Ok(system.of(&cx.ask(spot, &batch).await?)?.boot_id)
}
