//! What each method of the API does. Folders mirror the API's paths.
mod access;
mod cluster;
mod firewall;
mod fixed;
mod guests;
mod nodes;
mod pools;
mod storage;
mod storage_kind;

use super::answer::{Answer, Fail, Reply};
use super::call::{Args, Call};
use super::schema::{Found, SCHEMA};
use super::world::{Identity, Release, World};
use super::{check, permission, quirks};
use crate::http::{Method, Request};
use percent_encoding::percent_decode_str;
use serde_json::json;

/// Answers a request: who asks, is there such a method, may they, is it well formed, then what it does.
pub(crate) fn dispatch(world: &mut World, request: &Request) -> Answer {
    let path = percent_decode_str(&request.path).decode_utf8_lossy().into_owned();
    let found = SCHEMA.find(world.release, request.method, &path);
    let open = found.as_ref().is_some_and(|found| is_open(world, found));
    let who = match world.caller(request.method, &request.headers) {
        Ok(who) => who,
        Err(_) if open => Identity::user("nobody"),
        Err(fail) => return Err(Fail::Late(quirks::REFUSAL_DELAY, Box::new(fail))),
    };
    let method = request.method.as_str();
    let Some(Found { template, args: named, endpoint }) = found else {
        return Err(Fail::Status(501, format!("Method '{method} {path}' not implemented")));
    };
    let args = arguments(template, named, request)?;
    permission::declared(world, &who, SCHEMA.permission(world.release, endpoint), &args)?;
    if who.token.is_some() && endpoint.refuses_tokens() {
        return Err(Fail::Forbidden("API tokens are not allowed here".to_owned()));
    }
    if !world.nodes.keys().any(|name| world.is_reached(name)) {
        let fail = Fail::Plain(595, "Connection refused".to_owned());
        return Err(Fail::Late(world.pace.limit(quirks::CONNECT_DELAY), Box::new(fail)));
    }
    if let Some(node) = endpoint.node_param().and_then(|name| args.get(name)) {
        world.node(node)?;
        if !world.is_reached(node) {
            let text = format!("Connection to node '{node}' failed: No route to host");
            return Err(Fail::Late(world.pace.limit(quirks::CONNECT_DELAY), Box::new(Fail::Plain(595, text))));
        }
    }
    // The real form parser looks for the algorithm first, and stumbles over a sum that stands before it (recorded).
    let place = |name: &str| request.params.iter().position(|(key, _)| key == name);
    if request.upload.is_some()
        && let (Some(sum), Some(algorithm)) = (place("checksum"), place("checksum-algorithm"))
        && sum < algorithm
    {
        return Err(Fail::Plain(400, "Bad Request".to_owned()));
    }
    check::request(world.release, endpoint, &args)?;
    world.check_quorum(request.method, template, args.text("vmid"))?;
    let mut call = Call { world, who, args, upload: request.upload.clone() };
    route(&mut call, request.method, template).unwrap_or_else(|| {
        Err(Fail::Status(501, format!("the simulator does not do '{method} {template}' (the real one does)")))
    })
}

fn arguments(template: &str, named: Vec<(String, String)>, request: &Request) -> Result<Args, Fail> {
    let mut args = Args::default();
    for (key, value) in named {
        args.push(key, value);
    }
    for (key, value) in &request.params {
        if template.contains(&format!("{{{key}}}")) {
            return Err(Fail::param(key, "duplicate parameter (already defined in URI)"));
        }
        args.push(key.clone(), value.clone());
    }
    if let Some(upload) = &request.upload {
        args.push("filename".to_owned(), upload.name.clone());
    }
    Ok(args)
}

/// Whether a release of Proxmox VE knows this request, by the schema of its API: the path and the method, every parameter and
/// its type, and whether one is missing. For tests of clients, also of requests whose objects exist nowhere.
///
/// # Errors
/// With what is wrong with it.
pub fn check_request(release: Release, request: &Request) -> Result<(), String> {
    let path = percent_decode_str(&request.path).decode_utf8_lossy().into_owned();
    let Some(Found { template, args, endpoint }) = SCHEMA.find(release, request.method, &path) else {
        return Err(format!("there is no {} {path}", request.method.as_str()));
    };
    let checked = arguments(template, args, request).and_then(|args| check::request(release, endpoint, &args));
    checked.map_err(|fail| format!("{} {path}: {fail:?}", request.method.as_str()))
}

/// Methods that answer without a login.
fn is_open(world: &World, found: &Found<'_>) -> bool {
    SCHEMA.permission(world.release, found.endpoint).is_some_and(|check| check["user"] == "world")
}

fn route(call: &mut Call<'_>, method: Method, template: &str) -> Option<Answer> {
    let key = format!("{} {template}", method.as_str());
    let own = match template.trim_start_matches('/').split('/').next().unwrap_or_default() {
        "" => Some(Ok(subdirs(&["access", "cluster", "nodes", "pools", "storage", "version"]))),
        "version" => Some(Ok(version(call.world))),
        "access" => access::route(call, &key),
        "cluster" => cluster::route(call, &key),
        "nodes" => nodes::route(call, &key),
        "pools" => pools::route(call, &key),
        "storage" => storage::route(call, &key),
        _ => None,
    };
    own.or_else(|| fixed::route(call, &key))
}

/// An index: `subdir` rows.
pub(super) fn subdirs(names: &[&str]) -> Reply {
    named("subdir", names)
}

/// An index whose rows have another key.
pub(super) fn named(key: &str, names: &[&str]) -> Reply {
    let rows: Vec<_> = names.iter().map(|name| json!({ key: name })).collect();
    json!(rows).into()
}

/// What `GET /version` answers.
pub(super) fn version(world: &World) -> Reply {
    let (release, version) = world.release.version();
    json!({"release": release, "version": version, "repoid": "2a5fa54a8503f96d"}).into()
}
