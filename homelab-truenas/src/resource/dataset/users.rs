//! What uses a dataset: the NAS deletes shares and tasks together with it, and first (truenas-notes section 7).
use crate::NasReader;
use homelab_core::Failure;
use serde_json::{Map, Value};

/// The tables that name datasets: the table, the field, what one is called, and the field that names it.
const TABLES: [(&str, &str, &str, &str); 5] = [
    ("sharing.nfs", "path", "NFS share", "path"),
    ("sharing.smb", "path", "SMB share", "name"),
    ("pool.snapshottask", "dataset", "snapshot task of", "dataset"),
    ("replication", "source_datasets", "replication", "name"),
    ("iscsi.extent", "disk", "iSCSI extent", "name"),
];

/// Everything that uses any dataset: the dataset, and what it is in words.
#[derive(Clone, Debug, Default)]
pub(crate) struct Users(Vec<(String, String)>);

impl Users {
    /// Asks each table once a look.
    pub(crate) async fn read(nas: &NasReader) -> Result<Users, Failure> {
        let mut users = vec![];
        for (table, field, what, name) in TABLES {
            let rows = nas.query::<Map<String, Value>>(&format!("{table}.query")).await?;
            for row in rows.iter().flat_map(|rows| rows.iter()) {
                let called = row.get(name).and_then(Value::as_str).unwrap_or_default();
                let mut add = |value: &Value| {
                    let dataset =
                        value.as_str().map(|text| text.trim_start_matches("/mnt/").trim_start_matches("zvol/"));
                    users.extend(dataset.map(|dataset| (dataset.to_owned(), format!("{what} {called}"))));
                };
                match row.get(field) {
                    Some(Value::Array(many)) => many.iter().for_each(&mut add),
                    Some(one) => add(one),
                    None => {}
                }
            }
        }
        Ok(Users(users))
    }

    /// What uses this dataset, or anything in it.
    pub(crate) fn of(&self, dataset: &str) -> Vec<String> {
        let within =
            |other: &str| other.strip_prefix(dataset).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        self.0.iter().filter(|(other, _)| within(other)).map(|(_, what)| what.clone()).collect()
    }
}
