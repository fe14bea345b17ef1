//! `/nodes/{node}/storage`: a node's storages.
use super::content;
use crate::sim::answer::{Answer, Fail};
use crate::sim::call::Call;
use crate::sim::format::list;
use crate::sim::handlers::subdirs;
use crate::sim::tasks::{Job, Locks};
use crate::sim::world::World;
use serde_json::{Value, json};

/// The handler of a method, if there is one.
pub(super) fn route(call: &mut Call<'_>, key: &str) -> Option<Answer> {
    let (method, path) = key.split_once(' ')?;
    let rest = path.strip_prefix("/nodes/{node}/storage")?;
    Some(match (method, rest) {
        ("GET", "") => storages(call),
        ("GET", "/{storage}") => Ok(subdirs(&[
            "content",
            "download-url",
            "file-restore",
            "import-metadata",
            "prunebackups",
            "rrd",
            "rrddata",
            "status",
            "upload",
        ])),
        ("GET", "/{storage}/status") => status(call),
        ("GET", "/{storage}/prunebackups") => prune_look(call),
        ("DELETE", "/{storage}/prunebackups") => prune(call),
        _ if rest.starts_with("/{storage}") => return content::route(call, method, rest),
        _ => return None,
    })
}

/// Figures of a storage: one that is switched off, or meant for other nodes, shows zeros (recorded).
pub(in crate::sim::handlers) fn figures(world: &World, node: &str, id: &str) -> Value {
    let options = world.storages.get(id).cloned().unwrap_or_default();
    let usable = world.storage_usable(id, node).is_ok();
    let (total, used) = if usable { world.space(node, id) } else { (0, 0) };
    json!({
        "type": options.get("type"), "content": options.get("content").cloned().unwrap_or_default(),
        "shared": u8::from(world.is_shared(id)), "enabled": u8::from(usable), "active": u8::from(usable),
        "total": total, "used": used, "avail": total - used,
    })
}

/// The storages of the question: with a filter of contents, those that are switched off are not asked.
fn asked(call: &Call<'_>, node: &str) -> Result<Vec<String>, Fail> {
    let contents: Vec<&str> = list(call.args.text("content")).collect();
    let fits = |id: &&String| {
        !call.args.has("content")
            || (contents.iter().any(|item| call.world.storage_holds(id, item))
                && call.world.storage_usable(id, node).is_ok())
    };
    let found: Vec<String> = call.world.storages.keys().filter(fits).cloned().collect();
    if call.args.get("storage").is_some_and(|wanted| !found.iter().any(|id| id == wanted)) {
        return Err(Fail::param("storage", "No such storage."));
    }
    Ok(found)
}

fn storages(call: &mut Call<'_>) -> Answer {
    let node = call.node();
    let target = call.args.get("target").filter(|target| *target != node && *target != "localhost");
    let mut rows = Vec::new();
    for id in asked(call, &node)? {
        let audits = call.need_any(&format!("/storage/{id}"), &["Datastore.Audit", "Datastore.AllocateSpace"]).is_ok();
        let wanted = call.args.get("storage").is_none_or(|wanted| wanted == id);
        let options = &call.world.storages[&id];
        let off = options.get("disable").map(String::as_str) == Some("1");
        let for_node = |name: &str| {
            options.get("nodes").is_none_or(|nodes| nodes.is_empty() || nodes.split(',').any(|other| other == name))
        };
        let both = target.is_none_or(|target| call.world.is_shared(&id) && for_node(&node) && for_node(target));
        if !audits || !wanted || !both || (call.args.flag("enabled") && off) {
            continue;
        }
        let mut row = figures(call.world, &node, &id);
        row["storage"] = json!(id);
        let (total, used) = (row["total"].as_f64().unwrap_or_default(), row["used"].as_f64().unwrap_or_default());
        if total > 0.0 {
            row["used_fraction"] = json!(used / total);
        }
        if call.args.flag("format") && row["enabled"] == 1 {
            if call.world.is_files(&id) {
                row["format"] = json!([{"raw": 1, "qcow2": 1, "vmdk": 1, "subvol": 1}, "raw"]);
            } else if options["type"] == "zfspool" {
                row["format"] = json!([{"raw": 1, "subvol": 1}, "raw"]);
            }
        }
        rows.push(row);
    }
    Ok(json!(rows).into())
}

/// One storage, looked for among those of the node.
fn status(call: &mut Call<'_>) -> Answer {
    asked(call, &call.node())?;
    Ok(figures(call.world, &call.node(), call.args.text("storage")).into())
}

/// GET prunebackups: nothing is ever there to prune, but the questions are judged.
fn prune_look(call: &mut Call<'_>) -> Answer {
    prunable(call)?;
    Ok(json!([]).into())
}

fn prunable(call: &Call<'_>) -> Result<(), Fail> {
    let id = call.args.text("storage");
    let options = call.world.storage(id)?;
    if !call.world.storage_holds(id, "backup") {
        return Err(Fail::die(format!("storage '{id}' does not support backups")));
    }
    if !call.args.has("prune-backups") && !options.contains_key("prune-backups") {
        return Err(Fail::die(format!("no prune-backups options configured for storage '{id}'")));
    }
    call.world.storage_usable(id, &call.node())
}

/// DELETE prunebackups
fn prune(call: &mut Call<'_>) -> Answer {
    let (node, id) = (call.node(), call.args.text("storage").to_owned());
    let path = format!("/storage/{id}");
    let vmid = call.args.get("vmid").map(str::to_owned);
    match &vmid {
        Some(vmid) => {
            call.need(&path, &["Datastore.AllocateSpace"])?;
            call.need(&format!("/vms/{vmid}"), &["VM.Backup"])?;
        }
        None => call.need(&path, &["Datastore.Allocate"])?,
    }
    let job = match prunable(call) {
        Ok(()) => Job::Other { span: 300 },
        Err(fail) => Job::Failing { text: fail.text() },
    };
    let name = vmid.map_or_else(|| id.clone(), |vmid| format!("{vmid}@{id}"));
    Ok(call.start(&node, "prunebackups", &name, Locks::none(), job).into())
}
