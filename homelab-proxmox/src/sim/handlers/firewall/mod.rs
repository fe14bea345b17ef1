//! Firewalls of the cluster, the nodes and the guests: options, rules, groups, aliases, sets of addresses.
mod groups;
mod options;
mod rules;
mod sets;

use super::super::answer::{Answer, Fail, Reply};
use super::super::call::Call;
use super::super::firewall::names;
use super::super::schema::SCHEMA;
use super::super::world::{Firewall, Texts};
use super::super::{quirks, random};
use super::named;
use crate::http::Method;
use serde_json::{Map, Value, json};

/// Whose firewall a path is about.
#[derive(Clone)]
enum Scope {
    Cluster,
    Node(String),
    /// Whether it is a container, and its id.
    Guest(bool, u32),
}

/// The handler of a method, if there is one.
pub(super) fn route(call: &mut Call<'_>, key: &str) -> Option<Answer> {
    let (method, path) = key.split_once(' ')?;
    let (head, rest) = path.split_once("/firewall")?;
    let scope = match head {
        "/cluster" => Scope::Cluster,
        "/nodes/{node}" => Scope::Node(call.node()),
        "/nodes/{node}/qemu/{vmid}" => Scope::Guest(false, call.vmid()),
        "/nodes/{node}/lxc/{vmid}" => Scope::Guest(true, call.vmid()),
        _ => return None,
    };
    let index: &[&str] = match scope {
        Scope::Cluster => &["aliases", "rules", "options", "groups", "ipset", "macros", "refs"],
        Scope::Node(_) => &["rules", "options", "log"],
        Scope::Guest(..) => &["rules", "aliases", "ipset", "refs", "options"],
    };
    Some(match (method, rest) {
        ("GET", "") => Ok(named("name", index)),
        ("GET", "/options") => options::read(call, &scope, path),
        ("PUT", "/options") => options::update(call, &scope, path),
        ("GET", "/refs") => sets::refs(call, &scope),
        ("GET", "/macros") => {
            let rows: Vec<Value> = names().map(|name| json!({"macro": name, "descr": name})).collect();
            Ok(json!(rows).into())
        }
        ("GET", "/log") => Ok(Reply::from(json!([{"n": 1, "t": "no content"}])).beside("total", json!(1))),
        (_, rest) if rest.starts_with("/rules") => return rules::route(call, &scope, method, &rest[6..], false),
        (_, rest) if rest.starts_with("/groups/{group}") => {
            return rules::route(call, &scope, method, &rest[15..], true);
        }
        (_, "/groups") => return groups::route(call, method),
        (_, rest) if rest.starts_with("/aliases") => return sets::aliases(call, &scope, method, &rest[8..]),
        (_, rest) if rest.starts_with("/ipset") => return sets::ipsets(call, &scope, method, &rest[6..]),
        _ => return None,
    })
}

/// A guest's firewall is a file of its own: it is there without the guest, too.
fn firewall<'c>(call: &'c mut Call<'_>, scope: &Scope) -> Result<&'c mut Firewall, Fail> {
    Ok(match scope {
        Scope::Cluster => &mut call.world.firewall,
        Scope::Node(node) => &mut call.world.node_mut(node)?.firewall,
        Scope::Guest(_, vmid) => call.world.guest_firewalls.entry(*vmid).or_default(),
    })
}

fn digest(value: &impl std::fmt::Debug) -> String {
    random::digest(&format!("{value:?}"))
}

/// Refuses a stale digest.
fn fresh(call: &Call<'_>, now: &str) -> Result<(), Fail> {
    match call.args.get("digest") {
        Some(given) if given != now => Err(Fail::die(quirks::STALE_FILE)),
        _ => Ok(()),
    }
}

/// Options as JSON, with the types of the schema.
fn typed(call: &Call<'_>, template: &str, texts: &Texts) -> Map<String, Value> {
    let numeric = |key: &str| {
        let prop = SCHEMA.param_of(call.world.release, Method::Put, template, key);
        prop.is_some_and(|prop| matches!(prop.kind(), "integer" | "boolean"))
    };
    texts
        .iter()
        .map(|(key, text)| {
            let number = text.parse::<i64>().ok().filter(|_| numeric(key));
            (key.clone(), number.map_or_else(|| json!(text), |number| json!(number)))
        })
        .collect()
}

fn done() -> Answer {
    Reply::done()
}
