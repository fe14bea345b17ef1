//! Creating and destroying virtual machines, and turning them into templates.
use super::config::rewrite;
use super::rules;
use crate::sim::answer::{Answer, Fail};
use crate::sim::call::Call;
use crate::sim::tasks::{CreateJob, Job, Locks};
use crate::sim::world::{Guest, Texts};

/// POST /nodes/{node}/qemu
pub(super) fn create(call: &mut Call<'_>) -> Answer {
    let (node, vmid) = (call.node(), call.vmid());
    let pool = call.args.get("pool").map(str::to_owned);
    let pool = pool.as_deref();
    let mut options = rules::options(call);
    if let Some(keys) = options.get("sshkeys") {
        rules::ssh_keys(keys)?;
    }
    if let Some(pool) = pool
        && !call.world.pools.contains_key(pool)
    {
        return Err(Fail::Forbidden(format!("pool '{pool}' does not exist")));
    }
    let storage = call.args.get("storage").map(str::to_owned);
    if let Some(storage) = &storage {
        call.need(&format!("/storage/{storage}"), &["Datastore.AllocateSpace"])?;
    }
    let allowed = call.may(&format!("/vms/{vmid}"), "VM.Allocate")
        || pool.is_some_and(|pool| call.may(&format!("/pool/{pool}"), "VM.Allocate"));
    if !allowed {
        return Err(Fail::Forbidden(String::new()));
    }
    if let Some(archive) = call.args.get("archive") {
        return Err(restore(call, vmid, archive, &options));
    }
    rules::storages(call, vmid, &options, storage.as_deref())?;
    rules::privileges(call, vmid, pool, options.keys().map(String::as_str))?;
    rules::devices(call, vmid, pool, &options)?;
    rules::bridges(call, false, &options)?;
    rules::cpu_model(call, options.get("cpu"), None)?;
    rules::drives(call, &mut options)?;
    call.world.check_free(vmid).map_err(|text| Fail::die(format!("unable to create VM {vmid} - {text}")))?;
    let options = rewrite(call, options);
    let mut guest = Guest::new(vmid, false, &node, call.world.now);
    guest.set("lock", "create");
    call.world.guests.insert(vmid, guest);
    let pool = pool.map(str::to_owned);
    let job = Job::Create(CreateJob { vmid, options, storage, pool, start: call.args.flag("start") });
    Ok(call.start(&node, "qmcreate", &vmid.to_string(), Locks::alone(vmid), job).into())
}

/// Why a backup is not restored: what is wrong with the request, or that the simulator cannot.
fn restore(call: &Call<'_>, vmid: u32, archive: &str, options: &Texts) -> Fail {
    if let Some(option) = options.keys().find(|option| rules::is_drive(option)) {
        return Fail::param(option, "option conflicts with option 'archive'");
    }
    if archive == "-" {
        return Fail::die("pipe requires cli environment");
    }
    if let Err(fail) = call.world.volume_access(&call.who, Some(vmid), archive, Some("backup")) {
        return fail;
    }
    if call.world.volume(&call.node(), archive).is_none() {
        return Fail::die(format!("volume '{archive}' does not exist"));
    }
    Fail::Status(501, "the simulator does not restore backups (the real one does)".to_owned())
}

/// A hook script must be a snippet that is there.
pub(super) fn hookscript(call: &Call<'_>, script: Option<&String>) -> Result<(), Fail> {
    let Some(script) = script else { return Ok(()) };
    let text = match call.world.volume_name(script) {
        Err(fail) => fail.text(),
        Ok(name) if name.kind != "snippets" => format!("'{script}' is not in the snippets directory"),
        Ok(_) if call.world.volume(&call.node(), script).is_some() => return Ok(()),
        Ok(_) => format!("script '{script}' does not exist"),
    };
    Err(Fail::param("hookscript", format!("{text}\n")))
}

/// DELETE /nodes/{node}/qemu/{vmid}
pub(super) fn destroy(call: &mut Call<'_>) -> Answer {
    call.only_root(&["skiplock"])?;
    let (node, vmid) = (call.node(), call.vmid());
    let purge = call.args.flag("purge");
    let guest = call.world.guest(&node, false, vmid)?;
    guest.check_protection(&format!("can't remove VM {vmid}"))?;
    if !purge && call.world.ha.resources.contains_key(&format!("vm:{vmid}")) {
        return Err(Fail::die(format!(
            "unable to remove VM {vmid} - used in HA resources and purge parameter not set."
        )));
    }
    if guest.run.is_some() {
        return Err(Fail::die(format!("VM {vmid} is running - destroy failed")));
    }
    let skiplock = call.args.flag("skiplock");
    let job = Job::Destroy { vmid, purge, unreferenced: call.args.flag("destroy-unreferenced-disks"), skiplock };
    Ok(call.start(&node, "qmdestroy", &vmid.to_string(), Locks::alone(vmid), job).into())
}

/// POST /nodes/{node}/qemu/{vmid}/template
pub(super) fn template(call: &mut Call<'_>) -> Answer {
    let (node, vmid) = (call.node(), call.vmid());
    let guest = call.world.guest(&node, false, vmid)?;
    guest.check_lock()?;
    if !guest.snapshots.is_empty() {
        return Err(Fail::die("unable to create template, because VM contains snapshots"));
    }
    let disk = call.args.get("disk").map(str::to_owned);
    if guest.is_template() && disk.is_none() {
        return Err(Fail::die("you can't convert a template to a template"));
    }
    if guest.run.is_some() {
        return Err(Fail::die("you can't convert a VM to template if VM is running"));
    }
    let job = Job::Template { vmid, disk };
    Ok(call.start(&node, "qmtemplate", &vmid.to_string(), Locks::alone(vmid), job).into())
}
