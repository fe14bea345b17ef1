//! Changing the options of a container: most apply at once, mount points of a running one wait.
use super::rules;
use crate::sim::answer::{Answer, Fail, Reply};
use crate::sim::call::Call;
use crate::sim::format::list;
use crate::sim::handlers::nodes::qemu::bridges;
use crate::sim::quirks;
use crate::sim::tasks::{keep_unused, make_volumes, unique_tags};
use crate::sim::world::Texts;

/// PUT /nodes/{node}/lxc/{vmid}/config
pub(super) fn update(call: &mut Call<'_>) -> Answer {
    let (node, vmid) = (call.node(), call.vmid());
    let mut set = rules::options(call);
    let asked = |name: &str| -> Vec<String> { list(call.args.text(name)).map(str::to_owned).collect() };
    let (delete, revert) = (asked("delete"), asked("revert"));
    if set.is_empty() && delete.is_empty() && revert.is_empty() {
        return Err(Fail::die("no options specified"));
    }
    for option in &delete {
        if !rules::exists(call, option) && !option.starts_with("unused") {
            return Err(Fail::param("delete", format!("unknown option '{option}'")));
        }
        if set.contains_key(option) {
            let text = format!("you can't use '-{option}' and -delete {option}' at the same time");
            return Err(Fail::param("delete", text));
        }
    }
    for option in &revert {
        if !rules::exists(call, option) {
            return Err(Fail::param("revert", format!("unknown option '{option}'")));
        }
    }
    let guest = call.world.guest(&node, true, vmid)?;
    let unprivileged = guest.get("unprivileged") == Some("1");
    rules::privileges(call, vmid, None, &set, &delete, unprivileged)?;
    bridges(call, true, &set)?;
    call.lock(true, vmid)?;
    let guest = call.world.guest(&node, true, vmid)?;
    if call.args.get("digest").is_some_and(|digest| digest != guest.digest()) {
        return Err(Fail::die(quirks::STALE_FILE));
    }
    guest.check_lock()?;
    for option in ["unprivileged", "ostype", "arch"] {
        if set.get(option).is_some_and(|new| guest.get(option).unwrap_or("0") != new) && option == "unprivileged" {
            return Err(Fail::die(format!("unable to modify read-only option: '{option}'")));
        }
    }
    let volumes: Texts =
        set.iter().filter(|(key, _)| rules::is_volume(key)).map(|(k, v)| (k.clone(), v.clone())).collect();
    let disks = rules::storages(call, &volumes)?;
    let nets: Vec<String> = set.keys().filter(|key| key.starts_with("net")).cloned().collect();
    for net in nets {
        let text = rules::with_mac(call, &net, &set[&net]);
        set.insert(net, text);
    }
    if let Some(tags) = set.get_mut("tags") {
        *tags = unique_tags(tags);
    }
    let made = make_volumes(call.world, None, &node, vmid, &volumes, &disks)?;
    set.extend(made);
    apply(call, &node, vmid, set, &delete, &revert)
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
        if rules::is_volume(option) {
            guest.check_protection(&format!("can't remove CT {vmid} drive '{option}'"))?;
        }
        if running && rules::is_volume(option) && guest.get(option).is_some() {
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
        if running && rules::is_volume(&option) && guest.get(&option).is_some() {
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
