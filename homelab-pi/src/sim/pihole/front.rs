//! Who is let in, and who answers.
use super::{
    auth,
    call::{Call, Reply, error},
    config, domains, facts, groups, lists,
    simulator::State,
    teleporter,
};
use crate::pihole::http::{Method, Request};

pub(super) fn answer(state: &mut State, request: &Request) -> Reply {
    let call = Call::read(request);
    let caller = auth::caller(state, &call);
    let first = call.parts.first().map(String::as_str).unwrap_or_default();
    match (first, call.parts.get(1).map(String::as_str)) {
        ("auth", None) => return auth::answer(state, &call, &caller),
        ("info", Some("login")) => return facts::login(),
        _ => {}
    }
    if !caller.is_in() {
        return error(401, "unauthorized", "Unauthorized", None);
    }
    if caller.is_app() && is_forbidden_for_apps(&call) && state.world.setting("webserver.api.app_sudo") != true {
        let hint = "The current app session is not allowed to modify Pi-hole config settings (webserver.api.app_sudo is false)";
        return error(403, "forbidden", "Unable to change configuration (read-only)", Some(hint));
    }
    let answer = match first {
        "auth" => Ok(auth::answer(state, &call, &caller)),
        "config" => config::answer(state, &call),
        "domains" | "domains:batchDelete" => domains::answer(state, &call),
        "lists" | "lists:batchDelete" => lists::answer(state, &call),
        "groups" | "groups:batchDelete" => groups::answer(state, &call),
        "clients" => groups::clients(state, &call),
        "teleporter" => teleporter::answer(state, &call),
        "action" if call.method == Method::Post => lists::gravity(state, &call),
        _ => facts::answer(state, &call),
    };
    answer.unwrap_or_else(|refusal| refusal)
}

fn is_forbidden_for_apps(call: &Call<'_>) -> bool {
    let first = call.parts.first().map(String::as_str);
    (first == Some("config") && call.method != Method::Get)
        || (first == Some("teleporter") && call.method == Method::Post)
}

pub(super) fn not_found(call: &Call<'_>) -> Reply {
    error(404, "not_found", "Not found", Some(&call.path))
}
