//! The API's schema: which methods there are, what they take, who may call them.
//!
//! The data is derived by `tools/compact-schema.py` and describes 9.2, with marks for what 8.4 does not have.
use super::world::Release;
use crate::http::Method;
use homelab_core::sim::{Later, rows};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// One parameter, or one key of a property string.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Prop {
    #[serde(rename = "type")]
    pub(crate) kind: Option<String>,
    pub(crate) optional: u8,
    pub(crate) format: Option<Format>,
    pub(crate) minimum: Option<Value>,
    pub(crate) maximum: Option<Value>,
    pub(crate) max_length: Option<usize>,
    pub(crate) min_length: Option<usize>,
    #[serde(rename = "enum")]
    pub(crate) one_of: Option<Vec<String>>,
    pub(crate) pattern: Option<String>,
    pub(crate) alias: Option<String>,
    pub(crate) key_alias: Option<String>,
    #[serde(rename = "default_key")]
    pub(crate) default_key: u8,
    pub(crate) requires: Option<String>,
    pub(crate) items: Option<Box<Prop>>,
    since: Option<String>,
    until: Option<String>,
}

/// A named format, or the keys of a property string.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Format {
    Named(String),
    Fields(BTreeMap<String, Prop>),
}

/// One method of one path.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Endpoint {
    p: BTreeMap<String, usize>,
    /// Parameters that 8.4 judged otherwise.
    #[serde(default)]
    o: BTreeMap<String, usize>,
    perm: Option<usize>,
    /// What 8.4 asked for instead.
    operm: Option<usize>,
    node: Option<String>,
    notoken: Option<u8>,
    #[serde(default)]
    free: u8,
    since: Option<String>,
    until: Option<String>,
}

/// One path, and what may be done with it.
struct Path {
    parts: Vec<&'static str>,
    methods: BTreeMap<&'static str, Later<Endpoint>>,
}

/// A piece that methods name by its number: a parameter, or a permission.
struct Def {
    prop: Later<Prop>,
    permission: Later<Value>,
}

/// The whole schema.
pub(crate) struct Schema {
    formats: BTreeMap<&'static str, Later<BTreeMap<String, Prop>>>,
    /// By number.
    defs: Vec<Def>,
    /// By their templates.
    paths: BTreeMap<&'static str, Path>,
    /// The templates by what a request can be told by: their first part and the third, if that is a word.
    places: BTreeMap<String, Vec<&'static str>>,
}

/// The only schema there is.
pub(crate) static SCHEMA: LazyLock<Schema> = LazyLock::new(|| Schema::read(include_str!("data/schema.tsv")));

/// A method that a request named: its template, what the path said, and its description.
pub(crate) struct Found<'s> {
    pub(crate) template: &'s str,
    pub(crate) args: Vec<(String, String)>,
    pub(crate) endpoint: &'s Endpoint,
}

impl Schema {
    fn read(text: &'static str) -> Schema {
        let mut schema =
            Schema { formats: BTreeMap::new(), defs: Vec::new(), paths: BTreeMap::new(), places: BTreeMap::new() };
        for [part, name, json] in rows(text) {
            match (part, name.split_once(' ')) {
                ("def", _) => schema.defs.push(Def { prop: Later::new(json), permission: Later::new(json) }),
                ("format", _) => drop(schema.formats.insert(name, Later::new(json))),
                (_, Some((method, template))) => {
                    let places = &mut schema.places;
                    let path = schema.paths.entry(template).or_insert_with(|| {
                        let parts: Vec<&str> = template.trim_matches('/').split('/').collect();
                        let third = parts.get(2).filter(|third| !third.starts_with('{')).copied().unwrap_or_default();
                        places.entry(format!("{}/{third}", parts[0])).or_default().push(template);
                        Path { parts, methods: BTreeMap::new() }
                    });
                    path.methods.insert(method, Later::new(json));
                }
                (_, None) => {}
            }
        }
        schema
    }

    /// Finds the method for a decoded path.
    pub(crate) fn find(&self, release: Release, method: Method, path: &str) -> Option<Found<'_>> {
        let wanted: Vec<&str> = path.trim_matches('/').split('/').collect();
        let mut best: Option<(usize, Found<'_>)> = None;
        let third = wanted.get(2).copied().unwrap_or_default();
        let places = [format!("{}/{third}", wanted[0]), format!("{}/", wanted[0])];
        for &template in places.iter().filter_map(|place| self.places.get(place)).flatten() {
            let Path { parts, methods } = self.paths.get(template)?;
            let Some((literal, args)) = fit(parts, &wanted) else { continue };
            let Some(endpoint) = methods.get(method.as_str()).and_then(Later::get) else { continue };
            if !release.has(endpoint.since.as_deref(), endpoint.until.as_deref()) {
                continue;
            }
            if best.as_ref().is_none_or(|(most, _)| literal > *most) {
                best = Some((literal, Found { template, args, endpoint }));
            }
        }
        best.map(|(_, found)| found)
    }

    /// The keys of a named property string.
    pub(crate) fn fields(&self, name: &str) -> Option<&BTreeMap<String, Prop>> {
        self.formats.get(name)?.get()
    }

    /// The parameters of a method in a release.
    pub(crate) fn params<'s>(
        &'s self,
        release: Release,
        endpoint: &'s Endpoint,
    ) -> impl Iterator<Item = (&'s str, &'s Prop)> {
        endpoint.p.iter().filter_map(move |(name, def)| {
            let def = endpoint.def(release, name).unwrap_or(*def);
            let prop = self.defs.get(def)?.prop.get()?;
            prop.in_release(release).then_some((name.as_str(), prop))
        })
    }

    /// The parameter of that name, numbered families included (`net3` is `net[n]`).
    pub(crate) fn param(&self, release: Release, endpoint: &Endpoint, name: &str) -> Option<&Prop> {
        let family = |name: &str| -> Option<String> {
            let stem = name.trim_end_matches(|letter: char| letter.is_ascii_digit());
            let digits = &name[stem.len()..];
            let number: u32 = digits.parse().ok()?;
            let plain = digits == number.to_string();
            (plain && number < family_size(stem)).then(|| format!("{stem}[n]"))
        };
        let def = match endpoint.def(release, name) {
            Some(def) if !name.contains('[') => def,
            _ => endpoint.def(release, &family(name)?)?,
        };
        self.defs.get(def)?.prop.get().filter(|prop| prop.in_release(release))
    }

    /// The permission that the method asks for.
    pub(crate) fn permission(&self, release: Release, endpoint: &Endpoint) -> Option<&Value> {
        let old = endpoint.operm.filter(|_| release == Release::V8_4);
        self.defs.get(old.or(endpoint.perm)?)?.permission.get()
    }

    /// The parameter of a method, by its template.
    pub(crate) fn param_of(&self, release: Release, method: Method, template: &str, name: &str) -> Option<&Prop> {
        self.param(release, self.paths.get(template)?.methods.get(method.as_str())?.get()?, name)
    }
}

impl Endpoint {
    /// Where a parameter is described.
    fn def(&self, release: Release, name: &str) -> Option<usize> {
        let old = self.o.get(name).filter(|_| release == Release::V8_4);
        old.or_else(|| self.p.get(name)).copied()
    }

    /// The parameter that names the node which answers.
    pub(crate) fn node_param(&self) -> Option<&str> {
        self.node.as_deref()
    }

    /// Whether API tokens are refused.
    pub(crate) fn refuses_tokens(&self) -> bool {
        self.notoken.is_some()
    }

    /// Whether unknown parameters pass.
    pub(crate) fn is_free(&self) -> bool {
        self.free == 1
    }
}

impl Prop {
    /// Whether the release knows it.
    pub(crate) fn in_release(&self, release: Release) -> bool {
        release.has(self.since.as_deref(), self.until.as_deref())
    }

    /// The declared type; `string` when there is none.
    pub(crate) fn kind(&self) -> &str {
        self.kind.as_deref().unwrap_or("string")
    }
}

/// How many of a numbered family there are (`net0` to `net31`).
fn family_size(stem: &str) -> u32 {
    match stem {
        "ide" | "serial" => 4,
        "sata" => 6,
        "scsi" => 31,
        "virtio" | "hostpci" => 16,
        "usb" => 14,
        "parallel" => 3,
        "numa" | "link" => 8,
        "virtiofs" => 10,
        "unused" | "mp" | "dev" => 256,
        _ => 32,
    }
}

/// How many parts match literally, and what the others are; `{volume}` and `{cidr}` take the rest of the path.
fn fit(parts: &[&str], wanted: &[&str]) -> Option<(usize, Vec<(String, String)>)> {
    let (mut literal, mut args) = (0, Vec::new());
    for (place, part) in parts.iter().enumerate() {
        let last = place + 1 == parts.len();
        match part.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
            Some(name) if last && matches!(name, "volume" | "cidr") && wanted.len() > place => {
                args.push((name.to_owned(), wanted[place..].join("/")));
                return Some((literal, args));
            }
            Some(name) => {
                let value = wanted.get(place).filter(|value| !value.is_empty())?;
                args.push((name.to_owned(), (*value).to_owned()));
            }
            None if wanted.get(place) == Some(part) => literal += 1,
            None => return None,
        }
    }
    (parts.len() == wanted.len()).then_some((literal, args))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_method_and_every_format_of_the_table_can_be_read() {
        let methods = SCHEMA.paths.values().flat_map(|path| path.methods.values());
        assert!(methods.clone().count() > 600);
        assert!(methods.clone().all(|method| method.get().is_some()));
        let read = methods.filter_map(Later::get);
        let all = |endpoint: &Endpoint| endpoint.p.values().chain(endpoint.o.values()).copied().collect::<Vec<_>>();
        assert!(read.flat_map(all).all(|def| SCHEMA.defs[def].prop.get().is_some()));
        assert!(SCHEMA.formats.values().all(|format| format.get().is_some()));
    }
}
