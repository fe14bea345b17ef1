//! Which options of a virtual machine a caller may set: privileges, root-only keys, storages, bridges.
use crate::http::Method;
use crate::sim::answer::Fail;
use crate::sim::call::Call;
use crate::sim::props::{self, Keys};
use crate::sim::rights::Rights;
use crate::sim::schema::SCHEMA;
use crate::sim::tasks::{Spec, spec_of};
use crate::sim::world::{Release, Texts, is_storage_id};

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
        let media = if cdrom.contains("media=") { "" } else { ",media=cdrom" };
        options.insert("ide2".to_owned(), format!("{cdrom}{media}"));
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

/// The caller's rights over a guest, which may be in a pool to be.
pub(super) fn rights<'a>(call: &'a Call<'_>, vmid: u32, pool: Option<&'a str>) -> Rights<'a> {
    Rights { world: call.world, who: &call.who, vmid, pool }
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
    let rights = rights(call, vmid, pool);
    for option in options.filter(|option| !is_drive(option)) {
        let number = stem(option).len() < option.len();
        let privilege = match stem(option) {
            "unused" | "serial" | "usb" | "hostpci" | "virtiofs" if number => continue,
            "tags" => continue,
            "cores" | "cpu" | "cpulimit" | "cpuunits" | "numa" | "sockets" | "vcpus" => "VM.Config.CPU",
            "memory" | "balloon" | "shares" => "VM.Config.Memory",
            "allow-ksm" if call.world.release == Release::V9_2 => "VM.Config.Memory",
            "acpi" | "hotplug" | "kvm" | "machine" | "scsihw" | "smbios" | "tablet" | "vga" | "watchdog" | "audio"
            | "rng" => "VM.Config.HWType",
            "agent" | "autostart" | "bios" | "description" | "keyboard" | "localtime" | "migrate_downtime"
            | "migrate_speed" | "name" | "onboot" | "ostype" | "protection" | "reboot" | "startdate" | "startup"
            | "tdf" | "template" => {
                rights.need(&["VM.Config.Options"])?;
                if option == "startup" {
                    call.need("/", &["Sys.Modify"])?;
                }
                continue;
            }
            "freeze" => "VM.PowerMgmt",
            "boot" | "bootdisk" | "vmstatestorage" => "VM.Config.Disk",
            "net" if number => "VM.Config.Network",
            "ipconfig" | "cicustom" | "cipassword" | "citype" | "ciuser" | "ciupgrade" | "nameserver"
            | "searchdomain" | "sshkeys" => {
                rights.need_any(&["VM.Config.Cloudinit", "VM.Config.Network"])?;
                continue;
            }
            _ => return Err(Fail::die(format!("only root can set '{option}' config"))),
        };
        rights.need(&[privilege])?;
    }
    Ok(())
}

/// Devices of the host that a new guest asks for.
pub(super) fn devices(call: &Call<'_>, vmid: u32, pool: Option<&str>, options: &Texts) -> Result<(), Fail> {
    let rights = rights(call, vmid, pool);
    for kind in ["serial", "usb", "hostpci", "virtiofs"] {
        for (option, value) in options.iter().filter(|(option, _)| stem(option) == kind) {
            rights.device(option, value, "set")?;
        }
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

/// Drives must be sound in themselves before anybody asks for rights; an empty drive is one for CDs.
pub(super) fn drives(call: &Call<'_>, options: &mut Texts) -> Result<(), Fail> {
    for (option, value) in options.iter_mut().filter(|(option, _)| is_drive(option)) {
        let keys = props::keys(call.world.release, false, option, value);
        let key = |name: &str| keys.get(name).map(String::as_str);
        if clashes(option, &keys) {
            return Err(Fail::param(option, "unable to parse drive options"));
        }
        let file = key("file").unwrap_or_default();
        let spec = spec_of(&keys);
        if key("import-from").is_some() {
            let zero = file.rsplit(':').next().and_then(|size| size.parse::<f64>().ok()) == Some(0.0);
            if !matches!(spec, Spec::Import { .. }) || !zero {
                let text = "'import-from' requires special syntax - use <storage ID>:0,import-from=<source>";
                return Err(Fail::param(option, text));
            }
            let required: &[&str] = match option.as_str() {
                "efidisk0" => &["efitype", "pre-enrolled-keys"],
                "tpmstate0" => &["version"],
                _ => &[],
            };
            if let Some(missing) = required.iter().find(|name| key(name).is_none()) {
                return Err(Fail::param(option, format!("need to specify '{missing}' when using 'import-from'")));
            }
        }
        let managed = file.split_once(':').is_some_and(|(id, name)| !id.is_empty() && !name.is_empty());
        let sized = matches!(spec, Spec::New { .. } | Spec::Import { .. });
        if !managed && !sized && !matches!(spec, Spec::Empty) && !file.starts_with("/dev/") && file != "cloudinit" {
            return Err(Fail::param(option, format!("unable to associate path '{file}' to any storage")));
        }
        if let Spec::Volume(volid) = &spec
            && volid.split_once(':').is_some_and(|(id, _)| is_storage_id(id))
            && call.world.volume_name(volid)?.kind == "iso"
            && key("media") != Some("cdrom")
        {
            return Err(Fail::param(option, "explicit 'media=cdrom' is required for iso images"));
        }
        if matches!(spec, Spec::Empty) && key("media").is_none() {
            value.push_str(",media=cdrom");
        }
    }
    Ok(())
}

/// Options of a drive that exclude or need each other, beyond what the schema says.
fn clashes(option: &str, keys: &Keys) -> bool {
    let on = |name: &str| keys.get(name).is_some_and(|value| !matches!(value.as_str(), "0" | ""));
    let both = |all: &str, one: &str| on(all) && (on(&format!("{one}_rd")) || on(&format!("{one}_wr")));
    let twice = ["bps", "bps_rd", "bps_wr"].iter().any(|name| keys.contains_key(*name) && on(&format!("m{name}")));
    let lonely = ["mbps", "mbps_rd", "mbps_wr"].iter().any(|name| on(&format!("{name}_max")) && !on(name));
    let lengths = [("bps", "mbps"), ("bps_rd", "mbps_rd"), ("bps_wr", "mbps_wr"), ("iops", "iops")];
    let also = [("iops_rd", "iops_rd"), ("iops_wr", "iops_wr")];
    let endless = lengths
        .iter()
        .chain(&also)
        .any(|(name, most)| on(&format!("{name}_max_length")) && !on(&format!("{most}_max")));
    let cdrom = keys.get("media").map(String::as_str) == Some("cdrom")
        && (stem(option) == "virtio"
            || ["snapshot", "trans", "format", "heads", "secs", "cyls"].iter().any(|name| on(name)));
    twice || lonely || endless || cdrom || both("mbps", "mbps") || both("iops", "iops")
}

/// What the drives ask of storages: that they hold images and may be used, and where imports come from.
pub(super) fn storages(call: &Call<'_>, vmid: u32, options: &Texts, default: Option<&str>) -> Result<(), Fail> {
    for (option, value) in options.iter().filter(|(option, _)| is_drive(option)) {
        let keys = props::keys(call.world.release, false, option, value);
        let cdrom = keys.get("media").map(String::as_str) == Some("cdrom");
        let file = keys.get("file").map(String::as_str).unwrap_or_default();
        match spec_of(&keys) {
            Spec::Empty => {
                if file == "cdrom" {
                    call.need("/", &["Sys.Console"])?;
                }
            }
            Spec::CloudInit { .. } => {}
            Spec::New { storage, .. } | Spec::Import { storage, .. } if !cdrom => {
                let storage = if storage.is_empty() { default.unwrap_or_default() } else { &storage };
                if storage.is_empty() {
                    return Err(Fail::die("no storage ID specified (and no default storage)"));
                }
                call.need(&format!("/storage/{storage}"), &["Datastore.AllocateSpace"])?;
                holds_images(call, storage)?;
            }
            _ => {
                call.world.volume_access(&call.who, Some(vmid), file, None)?;
                if file.split_once(':').is_some_and(|(id, _)| is_storage_id(id))
                    && !matches!(call.world.volume_name(file)?.kind, "images" | "iso")
                {
                    return Err(Fail::param(option, "content type needs to be 'images' or 'iso'"));
                }
            }
        }
        if let Some(source) = keys.get("import-from") {
            import(call, vmid, option, source)?;
        }
    }
    match options.get("vmstatestorage") {
        Some(storage) => call.need(&format!("/storage/{storage}"), &["Datastore.AllocateSpace"]),
        None => Ok(()),
    }
}

/// Where an import comes from: a disk of another guest, or a file for importing.
fn import(call: &Call<'_>, vmid: u32, option: &str, source: &str) -> Result<(), Fail> {
    let mut owner = None;
    if let Some((storage, _)) = source.split_once(':').filter(|(id, _)| is_storage_id(id)) {
        let name = call.world.volume_name(source)?;
        if !matches!(name.kind, "images" | "import") {
            let text = format!("{source} has wrong type '{}' - needs to be 'images' or 'import'", name.kind);
            return Err(Fail::param(option, text));
        }
        if name.format.starts_with("ova+") || name.format == "ova" {
            let working = call.args.get("import-working-storage");
            let used = working.unwrap_or(storage);
            call.world.storage(used)?;
            if !call.world.storage_holds(used, "images") || !call.world.is_files(used) {
                let text = format!(
                    "import working storage '{used}' does not support 'images' content type or is not file based."
                );
                return Err(Fail::param(if working.is_some() { "import-working-storage" } else { option }, text));
            }
            call.need(&format!("/storage/{used}"), &["Datastore.AllocateSpace"])?;
        }
        owner = name.owner;
    }
    match owner {
        Some(owner) => call.need(&format!("/vms/{owner}"), &["VM.Clone"]),
        None => call.world.volume_access(&call.who, Some(vmid), source, None),
    }
}

/// The storage is there and holds images of disks.
pub(super) fn holds_images(call: &Call<'_>, storage: &str) -> Result<(), Fail> {
    call.world.storage(storage)?;
    if call.world.storage_holds(storage, "images") {
        return Ok(());
    }
    Err(Fail::param("storage", format!("storage '{storage}' does not support vm images")))
}

/// A custom processor model may be used by who may look at the nodes.
pub(super) fn cpu_model(call: &Call<'_>, new: Option<&String>, old: Option<&str>) -> Result<(), Fail> {
    let model = |text: &str| props::keys(call.world.release, false, "cpu", text).get("cputype").cloned();
    let Some(model_new) = new.and_then(|text| model(text)) else { return Ok(()) };
    if !model_new.starts_with("custom-") || old.and_then(model).as_ref() == Some(&model_new) {
        return Ok(());
    }
    call.need("/nodes", &["Sys.Audit"])
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
