//! Replication jobs: kept and listed. What was taken away stays in the list until the guest's node has removed the copies.
use crate::sim::answer::{Answer, Fail, Reply};
use crate::sim::call::Call;
use crate::sim::format::list as words;
use crate::sim::quirks;
use crate::sim::world::{Release, Texts};
use serde_json::{Map, Value, json};

/// When a job that was taken away is gone, in milliseconds: kept with it, shown to nobody.
const GONE: &str = "gone-at";

/// The handler of a method, if there is one.
pub(super) fn route(call: &mut Call<'_>, key: &str) -> Option<Answer> {
    let now = call.world.now;
    let stays = |job: &Texts| job.get(GONE).and_then(|at| at.parse().ok()).is_none_or(|at: u64| at > now);
    call.world.replications.retain(|_, job| stays(job));
    Some(match key {
        "GET /cluster/replication" => list(call),
        "POST /cluster/replication" => create(call),
        "GET /cluster/replication/{id}" => read(call),
        "PUT /cluster/replication/{id}" => update(call),
        "DELETE /cluster/replication/{id}" => delete(call),
        _ => return None,
    })
}

fn guest(id: &str) -> u32 {
    id.split('-').next().and_then(|guest| guest.parse().ok()).unwrap_or_default()
}

fn row(id: &str, options: &Texts) -> Value {
    let mut map = Map::from_iter([
        ("id".to_owned(), json!(id)),
        ("type".to_owned(), json!("local")),
        ("guest".to_owned(), json!(guest(id))),
        ("jobnum".to_owned(), json!(id.split('-').nth(1).and_then(|n| n.parse::<u32>().ok()))),
    ]);
    for (key, text) in options.iter().filter(|(key, _)| *key != GONE) {
        let number = text.parse::<i64>().ok().filter(|_| matches!(key.as_str(), "rate" | "disable"));
        map.insert(key.clone(), number.map_or_else(|| json!(text), |number| json!(number)));
    }
    Value::Object(map)
}

fn list(call: &mut Call<'_>) -> Answer {
    let seen = |id: &str| call.may(&format!("/vms/{}", guest(id)), "VM.Audit");
    let rows: Vec<Value> =
        call.world.replications.iter().filter(|(id, _)| seen(id)).map(|(id, options)| row(id, options)).collect();
    Ok(json!(rows).into())
}

fn missing(id: &str) -> Fail {
    Fail::die(format!("no such replication job '{id}'"))
}

/// Who may have a guest copied: release 9 has a privilege for it.
fn allowed(call: &Call<'_>) -> Result<(), Fail> {
    match call.world.release {
        Release::V8_4 => call.need("/storage", &["Datastore.Allocate"]),
        Release::V9_2 => call.need(&format!("/vms/{}", guest(call.args.text("id"))), &["VM.Replicate"]),
    }
}

fn create(call: &mut Call<'_>) -> Answer {
    allowed(call)?;
    let id = call.args.text("id").to_owned();
    let vmid = guest(&id);
    let source = call.world.guests.get(&vmid).map(|guest| guest.node.clone());
    let source = source.ok_or_else(|| Fail::die(format!("unknown guest '{vmid}'")))?;
    if call.world.replications.contains_key(&id) {
        return Err(Fail::die(format!("replication job '{id}' already exists")));
    }
    let target = call.args.text("target").to_owned();
    if !call.world.nodes.contains_key(&target) {
        return Err(Fail::die(format!("target node '{target}' does not exist in cluster")));
    }
    if target == source {
        return Err(Fail::die(format!("source and target node '{target}' are the same")));
    }
    let to_there = |(other, job): (&String, &Texts)| guest(other) == vmid && job.get("target") == Some(&target);
    if call.world.replications.iter().any(to_there) {
        return Err(Fail::die(format!("guest '{vmid}' is replicated to node '{target}' already")));
    }
    let mut options = call.args.texts(&["id", "type"]);
    options.insert("source".to_owned(), source);
    call.world.replications.insert(id, options);
    Reply::done()
}

fn read(call: &mut Call<'_>) -> Answer {
    let id = call.args.text("id");
    let options = call.world.replications.get(id).ok_or_else(|| missing(id))?;
    Ok(row(id, options).into())
}

fn update(call: &mut Call<'_>) -> Answer {
    allowed(call)?;
    let id = call.args.text("id").to_owned();
    let set = call.args.texts(&["id", "delete", "digest"]);
    let delete: Vec<String> = words(call.args.text("delete")).map(str::to_owned).collect();
    let options = call.world.replications.get_mut(&id).ok_or_else(|| missing(&id))?;
    options.extend(set);
    for key in delete {
        options.remove(&key);
    }
    Reply::done()
}

fn delete(call: &mut Call<'_>) -> Answer {
    allowed(call)?;
    let id = call.args.text("id").to_owned();
    if call.args.flag("force") {
        return call.world.replications.remove(&id).map_or_else(|| Err(missing(&id)), |_| Reply::done());
    }
    let at = call.world.now + call.world.pace.ms(quirks::REPLICATION_ROUND);
    let how = if call.args.flag("keep") { "local" } else { "full" };
    let options = call.world.replications.get_mut(&id).ok_or_else(|| missing(&id))?;
    options.insert("remove_job".to_owned(), how.to_owned());
    options.entry(GONE.to_owned()).or_insert_with(|| at.to_string());
    Reply::done()
}
