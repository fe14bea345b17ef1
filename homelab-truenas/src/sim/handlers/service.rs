//! Services: whether they run, and whether they start with the system.
use super::{Cx, field, object, text};
use crate::sim::fail::Fail;
use serde_json::{Value, json};

pub(super) fn run(cx: &mut Cx<'_>, verb: &str, params: &[Value]) -> Option<Result<Value, Fail>> {
    Some(match verb {
        "update" => update(cx, params),
        "control" => control(cx, text(params, 0), text(params, 1)),
        "start" => control(cx, "START", text(params, 0)),
        "stop" => control(cx, "STOP", text(params, 0)),
        "restart" => control(cx, "RESTART", text(params, 0)),
        "reload" => control(cx, "RELOAD", text(params, 0)),
        "started" => id_of(cx, &json!(text(params, 0)))
            .map(|id| json!(cx.world.table("service").get(&id).is_some_and(|row| field(row, "state") == "RUNNING"))),
        _ => return None,
    })
}

/// The row of a service, by its name or its number.
fn id_of(cx: &Cx<'_>, wanted: &Value) -> Result<Value, Fail> {
    let found =
        cx.world.rows("service").find(|row| row.get("id") == Some(wanted) || row.get("service") == Some(wanted));
    found.and_then(|row| row.get("id").cloned()).ok_or_else(|| Fail::missing("Service", wanted))
}

fn update(cx: &mut Cx<'_>, params: &[Value]) -> Result<Value, Fail> {
    let id = id_of(cx, params.first().unwrap_or(&Value::Null))?;
    if let Some(row) = cx.world.table("service").get_mut(&id) {
        row.insert("enable".into(), object(params, 1).get("enable").cloned().unwrap_or_default());
    }
    Ok(id)
}

fn control(cx: &mut Cx<'_>, verb: &str, name: &str) -> Result<Value, Fail> {
    let id = id_of(cx, &json!(name))?;
    let runs = verb != "STOP";
    if let Some(row) = cx.world.table("service").get_mut(&id) {
        row.insert("state".into(), json!(if runs { "RUNNING" } else { "STOPPED" }));
        row.insert("pids".into(), if runs { json!([4711]) } else { json!([]) });
    }
    Ok(json!(true))
}
