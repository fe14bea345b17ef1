//! Ids of tasks.
use crate::api::ConfigError;
use std::{
    fmt::{self, Display},
    str::FromStr,
};

/// The id of a task: `UPID:din:0003B2C1:00A1B2C3:6650A1B2:qmclone:9000:root@pam!terraform:`. It names the node that runs
/// the task, which is the one to ask about it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Upid {
    /// The node that runs it.
    pub node: String,
    /// The process on that node.
    pub pid: u32,
    /// When the process started, in clock ticks since the node's start.
    pub pstart: u64,
    /// When the task started, in seconds since 1970.
    pub starttime: u32,
    /// What it does: `qmclone`, `qmcreate`, `imgcopy`.
    pub kind: String,
    /// To what: a guest's number, a storage, or nothing.
    pub id: String,
    /// For whom: `root@pam`, or `root@pam!terraform` for a token.
    pub user: String,
}

impl Display for Upid {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Upid { node, pid, pstart, starttime, kind, id, user } = self;
        write!(to, "UPID:{node}:{pid:08X}:{pstart:08X}:{starttime:08X}:{kind}:{id}:{user}:")
    }
}

impl FromStr for Upid {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<Self, ConfigError> {
        let wrong =
            || ConfigError::new("task id", text, "it is not of the form UPID:NODE:PID:START:TIME:TYPE:ID:USER:");
        let parts: Vec<_> = text.split(':').collect();
        let ["UPID", node, pid, pstart, starttime, kind, id, user, ""] = parts[..] else { return Err(wrong()) };
        let upper = |digits: &str| !digits.bytes().any(|byte| byte.is_ascii_lowercase() || byte == b'+');
        let widths = pid.len() == 8 && matches!(pstart.len(), 8 | 9) && starttime.len() == 8;
        let named = !node.is_empty() && !kind.is_empty() && !user.is_empty();
        if !widths || !named || ![pid, pstart, starttime].into_iter().all(upper) {
            return Err(wrong());
        }
        Ok(Upid {
            node: node.to_owned(),
            pid: u32::from_str_radix(pid, 16).map_err(|_| wrong())?,
            pstart: u64::from_str_radix(pstart, 16).map_err(|_| wrong())?,
            starttime: u32::from_str_radix(starttime, 16).map_err(|_| wrong())?,
            kind: kind.to_owned(),
            id: id.to_owned(),
            user: user.to_owned(),
        })
    }
}
crate::api::property::as_text!(Upid);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn task_ids_print_and_parse() {
        for text in [
            "UPID:din:0003B2C1:00A1B2C3:6650A1B2:qmclone:9000:root@pam!terraform:",
            "UPID:pve-1:0003B2C1:1A1B2C3D4:6650A1B2:imgcopy::root@pam:",
            "UPID:pve:0003B2C1:00A1B2C3:6650A1B2:imgdel:7130@local:root@pam!ci:",
        ] {
            assert_eq!(text.parse::<Upid>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_no_task_id_is_refused() {
        for text in ["", "UPID:din:1:2:3:qmclone:9000:root@pam:", "UPID:din:0003B2C1:00A1B2C3:6650A1B2:x:1:root@pam"] {
            assert!(text.parse::<Upid>().is_err(), "{text}");
        }
    }
}
