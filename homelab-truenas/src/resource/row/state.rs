//! A row as it was observed, and what it is known by.
use super::{Fields, Row};
use crate::{Nas, resource::mark};
use homelab_core::{Owner, Site, outputs};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// A row as it was observed.
#[derive(Clone, Debug, Serialize)]
pub struct RowState {
    /// Its number in the table.
    pub id: u64,
    /// Where clients find it.
    pub address: Option<String>,
    /// Whether its service runs and starts with the NAS.
    pub served: bool,
    /// The user's number, of a user.
    pub uid: Option<u32>,
    /// The group's number, of a group.
    pub gid: Option<u32>,
    /// The public half, of a pair of keys.
    pub public_key: Option<String>,
    #[serde(flatten)]
    pub(crate) fields: Fields,
    /// What it did last: news, and no setting.
    #[serde(skip)]
    pub(crate) news: Value,
    #[serde(skip)]
    pub(crate) owner: Owner,
}

outputs!(
    /// What a row is known by.
    RowOutputs of RowState {
        /// Its number in the table.
        id: u64,
    }
);
outputs!(
    /// What a share is known by.
    ShareOutputs of RowState {
        /// Its number in the table.
        id: u64,
        /// What a client mounts.
        address: String,
    }
);

/// What a row is found by when its code is gone: its number, and what told it from others.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RowId {
    pub(super) id: Option<u64>,
    pub(super) key: Value,
}

impl RowState {
    pub(super) fn of<T: Row>(row: &Fields, served: bool) -> Option<RowState> {
        let id = row.get("id")?.as_u64()?;
        let number = |field: &str| row.get(field).and_then(Value::as_u64).and_then(|n| n.try_into().ok());
        let (uid, gid) = (number("uid"), number("gid"));
        let mut fields = T::observed(row.clone());
        let text =
            |fields: &Fields, field: &str| fields.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
        let owner = match T::MARK {
            None => Owner::Unmarkable,
            Some(field) => {
                let signed = text(&fields, field);
                let (comment, owner) = mark::read(&signed);
                fields.insert(field.to_owned(), comment.into());
                owner
            }
        };
        let news = fields.remove("state").unwrap_or_default();
        for field in ["id", "uid", "gid", "address", "served", "public_key"].iter().chain(T::HIDDEN) {
            fields.remove(*field);
        }
        fields.values_mut().for_each(sort);
        let public_key = row.get("attributes").and_then(|a| a.get("public_key")?.as_str()).map(str::to_owned);
        Some(RowState { id, address: None, served, uid, gid, public_key, fields, news, owner })
    }

    /// A field of text.
    pub(crate) fn text(&self, field: &str) -> &str {
        self.fields.get(field).and_then(Value::as_str).unwrap_or_default()
    }

    pub(super) fn key(&self, names: &[&str]) -> Value {
        let value = |name: &&str| match *name {
            "uid" => json!(self.uid),
            "gid" => json!(self.gid),
            name => self.fields.get(name).cloned().unwrap_or_default(),
        };
        names.iter().map(value).collect()
    }
}

/// The order of what is a set in the API means nothing.
pub(super) fn sort(value: &mut Value) {
    if let Value::Array(items) = value {
        if items.iter().all(Value::is_string) {
            items.sort_by(|a, b| a.as_str().cmp(&b.as_str()));
        } else if items.iter().all(Value::is_u64) {
            items.sort_by_key(Value::as_u64);
        }
    }
}

/// The name of what lives directly at a site: there may be one of the same name on each NAS.
pub(crate) fn at_site(site: Site<Nas>, name: impl AsRef<str>) -> String {
    format!("{}/{}", site.name(), name.as_ref())
}

/// An embedded object of the API, as the number by which it is written.
fn as_id(value: &mut Value) {
    match value {
        Value::Object(object) => *value = object.get("id").cloned().unwrap_or_default(),
        Value::Array(items) => items.iter_mut().for_each(as_id),
        _ => {}
    }
}

/// These fields of a row as the numbers by which they are written.
pub(crate) fn by_id(mut row: Fields, fields: &[&str]) -> Fields {
    for field in fields {
        if let Some(value) = row.get_mut(*field) {
            as_id(value);
        }
    }
    row
}
