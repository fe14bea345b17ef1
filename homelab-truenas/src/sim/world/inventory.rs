//! The world as text that two equal worlds share: no generated ids, no times.
use super::World;
use serde_json::{Map, Value};
use std::fmt::Write as _;

/// What is drawn, counted or timed.
const NOT_COMPARED: [&str; 15] = [
    "id",
    "created_at",
    "user_identifier",
    "keyhash",
    "naa",
    "serial",
    "tag",
    "rel_tgt_id",
    "pids",
    "state",
    "job",
    "last_password_change",
    "has_encrypted_dataset_keys",
    "privatekey",
    "public_key",
];

/// What a field refers to in another table, and by which field that row is known.
const REFERENCES: [(&str, &str, &str); 9] = [
    ("group", "group", "name"),
    ("groups", "group", "name"),
    ("ssh_credentials", "keychaincredential", "name"),
    ("private_key", "keychaincredential", "name"),
    ("periodic_snapshot_tasks", "pool.snapshottask", "dataset"),
    ("target", "iscsi.target", "name"),
    ("extent", "iscsi.extent", "name"),
    ("portal", "iscsi.portal", "comment"),
    ("initiator", "iscsi.initiator", "comment"),
];

impl World {
    /// Everything that exists.
    pub(crate) fn inventory(&self) -> String {
        let mut text = String::new();
        for pool in self.pools.values().chain(&self.exported) {
            let known = if self.pools.contains_key(&pool.id) { "pool" } else { "exported pool" };
            let _ = writeln!(text, "{known} {} autotrim {}", pool.name, pool.autotrim);
            for row in &pool.rows {
                let disks: Vec<&str> = row.disks.iter().map(|vdev| vdev.hw.as_str()).collect();
                let _ = writeln!(text, "  {} {} {}", row.group, row.kind, disks.join(" "));
            }
        }
        for (name, dataset) in &self.datasets {
            let _ = writeln!(text, "dataset {name} {:?} {:?} {:?}", dataset.local, dataset.user, dataset.key_format);
        }
        for id in self.snapshots.keys() {
            let _ = writeln!(text, "snapshot {}", id.split('@').next().unwrap_or_default());
        }
        for (space, table) in &self.tables {
            let mut lines: Vec<String> = table.rows.values().map(|row| self.line(space, row)).collect();
            lines.sort();
            for line in lines {
                let _ = writeln!(text, "{space} {line}");
            }
        }
        for (space, settings) in &self.singletons {
            let _ = writeln!(text, "{space} {}", self.line(space, settings));
        }
        for service in self.rows("service") {
            let field = |name: &str| service.get(name).cloned().unwrap_or_default();
            let _ = writeln!(text, "service {} is {}", field("service"), field("state"));
        }
        for (path, acl) in &self.acls {
            let _ = writeln!(text, "path {path} {acl}");
        }
        for disk in self.disks.iter().filter(|disk| disk.foreign != super::Foreign::default()) {
            let _ = writeln!(text, "disk {} {:?}", disk.hw, disk.foreign);
        }
        text
    }

    fn line(&self, space: &str, row: &Map<String, Value>) -> String {
        let mut row = self.without_ids(row.clone());
        if space == "pool.scrub" {
            let id = row.get("pool").and_then(Value::as_i64).unwrap_or(0);
            row.insert("pool".into(), self.pools.get(&id).map(|pool| pool.name.clone()).into());
        }
        row.sort_keys();
        Value::Object(row).to_string()
    }

    fn without_ids(&self, mut row: Map<String, Value>) -> Map<String, Value> {
        // A key itself is drawn; where a row names one by its number, it is compared.
        let drawn =
            |name: &str, value: &Value| NOT_COMPARED.contains(&name) || name == "private_key" && value.is_string();
        row.retain(|name, value| !drawn(name, value));
        for (name, value) in &mut row {
            let reference = REFERENCES.iter().find(|(field, ..)| field == name);
            let named = |id: &Value| {
                let (_, space, by) = reference?;
                self.tables.get(*space)?.get(id)?.get(*by).cloned()
            };
            match value {
                Value::Object(inner) => *inner = self.without_ids(inner.clone()),
                Value::Array(list) => {
                    for one in list {
                        match one {
                            Value::Object(inner) => *inner = self.without_ids(inner.clone()),
                            id => *id = named(id).unwrap_or(id.clone()),
                        }
                    }
                }
                Value::String(text) if self.keys.values().any(|key| key == text) => "the key in force".clone_into(text),
                id => *id = named(id).unwrap_or(id.clone()),
            }
        }
        row
    }
}
