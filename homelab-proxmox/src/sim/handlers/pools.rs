//! `/pools`: groups of guests and storages.
use super::super::answer::{Answer, Fail, Reply};
use super::super::call::Call;
use super::super::format::list as words;
use super::super::quirks;
use super::super::world::Pool;
use super::{guests, nodes};
use serde_json::{Value, json};

/// The handler of a method, if there is one.
pub(super) fn route(call: &mut Call<'_>, key: &str) -> Option<Answer> {
    Some(match key {
        "GET /pools" => list(call),
        "POST /pools" => create(call),
        "GET /pools/{poolid}" => read(call),
        "PUT /pools" | "PUT /pools/{poolid}" => update(call),
        "DELETE /pools" | "DELETE /pools/{poolid}" => delete(call),
        _ => return None,
    })
}

fn missing(id: &str) -> Fail {
    Fail::die(format!("pool '{id}' does not exist"))
}

/// A pool's guests and storages, with the figures of the moment `at`.
fn members(call: &Call<'_>, pool: &Pool, at: u64) -> Vec<Value> {
    let world = &*call.world;
    let wanted = call.args.get("type");
    let mut rows: Vec<Value> = pool
        .vms
        .iter()
        .filter_map(|vmid| world.guests.get(vmid))
        .filter(|guest| wanted.is_none_or(|wanted| wanted == guest.kind()))
        .map(|guest| guests::resource(world, guest, at))
        .collect();
    if wanted.is_none_or(|wanted| wanted == "storage") {
        for id in &pool.storage {
            for node in world.nodes.keys().filter(|node| world.storage_usable(id, node).is_ok()) {
                let figures = nodes::storage_figures(world, node, id);
                rows.push(json!({
                    "id": format!("storage/{node}/{id}"), "type": "storage", "storage": id, "node": node,
                    "plugintype": figures["type"], "content": figures["content"], "shared": figures["shared"],
                    "status": "available", "maxdisk": figures["total"], "disk": figures["used"],
                }));
            }
        }
    }
    rows
}

fn row(id: &str, pool: &Pool) -> Value {
    let mut row = json!({"poolid": id});
    if let Some(comment) = &pool.comment {
        row["comment"] = json!(comment);
    }
    row
}

fn list(call: &mut Call<'_>) -> Answer {
    if call.world.now > call.world.figures_read + quirks::FIGURES_KEPT {
        call.world.figures_read = call.world.now;
    }
    let at = call.world.figures_read;
    if let Some(id) = call.args.get("poolid") {
        call.need(&format!("/pool/{id}"), &["Pool.Audit"])?;
        let pool = call.world.pools.get(id).ok_or_else(|| missing(id))?;
        let mut value = row(id, pool);
        value["members"] = json!(members(call, pool, at));
        return Ok(json!([value]).into());
    }
    let rows: Vec<Value> = call
        .world
        .pools
        .iter()
        .filter(|(id, _)| call.may(&format!("/pool/{id}"), "Pool.Audit"))
        .map(|(id, pool)| row(id, pool))
        .collect();
    Ok(json!(rows).into())
}

fn create(call: &mut Call<'_>) -> Answer {
    let id = call.args.text("poolid").to_owned();
    let comment = call.args.get("comment").map(str::to_owned);
    if call.world.pools.contains_key(&id) {
        return Err(Fail::die(format!("create pool failed: pool '{id}' already exists")));
    }
    if let Some((parent, _)) = id.rsplit_once('/')
        && !call.world.pools.contains_key(parent)
    {
        return Err(Fail::die(format!("create pool failed: parent '{parent}' of pool '{id}' does not exist")));
    }
    call.world.pools.insert(id, Pool { comment, ..Pool::default() });
    Reply::done()
}

fn read(call: &mut Call<'_>) -> Answer {
    let id = call.args.text("poolid");
    let pool = call.world.pools.get(id).ok_or_else(|| missing(id))?;
    let mut value = row(id, pool);
    value["members"] = json!(members(call, pool, call.world.now));
    if let Some(map) = value.as_object_mut() {
        map.insert("poolid".to_owned(), json!(id));
    }
    Ok(value.into())
}

/// Adds or removes members; guests that do not exist are taken too (recorded).
fn update(call: &mut Call<'_>) -> Answer {
    let id = call.args.text("poolid").to_owned();
    let fail = |text: String| Fail::die(format!("update pools failed: {text}"));
    if !call.world.pools.contains_key(&id) {
        return Err(fail(format!("pool '{id}' does not exist")));
    }
    let (delete, moves) = (call.args.flag("delete"), call.args.flag("allow-move"));
    let vms: Vec<u32> = words(call.args.text("vms")).filter_map(|vmid| vmid.parse().ok()).collect();
    let storages: Vec<String> = words(call.args.text("storage")).map(str::to_owned).collect();
    for vmid in &vms {
        call.need(&format!("/vms/{vmid}"), &["VM.Allocate"]).or_else(|_| call.need("/pool", &["Pool.Allocate"]))?;
        let now = call.world.pool_of(*vmid).map(str::to_owned);
        match (delete, now) {
            (true, now) if now.as_deref() != Some(id.as_str()) => {
                return Err(fail(format!("VM {vmid} is not a pool member")));
            }
            (false, Some(now)) if now == id => return Err(fail(format!("VM {vmid} is already a pool member"))),
            (false, Some(now)) if !moves => {
                return Err(fail(format!("VM {vmid} belongs already to pool '{now}' and allow-move is not set")));
            }
            _ => {}
        }
    }
    let comment = call.args.get("comment").map(str::to_owned);
    for storage in &storages {
        let member = call.world.pools.get(&id).is_some_and(|pool| pool.storage.contains(storage));
        if member != delete {
            let text = if delete { "is not a pool member" } else { "is already a pool member" };
            return Err(fail(format!("Storage '{storage}' {text}")));
        }
    }
    for pool in call.world.pools.values_mut() {
        pool.vms.retain(|vmid| !vms.contains(vmid));
    }
    if let Some(pool) = call.world.pools.get_mut(&id) {
        pool.comment = comment.or(pool.comment.take());
        if delete {
            pool.storage.retain(|storage| !storages.contains(storage));
        } else {
            pool.vms.extend(vms);
            pool.storage.extend(storages);
        }
    }
    Reply::done()
}

fn delete(call: &mut Call<'_>) -> Answer {
    let id = call.args.text("poolid").to_owned();
    let fail = |text: String| Err(Fail::die(format!("delete pool failed: {text}")));
    let Some(pool) = call.world.pools.get(&id) else { return fail(format!("pool '{id}' does not exist")) };
    let empty = |what: String| format!("pool '{id}' is not empty (contains {what})");
    if let Some(inner) = call.world.pools.keys().find(|other| other.starts_with(&format!("{id}/"))) {
        return fail(empty(format!("pool '{inner}'")));
    }
    // Guests that do not exist do not count.
    if let Some(vmid) = pool.vms.iter().find(|vmid| call.world.guests.contains_key(vmid)) {
        return fail(empty(format!("VM {vmid}")));
    }
    if let Some(storage) = pool.storage.first() {
        return fail(empty(format!("storage '{storage}'")));
    }
    call.world.pools.remove(&id);
    Reply::done()
}
