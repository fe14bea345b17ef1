//! Changing the options of a container: most apply at once, mount points of a running one wait.
use super::rules;
use crate::sim::answer::{Answer, Fail, Reply};
use crate::sim::call::Call;
use crate::sim::format::list;
use crate::sim::quirks;
use crate::sim::tasks::{Spec, keep_unused, make_volumes};
use crate::sim::world::Texts;

/// PUT /nodes/{node}/lxc/{vmid}/config
pub(super) fn update(call: &mut Call<'_>) -> Answer {
    let (node, vmid) = (call.node(), call.vmid());
    let mut set = call.args.texts(&["node", "vmid", "digest", "delete", "revert"]);
    let asked = |name: &str| -> Vec<String> { list(call.args.text(name)).map(str::to_owned).collect() };
    let (delete, revert) = (asked("delete"), asked("revert"));
    if set.is_empty() && !call.args.has("delete") && !call.args.has("revert") {
        return Err(Fail::die("no options specified"));
    }
    call.lock(true, vmid)?;
    let guest = call.world.guest(&node, true, vmid)?;
    guest.check_lock()?;
    if call.args.get("digest").is_some_and(|digest| digest != guest.digest()) {
        return Err(Fail::die(quirks::STALE_FILE));
    }
    let (old, unprivileged) = (guest.config.clone(), guest.get("unprivileged") == Some("1"));
    let nothing = Texts::new();
    for gone in [&delete, &revert] {
        let wanted = rules::Wanted { old: Some(&old), set: &nothing, delete: gone, unprivileged };
        rules::privileges(call, vmid, None, &wanted)?;
    }
    contradictions(call, &set, &delete, &revert)?;
    let wanted = rules::Wanted { old: Some(&old), set: &set, delete: &[], unprivileged };
    rules::privileges(call, vmid, None, &wanted)?;
    let guest = call.world.guest(&node, true, vmid)?;
    for option in delete.iter().filter(|option| guest.wanted(option).is_some()) {
        match option.as_str() {
            "memory" | "rootfs" | "ostype" => {
                return Err(Fail::die(format!("unable to delete required option '{option}'")));
            }
            "unprivileged" => return Err(Fail::die(format!("unable to delete read-only option: '{option}'"))),
            _ if rules::is_volume(option) || option.starts_with("unused") => {
                guest.check_protection(&format!("can't remove CT {vmid} drive '{option}'"))?;
            }
            _ => {}
        }
    }
    let volumes: Texts =
        set.iter().filter(|(key, _)| rules::is_volume(key)).map(|(k, v)| (k.clone(), v.clone())).collect();
    let disks = rules::specs(call, &volumes);
    for (option, spec) in &disks {
        guest.check_protection(&format!("can't update CT {vmid} drive '{option}'"))?;
        let storage = match spec {
            Spec::New { storage, .. } => storage,
            Spec::Volume(volid) if !volid.starts_with('/') => volid.split(':').next().unwrap_or_default(),
            _ => continue,
        };
        call.world.storage(storage)?;
        if !call.world.storage_holds(storage, "rootdir") {
            let text = format!("storage '{storage}' does not allow content type 'rootdir' (Container)");
            return Err(Fail::die(text));
        }
    }
    rules::values(call, &mut set)?;
    let nets: Vec<String> = set.keys().filter(|key| key.starts_with("net")).cloned().collect();
    for net in nets {
        let text = rules::with_mac(call, &net, &set[&net]);
        set.insert(net, text);
    }
    let made = make_volumes(call.world, None, &node, vmid, &volumes, &disks)?;
    set.extend(made);
    apply(call, &node, vmid, set, &delete, &revert)
}

/// The same option cannot be set, reverted and deleted at once; and there must be one of that name.
fn contradictions(call: &Call<'_>, set: &Texts, delete: &[String], revert: &[String]) -> Result<(), Fail> {
    let exists = |option: &String| rules::exists(call, option) || option.starts_with("unused");
    for option in revert {
        if !exists(option) {
            return Err(Fail::param("revert", format!("unknown option '{option}'")));
        }
        if set.contains_key(option) {
            let text = format!("you can't use '-{option}' and '-revert {option}' at the same time");
            return Err(Fail::param("revert", text));
        }
    }
    for option in delete {
        if !exists(option) {
            return Err(Fail::param("delete", format!("unknown option '{option}'")));
        }
        if set.contains_key(option) {
            let text = format!("you can't use '-{option}' and -delete {option}' at the same time");
            return Err(Fail::param("delete", text));
        }
        if revert.contains(option) {
            let text = format!("you can't use '-delete {option}' and '-revert {option}' at the same time");
            return Err(Fail::param("delete", text));
        }
    }
    Ok(())
}

/// Options that a running container takes over at once; others wait for a stop.
fn is_live(option: &str, there: bool) -> bool {
    let stem = option.trim_end_matches(|letter: char| letter.is_ascii_digit());
    let fast = ["description", "onboot", "startup", "protection", "hostname", "hookscript", "cores", "tags", "lock"];
    let hot = ["swap", "memory", "cpulimit", "cpuunits", "unused", "net"];
    fast.contains(&option) || hot.contains(&stem) || (stem == "mp" && !there)
}

fn apply(call: &mut Call<'_>, node: &str, vmid: u32, set: Texts, delete: &[String], revert: &[String]) -> Answer {
    let mut freed = Vec::new();
    let mut gone = Vec::new();
    let guest = call.world.guest_mut(node, true, vmid)?;
    let running = guest.run.is_some();
    for option in revert {
        guest.pending.remove(option);
        guest.deleting.remove(option);
    }
    for option in delete {
        guest.pending.remove(option);
        if running && !is_live(option, true) && guest.get(option).is_some() {
            guest.deleting.insert(option.clone(), false);
        } else if let Some(value) = guest.config.remove(option) {
            if option.starts_with("unused") {
                gone.push(value);
            } else if rules::is_volume(option) {
                freed.push(value);
            }
        }
    }
    for (option, value) in set {
        guest.deleting.remove(&option);
        let used = value.split(',').next().unwrap_or_default().to_owned();
        if rules::is_volume(&option) {
            guest.config.retain(|key, old| !(key.starts_with("unused") && *old == used));
        }
        if running && !is_live(&option, guest.get(&option).is_some()) {
            guest.pending.insert(option, value);
        } else if let Some(old) = guest.config.insert(option.clone(), value)
            && rules::is_volume(&option)
        {
            freed.push(old);
        }
    }
    for value in freed {
        keep_unused(call.world, vmid, &value);
    }
    for volid in gone {
        call.world.take_volume(node, &volid);
    }
    Reply::done()
}
