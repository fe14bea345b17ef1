//! The large tables that ship with the simulators: a run needs few of their rows.
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::sync::OnceLock;

/// A row of an embedded table, made of its JSON when it is first asked for.
#[derive(Debug)]
pub struct Later<T> {
    json: Value,
    row: OnceLock<Option<T>>,
}

impl<T: DeserializeOwned> Later<T> {
    /// The row that is described so.
    #[must_use]
    pub fn new(json: Value) -> Later<T> {
        Later { json, row: OnceLock::new() }
    }

    /// The row; none if what describes it has another shape.
    #[must_use]
    pub fn get(&self) -> Option<&T> {
        self.row.get_or_init(|| T::deserialize(&self.json).ok()).as_ref()
    }

    /// What describes it.
    #[must_use]
    pub fn json(&self) -> &Value {
        &self.json
    }
}

/// An embedded table of JSON by the names in it. It is read by serde_json's own code, which is optimised in every build.
///
/// # Panics
/// If the text is no object: it ships with its crate.
#[must_use]
pub fn table(text: &str) -> serde_json::Map<String, Value> {
    match text.parse() {
        Ok(Value::Object(table)) => table,
        other => unreachable!("an embedded table is an object, and read by every test: {other:?}"),
    }
}
