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

/// What uses this dataset, or anything in it, in words. Each table is asked once a look.
pub(crate) async fn of(dataset: &str, nas: &NasReader) -> Result<Vec<String>, Failure> {
    let within = |value: &Value| {
        let other = value.as_str().map(|text| text.trim_start_matches("/mnt/").trim_start_matches("zvol/"));
        let rest = other.and_then(|other| other.strip_prefix(dataset));
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let mut users = vec![];
    for (table, field, what, name) in TABLES {
        let rows = nas.query::<Map<String, Value>>(&format!("{table}.query")).await?;
        let uses = |row: &&Map<String, Value>| match row.get(field) {
            Some(Value::Array(many)) => many.iter().any(within),
            Some(one) => within(one),
            None => false,
        };
        for row in rows.iter().flat_map(|rows| rows.iter()).filter(uses) {
            users.push(format!("{what} {}", row.get(name).and_then(Value::as_str).unwrap_or_default()));
        }
    }
    Ok(users)
}
