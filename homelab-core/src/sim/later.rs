//! The large tables that ship with the simulators: a run needs few of their rows.
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::sync::OnceLock;

/// A row of an embedded table, read when it is first asked for.
#[derive(Debug)]
pub struct Later<T> {
    json: &'static str,
    row: OnceLock<Option<T>>,
}

impl<T: DeserializeOwned> Later<T> {
    /// The row that is written so, in JSON.
    #[must_use]
    pub fn new(json: &'static str) -> Later<T> {
        Later { json, row: OnceLock::new() }
    }

    /// The row; none if it is no JSON, or has another shape.
    #[must_use]
    pub fn get(&self) -> Option<&T> {
        // By way of a value: serde_json's own code is optimised in every build.
        self.row.get_or_init(|| T::deserialize(self.json.parse::<Value>().ok()?).ok()).as_ref()
    }
}

/// The rows of an embedded table, a line each: the part that a row belongs to, its name, and its JSON, with tabs between them.
pub fn rows(table: &'static str) -> impl Iterator<Item = [&'static str; 3]> {
    table.lines().filter_map(|line| {
        let mut words = line.splitn(3, '\t');
        Some([words.next()?, words.next()?, words.next()?])
    })
}
