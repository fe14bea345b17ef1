//! Judging parameters as Proxmox VE's schema code does, with its words.
use super::answer::Fail;
use super::call::Args;
use super::schema::{Endpoint, Format, Prop, SCHEMA};
use super::world::Release;
use super::{format, props};
use regex_lite::{Regex, RegexBuilder};
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};
use std::sync::{LazyLock, Mutex, PoisonError};

const UNKNOWN: &str = "property is not defined in schema and the schema does not allow additional properties";
const MISSING: &str = "property is missing and it is not optional";

/// All bad parameters of a request at once.
pub(crate) fn request(release: Release, endpoint: &Endpoint, args: &Args) -> Result<(), Fail> {
    let mut errors = BTreeMap::new();
    for (name, prop) in SCHEMA.params(release, endpoint) {
        if !name.contains('[') && prop.optional == 0 && prop.alias.is_none() && !args.has(name) {
            errors.insert(name.to_owned(), MISSING.to_owned());
        }
    }
    for (name, values) in args.iter() {
        let Some(prop) = SCHEMA.param(release, endpoint, name) else {
            if !endpoint.is_free() {
                errors.insert(name.to_owned(), UNKNOWN.to_owned());
            }
            continue;
        };
        if let Some(other) = prop.requires.as_deref().filter(|other| !args.has(other)) {
            errors.insert(other.to_owned(), format!("missing property - '{name}' requires this property"));
        }
        if prop.kind() == "array" {
            for (place, value) in values.iter().enumerate() {
                let path = format!("{name}[{place}]");
                if let Some(problem) = prop.items.as_ref().and_then(|item| value_of(release, item, value, &path)) {
                    errors.insert(path, problem);
                }
            }
        } else if let Some(problem) = value_of(release, prop, &values.join("\0"), name) {
            errors.insert(name.to_owned(), problem);
        }
    }
    if errors.is_empty() { Ok(()) } else { Err(Fail::Params(errors)) }
}

/// Every key of a parsed property string, as `format error` lists them.
pub(crate) fn fields(
    release: Release,
    format: &BTreeMap<String, Prop>,
    values: &BTreeMap<String, String>,
    path: &str,
) -> Result<(), String> {
    let mut text = String::new();
    for (name, prop) in format.iter().filter(|(_, prop)| prop.in_release(release)) {
        if prop.optional == 0 && prop.alias.is_none() && !values.contains_key(name) {
            text.push_str(&format!("{path}.{name}: {MISSING}\n"));
        }
    }
    for (name, value) in values {
        match format.get(name).filter(|prop| prop.in_release(release)) {
            None => text.push_str(&format!("{path}.{name}: {UNKNOWN}\n")),
            Some(prop) => {
                if let Some(other) = prop.requires.as_deref().filter(|other| !values.contains_key(*other)) {
                    let text_of = format!("missing property - '{path}.{name}' requires this property");
                    text.push_str(&format!("{path}.{other}: {text_of}\n"));
                }
                if let Some(problem) = value_of(release, prop, value, path) {
                    text.push_str(&format!("{path}.{name}: {problem}\n"));
                }
            }
        }
    }
    if text.is_empty() { Ok(()) } else { Err(format!("format error\n{text}")) }
}

/// What is wrong with one value: type, then format, pattern, lengths, bounds, enumeration; the first that fails.
pub(crate) fn value_of(release: Release, prop: &Prop, value: &str, path: &str) -> Option<String> {
    let kind = prop.kind();
    let fits = match kind {
        "boolean" => matches!(value, "0" | "1"),
        "integer" => is_integer(value),
        "number" => is_number(value),
        _ => true,
    };
    if !fits {
        return Some(format!("type check ('{kind}') failed - got '{value}'"));
    }
    let judged = match &prop.format {
        Some(Format::Named(name)) => format::check(release, name, value, path),
        Some(Format::Fields(keys)) => props::parse(release, keys, value, path).map(|_| ()),
        None => Ok(()),
    };
    if let Err(problem) = judged {
        return Some(format!("invalid format - {problem}"));
    }
    if prop.pattern.as_deref().is_some_and(|pattern| !matches_whole(pattern, value)) {
        return Some("value does not match the regex pattern".to_owned());
    }
    let length = value.chars().count();
    if let Some(most) = prop.max_length.filter(|most| length > *most) {
        return Some(format!("value may only be {most} characters long"));
    }
    if let Some(least) = prop.min_length.filter(|least| length < *least) {
        return Some(format!("value must be at least {least} characters long"));
    }
    if let Some(number) = value.parse::<f64>().ok().filter(|_| is_number(value)) {
        if let Some((_, text)) = bound(prop.maximum.as_ref()).filter(|(most, _)| number > *most) {
            return Some(format!("value must have a maximum value of {text}"));
        }
        if let Some((_, text)) = bound(prop.minimum.as_ref()).filter(|(least, _)| number < *least) {
            return Some(format!("value must have a minimum value of {text}"));
        }
    }
    let allowed = prop.one_of.as_ref()?;
    (!allowed.iter().any(|known| known == value))
        .then(|| format!("value '{value}' does not have a value in the enumeration '{}'", allowed.join(", ")))
}

fn bound(value: Option<&Value>) -> Option<(f64, String)> {
    let text = match value? {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    Some((text.parse().ok()?, text))
}

/// A number, as Perl's own check sees it: `1`, `1.`, `.5`, `1.5e-3`.
fn is_number(value: &str) -> bool {
    matches_whole(r"[+-]?(\d+\.\d+|\d+\.|\.\d+|\d+)([eE][+-]?\d+)?", value)
}

/// `[+-]?digits`.
pub(crate) fn is_integer(value: &str) -> bool {
    let digits = value.strip_prefix(['+', '-']).unwrap_or(value);
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether a Perl pattern, anchored at both ends, matches.
pub(crate) fn matches_whole(pattern: &str, value: &str) -> bool {
    static KNOWN: LazyLock<Mutex<HashMap<String, Option<Regex>>>> = LazyLock::new(Mutex::default);
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    let regex = known.entry(pattern.to_owned()).or_insert_with(|| compile(pattern));
    // A pattern that cannot be translated judges nothing; the test of the schema shows that there is none.
    regex.as_ref().is_none_or(|regex| regex.is_match(value))
}

/// A long repetition of word characters needs more room than the default.
fn compile(pattern: &str) -> Option<Regex> {
    RegexBuilder::new(&translate(pattern)).size_limit(64 << 20).build().ok()
}

/// Perl's stringified patterns in the syntax of the regex crates.
fn translate(pattern: &str) -> String {
    let plain = pattern
        .replace("(?^:", "(?:")
        .replace("(?^i:", "(?i:")
        .replace("(?^u:", "(?:")
        .replace("(?!\\n)", "")
        .replace("{,", "{0,")
        .replace("\\0", "\\x00");
    format!("^(?:{plain})$")
}

#[cfg(test)]
mod tests {
    use super::*;
    use homelab_core::sim::rows;

    #[test]
    fn every_pattern_of_the_schema_can_be_judged() {
        let rows: Vec<Value> =
            rows(include_str!("data/schema.tsv")).map(|[.., json]| serde_json::from_str(json).unwrap()).collect();
        let mut seen = 0;
        let mut todo: Vec<&Value> = rows.iter().collect();
        while let Some(value) = todo.pop() {
            match value {
                Value::Object(map) => {
                    if let Some(Value::String(pattern)) = map.get("pattern") {
                        assert!(compile(pattern).is_some(), "{pattern}");
                        seen += 1;
                    }
                    todo.extend(map.values());
                }
                Value::Array(list) => todo.extend(list),
                _ => {}
            }
        }
        assert!(seen > 50, "only {seen} patterns");
    }
}
