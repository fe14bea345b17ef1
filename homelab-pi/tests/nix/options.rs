//! Every option that is set exists in the release that it is set for, and has the type of its value.
use super::{addresses, shapes};
use homelab_pi::nix::{Expr, bindings};
use serde::Deserialize;
use std::collections::BTreeMap;

/// What is known of an option. Where it was not read in the manual's list, `source` says from where it is known.
#[derive(Deserialize, Clone)]
struct Known {
    name: String,
    #[serde(rename = "type")]
    ty: Option<String>,
    #[serde(default, rename = "in")]
    releases: BTreeMap<String, serde_json::Value>,
}

#[derive(Deserialize)]
struct Facts {
    options: Vec<Known>,
}

const OURS: &str = include_str!("options.json");

fn ours() -> Vec<Known> {
    serde_json::from_str::<Facts>(OURS).unwrap().options
}

/// `users.users."a.b".keys` in its parts.
fn parts(path: &str) -> Vec<String> {
    let (mut all, mut quoted) = (vec![String::new()], false);
    for c in path.chars() {
        match c {
            '"' => quoted = !quoted,
            '.' if !quoted => all.push(String::new()),
            c => all.last_mut().unwrap().push(c),
        }
    }
    all
}

fn matches(option: &str, path: &[String]) -> bool {
    let option = parts(option);
    option.len() == path.len()
        && option.iter().zip(path).all(|(o, p)| o == p || o == "<name>" || (o == "*" && p == "*"))
}

/// What is wrong with a value, if anything is.
fn check(options: &[Known], release: &str, path: &[String], value: &Expr) -> Vec<String> {
    let at = path.join(".");
    let known = options.iter().find(|o| matches(&o.name, path));
    if let Some(known) = known {
        match known.releases.get(release) {
            Some(serde_json::Value::Bool(false)) => return vec![format!("{at} is not in {release}")],
            Some(serde_json::Value::String(s)) => return vec![format!("{at} is {s} in {release}")],
            _ => {}
        }
    }
    let ty = known.and_then(|k| k.ty.as_deref());
    let inside = ty.is_none_or(|t| ["(submodule)", "(attribute set)"].iter().any(|s| t.contains(s)));
    match (value.value(), ty) {
        (Expr::Set(bindings), _) if inside => bindings
            .iter()
            .flat_map(|(name, value)| {
                let path: Vec<String> = path.iter().cloned().chain(parts(name)).collect();
                check(options, release, &path, value)
            })
            .collect(),
        (Expr::List(items), Some(t))
            if inside && t.starts_with("list of (") && matches!(items.first(), Some(Expr::Set(_))) =>
        {
            let path: Vec<String> = path.iter().cloned().chain(["*".to_owned()]).collect();
            items.iter().flat_map(|item| check(options, release, &path, item)).collect()
        }
        (_, None) => vec![format!("{at} is no option")],
        (value, Some(ty)) if fits(ty, value) => vec![],
        (value, Some(ty)) => vec![format!("{at} is {value:?} and should be: {ty}")],
    }
}

/// Whether a value is of a type, as the manual writes types.
fn fits(ty: &str, value: &Expr) -> bool {
    if let Some(inner) = ty.strip_prefix("null or ") {
        return fits(inner.trim_matches(['(', ')']), value);
    }
    if let Some(inner) = ty.strip_prefix("list of ") {
        let Expr::List(items) = value else { return false };
        if items.is_empty() {
            return true;
        }
        let inner = inner.strip_prefix('(').and_then(|i| i.strip_suffix(')')).unwrap_or(inner);
        return items.iter().all(|item| fits(inner, item.value()));
    }
    let number = |low: i64, high: i64| matches!(value, Expr::Int(n) if (low..=high).contains(n));
    match ty {
        "boolean" => matches!(value, Expr::Bool(_)),
        "signed integer" => matches!(value, Expr::Int(_)),
        "package" => matches!(value, Expr::Package(_) | Expr::Call(..)),
        "absolute path" => matches!(value, Expr::Path(_)) || matches!(value, Expr::Str(s) if s.starts_with('/')),
        t if t.starts_with("16 bit unsigned integer") && t.contains(" or string") => {
            number(0, 65535) || matches!(value, Expr::Str(_))
        }
        t if t.starts_with("16 bit unsigned integer") => number(0, 65535),
        t if t.starts_with("integer between 0 and 32") => number(0, 32),
        t if t.starts_with("one of ") => {
            matches!(value, Expr::Str(s) if t.contains(&format!("“{s}”")))
        }
        t if t.starts_with("strings concatenated") => matches!(value, Expr::Str(_) | Expr::Lines(_)),
        t if t.contains("single-line string or list of") => matches!(value, Expr::Str(s) if !s.contains('\n')),
        t if t.contains("single-line string") => matches!(value, Expr::Str(s) if !s.trim_end().contains('\n')),
        t if t.starts_with("attribute set of string") => {
            matches!(value, Expr::Set(all) if all.iter().all(|(_, v)| matches!(v.value(), Expr::Str(_))))
        }
        t if t.starts_with("string") => matches!(value, Expr::Str(_)),
        // Settings of another program: anything that its format can say.
        t if t.starts_with("TOML value")
            || t.starts_with("open submodule")
            || t.starts_with("attribute set of (systemd") =>
        {
            matches!(value, Expr::Set(_))
        }
        "systemd option" => matches!(value, Expr::Str(_) | Expr::Int(_) | Expr::Bool(_) | Expr::List(_)),
        _ => false,
    }
}

#[test]
fn every_option_exists_in_its_release_and_takes_its_value() {
    let options = ours();
    for (shape, pi) in shapes() {
        let release = pi.release().number();
        for (name, value) in bindings(&pi, &addresses()) {
            let wrong = check(&options, release, &parts(&name), &value);
            assert!(wrong.is_empty(), "{shape}: {wrong:?}");
        }
    }
}

#[test]
fn a_misspelt_option_a_wrong_type_and_another_release_are_seen() {
    let options = ours();
    let wrong = |release: &str, name: &str, value: Expr| check(&options, release, &parts(name), &value);
    assert_eq!(wrong("25.11", "networking.hostname", "pi".into()), ["networking.hostname is no option"]);
    assert_eq!(
        wrong("25.05", "services.pihole-ftl.enable", true.into()),
        ["services.pihole-ftl.enable is not in 25.05"]
    );
    let prefix = Expr::set([("address", Expr::from("192.168.0.53")), ("prefixLength", "24".into())]);
    let wrong = wrong("25.11", "networking.interfaces.eth0.ipv4.addresses", vec![prefix].into());
    assert!(wrong[0].contains("prefixLength is Str"), "{wrong:?}");
}

#[test]
fn the_options_are_those_of_the_facts_where_these_are_at_hand() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/api/nixos-options.json");
    let Ok(text) = std::fs::read_to_string(path) else { return };
    let facts: Facts = serde_json::from_str(&text).unwrap();
    for ours in ours() {
        let Some(fact) = facts.options.iter().find(|f| f.name == ours.name) else {
            assert!(OURS.contains(&format!("\"name\": \"{}\", \"source\"", ours.name)), "{} has no source", ours.name);
            continue;
        };
        if fact.ty.is_some() {
            assert_eq!(fact.ty, ours.ty, "{}", ours.name);
        }
        assert_eq!(fact.releases, ours.releases, "{}", ours.name);
    }
}
