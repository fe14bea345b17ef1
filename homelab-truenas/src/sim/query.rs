//! Filters and options of queries, applied to rows.
use serde_json::{Map, Value};
use std::cmp::Ordering;

/// The rows that filters let through, as the options want them.
pub(super) fn apply(rows: Vec<Map<String, Value>>, filters: &Value, options: &Value) -> Result<Value, &'static str> {
    let filters = filters.as_array().cloned().unwrap_or_default();
    let mut rows: Vec<Map<String, Value>> = rows.into_iter().filter(|row| all(row, &filters)).collect();
    let texts = |name: &str| options.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
    for order in texts("order_by").iter().rev().filter_map(Value::as_str) {
        let order = order.trim_start_matches("nulls_first:").trim_start_matches("nulls_last:");
        let (name, backwards) = order.strip_prefix('-').map_or((order, false), |name| (name, true));
        rows.sort_by(|a, b| {
            let order = compare(get(a, name), get(b, name)).unwrap_or(Ordering::Equal);
            if backwards { order.reverse() } else { order }
        });
    }
    let flag = |name: &str| options.get(name) == Some(&Value::Bool(true));
    if flag("count") {
        return Ok(rows.len().into());
    }
    let number =
        |name: &str| options.get(name).and_then(Value::as_u64).and_then(|n| usize::try_from(n).ok()).unwrap_or(0);
    let limit = Some(number("limit")).filter(|limit| *limit > 0).unwrap_or(usize::MAX);
    let select = texts("select");
    let mut rows = rows.into_iter().skip(number("offset")).take(limit).map(|row| Value::Object(selected(row, &select)));
    if flag("get") {
        return rows.next().ok_or("MatchNotFound()");
    }
    Ok(rows.collect())
}

fn selected(row: Map<String, Value>, select: &[Value]) -> Map<String, Value> {
    if select.is_empty() {
        return row;
    }
    let mut out = Map::new();
    for one in select {
        let (from, to) = match one {
            Value::Array(pair) => (pair.first().and_then(Value::as_str), pair.get(1).and_then(Value::as_str)),
            text => (text.as_str(), text.as_str()),
        };
        if let (Some(from), Some(to)) = (from, to)
            && let Some(value) = get(&row, from)
        {
            out.insert(to.to_owned(), value.clone());
        }
    }
    out
}

/// A field, or one inside it: `progress.percent`.
fn get<'a>(row: &'a Map<String, Value>, path: &str) -> Option<&'a Value> {
    if let Some(value) = row.get(path) {
        return Some(value);
    }
    let (first, rest) = path.split_once('.')?;
    rest.split('.').try_fold(row.get(first)?, |value, part| value.get(part))
}

fn all(row: &Map<String, Value>, filters: &[Value]) -> bool {
    filters.iter().all(|filter| one(row, filter))
}

fn one(row: &Map<String, Value>, filter: &Value) -> bool {
    let parts = filter.as_array().map(Vec::as_slice).unwrap_or_default();
    match parts {
        [word, Value::Array(branches)] if word == "OR" => branches.iter().any(|branch| {
            let list = branch.as_array().filter(|list| list.first().is_some_and(Value::is_array));
            list.map_or_else(|| one(row, branch), |list| all(row, list))
        }),
        [Value::String(name), Value::String(operator), wanted] => {
            holds(get(row, name).unwrap_or(&Value::Null), operator, wanted)
        }
        _ => false,
    }
}

fn holds(found: &Value, operator: &str, wanted: &Value) -> bool {
    if let Some(bare) = operator.strip_prefix('C') {
        return holds(&lower(found), bare, &lower(wanted));
    }
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let within = |list: &Value, one: &Value| match list {
        Value::Array(list) => list.contains(one),
        Value::String(whole) => one.as_str().is_some_and(|part| whole.contains(part)),
        _ => false,
    };
    match operator {
        "=" => found == wanted,
        "!=" => found != wanted,
        ">" => compare(Some(found), Some(wanted)) == Some(Ordering::Greater),
        ">=" => matches!(compare(Some(found), Some(wanted)), Some(Ordering::Greater | Ordering::Equal)),
        "<" => compare(Some(found), Some(wanted)) == Some(Ordering::Less),
        "<=" => matches!(compare(Some(found), Some(wanted)), Some(Ordering::Less | Ordering::Equal)),
        "in" => within(wanted, found),
        "nin" => !within(wanted, found),
        "rin" => within(found, wanted),
        "rnin" => !within(found, wanted),
        "^" => text(found).starts_with(&text(wanted)),
        "!^" => !text(found).starts_with(&text(wanted)),
        "$" => text(found).ends_with(&text(wanted)),
        "!$" => !text(found).ends_with(&text(wanted)),
        // Without an engine for patterns: what is asked in practice is whether a text is in it.
        "~" => text(found).contains(text(wanted).trim_matches(['^', '$', '.', '*'])),
        _ => false,
    }
}

fn lower(value: &Value) -> Value {
    match value {
        Value::String(text) => text.to_lowercase().into(),
        Value::Array(list) => list.iter().map(lower).collect(),
        other => other.clone(),
    }
}

fn compare(a: Option<&Value>, b: Option<&Value>) -> Option<Ordering> {
    match (a?, b?) {
        (Value::Number(a), Value::Number(b)) => a.as_f64()?.partial_cmp(&b.as_f64()?),
        (Value::String(a), Value::String(b)) => Some(a.cmp(b)),
        (Value::Bool(a), Value::Bool(b)) => Some(a.cmp(b)),
        _ => None,
    }
}
