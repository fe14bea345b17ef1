//! Creating and destroying containers, and turning them into templates.
use super::rules;
use crate::sim::answer::{Answer, Fail};
use crate::sim::call::Call;
use crate::sim::handlers::nodes::qemu::{bridges, public_keys};
use crate::sim::tasks::{Job, Locks, unique_tags};
use crate::sim::world::{Guest, Release};

/// POST /nodes/{node}/lxc
pub(super) fn create(call: &mut Call<'_>) -> Answer {
    let (node, vmid) = (call.node(), call.vmid());
    let template = call.args.text("ostemplate").to_owned();
    let pool = call.args.get("pool").map(str::to_owned);
    let pool = pool.as_deref();
    if call.args.flag("restore") {
        return Err(Fail::die("the simulator does not restore backups"));
    }
    let mut options = rules::options(call);
    // 9.x makes a container unprivileged unless told otherwise (pve-notes section 9).
    let default = if call.world.release == Release::V9_2 { "1" } else { "0" };
    let unprivileged = options.remove("unprivileged").unwrap_or_else(|| default.to_owned()) == "1";
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
    if let Some(keys) = call.args.get("ssh-public-keys") {
        public_keys(keys)?;
    }
    if !options.contains_key("rootfs") {
        let storage = call.args.get("storage").unwrap_or("local");
        options.insert("rootfs".to_owned(), format!("{storage}:4"));
    }
    rules::privileges(call, vmid, pool, &options, &[], unprivileged)?;
    if call.world.release == Release::V9_2 && !unprivileged {
        call.need("/", &["Sys.Modify"])?;
    }
    bridges(call, true, &options)?;
    let storage = template.split(':').next().unwrap_or_default().to_owned();
    call.world.storage(&storage)?;
    call.need_any(&format!("/storage/{storage}"), &["Datastore.Audit", "Datastore.AllocateSpace"])?;
    call.world.check_free(vmid).map_err(Fail::die)?;
    let disks = rules::storages(call, &options)?;
    let nets: Vec<String> = options.keys().filter(|key| key.starts_with("net")).cloned().collect();
    for net in nets {
        let text = rules::with_mac(call, &net, &options[&net]);
        options.insert(net, text);
    }
    if let Some(tags) = options.get_mut("tags") {
        *tags = unique_tags(tags);
    }
    if unprivileged {
        options.insert("unprivileged".to_owned(), "1".to_owned());
    }
    let mut guest = Guest::new(vmid, true, &node, call.world.now);
    guest.set("lock", "create");
    call.world.guests.insert(vmid, guest);
    if let Some(pool) = pool.and_then(|pool| call.world.pools.get_mut(pool)) {
        pool.vms.push(vmid);
    }
    let job = Job::CreateCt { vmid, template, options, disks, start: call.args.flag("start") };
    Ok(call.start(&node, "vzcreate", &vmid.to_string(), Locks::alone(vmid), job).into())
}

/// DELETE /nodes/{node}/lxc/{vmid}
pub(super) fn destroy(call: &mut Call<'_>) -> Answer {
    let (node, vmid) = (call.node(), call.vmid());
    let (purge, force) = (call.args.flag("purge"), call.args.flag("force"));
    let guest = call.world.guest(&node, true, vmid)?;
    guest.check_protection(&format!("can't remove CT {vmid}"))?;
    guest.check_lock()?;
    if guest.run.is_some() && !force {
        return Err(Fail::die(format!("unable to destroy CT {vmid} - container is running")));
    }
    if !purge && call.world.ha.resources.contains_key(&format!("ct:{vmid}")) {
        return Err(Fail::die(format!(
            "unable to remove CT {vmid} - used in HA resources and purge parameter not set."
        )));
    }
    let job = Job::Destroy { vmid, purge, unreferenced: call.args.flag("destroy-unreferenced-disks") };
    Ok(call.start(&node, "vzdestroy", &vmid.to_string(), Locks::alone(vmid), job).into())
}

/// POST /nodes/{node}/lxc/{vmid}/template: at once, without a task.
pub(super) fn template(call: &mut Call<'_>) -> Answer {
    let (node, vmid) = (call.node(), call.vmid());
    let guest = call.world.guest(&node, true, vmid)?;
    guest.check_lock()?;
    if !guest.snapshots.is_empty() {
        return Err(Fail::die("unable to create template, because CT contains snapshots"));
    }
    if guest.is_template() {
        return Err(Fail::die("you can't convert a CT to a template if the CT is a template"));
    }
    if guest.run.is_some() {
        return Err(Fail::die("you can't convert a CT to template if the CT is running"));
    }
    call.lock(true, vmid)?;
    call.world.make_template(vmid)?;
    Ok(serde_json::Value::Null.into())
}
