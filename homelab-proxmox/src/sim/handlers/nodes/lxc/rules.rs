//! Which options of a container a caller may set, and how they are stored.
use crate::http::Method;
use crate::sim::answer::Fail;
use crate::sim::call::Call;
use crate::sim::props;
use crate::sim::schema::SCHEMA;
use crate::sim::tasks::{Spec, spec_of};
use crate::sim::world::Texts;

/// Parameters of the calls that are no options of the container.
const NOT_OPTIONS: &[&str] = &[
    "bwlimit",
    "force",
    "ignore-unpack-errors",
    "ostemplate",
    "password",
    "pool",
    "restore",
    "ssh-public-keys",
    "start",
    "storage",
    "unique",
    "node",
    "vmid",
    "delete",
    "digest",
    "revert",
    "ha-managed",
];

/// The container's options among the parameters.
pub(super) fn options(call: &Call<'_>) -> Texts {
    call.args.texts(NOT_OPTIONS)
}

/// Whether there is an option of that name.
pub(super) fn exists(call: &Call<'_>, option: &str) -> bool {
    !NOT_OPTIONS.contains(&option)
        && SCHEMA.param_of(call.world.release, Method::Post, "/nodes/{node}/lxc", option).is_some()
}

/// Whether an option names a volume.
pub(super) fn is_volume(option: &str) -> bool {
    option == "rootfs" || option.strip_prefix("mp").is_some_and(|number| number.parse::<u16>().is_ok())
}

/// What a mount point asks for.
pub(super) fn spec(call: &Call<'_>, option: &str, value: &str) -> Spec {
    spec_of(&props::keys(call.world.release, true, option, value))
}

fn forbid(text: &str) -> Result<(), Fail> {
    Err(Fail::Forbidden(format!("{text} is only allowed for root@pam")))
}

/// The privileges that the options need; refusals of root's own are 403 here (pve-notes section 3).
pub(super) fn privileges(
    call: &Call<'_>,
    vmid: u32,
    pool: Option<&str>,
    options: &Texts,
    deleted: &[String],
    unprivileged: bool,
) -> Result<(), Fail> {
    if call.who.is_root() {
        return Ok(());
    }
    let need = |privilege: &str| {
        if pool.is_some_and(|pool| call.may(&format!("/pool/{pool}"), privilege)) {
            return Ok(());
        }
        call.need(&format!("/vms/{vmid}"), &[privilege])
    };
    let empty = String::new();
    let all = options.iter().map(|(key, value)| (key, value, false));
    for (option, value, gone) in all.chain(deleted.iter().map(|key| (key, &empty, true))) {
        let stem = option.trim_end_matches(|letter: char| letter.is_ascii_digit());
        match stem {
            "cores" | "cpuunits" | "cpulimit" => need("VM.Config.CPU")?,
            "rootfs" | "mp" | "unused" => {
                need("VM.Config.Disk")?;
                if !gone && stem != "unused" {
                    volume(call, option, value)?;
                }
            }
            "dev" => forbid("configuring device passthrough")?,
            "memory" | "swap" => need("VM.Config.Memory")?,
            "net" | "nameserver" | "searchdomain" | "hostname" => need("VM.Config.Network")?,
            "features" => {
                if !unprivileged {
                    forbid("changing feature flags for privileged container")?;
                }
                let keys = props::keys(call.world.release, true, option, value);
                if keys.keys().any(|key| key != "nesting") {
                    forbid("changing feature flags (except nesting)")?;
                }
                need("VM.Allocate")?;
            }
            "hookscript" => forbid("changing the hookscript")?,
            "lock" => forbid("changing the lock")?,
            "tags" => {}
            "startup" => {
                call.need("/", &["Sys.Modify"])?;
                need("VM.Config.Options")?;
            }
            _ => need("VM.Config.Options")?,
        }
    }
    Ok(())
}

/// A mount point is a volume, or root's.
fn volume(call: &Call<'_>, option: &str, value: &str) -> Result<(), Fail> {
    let kind = match spec(call, option, value) {
        Spec::Volume(path) if path.starts_with("/dev/") => "device",
        Spec::Volume(path) if path.starts_with('/') => "bind",
        Spec::New { storage, .. } => return call.need(&format!("/storage/{storage}"), &["Datastore.AllocateSpace"]),
        _ => return Ok(()),
    };
    forbid(&format!("mount point type {kind}"))
}

/// Storages of new volumes must be there and hold containers' volumes.
pub(super) fn storages(call: &Call<'_>, options: &Texts) -> Result<Vec<(String, Spec)>, Fail> {
    let mut specs = Vec::new();
    for (option, value) in options.iter().filter(|(option, _)| is_volume(option)) {
        let spec = spec(call, option, value);
        if let Spec::New { storage, .. } = &spec {
            call.world.storage(storage)?;
            if !call.world.storage_holds(storage, "rootdir") {
                return Err(Fail::die(format!("storage '{storage}' does not support container directories")));
            }
            call.world.storage_usable(storage, &call.node())?;
        }
        specs.push((option.clone(), spec));
    }
    // The root comes first, as it is made first.
    specs.sort_by_key(|(option, _)| (option != "rootfs", option.clone()));
    Ok(specs)
}

/// A network option as it is stored: with a MAC and a type.
pub(super) fn with_mac(call: &mut Call<'_>, option: &str, value: &str) -> String {
    let mut keys = props::keys(call.world.release, true, option, value);
    if !keys.contains_key("hwaddr") {
        let mac = call.world.new_mac();
        keys.insert("hwaddr".to_owned(), mac);
    }
    keys.entry("type".to_owned()).or_insert_with(|| "veth".to_owned());
    props::print_named(&keys, "name")
}
