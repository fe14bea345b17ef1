//! Rows with an id, as the NAS keeps most things.
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// A table: ids are never used twice.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(in crate::sim) struct Table {
    pub(in crate::sim) rows: BTreeMap<String, Map<String, Value>>,
    last: i64,
}

/// Ids are sorted as numbers.
pub(in crate::sim) fn key(id: &Value) -> String {
    match id.as_i64() {
        Some(number) => format!("{number:012}"),
        None => id.as_str().unwrap_or_default().to_owned(),
    }
}

impl Table {
    /// The id of the next row.
    pub(in crate::sim) fn next(&mut self) -> i64 {
        self.last += 1;
        self.last
    }

    /// Puts a row with an id in.
    pub(in crate::sim) fn put(&mut self, row: Value) {
        let Value::Object(row) = row else { return };
        let Some(id) = row.get("id") else { return };
        self.last = self.last.max(id.as_i64().unwrap_or(0));
        self.rows.insert(key(id), row);
    }

    /// The row of an id.
    pub(in crate::sim) fn get(&self, id: &Value) -> Option<&Map<String, Value>> {
        self.rows.get(&key(id))
    }

    /// The same to be changed.
    pub(in crate::sim) fn get_mut(&mut self, id: &Value) -> Option<&mut Map<String, Value>> {
        self.rows.get_mut(&key(id))
    }

    /// Takes a row out.
    pub(in crate::sim) fn take(&mut self, id: &Value) -> Option<Map<String, Value>> {
        self.rows.remove(&key(id))
    }
}
