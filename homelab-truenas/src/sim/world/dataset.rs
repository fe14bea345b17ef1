//! Datasets and zvols with properties of three values: set here, inherited, default.
use super::World;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// A dataset or a zvol.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(in crate::sim) struct Dataset {
    pub(in crate::sim) is_volume: bool,
    /// What is set here, by the name that the API gives it, as ZFS writes it.
    pub(in crate::sim) local: BTreeMap<String, String>,
    /// Properties with a colon in their name.
    pub(in crate::sim) user: BTreeMap<String, String>,
    /// What lies in it, without its children.
    pub(in crate::sim) content: u64,
    pub(in crate::sim) created: u64,
    /// Itself, if it has a key of its own: `HEX` or `PASSPHRASE`.
    pub(in crate::sim) key_format: Option<String>,
    pub(in crate::sim) is_encrypted: bool,
    pub(in crate::sim) is_locked: bool,
    pub(in crate::sim) key: String,
}

/// How a property is written and handed down.
pub(in crate::sim) struct Property {
    pub(in crate::sim) name: &'static str,
    pub(in crate::sim) default: &'static str,
    pub(in crate::sim) inherits: bool,
    pub(in crate::sim) shape: Shape,
    pub(in crate::sim) on: On,
}

/// What a property belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sim) enum On {
    Both,
    Filesystem,
    Volume,
}

/// How a value is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sim) enum Shape {
    /// `on` is `ON`.
    Word,
    /// Bytes; 0 is none.
    Limit,
    /// Bytes with a unit: `128K`.
    Block,
    /// A number.
    Number,
    /// Text as it is; absent if it is not set.
    Text,
}

const fn property(name: &'static str, default: &'static str, inherits: bool, shape: Shape, on: On) -> Property {
    Property { name, default, inherits, shape, on }
}

/// Every property that can be set.
pub(in crate::sim) const PROPERTIES: &[Property] = &[
    property("comments", "", true, Shape::Text, On::Both),
    property("managedby", "", true, Shape::Text, On::Both),
    property("quota_warning", "", true, Shape::Text, On::Both),
    property("quota_critical", "", true, Shape::Text, On::Both),
    property("refquota_warning", "", true, Shape::Text, On::Both),
    property("refquota_critical", "", true, Shape::Text, On::Both),
    property("deduplication", "off", true, Shape::Word, On::Both),
    property("checksum", "on", true, Shape::Word, On::Both),
    property("compression", "on", true, Shape::Word, On::Both),
    property("sync", "standard", true, Shape::Word, On::Both),
    property("readonly", "off", true, Shape::Word, On::Both),
    property("copies", "1", true, Shape::Number, On::Both),
    property("snapdev", "hidden", true, Shape::Word, On::Both),
    property("special_small_block_size", "0", true, Shape::Limit, On::Both),
    property("reservation", "0", false, Shape::Limit, On::Both),
    property("refreservation", "0", false, Shape::Limit, On::Both),
    property("aclmode", "discard", true, Shape::Word, On::Filesystem),
    property("acltype", "off", true, Shape::Word, On::Filesystem),
    property("xattr", "on", true, Shape::Word, On::Filesystem),
    property("atime", "on", true, Shape::Word, On::Filesystem),
    property("exec", "on", true, Shape::Word, On::Filesystem),
    property("snapdir", "hidden", true, Shape::Word, On::Filesystem),
    property("recordsize", "131072", true, Shape::Block, On::Filesystem),
    property("casesensitivity", "sensitive", false, Shape::Word, On::Filesystem),
    property("quota", "0", false, Shape::Limit, On::Filesystem),
    property("refquota", "0", false, Shape::Limit, On::Filesystem),
    property("volsize", "0", false, Shape::Limit, On::Volume),
    property("volblocksize", "16384", false, Shape::Block, On::Volume),
];

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::sim) enum Source {
    Local,
    Inherited(String),
    Default,
}

/// The name of what a dataset is in.
pub(in crate::sim) fn parent(name: &str) -> Option<&str> {
    name.rsplit_once('/').map(|(parent, _)| parent)
}

/// Whether a name is `root` or below it.
pub(in crate::sim) fn is_within(name: &str, root: &str) -> bool {
    name == root || name.strip_prefix(root).is_some_and(|rest| rest.starts_with('/'))
}

/// Bytes as a property of blocks is written.
pub(in crate::sim) fn with_unit(bytes: u64) -> String {
    match bytes {
        n if n >= 1 << 20 && n.is_multiple_of(1 << 20) => format!("{}M", n >> 20),
        n if n >= 1 << 10 && n.is_multiple_of(1 << 10) => format!("{}K", n >> 10),
        n => n.to_string(),
    }
}

/// The reverse: `128K`, `1M`, `512`, `512B`.
pub(in crate::sim) fn bytes_of(text: &str) -> Option<u64> {
    let digits: String = text.chars().take_while(char::is_ascii_digit).collect();
    let number = digits.parse::<u64>().ok()?;
    match &text[digits.len()..] {
        "" | "B" => Some(number),
        "K" => Some(number << 10),
        "M" => Some(number << 20),
        "G" => Some(number << 30),
        _ => None,
    }
}

impl World {
    /// A property's value and where it comes from.
    pub(in crate::sim) fn effective(&self, name: &str, property: &Property) -> (String, Source) {
        let mut at = Some(name);
        while let Some(here) = at {
            if let Some(value) = self.datasets.get(here).and_then(|dataset| dataset.local.get(property.name)) {
                let source = if here == name { Source::Local } else { Source::Inherited(here.into()) };
                return (value.clone(), source);
            }
            at = if property.inherits { parent(here) } else { None };
        }
        (property.default.into(), Source::Default)
    }

    /// What a dataset uses with all that is below it: content, snapshots, what is reserved.
    pub(in crate::sim) fn used(&self, name: &str) -> u64 {
        let within = self.datasets.iter().filter(|(other, _)| is_within(other, name));
        within.map(|(other, dataset)| dataset.content.max(dataset.reserved()) + self.held_by_snapshots(other)).sum()
    }

    fn held_by_snapshots(&self, name: &str) -> u64 {
        let own = |id: &&String| id.split_once('@').is_some_and(|(dataset, _)| dataset == name);
        self.snapshots.iter().filter(|(id, _)| own(id)).map(|(_, snapshot)| snapshot.used).sum()
    }

    /// What can still be put into a dataset.
    pub(in crate::sim) fn available(&self, name: &str) -> u64 {
        let root = name.split('/').next().unwrap_or_default();
        let pool = self.pools.values().find(|pool| pool.name == root);
        let mut room = pool.map_or(0, |pool| pool.usable().saturating_sub(self.used(root)));
        let mut at = Some(name);
        while let Some(here) = at {
            let quota = self.datasets.get(here).and_then(|dataset| dataset.number("quota")).filter(|quota| *quota > 0);
            room = quota.map_or(room, |quota| room.min(quota.saturating_sub(self.used(here))));
            at = parent(here);
        }
        room
    }

    /// What has the key of a dataset.
    pub(in crate::sim) fn encryption_root(&self, name: &str) -> Option<String> {
        if !self.datasets.get(name)?.is_encrypted {
            return None;
        }
        let mut at = Some(name);
        while let Some(here) = at {
            if self.datasets.get(here)?.key_format.is_some() {
                return Some(here.into());
            }
            at = parent(here);
        }
        None
    }

    /// The row of `pool.dataset.query`, without children.
    pub(in crate::sim) fn dataset_row(&self, name: &str) -> Option<Map<String, Value>> {
        let dataset = self.datasets.get(name)?;
        let kind = if dataset.is_volume { "VOLUME" } else { "FILESYSTEM" };
        let other = if dataset.is_volume { On::Filesystem } else { On::Volume };
        let root = self.encryption_root(name);
        let locked = root.as_ref().and_then(|root| self.datasets.get(root)).is_some_and(|root| root.is_locked);
        let mut row = Map::new();
        let mut put = |key: &str, value: Value| drop(row.insert(key.into(), value));
        put("id", json!(name));
        put("type", json!(kind));
        put("name", json!(name));
        put("pool", json!(name.split('/').next()));
        put("encrypted", json!(dataset.is_encrypted));
        put("encryption_root", json!(root));
        put("key_loaded", json!(dataset.is_encrypted && !locked));
        put("locked", json!(locked));
        put("children", json!([]));
        put("mountpoint", if dataset.is_volume || locked { Value::Null } else { json!(format!("/mnt/{name}")) });
        for property in PROPERTIES.iter().filter(|property| property.on != other) {
            let (raw, source) = self.effective(name, property);
            if property.shape != Shape::Text || !raw.is_empty() {
                put(property.name, composite(property.shape, &raw, &source));
            }
        }
        let format = root.as_ref().and_then(|root| self.datasets.get(root)).and_then(|root| root.key_format.clone());
        put("key_format", plain(format.as_deref().unwrap_or("none")));
        put("encryption_algorithm", plain(if dataset.is_encrypted { "aes-256-gcm" } else { "off" }));
        put("pbkdf2iters", plain(if format.as_deref() == Some("passphrase") { "350000" } else { "0" }));
        put("origin", plain(""));
        put("compressratio", plain("1.00"));
        let (used, own, snapshots) = (self.used(name), dataset.content, self.held_by_snapshots(name));
        let reserved = dataset.reserved().saturating_sub(own);
        for (key, bytes) in [
            ("used", used),
            ("usedbydataset", own),
            ("usedbysnapshots", snapshots),
            ("usedbyrefreservation", reserved),
            ("usedbychildren", used.saturating_sub(own + snapshots + reserved)),
            ("available", self.available(name)),
        ] {
            put(key, composite(Shape::Limit, &bytes.to_string(), &Source::Default));
        }
        put(
            "creation",
            json!({"parsed": {"$date": dataset.created}, "rawvalue": (dataset.created / 1000).to_string(),
            "value": dataset.created.to_string(), "source": "NONE", "source_info": null}),
        );
        let user = dataset.user.iter().map(|(key, value)| {
            (
                key.clone(),
                json!({"parsed": value, "rawvalue": value, "value": value, "source": "LOCAL", "source_info": null}),
            )
        });
        put("user_properties", Value::Object(user.collect()));
        Some(row)
    }
}

impl Dataset {
    /// A property that is a number, if it is set here.
    pub(in crate::sim) fn number(&self, name: &str) -> Option<u64> {
        self.local.get(name)?.parse().ok()
    }

    /// What is kept free for it.
    fn reserved(&self) -> u64 {
        self.number("refreservation").unwrap_or(0).max(self.number("reservation").unwrap_or(0))
    }
}

fn plain(text: &str) -> Value {
    let value = if text.is_empty() { Value::Null } else { json!(text) };
    json!({"parsed": value, "rawvalue": text, "value": value, "source": "NONE", "source_info": null})
}

/// A value as the API reads it: three spellings and where it comes from (notes section 7).
fn composite(shape: Shape, raw: &str, source: &Source) -> Value {
    let number = raw.parse::<u64>().unwrap_or(0);
    let (parsed, value) = match shape {
        Shape::Word => {
            let parsed = match raw {
                "on" => json!(true),
                "off" => json!(false),
                word => json!(word),
            };
            (parsed, json!(raw.to_uppercase()))
        }
        Shape::Limit if number == 0 => (Value::Null, Value::Null),
        Shape::Limit | Shape::Block => (json!(number), json!(with_unit(number))),
        Shape::Number => (json!(number), json!(raw)),
        Shape::Text => (json!(raw), json!(raw)),
    };
    let (word, info) = match source {
        Source::Local => ("LOCAL", Value::Null),
        Source::Inherited(from) => ("INHERITED", json!(from)),
        Source::Default => ("DEFAULT", Value::Null),
    };
    json!({"parsed": parsed, "rawvalue": raw, "value": value, "source": word, "source_info": info})
}
