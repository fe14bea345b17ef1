//! The tables of the API that the simulator judges calls by, embedded: made by `tools/compact-schema.py`.
use serde::Deserialize;
use serde_json::{Map, Value};
use std::{collections::BTreeMap, sync::OnceLock};

const TABLES: &str = include_str!("data/schema-25.10.json");

/// What the API of one version looks like.
#[derive(Debug, Deserialize)]
pub(super) struct Schema {
    /// Its public methods.
    pub(super) methods: BTreeMap<String, Method>,
    /// The rows of queries and the singletons, by namespace.
    pub(super) answers: BTreeMap<String, Value>,
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
    /// Whether it may be called without a login.
    #[serde(default)]
    pub(super) open: bool,
}

impl Schema {
    /// That of 25.10.
    pub(super) fn get() -> &'static Schema {
        static SCHEMA: OnceLock<Schema> = OnceLock::new();
        SCHEMA.get_or_init(|| match serde_json::from_str(TABLES) {
            Ok(schema) => schema,
            Err(problem) => unreachable!("the embedded tables are read in every test: {problem}"),
        })
    }

    /// What a schema refers to.
    pub(super) fn resolve<'a>(&'a self, schema: &'a Value) -> &'a Value {
        let named = |key: &str, table: &'a Map<String, Value>| table.get(schema.get(key)?.as_str()?);
        named("$", &self.models).or_else(|| named("x-shared", &self.shared)).unwrap_or(schema)
    }
}
