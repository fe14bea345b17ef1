//! What is sent, judged by the schemas of both releases, twice: the simulator refuses whatever does not fit the tables that it embeds, in every
//! call of every test; and where the files are there that these tables are made of, the tables are proven to be theirs, and a lab
//! of every kind is judged once more by code that shares nothing with the simulator.
//!
//! The files `truenas-25.04.json` and `truenas-25.10.json` are looked for in `../shared/api` beside the project, or in the directory that
//! `HOMELAB_TRUENAS_SCHEMAS` names.
use crate::world::{NAS, shelf, with_pool};
use homelab_core::{
    Lab,
    sim::rows,
    testing::Bench,
    units::{Network, SizeUnits},
};
use homelab_truenas::{
    Dataset, NfsShare, SmbShare,
    resource::{
        AlertService, CronJob, Day, DiskTest, Extent, Group, InitScript, Initiators, Keep, Lun, NfsSettings,
        Permissions, Portal, Preset, Privilege, Replication, Schedule, ScrubTask, Service, SmbSettings, SnapshotTask,
        SshConnection, SshKey, StaticRoute, StorageNetwork, Target, UpdateSettings, Ups, User, When, Zvol,
    },
    rpc::Call,
    testing::SimNas,
};
use serde_json::{Map, Value, json};
use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

const STORAGE: StorageNetwork = StorageNetwork::of(Network::new("storage", [10, 10, 10, 0], 24).vlan(10));

/// Of every kind.
fn lab() -> Lab {
    with_pool(|lab, bulk| {
        let family = lab.add(Group::named("family", 3001).on(NAS));
        let home = lab.add(Dataset::of(bulk, "homes"));
        lab.add(User::named("anna", 3002).on(NAS).group(family).home_in(home).sudo_without_password(["/usr/sbin/zfs"]));
        lab.add(Privilege::named("watchers").of(family, ["READONLY_ADMIN"]));
        let media = lab.add(Dataset::of(bulk, "media").preset(Preset::Media).quota(10.gib()).comments("films"));
        lab.add(Permissions::of(media).group(family).mode(0o770));
        lab.add(NfsShare::of(media).for_network(STORAGE).root_is("root", "root").read_only().comment("films"));
        lab.add(SmbShare::of(media).named("Macs").time_machine(500.gib()).lists_only_readable());
        lab.add(AlertService::named("mail").mail(NAS, "root@home.example"));
        let daily = lab.add(SnapshotTask::of(media, Schedule::daily(3, 30), Keep::weeks(2)).recursive());
        lab.add(ScrubTask::of(bulk, Schedule::weekly(Day::Sunday, 4, 0)));
        lab.add(DiskTest::short().on(NAS, Schedule::weekly(Day::Sunday, 5, 0)));
        lab.add(CronJob::named("trim").on(NAS, Schedule::daily(1, 0), "zpool trim -a"));
        lab.add(InitScript::named("tune").on(NAS, When::PostInit, "true").timeout_seconds(5));
        lab.add(Service::ssh().on(NAS));
        lab.add(NfsSettings::on(NAS).version_4_only().servers(16));
        lab.add(SmbSettings::on(NAS).workgroup("HOME").for_macs());
        lab.add(UpdateSettings::by_hand(NAS));
        lab.add(Ups::attached(NAS, "apc", "usbhid-ups", "auto").off_after_seconds(90));
        lab.add(StaticRoute::to(Network::new("far", [10, 0, 9, 0], 24)).via(NAS, STORAGE.host(1)));
        let vm = lab.add(Zvol::of(bulk, "vm", 10.gib()).sparse());
        let portal = lab.add(Portal::named("storage").on(NAS, STORAGE, STORAGE.host(13)));
        let clients = lab.add(Initiators::named("din").on(NAS, ["iqn.1993-08.org.debian:01:din"]));
        let extent = lab.add(Extent::of(vm).named("vm"));
        let target = lab.add(Target::named("vm").at(portal, clients));
        lab.add(Lun::named("vm", target, 0, extent));
        let key = lab.add(SshKey::named("replication").on(NAS));
        let link = SshConnection::named("far").from(key, "replicator", STORAGE.host(14), "ssh-ed25519 AAAA".to_owned());
        let link = lab.add(link);
        lab.add(Replication::named("media").of(media, daily).to(link, bulk).keep(Keep::months(3)).sudo());
    })
}

/// Where a value does not fit a schema, if it does not. Only what these files use is known.
fn misfit(schema: &Value, value: &Value, at: &str) -> Option<String> {
    let schema = schema.as_object()?;
    if let Some(members) = schema.get("anyOf").or_else(|| schema.get("oneOf")).and_then(Value::as_array) {
        let all: Vec<String> = members.iter().map_while(|member| misfit(member, value, at)).collect();
        return (all.len() == members.len()).then(|| all.join(" | "));
    }
    if value.is_null() && schema.get("nullable") == Some(&Value::Bool(true)) {
        return None;
    }
    let known = schema.get("enum").and_then(Value::as_array);
    if known.is_some_and(|known| !known.contains(value)) || schema.get("const").is_some_and(|one| one != value) {
        return Some(format!("{at}: {value} is not one of those that are known"));
    }
    let is = |word: &str| match word {
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" | "float" => value.is_number(),
        "boolean" => value.is_boolean(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        "null" => value.is_null(),
        _ => true,
    };
    let fits = match schema.get("type") {
        Some(Value::String(word)) => is(word),
        Some(Value::Array(words)) => words.iter().filter_map(Value::as_str).any(is),
        _ => true,
    };
    if !fits {
        return Some(format!("{at}: {value} is no {}", schema["type"]));
    }
    let empty = Map::new();
    let properties = schema.get("properties").and_then(Value::as_object).unwrap_or(&empty);
    for (name, inner) in value.as_object().into_iter().flatten() {
        match properties.get(name) {
            Some(own) => {
                if let Some(wrong) = misfit(own, inner, &format!("{at}.{name}")) {
                    return Some(wrong);
                }
            }
            None if schema.get("additionalProperties") == Some(&Value::Bool(false)) => {
                return Some(format!("{at}.{name}: it is not known"));
            }
            None => {}
        }
    }
    // What is left out of an update stays as it is, whatever the old models of 25.04 call required (notes section 11).
    let is_update = at.split(' ').next().is_some_and(|method| method.ends_with(".update"));
    let required = schema
        .get("required")
        .filter(|_| !is_update)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str);
    if let Some(missing) = required.into_iter().find(|name| value.is_object() && value.get(name).is_none()) {
        return Some(format!("{at}.{missing}: it is required"));
    }
    let items = schema.get("items").into_iter();
    let inner = value.as_array().into_iter().flatten();
    items.flat_map(|own| inner.clone().filter_map(move |one| misfit(own, one, at))).next()
}

fn judge(methods: &Value, call: &Call) -> Option<String> {
    let Some(method) = methods.get(&call.method) else {
        return Some(format!("{}: there is no such method", call.method));
    };
    let params = method["params"].as_array().cloned().unwrap_or_default();
    if call.params.len() > params.len() {
        return Some(format!("{}: {} parameters are too many", call.method, call.params.len()));
    }
    let judged = params.iter().zip(&call.params).filter_map(|(param, value)| {
        let is_shared = param["schema"].get("x-shared").is_some();
        let at = format!("{} {}", call.method, param["name"].as_str().unwrap_or_default());
        if is_shared { None } else { misfit(&param["schema"], value, &at) }
    });
    judged.into_iter().next()
}

/// What is sent to a NAS of this release and does not fit its schemas.
async fn misfits(release: &str, file: PathBuf) -> BTreeSet<String> {
    let text = fs::read_to_string(&file).unwrap_or_else(|problem| panic!("{}: {problem}", file.display()));
    let schemas: Value = serde_json::from_str(&text).expect("schemas are JSON");
    let bench = Bench::new(SimNas::new(NAS, shelf().release(release)));
    let run = bench.deploy(lab()).await;
    assert!(run.is_success(), "{}", run.story());
    let run = bench.clear(lab()).await;
    assert!(run.is_success(), "{}", run.story());
    bench.world.requests().iter().filter_map(|call| judge(&schemas["methods"], call)).collect()
}

/// Where the files are, if they are there.
fn files() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/api");
    let dir = std::env::var_os("HOMELAB_TRUENAS_SCHEMAS").map_or(beside, PathBuf::from);
    dir.join("truenas-25.10.json").exists().then_some(dir)
}

#[tokio::test(start_paused = true)]
async fn what_is_sent_fits_the_schemas_of_both_releases() {
    let Some(dir) = files() else { return };
    for (release, file) in [("25.10.1", "truenas-25.10.json"), ("25.04.2", "truenas-25.04.json")] {
        let wrong = misfits(release, dir.join(file)).await;
        assert!(wrong.is_empty(), "{release}: {wrong:#?}");
    }
}

/// A schema of the embedded tables with its models put in, and without what only the tables have.
fn expanded(tables: &Value, schema: &Value) -> Value {
    match schema {
        Value::Array(items) => items.iter().map(|item| expanded(tables, item)).collect(),
        Value::Object(fields) => {
            let named = fields.get("$").and_then(Value::as_str).map(|name| expanded(tables, &tables["models"][name]));
            let mut whole = named.and_then(|model| model.as_object().cloned()).unwrap_or_default();
            for (name, value) in
                fields.iter().filter(|(name, value)| *name != "$" && !(*name == "nr" && value.is_u64()))
            {
                whole.insert(
                    name.clone(),
                    if VERBATIM.contains(&name.as_str()) { value.clone() } else { expanded(tables, value) },
                );
            }
            Value::Object(whole)
        }
        plain => plain.clone(),
    }
}

/// Keys of a schema whose values are values and no schemas.
const VERBATIM: [&str; 4] = ["default", "const", "enum", "required"];

/// A schema of the files without the words for people, which the tables leave out.
fn wordless(schema: &Value) -> Value {
    const WORDS: [&str; 4] = ["format_error", "description", "title", "exclude_json_schema"];
    match schema {
        Value::Array(items) => items.iter().map(wordless).collect(),
        Value::Object(fields) => {
            let of = |(name, value): (&String, &Value)| match name.as_str() {
                "properties" => {
                    let own = value.as_object().into_iter().flatten();
                    (name.clone(), own.map(|(name, schema)| (name.clone(), wordless(schema))).collect())
                }
                name if VERBATIM.contains(&name) => (name.to_owned(), value.clone()),
                name => (name.to_owned(), wordless(value)),
            };
            fields.iter().filter(|(name, _)| !WORDS.contains(&name.as_str())).map(of).collect()
        }
        plain => plain.clone(),
    }
}

#[test]
fn the_tables_of_the_simulator_are_the_schemas_of_both_releases() {
    let Some(dir) = files() else { return };
    for (release, tables) in [
        ("25.10", include_str!("../../src/sim/data/schema-25.10.tsv")),
        ("25.04", include_str!("../../src/sim/data/schema-25.04.tsv")),
    ] {
        let mut read = json!({});
        for [part, name, json] in rows(tables) {
            read[part][name] = serde_json::from_str(json).expect("the rows are JSON");
        }
        let tables = read;
        let text = fs::read_to_string(dir.join(format!("truenas-{release}.json"))).expect("both files are there");
        let file: Value = serde_json::from_str(&text).expect("schemas are JSON");
        let methods = file["methods"].as_object().expect("methods by name");
        assert_eq!(tables["methods"].as_object().map(Map::len), Some(methods.len()), "{release}: methods");
        for (name, method) in methods {
            let params = method["params"].as_array().cloned().unwrap_or_default();
            let of = |param: &Value| json!([param["name"], param["required"], wordless(&param["schema"])]);
            let theirs: Vec<Value> = params.iter().map(of).collect();
            let ours = tables["methods"][name]["params"].as_array().cloned().unwrap_or_default();
            let ours: Vec<Value> =
                ours.iter().map(|param| json!([param[0], param[1], expanded(&tables, &param[2])])).collect();
            assert_eq!(ours, theirs, "{release}: {name}");
            let is_job = |of: &Value| of.get("job") == Some(&json!(true));
            assert_eq!(is_job(&tables["methods"][name]), is_job(method), "{release}: {name} is a job");
        }
    }
}
