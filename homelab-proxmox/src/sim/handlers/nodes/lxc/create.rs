//! Creating and destroying containers, and turning them into templates.
use super::rules;
use crate::sim::answer::{Answer, Fail, Reply};
use crate::sim::call::Call;
use crate::sim::handlers::nodes::qemu::public_keys;
use crate::sim::tasks::{Job, Locks};
use crate::sim::world::{Guest, Release};

/// POST /nodes/{node}/lxc
pub(super) fn create(call: &mut Call<'_>) -> Answer {
    let (node, vmid) = (call.node(), call.vmid());
    let template = call.args.text("ostemplate").to_owned();
    let pool = call.args.get("pool").map(str::to_owned);
    let pool = pool.as_deref();
    call.world.check_free(vmid).map_err(Fail::die)?;
    if let Some(keys) = call.args.get("ssh-public-keys") {
        public_keys(keys)?;
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
    rules::privileges(call, vmid, pool, &rules::Wanted { old: None, set: &options, delete: &[], unprivileged })?;
    if call.world.release == Release::V9_2 && !unprivileged {
        call.need("/", &["Sys.Modify"])?;
    }
    let restore = call.args.flag("restore");
    let kind = if restore { "backup" } else { "vztmpl" };
    call.world.volume_access(&call.who, Some(vmid), &template, Some(kind))?;
    if restore {
        let text = "the simulator does not restore backups (the real one does)";
        return Err(Fail::Status(501, text.to_owned()));
    }
    let storage = call.args.get("storage").unwrap_or("local").to_owned();
    options.retain(|key, _| !key.starts_with("unused"));
    for (_, value) in options.iter_mut().filter(|(key, _)| rules::is_volume(key)) {
        if value.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
            *value = format!("{storage}:{value}");
        }
    }
    let has_root = options.contains_key("rootfs");
    if !has_root && options.keys().any(|key| rules::is_volume(key)) {
        return Err(Fail::die("mount points configured, but 'rootfs' not set - aborting"));
    }
    options.entry("rootfs".to_owned()).or_insert_with(|| format!("{storage}:4"));
    rules::storages(call, &options)?;
    let disks = rules::specs(call, &options);
    if options.keys().any(|key| key == "unprivileged") {
        return Err(Fail::die("unable to modify read-only option: 'unprivileged'"));
    }
    rules::values(call, &mut options)?;
    let nets: Vec<String> = options.keys().filter(|key| key.starts_with("net")).cloned().collect();
    for net in nets {
        let text = rules::with_mac(call, &net, &options[&net]);
        options.insert(net, text);
    }
    if unprivileged {
        options.insert("unprivileged".to_owned(), "1".to_owned());
    }
    let mut guest = Guest::new(vmid, true, &node, call.world.now);
    guest.set("lock", "create");
    guest.keys = call.args.text("ssh-public-keys").lines().map(str::to_owned).collect();
    call.world.guests.insert(vmid, guest);
    let pool = pool.map(str::to_owned);
    let job = Job::CreateCt { vmid, template, options, disks, pool, start: call.args.flag("start") };
    Ok(call.start(&node, "vzcreate", &vmid.to_string(), Locks::alone(vmid), job).into())
}

/// DELETE /nodes/{node}/lxc/{vmid}
pub(super) fn destroy(call: &mut Call<'_>) -> Answer {
    let (node, vmid) = (call.node(), call.vmid());
    let (purge, force) = (call.args.flag("purge"), call.args.flag("force"));
    let guest = call.world.guest(&node, true, vmid)?;
    guest.check_protection(&format!("can't remove CT {vmid}"))?;
    guest.check_lock()?;
    if !purge && call.world.ha.resources.contains_key(&format!("ct:{vmid}")) {
        return Err(Fail::die(format!(
            "unable to remove CT {vmid} - used in HA resources and purge parameter not set."
        )));
    }
    if guest.run.is_some() && !force {
        return Err(Fail::die(format!("unable to destroy CT {vmid} - container is running")));
    }
    let job = Job::Destroy { vmid, purge, unreferenced: call.args.flag("destroy-unreferenced-disks"), skiplock: false };
    Ok(call.start(&node, "vzdestroy", &vmid.to_string(), Locks::alone(vmid), job).into())
}

/// POST /nodes/{node}/lxc/{vmid}/template: a task, but its id is not told.
pub(super) fn template(call: &mut Call<'_>) -> Answer {
    let (node, vmid) = (call.node(), call.vmid());
    call.lock(true, vmid)?;
    let guest = call.world.guest(&node, true, vmid)?;
    guest.check_lock()?;
    if !guest.snapshots.is_empty() {
        return Err(Fail::die("unable to create template, because CT contains snapshots"));
    }
    if guest.is_template() {
        return Err(Fail::die("you can't convert a template to a template"));
    }
    if guest.run.is_some() {
        return Err(Fail::die("you can't convert a CT to template if the CT is running"));
    }
    call.start(&node, "vztemplate", &vmid.to_string(), Locks::alone(vmid), Job::Template { vmid, disk: None });
    Reply::done()
}
