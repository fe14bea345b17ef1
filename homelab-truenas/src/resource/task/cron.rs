//! [`CronJob`]: a command at set times.
use crate::{
    Nas,
    resource::{
        Fields,
        row::{Entry, Row, RowOutputs, at_site},
        schedule::{Schedule, plain},
    },
};
use homelab_core::Site;
use serde::Serialize;

/// A command that the NAS runs at set times.
pub type CronJob = Entry<Cron>;

/// A job without a NAS.
#[derive(Clone, Debug)]
pub struct CronJobOf(String);

/// What a cron job is.
#[derive(Clone, Debug, Serialize)]
pub struct Cron {
    command: String,
    user: String,
    schedule: Schedule,
    enabled: bool,
    description: Option<String>,
    /// As cron mails it: what is true here is not mailed.
    stdout: bool,
    stderr: bool,
    #[serde(skip)]
    name: String,
    #[serde(skip)]
    site: Site<Nas>,
}

impl CronJob {
    /// The job of this name in the lab.
    #[must_use]
    pub fn named(name: impl Into<String>) -> CronJobOf {
        CronJobOf(name.into())
    }
    /// As this user, and not as root.
    #[must_use]
    pub fn user(mut self, user: impl Into<String>) -> CronJob {
        self.0.user = user.into();
        self
    }
    /// Words for people.
    #[must_use]
    pub fn description(mut self, words: impl Into<String>) -> CronJob {
        self.0.description = Some(words.into());
        self
    }
}

impl CronJobOf {
    /// This command, on this NAS, at these times.
    #[must_use]
    pub fn on(self, site: Site<Nas>, schedule: Schedule, command: impl Into<String>) -> CronJob {
        Entry(Cron {
            command: command.into(),
            user: "root".to_owned(),
            schedule,
            enabled: true,
            description: None,
            stdout: true,
            stderr: false,
            name: at_site(site, self.0),
            site,
        })
    }
}

impl Row for Cron {
    const KIND: &'static str = "truenas/cron";
    const TABLE: &'static str = "cronjob";
    const KEY: &'static [&'static str] = &["command", "user"];
    const MARK: Option<&'static str> = Some("description");
    type Outputs = RowOutputs;

    fn name(&self) -> &str {
        &self.name
    }
    fn site(&self) -> Site<Nas> {
        self.site
    }
    fn key(&self) -> impl Serialize + Send {
        (&self.command, &self.user)
    }
    fn observed(mut row: Fields) -> Fields {
        row.get_mut("schedule").into_iter().for_each(plain);
        row
    }
}
