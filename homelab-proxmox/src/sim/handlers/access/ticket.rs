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
    let cap = capabilities(call, &who);
    let mut answer = json!({"username": user, "ticket": ticket, "CSRFPreventionToken": csrf, "cap": cap});
    if let Some(cluster) =
        call.world.cluster.as_ref().filter(|_| permission::need(call.world, &who, "/", &["Sys.Audit"]).is_ok())
    {
        answer["clustername"] = json!(cluster);
    }
    Ok(answer.into())
}

/// What the user may do somewhere, by area: the interface shows its buttons by this.
fn capabilities(call: &Call<'_>, who: &Identity) -> Value {
    let areas: &[(&str, &[&str])] = &[
        ("vms", &["VM.", "Permissions.Modify"]),
        ("access", &["User.", "Group.", "Permissions.Modify"]),
        ("storage", &["Datastore.", "Permissions.Modify"]),
        ("nodes", &["Sys.", "Permissions.Modify"]),
        ("sdn", &["SDN.", "Permissions.Modify"]),
        ("dc", &["Sys.Audit", "Sys.Modify", "SDN."]),
        ("mapping", &["Mapping.", "Permissions.Modify"]),
    ];
    let mut all: Map<String, Value> = areas.iter().map(|(area, _)| ((*area).to_owned(), json!({}))).collect();
    let mut paths = permission::paths(call.world);
    paths.insert("/mapping".to_owned());
    for path in paths {
        let top = path.trim_start_matches('/').split('/').next().filter(|top| !top.is_empty()).unwrap_or("dc");
        for privilege in permission::on_path(call.world, who, &path).into_keys() {
            let fits = |begins: &[&str]| begins.iter().any(|begin| privilege.starts_with(begin));
            for (area, begins) in areas {
                let here = if top == "pool" { matches!(*area, "vms" | "storage") } else { *area == top };
                if here && fits(begins) {
                    all[*area][&privilege] = json!(1);
                }
            }
        }
    }
    Value::Object(all)
}

/// PUT /access/password: who is not root@pam confirms with the password of its own.
pub(super) fn password(call: &mut Call<'_>) -> Answer {
    let user = call.args.text("userid").to_owned();
    if !call.world.access.users.contains_key(&user) {
        return Err(Fail::die(format!("no such user ('{user}')")));
    }
    if !call.who.is_root() {
        if user == "root@pam" {
            return Err(Fail::Forbidden(String::new()));
        }
        let Some(own) = call.args.get("confirmation-password") else {
            return Err(Fail::param("confirmation-password", "password is required to modify user"));
        };
        let hash = call.world.password_hash(&call.who.user, own);
        if call.world.access.users.get(&call.who.user).and_then(|user| user.password.clone()) != Some(hash) {
            return Err(Fail::die("invalid credentials"));
        }
        if call.who.user != user && user.ends_with("@pam") {
            return Err(Fail::Forbidden(String::new()));
        }
    }
    let hash = super::users::password_of(call, &user, call.args.text("password"))?;
    if let Some(known) = call.world.access.users.get_mut(&user) {
        known.password = Some(hash);
    }
    Reply::done()
}
