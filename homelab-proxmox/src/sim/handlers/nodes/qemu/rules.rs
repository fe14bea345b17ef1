//! Which options of a virtual machine a caller may set: privileges, root-only keys, storages, bridges.
use super::super::super::super::answer::Fail;
use super::super::super::super::call::Call;
use super::super::super::super::props::{self, Keys};
use super::super::super::super::tasks::{Spec, spec_of};
use super::super::super::super::world::Texts;
use crate::http::Method;
use crate::sim::schema::SCHEMA;

/// Parameters of the calls that are no options of the guest.
const NOT_OPTIONS: &[&str] = &[
    "archive",
    "bwlimit",
    "force",
    "ha-managed",
    "import-working-storage",
    "live-restore",
    "pool",
    "start",
    "storage",
    "unique",
    "node",
    "vmid",
    "delete",
    "digest",
    "revert",
    "skiplock",
    "background_delay",
];

/// The guest's options among the parameters.
pub(super) fn options(call: &Call<'_>) -> Texts {
    let mut options = call.args.texts(NOT_OPTIONS);
    if let Some(cdrom) = options.remove("cdrom") {
        options.insert("ide2".to_owned(), format!("{cdrom},media=cdrom"));
    }
    options
}

/// Whether there is an option of that name.
pub(super) fn exists(call: &Call<'_>, option: &str) -> bool {
    let unused = option.strip_prefix("unused").is_some_and(|number| number.parse::<u8>().is_ok());
    unused
        || (!NOT_OPTIONS.contains(&option)
            && SCHEMA.param_of(call.world.release, Method::Post, "/nodes/{node}/qemu", option).is_some())
}

/// Whether an option names a drive.
pub(super) fn is_drive(option: &str) -> bool {
    let stem = stem(option);
    stem.len() < option.len() && matches!(stem, "ide" | "sata" | "scsi" | "virtio" | "efidisk" | "tpmstate")
}

/// An option's name without its number.
pub(super) fn stem(option: &str) -> &str {
    option.trim_end_matches(|letter: char| letter.is_ascii_digit())
}

/// Where a privilege on the guest may come from: the guest's path, or the pool that it will be in.
fn need(call: &Call<'_>, vmid: u32, pool: Option<&str>, privilege: &str) -> Result<(), Fail> {
    if pool.is_some_and(|pool| call.may(&format!("/pool/{pool}"), privilege)) {
        return Ok(());
    }
    call.need(&format!("/vms/{vmid}"), &[privilege])
}

/// The privileges that the options need; what is on no list is root's alone (pve-notes section 3).
pub(super) fn privileges<'o>(
    call: &Call<'_>,
    vmid: u32,
    pool: Option<&str>,
    options: impl Iterator<Item = &'o str>,
) -> Result<(), Fail> {
    if call.who.is_root() {
        return Ok(());
    }
    for option in options.filter(|option| !is_drive(option)) {
        let number = stem(option).len() < option.len();
        let privilege = match stem(option) {
            "serial" | "usb" | "hostpci" if number => continue,
            "tags" => continue,
            "numa" | "cores" | "cpu" | "cpulimit" | "cpuunits" | "sockets" | "vcpus" => "VM.Config.CPU",
            "memory" | "balloon" | "shares" | "allow-ksm" => "VM.Config.Memory",
            "acpi" | "hotplug" | "kvm" | "machine" | "scsihw" | "smbios" | "tablet" | "vga" | "watchdog" | "audio"
            | "rng" => "VM.Config.HWType",
            "agent" | "autostart" | "bios" | "description" | "keyboard" | "localtime" | "migrate_downtime"
            | "migrate_speed" | "name" | "onboot" | "ostype" | "protection" | "reboot" | "startdate" | "startup"
            | "tdf" | "template" | "hookscript" => {
                if option == "startup" {
                    call.need("/", &["Sys.Modify"])?;
                }
                "VM.Config.Options"
            }
            "freeze" => "VM.PowerMgmt",
            "boot" | "bootdisk" | "vmstatestorage" | "unused" | "virtiofs" => "VM.Config.Disk",
            "net" if number => "VM.Config.Network",
            "ipconfig" | "cicustom" | "cipassword" | "citype" | "ciuser" | "ciupgrade" | "nameserver"
            | "searchdomain" | "sshkeys" => {
                if need(call, vmid, pool, "VM.Config.Network").is_ok() {
                    continue;
                }
                "VM.Config.Cloudinit"
            }
            _ => return Err(Fail::die(format!("only root can set '{option}' config"))),
        };
        need(call, vmid, pool, privilege)?;
    }
    Ok(())
}

/// Devices of the host: real ones are root's, mapped ones need Mapping.Use.
pub(super) fn devices(call: &Call<'_>, vmid: u32, pool: Option<&str>, options: &Texts, new: bool) -> Result<(), Fail> {
    if call.who.is_root() {
        return Ok(());
    }
    for (option, value) in options {
        let keys = props::keys(call.world.release, false, option, value);
        let number = stem(option).len() < option.len();
        match stem(option) {
            "serial" if number => {
                if value != "socket" {
                    let verb = if new { "set" } else { "modify" };
                    return Err(Fail::die(format!("only root can {verb} '{option}' config for real devices")));
                }
            }
            "usb" if number => match (keys.get("mapping"), keys.get("host")) {
                (Some(mapping), _) => call.need(&format!("/mapping/usb/{mapping}"), &["Mapping.Use"])?,
                (None, Some(host)) if host.eq_ignore_ascii_case("spice") => {}
                _ => return Err(Fail::die(format!("only root can set '{option}' config for real devices"))),
            },
            "hostpci" if number => match (keys.get("mapping"), keys.get("host")) {
                (Some(mapping), None) => call.need(&format!("/mapping/pci/{mapping}"), &["Mapping.Use"])?,
                _ => return Err(Fail::die(format!("only root can set '{option}' config for non-mapped devices"))),
            },
            "virtiofs" if number => {
                let dir = keys.get("dirid").map(String::as_str).unwrap_or_default();
                call.need(&format!("/mapping/dir/{dir}"), &["Mapping.Use"])?;
                continue;
            }
            _ => continue,
        }
        need(call, vmid, pool, "VM.Config.HWType")?;
    }
    Ok(())
}

/// Every bridge that the networks name needs SDN.Use, a tagged one for its tag (pve-notes section 4).
pub(in crate::sim::handlers::nodes) fn bridges(call: &Call<'_>, lxc: bool, options: &Texts) -> Result<(), Fail> {
    for (option, value) in options.iter().filter(|(key, _)| stem(key) == "net" && key.len() > 3) {
        let keys = props::keys(call.world.release, lxc, option, value);
        let Some(bridge) = keys.get("bridge") else { continue };
        let path = format!("/sdn/zones/localnetwork/{bridge}");
        match keys.get("tag") {
            Some(tag) => call.need(&format!("{path}/{tag}"), &["SDN.Use"])?,
            None => call.need(&path, &["SDN.Use"])?,
        }
    }
    Ok(())
}

/// What the drives ask of storages: that they exist, hold images, and may be used; where imports come from.
pub(super) fn storages(call: &Call<'_>, vmid: u32, pool: Option<&str>, options: &Texts) -> Result<(), Fail> {
    let node = call.node();
    for (option, value) in options.iter().filter(|(option, _)| is_drive(option)) {
        let keys = props::keys(call.world.release, false, option, value);
        let cdrom = keys.get("media").map(String::as_str) == Some("cdrom");
        let import = keys.get("import-from");
        let file = keys.get("file").map(String::as_str).unwrap_or_default();
        let spec = spec_of(&keys);
        if import.is_some() && !matches!(spec, Spec::Import { .. }) || import.is_some() && !file.ends_with(":0") {
            return Err(Fail::param(
                option,
                "'import-from' requires special syntax - use <storage ID>:0,import-from=<source>",
            ));
        }
        match &spec {
            Spec::Empty => {
                if file == "cdrom" {
                    call.need("/", &["Sys.Console"])?;
                }
            }
            Spec::CloudInit { storage } => {
                call.need(&format!("/storage/{storage}"), &["Datastore.AllocateSpace"])?;
                images(call, &node, storage)?;
            }
            Spec::New { storage, .. } => {
                call.need(&format!("/storage/{storage}"), &["Datastore.AllocateSpace"])?;
                images(call, &node, storage)?;
            }
            Spec::Import { storage, source } => {
                call.need(&format!("/storage/{storage}"), &["Datastore.AllocateSpace"])?;
                images(call, &node, storage)?;
                volume(call, vmid, source)?;
                let kind = source.split(':').nth(1).and_then(|name| name.split('/').next()).unwrap_or_default();
                if matches!(kind, "iso" | "vztmpl" | "backup" | "snippets") {
                    return Err(Fail::param(
                        option,
                        format!("import-from needs a volume of type 'images' or 'import', not '{kind}'"),
                    ));
                }
            }
            Spec::Volume(volid) => volume(call, vmid, volid)?,
        }
        let privilege =
            if cdrom || matches!(spec, Spec::CloudInit { .. }) { "VM.Config.CDROM" } else { "VM.Config.Disk" };
        need(call, vmid, pool, privilege)?;
    }
    match options.get("vmstatestorage") {
        Some(storage) => call.need(&format!("/storage/{storage}"), &["Datastore.AllocateSpace"]),
        None => Ok(()),
    }
}

/// The storage is there, on this node, and holds images of disks.
pub(super) fn images(call: &Call<'_>, node: &str, storage: &str) -> Result<(), Fail> {
    call.world.storage(storage)?;
    if !call.world.storage_holds(storage, "images") {
        return Err(Fail::param("storage", format!("storage '{storage}' does not support vm images")));
    }
    call.world.storage_usable(storage, node)
}

/// A volume may be used by its owner, and by who may allocate on its storage; paths are root's.
pub(super) fn volume(call: &Call<'_>, vmid: u32, volid: &str) -> Result<(), Fail> {
    let Some((storage, name)) = volid.split_once(':').filter(|_| !volid.starts_with('/')) else {
        if call.who.is_root() {
            return Ok(());
        }
        let at = "at /usr/share/perl5/PVE/Storage.pm line 502.";
        return Err(Fail::die(format!("Only root can pass arbitrary filesystem paths. {at}")));
    };
    call.world.storage(storage)?;
    if call.world.is_files(storage) && !name.contains('/') {
        return Err(Fail::die(format!("unable to parse directory volume name '{name}'")));
    }
    let kind = name.split('/').next().unwrap_or_default();
    let path = format!("/storage/{storage}");
    if matches!(kind, "iso" | "vztmpl" | "import" | "snippets") {
        return call.need_any(&path, &["Datastore.Audit", "Datastore.AllocateSpace"]);
    }
    let owner = call.world.volume(&call.node(), volid).and_then(|volume| volume.vmid);
    if owner == Some(vmid) || owner.is_none() {
        return Ok(());
    }
    call.need(&path, &["Datastore.Allocate"])
}

/// A network option as it is stored: with a MAC, model first.
pub(super) fn with_mac(call: &mut Call<'_>, option: &str, value: &str) -> String {
    let mut keys: Keys = props::keys(call.world.release, false, option, value);
    if !keys.contains_key("macaddr") {
        let mac = call.world.new_mac();
        keys.insert("macaddr".to_owned(), mac);
    }
    props::print_net(&keys)
}

/// SSH keys arrive URL-encoded, and must be keys (pve-notes section 8).
pub(super) fn ssh_keys(encoded: &str) -> Result<(), Fail> {
    let text = percent_encoding::percent_decode_str(encoded).decode_utf8_lossy().into_owned();
    public_keys(&text)
}

/// Each line is a public key, a comment, or empty.
pub(in crate::sim::handlers::nodes) fn public_keys(text: &str) -> Result<(), Fail> {
    let is_key = |line: &str| {
        let mut words = line.split_whitespace().skip_while(|word| !word.contains("ssh-") && !word.starts_with("ecdsa"));
        words.next().is_some()
            && words.next().is_some_and(|blob| {
                blob.len() >= 60
                    && blob.starts_with("AAAA")
                    && blob.bytes().all(|b| b.is_ascii_alphanumeric() || b"+/=".contains(&b))
            })
    };
    let fits = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')).all(is_key);
    if fits { Ok(()) } else { Err(Fail::die("SSH public key validation error")) }
}
