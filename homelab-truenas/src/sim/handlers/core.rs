//! Jobs, subscriptions, downloads.
use super::{Cx, object, text};
use crate::sim::{
    fail::Fail,
    query,
    world::{SimJob, State},
};
use serde_json::{Map, Value, json};

pub(super) fn run(cx: &mut Cx<'_>, verb: &str, params: &[Value]) -> Option<Result<Value, Fail>> {
    Some(match verb {
        "ping" => Ok(json!("pong")),
        "get_jobs" => get_jobs(cx, params),
        "job_abort" => abort(cx, params),
        "subscribe" => Ok(json!("00000000-0000-4000-8000-000000000001")),
        "unsubscribe" => Ok(Value::Null),
        "set_options" => Ok(Value::Object(object(params, 0))),
        "download" => download(cx, params),
        "get_services" | "get_methods" => Ok(json!({})),
        _ => return None,
    })
}

fn get_jobs(cx: &mut Cx<'_>, params: &[Value]) -> Result<Value, Fail> {
    let options = object(params, 1);
    let is_raw = options.get("extra").and_then(|extra| extra.get("raw_result")) == Some(&json!(true));
    let all = super::auth::is_full(cx.world, cx.caller);
    let own = |job: &&SimJob| all || cx.caller.user.as_deref() == Some(job.user.as_str());
    let rows = cx.world.jobs.iter().filter(own).map(|job| job_row(job, is_raw)).collect();
    let filters = params.first().cloned().unwrap_or_default();
    query::apply(rows, &filters, &options.into()).map_err(|reason| Fail::call("ENOENT", reason))
}

/// A job as the API tells of it. What it resulted in is blotted out unless it is asked for (notes section 4).
pub(in crate::sim) fn job_row(job: &SimJob, is_raw: bool) -> Map<String, Value> {
    let result = if is_raw || !job.result.is_string() { job.result.clone() } else { json!("********") };
    let running = if job.is_over() { Value::Null } else { json!(format!("{}...", job.method)) };
    let row = json!({"id": job.id, "message_ids": job.messages, "method": job.method, "arguments": [], "transient": false,
        "description": null, "abortable": false, "logs_path": null, "logs_excerpt": null,
        "progress": {"percent": job.percent, "description": running, "extra": null}, "result": result,
        "result_encoding_error": null, "error": job.error, "exception": null, "exc_info": job.exc_info, "state": job.state.word(),
        "time_started": {"$date": job.begun}, "time_finished": if job.is_over() { json!({"$date": job.ends}) } else { Value::Null },
        "credentials": {"type": "API_KEY", "data": {"username": job.user}}});
    match row {
        Value::Object(row) => row,
        _ => Map::new(),
    }
}

fn abort(cx: &mut Cx<'_>, params: &[Value]) -> Result<Value, Fail> {
    let id = params.first().and_then(Value::as_i64);
    let job = cx.world.jobs.iter_mut().find(|job| Some(job.id) == id && !job.is_over());
    let job = job.ok_or_else(|| Fail::call("EINVAL", "No such job"))?;
    job.state = State::Aborted;
    Ok(Value::Null)
}

/// A job whose result is a file: its number and where the file is to be fetched.
fn download(cx: &mut Cx<'_>, params: &[Value]) -> Result<Value, Fail> {
    let method = text(params, 0).to_owned();
    if method != "config.save" {
        return Err(Fail::call("EINVAL", format!("{method} has no file to give")));
    }
    let args = params.get(1).and_then(Value::as_array).cloned().unwrap_or_default();
    let job = super::call(cx.world, cx.caller, &Value::Null, &method, &args)?;
    Ok(json!([job, format!("/_download/{job}?auth_token=simulated")]))
}
