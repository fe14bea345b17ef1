//! Verbs of the command line: how a NAS is, whether it does what it is there for, and any method by hand.
use super::{
    disk_tests::{self, DiskTests, is_of_a_disk},
    replicated,
};
use crate::{Nas, resource::release, rpc::Call};
use homelab_core::{
    Doing, Failure, Said, Verb, Words,
    units::{Size, rfc3339, to_the_minute},
};
use serde_json::{Map, Value, json};
use std::time::{Duration, SystemTime};

/// How many percent of a pool may be used before `verify` complains: above, ZFS gets slow.
const FULL: u64 = 80;

pub(super) static VERBS: &[Verb<Nas>] = &[
    Verb {
        domain: "truenas",
        name: "status",
        about: "Tell pools, room, the last scrub, snapshot, disk tests and replication",
        words: "",
        run: |nas, _| status(nas),
    },
    Verb {
        domain: "truenas",
        name: "verify",
        about: "Check pools, services, disks and replication",
        words: "",
        run: |nas, _| verify(nas),
    },
    Verb {
        domain: "truenas",
        name: "call",
        about: "Call any method of the API by hand",
        words: "METHOD [JSON]...",
        run: |nas, words| call(nas, words),
    },
];

/// What is read for both.
struct Look {
    pools: Vec<Map<String, Value>>,
    replications: Vec<Map<String, Value>>,
    snapshots: Vec<Map<String, Value>>,
    services: Vec<Map<String, Value>>,
    shares: Vec<Map<String, Value>>,
    alerts: Vec<Map<String, Value>>,
    disk_tests: DiskTests,
    version: String,
    /// A newer version that it knows of.
    update: Option<String>,
}

async fn look(nas: &Nas) -> Result<Option<Look>, Failure> {
    let rows = async |method: &str, params: Vec<Value>| -> Result<Vec<Map<String, Value>>, Failure> {
        Ok(nas.fresh(method, params).await?.unwrap_or_default())
    };
    if nas.fresh::<Value>("core.ping", vec![]).await?.is_none() {
        return Ok(None);
    }
    let version = nas.fresh::<String>("system.version", vec![]).await?.unwrap_or_default();
    // Snapshots had another name (truenas-notes section 5).
    let is_old = release::is_old_version(&version) == Some(true);
    let snapshots = if is_old { "zfs.snapshot.query" } else { "pool.snapshot.query" };
    let mut shares = rows("sharing.nfs.query", vec![]).await?;
    shares.extend(rows("sharing.smb.query", vec![]).await?);
    let alerts = rows("alert.list", vec![]).await?;
    let disk_tests = disk_tests::look(nas, &version, &alerts, &rows("disk.query", vec![]).await?).await?;
    Ok(Some(Look {
        pools: rows("pool.query", vec![]).await?,
        replications: rows("replication.query", vec![]).await?,
        snapshots: rows(
            snapshots,
            vec![json!([]), json!({"order_by": ["-properties.creation.rawvalue"], "limit": 200})],
        )
        .await?,
        services: rows("service.query", vec![]).await?,
        shares,
        alerts,
        disk_tests,
        version,
        update: newer(nas).await?,
    }))
}

/// A newer version that the NAS knows of. One that cannot look (it has no way out, or is of 25.04, whose method is another) knows of none.
async fn newer(nas: &Nas) -> Result<Option<String>, Failure> {
    let known = match nas.fresh::<Value>("update.status", vec![]).await {
        Err(error) if error.refusal().is_some() => None,
        other => other?,
    };
    let version = known.as_ref().and_then(|known| known.pointer("/status/new_version/version")).and_then(Value::as_str);
    Ok(version.map(str::to_owned))
}

fn text<'a>(row: &'a Map<String, Value>, name: &str) -> &'a str {
    row.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn number(row: &Map<String, Value>, name: &str) -> u64 {
    row.get(name).and_then(Value::as_u64).unwrap_or(0)
}

fn percent(pool: &Map<String, Value>) -> u64 {
    number(pool, "allocated") * 100 / number(pool, "size").max(1)
}

/// A time as the API writes it, as people do.
fn time(value: Option<&Value>) -> String {
    let ms = value.and_then(|value| value.get("$date")).and_then(Value::as_u64);
    ms.map_or_else(|| "never".into(), |ms| to_the_minute(&rfc3339(SystemTime::UNIX_EPOCH + Duration::from_millis(ms))))
}

fn status(nas: &Nas) -> Doing<'_> {
    Box::pin(async move {
        let Some(look) = look(nas).await? else { return Ok(absent()) };
        let update = look.update.as_ref().map_or("no newer one is known".to_owned(), |new| format!("{new} is there"));
        let mut lines = vec![format!("{}: {update}", look.version)];
        for pool in &look.pools {
            let size = |name: &str| Size::bytes(number(pool, name)).about().to_string();
            let scrub = pool.get("scan").and_then(|scan| scan.get("end_time"));
            lines.push(format!(
                "pool {}: {}, {} of {} used ({}%), last scrub {}",
                text(pool, "name"),
                text(pool, "status"),
                size("allocated"),
                size("size"),
                percent(pool),
                time(scrub)
            ));
        }
        let newest = look.snapshots.first();
        let creation = newest.and_then(|one| one.get("properties")?.get("creation")?.get("parsed"));
        lines.push(format!("last snapshot: {} ({})", time(creation), newest.map_or("none", |one| text(one, "name"))));
        lines.push(look.disk_tests.line.clone());
        for task in &look.replications {
            let state = task.get("state").cloned().unwrap_or_default();
            let word = state.get("state").and_then(Value::as_str).unwrap_or("PENDING");
            lines.push(format!("replication {}: {word}, {}", text(task, "name"), time(state.get("datetime"))));
        }
        let value = json!({"pools": look.pools, "last_snapshot": newest, "replications": look.replications,
            "disk_tests": look.disk_tests.value, "version": look.version, "update": look.update});
        Ok(Said { lines, value, wrong: wrong(&look, false), ..Said::default() })
    })
}

fn absent() -> Said {
    Said { lines: vec!["there is no key for this NAS yet: nothing was asked".into()], ..Said::default() }
}

fn verify(nas: &Nas) -> Doing<'_> {
    Box::pin(async move {
        let Some(look) = look(nas).await? else { return Ok(absent()) };
        let wrong = wrong(&look, true);
        let lines = if wrong.is_empty() {
            vec![format!("{} pools and {} shares are as they should be", look.pools.len(), look.shares.len())]
        } else {
            vec![]
        };
        Ok(Said { lines, value: json!({"wrong": wrong}), wrong, ..Said::default() })
    })
}

/// What is not as it should be. Whoever only asks how it is knows that what was made just now has not run yet.
fn wrong(look: &Look, is_strict: bool) -> Vec<String> {
    let mut wrong = vec![];
    for pool in &look.pools {
        if text(pool, "status") != "ONLINE" {
            wrong.push(format!("pool {} is {}: look at its disks", text(pool, "name"), text(pool, "status")));
        }
        if percent(pool) >= FULL {
            wrong.push(format!("pool {} is {}% full", text(pool, "name"), percent(pool)));
        }
    }
    let runs =
        |name: &str| look.services.iter().any(|row| text(row, "service") == name && text(row, "state") == "RUNNING");
    // A share alone serves nobody (notes section 8).
    for (service, words) in [("nfs", "networks"), ("cifs", "purpose")] {
        if look.shares.iter().any(|share| share.contains_key(words)) && !runs(service) {
            wrong.push(format!("there are shares, and the service {service} does not run"));
        }
    }
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let judged = look.replications.iter().filter(|task| is_strict || replicated::has_run(task));
    wrong.extend(judged.filter_map(|task| replicated::trouble(task, now)));
    wrong.extend(look.disk_tests.failed.iter().cloned());
    let open = |alert: &&Map<String, Value>| alert.get("dismissed") != Some(&Value::Bool(true));
    let grave =
        |alert: &&Map<String, Value>| ["ERROR", "CRITICAL", "ALERT", "EMERGENCY"].contains(&text(alert, "level"));
    wrong.extend(
        look.alerts
            .iter()
            .filter(open)
            .filter(grave)
            .filter(|alert| !is_of_a_disk(alert))
            .map(|alert| format!("alert: {}", text(alert, "formatted"))),
    );
    wrong
}

/// Any method; each word after it is one parameter in JSON. What is not known to only read needs `--yes`.
fn call(nas: &Nas, words: Words) -> Doing<'_> {
    Box::pin(async move {
        let Some((method, given)) = words.words().split_first() else {
            return Err(
                Failure::unusable("which method?").hint("truenas call pool.query '[[\"name\", \"=\", \"tank\"]]'")
            );
        };
        let mut params = vec![];
        for (n, word) in given.iter().enumerate() {
            let value = serde_json::from_str(word).map_err(|e| {
                Failure::unusable(format!("parameter {} is no JSON: {e}", n + 1))
                    .hint("text needs quotes inside those of the shell: '\"tank/media\"'")
            })?;
            params.push(value);
        }
        let call = Call::new(method, params);
        let permit = if call.is_read() { None } else { Some(words.permit()?) };
        let value = match nas.by_hand(permit, &call).await {
            Err(error) if error.is_absent() => return Ok(absent()),
            other => other?,
        };
        Ok(Said { lines: vec![format!("{value:#}")], value, ..Said::default() })
    })
}
