//! The tables of the API that the simulator judges calls by, embedded: made by `tools/compact-schema.py`.
use homelab_core::sim::{Later, rows};
use serde::Deserialize;
use serde_json::Value;
use std::{collections::BTreeMap, sync::OnceLock};

const TABLES: &str = include_str!("data/schema-25.10.tsv");
const OLD_TABLES: &str = include_str!("data/schema-25.04.tsv");

/// What the API of one version looks like.
#[derive(Debug, Default)]
pub(super) struct Schema {
    methods: BTreeMap<&'static str, Later<Method>>,
    /// The rows of queries and the singletons, by namespace.
    answers: BTreeMap<&'static str, Later<Value>>,
    models: BTreeMap<&'static str, Later<Value>>,
    shared: BTreeMap<&'static str, Later<Value>>,
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

fn parsed(tables: &'static str) -> Schema {
    let mut schema = Schema::default();
    for [part, name, json] in rows(tables) {
        match part {
            "methods" => drop(schema.methods.insert(name, Later::new(json))),
            "answers" => drop(schema.answers.insert(name, Later::new(json))),
            "models" => drop(schema.models.insert(name, Later::new(json))),
            _ => drop(schema.shared.insert(name, Later::new(json))),
        }
    }
    schema
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

    /// What the rows of a namespace's query look like, or its one row of settings.
    pub(super) fn answer(&self, space: &str) -> Option<&Value> {
        self.answers.get(space)?.get()
    }

    /// Every namespace whose answers are known.
    pub(super) fn spaces(&self) -> impl Iterator<Item = &'static str> {
        self.answers.keys().copied()
    }

    /// What a schema refers to.
    pub(super) fn resolve<'a>(&'a self, schema: &'a Value) -> &'a Value {
        let named = |key: &str, table: &'a BTreeMap<_, Later<Value>>| table.get(schema.get(key)?.as_str()?)?.get();
        named("$", &self.models).or_else(|| named("x-shared", &self.shared)).unwrap_or(schema)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_method_of_both_tables_can_be_read() {
        for schema in [Schema::get(), Schema::of("25.04.2")] {
            assert!(schema.methods.len() > 300 && !schema.answers.is_empty());
            assert!(!schema.models.is_empty() && !schema.shared.is_empty());
            assert!(schema.methods.values().all(|method| method.get().is_some()));
            let plain = [&schema.answers, &schema.models, &schema.shared].into_iter().flat_map(BTreeMap::values);
            assert!(plain.map(Later::get).all(|value| value.is_some()));
        }
    }
}
