//! [`Privilege`]: what a group may do over the API and in the web interface.
use crate::{
    Nas,
    resource::{
        Fields, Group,
        row::{Entry, Row, RowOutputs, at_site},
    },
};
use homelab_core::{Handle, Output, Site};
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeSet;

/// What the members of a group may do: roles such as `READONLY_ADMIN` or `SHARING_ADMIN`.
pub type Privilege = Entry<Privileges>;

/// A privilege of nobody.
#[derive(Clone, Debug)]
pub struct PrivilegeOf(String);

/// What a privilege is.
#[derive(Clone, Debug, Serialize)]
pub struct Privileges {
    #[serde(rename = "name")]
    privilege: String,
    local_groups: Vec<Output<u32>>,
    roles: BTreeSet<String>,
    web_shell: bool,
    #[serde(skip)]
    name: String,
    #[serde(skip)]
    site: Site<Nas>,
}

impl Privilege {
    /// The privilege of this name.
    #[must_use]
    pub fn named(name: impl Into<String>) -> PrivilegeOf {
        PrivilegeOf(name.into())
    }
}

impl PrivilegeOf {
    /// These roles, for this group.
    #[must_use]
    pub fn of<S: Into<String>>(self, group: Handle<Group>, roles: impl IntoIterator<Item = S>) -> Privilege {
        let site = group.site();
        Entry(Privileges {
            name: at_site(site, &self.0),
            privilege: self.0,
            local_groups: vec![group.gid()],
            roles: roles.into_iter().map(Into::into).collect(),
            web_shell: false,
            site,
        })
    }
}

impl Row for Privileges {
    const KIND: &'static str = "truenas/privilege";
    const TABLE: &'static str = "privilege";
    const KEY: &'static [&'static str] = &["name"];
    type Outputs = RowOutputs;

    fn name(&self) -> &str {
        &self.name
    }
    fn site(&self) -> Site<Nas> {
        self.site
    }
    fn key(&self) -> impl Serialize + Send {
        (&self.privilege,)
    }
    /// Groups come as objects and go as their numbers, here those of Unix.
    fn observed(mut row: Fields) -> Fields {
        for group in row.get_mut("local_groups").and_then(Value::as_array_mut).into_iter().flatten() {
            if let Some(gid) = group.get("gid").cloned() {
                *group = gid;
            }
        }
        row
    }
    fn is_kind(row: &Fields) -> bool {
        row.get("builtin_name").is_none_or(Value::is_null)
    }
}
