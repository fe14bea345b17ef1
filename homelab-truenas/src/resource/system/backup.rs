//! [`ConfigBackup`]: the configuration of a NAS, kept by the lab.
use crate::{Nas, resource::row::at_site};
use data_encoding::BASE64;
use homelab_core::{
    Apply, Claim, Failure, Look, NoOutputs, Resource, Secret, SecretValue, Site,
    plan::{Action, Change, Note},
};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// One day.
const DAY: Duration = Duration::from_secs(24 * 3600);

/// The configuration of a NAS as the NAS itself saves it, with what decrypts the secrets in it, encrypted in the lab's secret store.
///
/// A copy that is older than it may be is made anew by the next deploy. It is an archive (tar) in Base64: `secret get NAME | base64 -d`
/// gives the file that the web interface takes under System, General Settings, Manage Configuration. It goes from the store when this
/// leaves the code.
#[derive(Debug, Serialize)]
pub struct ConfigBackup {
    /// Whether there is a copy that is young enough.
    fresh: bool,
    #[serde(skip)]
    days: u32,
    #[serde(skip)]
    secret: Secret,
    #[serde(skip)]
    name: String,
    #[serde(skip)]
    site: Site<Nas>,
}

/// A copy of which nobody has said where it is kept.
#[derive(Clone, Copy, Debug)]
pub struct ConfigBackupOf(Site<Nas>);

impl ConfigBackup {
    /// Of this NAS.
    #[must_use]
    pub const fn of(site: Site<Nas>) -> ConfigBackupOf {
        ConfigBackupOf(site)
    }
}

impl ConfigBackupOf {
    /// Kept as this secret, and made anew by the first deploy after so many days.
    #[must_use]
    pub fn kept_as(self, secret: Secret, days: u32) -> ConfigBackup {
        ConfigBackup { fresh: true, days, secret, name: at_site(self.0, "config"), site: self.0 }
    }
}

/// A copy that is kept.
#[derive(Clone, Debug, Serialize)]
pub struct ConfigBackupState {
    fresh: bool,
    #[serde(skip)]
    age: Duration,
}

/// There is one of each NAS.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ConfigBackupId {}

impl Resource for ConfigBackup {
    const KIND: &'static str = "truenas/config-backup";
    type Provider = Nas;
    type State = ConfigBackupState;
    type Id = ConfigBackupId;
    type Outputs = NoOutputs;

    fn name(&self) -> &str {
        &self.name
    }
    fn site(&self) -> Site<Nas> {
        self.site
    }
    fn claims(&self) -> Vec<Claim> {
        vec![Claim::secret(&self.secret)]
    }
    fn review(&self, now: Option<&ConfigBackupState>, action: Action, _: &[Change]) -> Vec<Note> {
        let old = now.filter(|_| action == Action::Update);
        old.map(|now| Note::info(format!("the copy is {} days old", now.age.as_secs() / DAY.as_secs())))
            .into_iter()
            .collect()
    }
    async fn read(&self, cx: &Look<'_, Nas>) -> Result<Option<ConfigBackupState>, Failure> {
        let age = cx.kept(&self.secret).and_then(|_| cx.age(&self.secret));
        Ok(age.map(|age| ConfigBackupState { fresh: age <= self.days * DAY, age }))
    }
    /// What it kept goes with it, without a question to the NAS.
    async fn find(_: &ConfigBackupId, _: &Look<'_, Nas>) -> Result<Option<ConfigBackupState>, Failure> {
        Ok(None)
    }
    fn id(_: &ConfigBackupState) -> ConfigBackupId {
        ConfigBackupId {}
    }
    fn planned_id(&self) -> Option<ConfigBackupId> {
        Some(ConfigBackupId {})
    }
    async fn apply(&self, now: Option<&ConfigBackupState>, cx: &Apply<'_, Nas>) -> Result<(), Failure> {
        if now.is_some_and(|now| now.fresh) {
            return Ok(());
        }
        let file = cx.saved_config().await?;
        cx.keep(&self.secret, SecretValue::from(BASE64.encode(&file)))
    }
    async fn delete(_: &ConfigBackupState, _: &Apply<'_, Nas>) -> Result<(), Failure> {
        Ok(())
    }
}
