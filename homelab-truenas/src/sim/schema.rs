//! The tables of the API that the simulator judges calls by, embedded: made by `tools/compact-schema.py`.
use homelab_core::sim::{Later, table};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::{collections::BTreeMap, sync::OnceLock};

const TABLES: &str = include_str!("data/schema-25.10.json");
const OLD_TABLES: &str = include_str!("data/schema-25.04.json");

/// What the API of one version looks like.
#[derive(Debug)]
pub(super) struct Schema {
    methods: BTreeMap<String, Later<Method>>,
    /// The rows of queries and the singletons, by namespace.
    pub(super) answers: Map<String, Value>,
    models: Map<String, Value>,
    shared: Map<String, Value>,
}

/// A method as it is declared.
#[derive(Debug, Deserialize)]
pub(super) struct Method {
    /// Name, whether it must be given, and schema of each parameter.
    pub(super) params: Vec<(String, bool, Value)>,
    /// Whether it starts a job.
    #[serde(default)]
    pub(super) job: bool,
    /// What only one job at a time may hold.
    pub(super) lock: Option<String>,
    /// Whether it is declared in the old way of 25.04, whose types are weaker (notes section 11).
    #[serde(default)]
    pub(super) legacy: bool,
    /// Whether it may be called without a login.
    #[serde(default)]
    pub(super) open: bool,
}

/// Whether it is a release before 25.10, whose SMB shares have flat fields (notes section 5).
pub(super) fn is_old(release: &str) -> bool {
    release.starts_with("25.04")
}

fn parsed(tables: &str) -> Schema {
    let mut tables = table(tables);
    let mut part = |name: &str| match tables.remove(name) {
        Some(Value::Object(rows)) => rows,
        _ => Map::new(),
    };
    let methods = part("methods").into_iter().map(|(name, method)| (name, Later::new(method))).collect();
    Schema { methods, answers: part("answers"), models: part("models"), shared: part("shared") }
}

impl Schema {
    /// That of 25.10.
    pub(super) fn get() -> &'static Schema {
        static SCHEMA: OnceLock<Schema> = OnceLock::new();
        SCHEMA.get_or_init(|| parsed(TABLES))
    }

    /// That of a release: `25.04.2`. Every one that is not 25.04 is taken for 25.10.
    pub(super) fn of(release: &str) -> &'static Schema {
        static OLD: OnceLock<Schema> = OnceLock::new();
        if is_old(release) { OLD.get_or_init(|| parsed(OLD_TABLES)) } else { Schema::get() }
    }

    /// A public method.
    pub(super) fn method(&self, name: &str) -> Option<&Method> {
        self.methods.get(name)?.get()
    }

    /// What a schema refers to.
    pub(super) fn resolve<'a>(&'a self, schema: &'a Value) -> &'a Value {
        let named = |key: &str, table: &'a Map<String, Value>| table.get(schema.get(key)?.as_str()?);
        named("$", &self.models).or_else(|| named("x-shared", &self.shared)).unwrap_or(schema)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_method_of_both_tables_can_be_read() {
        for schema in [Schema::get(), Schema::of("25.04.2")] {
            assert!(schema.methods.len() > 300 && !schema.answers.is_empty() && !schema.models.is_empty());
            assert!(schema.methods.values().all(|method| method.get().is_some()));
        }
    }
}
