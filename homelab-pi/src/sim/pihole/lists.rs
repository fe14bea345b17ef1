//! Lists of domains, and loading them.
use super::{
    call::{Body, Call, Reply, comment, enabled, error, groups, items, missing, nothing, processed, reply},
    front::not_found,
    simulator::State,
    world::List,
};
use crate::pihole::http::Method;
use serde_json::{Value, json};

pub(super) fn row(list: &List) -> Value {
    json!({
        "address": list.address, "type": list.kind, "comment": list.comment, "groups": list.groups,
        "enabled": list.enabled, "id": list.id, "date_added": list.dates.0, "date_modified": list.dates.1,
        "date_updated": list.updated, "number": list.domains.len(), "invalid_domains": 0, "abp_entries": 0,
        "status": list.status,
    })
}

pub(super) fn answer(state: &mut State, call: &Call<'_>) -> Result<Reply, Reply> {
    let bad = |message: &str, hint: Option<&str>| error(400, "bad_request", message, hint);
    if call.parts[0] == "lists:batchDelete" {
        let body = call.json()?;
        let before = state.world.lists.len();
        for item in body.as_array().into_iter().flatten() {
            state.world.lists.retain(|l| !(item["item"] == l.address && item["type"] == l.kind));
        }
        return Ok(if state.world.lists.len() < before { nothing() } else { missing() });
    }
    let address = call.parts.get(1..).filter(|rest| !rest.is_empty()).map(|rest| rest.join("/"));
    let kind = match call.query("type") {
        Some(kind @ ("allow" | "block")) => Some(kind.to_owned()),
        Some(other) => {
            let message = "Invalid request: Invalid type parameter (should be either \"allow\" or \"block\")";
            return Err(bad(message, Some(&format!("type={other}"))));
        }
        None => None,
    };
    if call.method == Method::Get {
        let is = |l: &&List| {
            kind.as_ref().is_none_or(|kind| *kind == l.kind) && address.as_ref().is_none_or(|a| *a == l.address)
        };
        return Ok(reply(200, json!({ "lists": state.world.lists.iter().filter(is).map(row).collect::<Vec<_>>() })));
    }
    let Some(kind) = kind else {
        let message = "Invalid request: Specify type parameter (should be either \"allow\" or \"block\")";
        return Err(bad(message, None));
    };
    let now = state.seconds();
    let new = |state: &mut State, address: &str, body: &Value| List {
        id: state.world.new_id(),
        address: address.to_owned(),
        kind: kind.clone(),
        comment: comment(body),
        groups: groups(body),
        enabled: enabled(body),
        dates: (now, now),
        updated: 0,
        status: 0,
        domains: vec![],
    };
    state.told.clear();
    let shown = |state: &State, address: Option<&String>| {
        state.world.lists.iter().filter(|l| Some(&l.address) == address && l.kind == kind).map(row).collect()
    };
    match (call.method, address) {
        (Method::Post, None) => {
            let body = call.json()?;
            let addresses = items(&body, "address")?;
            let mut duplicates = vec![];
            for address in &addresses {
                if state.world.lists.iter().any(|l| l.address == *address && l.kind == kind) {
                    duplicates.push(address.clone());
                    continue;
                }
                let list = new(state, address, &body);
                state.world.lists.push(list);
            }
            let rows = shown(state, addresses.last());
            Ok(processed(201, "lists", rows, &addresses, &duplicates, "adlist.address, adlist.type"))
        }
        (Method::Put, Some(address)) => {
            let body = call.json()?;
            match state.world.lists.iter_mut().find(|l| l.address == address && l.kind == kind) {
                Some(list) => {
                    (list.comment, list.enabled, list.dates.1) = (comment(&body), enabled(&body), now);
                    if body.get("groups").is_some() {
                        list.groups = groups(&body);
                    }
                }
                None => {
                    let list = new(state, &address, &body);
                    state.world.lists.push(list);
                }
            }
            let rows = shown(state, Some(&address));
            Ok(processed(200, "lists", rows, &[address], &[], ""))
        }
        (Method::Delete, Some(address)) => {
            let before = state.world.lists.len();
            state.world.lists.retain(|l| !(l.address == address && l.kind == kind));
            Ok(if state.world.lists.len() < before { nothing() } else { missing() })
        }
        _ => Err(not_found(call)),
    }
}

/// Loads all lists. It answers 200 in any case, with text for a person.
pub(super) fn gravity(state: &mut State, call: &Call<'_>) -> Result<Reply, Reply> {
    if call.parts.get(1).map(String::as_str) != Some("gravity") {
        return Err(not_found(call));
    }
    let now = state.seconds();
    state.world.load(now);
    let line = |list: &List| {
        let sign = if list.status == 1 || list.status == 2 { '✓' } else { '✗' };
        format!("  [i] Target: {}\n  [{sign}] Status\n", list.address)
    };
    let text: String = state.world.lists.iter().filter(|list| list.enabled).map(line).collect();
    state.told.clear();
    Ok(Reply { status: 200, body: Body::Raw("text/plain", text.into_bytes()), headers: vec![] })
}
