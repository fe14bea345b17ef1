//! Volumes of guests: what a drive option asks for, naming, allocating, and the lines that doing so prints.
use super::super::answer::Fail;
use super::super::check::matches_whole;
use super::super::props::Keys;
use super::super::world::{Os, Volume, World, format_size};
use super::Task;
use serde::{Deserialize, Serialize};

/// A drive option that asks for something new.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Spec {
    /// `STORE:4`: an empty volume of so many bytes.
    New { storage: String, bytes: u64 },
    /// `STORE:0,import-from=..`
    Import { storage: String, source: String },
    /// `STORE:cloudinit`
    CloudInit { storage: String },
    /// A volume that is there.
    Volume(String),
    /// `none`, `cdrom`: an empty drive.
    Empty,
}

/// What a drive's keys ask for.
pub(crate) fn spec_of(keys: &Keys) -> Spec {
    let file = keys.get("file").or_else(|| keys.get("volume")).map_or("none", String::as_str);
    if matches!(file, "none" | "cdrom") {
        return Spec::Empty;
    }
    let (storage, rest) = file.split_once(':').unwrap_or(("", file));
    if rest == "cloudinit" {
        return Spec::CloudInit { storage: storage.to_owned() };
    }
    let sized = matches_whole(r"\d+(\.\d+)?", rest) && !storage.contains('/');
    match (sized, keys.get("import-from")) {
        (true, Some(source)) => Spec::Import { storage: storage.to_owned(), source: source.clone() },
        (true, None) => {
            let bytes = super::super::world::parse_size(&format!("{rest}G")).unwrap_or_default();
            Spec::New { storage: storage.to_owned(), bytes }
        }
        (false, _) => Spec::Volume(file.to_owned()),
    }
}

/// A volume about to be made.
pub(crate) struct New<'a> {
    pub(crate) node: &'a str,
    pub(crate) vmid: u32,
    pub(crate) storage: &'a str,
    pub(crate) bytes: u64,
    pub(crate) format: &'a str,
    pub(crate) os: Option<Os>,
    /// `cloudinit`, or empty for a numbered disk.
    pub(crate) role: &'a str,
}

/// The path of a volume on its node, or its name where there are no files.
pub(crate) fn path_of(world: &World, volid: &str) -> String {
    let (storage, name) = volid.split_once(':').unwrap_or_default();
    if !world.is_files(storage) {
        return format!("/dev/{storage}/{}", name.rsplit('/').next().unwrap_or_default());
    }
    let root = world.storage_path(storage);
    let parts: Vec<&str> = name.split('/').collect();
    match parts.as_slice() {
        ["iso", file] => format!("{root}/template/iso/{file}"),
        ["vztmpl", file] => format!("{root}/template/cache/{file}"),
        ["import", rest @ ..] => format!("{root}/import/{}", rest.join("/")),
        ["backup", file] => format!("{root}/dump/{file}"),
        ["snippets", file] => format!("{root}/snippets/{file}"),
        [.., folder, file] => format!("{root}/images/{folder}/{file}"),
        _ => format!("{root}/{name}"),
    }
}

/// The next free name of a guest's volume on a storage.
pub(crate) fn next_name(world: &World, node: &str, storage: &str, vmid: u32, base: bool) -> String {
    let taken = |number: u32| {
        let stems = [format!("vm-{vmid}-disk-{number}"), format!("base-{vmid}-disk-{number}")];
        world.volumes_on(node, storage).any(|volume| {
            let name = volume.volid.rsplit(['/', ':']).next().unwrap_or_default();
            stems.iter().any(|stem| name == stem || name.strip_prefix(stem).is_some_and(|rest| rest.starts_with('.')))
        })
    };
    let number = (0..).find(|number| !taken(*number)).unwrap_or_default();
    format!("{}-{vmid}-disk-{number}", if base { "base" } else { "vm" })
}

/// Makes a volume and says so in the log.
pub(crate) fn allocate(world: &mut World, task: Option<&mut Task>, new: &New<'_>) -> Result<String, Fail> {
    world.storage_usable(new.storage, new.node)?;
    world.check_storage_lock(new.storage)?;
    world.check_space(new.node, new.storage, new.bytes)?;
    let files = world.is_files(new.storage);
    let format = if files { new.format } else { "raw" };
    let name = if new.role.is_empty() {
        next_name(world, new.node, new.storage, new.vmid, false)
    } else {
        format!("vm-{}-{}", new.vmid, new.role)
    };
    let volid =
        if files { format!("{}:{}/{name}.{format}", new.storage, new.vmid) } else { format!("{}:{name}", new.storage) };
    if let Some(task) = task {
        task.say(if files {
            formatting(&path_of(world, &volid), format, new.bytes)
        } else {
            format!("  Logical volume \"{name}\" created.")
        });
    }
    let volume = Volume {
        volid: volid.clone(),
        node: String::new(),
        content: "images".to_owned(),
        format: format.to_owned(),
        size: new.bytes,
        used: new.bytes,
        vmid: Some(new.vmid),
        ctime: world.seconds(),
        parent: None,
        os: new.os,
        holds: new.bytes,
        notes: None,
        medium: None,
    };
    world.put_volume(new.node, volume);
    Ok(volid)
}

fn formatting(path: &str, format: &str, bytes: u64) -> String {
    match format {
        "qcow2" => format!(
            "Formatting '{path}', fmt=qcow2 cluster_size=65536 extended_l2=off preallocation=metadata \
             compression_type=zlib size={bytes} lazy_refcounts=off refcount_bits=16"
        ),
        "vmdk" => format!("Formatting '{path}', fmt=vmdk size={bytes} compat6=off hwversion=undefined"),
        _ => format!("Formatting '{path}', fmt={format} size={bytes} preallocation=off"),
    }
}

/// The line at the end of copying.
pub(super) fn transferred(bytes: u64) -> String {
    let mut number = bytes as f64;
    let mut unit = "B";
    for next in ["KiB", "MiB", "GiB", "TiB"] {
        if number < 1024.0 {
            break;
        }
        number /= 1024.0;
        unit = next;
    }
    format!("transferred {number:.1} {unit} of {number:.1} {unit} (100.00%)")
}

/// A full copy of a volume for another guest.
pub(super) fn copy(
    world: &mut World,
    task: &mut Task,
    source_node: &str,
    source: &str,
    new: &New<'_>,
) -> Result<String, Fail> {
    let from = world
        .volume(source_node, source)
        .cloned()
        .ok_or_else(|| Fail::die(format!("volume '{source}' does not exist")))?;
    let volid = allocate(world, Some(task), &New { bytes: from.size.max(new.bytes), os: from.os, ..*new })?;
    task.say(transferred(from.size));
    Ok(volid)
}

/// A linked copy of a template's volume.
pub(super) fn link(world: &mut World, task: &mut Task, node: &str, source: &str, vmid: u32) -> Result<String, Fail> {
    let from =
        world.volume(node, source).cloned().ok_or_else(|| Fail::die(format!("volume '{source}' does not exist")))?;
    let (storage, base) = source.split_once(':').unwrap_or_default();
    let base = if base.matches('/').count() > 1 {
        base.rsplitn(3, '/').take(2).collect::<Vec<_>>().into_iter().rev().collect::<Vec<_>>().join("/")
    } else {
        base.to_owned()
    };
    let name = next_name(world, node, storage, vmid, false);
    let (volid, parent) = if world.is_files(storage) {
        let file = format!("{name}.qcow2");
        let path = path_of(world, &format!("{storage}:{vmid}/{file}"));
        task.say(format!("clone {base}: images, {file}, {vmid} to {file} (base=../{base})"));
        task.say(format!(
            "Formatting '{path}', fmt=qcow2 cluster_size=65536 extended_l2=off compression_type=zlib size={} \
             backing_file=../{base} backing_fmt={} lazy_refcounts=off refcount_bits=16",
            from.size, from.format
        ));
        (format!("{storage}:{base}/{vmid}/{file}"), Some(format!("../{base}")))
    } else if world.storages.get(storage).is_some_and(|options| options["type"] == "lvmthin") {
        task.say(format!("  Logical volume \"{name}\" created."));
        (format!("{storage}:{name}"), None)
    } else {
        (format!("{storage}:{base}/{name}"), Some(base.clone()))
    };
    let format = if world.is_files(storage) { "qcow2" } else { "raw" }.to_owned();
    let volume = Volume {
        volid: volid.clone(),
        format,
        used: 196_608,
        vmid: Some(vmid),
        ctime: world.seconds(),
        parent,
        ..from
    };
    world.put_volume(node, volume);
    Ok(volid)
}

/// A drive's text with the volume that was made: options sorted, `size` appended, what was only asked for gone.
pub(super) fn printed(keys: &Keys, volid: &str, bytes: Option<u64>) -> String {
    let mut keys = keys.clone();
    for gone in ["file", "volume", "format", "import-from", "size"] {
        keys.remove(gone);
    }
    if let Some(bytes) = bytes {
        keys.insert("size".to_owned(), format_size(bytes));
    }
    let mut text = volid.to_owned();
    for (key, value) in keys {
        text.push_str(&format!(",{key}={value}"));
    }
    text
}
