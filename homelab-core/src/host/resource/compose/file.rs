//! A Compose file, read for what a lab has to know of it before it reaches a machine.
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};
use yaml_rust2::{Yaml, YamlLoader};

/// How many ports one line of a Compose file may publish as a range.
const RANGE: u16 = 1000;

/// What a Compose file says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ComposeFile {
    /// The services that are started without a profile.
    pub(crate) services: BTreeMap<String, Service>,
    /// The variables that it uses: whether they have a default.
    pub(crate) variables: BTreeMap<String, bool>,
}

/// A service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Service {
    /// Its image; empty where it is built.
    pub(crate) image: String,
    /// What it publishes on the machine: port and protocol.
    pub(crate) ports: BTreeSet<(u16, String)>,
    /// Whether Docker can tell that it works.
    pub(crate) has_health: bool,
}

#[derive(Deserialize)]
struct Raw {
    services: BTreeMap<String, RawService>,
}

#[derive(Deserialize)]
struct RawService {
    image: Option<String>,
    #[serde(default)]
    ports: Vec<Value>,
    healthcheck: Option<Value>,
    #[serde(default)]
    profiles: Vec<String>,
}

impl ComposeFile {
    /// Reads one, with the values of those variables that are known.
    ///
    /// # Errors
    /// What is wrong with it, with line and column where the reader knows them.
    pub(crate) fn parse(text: &str, known: &BTreeMap<String, String>) -> Result<Self, String> {
        let documents = YamlLoader::load_from_str(text).map_err(|e| e.to_string())?;
        let whole = documents.first().map(value).unwrap_or_default();
        let raw: Raw = serde_json::from_value(whole).map_err(|e| e.to_string())?;
        if raw.services.is_empty() {
            return Err("it has no services".into());
        }
        let mut services = BTreeMap::new();
        for (name, service) in raw.services {
            if !service.profiles.is_empty() {
                continue;
            }
            let mut ports = BTreeSet::new();
            for port in &service.ports {
                ports.extend(published(port, known).map_err(|why| format!("service {name}: {why}"))?);
            }
            let off = service.healthcheck.as_ref().is_some_and(|h| h.get("disable") == Some(&Value::Bool(true)));
            services.insert(
                name,
                Service {
                    image: fill(&service.image.unwrap_or_default(), known),
                    ports,
                    has_health: service.healthcheck.is_some() && !off,
                },
            );
        }
        Ok(ComposeFile { services, variables: variables(text) })
    }
}

/// YAML as the value that Compose sees: with what `<<` brings in where a map has no key of its own.
fn value(yaml: &Yaml) -> Value {
    match yaml {
        Yaml::Hash(map) => {
            let (mut own, mut brought) = (Map::new(), Map::new());
            for (key, item) in map {
                match (text(key), value(item)) {
                    (Some("<<"), Value::Object(other)) => brought.extend(other),
                    // Of several, the earlier one wins.
                    (Some("<<"), Value::Array(others)) => {
                        brought.extend(others.into_iter().rev().filter_map(|o| o.as_object().cloned()).flatten());
                    }
                    (Some(key), item) => drop(own.insert(key.to_owned(), item)),
                    (None, _) => {}
                }
            }
            brought.extend(own);
            Value::Object(brought)
        }
        Yaml::Array(items) => items.iter().map(value).collect(),
        Yaml::Integer(number) => (*number).into(),
        Yaml::Boolean(yes) => (*yes).into(),
        other => text(other).map_or(Value::Null, Value::from),
    }
}

fn text(yaml: &Yaml) -> Option<&str> {
    match yaml {
        Yaml::String(text) | Yaml::Real(text) => Some(text),
        _ => None,
    }
}

/// The ports of the machine that an entry of `ports` takes. What cannot be told (a variable whose value is not known, a port that
/// Docker chooses) takes none.
fn published(entry: &Value, known: &BTreeMap<String, String>) -> Result<Vec<(u16, String)>, String> {
    let (ports, protocol) = match entry {
        Value::Object(long) => {
            let published = match long.get("published") {
                Some(Value::String(text)) => fill(text, known),
                Some(Value::Number(n)) => n.to_string(),
                _ => return Ok(vec![]),
            };
            let protocol = long.get("protocol").and_then(Value::as_str).unwrap_or("tcp");
            (published, protocol.to_owned())
        }
        Value::String(short) => {
            let short = fill(short, known);
            let (ports, protocol) = short.split_once('/').unwrap_or((&short, "tcp"));
            // [address:]machine:container
            let Some((machine, _)) = ports.rsplit_once(':') else { return Ok(vec![]) };
            let machine = machine.rsplit(':').next().unwrap_or_default();
            (machine.to_owned(), protocol.to_owned())
        }
        // A bare number: Docker chooses.
        _ => return Ok(vec![]),
    };
    if ports.contains('$') || ports.is_empty() {
        return Ok(vec![]);
    }
    let number = |text: &str| text.parse::<u16>().map_err(|_| format!("`{ports}` is no port"));
    let (first, last) = match ports.split_once('-') {
        Some((first, last)) => (number(first)?, number(last)?),
        None => (number(&ports)?, number(&ports)?),
    };
    if last < first || last - first > RANGE {
        return Err(format!("`{ports}` is no range of at most {RANGE} ports"));
    }
    Ok((first..=last).map(|port| (port, protocol.clone())).collect())
}

/// Fills in the variables that are known, and defaults of those that are not.
fn fill(text: &str, known: &BTreeMap<String, String>) -> String {
    let mut out = String::new();
    walk(text, |piece| match piece {
        Piece::Plain(plain) => out.push_str(plain),
        Piece::Variable { name, default, whole } => match (known.get(name), default) {
            (Some(value), _) => out.push_str(value),
            (None, Some(default)) => out.push_str(default),
            (None, None) => out.push_str(whole),
        },
    });
    out
}

/// The variables that a file uses, and whether each has a default. One that has one in one place and none in another has none.
fn variables(text: &str) -> BTreeMap<String, bool> {
    let mut found = BTreeMap::new();
    for line in text.lines().filter(|line| !line.trim_start().starts_with('#')) {
        walk(line, |piece| {
            if let Piece::Variable { name, default, .. } = piece {
                found.entry(name.to_owned()).and_modify(|d| *d &= default.is_some()).or_insert(default.is_some());
            }
        });
    }
    found
}

enum Piece<'t> {
    Plain(&'t str),
    Variable { name: &'t str, default: Option<&'t str>, whole: &'t str },
}

/// Takes text apart as Compose interpolates it: `$NAME`, `${NAME}`, `${NAME:-default}`, `${NAME-default}`; `$$` is a dollar.
/// Source: the Compose specification, "Interpolation".
fn walk<'t>(text: &'t str, mut each: impl FnMut(Piece<'t>)) {
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        each(Piece::Plain(&rest[..at]));
        let behind = &rest[at + 1..];
        if let Some(after) = behind.strip_prefix('$') {
            each(Piece::Plain("$"));
            rest = after;
            continue;
        }
        let word = |s: &str| s.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(s.len());
        if let Some(inside) = behind.strip_prefix('{')
            && let Some(end) = inside.find('}')
        {
            let (name, more) = inside[..end].split_at(word(&inside[..end]));
            // `:?` and `?` demand a value, `+` stands for something else: neither is a default.
            let default = more.strip_prefix(":-").or_else(|| more.strip_prefix('-'));
            let whole = &rest[at..at + 3 + end];
            each(Piece::Variable { name, default, whole });
            rest = &inside[end + 1..];
            continue;
        }
        let (name, more) = behind.split_at(word(behind));
        match name.is_empty() {
            true => each(Piece::Plain("$")),
            false => each(Piece::Variable { name, default: None, whole: &rest[at..at + 1 + name.len()] }),
        }
        rest = more;
    }
    each(Piece::Plain(rest));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> ComposeFile {
        ComposeFile::parse(text, &BTreeMap::from([("WEB".to_owned(), "8443".to_owned())])).unwrap()
    }

    #[test]
    fn ports_are_read_in_every_way_in_which_they_can_be_written() {
        let file = parse(
            "services:
  a:
    image: a:1
    ports: ['80:8080', '127.0.0.1:81:81/udp', '[::1]:82:82', 9000, '9001', '7000-7002:7000-7002', '${WEB}:443', '${NO}:1', '${D:-90}:1']
  b:
    image: b:1
    ports:
      - { target: 1, published: '53', protocol: udp }
      - { target: 1, published: 54 }
      - { target: 1 }
",
        );
        let of = |name: &str| {
            file.services[name].ports.iter().map(|(port, protocol)| format!("{port}/{protocol}")).collect::<Vec<_>>()
        };
        assert_eq!(of("a"), ["80/tcp", "81/udp", "82/tcp", "90/tcp", "7000/tcp", "7001/tcp", "7002/tcp", "8443/tcp"]);
        assert_eq!(of("b"), ["53/udp", "54/tcp"]);
    }

    #[test]
    fn what_is_merged_into_a_service_counts_unless_the_service_says_it_itself() {
        let file = parse(
            "x-usual: &usual
  image: usual:1
  ports: ['80:80']
  healthcheck: { test: [CMD, 'true'] }
x-other: &other { image: other:1, ports: ['90:90'] }
services:
  a: { <<: *usual }
  b: { <<: *usual, image: own:1 }
  c: { <<: [*other, *usual] }
",
        );
        let of = |name: &str| {
            let service = &file.services[name];
            (service.image.as_str(), service.ports.first().unwrap().0, service.has_health)
        };
        assert_eq!([of("a"), of("b"), of("c")], [("usual:1", 80, true), ("own:1", 80, true), ("other:1", 90, true)]);
    }

    #[test]
    fn variables_without_a_default_are_told_from_those_with_one() {
        let file = parse(
            "# ${IN_A_COMMENT}\nservices:\n  a:\n    image: 'a:${TAG:-1}'\n    command: echo $${not} $PLAIN ${OWN}\n",
        );
        assert_eq!(
            file.variables,
            BTreeMap::from([("OWN".into(), false), ("PLAIN".into(), false), ("TAG".into(), true)])
        );
        assert_eq!(file.services["a"].image, "a:1");
    }

    #[test]
    fn what_is_no_compose_file_is_refused_with_the_reason() {
        let why = |text: &str| ComposeFile::parse(text, &BTreeMap::new()).unwrap_err();
        assert!(why("services:\n  a:\n   image: [").contains("line"), "{}", why("services:\n  a:\n   image: ["));
        assert!(why("version: '3'\n").contains("services"), "{}", why("version: '3'\n"));
        assert_eq!(why("services: {}\n"), "it has no services");
        assert_eq!(why("services: {a: {image: a, ports: ['eighty:80']}}"), "service a: `eighty` is no port");
    }

    #[test]
    fn a_service_of_a_profile_is_not_started_and_a_disabled_check_is_none() {
        let file = parse(
            "services:
  a: { image: a, profiles: [debug] }
  b: { image: b, healthcheck: { disable: true } }
  c: { image: c, healthcheck: { test: [CMD, 'true'] } }
",
        );
        assert_eq!(file.services.keys().collect::<Vec<_>>(), ["b", "c"]);
        assert!(!file.services["b"].has_health);
        assert!(file.services["c"].has_health);
    }
}
