//! What uses a dataset: the NAS deletes shares and tasks together with it, and first (truenas-notes section 7). And who is connected to
//! those shares at the moment.
use crate::NasReader;
use homelab_core::Failure;
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// The tables that name datasets: the table, the field, what one is called, and the field that names it.
const TABLES: [(&str, &str, &str, &str); 5] = [
    ("sharing.nfs", "path", "NFS share", "path"),
    ("sharing.smb", "path", "SMB share", "name"),
    ("pool.snapshottask", "dataset", "snapshot task of", "dataset"),
    ("replication", "source_datasets", "replication", "name"),
    ("iscsi.extent", "disk", "iSCSI extent", "name"),
];

/// What uses this dataset, or anything in it, in words. Each table is asked once a look.
pub(crate) async fn of(dataset: &str, nas: &NasReader) -> Result<Vec<String>, Failure> {
    let within = |value: &Value| value.as_str().is_some_and(|other| lies_in(other, dataset));
    let mut users = vec![];
    for (table, field, what, name) in TABLES {
        let rows = nas.query::<Map<String, Value>>(&format!("{table}.query")).await?;
        let uses = |row: &&Map<String, Value>| match row.get(field) {
            Some(Value::Array(many)) => many.iter().any(within),
            Some(one) => within(one),
            None => false,
        };
        for row in rows.iter().flat_map(|rows| rows.iter()).filter(uses) {
            users.push(format!("{what} {}", row.get(name).and_then(Value::as_str).unwrap_or_default()));
        }
    }
    Ok(users)
}

/// Whether a path, a volume or a dataset is this dataset or something in it.
fn lies_in(other: &str, dataset: &str) -> bool {
    let other = other.trim_start_matches("/mnt/").trim_start_matches("zvol/");
    other.strip_prefix(dataset).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// What uses this dataset, and who is connected to that at the moment: for a dataset that is about to go or to get another name.
pub(crate) async fn with_clients(dataset: &str, nas: &NasReader) -> Result<Vec<String>, Failure> {
    let mut users = of(dataset, nas).await?;
    users.extend(clients(dataset, &users, nas).await?);
    Ok(users)
}

type Rows = Vec<Map<String, Value>>;

/// What a method lists; nothing where it is not there or its caller may not.
async fn listed(method: &str, nas: &NasReader) -> Result<Rows, Failure> {
    match nas.once::<Rows>(method, vec![]).await {
        Err(error) if error.refusal().is_some() => Ok(vec![]),
        other => Ok(other?.map(|rows| rows.to_vec()).unwrap_or_default()),
    }
}

/// Who is connected. Of SMB the API of 25.04 and 25.10 tells how many and not who; of NFS 4 it tells who, and not to which share.
async fn clients(dataset: &str, users: &[String], nas: &NasReader) -> Result<BTreeSet<String>, Failure> {
    let mut clients = BTreeSet::new();
    let uses = |what: &str| users.iter().any(|user| user.starts_with(what));
    let text =
        |row: &Map<String, Value>, name: &str| row.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    if uses("NFS share") {
        let rows = listed("nfs.get_nfs3_clients", nas).await?;
        let here = rows.iter().filter(|row| lies_in(&text(row, "export"), dataset));
        clients.extend(here.map(|row| format!("the mount of {} by {}", text(row, "export"), text(row, "ip"))));
        let rows = listed("nfs.get_nfs4_clients", nas).await?;
        let addresses = rows.iter().filter_map(|row| row.get("info")?.get("address")?.as_str());
        // The address has the port behind it.
        let host = |address: &str| address.rsplit_once(':').map_or(address.to_owned(), |(host, _)| host.to_owned());
        clients.extend(
            addresses.map(|address| format!("a mount over NFS 4 by {}, if it is of this share", host(address))),
        );
    }
    if uses("iSCSI extent") {
        let rows = listed("iscsi.global.sessions", nas).await?;
        let told = |row: &Map<String, Value>| {
            format!("the session of {} with target {}", text(row, "initiator_addr"), text(row, "target"))
        };
        clients.extend(rows.iter().map(told));
    }
    Ok(clients)
}
