//! Judges the parameters of a call as TrueNAS's own models do: strictly, every complaint at once, in their vocabulary.
//!
//! Checked against recordings of 25.10.6's models (docs/truenas-parity.md). `plain` judges a value by its schema, `union` where one
//! of several shapes is allowed, `special` what the schema cannot say, `query` filters and options.
mod cron;
mod plain;
mod query;
mod special;
mod union;

use super::schema::{Method, Schema};
use serde_json::Value;

/// A complaint: attribute and message. The number of the error is always that of EINVAL.
pub(super) type Complaint = (String, String);

/// Why parameters are not taken.
#[derive(Debug, PartialEq)]
pub(super) enum Bad {
    /// They are wrong.
    Params(Vec<Complaint>),
    /// The validator itself fell over (notes section 12).
    Crash(&'static str),
}

/// Judges the parameters of a method; gives all of them, with what was left out filled in.
pub(super) fn params(schema: &'static Schema, name: &str, method: &Method, given: &[Value]) -> Result<Vec<Value>, Bad> {
    let (expected, found) = (method.params.len(), given.len());
    if found > expected {
        let text = format!("Too many arguments (expected {expected}, found {found})");
        return Err(Bad::Params(vec![(String::new(), text)]));
    }
    let mut given = given.to_vec();
    if !method.legacy {
        special::before(name, &mut given)?;
    }
    let is_update = name.ends_with(".update");
    let judge = plain::Judge { schema, fills: !is_update, requires: !(method.legacy && is_update) };
    let (mut out, mut complaints) = (vec![], vec![]);
    for (n, (param, required, schema)) in method.params.iter().enumerate() {
        let judged = match given.get(n) {
            None if *required => {
                complaints.push((param.clone(), "Field required".into()));
                continue;
            }
            None => judge.default(schema),
            Some(value) => match schema.get("x-shared").and_then(Value::as_str) {
                Some("query_filters") => {
                    query::filters(value, &mut complaints)?;
                    value.clone()
                }
                Some("query_options") => {
                    query::options(value, &mut complaints);
                    value.clone()
                }
                _ => judge.value(schema, value, param, &mut complaints),
            },
        };
        out.push(judged);
    }
    if complaints.is_empty() { Ok(out) } else { Err(Bad::Params(complaints)) }
}
