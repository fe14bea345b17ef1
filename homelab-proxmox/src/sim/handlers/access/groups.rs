//! Groups of users.
use crate::sim::answer::{Answer, Fail, Reply};
use crate::sim::call::Call;
use crate::sim::world::Group;
use serde_json::{Value, json};

fn missing(id: &str) -> Fail {
    Fail::die(format!("group '{id}' does not exist"))
}

/// GET /access/groups
pub(super) fn list(call: &mut Call<'_>) -> Answer {
    let mut rows: Vec<Value> = Vec::new();
    for (id, group) in &call.world.access.groups {
        let path = format!("/access/groups/{id}");
        if call.need_any(&path, &["User.Modify", "Sys.Audit", "Group.Allocate"]).is_err() {
            continue;
        }
        let members: Vec<&str> = group.members.iter().map(String::as_str).collect();
        let mut row = json!({"groupid": id, "users": members.join(",")});
        if let Some(comment) = &group.comment {
            row["comment"] = json!(comment);
        }
        rows.push(row);
    }
    Ok(json!(rows).into())
}

/// POST /access/groups
pub(super) fn create(call: &mut Call<'_>) -> Answer {
    let id = call.args.text("groupid").to_owned();
    let comment = call.args.get("comment").filter(|text| !text.is_empty()).map(str::to_owned);
    if call.world.access.groups.contains_key(&id) {
        return Err(Fail::die(format!("create group failed: group '{id}' already exists")));
    }
    call.world.access.groups.insert(id, Group { comment, ..Group::default() });
    Reply::done()
}

/// GET /access/groups/{groupid}
pub(super) fn read(call: &mut Call<'_>) -> Answer {
    let id = call.args.text("groupid");
    let group = call.world.access.groups.get(id).ok_or_else(|| missing(id))?;
    let mut value = json!({"members": group.members});
    if let Some(comment) = &group.comment {
        value["comment"] = json!(comment);
    }
    Ok(value.into())
}

/// PUT /access/groups/{groupid}
pub(super) fn update(call: &mut Call<'_>) -> Answer {
    let id = call.args.text("groupid").to_owned();
    let comment = call.args.get("comment").map(str::to_owned);
    let group = call.world.access.groups.get_mut(&id);
    let group = group.ok_or_else(|| Fail::die(format!("update group failed: group '{id}' does not exist")))?;
    group.comment = comment.or(group.comment.take()).filter(|text| !text.is_empty());
    Reply::done()
}

/// DELETE /access/groups/{groupid}
pub(super) fn delete(call: &mut Call<'_>) -> Answer {
    let id = call.args.text("groupid").to_owned();
    let gone = call.world.access.groups.remove(&id);
    gone.ok_or_else(|| Fail::die(format!("delete group failed: group '{id}' does not exist")))?;
    call.world.access.forget("group", &id);
    Reply::done()
}
