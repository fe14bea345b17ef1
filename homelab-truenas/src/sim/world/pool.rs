//! Pools: vdevs, their state, and how much they hold.
use super::Disk;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// What a group of vdevs is for, as the reading side calls it.
pub(in crate::sim) const GROUPS: [&str; 6] = ["data", "log", "cache", "spare", "special", "dedup"];

/// A disk in a vdev.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(in crate::sim) struct Vdev {
    /// The disk, whatever its name at the moment.
    pub(in crate::sim) hw: String,
    pub(in crate::sim) guid: u64,
    pub(in crate::sim) size: u64,
    pub(in crate::sim) offline: bool,
}

/// A row of the topology: a vdev of one or more disks.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(in crate::sim) struct Row {
    /// `data`, `log`, `cache`, `spare`, `special`, `dedup`.
    pub(in crate::sim) group: String,
    /// `STRIPE`, `MIRROR`, `RAIDZ2`, `DRAID1`.
    pub(in crate::sim) kind: String,
    pub(in crate::sim) guid: u64,
    pub(in crate::sim) disks: Vec<Vdev>,
    /// Data disks in a group and spares of a dRAID.
    pub(in crate::sim) draid: Option<(u64, u64)>,
}

/// A pool.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(in crate::sim) struct Pool {
    pub(in crate::sim) id: i64,
    pub(in crate::sim) name: String,
    pub(in crate::sim) guid: u64,
    pub(in crate::sim) rows: Vec<Row>,
    pub(in crate::sim) autotrim: bool,
    pub(in crate::sim) dedup_table_quota: Value,
    /// The last scrub: when it ended.
    pub(in crate::sim) scrubbed: Option<u64>,
    /// Whether it is encrypted at its root.
    pub(in crate::sim) encrypted: bool,
    /// What went with it when it was exported: datasets and snapshots.
    pub(in crate::sim) cargo: Value,
}

/// How many disks of a row may fail.
pub(in crate::sim) fn redundancy(row: &Row) -> usize {
    match row.kind.as_str() {
        "MIRROR" => row.disks.len().saturating_sub(1),
        kind => kind.chars().last().and_then(|last| last.to_digit(10)).unwrap_or(0) as usize,
    }
}

impl Row {
    /// How many of its disks are not there.
    fn missing(&self, disks: &[Disk]) -> usize {
        self.disks.iter().filter(|vdev| !vdev.is_online(disks)).count()
    }

    /// `ONLINE`, `DEGRADED` or, with more lost than it stands, `UNAVAIL`.
    fn status(&self, disks: &[Disk]) -> &'static str {
        match self.missing(disks) {
            0 => "ONLINE",
            lost if lost <= redundancy(self) => "DEGRADED",
            _ => "UNAVAIL",
        }
    }

    /// The raw size, as `zpool list` counts it: with parity, but a mirror once.
    fn raw(&self) -> u64 {
        let least = self.disks.iter().map(|vdev| vdev.size).min().unwrap_or(0);
        let count = self.disks.len() as u64;
        match self.kind.as_str() {
            "MIRROR" => least,
            "STRIPE" => self.disks.iter().map(|vdev| vdev.size).sum(),
            kind if kind.starts_with("DRAID") => least * (count - self.draid.map_or(0, |(_, spares)| spares)),
            _ => least * count,
        }
    }

    /// What of that holds data in records of 128 KiB on sectors of 4 KiB: parity and padding taken off.
    fn usable(&self) -> u64 {
        const SECTORS: u64 = 32;
        let parity = redundancy(self) as u64;
        let width = match (self.kind.as_str(), self.draid) {
            ("MIRROR" | "STRIPE", _) => return self.raw(),
            (_, Some((data, _))) => data + parity,
            _ => self.disks.len() as u64,
        };
        if width <= parity {
            return 0;
        }
        let used = SECTORS + parity * SECTORS.div_ceil(width - parity);
        let used = used.div_ceil(parity + 1) * (parity + 1);
        u64::try_from(u128::from(self.raw()) * u128::from(SECTORS) / u128::from(used)).unwrap_or(u64::MAX)
    }

    fn to_json(&self, disks: &[Disk], number: usize) -> Value {
        let single = self.kind == "STRIPE" && self.disks.len() == 1;
        let children: Vec<Value> = self.disks.iter().map(|vdev| vdev.to_json(disks)).collect();
        if single || self.group == "spare" {
            return children.into_iter().next().unwrap_or(Value::Null);
        }
        let name = match self.draid {
            Some((data, spares)) => {
                let kind = self.kind.to_lowercase();
                format!("{kind}:{data}d:{}c:{spares}s-{number}", self.disks.len())
            }
            None => format!("{}-{number}", self.kind.to_lowercase()),
        };
        // What it is made of is only in the name (notes section 6).
        let kind = if self.draid.is_some() { "DRAID" } else { &self.kind };
        json!({"name": name, "type": kind, "path": null, "guid": self.guid.to_string(), "status": self.status(disks),
            "stats": stats(self.raw()), "children": children, "device": null, "disk": null, "unavail_disk": null})
    }
}

fn stats(size: u64) -> Value {
    json!({"timestamp": 0, "read_errors": 0, "write_errors": 0, "checksum_errors": 0, "size": size, "allocated": 0, "fragmentation": 0,
        "self_healed": 0, "configured_ashift": 12, "logical_ashift": 9, "physical_ashift": 12})
}

impl Vdev {
    pub(in crate::sim) fn is_online(&self, disks: &[Disk]) -> bool {
        !self.offline && disks.iter().any(|disk| disk.hw == self.hw && disk.present)
    }

    fn to_json(&self, disks: &[Disk]) -> Value {
        let disk = disks.iter().find(|disk| disk.hw == self.hw && disk.present);
        let status = match disk {
            _ if self.offline => "OFFLINE",
            None => "REMOVED",
            Some(_) => "ONLINE",
        };
        let uuid = format!("{:08x}-0000-4000-8000-{:012x}", self.guid >> 32, self.guid & 0xFFFF_FFFF);
        json!({"name": if disk.is_some() { uuid.clone() } else { self.guid.to_string() }, "type": "DISK",
            "path": format!("/dev/disk/by-partuuid/{uuid}"), "guid": self.guid.to_string(), "status": status,
            "stats": stats(self.size), "children": [], "device": disk.map(|disk| format!("{}1", disk.name)),
            "disk": disk.map(|disk| disk.name.clone()), "unavail_disk": null})
    }
}

impl Pool {
    /// `ONLINE`, `DEGRADED` or `OFFLINE`.
    pub(in crate::sim) fn status(&self, disks: &[Disk]) -> &'static str {
        let rows = || self.rows.iter().filter(|row| ["data", "special", "dedup"].contains(&row.group.as_str()));
        if rows().any(|row| row.status(disks) == "UNAVAIL") {
            return "OFFLINE";
        }
        let worn = self.rows.iter().any(|row| row.status(disks) != "ONLINE");
        if worn { "DEGRADED" } else { "ONLINE" }
    }

    fn sum(&self, of: impl Fn(&Row) -> u64) -> u64 {
        self.rows.iter().filter(|row| ["data", "special", "dedup"].contains(&row.group.as_str())).map(of).sum()
    }

    /// The raw size.
    pub(in crate::sim) fn raw(&self) -> u64 {
        self.sum(Row::raw)
    }

    /// What datasets can hold: without parity, and without what ZFS keeps for itself (a 32nd, at most 128 GiB).
    pub(in crate::sim) fn usable(&self) -> u64 {
        let whole = self.sum(Row::usable);
        whole - (whole / 32).min(128 << 30)
    }

    /// The row of `pool.query`.
    pub(in crate::sim) fn to_json(&self, disks: &[Disk], allocated: u64) -> Value {
        let status = self.status(disks);
        let is_up = status != "OFFLINE";
        let some = |value: Value| if is_up { value } else { Value::Null };
        let group = |name: &&str| {
            let rows = self.rows.iter().filter(|row| row.group == **name).enumerate();
            (
                (*name).to_owned(),
                rows.flat_map(|(n, row)| match row.kind.as_str() {
                    // Disks of a stripe are rows of their own on the reading side.
                    "STRIPE" => row.disks.iter().map(|vdev| vdev.to_json(disks)).collect(),
                    _ => vec![row.to_json(disks, n)],
                })
                .collect::<Vec<_>>()
                .into(),
            )
        };
        let topology: serde_json::Map<String, Value> = GROUPS.iter().map(group).collect();
        let (raw, date) = (self.raw(), |at: u64| json!({"$date": at}));
        let scan = self.scrubbed.map_or(Value::Null, |at| {
            json!({"function": "SCRUB", "state": "FINISHED", "start_time": date(at), "end_time": date(at), "percentage": 100.0,
                "bytes_to_process": raw, "bytes_processed": raw, "bytes_issued": raw, "pause": null, "errors": 0, "total_secs_left": null})
        });
        json!({"id": self.id, "name": self.name, "guid": self.guid.to_string(), "path": format!("/mnt/{}", self.name), "status": status,
            "scan": some(scan), "expand": null, "topology": some(topology.into()), "healthy": status == "ONLINE", "warning": false,
            "status_code": some(json!(if status == "ONLINE" { "OK" } else { "FAULTED_DEV_R" })),
            "status_detail": null, "size": some(json!(raw)), "allocated": some(json!(allocated)),
            "free": some(json!(raw.saturating_sub(allocated))), "freeing": some(json!(0)), "fragmentation": some(json!("0")),
            "size_str": some(json!(raw.to_string())), "allocated_str": some(json!(allocated.to_string())),
            "free_str": some(json!(raw.saturating_sub(allocated).to_string())), "freeing_str": some(json!("0")),
            "dedup_table_size": some(json!(0)), "dedup_table_quota": self.dedup_table_quota, "is_upgraded": true,
            "autotrim": {"value": if self.autotrim { "on" } else { "off" }, "rawvalue": if self.autotrim { "on" } else { "off" },
                "parsed": if self.autotrim { "on" } else { "off" }, "source": if self.autotrim { "LOCAL" } else { "DEFAULT" }}})
    }
}
