//! Changing the options of a virtual machine.
use super::create::hookscript;
use super::rules;
use crate::sim::answer::{Answer, Fail, Reply};
use crate::sim::call::Call;
use crate::sim::format::list;
use crate::sim::quirks;
use crate::sim::tasks::{Change, Job, Locks};
use crate::sim::world::Texts;

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
    for option in &revert {
        if !rules::exists(call, option) {
            return Err(Fail::param("revert", format!("unknown option '{option}'")));
        }
        if set.contains_key(option) {
            let text = format!("you can't use '-{option}' and '-revert {option}' at the same time");
            return Err(Fail::param("delete", text));
        }
    }
    for option in &mut delete {
        if option == "cdrom" {
            "ide2".clone_into(option);
        }
        if set.contains_key(option) {
            let text = format!("you can't use '-{option}' and -delete {option}' at the same time");
            return Err(Fail::param("delete", text));
        }
        if revert.contains(option) {
            let text = format!("you can't use '-delete {option}' and '-revert {option}' at the same time");
            return Err(Fail::param("revert", text));
        }
        if !rules::exists(call, option) {
            return Err(Fail::param("delete", format!("unknown option '{option}'")));
        }
    }
    hookscript(call, set.get("hookscript"))?;
    rules::privileges(call, vmid, None, delete.iter().map(String::as_str))?;
    rules::privileges(call, vmid, None, set.keys().map(String::as_str))?;
    rules::storages(call, vmid, None, &set)?;
    rules::bridges(call, false, &set)?;
    let guest = call.world.guest(&node, false, vmid)?;
    call.lock(false, vmid)?;
    if call.args.get("digest").is_some_and(|digest| digest != guest.digest()) {
        return Err(Fail::die(quirks::STALE_QEMU));
    }
    guest.check_lock()?;
    balloon(call, &set)?;
    rules::devices(call, vmid, None, &set, false)?;
    let guest = call.world.guest(&node, false, vmid)?;
    for option in &delete {
        let value = guest.wanted(option).unwrap_or_default().to_owned();
        rules::devices(call, vmid, None, &Texts::from([(option.clone(), value.clone())]), false)
            .or_else(|fail| if value.is_empty() { Ok(()) } else { Err(fail) })?;
    }
    let set = rewrite(call, set);
    take_back(call, &node, &revert)?;
    let change = Change { set, delete, force: call.args.flag("force"), line: (!sync).then_some(line) };
    if sync {
        return run_now(call, vmid, &change);
    }
    let job = Job::Configure { vmid, change };
    Ok(call.start(&node, "qmconfig", &vmid.to_string(), Locks::alone(vmid), job).into())
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

fn balloon(call: &Call<'_>, set: &Texts) -> Result<(), Fail> {
    if !set.contains_key("memory") && !set.contains_key("balloon") {
        return Ok(());
    }
    let guest = call.world.guest(&call.node(), false, call.vmid())?;
    let number =
        |key: &str| -> Option<u64> { set.get(key).map(String::as_str).or_else(|| guest.wanted(key))?.parse().ok() };
    if number("balloon").is_some_and(|balloon| balloon > number("memory").unwrap_or(512)) {
        return Err(Fail::die("balloon value too large (must be smaller than assigned memory)"));
    }
    Ok(())
}

/// Values as the server stores them (pve-notes section 14).
fn rewrite(call: &mut Call<'_>, mut set: Texts) -> Texts {
    let nets: Vec<String> = set.keys().filter(|key| rules::stem(key) == "net").cloned().collect();
    for net in nets {
        let text = rules::with_mac(call, &net, &set[&net]);
        set.insert(net, text);
    }
    if let Some(text) = set.get_mut("description") {
        *text = text.trim_end().to_owned();
    }
    set
}

/// Drops pending changes of these options.
fn take_back(call: &mut Call<'_>, node: &str, options: &[String]) -> Result<(), Fail> {
    let vmid = call.vmid();
    let guest = call.world.guest_mut(node, false, vmid)?;
    for option in options {
        guest.pending.remove(option);
        guest.deleting.remove(option);
    }
    Ok(())
}

/// PUT /nodes/{node}/qemu/{vmid}/unlink
pub(super) fn unlink(call: &mut Call<'_>) -> Answer {
    let (node, vmid) = (call.node(), call.vmid());
    call.world.guest(&node, false, vmid)?.check_lock()?;
    call.lock(false, vmid)?;
    let delete = list(call.args.text("idlist")).map(str::to_owned).collect();
    let change = Change { set: Texts::new(), delete, force: call.args.flag("force"), line: None };
    run_now(call, vmid, &change)
}
