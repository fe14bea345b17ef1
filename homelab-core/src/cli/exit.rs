//! The exit codes: what a script learns without reading a word.
use std::process::ExitCode;

/// How a verb ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exit {
    /// Everything that was asked for is done.
    Done = 0,
    /// A bug of this program; a panic ends so too.
    Bug = 1,
    /// Changes are pending: only `plan --detailed-exitcode` says so.
    Pending = 2,
    /// The lab's code is not valid.
    Invalid = 3,
    /// The world, or the plan, refused: a step failed, a site did not answer, something is protected, another run holds the lab.
    Refused = 4,
    /// Stuck: a human has to look before anything goes on.
    Stuck = 5,
    /// Something was changed, did not prove itself, and was taken back; what was there before is there again.
    RolledBack = 6,
    /// A check found something that is not as it should be: `verify`, `status`, `doctor`.
    Unsound = 7,
    /// The command line, the credentials or a plan file cannot be used.
    Usage = 64,
    /// Interrupted, or the question was not answered with yes.
    Interrupted = 130,
}

impl Exit {
    /// Of two ends the one that a script must hear of.
    #[must_use]
    pub fn worse(self, other: Exit) -> Exit {
        self.max(other)
    }

    /// The number.
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit.code())
    }
}

/// The table as `--help` prints it.
pub(super) const TABLE: &str = "\
Exit codes:
    0  done
    1  a bug of this program
    2  changes are pending (plan --detailed-exitcode)
    3  the lab is not valid
    4  the world or the plan refused, or a step failed
    5  stuck: a human has to look
    6  a change did not prove itself and was taken back
    7  a check found something wrong (verify, status, doctor)
   64  the command line, the credentials or a plan file cannot be used
  130  interrupted, or not agreed to";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_the_help_lists_every_code() {
        use Exit::*;
        for exit in [Done, Bug, Pending, Invalid, Refused, RolledBack, Stuck, Unsound, Usage, Interrupted] {
            let line = format!("\n{:>5}  ", exit.code());
            assert!(TABLE.contains(&line), "{exit:?}");
        }
        assert_eq!(TABLE.lines().count(), 11);
    }
}
