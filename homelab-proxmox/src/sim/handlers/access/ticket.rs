//! Logging in with a password.
use crate::sim::answer::{Answer, Fail, Reply};
use crate::sim::call::Call;
use crate::sim::permission;
use crate::sim::quirks;
use crate::sim::world::Identity;
use serde_json::{Map, Value, json};

/// POST /access/ticket
pub(super) fn create(call: &mut Call<'_>) -> Answer {
    let name = call.args.text("username");
    let user = match (name.contains('@'), call.args.get("realm")) {
        (false, Some(realm)) => format!("{name}@{realm}"),
        _ => name.to_owned(),
    };
    let password = call.args.text("password");
    let hash = call.world.password_hash(&user, password);
    let known = call.world.access.users.get(&user).and_then(|user| user.password.clone());
    // A ticket that is still good may stand in for the password: that is how it is renewed.
    let renewed = call.world.ticket_user(password).is_some_and(|owner| owner == user);
    if !(renewed || (known == Some(hash) && call.world.is_active(&user))) {
        let refused = Fail::Status(401, "authentication failure\n".to_owned());
        return Err(Fail::Late(quirks::REFUSAL_DELAY, Box::new(refused)));
    }
    let (ticket, csrf) = call.world.new_ticket(&user);
    let who = Identity::user(&user);
    let cap: Map<String, Value> = ["access", "dc", "mapping", "nodes", "sdn", "storage", "vms"]
        .into_iter()
        .map(|name| {
            let path = if name == "dc" { "/".to_owned() } else { format!("/{name}") };
            let all: Map<String, Value> =
                permission::on_path(call.world, &who, &path).into_keys().map(|key| (key, json!(1))).collect();
            (name.to_owned(), Value::Object(all))
        })
        .collect();
    let mut answer = json!({"username": user, "ticket": ticket, "CSRFPreventionToken": csrf, "cap": cap});
    if let Some(cluster) = &call.world.cluster {
        answer["clustername"] = json!(cluster);
    }
    Ok(answer.into())
}

/// PUT /access/password
pub(super) fn password(call: &mut Call<'_>) -> Answer {
    let user = call.args.text("userid").to_owned();
    let hash = call.world.password_hash(&user, call.args.text("password"));
    let known = call.world.access.users.get_mut(&user);
    let known = known.ok_or_else(|| Fail::die(format!("no such user ('{user}')")))?;
    known.password = Some(hash);
    Reply::done()
}
