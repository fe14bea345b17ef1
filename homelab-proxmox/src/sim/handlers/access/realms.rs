//! Realms: where users come from.
use crate::sim::answer::{Answer, Fail, Reply};
use crate::sim::call::Call;
use crate::sim::format::list as words;
use crate::sim::quirks;
use crate::sim::random;
use crate::sim::world::Texts;
use serde_json::{Map, Value, json};

/// What a kind of realm needs, and what it may have; an exclamation mark says that it stays as it was made.
const KINDS: &[(&str, &[&str], &[&str])] = &[
    ("pam", &[], &["comment", "default", "tfa"]),
    ("pve", &[], &["comment", "default", "tfa"]),
    (
        "openid",
        &["issuer-url", "client-id"],
        &[
            "client-key",
            "autocreate",
            "!username-claim",
            "groups-claim",
            "groups-autocreate",
            "groups-overwrite",
            "prompt",
            "scopes",
            "acr-values",
            "default",
            "comment",
            "query-userinfo",
        ],
    ),
    ("ldap", &["server1", "base_dn", "user_attr"], LDAP),
    ("ad", &["server1", "domain"], LDAP),
];

const LDAP: &[&str] = &[
    "server2",
    "base_dn",
    "bind_dn",
    "user_attr",
    "port",
    "secure",
    "sslversion",
    "default",
    "comment",
    "tfa",
    "verify",
    "capath",
    "cert",
    "certkey",
    "filter",
    "sync_attributes",
    "user_classes",
    "group_dn",
    "group_name_attr",
    "group_filter",
    "group_classes",
    "sync-defaults-options",
    "mode",
    "case-sensitive",
];

const BUILT_IN: &[(&str, &str)] =
    &[("pam", "Linux PAM standard authentication"), ("pve", "Proxmox VE authentication server")];

/// A realm's options, those of the built-in ones included.
fn find(call: &Call<'_>, realm: &str) -> Option<Texts> {
    let known = call.world.access.realms.get(realm).cloned();
    let (name, comment) = match BUILT_IN.iter().find(|(name, _)| *name == realm) {
        None => return known,
        Some(built_in) => built_in,
    };
    let mut options = known.unwrap_or_else(|| Texts::from([("comment".to_owned(), (*comment).to_owned())]));
    options.insert("type".to_owned(), (*name).to_owned());
    Some(options)
}

fn digest(call: &Call<'_>) -> String {
    random::digest(&format!("{:?}", call.world.access.realms))
}

/// GET /access/domains
pub(super) fn list(call: &mut Call<'_>) -> Answer {
    let own = call.world.access.realms.keys().map(String::as_str).filter(|name| !matches!(*name, "pam" | "pve"));
    let names: Vec<&str> = ["pam", "pve"].into_iter().chain(own).collect();
    let rows: Vec<Value> = names
        .into_iter()
        .filter_map(|realm| {
            let options = find(call, realm)?;
            let mut row = json!({"realm": realm, "type": options.get("type")});
            if let Some(comment) = options.get("comment").filter(|text| !text.is_empty()) {
                row["comment"] = json!(comment);
            }
            if options.get("default").map(String::as_str) == Some("1") {
                row["default"] = json!(1);
            }
            Some(row)
        })
        .collect();
    Ok(json!(rows).into())
}

/// GET /access/domains/{realm}
pub(super) fn read(call: &mut Call<'_>) -> Answer {
    let realm = call.args.text("realm");
    let options = find(call, realm).ok_or_else(|| Fail::die(format!("domain '{realm}' does not exist")))?;
    let number = |key: &str, text: &str| match text.parse::<i64>() {
        Ok(number) if !matches!(key, "comment" | "client-id" | "client-key") => json!(number),
        _ => json!(text),
    };
    let mut map: Map<String, Value> =
        options.iter().filter(|(key, _)| *key != "password").map(|(k, v)| (k.clone(), number(k, v))).collect();
    map.insert("digest".to_owned(), json!(digest(call)));
    Ok(Value::Object(map).into())
}

/// The options among the parameters, judged for the kind of realm.
fn options(call: &Call<'_>, kind: &str, new: bool) -> Result<Texts, Fail> {
    let given = call.args.texts(&["realm", "type", "password", "check-connection", "delete", "digest"]);
    let Some((_, needed, may)) = KINDS.iter().find(|(name, ..)| *name == kind) else { return Ok(given) };
    for key in given.keys() {
        if !new && may.contains(&format!("!{key}").as_str()) {
            return Err(Fail::die(format!("can't change value of fixed parameter '{key}'")));
        }
        let known = needed.contains(&key.as_str()) || may.iter().any(|name| name.trim_start_matches('!') == key);
        if !known {
            return Err(Fail::die(format!("unexpected property '{key}'")));
        }
    }
    match needed.iter().find(|key| new && !given.contains_key(**key)) {
        Some(missing) => Err(Fail::die(format!("missing value for required option '{missing}'"))),
        None => Ok(given),
    }
}

fn check_connection(call: &Call<'_>, kind: &str) -> Result<(), Fail> {
    if call.args.has("check-connection") && !matches!(kind, "ldap" | "ad") {
        let text = "'check-connection' parameter can only be set for realms of type 'ldap' or 'ad'";
        return Err(Fail::die(text));
    }
    Ok(())
}

fn one_default(call: &mut Call<'_>, options: &Texts) {
    if options.get("default").map(String::as_str) == Some("1") {
        call.world.access.realms.values_mut().for_each(|other| {
            other.remove("default");
        });
    }
}

/// POST /access/domains
pub(super) fn create(call: &mut Call<'_>) -> Answer {
    add(call).map_err(|fail| Fail::die(format!("add auth server failed: {}", fail.text())))?;
    Reply::done()
}

fn add(call: &mut Call<'_>) -> Result<(), Fail> {
    let (realm, kind) = (call.args.text("realm").to_owned(), call.args.text("type").to_owned());
    if find(call, &realm).is_some() {
        return Err(Fail::die(format!("domain '{realm}' already exists")));
    }
    if matches!(kind.as_str(), "pam" | "pve") {
        return Err(Fail::die(format!("unable to create builtin type '{kind}'")));
    }
    check_connection(call, &kind)?;
    let mut options = options(call, &kind, true)?;
    one_default(call, &options);
    options.insert("type".to_owned(), kind);
    call.world.access.realms.insert(realm, options);
    Ok(())
}

/// PUT /access/domains/{realm}
pub(super) fn update(call: &mut Call<'_>) -> Answer {
    change(call).map_err(|fail| Fail::die(format!("update auth server failed: {}", fail.text())))?;
    Reply::done()
}

fn change(call: &mut Call<'_>) -> Result<(), Fail> {
    let realm = call.args.text("realm").to_owned();
    if call.args.get("digest").is_some_and(|said| said != digest(call)) {
        return Err(Fail::die(quirks::STALE_FILE));
    }
    let mut known = find(call, &realm).ok_or_else(|| Fail::die(format!("domain '{realm}' does not exist")))?;
    let kind = known.get("type").cloned().unwrap_or_default();
    check_connection(call, &kind)?;
    let delete: Vec<String> = words(call.args.text("delete")).map(str::to_owned).collect();
    let given = options(call, &kind, false)?;
    if delete.is_empty() && given.is_empty() && !call.args.has("password") {
        return Err(Fail::die("no options specified"));
    }
    delete.iter().for_each(|key| {
        known.remove(key);
    });
    one_default(call, &given);
    known.extend(given);
    call.world.access.realms.insert(realm, known);
    Ok(())
}

/// DELETE /access/domains/{realm}: the built-in ones come back at once.
pub(super) fn delete(call: &mut Call<'_>) -> Answer {
    let realm = call.args.text("realm").to_owned();
    if find(call, &realm).is_none() {
        let text = format!("delete auth server failed: authentication domain '{realm}' does not exist");
        return Err(Fail::die(text));
    }
    call.world.access.realms.remove(&realm);
    Reply::done()
}

/// POST /access/domains/{realm}/sync: only directories can be synchronised, and none is simulated.
pub(super) fn sync(call: &mut Call<'_>) -> Answer {
    let realm = call.args.text("realm");
    let options = find(call, realm).ok_or_else(|| Fail::param("realm", "Realm does not exist."))?;
    let kind = options.get("type").map(String::as_str).unwrap_or_default();
    if !matches!(kind, "ldap" | "ad") {
        return Err(Fail::die(format!("Cannot sync realm type '{kind}'! Only LDAP/AD realms can be synced.")));
    }
    Err(Fail::Status(501, "the simulator has no directory to synchronise with (the real one may)".to_owned()))
}
