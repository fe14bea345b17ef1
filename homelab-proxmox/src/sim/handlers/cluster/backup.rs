//! Backup jobs.
use crate::sim::answer::{Answer, Fail, Reply};
use crate::sim::call::Call;
use crate::sim::format::list as words;
use crate::sim::world::Texts;
use serde_json::{Map, Value, json};

/// The handler of a method, if there is one.
pub(super) fn route(call: &mut Call<'_>, key: &str) -> Option<Answer> {
    Some(match key {
        "GET /cluster/backup" => list(call),
        "POST /cluster/backup" => create(call),
        "GET /cluster/backup/{id}" => read(call),
        "PUT /cluster/backup/{id}" => update(call),
        "DELETE /cluster/backup/{id}" => delete(call),
        _ => return None,
    })
}

fn fields(id: &str, options: &Texts) -> Map<String, Value> {
    let mut map = Map::from_iter([("id".to_owned(), json!(id)), ("type".to_owned(), json!("vzdump"))]);
    for (key, text) in options {
        let value = match key.as_str() {
            "prune-backups" | "performance" | "fleecing" => {
                let parts = text.split(',').filter_map(|part| part.split_once('='));
                Value::Object(parts.map(|(key, value)| (key.to_owned(), json!(value))).collect())
            }
            "vmid" | "comment" | "schedule" | "notes-template" => json!(text),
            _ => text.parse::<i64>().map_or_else(|_| json!(text), |number| json!(number)),
        };
        map.insert(key.clone(), value);
    }
    map
}

fn list(call: &mut Call<'_>) -> Answer {
    let rows: Vec<Value> = call
        .world
        .jobs
        .iter()
        .map(|(id, options)| {
            let mut map = fields(id, options);
            if options.get("enabled").is_none_or(|text| text != "0") {
                map.insert("next-run".to_owned(), json!(call.world.seconds() + 86_400));
            }
            Value::Object(map)
        })
        .collect();
    Ok(json!(rows).into())
}

/// The words of a missing job, as a parameter's error and as this API nests it in a 500 (recorded).
fn missing(id: &str, nested: bool) -> Fail {
    let text = format!("No such job '{id}'");
    if nested { nest("id", &text) } else { Fail::param("id", text) }
}

fn nest(key: &str, text: &str) -> Fail {
    Fail::Die(format!("400 Parameter verification failed.\n{key}: {text}"))
}

fn create(call: &mut Call<'_>) -> Answer {
    let id = match call.args.get("id") {
        Some(id) => id.to_owned(),
        None => format!("backup-{}", &call.world.new_hex()[..8]),
    };
    let mut options = call.args.texts(&["id", "dow", "starttime"]);
    if !["vmid", "all", "pool"].iter().any(|key| options.contains_key(*key)) {
        return Err(nest("vmid", "property is missing"));
    }
    if call.world.jobs.contains_key(&id) {
        return Err(nest("id", &format!("Job '{id}' already exists")));
    }
    options.entry("enabled".to_owned()).or_insert_with(|| "1".to_owned());
    call.world.jobs.insert(id, options);
    Reply::done()
}

fn read(call: &mut Call<'_>) -> Answer {
    let id = call.args.text("id");
    let options = call.world.jobs.get(id).ok_or_else(|| missing(id, false))?;
    Ok(Value::Object(fields(id, options)).into())
}

fn update(call: &mut Call<'_>) -> Answer {
    let id = call.args.text("id").to_owned();
    let set = call.args.texts(&["id", "delete", "dow", "starttime"]);
    let delete: Vec<String> = words(call.args.text("delete")).map(str::to_owned).collect();
    let options = call.world.jobs.get_mut(&id).ok_or_else(|| missing(&id, true))?;
    for key in delete {
        options.remove(&key);
    }
    // What is backed up is chosen one way only: choosing another drops the first.
    for chosen in ["all", "vmid", "pool"] {
        if set.get(chosen).is_some_and(|value| value != "0") {
            ["all", "vmid", "pool"].iter().filter(|other| **other != chosen).for_each(|other| {
                options.remove(*other);
            });
        }
    }
    options.extend(set);
    Reply::done()
}

fn delete(call: &mut Call<'_>) -> Answer {
    let id = call.args.text("id").to_owned();
    match call.world.jobs.remove(&id) {
        Some(_) => Reply::done(),
        None => Err(missing(&id, true)),
    }
}
