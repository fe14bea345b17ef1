//! What a node says of itself.
use super::{appliances, bulk, services};
use crate::sim::answer::{Answer, Fail, Reply};
use crate::sim::call::Call;
use crate::sim::handlers::{guests, named, subdirs, version};
use crate::sim::tasks::{Job, Locks};
use crate::sim::world::World;
use crate::sim::{quirks, random};
use serde_json::{Value, json};

/// The handler of a method, if there is one.
pub(super) fn route(call: &mut Call<'_>, key: &str) -> Option<Answer> {
    let node = call.node();
    Some(match key {
        "GET /nodes" => list(call),
        "GET /nodes/{node}/status" => status(call),
        "POST /nodes/{node}/status" => {
            match call.args.text("command") {
                "reboot" => call.world.restart_node(&node),
                _ => call.world.switch_node_off(&node),
            }
            Reply::done()
        }
        "GET /nodes/{node}/version" => Ok(version(call.world)),
        "GET /nodes/{node}/dns" => dns(call),
        "PUT /nodes/{node}/dns" => set_dns(call),
        "GET /nodes/{node}/time" => time(call),
        "PUT /nodes/{node}/time" => {
            let zone = call.args.text("timezone").to_owned();
            match call.world.node_mut(&node) {
                Ok(known) => {
                    known.timezone = zone;
                    Reply::done()
                }
                Err(fail) => Err(fail),
            }
        }
        "GET /nodes/{node}/hosts" => hosts(call),
        "POST /nodes/{node}/hosts" => set_hosts(call),
        "GET /nodes/{node}/subscription" => Ok(json!({
            "status": "notfound", "message": "There is no subscription key", "serverid": "0".repeat(32),
            "url": "https://www.proxmox.com/proxmox-ve/pricing",
        })
        .into()),
        "GET /nodes/{node}/aplinfo" => appliances::list(call),
        "POST /nodes/{node}/aplinfo" => appliances::fetch(call),
        "GET /nodes/{node}/apt/update" | "GET /nodes/{node}/apt/versions" => Ok(json!([]).into()),
        "POST /nodes/{node}/apt/update" => {
            Ok(call.start(&node, "aptupdate", "", Locks::none(), Job::Other { span: 5_000 }).into())
        }
        "GET /nodes/{node}/certificates/info" => certificates(call),
        "GET /nodes/{node}/rrddata" | "GET /nodes/{node}/netstat" | "GET /nodes/{node}/replication" => {
            Ok(json!([]).into())
        }
        "GET /nodes/{node}/journal" => Ok(json!([]).into()),
        "GET /nodes/{node}/syslog" => Ok(Reply::from(json!([])).beside("total", json!(0))),
        "GET /nodes/{node}/report" => Ok(json!(format!("# node {node}\n")).into()),
        "POST /nodes/{node}/wakeonlan" => wake(call),
        "GET /nodes/{node}/capabilities" => Ok(subdirs(&["cpu", "machines", "migration"])),
        "GET /nodes/{node}/apt" => Ok(named("id", &["changelog", "repositories", "update", "versions"])),
        "GET /nodes/{node}/scan" => {
            Ok(named("method", &["cifs", "glusterfs", "iscsi", "lvm", "lvmthin", "nfs", "pbs", "zfs"]))
        }
        "POST /nodes/{node}/startall" | "POST /nodes/{node}/stopall" | "POST /nodes/{node}/suspendall" => {
            bulk::all(call, key.rsplit('/').next().unwrap_or_default())
        }
        _ if key.contains("/nodes/{node}/services") => return services::route(call, key),
        _ => return None,
    })
}

/// A row of `/nodes` and of `/cluster/resources`; figures only for auditors.
pub(in crate::sim::handlers) fn row(call: &Call<'_>, name: &str) -> Value {
    let world = &*call.world;
    let Some(node) = world.nodes.get(name) else { return Value::Null };
    let up = world.is_online(name);
    let online = if up { "online" } else { "offline" };
    let mut row = json!({"node": name, "type": "node", "id": format!("node/{name}"), "status": online, "level": ""});
    if call.may(&format!("/nodes/{name}"), "Sys.Audit") && up {
        let used = memory(world, name);
        row["maxcpu"] = json!(node.spec.cores);
        row["maxmem"] = json!(node.spec.memory);
        row["maxdisk"] = json!(node.spec.disk);
        row["cpu"] = json!(0.02);
        row["mem"] = json!(used);
        row["disk"] = json!(node.spec.disk / 10);
        row["uptime"] = json!((world.now - node.booted.min(world.now)) / 1000);
    }
    row
}

fn memory(world: &World, name: &str) -> u64 {
    let guests: u64 =
        world.guests.values().filter(|guest| guest.node == name && guest.run.is_some()).map(guests::memory).sum();
    (1 << 30) + guests
}

fn list(call: &mut Call<'_>) -> Answer {
    let names: Vec<String> = call.world.nodes.keys().cloned().collect();
    let rows: Vec<Value> = names
        .iter()
        .map(|name| {
            let mut row = row(call, name);
            row["ssl_fingerprint"] = json!(call.world.fingerprint(name));
            row
        })
        .collect();
    Ok(json!(rows).into())
}

fn status(call: &mut Call<'_>) -> Answer {
    let name = call.node();
    let (release, full) = call.world.release.version();
    let used = memory(call.world, &name);
    let node = call.world.node(&name)?;
    let (total, disk) = (node.spec.memory, node.spec.disk);
    let kernel = if release == "8.4" { "6.8.12-17-pve" } else { "6.17.2-1-pve" };
    let version = "#1 SMP PREEMPT_DYNAMIC PMX";
    Ok(json!({
        "uptime": (call.world.now - node.booted.min(call.world.now)) / 1000, "cpu": 0.02, "wait": 0.001, "idle": 0,
        "loadavg": ["0.10", "0.12", "0.09"], "kversion": format!("Linux {kernel} {version}"),
        "pveversion": format!("pve-manager/{full}/2a5fa54a8503f96d"), "boot-info": {"mode": "efi"},
        "current-kernel": {"sysname": "Linux", "release": kernel, "version": version, "machine": "x86_64"},
        "cpuinfo": {"model": "Intel(R) Xeon(R) CPU", "flags": "vmx lm", "cpus": node.spec.cores, "cores": node.spec.cores,
            "sockets": 1, "hvm": "1", "mhz": "2400.000", "user_hz": 100},
        "memory": {"total": total, "used": used, "free": total.saturating_sub(used)},
        "swap": {"total": 0, "used": 0, "free": 0}, "ksm": {"shared": 0},
        "rootfs": {"total": disk, "used": disk / 10, "free": disk - disk / 10, "avail": disk - disk / 10},
    })
    .into())
}

fn dns(call: &mut Call<'_>) -> Answer {
    let node = call.world.node(&call.node())?;
    Ok(json!(node.dns).into())
}

fn set_dns(call: &mut Call<'_>) -> Answer {
    let texts = call.args.texts(&["node"]);
    call.world.node_mut(&call.node())?.dns.extend(texts);
    Reply::done()
}

fn hosts_of(call: &Call<'_>) -> String {
    let name = call.node();
    let known = call.world.nodes.get(&name).and_then(|node| node.hosts.clone());
    known.unwrap_or_else(|| format!("127.0.0.1 localhost\n192.0.2.10 {name}\n"))
}

fn hosts(call: &mut Call<'_>) -> Answer {
    let text = hosts_of(call);
    Ok(json!({"data": text, "digest": random::digest(&text)}).into())
}

fn set_hosts(call: &mut Call<'_>) -> Answer {
    if call.args.get("digest").is_some_and(|digest| digest != random::digest(&hosts_of(call))) {
        return Err(Fail::die(quirks::STALE_FILE));
    }
    let text = call.args.text("data").to_owned();
    call.world.node_mut(&call.node())?.hosts = Some(text);
    Reply::done()
}

/// Waking needs an address that is written down, or one to be found.
fn wake(call: &mut Call<'_>) -> Answer {
    let name = call.node();
    let node = call.world.node(&name)?;
    let text = node.config.get("wakeonlan").map(String::as_str).unwrap_or_default();
    let mac = text.split(',').next().unwrap_or_default().trim_start_matches("mac=");
    if mac.is_empty() {
        let text = format!("No wake on LAN MAC address defined for '{name}'!");
        return Err(Fail::die(text));
    }
    Ok(json!(mac).into())
}

fn time(call: &mut Call<'_>) -> Answer {
    let now = call.world.seconds();
    let node = call.world.node(&call.node())?;
    Ok(json!({"timezone": node.timezone, "time": now, "localtime": now}).into())
}

fn certificates(call: &mut Call<'_>) -> Answer {
    let fingerprint = call.world.fingerprint(&call.node());
    Ok(json!([{"filename": "pve-ssl.pem", "fingerprint": fingerprint, "subject": format!("/CN={}", call.node())}])
        .into())
}

/// The tasks of all nodes, newest first.
pub(in crate::sim::handlers) fn cluster_tasks(call: &mut Call<'_>) -> Answer {
    let mut rows: Vec<Value> = call
        .world
        .tasks
        .iter()
        .filter(|task| task.who.user == call.who.user || call.may(&format!("/nodes/{}", task.node), "Sys.Audit"))
        .map(|task| super::tasks::row(task, task.exit().is_none()))
        .collect();
    rows.reverse();
    rows.truncate(25);
    Ok(json!(rows).into())
}
