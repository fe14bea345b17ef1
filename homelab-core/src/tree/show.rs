//! How a tree prints, and how it travels as JSON.
use super::{Map, Tree};
use serde::{Deserialize, Deserializer, Serialize, Serializer, ser::SerializeMap};
use serde_json::Value;
use std::fmt;

/// Prints as a plan shows it: bare text, `[a, b]`, `{k: v}`, `(secret NAME)`, `none`.
impl fmt::Display for Tree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Tree::Null => write!(f, "none"),
            Tree::Bool(b) => write!(f, "{b}"),
            Tree::Int(n) => write!(f, "{n}"),
            Tree::Float(n) => write!(f, "{n}"),
            Tree::Text(s) => write!(f, "{s}"),
            Tree::Unknown(s) => write!(f, "{s}"),
            Tree::Secret(name) => write!(f, "(secret {name})"),
            Tree::Ref(r) => write!(f, "${{#{}.{}}}", r.node.0, r.field),
            Tree::Format(parts) => parts.iter().try_for_each(|p| write!(f, "{p}")),
            Tree::List(v) => {
                write!(f, "[")?;
                for (i, v) in v.iter().enumerate() {
                    write!(f, "{}{v}", if i == 0 { "" } else { ", " })?;
                }
                write!(f, "]")
            }
            Tree::Map(m) => {
                write!(f, "{{")?;
                for (i, (k, v)) in m.iter().enumerate() {
                    write!(f, "{}{k}: {v}", if i == 0 { "" } else { ", " })?;
                }
                write!(f, "}}")
            }
        }
    }
}

impl Serialize for Tree {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        let tagged = |s: S, tag: &str, value: &str| {
            let mut map = s.serialize_map(Some(1))?;
            map.serialize_entry(tag, value)?;
            map.end()
        };
        match self {
            Tree::Null => s.serialize_unit(),
            Tree::Bool(b) => s.serialize_bool(*b),
            Tree::Int(n) => match i64::try_from(*n) {
                Ok(n) => s.serialize_i64(n),
                Err(_) => s.serialize_i128(*n),
            },
            Tree::Float(n) => s.serialize_f64(*n),
            Tree::Text(t) => s.serialize_str(t),
            Tree::List(v) => s.collect_seq(v),
            Tree::Map(m) => s.collect_map(m.iter()),
            Tree::Secret(name) => tagged(s, "$secret", name),
            Tree::Ref(_) | Tree::Format(_) | Tree::Unknown(_) => tagged(s, "$unknown", &self.to_string()),
        }
    }
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        Value::deserialize(d).map(Tree::from)
    }
}

impl From<Value> for Tree {
    fn from(v: Value) -> Self {
        match v {
            Value::Null => Tree::Null,
            Value::Bool(b) => Tree::Bool(b),
            Value::Number(n) => match n.as_i128() {
                Some(n) => Tree::Int(n),
                None => Tree::Float(n.as_f64().unwrap_or(f64::NAN)),
            },
            Value::String(s) => Tree::Text(s.into()),
            Value::Array(v) => Tree::List(v.into_iter().map(Tree::from).collect()),
            Value::Object(o) => match o.iter().next() {
                Some((tag, Value::String(s))) if o.len() == 1 && tag == "$secret" => Tree::Secret(s.clone().into()),
                Some((tag, Value::String(s))) if o.len() == 1 && tag == "$unknown" => Tree::Unknown(s.clone()),
                _ => Tree::Map(Map(o.into_iter().map(|(k, v)| (k.into(), v.into())).collect())),
            },
        }
    }
}

impl From<&Tree> for Value {
    fn from(t: &Tree) -> Self {
        serde_json::to_value(t).unwrap_or(Value::Null)
    }
}
