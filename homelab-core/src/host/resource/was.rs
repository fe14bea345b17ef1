//! What was at a path before us, so that it can be put back.
use super::kept::Kept;
use crate::{
    Apply, Failure,
    host::{Action, Batch, Command, FileKind, HostPath, Hosts, Ownership, Spot, facts::Stat, probe},
};
use serde::{Deserialize, Serialize};

/// The longest file that is kept aside in our note of it, in bytes.
const LONGEST: u64 = 4 << 20;

/// What was at a path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Was {
    Nothing,
    File {
        #[serde(with = "crate::bytes")]
        content: Vec<u8>,
        mode: u32,
        owner: String,
    },
    Link {
        #[serde(with = "crate::bytes")]
        to: Vec<u8>,
    },
    Dir {
        mode: u32,
        owner: String,
    },
}

/// `user:group`, of what is there.
pub(super) fn owner_of(stat: &Stat) -> String {
    format!("{}:{}", stat.owner, stat.group)
}

/// The same for an action.
pub(super) fn ownership(owner: &str) -> Ownership {
    let (user, group) = owner.split_once(':').unwrap_or((owner, owner));
    Ownership::of(user, group)
}

/// `0644`.
pub(super) fn octal(mode: u32) -> String {
    format!("{mode:04o}")
}

impl Was {
    /// The note of what is about to be made at a path: the one that is there goes on, or what is there now is kept.
    pub(super) async fn note(
        before: Option<&Kept<Was>>,
        spot: &Spot,
        path: &HostPath,
        cx: &Apply<'_, Hosts>,
    ) -> Result<Kept<Was>, Failure> {
        let was = match before {
            // A thing that was renamed keeps what was before it.
            Some(kept) => kept.before.clone(),
            None => Was::look(spot, path, cx).await?,
        };
        Ok(Kept::new(cx.mark(), was))
    }

    async fn look(spot: &Spot, path: &HostPath, cx: &Apply<'_, Hosts>) -> Result<Was, Failure> {
        let mut batch = Batch::new();
        let stat = batch.ask(probe::stat(path.clone()));
        let link = batch.ask(probe::read_link(path.clone()));
        let replies = cx.ask(spot, &batch).await?;
        let Some(stat) = stat.of(&replies)? else { return Ok(Was::Nothing) };
        let (mode, owner) = (stat.mode, owner_of(&stat));
        Ok(match stat.kind {
            FileKind::Dir => Was::Dir { mode, owner },
            FileKind::Link => Was::Link { to: link.of(&replies)?.unwrap_or_default() },
            FileKind::File if stat.size.unwrap_or(0) <= LONGEST => {
                let mut batch = Batch::new();
                let content = batch.ask(probe::read(path.clone()));
                let replies = cx.ask(spot, &batch).await?;
                Was::File { content: content.of(&replies)?.unwrap_or_default(), mode, owner }
            }
            FileKind::File => {
                return Err(Failure::new(format!("{path} on {spot} is there and too large to be kept aside"))
                    .hint("move it away by hand; files up to 4 MiB are kept and put back later"));
            }
            FileKind::Other => {
                return Err(Failure::new(format!("{path} on {spot} is a device, a socket or a pipe"))
                    .hint("choose another path; such a thing is never replaced"));
            }
        })
    }

    /// Puts it back in place of what is at the path now, which is ours. A directory goes only when it is empty.
    pub(super) fn put_back(&self, path: &HostPath, is_dir: bool) -> Vec<Action> {
        let away = || match is_dir {
            true => Action::Run(Command::new("rmdir").arg(path.as_bytes())),
            false => Action::Remove(path.clone()),
        };
        match self {
            Was::Nothing => vec![away()],
            Was::File { content, mode, owner } => {
                let away = is_dir.then(away);
                let (mode, owner) = (*mode, Some(ownership(owner)));
                let content = content.as_slice().into();
                away.into_iter().chain([Action::Write { path: path.clone(), content, mode, owner }]).collect()
            }
            Was::Link { to } => {
                let away = is_dir.then(away);
                away.into_iter().chain([Action::Link { path: path.clone(), to: to.clone() }]).collect()
            }
            Was::Dir { mode, owner } => {
                let away = (!is_dir).then(away);
                let (mode, owner) = (*mode, Some(ownership(owner)));
                away.into_iter().chain([Action::MakeDir { path: path.clone(), mode, owner }]).collect()
            }
        }
    }
}
