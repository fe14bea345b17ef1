//! Where one of several shapes is allowed: pydantic reports what each of them has to say.
use super::{Complaint, plain::Judge, special::Special};
use serde_json::Value;

/// A union with a tag is judged by the tagged member, any other by the first member that fits.
pub(super) fn judge(
    judge: &Judge,
    schema: &Value,
    members: &[Value],
    value: &Value,
    at: &str,
    out: &mut Vec<Complaint>,
) -> Value {
    if let Some(tag) = schema.pointer("/discriminator/propertyName").and_then(Value::as_str) {
        return tagged(judge, schema, members, tag, value, at, out);
    }
    let real: Vec<&Value> = members.iter().filter(|member| !is_null(member)).collect();
    if value.is_null() && real.len() < members.len() {
        return Value::Null;
    }
    if let [only] = real.as_slice() {
        return judge.value(only, value, at, out);
    }
    several(judge, &real, value, at, None, out)
}

fn is_null(schema: &Value) -> bool {
    schema.get("type").and_then(Value::as_str) == Some("null")
}

fn tagged(
    judge: &Judge,
    schema: &Value,
    members: &[Value],
    tag: &str,
    value: &Value,
    at: &str,
    out: &mut Vec<Complaint>,
) -> Value {
    let Some(fields) = value.as_object() else {
        out.push((at.into(), "Input should be a valid dictionary or object to extract fields from".into()));
        return value.clone();
    };
    let Some(found) = fields.get(tag) else {
        out.push((format!("{at}.{tag}"), "Field required".into()));
        return value.clone();
    };
    let fits = |member: &&Value| {
        let own = judge.schema.resolve(member).pointer(&format!("/properties/{tag}"));
        let named = own.and_then(|own| own.get("const")).is_some_and(|one| one == found);
        let listed =
            own.and_then(|own| own.get("enum")).and_then(Value::as_array).is_some_and(|all| all.contains(found));
        named || listed
    };
    match members.iter().find(fits) {
        Some(member) => {
            let name = found.as_str().unwrap_or_default();
            judge.value(member, value, &format!("{at}.{name}"), out)
        }
        None => {
            let tags = schema.pointer("/discriminator/tags").and_then(Value::as_array);
            let tags: Vec<String> = tags.into_iter().flatten().map(|tag| tag.to_string().replace('"', "'")).collect();
            let text = format!(
                "Input tag '{}' found using '{tag}' does not match any of the expected tags: {}",
                found.as_str().unwrap_or_default(),
                tags.join(", ")
            );
            out.push((at.into(), text));
            value.clone()
        }
    }
}

/// The first member that fits; if none does, what each says, under its label.
fn several(
    judge: &Judge,
    members: &[&Value],
    value: &Value,
    at: &str,
    special: Option<&Special>,
    out: &mut Vec<Complaint>,
) -> Value {
    let mut all = vec![];
    for member in members {
        let mut found = vec![];
        let labelled = format!("{at}.{}", label(judge, member, special));
        let judged = with_check(judge, member, value, &labelled, special, &mut found);
        if found.is_empty() {
            return judged;
        }
        all.append(&mut found);
    }
    out.append(&mut all);
    value.clone()
}

fn with_check(
    judge: &Judge,
    schema: &Value,
    value: &Value,
    at: &str,
    special: Option<&Special>,
    out: &mut Vec<Complaint>,
) -> Value {
    let before = out.len();
    let judged = judge.value(schema, value, at, out);
    let is_fixed = schema.get("const").is_some() || schema.get("enum").is_some();
    if out.len() == before
        && !is_fixed
        && let Some(special) = special
    {
        out.extend((special.check)(value).map(|wrong| (at.to_owned(), wrong)));
    }
    judged
}

/// A field that its model checks beyond its schema.
pub(super) fn with_special(
    judge: &Judge,
    schema: &Value,
    value: &Value,
    at: &str,
    special: Option<&'static Special>,
    out: &mut Vec<Complaint>,
) -> Value {
    let Some(special) = special else { return judge.value(schema, value, at, out) };
    if let (false, Some(each), Some(items)) = (special.whole, schema.get("items"), value.as_array()) {
        let judged = |(n, item)| with_special(judge, each, item, &format!("{at}.{n}"), Some(special), out);
        return items.iter().enumerate().map(judged).collect();
    }
    let members = schema.get("anyOf").and_then(Value::as_array);
    let real: Vec<&Value> = members.into_iter().flatten().filter(|member| !is_null(member)).collect();
    match real.as_slice() {
        [] => with_check(judge, schema, value, at, Some(special), out),
        _ if value.is_null() && members.is_some_and(|all| real.len() < all.len()) => Value::Null,
        [only] => with_check(judge, only, value, at, Some(special), out),
        all => several(judge, all, value, at, Some(special), out),
    }
}

/// A field that may be left out without having a default: its type is a union with "left out".
pub(super) fn or_left_out(
    judge: &Judge,
    schema: &Value,
    value: &Value,
    at: &str,
    special: Option<&'static Special>,
    out: &mut Vec<Complaint>,
) -> Value {
    let members = schema.get("anyOf").and_then(Value::as_array);
    if value.is_null() && members.is_some_and(|all| all.iter().any(is_null)) {
        return Value::Null;
    }
    let real: Vec<&Value> = match members {
        Some(members) => members.iter().filter(|member| !is_null(member)).collect(),
        None => vec![schema],
    };
    let mut found = vec![];
    let judged = several(judge, &real, value, at, special, &mut found);
    if !found.is_empty() {
        out.append(&mut found);
        out.push((format!("{at}.is-instance[_NotRequired]"), "Input should be an instance of _NotRequired".into()));
    }
    judged
}

/// How pydantic calls a member of a union.
fn label(judge: &Judge, schema: &Value, special: Option<&Special>) -> String {
    let schema = judge.schema.resolve(schema);
    let has = |keys: &[&str]| keys.iter().any(|key| schema.get(*key).is_some());
    if let Some(allowed) = schema.get("enum").and_then(Value::as_array) {
        return literal(allowed);
    }
    if let Some(only) = schema.get("const") {
        return literal(std::slice::from_ref(only));
    }
    let kind = schema.get("type").and_then(Value::as_str).unwrap_or("any");
    match kind {
        "integer" if has(&["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"]) => "constrained-int".into(),
        "integer" => "int".into(),
        "string" => special.map_or_else(|| "constrained-str".into(), |special| special.label.into()),
        "boolean" => "bool".into(),
        "array" => {
            let each = schema.get("items").filter(|each| each.as_object().is_some_and(|each| !each.is_empty()));
            format!("list[{}]", each.map_or_else(|| "any".into(), |each| label(judge, each, None)))
        }
        "object" => match schema.get("x-model").and_then(Value::as_str) {
            Some(model) if super::special::is_checked(model) => format!("function-after[check_ace_valid(), {model}]"),
            Some(model) => model.into(),
            None => "dict[str,any]".into(),
        },
        other => other.into(),
    }
}

fn literal(allowed: &[Value]) -> String {
    let words: Vec<String> = allowed
        .iter()
        .map(|one| match one {
            Value::String(text) => format!("'{text}'"),
            Value::Null => "None".into(),
            other => other.to_string(),
        })
        .collect();
    format!("literal[{}]", words.join(","))
}
