//! [`Group`]: people and services that have the same rights.
use super::row::{Entry, Row, RowState, at_site};
use crate::Nas;
use homelab_core::{Claim, Site, outputs};
use serde::Serialize;

/// A local group with a number of its own choice, so that files belong to the same group on every machine.
///
/// ```
/// # use homelab_core::Site;
/// # use homelab_truenas::{Nas, resource::Group};
/// # const NAS: Site<Nas> = Site::named("nas");
/// let media = Group::named("media", 3001).on(NAS);
/// ```
pub type Group = Entry<GroupRow>;

/// A group without a NAS.
#[derive(Clone, Debug)]
pub struct GroupOf {
    name: String,
    gid: u32,
}

/// What a group is.
#[derive(Clone, Debug, Serialize)]
pub struct GroupRow {
    #[serde(rename = "name")]
    group: String,
    gid: u32,
    smb: Option<bool>,
    #[serde(skip)]
    name: String,
    #[serde(skip)]
    site: Site<Nas>,
}

outputs!(
    /// What a group is known by.
    GroupOutputs of RowState {
        /// Its number in the table, by which users are put into it.
        id: u64,
        /// Its number.
        gid: u32,
    }
);

impl Group {
    /// The group of this name and number: 1000 to 90 000 000.
    ///
    /// # Panics
    /// On numbers of the system and on names that Unix does not take.
    #[must_use]
    #[track_caller]
    pub fn named(name: impl Into<String>, gid: u32) -> GroupOf {
        let name = name.into();
        assert!(is_account(&name), "`{name}` is no name of a group: {ACCOUNT}");
        assert!(
            (1000..=90_000_000).contains(&gid),
            "a group's number is from 1000 to 90 000 000; lower ones are the system's"
        );
        GroupOf { name, gid }
    }

    /// Whether SMB clients see it.
    #[must_use]
    pub fn smb(mut self, on: bool) -> Group {
        self.0.smb = Some(on);
        self
    }
}

impl GroupOf {
    /// On this NAS.
    #[must_use]
    pub fn on(self, site: Site<Nas>) -> Group {
        Entry(GroupRow { name: at_site(site, &self.name), group: self.name, gid: self.gid, smb: None, site })
    }
}

pub(super) const ACCOUNT: &str = "letters, digits, `_`, `-` and `.`, a letter or `_` first, at most 32";

/// Whether Unix takes it as the name of a user or group.
pub(super) fn is_account(name: &str) -> bool {
    let fine = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
    name.len() <= 32 && name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && name.chars().all(fine)
}

impl Row for GroupRow {
    const KIND: &'static str = "truenas/group";
    const TABLE: &'static str = "group";
    const KEY: &'static [&'static str] = &["name"];
    /// Files know the number and not the name.
    const REPLACE_ON: &'static [&'static str] = &["gid"];
    type Outputs = GroupOutputs;

    fn name(&self) -> &str {
        &self.name
    }
    fn site(&self) -> Site<Nas> {
        self.site
    }
    fn key(&self) -> impl Serialize + Send {
        (&self.group,)
    }
    fn claims(&self) -> Vec<Claim> {
        vec![Claim::new("GID", self.gid).within(self.site.name())]
    }
    /// Those that the system brought are its own (truenas-notes section 8).
    fn is_kind(row: &super::Fields) -> bool {
        !flag(row, "builtin") && row.get("local").and_then(serde_json::Value::as_bool) != Some(false)
    }
    fn deleting() -> Vec<serde_json::Value> {
        vec![serde_json::json!({"delete_users": false})]
    }
}

pub(super) fn flag(row: &super::Fields, field: &str) -> bool {
    row.get(field).and_then(serde_json::Value::as_bool).unwrap_or_default()
}
