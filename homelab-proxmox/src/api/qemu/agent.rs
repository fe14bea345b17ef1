//! The guest agent's setting: `agent`.
use crate::api::property::{ConfigError, ConfigString, Options, Other, Printer, as_text, unless};
use std::{
    fmt::{self, Display},
    str::FromStr,
};

/// Whether the server talks to an agent in the guest: `enabled=1,fstrim_cloned_disks=1`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agent {
    /// Whether it does. An agent that is enabled but not installed delays every shutdown.
    pub enabled: bool,
    /// Whether disks are trimmed after a clone or a move. Absent: no.
    pub fstrim_cloned_disks: Option<bool>,
    /// Whether file systems are frozen for backups. Absent: yes. (`freeze-fs-on-backup` before PVE 9.)
    pub freeze: Option<bool>,
    /// The channel: `virtio` (also when absent) or `isa`.
    pub channel: Option<String>,
    /// Options that are not modelled here.
    pub other: Other,
}

impl Agent {
    /// An agent that is (not) there, and nothing more said.
    #[must_use]
    pub fn enabled(enabled: bool) -> Self {
        Agent { enabled, fstrim_cloned_disks: None, freeze: None, channel: None, other: Other::new() }
    }
}

impl ConfigString for Agent {
    fn canonical(&self) -> Self {
        Agent {
            fstrim_cloned_disks: unless(&false, self.fstrim_cloned_disks),
            freeze: unless(&true, self.freeze),
            channel: unless("virtio", self.channel.clone()),
            ..self.clone()
        }
    }
}

impl Display for Agent {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        Printer::new()
            .first(format_args!("enabled={}", u8::from(self.enabled)))
            .flag("fstrim_cloned_disks", self.fstrim_cloned_disks)
            .flag("freeze-fs-on-backup", self.freeze)
            .set("type", self.channel.as_ref())
            .print(&self.other, to)
    }
}

impl FromStr for Agent {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<Self, ConfigError> {
        let mut options = Options::read("guest agent setting", text, "enabled")?;
        Ok(Agent {
            enabled: options.flag("enabled")?.ok_or_else(|| options.error("`enabled` is missing"))?,
            fstrim_cloned_disks: options.flag("fstrim_cloned_disks")?,
            freeze: options.flag_any(&["freeze-fs-on-backup", "freeze-fs", "guest-fsfreeze"])?,
            channel: options.take("type"),
            other: options.other(),
        })
    }
}
as_text!(Agent);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_enable_the_agent_means_the_same() {
        let on = Agent::enabled(true);
        for text in ["1", "enabled=1", "enabled=on", "1,type=virtio", "1,freeze-fs=1", "yes,fstrim_cloned_disks=0"] {
            assert!(text.parse::<Agent>().unwrap().same(&on), "{text}");
        }
        assert!(!"0".parse::<Agent>().unwrap().same(&on));
        assert!("maybe".parse::<Agent>().is_err());
    }
}
