//! API tokens.
use super::users::token_json;
use crate::sim::answer::{Answer, Fail, Reply};
use crate::sim::call::Call;
use crate::sim::world::{Token, User};
use serde_json::{Map, Value, json};

fn ids(call: &Call<'_>) -> (String, String) {
    (call.args.text("userid").to_owned(), call.args.text("tokenid").to_owned())
}

fn user<'c>(call: &'c mut Call<'_>, id: &str) -> Result<&'c mut User, Fail> {
    call.world.access.users.get_mut(id).ok_or_else(|| Fail::die(format!("no such user ('{id}')")))
}

fn missing(user: &str, token: &str) -> Fail {
    Fail::die(format!("no such token '{token}' for user '{user}'"))
}

/// GET /access/users/{userid}/token
pub(super) fn list(call: &mut Call<'_>) -> Answer {
    let (id, _) = ids(call);
    let rows: Vec<Value> = user(call, &id)?
        .tokens
        .iter()
        .map(|(name, token)| {
            let mut row = token_json(token);
            row["tokenid"] = json!(name);
            row
        })
        .collect();
    Ok(json!(rows).into())
}

/// GET /access/users/{userid}/token/{tokenid}
pub(super) fn read(call: &mut Call<'_>) -> Answer {
    let (id, name) = ids(call);
    let token = user(call, &id)?.tokens.get(&name).ok_or_else(|| missing(&id, &name))?;
    Ok(token_json(token).into())
}

/// What the caller said, as it said it (texts stay texts); what it left out as numbers (recorded).
fn info(call: &Call<'_>) -> Map<String, Value> {
    let given = ["comment", "expire", "privsep"].into_iter();
    let said = |key: &str| call.args.get(key).filter(|text| key != "comment" || !text.is_empty());
    given.filter_map(|key| Some((key.to_owned(), json!(said(key)?)))).collect()
}

/// POST /access/users/{userid}/token/{tokenid}: the only time the secret is shown.
pub(super) fn create(call: &mut Call<'_>) -> Answer {
    let (id, name) = ids(call);
    let mut info = info(call);
    info.entry("privsep").or_insert(json!(1));
    let token = Token {
        secret: call.world.new_uuid(),
        privsep: call.args.get("privsep").is_none_or(|text| text == "1"),
        expire: call.args.number("expire").unwrap_or(0),
        comment: call.args.get("comment").filter(|text| !text.is_empty()).map(str::to_owned),
    };
    let user = user(call, &id)?;
    if user.tokens.contains_key(&name) {
        return Err(Fail::param("tokenid", "Token already exists."));
    }
    let secret = token.secret.clone();
    user.tokens.insert(name.clone(), token);
    Ok(json!({"full-tokenid": format!("{id}!{name}"), "value": secret, "info": info}).into())
}

/// PUT /access/users/{userid}/token/{tokenid}
pub(super) fn update(call: &mut Call<'_>) -> Answer {
    let (id, name) = ids(call);
    let mut info = info(call);
    let (privsep, expire) = (call.args.get("privsep").map(|text| text == "1"), call.args.number("expire"));
    let comment = call.args.get("comment").filter(|text| !text.is_empty()).map(str::to_owned);
    let fresh = call.args.flag("regenerate").then(|| call.world.new_uuid());
    let token = user(call, &id)?.tokens.get_mut(&name).ok_or_else(|| missing(&id, &name))?;
    token.privsep = privsep.unwrap_or(token.privsep);
    token.expire = expire.unwrap_or(token.expire);
    token.comment = comment.or(token.comment.take());
    if let Value::Object(all) = token_json(token) {
        for (key, value) in all {
            info.entry(key).or_insert(value);
        }
    }
    if let Some(secret) = fresh {
        token.secret.clone_from(&secret);
        info.insert("value".to_owned(), json!(secret));
    }
    Ok(Value::Object(info).into())
}

/// DELETE /access/users/{userid}/token/{tokenid}
pub(super) fn delete(call: &mut Call<'_>) -> Answer {
    let (id, name) = ids(call);
    user(call, &id)?.tokens.remove(&name).ok_or_else(|| missing(&id, &name))?;
    call.world.access.forget("token", &format!("{id}!{name}"));
    Reply::done()
}
