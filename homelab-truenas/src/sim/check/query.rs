//! Filters and options of queries.
use super::{Bad, Complaint};
use serde_json::{Map, Value};

/// What a filter may ask; with `C` before it in any case of letters.
const OPERATORS: [&str; 15] = ["=", "!=", ">", ">=", "<", "<=", "~", "in", "nin", "rin", "rnin", "^", "!^", "$", "!$"];
/// How deep `OR` may be nested.
const DEEPEST: usize = 3;
const FELL: Bad = Bad::Crash("the filter cannot be read");

/// Judges filters.
pub(super) fn filters(value: &Value, out: &mut Vec<Complaint>) -> Result<(), Bad> {
    let Some(all) = value.as_array() else {
        out.push(("filters".into(), "Input should be a valid list".into()));
        return Ok(());
    };
    if let Some(wrong) = each(all, 0)? {
        out.push(("filters".into(), format!("Value error, {wrong}")));
    }
    Ok(())
}

fn each(all: &[Value], depth: usize) -> Result<Option<String>, Bad> {
    for filter in all {
        if let Some(wrong) = one(filter, depth)? {
            return Ok(Some(wrong));
        }
    }
    Ok(None)
}

fn one(filter: &Value, depth: usize) -> Result<Option<String>, Bad> {
    let parts = match filter {
        Value::Array(parts) => parts.as_slice(),
        // Python takes a text for a list of its letters.
        Value::String(text) => return Ok(Some(letters(text))),
        _ => return Err(FELL),
    };
    match parts {
        [word, branches] if word == "OR" => either(branches, depth),
        [word, _] => Ok(Some(format!("Invalid operation: {}", plain(word)))),
        [name, operator, value] => {
            let Some(operator) = operator.as_str().filter(|operator| !operator.is_empty()) else { return Err(FELL) };
            if !OPERATORS.contains(&operator.strip_prefix('C').unwrap_or(operator)) {
                return Ok(Some(format!("Invalid operation: {operator}")));
            }
            let is_date = name.as_str().is_some_and(|name| name.ends_with(".$date"));
            let is_time = |text: &str| text.contains(['T', ' ']);
            if is_date && !value.as_str().is_some_and(is_time) {
                return Ok(Some(format!("{}: must be an ISO-8601 formatted timestamp string", plain(value))));
            }
            Ok(None)
        }
        other => Ok(Some(format!("Invalid filter {}", Value::from(other.to_vec())))),
    }
}

fn either(branches: &Value, depth: usize) -> Result<Option<String>, Bad> {
    if depth >= DEEPEST {
        return Ok(Some("query-filters exceeds maximum supported nesting depth".into()));
    }
    let branches = match branches {
        Value::Array(branches) => branches,
        Value::String(text) => return Ok(Some(format!("Invalid filter {}", text.chars().next().unwrap_or(' ')))),
        _ => return Err(FELL),
    };
    if branches.is_empty() {
        return Ok(Some("OR filter requires at least one branch.".into()));
    }
    for branch in branches {
        // A branch is one condition, or a list of some that must all hold.
        let wrong = match branch.as_array().filter(|parts| parts.first().is_some_and(Value::is_array)) {
            Some(conditions) => each(conditions, depth + 1)?,
            None => one(branch, depth + 1)?,
        };
        if wrong.is_some() {
            return Ok(wrong);
        }
    }
    Ok(None)
}

/// What is said of a text in the place of a filter: two or three letters look like one.
fn letters(text: &str) -> String {
    let letters: Vec<char> = text.chars().collect();
    match letters.as_slice() {
        [_, operator] | [_, operator, _] => format!("Invalid operation: {operator}"),
        _ => format!("Invalid filter {text}"),
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Judges options.
pub(super) fn options(value: &Value, out: &mut Vec<Complaint>) {
    let Some(fields) = value.as_object() else {
        out.push(("options".into(), "Input should be a valid dictionary or instance of QueryOptions".into()));
        return;
    };
    let before = out.len();
    for (name, value) in fields {
        let wrong = match name.as_str() {
            "extra" if !value.is_object() => "Input should be a valid dictionary",
            "count" | "get" | "force_sql_filters" if !value.is_boolean() => "Input should be a valid boolean",
            "offset" | "limit" if !value.is_i64() => "Input should be a valid integer",
            "order_by" | "select" => {
                listed(name, value, out);
                continue;
            }
            "extra" | "count" | "get" | "force_sql_filters" | "offset" | "limit" => continue,
            _ => "Extra inputs are not permitted",
        };
        out.push((format!("options.{name}"), wrong.into()));
    }
    if out.len() == before
        && let Some(wrong) = together(fields)
    {
        out.push(("options".into(), format!("Value error, {wrong}")));
    }
}

fn listed(name: &str, value: &Value, out: &mut Vec<Complaint>) {
    let Some(items) = value.as_array() else {
        out.push((format!("options.{name}"), "Input should be a valid list".into()));
        return;
    };
    for (n, item) in items.iter().enumerate().filter(|(_, item)| !item.is_string()) {
        match (name, item) {
            ("order_by", _) => out.push((format!("options.{name}.{n}"), "Input should be a valid string".into())),
            (_, Value::Array(_)) => {}
            _ => {
                out.push((format!("options.{name}.{n}.constrained-str"), "Input should be a valid string".into()));
                out.push((format!("options.{name}.{n}.list[any]"), "Input should be a valid list".into()));
            }
        }
    }
}

fn together(fields: &Map<String, Value>) -> Option<String> {
    let number = |name: &str| fields.get(name).and_then(Value::as_i64).unwrap_or(0);
    let mut select = fields.get("select").and_then(Value::as_array).into_iter().flatten();
    if let Some(pair) = select.find_map(|item| item.as_array().filter(|pair| pair.len() != 2)) {
        return Some(format!(
            "{}: A select as list may only contain two parameters: the name of the parameter being selected, and the name to which \
             to assign it in resulting data.",
            Value::from(pair.clone())
        ));
    }
    if number("limit") > 10_000 {
        return Some("Options limit must be between 1 and 10000".into());
    }
    let get = fields.get("get") == Some(&Value::Bool(true));
    (get && (number("offset") != 0 || number("limit") > 1))
        .then(|| "Invalid options combination. `get` implies a single result.".into())
}
