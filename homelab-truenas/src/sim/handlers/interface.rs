//! Network interfaces: what is changed is staged, tried, and taken back unless somebody confirms it (notes section 8).
use super::{Cx, field, object, rows, text};
use crate::sim::{
    fail::Fail,
    world::{Table, World},
};
use serde_json::{Map, Value, json};

type Row = Map<String, Value>;

pub(super) fn run(cx: &mut Cx<'_>, verb: &str, params: &[Value]) -> Option<Result<Value, Fail>> {
    expire(cx.world);
    Some(match verb {
        "query" => rows::filtered(staged_rows(cx.world), params),
        "get_instance" => rows::by_id(staged_rows(cx.world), "Interface", params.first().unwrap_or(&Value::Null)),
        "create" => create(cx, object(params, 0)),
        "update" => update(cx, text(params, 0), object(params, 1)),
        "delete" => delete(cx, text(params, 0)),
        "has_pending_changes" => Ok(json!(cx.world.staged.is_some())),
        "commit" => commit(cx, &object(params, 0)),
        "checkin" => {
            cx.world.rollback = None;
            Ok(Value::Null)
        }
        "checkin_waiting" => {
            let now = cx.world.now;
            Ok(json!(cx.world.rollback.as_ref().map(|(_, until)| until.saturating_sub(now) / 1000)))
        }
        "rollback" => {
            cx.world.staged = None;
            Ok(Value::Null)
        }
        "cancel_rollback" => {
            cx.world.rollback = None;
            Ok(Value::Null)
        }
        "websocket_local_ip" => Ok(json!("127.0.0.1")),
        "websocket_interface" => Ok(Value::Null),
        "ip_in_use" => Ok(in_use(cx.world)),
        _ => return None,
    })
}

/// Takes back what nobody confirmed in time.
pub(in crate::sim) fn expire(world: &mut World) {
    if world.rollback.as_ref().is_some_and(|(_, until)| *until <= world.now)
        && let Some((before, _)) = world.rollback.take()
    {
        world.tables.insert("interface".into(), before);
    }
}

fn staged_rows(world: &World) -> Vec<Row> {
    let table = world.staged.as_ref().or_else(|| world.tables.get("interface"));
    table.into_iter().flat_map(|table| table.rows.values().cloned()).collect()
}

fn stage<'a>(cx: &'a mut Cx<'_>) -> &'a mut Table {
    let now = cx.world.tables.get("interface").cloned().unwrap_or_default();
    cx.world.staged.get_or_insert(now)
}

fn create(cx: &mut Cx<'_>, mut row: Row) -> Result<Value, Fail> {
    let kind = field(&row, "type").to_owned();
    let prefix = match kind.as_str() {
        "BRIDGE" => "br",
        "VLAN" => "vlan",
        _ => "bond",
    };
    let there = |name: &str| staged_rows(cx.world).iter().any(|row| field(row, "id") == name);
    let given = field(&row, "name").to_owned();
    let name = match given.is_empty() {
        true => (0..).map(|n| format!("{prefix}{n}")).find(|name| !there(name)).unwrap_or_default(),
        false => given,
    };
    if !name.starts_with(prefix) {
        return Err(Fail::invalid("interface_create.name", format!("Invalid interface name: {prefix}X is expected")));
    }
    if there(&name) {
        return Err(Fail::invalid("interface_create.name", "Interface name is already in use."));
    }
    check(cx.world, &row, None, "interface_create")?;
    let fixed = json!({"id": name, "name": name, "fake": false, "state": {"name": name, "orig_name": name, "description": "", "mtu": 1500,
        "cloned": true, "flags": [], "nd6_flags": [], "capabilities": [], "link_state": "LINK_STATE_UP", "media_type": "",
        "media_subtype": "", "active_media_type": "", "active_media_subtype": "", "supported_media": [], "media_options": null,
        "link_address": "", "permanent_link_address": null, "hardware_link_address": "", "aliases": []}});
    row.extend(fixed.as_object().cloned().unwrap_or_default());
    stage(cx).put(row.clone().into());
    Ok(row.into())
}

fn update(cx: &mut Cx<'_>, id: &str, changes: Row) -> Result<Value, Fail> {
    let id = json!(id);
    let Some(mut row) = stage(cx).get(&id).cloned() else { return Err(Fail::missing("Interface", &id)) };
    row.extend(changes);
    check(cx.world, &row, Some(&id), "interface_update")?;
    stage(cx).put(row.clone().into());
    Ok(row.into())
}

fn check(world: &World, row: &Row, own: Option<&Value>, at: &str) -> Result<(), Fail> {
    let rows = staged_rows(world);
    let known = |name: &str| rows.iter().any(|row| field(row, "id") == name);
    if field(row, "type") == "VLAN" {
        let parent = field(row, "vlan_parent_interface");
        if !known(parent) {
            return Err(Fail::invalid(&format!("{at}.vlan_parent_interface"), "Not a valid interface."));
        }
        if row.get("vlan_tag").is_none_or(Value::is_null) {
            return Err(Fail::invalid(&format!("{at}.vlan_tag"), "This field is required"));
        }
    }
    for (list, what) in [("lag_ports", "lag_ports"), ("bridge_members", "bridge_members")] {
        for (n, member) in row.get(list).and_then(Value::as_array).into_iter().flatten().enumerate() {
            if !member.as_str().is_some_and(known) {
                return Err(Fail::invalid(&format!("{at}.{what}.{n}"), "Not a valid interface."));
            }
        }
    }
    let addresses = |row: &Row| -> Vec<Value> {
        let aliases = row.get("aliases").and_then(Value::as_array);
        aliases.into_iter().flatten().filter_map(|alias| alias.get("address").cloned()).collect()
    };
    let ours = addresses(row);
    let taken = rows.iter().filter(|other| other.get("id") != own).flat_map(addresses).any(|one| ours.contains(&one));
    if taken {
        return Err(Fail::invalid(&format!("{at}.aliases.0"), "The IP address is already in use by another interface"));
    }
    Ok(())
}

fn delete(cx: &mut Cx<'_>, id: &str) -> Result<Value, Fail> {
    let id = json!(id);
    let Some(row) = stage(cx).get(&id).cloned() else { return Err(Fail::missing("Interface", &id)) };
    if field(&row, "type") == "PHYSICAL" {
        // A physical one stays, without what was set.
        let mut row = row;
        for (name, blank) in
            [("aliases", json!([])), ("ipv4_dhcp", json!(false)), ("description", json!("")), ("mtu", Value::Null)]
        {
            row.insert(name.into(), blank);
        }
        stage(cx).put(row.into());
    } else {
        stage(cx).take(&id);
    }
    Ok(id)
}

fn commit(cx: &mut Cx<'_>, options: &Row) -> Result<Value, Fail> {
    let Some(staged) = cx.world.staged.take() else { return Ok(Value::Null) };
    let before = cx.world.tables.insert("interface".into(), staged).unwrap_or_default();
    let seconds = options.get("checkin_timeout").and_then(Value::as_u64).unwrap_or(60);
    if options.get("rollback") != Some(&json!(false)) {
        cx.world.rollback = Some((before, cx.world.now + seconds * 1000));
    }
    Ok(Value::Null)
}

fn in_use(world: &World) -> Value {
    let aliases = world.rows("interface").filter_map(|row| row.get("aliases")?.as_array());
    aliases.flatten().cloned().collect()
}
