//! What a cluster defines beside its guests: storages, pools, and who may do what. Each is a row of a listing, shared by all of its
//! kind; it is made by POST, changed by PUT and removed by DELETE.
mod access;
mod admin;
mod backup;
mod group;
mod ha;
mod keep;
mod pool;
mod realm;
mod replication;
mod role;
mod storage;
mod token;
mod user;

pub use access::{Access, AccessId, AccessState};
pub use backup::{BackupJob, BackupJobState, BackupMode, BackupTo};
pub use group::{Group, GroupOutputs, GroupState};
pub use ha::{
    HaGroup, HaGroupOutputs, HaGroupState, HaResource, HaResourceOutputs, HaResourceState, HaRule, HaRuleState,
};
pub use keep::Keep;
pub use pool::{Pool, PoolOutputs, PoolState};
pub use realm::{Realm, RealmOutputs, RealmState};
pub use replication::{Replication, ReplicationId, ReplicationState};
pub use role::{Role, RoleOutputs, RoleState};
pub use storage::{Storage, StorageOutputs, StorageState};
pub use token::{Token, TokenId, TokenOutputs, TokenState};
pub use user::{User, UserOutputs, UserState};

use crate::{
    Pve,
    api::FromScalar,
    client::{Params, Reader, call::Call},
    http::Method,
};
use homelab_core::{Apply, Failure, Field};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::{collections::BTreeMap, sync::Arc};

/// A row of a listing.
pub(super) type Row = Map<String, Value>;

/// What a definition is found by: its name in the cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NameId {
    /// The name.
    pub name: String,
}

/// All rows of a listing, asked once for each look at the world.
pub(super) async fn rows(reader: &Reader, what: &'static str, path: &str) -> Result<Arc<Vec<Row>>, Failure> {
    Ok(reader.once(Call::get("list", what, path)).await?)
}

/// All users with their groups and tokens.
async fn users_in_full(reader: &Reader) -> Result<Arc<Vec<Row>>, Failure> {
    let call = Call::get("list", "the users", "/access/users").with(Params::new().flag("full", true));
    Ok(reader.once(call).await?)
}

/// The row of this name.
pub(super) async fn row(
    reader: &Reader,
    what: &'static str,
    path: &str,
    key: &str,
    name: &str,
) -> Result<Option<Row>, Failure> {
    let all = rows(reader, what, path).await?;
    Ok(all.iter().find(|row| text(row, key).as_deref() == Some(name)).cloned())
}

/// A field of a row as text; nothing if it is absent or empty.
pub(super) fn text(row: &Row, key: &str) -> Option<String> {
    row.get(key).and_then(String::from_scalar).filter(|text| !text.is_empty())
}

/// The words of a field that is a list, sorted.
fn words(row: &Row, key: &str) -> Vec<String> {
    let list = text(row, key).unwrap_or_default();
    let mut words: Vec<String> =
        list.split([',', ' ', ';']).filter(|word| !word.is_empty()).map(str::to_owned).collect();
    words.sort_unstable();
    words
}

/// A definition's place in the API.
struct Place<'a> {
    /// What it is, for messages: `storage`.
    what: &'static str,
    name: &'a str,
    /// The listing: `/storage`.
    list: &'static str,
    /// The parameter that names it when it is made.
    key: &'static str,
}

impl Place<'_> {
    fn object(&self) -> String {
        format!("{} {}", self.what, self.name)
    }

    fn path(&self) -> String {
        format!("{}{}", self.list, crate::client::call::path(&[&self.name]))
    }

    /// Makes it, or changes what differs. `fixed` is given when it is made and cannot be changed.
    async fn write(
        &self,
        cx: &Apply<'_, Pve>,
        before: Option<&Row>,
        fixed: &BTreeMap<&'static str, String>,
        wanted: &BTreeMap<&'static str, Option<String>>,
    ) -> Result<(), Failure> {
        let Some(before) = before else {
            let params =
                fixed.iter().fold(Params::new().set(self.key, self.name), |all, (key, value)| all.set(*key, value));
            let params = wanted.iter().fold(params, |all, (key, value)| all.maybe(*key, value.as_ref()));
            let call = Call::new(Method::Post, "create", self.object(), self.list).with(params);
            cx.write(cx.permit(), call).await?;
            return Ok(());
        };
        let is = |key: &str| text(before, key);
        let changed: Vec<_> = wanted.iter().filter(|(key, value)| is(key) != **value).collect();
        if changed.is_empty() {
            return Ok(());
        }
        let set = changed.iter().fold(Params::new(), |all, (key, value)| all.maybe(**key, value.as_ref()));
        let gone: Vec<&str> = changed.iter().filter(|(_, value)| value.is_none()).map(|(key, _)| **key).collect();
        let params = set.maybe("delete", (!gone.is_empty()).then(|| gone.join(",")));
        let call = Call::new(Method::Put, "change", self.object(), self.path()).with(params);
        cx.write(cx.permit(), call).await?;
        Ok(())
    }

    /// Removes it. That it is gone already is fine.
    async fn remove(&self, cx: &Apply<'_, Pve>, params: Params) -> Result<(), Failure> {
        let there = row(cx, self.what, self.list, self.key, self.name).await?;
        if there.is_none() {
            return Ok(());
        }
        let call = Call::new(Method::Delete, "remove", self.object(), self.path()).with(params);
        cx.write(cx.permit(), call).await?;
        Ok(())
    }
}

/// A comment that was declared: an empty one is none.
pub(super) fn commented(text: impl Into<String>) -> Field<String> {
    let text = text.into().trim().to_owned();
    if text.is_empty() { Field::Cleared } else { Field::Set(text) }
}

/// Puts what was observed in the order in which it was declared, and behind it what was not: the server keeps another order, or none.
pub(super) fn in_declared_order<T: PartialEq + Ord + Clone>(found: &mut [T], declared: impl Iterator<Item = T>) {
    let declared: Vec<T> = declared.collect();
    let place = |one: &T| declared.iter().position(|other| other == one).unwrap_or(usize::MAX);
    found.sort_by_key(|one| (place(one), one.clone()));
}

/// A name of a section in one of the server's files: a letter, then letters, digits, `-` and `_`.
#[track_caller]
pub(super) fn checked_id(what: &str, name: &str, most: usize) -> String {
    let fits = (2..=most).contains(&name.len())
        && name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    assert!(fits, "`{name}` is no name of a {what}: a letter, then letters, digits, `-` and `_`, 2 to {most}");
    name.to_owned()
}

/// A name as the server takes it for storages, pools, roles and users' names.
#[track_caller]
fn checked(what: &str, name: &str) -> String {
    let fits = name.len() >= 2
        && name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    assert!(fits, "`{name}` is no name of a {what}: a letter, then letters, digits, `-`, `_` and `.`, two at least");
    name.to_owned()
}
