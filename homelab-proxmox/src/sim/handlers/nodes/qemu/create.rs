//! Creating and destroying virtual machines, and turning them into templates.
use super::rules;
use crate::sim::answer::{Answer, Fail};
use crate::sim::call::Call;
use crate::sim::props;
use crate::sim::tasks::{Job, Locks};
use crate::sim::world::Guest;

/// POST /nodes/{node}/qemu
pub(super) fn create(call: &mut Call<'_>) -> Answer {
    let (node, vmid) = (call.node(), call.vmid());
    let pool = call.args.get("pool").map(str::to_owned);
    let pool = pool.as_deref();
    if call.args.has("archive") {
        return Err(Fail::die("the simulator does not restore backups"));
    }
    let mut options = rules::options(call);
    if let Some(keys) = options.get("sshkeys") {
        rules::ssh_keys(keys)?;
    }
    if let Some(pool) = pool
        && !call.world.pools.contains_key(pool)
    {
        return Err(Fail::Forbidden(format!("pool '{pool}' does not exist")));
    }
    let allowed = call.may(&format!("/vms/{vmid}"), "VM.Allocate")
        || pool.is_some_and(|pool| call.may(&format!("/pool/{pool}"), "VM.Allocate"));
    if !allowed {
        return Err(Fail::Forbidden(String::new()));
    }
    rules::storages(call, vmid, pool, &options)?;
    rules::privileges(call, vmid, pool, options.keys().map(String::as_str))?;
    rules::devices(call, vmid, pool, &options, true)?;
    rules::bridges(call, false, &options)?;
    hookscript(call, options.get("hookscript"))?;
    call.world.check_free(vmid).map_err(|text| Fail::die(format!("unable to create VM {vmid} - {text}")))?;
    let nets: Vec<String> = options.keys().filter(|key| rules::stem(key) == "net").cloned().collect();
    for net in nets {
        let text = rules::with_mac(call, &net, &options[&net]);
        options.insert(net, text);
    }
    if let Some(text) = options.get_mut("description") {
        *text = text.trim_end().to_owned();
    }
    let mut guest = Guest::new(vmid, false, &node, call.world.now);
    guest.set("lock", "create");
    call.world.guests.insert(vmid, guest);
    if let Some(pool) = pool.and_then(|pool| call.world.pools.get_mut(pool)) {
        pool.vms.push(vmid);
    }
    let start = call.args.flag("start");
    let job = Job::Create { vmid, options, start };
    Ok(call.start(&node, "qmcreate", &vmid.to_string(), Locks::alone(vmid), job).into())
}

/// A hook script must be a snippet that is there.
pub(super) fn hookscript(call: &Call<'_>, script: Option<&String>) -> Result<(), Fail> {
    let Some(script) = script else { return Ok(()) };
    let volume = call.world.volume(&call.node(), script);
    if volume.is_some_and(|volume| volume.content == "snippets") {
        return Ok(());
    }
    Err(Fail::param("hookscript", format!("script '{script}' does not exist\n")))
}

/// DELETE /nodes/{node}/qemu/{vmid}
pub(super) fn destroy(call: &mut Call<'_>) -> Answer {
    call.only_root(&["skiplock"])?;
    let (node, vmid) = (call.node(), call.vmid());
    let purge = call.args.flag("purge");
    let guest = call.world.guest(&node, false, vmid)?;
    guest.check_protection(&format!("can't remove VM {vmid}"))?;
    if guest.run.is_some() {
        return Err(Fail::die(format!("VM {vmid} is running - destroy failed")));
    }
    guest.check_lock()?;
    if !purge && call.world.ha.resources.contains_key(&format!("vm:{vmid}")) {
        return Err(Fail::die(format!(
            "unable to remove VM {vmid} - used in HA resources and purge parameter not set."
        )));
    }
    let job = Job::Destroy { vmid, purge, unreferenced: call.args.flag("destroy-unreferenced-disks") };
    Ok(call.start(&node, "qmdestroy", &vmid.to_string(), Locks::alone(vmid), job).into())
}

/// POST /nodes/{node}/qemu/{vmid}/template
pub(super) fn template(call: &mut Call<'_>) -> Answer {
    let (node, vmid) = (call.node(), call.vmid());
    let guest = call.world.guest(&node, false, vmid)?;
    if !guest.snapshots.is_empty() {
        return Err(Fail::die("unable to create template, because VM contains snapshots"));
    }
    if guest.is_template() {
        return Err(Fail::die("you can't convert a template to a template"));
    }
    if guest.run.is_some() {
        return Err(Fail::die("you can't convert a VM to template if VM is running"));
    }
    guest.check_lock()?;
    if let Some(disk) = call.args.get("disk") {
        let text = guest.get(disk).unwrap_or_default();
        if !props::keys(call.world.release, false, disk, text).contains_key("file") {
            return Err(Fail::die(format!("unable to create template, because disk '{disk}' does not exist")));
        }
    }
    call.lock(false, vmid)?;
    Ok(call.start(&node, "qmtemplate", &vmid.to_string(), Locks::alone(vmid), Job::Template { vmid }).into())
}
