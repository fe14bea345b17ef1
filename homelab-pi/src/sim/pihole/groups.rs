//! Groups and the clients in them.
use super::{
    call::{Call, Reply, comment, enabled, groups, items, missing, nothing, processed, reply},
    front::not_found,
    simulator::State,
    world::{Client, Group},
};
use crate::pihole::http::Method;
use serde_json::{Value, json};

fn row(group: &Group) -> Value {
    json!({
        "name": group.name, "comment": group.comment, "enabled": group.enabled, "id": group.id,
        "date_added": 1, "date_modified": 1,
    })
}

pub(super) fn answer(state: &mut State, call: &Call<'_>) -> Result<Reply, Reply> {
    if call.parts[0] == "groups:batchDelete" {
        let body = call.json()?;
        let wanted: Vec<&str> =
            body.as_array().into_iter().flatten().filter_map(|item| item["item"].as_str()).collect();
        let before = state.world.groups.len();
        wanted.iter().for_each(|name| delete(state, name));
        return Ok(if state.world.groups.len() < before { nothing() } else { missing() });
    }
    let name = call.parts.get(1).cloned();
    match (call.method, name) {
        (Method::Get, name) => {
            let rows = state.world.groups.iter().filter(|g| name.as_ref().is_none_or(|name| *name == g.name));
            Ok(reply(200, json!({ "groups": rows.map(row).collect::<Vec<_>>() })))
        }
        (Method::Post, None) => {
            let body = call.json()?;
            let names = items(&body, "name")?;
            let mut duplicates = vec![];
            for name in &names {
                if state.world.groups.iter().any(|g| g.name == *name) {
                    duplicates.push(name.clone());
                    continue;
                }
                let id = state.world.new_id();
                let (comment, enabled) = (comment(&body), enabled(&body));
                state.world.groups.push(Group { id, name: name.clone(), comment, enabled });
            }
            let rows = state.world.groups.iter().filter(|g| Some(&g.name) == names.last()).map(row).collect();
            Ok(processed(201, "groups", rows, &names, &duplicates, "group.name"))
        }
        (Method::Put, Some(name)) => {
            let body = call.json()?;
            let renamed = body["name"].as_str().unwrap_or(&name).to_owned();
            match state.world.groups.iter_mut().find(|g| g.name == name) {
                Some(group) => {
                    (group.comment, group.enabled, group.name) = (comment(&body), enabled(&body), renamed);
                }
                None => {
                    let id = state.world.new_id();
                    let (comment, enabled) = (comment(&body), enabled(&body));
                    state.world.groups.push(Group { id, name: renamed, comment, enabled });
                }
            }
            state.told.clear();
            // A group that got another name is looked for by the old one.
            let rows = state.world.groups.iter().filter(|g| g.name == name).map(row).collect();
            Ok(processed(200, "groups", rows, &[name], &[], ""))
        }
        (Method::Delete, Some(name)) => {
            let found = state.world.groups.iter_mut().find(|g| g.name == name);
            match found {
                None => Ok(missing()),
                // The group that is always there stays, and loses what was written beside it.
                Some(group) if group.id == 0 => {
                    group.comment = None;
                    Ok(nothing())
                }
                Some(_) => {
                    delete(state, &name);
                    Ok(nothing())
                }
            }
        }
        _ => Err(not_found(call)),
    }
}

fn delete(state: &mut State, name: &str) {
    let Some(id) = state.world.groups.iter().find(|g| g.name == name && g.id != 0).map(|g| g.id) else { return };
    state.world.groups.retain(|g| g.id != id);
    let without = |groups: &mut Vec<u32>| groups.retain(|group| *group != id);
    state.world.domains.iter_mut().for_each(|d| without(&mut d.groups));
    state.world.lists.iter_mut().for_each(|l| without(&mut l.groups));
    state.world.clients.iter_mut().for_each(|c| without(&mut c.groups));
    state.told.clear();
}

fn client_row(client: &Client) -> Value {
    json!({
        "client": client.client, "name": "", "comment": client.comment, "groups": client.groups, "id": client.id,
        "date_added": client.dates.0, "date_modified": client.dates.1,
    })
}

/// Clients. Not recorded from a real one: after its own description of its API.
pub(super) fn clients(state: &mut State, call: &Call<'_>) -> Result<Reply, Reply> {
    let name = call.parts.get(1..).filter(|rest| !rest.is_empty()).map(|rest| rest.join("/"));
    let now = state.seconds();
    match (call.method, name) {
        (Method::Get, name) => {
            let rows = state.world.clients.iter().filter(|c| name.as_ref().is_none_or(|name| *name == c.client));
            Ok(reply(200, json!({ "clients": rows.map(client_row).collect::<Vec<_>>() })))
        }
        (Method::Post, None) => {
            let body = call.json()?;
            let names = items(&body, "client")?;
            let mut duplicates = vec![];
            for name in &names {
                if state.world.clients.iter().any(|c| c.client.eq_ignore_ascii_case(name)) {
                    duplicates.push(name.clone());
                    continue;
                }
                let id = state.world.new_id();
                let (comment, groups) = (comment(&body), groups(&body));
                state.world.clients.push(Client { id, client: name.clone(), comment, groups, dates: (now, now) });
            }
            let rows = state.world.clients.iter().filter(|c| Some(&c.client) == names.last()).map(client_row).collect();
            Ok(processed(201, "clients", rows, &names, &duplicates, "client.ip"))
        }
        (Method::Put, Some(name)) => {
            let body = call.json()?;
            let id = state.world.new_id();
            let (comment, groups) = (comment(&body), groups(&body));
            match state.world.clients.iter_mut().find(|c| c.client == name) {
                Some(client) => (client.comment, client.groups, client.dates.1) = (comment, groups, now),
                None => {
                    let client = Client { id, client: name.clone(), comment, groups, dates: (now, now) };
                    state.world.clients.push(client);
                }
            }
            state.told.clear();
            let rows = state.world.clients.iter().filter(|c| c.client == name).map(client_row).collect();
            Ok(processed(200, "clients", rows, &[name], &[], ""))
        }
        (Method::Delete, Some(name)) => {
            let before = state.world.clients.len();
            state.world.clients.retain(|c| c.client != name);
            Ok(if state.world.clients.len() < before { nothing() } else { missing() })
        }
        _ => Err(not_found(call)),
    }
}
