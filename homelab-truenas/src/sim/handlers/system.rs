//! The system itself: what it is, its restarts, its updates, its configuration as a file.
use super::Cx;
use crate::sim::fail::Fail;
use serde_json::{Value, json};

pub(super) fn run(cx: &mut Cx<'_>, name: &str, params: &[Value]) -> Option<Result<Value, Fail>> {
    let world = &mut cx.world;
    Some(Ok(match name {
        "system.boot_id" => json!(world.boot_id()),
        "system.ready" => json!(true),
        "system.state" => json!("READY"),
        "system.version" => json!(format!("TrueNAS-{}", world.version)),
        "system.version_short" => json!(world.version),
        "system.product_type" => json!("COMMUNITY_EDITION"),
        "system.info" => {
            json!({"version": world.version, "buildtime": {"$date": 0}, "hostname": world.name, "physmem": 68_719_476_736_u64,
            "model": "QEMU Virtual CPU", "cores": 8, "physical_cores": 8, "loadavg": [0.0, 0.0, 0.0], "uptime": "1 day", "uptime_seconds": 86400.0,
            "system_serial": null, "system_product": "Standard PC (Q35 + ICH9, 2009)", "system_product_version": null, "license": null,
            "boottime": {"$date": 0}, "datetime": {"$date": world.now}, "timezone": "Etc/UTC", "system_manufacturer": "QEMU",
            "ecc_memory": false})
        }
        "system.reboot" => {
            world.reboot();
            Value::Null
        }
        "system.shutdown" => {
            world.reboot();
            world.down_until = u64::MAX;
            Value::Null
        }
        "alert.list" => alerts(cx),
        "boot.get_disks" => world.disks.iter().filter(|disk| disk.is_boot).map(|disk| json!(disk.name)).collect(),
        "config.save" => Value::Null,
        "update.status" => {
            json!({"code": "NORMAL", "error": null, "update_download_progress": null, "status": {"current_version":
            {"train": "TrueNAS-SCALE-Goldeye", "profile": "GENERAL", "matches_profile": true}, "new_version": null}})
        }
        "update.available_versions" => json!([]),
        // Before 25.10 `update.update` is the update itself, and this switch stands alone (notes section 5).
        "update.get_auto_download" => {
            world.singletons.get("update").and_then(|row| row.get("autocheck")).cloned().unwrap_or(json!(true))
        }
        "update.set_auto_download" => {
            let on = params.first().cloned().unwrap_or_default();
            world.singletons.entry("update".into()).or_default().insert("autocheck".into(), on);
            Value::Null
        }
        _ => return None,
    }))
}

fn alerts(cx: &Cx<'_>) -> Value {
    let world = &cx.world;
    let alert = |id: String, klass: &str, level: &str, key: &str, text: String| {
        json!({"uuid": id, "id": id, "source": klass, "klass": klass, "args": null, "node": "Controller A", "key": key,
            "datetime": {"$date": world.now}, "last_occurrence": {"$date": world.now}, "dismissed": false, "mail": null, "text": text,
            "level": level, "formatted": text, "one_shot": false})
    };
    let worn = world.pools.values().filter(|pool| pool.status(&world.disks) != "ONLINE").map(|pool| {
        let text = format!("Pool {} state is {}", pool.name, pool.status(&world.disks));
        alert(pool.guid.to_string(), "VolumeStatus", "CRITICAL", &pool.name, text)
    });
    // From 25.10 on the middleware looks into the logs of the disks itself, and only warns.
    let looks = !world.version.starts_with("25.04");
    let sick = world.disks.iter().filter(|disk| looks && disk.present && disk.passed == Some(false)).map(|disk| {
        let serial = disk.serial.as_deref().unwrap_or_default();
        alert(
            disk.hw.clone(),
            "SMARTFailedSelfTest",
            "WARNING",
            &disk.name,
            format!("{} ({serial}) failed a SMART selftest.", disk.name),
        )
    });
    worn.chain(sick).collect()
}
