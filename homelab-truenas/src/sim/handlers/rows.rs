//! Everything that is a list of rows, or one row of settings: the same five verbs everywhere.
use super::{Cx, auth, object, rules};
use crate::sim::{fail::Fail, query, schema::Schema};
use serde_json::{Map, Value, json};

/// What stands for a secret that somebody may not see (notes section 2).
const BLOT: &str = "********";

pub(super) fn run(cx: &mut Cx<'_>, space: &str, verb: &str, params: &[Value]) -> Option<Result<Value, Fail>> {
    let schema = Schema::of(&cx.world.version);
    let is_table = schema.method(&format!("{space}.query")).is_some();
    let known = schema.answer(space).is_some();
    Some(match verb {
        "query" if known => list(cx, space, params),
        "get_instance" if known => instance(cx, space, params),
        "create" if known => create(cx, space, object(params, 0)),
        "update" if known && is_table => update(cx, space, params.first().unwrap_or(&Value::Null), object(params, 1)),
        "delete" if known => delete(cx, space, params.first().unwrap_or(&Value::Null), params),
        "config" if known => Ok(settings(cx, space)),
        "update" if known => set(cx, space, object(params, 0)),
        _ => return None,
    })
}

/// All rows as they are shown.
pub(super) fn shown(cx: &Cx<'_>, space: &str) -> Vec<Map<String, Value>> {
    let blot = !auth::is_full(cx.world, cx.caller);
    cx.world.rows(space).map(|row| show(cx, space, row.clone(), blot)).collect()
}

fn show(cx: &Cx<'_>, space: &str, row: Map<String, Value>, blot: bool) -> Map<String, Value> {
    let mut row = rules::decorate(cx.world, space, row);
    let whole = Schema::of(&cx.world.version);
    if blot && let Some(schema) = whole.answer(space) {
        blot_out(whole, schema, &mut row);
    }
    row
}

/// Blots out every secret of a row.
fn blot_out(whole: &Schema, schema: &Value, row: &mut Map<String, Value>) {
    let schema = whole.resolve(schema);
    let members = schema.get("anyOf").or_else(|| schema.get("oneOf")).and_then(Value::as_array);
    for schema in members.into_iter().flatten() {
        blot_out(whole, schema, row);
    }
    let properties = schema.get("properties").and_then(Value::as_object);
    for (name, own) in properties.into_iter().flatten() {
        let own = whole.resolve(own);
        let is_secret = own.get("writeOnly") == Some(&json!(true));
        match row.get_mut(name) {
            Some(value) if is_secret && !value.is_null() && value != "" => *value = json!(BLOT),
            Some(Value::Object(inner)) => blot_out(whole, own, inner),
            _ => {}
        }
    }
}

pub(super) fn list(cx: &mut Cx<'_>, space: &str, params: &[Value]) -> Result<Value, Fail> {
    filtered(shown(cx, space), params)
}

/// Rows, as filters and options want them.
pub(super) fn filtered(rows: Vec<Map<String, Value>>, params: &[Value]) -> Result<Value, Fail> {
    let of = |n: usize| params.get(n).cloned().unwrap_or_default();
    query::apply(rows, &of(0), &of(1)).map_err(|reason| Fail::call("ENOENT", reason))
}

/// One of some rows, by its id.
pub(super) fn by_id(rows: Vec<Map<String, Value>>, what: &str, id: &Value) -> Result<Value, Fail> {
    let found = rows.into_iter().find(|row| row.get("id") == Some(id));
    found.map(Value::Object).ok_or_else(|| Fail::missing(what, id))
}

fn instance(cx: &mut Cx<'_>, space: &str, params: &[Value]) -> Result<Value, Fail> {
    by_id(shown(cx, space), rules::noun(space), params.first().unwrap_or(&Value::Null))
}

/// A row as it is shown.
pub(super) fn one(cx: &Cx<'_>, space: &str, id: &Value) -> Value {
    let row = cx.world.tables.get(space).and_then(|table| table.get(id)).cloned();
    let blot = !auth::is_full(cx.world, cx.caller);
    row.map_or(Value::Null, |row| show(cx, space, row, blot).into())
}

pub(super) fn create(cx: &mut Cx<'_>, space: &str, mut row: Map<String, Value>) -> Result<Value, Fail> {
    rules::check(cx.world, space, None, &row)?;
    rules::complete(cx.world, space, &mut row);
    let id = json!(cx.world.table(space).next());
    row.insert("id".into(), id.clone());
    row.sort_keys();
    cx.world.table(space).put(row.into());
    Ok(one(cx, space, &id))
}

pub(super) fn update(cx: &mut Cx<'_>, space: &str, id: &Value, changes: Map<String, Value>) -> Result<Value, Fail> {
    let Some(before) = cx.world.table(space).get(id).cloned() else {
        return Err(Fail::missing(rules::noun(space), id));
    };
    let mut row = before;
    row.extend(changes);
    rules::check(cx.world, space, Some(id), &row)?;
    rules::complete(cx.world, space, &mut row);
    cx.world.table(space).put(row.into());
    Ok(one(cx, space, id))
}

pub(super) fn delete(cx: &mut Cx<'_>, space: &str, id: &Value, params: &[Value]) -> Result<Value, Fail> {
    if cx.world.table(space).get(id).is_none() {
        return Err(Fail::missing(rules::noun(space), id));
    }
    rules::may_go(cx.world, space, id, params)?;
    cx.world.table(space).take(id);
    Ok(json!(true))
}

fn settings(cx: &Cx<'_>, space: &str) -> Value {
    let mut row = cx.world.singletons.get(space).cloned().unwrap_or_default();
    let whole = Schema::of(&cx.world.version);
    if !auth::is_full(cx.world, cx.caller)
        && let Some(schema) = whole.answer(space)
    {
        blot_out(whole, schema, &mut row);
    }
    row.into()
}

pub(super) fn set(cx: &mut Cx<'_>, space: &str, changes: Map<String, Value>) -> Result<Value, Fail> {
    let row = cx.world.singletons.entry(space.into()).or_default();
    row.extend(changes);
    Ok(settings(cx, space))
}
