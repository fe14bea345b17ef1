//! The kinds of resources that live inside machines.
//!
//! | kind | what |
//! |---|---|
//! | [`Computer`] | a machine that is there already: only looked at |
//! | [`File`], [`Directory`], [`Link`] | what is at a path |
//! | [`Line`], [`Block`] | parts of files that others write too |
//! | [`ComposeStack`] | containers, by Docker Compose |
//! | [`Run`], [`Reboot`] | what is done when something has changed |
mod block;
mod compose;
mod computer;
mod directory;
mod edit;
mod file;
mod kept;
mod line;
mod link;
mod reboot;
mod run;
mod was;

pub use block::{Block, BlockState};
#[cfg(feature = "sim")]
pub(crate) use compose::{ComposeFile, dotenv};
pub use compose::{ComposeStack, DockerHost, RunsDocker, StackState};
pub use computer::{Computer, ComputerOutputs, ComputerState};
pub use directory::{Directory, DirectoryState};
pub use file::{File, FileOutputs, FileState};
pub use kept::Place;
pub use line::{Line, LineState};
pub use link::{Link, LinkState};
pub use reboot::{Reboot, RebootState};
pub use run::{Run, RunState};

use super::Hosts;
use crate::Kind;

/// All of them.
pub(super) fn kinds() -> Vec<Kind<Hosts>> {
    vec![
        Kind::of::<Block>(),
        Kind::of::<ComposeStack>(),
        Kind::of::<Computer>(),
        Kind::of::<Directory>(),
        Kind::of::<File>(),
        Kind::of::<Line>(),
        Kind::of::<Link>(),
        Kind::of::<Reboot>(),
        Kind::of::<Run>(),
    ]
}
