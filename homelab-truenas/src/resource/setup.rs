//! A NAS that is set up: it has an administrator, and the lab a key.
use crate::{
    Nas,
    client::pause_after,
    rpc::{First, Install, Installed, Progress},
};
use homelab_core::{
    AnyHandle, Apply, Claim, Failure, Look, NoOutputs, Owner, Resource, Secret, SecretValue, Site,
    plan::{Action, Change, Note},
    units::{HostAddr, Size},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How long a NAS that was just installed may take until it answers.
const BOOT: Duration = Duration::from_secs(20 * 60);

/// The system of a NAS, from its first boot to a key that opens it.
///
/// It waits until the NAS answers, gives the first administrator his password if there is none yet, makes an API key for the lab and
/// keeps it, and the fingerprint of its certificate, in the secret store. Everything else of that NAS is placed after it. A NAS that has
/// a key already (given in the environment, or kept) is only looked at; nothing on it is changed.
///
/// With [`installed_on`](System::installed_on) it begins with an empty guest that starts the installer's ISO; else the installer has to be
/// run by somebody, with no administrator set or with the password that is given here. Deleting it takes the key out of the secret store;
/// the NAS stays as it is.
///
/// ```
/// # use homelab_core::{Lab, Secret, Site};
/// # use homelab_truenas::{Nas, resource::System};
/// # const NAS: Site<Nas> = Site::named("nas");
/// const PASSWORD: Secret = Secret::named("TRUENAS_MAIN_PASSWORD");
/// const KEY: Secret = Secret::named("TRUENAS_MAIN_API_KEY");
/// const PIN: Secret = Secret::named("TRUENAS_MAIN_FINGERPRINT").open();
/// let mut lab = Lab::named("home");
/// let nas = lab.add(System::of(NAS).administrator(PASSWORD).keeps(KEY, PIN));
/// # let _ = nas;
/// ```
#[derive(Clone, Debug, Serialize)]
pub struct System {
    #[serde(skip)]
    site: Site<Nas>,
    set_up: bool,
    administrator: Secret,
    key: Secret,
    fingerprint: Secret,
    #[serde(skip)]
    within: Option<AnyHandle>,
    #[serde(skip)]
    install: Option<Install>,
}

/// The system of a site; it lacks the administrator.
#[derive(Clone, Copy, Debug)]
pub struct SystemOf(Site<Nas>);

/// A system that lacks the names under which its key is kept.
#[derive(Clone, Copy, Debug)]
pub struct SystemBy(Site<Nas>, Secret);

impl System {
    /// The system of this site.
    #[must_use]
    pub fn of(site: Site<Nas>) -> SystemOf {
        SystemOf(site)
    }

    /// Installs it, if its installer answers and not itself: on the one disk of exactly this size whose model is QEMU's. Nothing that
    /// holds a pool of data is installed over, and a system that is there is only started.
    #[must_use]
    pub fn installed_on(mut self, disk: Size) -> Self {
        let address = self.install.and_then(|install| install.address);
        self.install = Some(Install { disk, model: "QEMU HARDDISK".into(), address });
        self
    }

    /// Gives the first interface of what is [installed](System::installed_on) this address. Without it all go by DHCP.
    ///
    /// # Panics
    /// When it is not to be installed.
    #[must_use]
    #[track_caller]
    pub fn first_address(mut self, at: HostAddr) -> Self {
        let install = self.install.as_mut().expect("say first on which disk: `.installed_on(32.gib())`");
        install.address = Some((at.ip(), at.prefix()));
        self
    }

    /// The guest that it runs in: when that is made anew, this is too.
    #[must_use]
    pub fn within(mut self, guest: impl Into<AnyHandle>) -> Self {
        self.within = Some(guest.into());
        self
    }
}

impl SystemOf {
    /// The password of `truenas_admin`.
    #[must_use]
    pub fn administrator(self, password: Secret) -> SystemBy {
        SystemBy(self.0, password)
    }
}

impl SystemBy {
    /// The names under which the key and the fingerprint are kept: those that the way to the site looks for
    /// ([`TrueNas::key`](crate::site::TrueNas::key)).
    #[must_use]
    pub fn keeps(self, key: Secret, fingerprint: Secret) -> System {
        System { site: self.0, set_up: true, administrator: self.1, key, fingerprint, within: None, install: None }
    }
}

/// What is observed of it.
#[derive(Clone, Debug, Serialize)]
pub struct SystemState {
    set_up: bool,
    version: String,
    hostname: String,
}

/// What it is found by: its site has one.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SystemId {}

async fn look(cx: &Look<'_, Nas>) -> Result<Option<SystemState>, Failure> {
    let info: Option<Value> = cx.fresh("system.info", vec![]).await?;
    let text = |info: &Value, name: &str| info.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    Ok(info.map(|info| SystemState {
        set_up: true,
        version: text(&info, "version"),
        hostname: text(&info, "hostname"),
    }))
}

impl Resource for System {
    const KIND: &'static str = "truenas/system";
    const WRITE_ONLY: &'static [&'static str] = &["administrator", "key", "fingerprint"];
    type Provider = Nas;
    type State = SystemState;
    type Id = SystemId;
    type Outputs = NoOutputs;

    fn name(&self) -> &str {
        self.site.name()
    }

    fn site(&self) -> Site<Nas> {
        self.site
    }

    fn lives_in(&self) -> Option<AnyHandle> {
        self.within
    }

    fn claims(&self) -> Vec<Claim> {
        vec![Claim::secret(&self.key), Claim::secret(&self.fingerprint)]
    }

    fn estimate(&self, _: Action) -> Duration {
        Duration::from_secs(120)
    }

    fn review(&self, _: Option<&SystemState>, action: Action, _: &[Change]) -> Vec<Note> {
        match action {
            Action::Create => {
                let first = "whoever sets it up first is its administrator; its certificate is trusted from that first meeting on";
                let installs = self.install.as_ref().map(|install| {
                    let (model, size) = (&install.model, install.disk.about());
                    format!("if its installer answers, the system is installed on the {model} of {size}; no disk with data is touched")
                });
                [first.to_owned()].into_iter().chain(installs).map(Note::info).collect()
            }
            _ => vec![],
        }
    }

    async fn read(&self, cx: &Look<'_, Nas>) -> Result<Option<SystemState>, Failure> {
        look(cx).await
    }

    async fn find(_: &SystemId, cx: &Look<'_, Nas>) -> Result<Option<SystemState>, Failure> {
        look(cx).await
    }

    fn id(_: &SystemState) -> SystemId {
        SystemId {}
    }

    fn planned_id(&self) -> Option<SystemId> {
        Some(SystemId {})
    }

    /// There is one, and it is that of the site: with its key it is ours.
    fn owner(_: &SystemState) -> Owner {
        Owner::Unmarkable
    }

    async fn apply(&self, now: Option<&SystemState>, cx: &Apply<'_, Nas>) -> Result<(), Failure> {
        if now.is_some() {
            return Ok(());
        }
        let first = First { password: cx.secret(&self.administrator)?, key_name: format!("homelab-{}", cx.mark().lab) };
        let (mut began, mut restarted) = (Instant::now(), false);
        let keys = loop {
            match cx.set_up(cx.permit(), &first).await {
                Err(error) if error.is_transient() && began.elapsed() < BOOT => {
                    match self.installed(cx).await? {
                        Installed::Nowhere => {}
                        Installed::Made => {
                            began = Instant::now();
                            continue;
                        }
                        Installed::Restarted if restarted => {
                            return Err(Failure::new("the disk holds a system, and the guest starts the installer all the same")
                                .hint("put the disk before the CD in its boot order; if what is on it may go, wipe it by hand"));
                        }
                        Installed::Restarted => restarted = true,
                    }
                    cx.progress(format!("waits until the NAS answers ({} s)", began.elapsed().as_secs()), None);
                    sleep(pause_after(began.elapsed())).await;
                }
                other => break other?,
            }
        };
        // The pin first: a key without it opens nothing.
        cx.keep(&self.fingerprint, SecretValue::from(keys.fingerprint.to_string()))?;
        cx.keep(&self.key, keys.key)
    }

    async fn delete(_: &SystemState, _: &Apply<'_, Nas>) -> Result<(), Failure> {
        Ok(())
    }
}

impl System {
    /// Drives the installer, if this is to be installed and one answers.
    async fn installed(&self, cx: &Apply<'_, Nas>) -> Result<Installed, Failure> {
        let Some(install) = &self.install else { return Ok(Installed::Nowhere) };
        let mut watch = |progress: &Progress| {
            let percent = progress.percent.map(|percent| percent.clamp(0.0, 100.0) as u8);
            cx.progress(progress.description.as_deref().unwrap_or("installs"), percent);
        };
        Ok(cx.install(cx.permit(), install, &mut watch).await?)
    }
}
