//! Parts of text files that others write too: what is in them is read, changed in one place, and replaced as a whole.
use crate::{
    Apply, Failure, Lock, Look,
    host::{Action, Batch, HostPath, Hosts, HostsReader, Ownership, Spot, probe},
    plan::Note,
};

/// What two changes of one file at the same time wait for.
pub(super) fn lock(host: &crate::host::Host, path: &HostPath) -> Vec<Lock> {
    vec![Lock::exclusive(format!("{path} on {:?}", host.machine()))]
}

/// The lines of a file; `None` when it is not there.
pub(super) async fn lines(spot: &Spot, path: &HostPath, cx: &HostsReader) -> Result<Option<Vec<String>>, Failure> {
    let bytes = cx.ask(spot, probe::read(path.clone())).await?;
    bytes.map(|bytes| text(path, bytes)).transpose()
}

fn text(path: &HostPath, bytes: Vec<u8>) -> Result<Vec<String>, Failure> {
    let text = String::from_utf8(bytes).map_err(|_| {
        Failure::new(format!("{path} is no text: it has bytes that are no UTF-8"))
            .hint("only text can be changed line by line; replace it as a whole with a `File`")
    })?;
    // A line that ends as in DOS keeps its end.
    let text = text.strip_suffix('\n').unwrap_or(&text);
    Ok(if text.is_empty() { vec![] } else { text.split('\n').map(str::to_owned).collect() })
}

/// What a plan says where the file that is to be changed is not there: `missing` is what is known of that already.
pub(super) async fn inspect(
    host: &crate::host::Host,
    path: &HostPath,
    create: bool,
    missing: Option<bool>,
    cx: &Look<'_, Hosts>,
) -> Result<Vec<Note>, Failure> {
    let Some(spot) = host.spot(cx).filter(|_| !create) else { return Ok(vec![]) };
    let missing = match missing {
        Some(missing) => missing,
        None => cx.ask(&spot, probe::read(path.clone())).await?.is_none(),
    };
    let note = match cx.is_first() {
        true => Note::refused(format!("{path} is not there, and nothing that could bring it comes first"))
            .hint("say `.after(..)` of the package or the file that brings it, or `.create()` to make it"),
        false => Note::info(format!("{path} is not there yet: what comes first must bring it"))
            .hint("`.create()` makes it where nothing does"),
    };
    Ok(if missing { vec![note] } else { vec![] })
}

/// Whether a file is there now.
pub(super) async fn is_there(cx: &Apply<'_, Hosts>, spot: &Spot, path: &HostPath) -> Result<bool, Failure> {
    let mut batch = Batch::new();
    let stat = batch.ask(probe::stat(path.clone()));
    Ok(stat.of(&cx.ask(spot, &batch).await?)?.is_some())
}

/// What is done besides, and with a file that is not there, or that nothing is left in.
#[derive(Default)]
pub(super) struct Around {
    /// Done before the change, in the same message.
    pub(super) first: Vec<Action>,
    /// Done after it.
    pub(super) last: Vec<Action>,
    /// Whether a file that is not there is made: mode 0644, of root.
    pub(super) create: bool,
    /// Whether the file goes when nothing is left in it.
    pub(super) remove_empty: bool,
}

/// Changes the lines of a file as it is now: mode and owner stay.
pub(super) async fn edit(
    cx: &Apply<'_, Hosts>,
    spot: &Spot,
    path: &HostPath,
    around: Around,
    change: impl FnOnce(Vec<String>) -> Vec<String>,
) -> Result<(), Failure> {
    let mut batch = Batch::new();
    let stat = batch.ask(probe::stat(path.clone()));
    let read = batch.ask(probe::read(path.clone()));
    let replies = cx.ask(spot, &batch).await?;
    let (before, mode, owner) = match (stat.of(&replies)?, read.of(&replies)?) {
        (Some(stat), Some(bytes)) => (Some(text(path, bytes)?), stat.mode, Ownership::of(stat.owner, stat.group)),
        _ if around.create => (None, 0o644, Ownership::root()),
        _ => {
            return Err(Failure::new(format!("{path} on {spot} is not there, so nothing can be changed in it")).hint(
                "what brings it comes first: say `.after(..)` of the package or the file; or `.create()` to make it",
            ));
        }
    };
    let after = change(before.clone().unwrap_or_default());
    let write = (before.as_ref() != Some(&after)).then(|| match after.is_empty() && around.remove_empty {
        true => Action::Remove(path.clone()),
        false => {
            let mut content = after.join("\n");
            if !content.is_empty() {
                content.push('\n');
            }
            Action::Write { path: path.clone(), content: content.into(), mode, owner: Some(owner) }
        }
    });
    cx.carry_out(cx.permit(), spot, around.first.into_iter().chain(write).chain(around.last)).await
}
