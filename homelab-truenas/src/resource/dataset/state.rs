//! A dataset as it is observed.
use super::property::{INHERIT, NAMES, spelled};
use crate::{NasReader, resource::mark};
use homelab_core::{Failure, Owner, outputs, units::Size};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::{collections::BTreeMap, sync::Arc};

/// A dataset.
#[derive(Clone, Debug, Serialize)]
pub struct DatasetState {
    /// Its whole name: `bulk/media`.
    pub dataset: String,
    /// Where it is mounted: `/mnt/bulk/media`.
    pub path: String,
    /// Its properties, `INHERIT` for those without a value of their own.
    pub(super) properties: BTreeMap<&'static str, String>,
    pub(super) quota: Option<Size>,
    pub(super) refquota: Option<Size>,
    pub(super) reservation: Option<Size>,
    pub(super) comments: Option<String>,
    pub(super) case_sensitive: bool,
    pub(super) encryption: Option<BTreeMap<&'static str, String>>,
    /// Whether its key is not loaded.
    pub locked: bool,
    /// How many bytes can still be written to it.
    pub available: u64,
    #[serde(skip)]
    pub(super) used: Size,
    #[serde(skip)]
    pub(super) children: Vec<String>,
    #[serde(skip)]
    pub(super) used_by: Vec<String>,
    #[serde(skip)]
    pub(super) guid: Option<String>,
    #[serde(skip)]
    pub(super) owner: Owner,
}

outputs!(
    /// What a dataset is known by.
    DatasetOutputs of DatasetState {
        /// Its whole name: `bulk/media`.
        dataset: String,
        /// Where it is mounted: `/mnt/bulk/media`.
        path: String,
        /// How many bytes can still be written to it.
        available: u64,
    }
);

/// What it is found by when its code is gone. A dataset that somebody made anew under the same name bears no mark.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DatasetId {
    pub(crate) dataset: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) guid: Option<String>,
}

impl DatasetId {
    pub(crate) fn named(dataset: &str) -> DatasetId {
        DatasetId { dataset: dataset.to_owned(), guid: None }
    }
}

/// A row of `pool.dataset.query`: properties are looked up by name.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Listed {
    pub(crate) id: String,
    #[serde(rename = "type")]
    pub(crate) kind: String,
    #[serde(default)]
    pub(crate) locked: bool,
    #[serde(default)]
    encrypted: bool,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

impl Listed {
    fn part<'a>(&'a self, name: &str, part: &str) -> Option<&'a str> {
        self.rest.get(name)?.get(part)?.as_str()
    }
    /// What ZFS itself says.
    pub(crate) fn raw(&self, name: &str) -> Option<&str> {
        self.part(name, "rawvalue")
    }
    /// Whether it has a value of its own.
    pub(crate) fn is_set(&self, name: &str) -> bool {
        matches!(self.part(name, "source"), Some("LOCAL" | "RECEIVED"))
    }
    /// A size; nothing for none and for zero.
    pub(crate) fn size(&self, name: &str) -> Option<Size> {
        self.raw(name)?.parse().ok().filter(|bytes| *bytes > 0).map(Size::bytes)
    }
    pub(crate) fn spelled(&self, name: &str) -> Option<String> {
        if !self.is_set(name) {
            return self.rest.contains_key(name).then(|| INHERIT.to_owned());
        }
        Some(spelled(name, self.raw(name)?))
    }
    /// A user property that is set here: what is inherited, or came with a replication, marks another dataset.
    fn user(&self, key: &str) -> Option<&str> {
        let property = self.rest.get("user_properties")?.get(key)?;
        let here = property.get("source").and_then(Value::as_str) == Some("LOCAL");
        property.get("rawvalue").or_else(|| property.get("value")).and_then(Value::as_str).filter(|_| here)
    }
    pub(crate) fn owner(&self) -> Owner {
        self.user(mark::PROPERTY).and_then(mark::parse).map_or(Owner::Unmarked, Owner::Marked)
    }
    pub(crate) fn comments(&self) -> Option<String> {
        let comments = self.rest.get("comments")?;
        let here = matches!(comments.get("source").and_then(Value::as_str), Some("LOCAL" | "RECEIVED"));
        comments.get("value").and_then(Value::as_str).filter(|text| here && !text.is_empty()).map(str::to_owned)
    }
    pub(crate) fn encryption(&self) -> Option<BTreeMap<&'static str, String>> {
        let root = self.rest.get("encryption_root").and_then(Value::as_str) == Some(self.id.as_str());
        let format = self.part("key_format", "value")?.to_ascii_uppercase();
        (self.encrypted && root).then(|| BTreeMap::from([("format", format)]))
    }
    pub(crate) fn guid(&self) -> Option<String> {
        self.raw("guid").map(str::to_owned)
    }
}

/// All datasets and volumes of a NAS, one question a look. `None` while there is no NAS.
pub(crate) async fn datasets(nas: &NasReader) -> Result<Option<Arc<Vec<Listed>>>, Failure> {
    // Children nested in their parents would come twice.
    let params = vec![json!([]), json!({"extra": {"flat": true, "retrieve_children": true}})];
    Ok(nas.once::<Vec<Listed>>("pool.dataset.query", params).await?)
}

impl DatasetState {
    pub(super) fn of(row: &Listed, all: &[Listed], used_by: Vec<String>) -> DatasetState {
        let path = format!("/mnt/{}", row.id);
        let below = format!("{}/", row.id);
        DatasetState {
            properties: NAMES.iter().filter_map(|name| Some((*name, row.spelled(name)?))).collect(),
            quota: row.size("quota"),
            refquota: row.size("refquota"),
            reservation: row.size("reservation"),
            comments: row.comments(),
            case_sensitive: row.raw("casesensitivity") != Some("insensitive"),
            encryption: row.encryption(),
            locked: row.locked,
            available: row.size("available").unwrap_or_default().as_bytes(),
            used: row.size("used").unwrap_or_default(),
            children: all.iter().filter(|other| other.id.starts_with(&below)).map(|other| other.id.clone()).collect(),
            used_by,
            guid: row.guid(),
            owner: row.owner(),
            dataset: row.id.clone(),
            path,
        }
    }

    /// What would be lost with it, and what goes with it.
    pub(super) fn lost(&self) -> Vec<String> {
        let what = format!("dataset {}: {}", self.dataset, crate::topology::capacity::about(self.used));
        [what]
            .into_iter()
            .chain(self.children.iter().map(|child| format!("dataset {child}")))
            .chain(self.used_by.clone())
            .collect()
    }
}
