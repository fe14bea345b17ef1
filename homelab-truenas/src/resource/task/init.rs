//! [`InitScript`]: a command when the NAS starts or stops.
use crate::{
    Nas,
    resource::row::{Entry, Row, RowOutputs, at_site},
};
use homelab_core::Site;
use serde::Serialize;

/// When an init script runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum When {
    /// Before pools are imported and services start.
    PreInit,
    /// When everything runs.
    PostInit,
    /// Before the NAS stops.
    Shutdown,
}

/// A command that the NAS runs when it starts or stops.
pub type InitScript = Entry<Init>;

/// A script without a NAS.
#[derive(Clone, Debug)]
pub struct InitScriptOf(String);

/// What an init script is.
#[derive(Clone, Debug, Serialize)]
pub struct Init {
    #[serde(rename = "type")]
    kind: &'static str,
    command: String,
    when: When,
    timeout: u32,
    enabled: bool,
    comment: Option<String>,
    #[serde(skip)]
    name: String,
    #[serde(skip)]
    site: Site<Nas>,
}

impl InitScript {
    /// The script of this name in the lab.
    #[must_use]
    pub fn named(name: impl Into<String>) -> InitScriptOf {
        InitScriptOf(name.into())
    }
    /// How many seconds it may take; 10 if nothing is said.
    #[must_use]
    pub fn timeout_seconds(mut self, seconds: u32) -> InitScript {
        self.0.timeout = seconds;
        self
    }
}

impl InitScriptOf {
    /// This command, on this NAS, at this time.
    #[must_use]
    pub fn on(self, site: Site<Nas>, when: When, command: impl Into<String>) -> InitScript {
        Entry(Init {
            kind: "COMMAND",
            command: command.into(),
            when,
            timeout: 10,
            enabled: true,
            comment: None,
            name: at_site(site, self.0),
            site,
        })
    }
}

impl Row for Init {
    const KIND: &'static str = "truenas/init-script";
    const TABLE: &'static str = "initshutdownscript";
    const KEY: &'static [&'static str] = &["command", "when"];
    const MARK: Option<&'static str> = Some("comment");
    type Outputs = RowOutputs;

    fn name(&self) -> &str {
        &self.name
    }
    fn site(&self) -> Site<Nas> {
        self.site
    }
    fn key(&self) -> impl Serialize + Send {
        (&self.command, self.when)
    }
}
