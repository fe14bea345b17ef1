//! Parts of text files that others write too: what is in them is read, changed in one place, and replaced as a whole.
use crate::{
    Apply, Failure, Lock,
    host::{Action, Batch, HostPath, Hosts, HostsReader, Ownership, Spot, probe},
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

/// Changes the lines of a file as it is now: mode and owner stay. `first` is done before.
pub(super) async fn edit(
    cx: &Apply<'_, Hosts>,
    spot: &Spot,
    path: &HostPath,
    first: Vec<Action>,
    last: Vec<Action>,
    change: impl FnOnce(Vec<String>) -> Vec<String>,
) -> Result<(), Failure> {
    let mut batch = Batch::new();
    let stat = batch.ask(probe::stat(path.clone()));
    let read = batch.ask(probe::read(path.clone()));
    let replies = cx.ask(spot, &batch).await?;
    let (Some(stat), Some(bytes)) = (stat.of(&replies)?, read.of(&replies)?) else {
        return Err(Failure::new(format!("{path} on {spot} is not there, so nothing can be changed in it"))
            .hint("what brings it comes first: say `.after(..)` of the package or the file"));
    };
    let before = text(path, bytes)?;
    let after = change(before.clone());
    let write = (after != before).then(|| {
        let mut content = after.join("\n");
        if !content.is_empty() {
            content.push('\n');
        }
        let owner = Some(Ownership::of(stat.owner, stat.group));
        Action::Write { path: path.clone(), content: content.into(), mode: stat.mode, owner }
    });
    cx.carry_out(cx.permit(), spot, first.into_iter().chain(write).chain(last)).await
}
