//! `/nodes/{node}/storage/{storage}/content`: what is on a storage, how it comes there, and how it goes.
use crate::sim::answer::{Answer, Fail, Reply};
use crate::sim::call::Call;
use crate::sim::check::matches_whole;
use crate::sim::random;
use crate::sim::tasks::{Fetch, Job, Locks, NewVolume, allocate, file_format, path_of, uploaded};
use crate::sim::world::{Firmware, Login, Os, Volume, parse_size};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha224, Sha256, Sha384, Sha512};

/// The handler of a method, if there is one; `rest` begins behind `/nodes/{node}/storage`.
pub(super) fn route(call: &mut Call<'_>, method: &str, rest: &str) -> Option<Answer> {
    Some(match (method, rest) {
        ("GET", "/{storage}/content") => content(call),
        ("POST", "/{storage}/content") => make(call),
        ("GET", "/{storage}/content/{volume}") => volume(call),
        ("PUT", "/{storage}/content/{volume}") => annotate(call),
        ("DELETE", "/{storage}/content/{volume}") => drop(call),
        ("POST", "/{storage}/upload") => upload(call),
        ("POST", "/{storage}/download-url") => download(call),
        ("GET", "/{storage}/rrddata") => Ok(json!([]).into()),
        _ => return None,
    })
}

fn content(call: &mut Call<'_>) -> Answer {
    let (node, id) = (call.node(), call.args.text("storage").to_owned());
    call.world.storage_usable(&id, &node)?;
    let (wanted, vmid) = (call.args.get("content"), call.args.get("vmid").map(|_| call.vmid()));
    let mut volumes: Vec<&Volume> = call
        .world
        .volumes_on(&node, &id)
        .filter(|volume| wanted.is_none_or(|wanted| volume.content == wanted))
        .filter(|volume| call.world.storage_holds(&id, &volume.content))
        .filter(|volume| vmid.is_none() || volume.vmid.is_none() || volume.vmid == vmid)
        .filter(|volume| call.world.volume_access(&call.who, None, &volume.volid, None).is_ok())
        .collect();
    volumes.sort_by_key(|volume| volume.volid.to_lowercase());
    let rows: Vec<Value> = volumes.into_iter().map(row).collect();
    Ok(json!(rows).into())
}

fn row(volume: &Volume) -> Value {
    let mut row = json!({
        "volid": volume.volid, "content": volume.content, "format": volume.format, "size": volume.size,
        "ctime": volume.ctime,
    });
    if let Some(vmid) = volume.vmid {
        row["vmid"] = json!(vmid);
        row["used"] = json!(volume.used);
        row["parent"] = json!(volume.parent);
    }
    if let Some(notes) = &volume.notes {
        row["notes"] = json!(notes);
    }
    row
}

/// The volume id of the path: with the storage in front, or without.
fn volid(call: &Call<'_>) -> Result<String, Fail> {
    let (storage, name) = (call.args.text("storage"), call.args.text("volume"));
    let parts = name.split_once(':').filter(|(id, rest)| crate::sim::world::is_storage_id(id) && !rest.is_empty());
    match (name.contains(':'), parts) {
        (false, _) => Ok(format!("{storage}:{name}")),
        (true, None) => Err(Fail::param("volume", format!("unable to parse volume ID '{name}'\n"))),
        (true, Some((other, _))) if other != storage => {
            Err(Fail::param("volume", format!("storage ID mismatch ({other} != {storage})\n")))
        }
        (true, Some(_)) => Ok(name.to_owned()),
    }
}

fn volume(call: &mut Call<'_>) -> Answer {
    let volid = volid(call)?;
    call.world.volume_access(&call.who, None, &volid, None)?;
    let volume = call.world.volume(&call.node(), &volid);
    let volume = volume.ok_or_else(|| {
        let storage = volid.split(':').next().unwrap_or_default();
        if call.world.is_files(storage) {
            return Fail::die(format!("volume_size_info on '{volid}' failed - no format"));
        }
        let path = path_of(call.world, &volid);
        Fail::die(format!("can't get size of '{path}':   Failed to find logical volume \"{}\"", &path[5..]))
    })?;
    let mut value = json!({
        "path": path_of(call.world, &volid), "size": volume.size, "used": volume.used, "format": volume.format,
    });
    if matches!(volume.content.as_str(), "iso" | "vztmpl" | "snippets") {
        value["format"] = json!("raw");
    }
    if let Some(notes) = &volume.notes {
        value["notes"] = json!(notes);
    }
    Ok(value.into())
}

/// PUT content: notes and protection are for backups only.
fn annotate(call: &mut Call<'_>) -> Answer {
    let (node, volid) = (call.node(), volid(call)?);
    call.world.volume_access(&call.who, None, &volid, None)?;
    let name = call.world.volume_name(&volid)?;
    let notes = call.args.get("notes").map(str::to_owned);
    for attribute in ["notes", "protected"] {
        if call.args.has(attribute) && name.kind != "backup" {
            let text = if attribute == "notes" { "only backups can have notes" } else { ONLY_BACKUPS };
            return Err(Fail::die(text));
        }
    }
    if let Some(volume) = call.world.volume_mut(&node, &volid) {
        volume.notes = notes.or(volume.notes.take()).filter(|notes| !notes.is_empty());
    }
    Reply::done()
}

const ONLY_BACKUPS: &str = "only backups support attribute 'protected'";

/// POST content: an empty volume.
fn make(call: &mut Call<'_>) -> Answer {
    let (node, storage, vmid) = (call.node(), call.args.text("storage").to_owned(), call.vmid());
    let name = call.args.text("filename").to_owned();
    // A number without a unit is KiB here; only whole MiB and GiB have one.
    let size = call.args.text("size");
    let number = size.trim_end_matches(['M', 'G']);
    if number.is_empty() || size.len() - number.len() > 1 || !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Fail::param("size", format!("unable to parse size '{size}'")));
    }
    let unit = if number.len() == size.len() { "K" } else { "" };
    let bytes = parse_size(&format!("{size}{unit}")).unwrap_or_default();
    let ending = name.rsplit_once('.').map(|(_, end)| end).filter(|end| ["raw", "qcow2", "vmdk"].contains(end));
    let asked = call.args.get("format");
    if let (Some(asked), Some(ending)) = (asked, ending)
        && asked != ending
    {
        return Err(Fail::param("format", format!("different storage formats ({asked} != {ending})")));
    }
    let format = ending.or(asked).unwrap_or("raw").to_owned();
    call.world.storage_usable(&storage, &node)?;
    let files = call.world.is_files(&storage);
    let volid = if files { format!("{storage}:{vmid}/{name}") } else { format!("{storage}:{name}") };
    if files {
        let own = call.world.volume_name(&volid)?.format;
        if own != format {
            return Err(Fail::die(format!(
                "illegal name '{name}' - wrong extension for format ('{own} != '{format}')"
            )));
        }
        if call.world.volume(&node, &volid).is_some() {
            return Err(Fail::die(format!("disk image '{}' already exists", path_of(call.world, &volid))));
        }
    } else {
        if format != "raw" {
            let plugin = if call.world.storages[&storage]["type"] == "lvm" { ("LVM", 567) } else { ("LvmThin", 113) };
            let at = format!("at /usr/share/perl5/PVE/Storage/{}Plugin.pm line {}.", plugin.0, plugin.1);
            return Err(Fail::die(format!("unsupported format '{format}' {at}")));
        }
        if !name.starts_with(&format!("vm-{vmid}-")) {
            return Err(Fail::die(format!("illegal name '{name}' - should be 'vm-{vmid}-*'")));
        }
        if call.world.volume(&node, &volid).is_some() {
            let group = call.world.storages[&storage].get("vgname").cloned().unwrap_or_else(|| storage.clone());
            let text = format!("  Logical Volume \"{name}\" already exists in volume group \"{group}\"");
            return Err(Fail::die(format!("lvcreate '{group}/{name}' error: {text}")));
        }
    }
    let new = NewVolume { node: &node, vmid, storage: &storage, bytes, format: &format, os: None, role: "made" };
    let made = allocate(call.world, None, &new)?;
    if let Some(mut volume) = call.world.take_volume(&node, &made) {
        volume.volid.clone_from(&volid);
        call.world.put_volume(&node, volume);
    }
    Ok(json!(volid).into())
}

/// DELETE content: a task, which is fine with a file that is not there.
fn drop(call: &mut Call<'_>) -> Answer {
    let (node, volid) = (call.node(), volid(call)?);
    let storage = call.args.text("storage").to_owned();
    let name = call.world.volume_name(&volid)?;
    let path = format!("/storage/{storage}");
    match name.owner.filter(|_| name.kind == "backup") {
        Some(owner) => {
            call.need(&path, &["Datastore.AllocateSpace"])?;
            call.need(&format!("/vms/{owner}"), &["VM.Backup"])?;
        }
        None => call.need(&path, &["Datastore.Allocate"])?,
    }
    let id = name.owner.map_or_else(|| storage.clone(), |vmid| format!("{vmid}@{storage}"));
    let job = Job::DropVolume { node: node.clone(), volid };
    let upid = call.start(&node, "imgdel", &id, Locks::none(), job);
    let until = call.world.now + call.args.number("delay").unwrap_or_default() * 1000;
    let key = upid.as_str().unwrap_or_default().to_owned();
    if let Some(end) = call.task(&key).and_then(|task| task.ends_at()).filter(|end| *end <= until) {
        call.world.settle(end);
        return match call.task(&key).and_then(|task| task.exit()) {
            Some("OK") | None => Reply::done(),
            Some(exit) => Err(Fail::die(exit)),
        };
    }
    Ok(upid.into())
}

/// The checks that upload and download share; the id of the file to be.
fn target(call: &Call<'_>, download: bool) -> Result<(String, String), Fail> {
    let (storage, content) = (call.args.text("storage").to_owned(), call.args.text("content").to_owned());
    call.world.storage_usable(&storage, &call.node())?;
    if !call.world.is_files(&storage) {
        let kind = &call.world.storages[&storage]["type"];
        let more = if download { ", not a file based storage!" } else { "" };
        return Err(Fail::die(format!("can't upload to storage type '{kind}'{more}")));
    }
    let holds = call.world.storage_holds(&storage, &content);
    if download && !holds {
        return Err(Fail::die(format!("storage '{storage}' is not configured for content-type '{content}'")));
    }
    let name = call.args.text("filename");
    let name: String = name
        .rsplit(['/', '\\'])
        .next()
        .unwrap_or_default()
        .chars()
        .map(|letter| if letter.is_ascii_alphanumeric() || "-_.".contains(letter) { letter } else { '_' })
        .collect();
    let (pattern, text) = match content.as_str() {
        "iso" => (r"(?i).+\.(iso|img)", "wrong file extension"),
        "vztmpl" => (r"(?i).+\.tar\.(gz|xz|zst|bz2)", "wrong file extension"),
        _ => (r".+\.(ova|qcow2|raw|vmdk)", "invalid filename or wrong extension"),
    };
    if !matches_whole(pattern, &name) {
        return Err(Fail::param("filename", text));
    }
    if !holds {
        return Err(Fail::die(format!("storage '{storage}' does not support '{content}' content")));
    }
    let volid = format!("{storage}:{content}/{name}");
    Ok((content, volid))
}

/// The checksum of some bytes, for the algorithms of the SHA-2 family; others are believed.
fn sum(algorithm: &str, content: &[u8]) -> Option<String> {
    Some(match algorithm {
        "sha224" => random::hex(&Sha224::digest(content)),
        "sha256" => random::hex(&Sha256::digest(content)),
        "sha384" => random::hex(&Sha384::digest(content)),
        "sha512" => random::hex(&Sha512::digest(content)),
        _ => return None,
    })
}

fn upload(call: &mut Call<'_>) -> Answer {
    let node = call.node();
    let (content, volid) = target(call, false)?;
    let Some(upload) = call.upload.take() else {
        return Err(Fail::die("missing temporary file name"));
    };
    let size = u64::try_from(upload.content.len()).unwrap_or_default();
    let algorithm = call.args.get("checksum-algorithm").map(str::to_owned);
    let expected = call.args.text("checksum").to_owned();
    let got = algorithm.as_deref().and_then(|algorithm| sum(algorithm, &upload.content));
    let checked = algorithm.map(|_| match got {
        Some(got) if !got.eq_ignore_ascii_case(&expected) => {
            Err(format!("checksum mismatch: got '{got}' != expect '{expected}'"))
        }
        _ => Ok(()),
    });
    // An installation medium or seed that names the agent's package installs it (see `learn_agent`).
    let needle = b"qemu-guest-agent";
    let installs = upload.content.windows(needle.len()).any(|window| window == needle);
    let volume = Volume {
        format: file_format(&content, &volid),
        volid,
        node: String::new(),
        os: (installs || content == "import").then_some(Os {
            agent: installs,
            firmware: Firmware::Either,
            login: Login::Root,
        }),
        content,
        size,
        used: size,
        vmid: None,
        ctime: call.world.seconds(),
        parent: None,
        holds: size.max(1 << 20),
        notes: None,
        medium: uploaded(&upload.content),
    };
    let temporary = format!("/var/tmp/pveupload-{}", call.world.new_hex());
    let job = Job::Store { node: node.clone(), volume, temporary, checked };
    Ok(call.start(&node, "imgcopy", "", Locks::none(), job).into())
}

fn download(call: &mut Call<'_>) -> Answer {
    let node = call.node();
    let (content, volid) = target(call, true)?;
    let name = volid.rsplit('/').next().unwrap_or_default().to_owned();
    let checksum =
        call.args.get("checksum").map(|sum| (call.args.text("checksum-algorithm").to_owned(), sum.to_owned()));
    let fetch = Fetch {
        node: node.clone(),
        url: call.args.text("url").to_owned(),
        volid,
        content,
        checksum,
        decompress: call.args.has("compression"),
    };
    Ok(call.start(&node, "download", &name, Locks::none(), Job::Fetch(fetch)).into())
}
