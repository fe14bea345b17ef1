//! `/access/...`
mod acl;
mod groups;
mod realms;
mod roles;
mod ticket;
mod tokens;
mod users;

use super::super::answer::Answer;
use super::super::call::Call;
use super::subdirs;
use serde_json::{Value, json};

/// The handler of a method, if there is one.
pub(super) fn route(call: &mut Call<'_>, key: &str) -> Option<Answer> {
    Some(match key {
        "GET /access" => Ok(subdirs(&[
            "users",
            "groups",
            "roles",
            "acl",
            "domains",
            "openid",
            "tfa",
            "ticket",
            "password",
            "permissions",
        ])),
        "GET /access/ticket" => Ok(Value::Null.into()),
        "POST /access/ticket" => ticket::create(call),
        "PUT /access/password" => ticket::password(call),
        "GET /access/domains" => realms::list(call),
        "POST /access/domains" => realms::create(call),
        "GET /access/domains/{realm}" => realms::read(call),
        "PUT /access/domains/{realm}" => realms::update(call),
        "DELETE /access/domains/{realm}" => realms::delete(call),
        "POST /access/domains/{realm}/sync" => realms::sync(call),
        "GET /access/users/{userid}/tfa" => users::factors(call),
        "PUT /access/users/{userid}/unlock-tfa" => Ok(json!(false).into()),
        "GET /access/openid" => Ok(subdirs(&["auth-url", "login"])),
        "GET /access/tfa/{userid}" => Ok(json!([]).into()),
        "GET /access/permissions" => acl::permissions(call),
        "GET /access/acl" => acl::list(call),
        "PUT /access/acl" => acl::update(call),
        "GET /access/users" => users::list(call),
        "POST /access/users" => users::create(call),
        "GET /access/users/{userid}" => users::read(call),
        "PUT /access/users/{userid}" => users::update(call),
        "DELETE /access/users/{userid}" => users::delete(call),
        "GET /access/users/{userid}/token" => tokens::list(call),
        "GET /access/users/{userid}/token/{tokenid}" => tokens::read(call),
        "POST /access/users/{userid}/token/{tokenid}" => tokens::create(call),
        "PUT /access/users/{userid}/token/{tokenid}" => tokens::update(call),
        "DELETE /access/users/{userid}/token/{tokenid}" => tokens::delete(call),
        "GET /access/groups" => groups::list(call),
        "POST /access/groups" => groups::create(call),
        "GET /access/groups/{groupid}" => groups::read(call),
        "PUT /access/groups/{groupid}" => groups::update(call),
        "DELETE /access/groups/{groupid}" => groups::delete(call),
        "GET /access/roles" => roles::list(call),
        "POST /access/roles" => roles::create(call),
        "GET /access/roles/{roleid}" => roles::read(call),
        "PUT /access/roles/{roleid}" => roles::update(call),
        "DELETE /access/roles/{roleid}" => roles::delete(call),
        "GET /access/tfa" => Ok(json!([]).into()),
        _ => return None,
    })
}
