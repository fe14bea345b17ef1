//! What the methods do. `call` judges who asks and what he sends, then hands the call to the file of its namespace; `rows` serves
//! everything that is a plain list, with the rules that `rules` knows.
mod account;
mod auth;
mod core;
mod dataset;
mod disk;
mod encryption;
mod filesystem;
mod interface;
mod keychain;
mod pool;
mod rows;
mod rules;
mod service;
mod share;
mod snapshot;
mod system;
mod topology;
mod vdev;

pub(super) use auth::login;
pub(super) use core::job_row;
pub(super) use interface::expire;

use super::{check, fail::Fail, jobs, schema::Schema, world::World};
use serde_json::{Map, Value, json};

/// Who calls, and how.
#[derive(Clone, Debug, Default)]
pub(super) struct Caller {
    /// The user, once logged in.
    pub(super) user: Option<String>,
    /// Whether he speaks `/api/current`, where jobs judge their parameters themselves (notes section 12).
    pub(super) is_current: bool,
    /// Whether the connection can be listened to: a key that is shown there is revoked.
    pub(super) is_plain: bool,
}

/// A call under way.
pub(super) struct Cx<'w> {
    pub(super) world: &'w mut World,
    pub(super) caller: &'w Caller,
}

/// Carries out a call.
pub(super) fn call(
    world: &mut World,
    caller: &Caller,
    message: &Value,
    name: &str,
    given: &[Value],
) -> Result<Value, Fail> {
    let schema = Schema::of(&world.version);
    let Some(method) = schema.method(name) else {
        return Err(Fail::protocol(-32601, format!("Method {name:?} does not exist")));
    };
    if !method.open && caller.user.is_none() {
        return Err(Fail::call("ENOTAUTHENTICATED", "Not authenticated"));
    }
    auth::permit(world, caller, name)?;
    let judged = check::params(schema, name, method, given).map_err(Fail::from);
    if method.job {
        return match judged {
            Err(fail) if !caller.is_current => Err(fail),
            judged => Ok(jobs::start(world, caller, message, name, method, judged, given).into()),
        };
    }
    let params = judged?;
    let shapes_only = world.shapes_only;
    run(&mut Cx { world, caller }, name, &params).map_err(|fail| if shapes_only { fail.into_call() } else { fail })
}

/// Does what a method does: at once, or at the end of its job.
pub(super) fn run(cx: &mut Cx<'_>, name: &str, params: &[Value]) -> Result<Value, Fail> {
    let (space, verb) = name.rsplit_once('.').unwrap_or(("", name));
    let done = match space {
        "auth" => auth::run(cx, verb, params),
        "core" => core::run(cx, verb, params),
        "system" | "update" | "config" | "alert" | "boot" | "mail" | "truenas" => system::run(cx, name, params),
        "disk" => disk::run(cx, verb, params),
        "smart.test" if verb == "results" => Some(rows::filtered(disk::tests(cx.world), params)),
        "pool" => pool::run(cx, verb, params),
        "pool.dataset" => dataset::run(cx, verb, params),
        "pool.snapshot" | "zfs.snapshot" => snapshot::run(cx, verb, params),
        "filesystem" => filesystem::run(cx, verb, params),
        "interface" => interface::run(cx, verb, params),
        "service" => service::run(cx, verb, params),
        "sharing.smb" | "sharing.nfs" => share::run(cx, name, params),
        "user" | "group" | "api_key" | "privilege" => account::run(cx, name, params),
        "iscsi.global" if verb == "sessions" => Some(Ok(json!([]))),
        "nfs" if verb.starts_with("get_nfs") => Some(share::clients(cx, verb, params)),
        "keychaincredential" | "replication" | "pool.snapshottask" | "cronjob" => keychain::run(cx, name, params),
        _ => None,
    };
    done.or_else(|| rows::run(cx, space, verb, params)).unwrap_or_else(|| {
        Err(Fail::call("EOPNOTSUPP", format!("the simulator knows the method {name}, and not what it does")))
    })
}

/// What starts when a job gets its turn, before its end.
pub(super) fn begin(cx: &mut Cx<'_>, name: &str, params: &[Value]) -> Result<(), Fail> {
    match name {
        "pool.create" => pool::begin_create(cx, params),
        _ => Ok(()),
    }
}

/// A parameter that is an object.
fn object(params: &[Value], n: usize) -> Map<String, Value> {
    params.get(n).and_then(Value::as_object).cloned().unwrap_or_default()
}

/// A parameter that is text.
fn text(params: &[Value], n: usize) -> &str {
    params.get(n).and_then(Value::as_str).unwrap_or_default()
}

/// A field that is text.
fn field<'a>(map: &'a Map<String, Value>, name: &str) -> &'a str {
    map.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// Whether a field is true.
fn flag(map: &Map<String, Value>, name: &str) -> bool {
    map.get(name) == Some(&Value::Bool(true))
}
