//! Verbs of the command line: any call by hand, templates that can be fetched, the lab's token; `status` and power have files of
//! their own.
use super::{power, status};
use crate::{
    Pve,
    client::{Params, call::path},
    privileges, token,
};
use homelab_core::{Doing, Failure, Said, Spelling, Verb, Words};
use serde_json::{Value, json};
use std::{collections::BTreeSet, time::Duration};

pub(super) static VERBS: &[Verb<Pve>] = &[
    Verb {
        domain: "proxmox",
        name: "status",
        about: "Tell nodes, guests, memory that is available, storages, the token's age, restarts that are due",
        words: "",
        run: |pve, words| Box::pin(status::status(pve, words)),
    },
    Verb {
        domain: "proxmox",
        name: "call",
        about: "Call any method of the API by hand; all but GET need `--yes`",
        words: "METHOD PATH [JSON]",
        run: |pve, words| Box::pin(call(pve, words)),
    },
    Verb {
        domain: "proxmox",
        name: "templates",
        about: "List the templates of containers that can be fetched",
        words: "[PART]",
        run: |pve, words| Box::pin(templates(pve, words)),
    },
    Verb {
        domain: "proxmox",
        name: "shutdown",
        about: "Shut all guests down, those that others need last, then the nodes",
        words: "",
        run: |pve, words| Box::pin(power::shutdown(pve, words)),
    },
    Verb {
        domain: "proxmox",
        name: "up",
        about: "Wake the nodes and start all guests, those that others need first",
        words: "",
        run: |pve, words| Box::pin(power::up(pve, words)),
    },
    Verb {
        domain: "token",
        name: "create",
        about: "Make the lab's API token: user, role with what the code needs, secret into the store",
        words: "",
        run: |pve, words| Box::pin(create(pve, words)),
    },
    Verb {
        domain: "token",
        name: "view",
        about: "Tell the token's id, age and privileges; the secret only if asked",
        words: "[--show]",
        run: view,
    },
    Verb {
        domain: "token",
        name: "rotate",
        about: "Make a new token, try it, keep it, take the old one back",
        words: "",
        run: |pve, words| Box::pin(rotate(pve, words)),
    },
];

pub(super) static SPELLINGS: &[Spelling] = &[
    Spelling { words: ["node", "configure"], about: "Configure a node, or all of them", part: "node" },
    Spelling { words: ["template", "build"], about: "Make a template, or all of them", part: "proxmox/template" },
];

async fn call(pve: &Pve, words: Words) -> Result<Said, Failure> {
    let usage =
        |text: &str| Failure::unusable(text.to_owned()).hint("proxmox call GET /cluster/resources '{\"type\":\"vm\"}'");
    let (method, path, json) = match words.words() {
        [method, path] => (method, path, "{}"),
        [method, path, json] => (method, path, json.as_str()),
        _ => return Err(usage("a method and a path are needed, and at most one object of parameters")),
    };
    if !path.starts_with('/') {
        return Err(usage("the path begins with a slash, and is what stands behind /api2/json"));
    }
    let given: Value = serde_json::from_str(json).map_err(|e| usage(&format!("the parameters are no JSON: {e}")))?;
    let Value::Object(given) = given else { return Err(usage("the parameters are an object of JSON")) };
    let text = |value: Value| match value {
        Value::String(text) => text,
        Value::Bool(on) => u8::from(on).to_string(),
        other => other.to_string(),
    };
    let params: Params = given.into_iter().map(|(key, value)| (key, text(value))).collect();
    let value = match method.to_ascii_uppercase().as_str() {
        "GET" => pve.get(path, params).await?,
        "POST" => pve.post(words.permit()?, path, params).await?,
        "PUT" => pve.put(words.permit()?, path, params).await?,
        "DELETE" => pve.delete(words.permit()?, path, params).await?,
        other => return Err(usage(&format!("{other} is no method: GET, POST, PUT, DELETE"))),
    };
    Ok(Said { lines: vec![format!("{value:#}")], value, ..Said::default() })
}

async fn templates(pve: &Pve, words: Words) -> Result<Said, Failure> {
    let resources = pve.resources().await?;
    let Some((node, _)) = resources.nodes().find(|(_, online)| *online) else {
        return Err(Failure::passing("no node answers that could tell"));
    };
    let part = words.words().first().map_or("", String::as_str);
    let all = pve.appliances(node).await?;
    let names: Vec<&str> = all.iter().map(|one| one.template.as_str()).filter(|name| name.contains(part)).collect();
    Ok(Said { lines: names.iter().map(|name| (*name).to_owned()).collect(), value: json!(names), ..Said::default() })
}

/// What a token of this lab must be allowed, on this release.
async fn needed(pve: &Pve, words: &Words) -> Result<BTreeSet<&'static str>, Failure> {
    Ok(privileges(words.graph(), token::release(pve).await?))
}

async fn create(pve: &Pve, words: Words) -> Result<Said, Failure> {
    let needed = needed(pve, &words).await?;
    let made = token::create(pve, words.secrets(), words.permit()?, &needed).await?;
    Ok(told(&made, &words))
}

async fn rotate(pve: &Pve, words: Words) -> Result<Said, Failure> {
    let needed = needed(pve, &words).await?;
    let made = token::rotate(pve, words.secrets(), words.permit()?, &needed).await?;
    Ok(told(&made, &words))
}

fn told(made: &token::Made, words: &Words) -> Said {
    let mut lines = vec![match made.is_new {
        true => format!("{} is made and kept in the lab's store", made.id),
        false => format!("{} works, and has the privileges that the code needs now", made.id),
    }];
    lines.extend(made.revoked.iter().map(|id| format!("{id} is taken back")));
    let used = words.secrets().resolve(&super::TOKEN_ID).ok();
    let other = used.filter(|used| used.expose() != made.id).map(|used| {
        format!("{} is set elsewhere too and comes first: remove PROXMOX_TOKEN_ID and its secret from the environment and .env", used.expose())
    });
    let value = json!({"id": made.id, "new": made.is_new, "revoked": made.revoked});
    Said { lines, value, wrong: other.into_iter().collect(), ..Said::default() }
}

/// What is to be said of a token that is too old.
pub(super) fn too_old(age: Duration) -> Option<String> {
    let days = age.as_secs() / (24 * 3600);
    (age > token::OLD).then(|| format!("the token is {days} days old: `token rotate` makes a new one"))
}

fn view(pve: &Pve, words: Words) -> Doing<'_> {
    Box::pin(async move {
        let Some((id, secret)) = token::kept(words.secrets()) else {
            return Err(Failure::new("the lab's store has no token").hint("`token create` makes one"));
        };
        let age = words.secrets().age(&super::TOKEN_SECRET).unwrap_or_default();
        let days = age.as_secs() / (24 * 3600);
        let needed = needed(pve, &words).await?;
        let mut lines = vec![format!("{id}, {days} days old"), "needs, for what the code declares:".to_owned()];
        lines.extend(needed.iter().map(|one| format!("    {one}")));
        let reveal = words.words().iter().any(|word| word == "--show").then_some(secret);
        let value = json!({"id": id, "days": days, "needs": needed});
        Ok(Said { lines, value, wrong: too_old(age).into_iter().collect(), reveal })
    })
}

/// The path of something below a node.
pub(super) fn node_path(node: &str, below: &str) -> String {
    format!("{}{below}", path(&[&"nodes", &node]))
}
