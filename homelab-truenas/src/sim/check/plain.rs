//! Judges a value by its schema, as pydantic does in its strict mode.
use super::{Complaint, special, union};
use crate::sim::schema::Schema;
use serde_json::{Map, Value};

/// Texts are no longer than this unless their schema says otherwise.
const LONGEST: u64 = 1024;

pub(super) struct Judge {
    pub(super) schema: &'static Schema,
    /// Whether what is left out gets its default: not in updates, where it stays as it is.
    pub(super) fills: bool,
    /// Whether what is required has to be there: the old updates of 25.04 declare it and mean it not (notes section 11).
    pub(super) requires: bool,
}

/// Texts that may be longer, by the end of their name.
const LONG: &[&str] = &[
    "certificate",
    "privatekey",
    "private_key",
    "public_key",
    "CSR",
    "csr",
    "remote_host_key",
    "sshpubkey",
    "login_banner",
    "command",
    "options",
    "optionsupsd",
    "auxparam",
    "smb_options",
    "custom_compose_config_string",
    "description",
    "script_text",
    "hosts",
];

impl Judge {
    /// The value with defaults filled in; complaints go to `out`.
    pub(super) fn value(&self, schema: &Value, value: &Value, at: &str, out: &mut Vec<Complaint>) -> Value {
        let schema = self.schema.resolve(schema);
        if value.is_null() && schema.get("nullable") == Some(&Value::Bool(true)) {
            return Value::Null;
        }
        let members = schema.get("anyOf").or_else(|| schema.get("oneOf")).and_then(Value::as_array);
        if let Some(members) = members {
            return union::judge(self, schema, members, value, at, out);
        }
        if let Some(allowed) = schema.get("enum").and_then(Value::as_array) {
            if !allowed.iter().any(|one| same(one, value)) {
                out.push((at.into(), one_of(allowed)));
            }
            return value.clone();
        }
        if let Some(only) = schema.get("const") {
            if !same(only, value) {
                out.push((at.into(), one_of(std::slice::from_ref(only))));
            }
            return value.clone();
        }
        match kind(schema, value) {
            Some("object") => return self.object(schema, value, at, out),
            Some("array") => return self.array(schema, value, at, out),
            Some("string") => text(schema, value, at, out),
            Some("integer") => integer(schema, value, at, out),
            Some("number" | "float") if !value.is_number() => {
                out.push((at.into(), "Input should be a valid number".into()))
            }
            Some("boolean") if !value.is_boolean() => out.push((at.into(), "Input should be a valid boolean".into())),
            Some("null") if !value.is_null() => out.push((at.into(), "Input should be None".into())),
            _ => {}
        }
        value.clone()
    }

    /// What stands for a value that was left out.
    pub(super) fn default(&self, schema: &Value) -> Value {
        if let Some(default) = schema.get("default") {
            return default.clone();
        }
        let whole = self.schema.resolve(schema);
        match (whole.get("default"), whole.get("type").and_then(Value::as_str)) {
            (Some(default), _) => default.clone(),
            (None, Some("array")) => Value::Array(vec![]),
            (None, Some("object")) => {
                let properties = whole.get("properties").and_then(Value::as_object).into_iter().flatten();
                properties.map(|(name, schema)| (name.clone(), self.default(schema))).collect::<Map<_, _>>().into()
            }
            _ => Value::Null,
        }
    }

    fn array(&self, schema: &Value, value: &Value, at: &str, out: &mut Vec<Complaint>) -> Value {
        let Some(items) = value.as_array() else {
            out.push((at.into(), "Input should be a valid list".into()));
            return value.clone();
        };
        let (found, bound) = (items.len() as u64, |key: &str| schema.get(key).and_then(Value::as_u64));
        if let Some(least) = bound("minItems").filter(|least| found < *least) {
            let s = if least == 1 { "" } else { "s" };
            out.push((at.into(), format!("List should have at least {least} item{s} after validation, not {found}")));
        }
        if let Some(most) = bound("maxItems").filter(|most| found > *most) {
            out.push((at.into(), format!("List should have at most {most} items after validation, not {found}")));
        }
        let Some(each) = schema.get("items") else { return value.clone() };
        items.iter().enumerate().map(|(n, item)| self.value(each, item, &format!("{at}.{n}"), out)).collect()
    }

    fn object(&self, schema: &Value, value: &Value, at: &str, out: &mut Vec<Complaint>) -> Value {
        let model = schema.get("x-model").and_then(Value::as_str);
        let Some(fields) = value.as_object() else {
            let instance = model.map_or_else(String::new, |model| format!(" or instance of {}", plain_name(model)));
            out.push((at.into(), format!("Input should be a valid dictionary{instance}")));
            return value.clone();
        };
        let before = out.len();
        let none = Map::new();
        let properties = schema.get("properties").and_then(Value::as_object).unwrap_or(&none);
        let required = schema.get("required").and_then(Value::as_array);
        let is_required = |name: &str| required.is_some_and(|list| list.iter().any(|one| one == name));
        let mut done = Map::new();
        for (name, schema) in properties {
            let inner = format!("{at}.{name}");
            match fields.get(name) {
                Some(value) => {
                    let (found, value) = self.field(model, name, schema, value, &inner);
                    out.extend(found);
                    done.insert(name.clone(), value);
                }
                None if self.requires && is_required(name) => out.push((inner, "Field required".into())),
                None if self.fills && schema.get("nr").is_none() => {
                    done.insert(name.clone(), self.default(schema));
                }
                None => {}
            }
        }
        for (name, value) in fields.iter().filter(|(name, _)| !properties.contains_key(*name)) {
            let inner = format!("{at}.{name}");
            match schema.get("additionalProperties") {
                Some(Value::Bool(false)) => out.push((inner, "Extra inputs are not permitted".into())),
                Some(each @ Value::Object(_)) => {
                    done.insert(name.clone(), self.value(each, value, &inner, out));
                }
                _ => {
                    done.insert(name.clone(), value.clone());
                }
            }
        }
        if out.len() == before
            && let Some(model) = model
            && let Some(wrong) = special::whole(plain_name(model), fields)
        {
            out.push((at.into(), wrong));
        }
        Value::Object(done)
    }

    /// A field of a model, with what only its model knows of it.
    fn field(
        &self,
        model: Option<&str>,
        name: &str,
        schema: &Value,
        value: &Value,
        at: &str,
    ) -> (Vec<Complaint>, Value) {
        let special = model.and_then(|model| special::field(plain_name(model), name));
        let mut found = vec![];
        let judged = if schema.get("nr").is_some() {
            union::or_left_out(self, schema, value, at, special, &mut found)
        } else {
            union::with_special(self, schema, value, at, special, &mut found)
        };
        (found, judged)
    }
}

/// The name of a model without the number that tells it from its namesakes.
fn plain_name(model: &str) -> &str {
    model.split_once('-').map_or(model, |(name, _)| name)
}

/// The type that a value has to have. The old declarations of 25.04 name several where null is one of them.
fn kind<'a>(schema: &'a Value, value: &Value) -> Option<&'a str> {
    match schema.get("type")? {
        Value::String(kind) => Some(kind),
        Value::Array(kinds) if value.is_null() => kinds.iter().filter_map(Value::as_str).find(|kind| *kind == "null"),
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).find(|kind| *kind != "null"),
        _ => None,
    }
}

/// Whether two values are the same: no boolean is a number, and 1.0 is not 1.
fn same(a: &Value, b: &Value) -> bool {
    a == b
}

fn one_of(allowed: &[Value]) -> String {
    let words: Vec<String> = allowed
        .iter()
        .map(|one| match one {
            Value::String(text) => format!("'{text}'"),
            Value::Null => "None".into(),
            Value::Bool(true) => "True".into(),
            Value::Bool(false) => "False".into(),
            other => other.to_string(),
        })
        .collect();
    match words.split_last() {
        Some((last, [])) => format!("Input should be {last}"),
        Some((last, rest)) => format!("Input should be {} or {last}", rest.join(", ")),
        None => "Input is not allowed".into(),
    }
}

fn text(schema: &Value, value: &Value, at: &str, out: &mut Vec<Complaint>) {
    // The only way in for a time (notes section 12).
    if schema.get("format").and_then(Value::as_str) == Some("date-time") {
        if !value.get("$date").is_some_and(Value::is_i64) {
            out.push((at.into(), "Input should be a valid datetime".into()));
        }
        return;
    }
    let Some(text) = value.as_str() else {
        out.push((at.into(), "Input should be a valid string".into()));
        return;
    };
    let length = text.chars().count() as u64;
    let bound = |key: &str| schema.get(key).and_then(Value::as_u64);
    if let Some(least) = bound("minLength").filter(|least| length < *least) {
        let s = if least == 1 { "" } else { "s" };
        out.push((at.into(), format!("String should have at least {least} character{s}")));
    }
    let is_long = at.rsplit('.').next().is_some_and(|name| LONG.contains(&name));
    let most = bound("maxLength").or((!is_long).then_some(LONGEST));
    if let Some(most) = most.filter(|most| length > *most) {
        out.push((at.into(), format!("String should have at most {most} characters")));
    }
    if let Some(pattern) = schema.get("pattern").and_then(Value::as_str)
        && !special::matches(pattern, text)
    {
        out.push((at.into(), format!("String should match pattern '{pattern}'")));
    }
    if let Some(wrong) = schema.get("format").and_then(Value::as_str).and_then(|format| special::format(format, text)) {
        out.push((at.into(), wrong));
    }
}

/// A bound of a number: its key, its words, whether it holds.
type Bound = (&'static str, &'static str, fn(i64, i64) -> bool);

fn integer(schema: &Value, value: &Value, at: &str, out: &mut Vec<Complaint>) {
    let Some(number) = value.as_i64().or_else(|| value.as_u64().and_then(|n| i64::try_from(n).ok())) else {
        if !value.is_u64() {
            out.push((at.into(), "Input should be a valid integer".into()));
        }
        return;
    };
    let bounds: [Bound; 6] = [
        ("minimum", "greater than or equal to", |n, b| n >= b),
        ("ge", "greater than or equal to", |n, b| n >= b),
        ("exclusiveMinimum", "greater than", |n, b| n > b),
        ("maximum", "less than or equal to", |n, b| n <= b),
        ("le", "less than or equal to", |n, b| n <= b),
        ("exclusiveMaximum", "less than", |n, b| n < b),
    ];
    for (key, words, holds) in bounds {
        if let Some(bound) = schema.get(key).and_then(Value::as_i64).filter(|bound| !holds(number, *bound)) {
            out.push((at.into(), format!("Input should be {words} {bound}")));
        }
    }
}
