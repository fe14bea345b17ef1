//! Which options of a container a caller may set, and how they are stored.
use crate::http::Method;
use crate::sim::answer::Fail;
use crate::sim::call::Call;
use crate::sim::handlers::nodes::qemu::bridges;
use crate::sim::props;
use crate::sim::rights::Rights;
use crate::sim::schema::SCHEMA;
use crate::sim::tasks::{Spec, spec_of, unique_tags};
use crate::sim::world::{Texts, is_storage_id};

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

/// A change that is judged.
pub(super) struct Wanted<'a> {
    /// The options so far, of a container that is there.
    pub(super) old: Option<&'a Texts>,
    pub(super) set: &'a Texts,
    pub(super) delete: &'a [String],
    pub(super) unprivileged: bool,
}

/// The privileges that the options need; refusals of root's own are 403 here (pve-notes section 3).
pub(super) fn privileges(call: &Call<'_>, vmid: u32, pool: Option<&str>, wanted: &Wanted<'_>) -> Result<(), Fail> {
    if call.who.is_root() {
        return Ok(());
    }
    let rights = Rights { world: call.world, who: &call.who, vmid, pool };
    let need = |privilege: &str| rights.need(&[privilege]);
    let empty = String::new();
    let all = wanted.set.iter().map(|(key, value)| (key, value, false));
    for (option, value, gone) in all.chain(wanted.delete.iter().map(|key| (key, &empty, true))) {
        let stem = option.trim_end_matches(|letter: char| letter.is_ascii_digit());
        let old = wanted.old.and_then(|old| old.get(option));
        match stem {
            "cores" | "cpuunits" | "cpulimit" => need("VM.Config.CPU")?,
            "rootfs" | "mp" => {
                need("VM.Config.Disk")?;
                if !gone {
                    volume(call, vmid, option, value)?;
                }
            }
            "dev" => forbid("configuring device passthrough")?,
            "memory" | "swap" => need("VM.Config.Memory")?,
            "net" => {
                need("VM.Config.Network")?;
                for value in old.into_iter().chain((!gone).then_some(value)) {
                    bridges(call, true, &Texts::from([(option.clone(), value.clone())]))?;
                }
            }
            "nameserver" | "searchdomain" | "hostname" => need("VM.Config.Network")?,
            "features" => {
                if !wanted.unprivileged {
                    forbid("changing feature flags for privileged container")?;
                }
                let keys = |text: &str| props::keys(call.world.release, true, option, text);
                let (before, after) = (old.map(|old| keys(old)).unwrap_or_default(), keys(value));
                let changed: Vec<&String> =
                    before.keys().chain(after.keys()).filter(|key| before.get(*key) != after.get(*key)).collect();
                if changed.iter().any(|key| *key != "nesting") {
                    forbid("changing feature flags (except nesting)")?;
                }
                if !changed.is_empty() {
                    need("VM.Allocate")?;
                }
            }
            "hookscript" => forbid("changing the hookscript")?,
            "tags" => rights.tags(old.map_or("", String::as_str), value)?,
            _ => need("VM.Config.Options")?,
        }
    }
    Ok(())
}

/// A mount point is a volume, or root's.
fn volume(call: &Call<'_>, vmid: u32, option: &str, value: &str) -> Result<(), Fail> {
    let kind = match spec(call, option, value) {
        Spec::Volume(path) if path.starts_with("/dev/") => "device",
        Spec::Volume(path) if path.starts_with('/') => "bind",
        Spec::Volume(volid) => {
            return call.world.volume_access(&call.who, Some(vmid), &volid, Some("rootdir"));
        }
        Spec::New { storage, .. } if !storage.is_empty() => {
            return call.need(&format!("/storage/{storage}"), &["Datastore.AllocateSpace"]);
        }
        _ => return Ok(()),
    };
    forbid(&format!("mount point type {kind}"))
}

/// What each volume asks for; the root comes first, as it is made first.
pub(super) fn specs(call: &Call<'_>, options: &Texts) -> Vec<(String, Spec)> {
    let volumes = options.iter().filter(|(option, _)| is_volume(option));
    let mut specs: Vec<(String, Spec)> =
        volumes.map(|(option, value)| (option.clone(), spec(call, option, value))).collect();
    specs.sort_by_key(|(option, _)| (option != "rootfs", option.clone()));
    specs
}

/// Storages of a new container's volumes must be there, hold such volumes, and be the caller's to use.
pub(super) fn storages(call: &Call<'_>, options: &Texts) -> Result<(), Fail> {
    for (_, spec) in specs(call, options) {
        let storage = match &spec {
            Spec::New { storage, .. } => storage.clone(),
            Spec::Volume(volid) if volid.starts_with('/') => {
                if !call.who.is_root() {
                    return Err(Fail::die("Only root can pass arbitrary filesystem paths."));
                }
                continue;
            }
            Spec::Volume(volid) => {
                let parts = volid.split_once(':').filter(|(id, _)| is_storage_id(id));
                let unparsed = || Fail::die(format!("unable to parse volume ID '{volid}'"));
                parts.ok_or_else(unparsed)?.0.to_owned()
            }
            _ => continue,
        };
        call.world.storage_usable(&storage, &call.node())?;
        if !call.world.storage_holds(&storage, "rootdir") {
            let text = format!("storage '{storage}' does not support container directories");
            return Err(Fail::param("storage", text));
        }
        call.need(&format!("/storage/{storage}"), &["Datastore.AllocateSpace"])?;
    }
    Ok(())
}

/// Values that are judged, or stored otherwise, when they become pending.
pub(super) fn values(call: &Call<'_>, options: &mut Texts) -> Result<(), Fail> {
    for (option, value) in options {
        match option.as_str() {
            "tags" => *value = unique_tags(value),
            "nameserver" | "searchdomain" => {
                *value = crate::sim::format::list(value).collect::<Vec<_>>().join(" ");
            }
            "hookscript" => {
                let name = call.world.volume_name(value)?;
                if name.kind != "snippets" {
                    return Err(Fail::die(format!("'{value}' is not in the snippets directory")));
                }
                if call.world.volume(&call.node(), value).is_none() {
                    return Err(Fail::die(format!("script '{value}' does not exist")));
                }
            }
            "unprivileged" => return Err(Fail::die(format!("unable to modify read-only option: '{option}'"))),
            _ => {}
        }
    }
    Ok(())
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
