//! Changing the options of a virtual machine.
use super::create::hookscript;
use super::rules;
use crate::sim::answer::{Answer, Fail, Reply};
use crate::sim::call::Call;
use crate::sim::format::list;
use crate::sim::quirks;
use crate::sim::tasks::{Change, Job, Locks};
use crate::sim::world::{Guest, Texts};

/// PUT (synchronous) and POST (a task) /nodes/{node}/qemu/{vmid}/config
pub(super) fn update(call: &mut Call<'_>, sync: bool) -> Answer {
    let (node, vmid) = (call.node(), call.vmid());
    call.only_root(&["skiplock"])?;
    let mut set = rules::options(call);
    // A change keeps a password's hash alone (PVE::API2::Qemu, update_vm_api), unlike a creation (recorded in cloudinit-fields).
    if let Some(password) = set.get_mut("cipassword").filter(|text| !text.starts_with('$')) {
        let hash = call.world.password_hash("cipassword", password);
        *password = format!("$5${}${}", &hash[..8], &hash[8..51]);
    }
    let line = line(vmid, call);
    if let Some(keys) = set.get("sshkeys") {
        rules::ssh_keys(keys)?;
    }
    let asked = |name: &str| -> Vec<String> { list(call.args.text(name)).map(str::to_owned).collect() };
    let (revert, mut delete) = (asked("revert"), asked("delete"));
    if set.is_empty() && revert.is_empty() && delete.is_empty() {
        return Err(Fail::die("no options specified"));
    }
    contradictions(call, &set, &revert, &mut delete)?;
    rules::drives(call, &mut set)?;
    hookscript(call, set.get("hookscript"))?;
    rules::privileges(call, vmid, None, delete.iter().map(String::as_str))?;
    rules::privileges(call, vmid, None, set.keys().map(String::as_str))?;
    rules::storages(call, vmid, &set, None)?;
    rules::bridges(call, false, &set)?;
    call.lock(false, vmid)?;
    let guest = call.world.guest(&node, false, vmid)?;
    if call.args.get("digest").is_some_and(|digest| digest != guest.digest()) {
        return Err(Fail::die(quirks::STALE_QEMU));
    }
    rules::cpu_model(call, set.get("cpu"), guest.get("cpu"))?;
    if !call.args.flag("skiplock") {
        guest.check_lock()?;
    }
    let mut set = rewrite(call, set);
    let guest = call.world.guest(&node, false, vmid)?;
    for option in revert {
        if let Some(value) = guest.get(&option) {
            set.insert(option.clone(), value.to_owned());
        } else if guest.pending.contains_key(&option) {
            delete.push(option);
        }
    }
    balloon(guest, &set)?;
    let force = call.args.flag("force");
    let change = Change { set, delete, force, line: (!sync).then_some(line), who: call.who.clone() };
    if sync {
        return run_now(call, vmid, &change);
    }
    let job = Job::Configure { vmid, change };
    let upid = call.start(&node, "qmconfig", &vmid.to_string(), Locks::alone(vmid), job);
    let wait = call.args.number("background_delay").unwrap_or_default() * 1000;
    let id = upid.as_str().unwrap_or_default().to_owned();
    let until = call.world.now + wait;
    if let Some(end) = call.task(&id).and_then(|task| task.ends_at()).filter(|end| wait > 0 && *end <= until) {
        call.world.settle(end);
        return match call.task(&id).and_then(|task| task.exit()) {
            Some("OK") | None => Reply::done(),
            Some(exit) => Err(Fail::die(format!("failed to update VM {vmid}: {exit}"))),
        };
    }
    Ok(upid.into())
}

/// The same option cannot be set, reverted and deleted at once; and there must be one of that name.
fn contradictions(call: &Call<'_>, set: &Texts, revert: &[String], delete: &mut [String]) -> Result<(), Fail> {
    for option in revert {
        if !rules::exists(call, option) {
            return Err(Fail::param("revert", format!("unknown option '{option}'")));
        }
        if set.contains_key(option) {
            let text = format!("you can't use '-{option}' and -revert {option}' at the same time");
            return Err(Fail::param("delete", text));
        }
    }
    for option in delete {
        if option == "cdrom" {
            "ide2".clone_into(option);
        }
        if set.contains_key(option) {
            let text = format!("you can't use '-{option}' and -delete {option}' at the same time");
            return Err(Fail::param("delete", text));
        }
        if revert.contains(option) {
            let text = format!("you can't use '-delete {option}' and -revert {option}' at the same time");
            return Err(Fail::param("revert", text));
        }
        if !rules::exists(call, option) {
            return Err(Fail::param("delete", format!("unknown option '{option}'")));
        }
    }
    Ok(())
}

/// Applies a change within the call.
fn run_now(call: &mut Call<'_>, vmid: u32, change: &Change) -> Answer {
    call.world.configure_now(vmid, change)?;
    Reply::done()
}

/// What a task's log begins with; passwords are hidden.
fn line(vmid: u32, call: &Call<'_>) -> String {
    let mut text = format!("update VM {vmid}:");
    for (key, value) in call.args.texts(&["node", "vmid", "digest", "background_delay", "skiplock"]) {
        let value = if key == "cipassword" { "<hidden>" } else { &value };
        text.push_str(&format!(" -{key} {value}"));
    }
    text
}

/// The least memory must fit into the most.
fn balloon(guest: &Guest, set: &Texts) -> Result<(), Fail> {
    if set.get("memory").is_none_or(|memory| memory == "0") && !set.contains_key("balloon") {
        return Ok(());
    }
    let text = |key: &str| set.get(key).map(String::as_str).or_else(|| guest.wanted(key));
    let most = text("memory").map_or(512, memory_of);
    let least = text("balloon").and_then(|text| text.parse::<u64>().ok());
    if least.is_some_and(|least| least > most) {
        return Err(Fail::die("balloon value too large (must be smaller than assigned memory)"));
    }
    Ok(())
}

/// MiB of an option `memory`: a number, or `current=` and a number.
fn memory_of(text: &str) -> u64 {
    text.split(',').next().unwrap_or_default().trim_start_matches("current=").parse().unwrap_or(512)
}

/// Values as the server stores them (pve-notes section 14).
pub(super) fn rewrite(call: &mut Call<'_>, mut set: Texts) -> Texts {
    let nets: Vec<String> = set.keys().filter(|key| rules::stem(key) == "net").cloned().collect();
    for net in nets {
        let text = rules::with_mac(call, &net, &set[&net]);
        set.insert(net, text);
    }
    if set.get("vmgenid").map(String::as_str) == Some("1") {
        let uuid = call.world.new_uuid();
        set.insert("vmgenid".to_owned(), uuid);
    }
    if let Some(units) = set.get_mut("cpuunits")
        && let Ok(number) = units.parse::<u64>()
    {
        let old = call.world.nodes.get(&call.node()).is_some_and(|node| node.cgroup == 1);
        *units = if old { number.max(2) } else { number.clamp(1, 10_000) }.to_string();
    }
    set
}

/// PUT /nodes/{node}/qemu/{vmid}/unlink: deleting options by another name.
pub(super) fn unlink(call: &mut Call<'_>) -> Answer {
    let (node, vmid) = (call.node(), call.vmid());
    let mut delete: Vec<String> = list(call.args.text("idlist")).map(str::to_owned).collect();
    if delete.is_empty() {
        return Err(Fail::die("no options specified"));
    }
    contradictions(call, &Texts::new(), &[], &mut delete)?;
    rules::privileges(call, vmid, None, delete.iter().map(String::as_str))?;
    call.lock(false, vmid)?;
    call.world.guest(&node, false, vmid)?.check_lock()?;
    let force = call.args.flag("force");
    let change = Change { set: Texts::new(), delete, force, line: None, who: call.who.clone() };
    run_now(call, vmid, &change)
}
