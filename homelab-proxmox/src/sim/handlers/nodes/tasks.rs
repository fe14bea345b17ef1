//! `/nodes/{node}/tasks`: what ran, how it ended, what it said.
use crate::sim::answer::{Answer, Fail, Reply};
use crate::sim::call::Call;
use crate::sim::check::matches_whole;
use crate::sim::format::list as words;
use crate::sim::handlers::named;
use crate::sim::tasks::Task;
use serde_json::{Value, json};

/// The handler of a method, if there is one.
pub(super) fn route(call: &mut Call<'_>, key: &str) -> Option<Answer> {
    Some(match key {
        "GET /nodes/{node}/tasks" => list(call),
        "GET /nodes/{node}/tasks/{upid}" => Ok(named("name", &["log", "status"])),
        "DELETE /nodes/{node}/tasks/{upid}" => stop(call),
        "GET /nodes/{node}/tasks/{upid}/status" => status(call),
        "GET /nodes/{node}/tasks/{upid}/log" => log(call),
        _ => return None,
    })
}

/// The pattern of a task id (pve-notes section 6).
const UPID: &str = r"UPID:[a-zA-Z0-9]([a-zA-Z0-9\-]*[a-zA-Z0-9])?:[0-9A-Fa-f]{8}:[0-9A-Fa-f]{8,9}:[0-9A-Fa-f]{8}:[^:\s]+:[^:\s]*:[^:\s]+:";

fn upid(call: &Call<'_>) -> Result<String, Fail> {
    let upid = call.args.text("upid");
    if !matches_whole(UPID, upid) {
        return Err(Fail::param("upid", "unable to parse worker upid"));
    }
    Ok(upid.to_owned())
}

/// A token sees its own tasks; others need Sys.Audit (pve-notes section 6).
fn may_see(call: &Call<'_>, task: &Task) -> Result<(), Fail> {
    if task.who == call.who || (call.who.token.is_none() && task.who.user == call.who.user) {
        return Ok(());
    }
    call.need(&format!("/nodes/{}", task.node), &["Sys.Audit"])
}

fn status(call: &mut Call<'_>) -> Answer {
    let upid = upid(call)?;
    let task = call.task(&upid).ok_or_else(|| Fail::param("upid", "no such task"))?;
    may_see(call, task)?;
    Ok(task.status().into())
}

fn log(call: &mut Call<'_>) -> Answer {
    let upid = upid(call)?;
    let Some(task) = call.task(&upid) else {
        let row = json!({"n": 1, "t": "unable to open file - No such file or directory"});
        return Ok(Reply::from(row).beside("total", json!(1)));
    };
    may_see(call, task)?;
    let mut lines = task.log.clone();
    if lines.is_empty() {
        lines.push("no content".to_owned());
    }
    let start = usize::try_from(call.args.number("start").unwrap_or(0)).unwrap_or(usize::MAX);
    let limit = usize::try_from(call.args.number("limit").unwrap_or(50)).unwrap_or(usize::MAX);
    let limit = if limit == 0 { usize::MAX } else { limit };
    let rows: Vec<Value> =
        lines.iter().enumerate().skip(start).take(limit).map(|(n, text)| json!({"n": n + 1, "t": text})).collect();
    Ok(Reply::from(json!(rows)).beside("total", json!(lines.len())))
}

fn stop(call: &mut Call<'_>) -> Answer {
    let upid = upid(call)?;
    if let Some(task) = call.task(&upid) {
        let own = task.who.user == call.who.user;
        let node = format!("/nodes/{}", task.node);
        if !own {
            call.need(&node, &["Sys.Modify"])?;
        }
        call.world.interrupt(&upid);
    }
    Reply::done()
}

fn list(call: &mut Call<'_>) -> Answer {
    let node = call.node();
    let auditor = call.may(&format!("/nodes/{node}"), "Sys.Audit");
    let args = &call.args;
    let source = args.get("source").unwrap_or("archive");
    let number = |key: &str| args.number(key);
    let states: Vec<&str> = words(args.text("statusfilter")).collect();
    let mut rows: Vec<&Task> = call
        .world
        .tasks
        .iter()
        .filter(|task| task.node == node && (auditor || task.who == call.who || task.who.user == call.who.user))
        .filter(|task| match source {
            "active" => task.exit().is_none() || task.ended().is_some_and(|end| end + 30 > call.world.seconds()),
            "archive" => task.exit().is_some(),
            _ => true,
        })
        .filter(|task| args.get("vmid").is_none_or(|vmid| task.id == vmid))
        .filter(|task| args.get("typefilter").is_none_or(|kind| task.kind == kind))
        .filter(|task| args.get("userfilter").is_none_or(|user| task.who.full().contains(user)))
        .filter(|task| number("since").is_none_or(|since| task.start / 1000 >= since))
        .filter(|task| number("until").is_none_or(|until| task.start / 1000 <= until))
        .filter(|task| !args.flag("errors") || task.exit().is_some_and(|exit| exit != "OK"))
        .filter(|task| states.is_empty() || states.contains(&state(task)))
        .collect();
    rows.reverse();
    rows.sort_by_key(|task| std::cmp::Reverse(task.ended().unwrap_or(u64::MAX)));
    let total = rows.len();
    let start = usize::try_from(number("start").unwrap_or(0)).unwrap_or(usize::MAX);
    let limit = usize::try_from(number("limit").unwrap_or(50)).unwrap_or(usize::MAX);
    let active = source == "active";
    let rows: Vec<Value> = rows.into_iter().skip(start).take(limit).map(|task| row(task, active)).collect();
    let reply = Reply::from(json!(rows));
    // Of nothing, not even the total is told (recorded).
    Ok(if total == 0 { reply } else { reply.beside("total", json!(total)) })
}

fn state(task: &Task) -> &'static str {
    match task.exit() {
        None => "unknown",
        Some("OK") => "ok",
        Some(exit) if exit.starts_with("WARNINGS") => "warning",
        Some(_) => "error",
    }
}

/// A row of a list; the active list shows the whole user id (pve-notes section 14).
pub(in crate::sim::handlers) fn row(task: &Task, active: bool) -> Value {
    let mut row = json!({
        "upid": task.upid, "node": task.node, "pid": task.pid, "pstart": task.pstart, "starttime": task.start / 1000,
        "type": task.kind, "id": task.id, "user": task.who.user,
    });
    if active {
        row["user"] = json!(task.who.full());
        row["saved"] = json!(if task.exit().is_some() { "1" } else { "0" });
        row["status"] = json!(task.exit().unwrap_or("RUNNING"));
    } else {
        if let Some(token) = &task.who.token {
            row["tokenid"] = json!(token);
        }
        if let Some(exit) = task.exit() {
            row["status"] = json!(exit);
        }
    }
    if let Some(end) = task.ended() {
        row["endtime"] = json!(end);
    }
    row
}
