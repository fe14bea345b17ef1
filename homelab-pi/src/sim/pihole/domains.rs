//! Allowed and denied domains.
use super::{
    call::{Call, Reply, comment, enabled, error, groups, items, missing, nothing, processed, reply},
    front::not_found,
    simulator::State,
    world::Domain,
};
use crate::pihole::http::Method;
use regex_lite::RegexBuilder;
use serde_json::{Value, json};

pub(super) fn row(domain: &Domain) -> Value {
    json!({
        "domain": domain.domain, "unicode": domain.domain, "type": domain.kind, "kind": domain.form,
        "comment": domain.comment, "groups": domain.groups, "enabled": domain.enabled, "id": domain.id,
        "date_added": domain.dates.0, "date_modified": domain.dates.1,
    })
}

/// The expression without what Pi-hole adds to it: `;querytype=A,AAAA`, `;invert`, `;reply=..`.
pub(super) fn split(expression: &str) -> (&str, Vec<&str>) {
    let mut parts = expression.split(';');
    (parts.next().unwrap_or_default(), parts.collect())
}

pub(super) fn compile(expression: &str) -> Result<regex_lite::Regex, regex_lite::Error> {
    RegexBuilder::new(split(expression).0).case_insensitive(true).build()
}

pub(super) fn answer(state: &mut State, call: &Call<'_>) -> Result<Reply, Reply> {
    if call.parts[0] == "domains:batchDelete" {
        return batch_delete(state, call);
    }
    let part = |n: usize| call.parts.get(n).map(String::as_str);
    let (kind, form, domain) =
        (part(1), part(2), call.parts.get(3..).filter(|rest| !rest.is_empty()).map(|r| r.join("/")));
    let is = |d: &Domain| {
        kind.is_none_or(|kind| kind == d.kind)
            && form.is_none_or(|form| form == d.form)
            && domain.as_ref().is_none_or(|domain| *domain == d.domain)
    };
    if call.method == Method::Get {
        let rows: Vec<Value> = state.world.domains.iter().filter(|d| is(d)).map(row).collect();
        return Ok(reply(200, json!({ "domains": rows })));
    }
    let (Some(kind @ ("allow" | "deny")), Some(form @ ("exact" | "regex"))) = (kind, form) else {
        let message = "Invalid request: Specify list to modify more precisely";
        return Err(error(400, "uri_error", message, Some(&call.path)));
    };
    match (call.method, domain) {
        (Method::Post, None) => make(state, &call.json()?, kind, form),
        (Method::Put, Some(domain)) => change(state, &call.json()?, kind, form, &domain),
        (Method::Delete, Some(domain)) => {
            let before = state.world.domains.len();
            state.world.domains.retain(|d| !(d.kind == kind && d.form == form && d.domain == domain));
            state.told.clear();
            Ok(if state.world.domains.len() < before { nothing() } else { missing() })
        }
        _ => Err(not_found(call)),
    }
}

fn make(state: &mut State, body: &Value, kind: &str, form: &str) -> Result<Reply, Reply> {
    let names = items(body, "domain")?;
    if form == "regex" {
        for name in &names {
            compile(name).map_err(|e| {
                let why = e.to_string();
                let hint = if why.contains("without closing ')'") { "Missing ')'" } else { "Invalid regexp" };
                error(400, "regex_error", "Regex validation failed", Some(hint))
            })?;
        }
    }
    let (now, mut duplicates) = (state.seconds(), vec![]);
    for name in &names {
        // One domain is allowed or denied once, in one form.
        if state.world.domains.iter().any(|d| d.domain == *name && d.kind == kind && d.form == form) {
            duplicates.push(name.clone());
            continue;
        }
        let id = state.world.new_id();
        state.world.domains.push(Domain {
            id,
            domain: name.clone(),
            kind: kind.to_owned(),
            form: form.to_owned(),
            comment: comment(body),
            groups: groups(body),
            enabled: enabled(body),
            dates: (now, now),
        });
    }
    state.told.clear();
    let last = names.last();
    let rows = state.world.domains.iter().filter(|d| Some(&d.domain) == last && d.kind == kind && d.form == form);
    let rows = rows.map(row).collect();
    Ok(processed(201, "domains", rows, &names, &duplicates, "domainlist.domain, domainlist.type"))
}

/// Replaces a rule. The body says where it was, if that was elsewhere; what it does not say is as for a new one.
fn change(state: &mut State, body: &Value, kind: &str, form: &str, domain: &str) -> Result<Reply, Reply> {
    let (old_kind, old_form) = (body["type"].as_str().unwrap_or(kind), body["kind"].as_str().unwrap_or(form));
    let now = state.seconds();
    let found = state.world.domains.iter_mut().find(|d| d.domain == domain && d.kind == old_kind && d.form == old_form);
    match found {
        Some(d) => {
            (d.kind, d.form) = (kind.to_owned(), form.to_owned());
            (d.comment, d.enabled, d.dates.1) = (comment(body), enabled(body), now);
            if body.get("groups").is_some() {
                d.groups = groups(body);
            }
        }
        None => {
            let id = state.world.new_id();
            state.world.domains.push(Domain {
                id,
                domain: domain.to_owned(),
                kind: kind.to_owned(),
                form: form.to_owned(),
                comment: comment(body),
                groups: groups(body),
                enabled: enabled(body),
                dates: (now, now),
            });
        }
    }
    state.told.clear();
    let rows = state.world.domains.iter().filter(|d| d.domain == domain && d.kind == kind && d.form == form);
    let rows = rows.map(row).collect();
    Ok(processed(200, "domains", rows, &[domain.to_owned()], &[], ""))
}

fn batch_delete(state: &mut State, call: &Call<'_>) -> Result<Reply, Reply> {
    let body = call.json()?;
    let before = state.world.domains.len();
    for item in body.as_array().into_iter().flatten() {
        state.world.domains.retain(|d| !(item["item"] == d.domain && item["type"] == d.kind && item["kind"] == d.form));
    }
    state.told.clear();
    Ok(if state.world.domains.len() < before { nothing() } else { missing() })
}
