//! Who may give rights: nothing is taken away by which the last of them, beside root, does it.
use super::{rows, text, words};
use crate::client::Reader;
use homelab_core::Failure;
use std::collections::BTreeSet;

/// The privilege that the others can be had with.
const GIVES: &str = "Permissions.Modify";

/// Everybody who may give rights everywhere, as the access list says it: `ada@pve`, `ada@pve!laptop`, `@admins`. root@pam is not in
/// it, who always may, with a password.
async fn all(reader: &Reader) -> Result<BTreeSet<String>, Failure> {
    let roles = rows(reader, "the roles", "/access/roles").await?;
    let gives = |role: &str| {
        roles.iter().any(|row| {
            text(row, "roleid").as_deref() == Some(role) && words(row, "privs").iter().any(|one| one == GIVES)
        })
    };
    let lines = rows(reader, "the access list", "/access/acl").await?;
    let held = lines.iter().filter_map(|row| {
        let (who, role) = (text(row, "ugid")?, text(row, "roleid")?);
        let everywhere = text(row, "path")? == "/" && text(row, "propagate").is_some_and(|on| on != "0");
        let who = if text(row, "type").as_deref() == Some("group") { format!("@{who}") } else { who };
        (everywhere && gives(&role) && who != "root@pam").then_some(who)
    });
    Ok(held.collect())
}

/// Refuses to take rights from this one, if nobody but root may give any then.
pub(super) async fn is_last(reader: &Reader, who: &str) -> Result<bool, Failure> {
    let all = all(reader).await?;
    Ok(all.contains(who) && all.iter().all(|other| other == who || other.starts_with(&format!("{who}!"))))
}

/// What is said then.
pub(super) fn refused(who: &str) -> Failure {
    Failure::new(format!("{who} is the last beside root that may give rights to others"))
        .hint("give another one the role Administrator on / first, or take it away by hand as root")
}
