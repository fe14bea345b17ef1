//! `/nodes/{node}/storage`: what is on a node's storages.
use crate::sim::answer::{Answer, Fail, Reply};
use crate::sim::call::Call;
use crate::sim::format::list;
use crate::sim::handlers::subdirs;
use crate::sim::tasks::{Fetch, Job, Locks, NewVolume, allocate, file_format, path_of};
use crate::sim::world::{Os, Volume, World, parse_size};
use serde_json::{Value, json};

/// The handler of a method, if there is one.
pub(super) fn route(call: &mut Call<'_>, key: &str) -> Option<Answer> {
    let (method, path) = key.split_once(' ')?;
    let rest = path.strip_prefix("/nodes/{node}/storage")?;
    Some(match (method, rest) {
        ("GET", "") => storages(call),
        ("GET", "/{storage}") => Ok(subdirs(&[
            "content",
            "download-url",
            "file-restore",
            "import-metadata",
            "prunebackups",
            "rrd",
            "rrddata",
            "status",
            "upload",
        ])),
        ("GET", "/{storage}/status") => status(call),
        ("GET", "/{storage}/content") => content(call),
        ("POST", "/{storage}/content") => make(call),
        ("GET", "/{storage}/content/{volume}") => volume(call),
        ("PUT", "/{storage}/content/{volume}") => annotate(call),
        ("DELETE", "/{storage}/content/{volume}") => drop(call),
        ("POST", "/{storage}/upload") => upload(call),
        ("POST", "/{storage}/download-url") => download(call),
        _ => return None,
    })
}

/// Figures of a storage: `used_fraction` only in lists; a disabled one shows zeros (recorded).
pub(in crate::sim::handlers) fn figures(world: &World, node: &str, id: &str) -> Value {
    let options = world.storages.get(id).cloned().unwrap_or_default();
    let usable = world.storage_usable(id, node).is_ok();
    let (total, used) = if usable { world.space(node, id) } else { (0, 0) };
    json!({
        "type": options.get("type"), "content": options.get("content").cloned().unwrap_or_default(),
        "shared": u8::from(world.is_shared(id)), "enabled": u8::from(options.get("disable").is_none_or(|text| text != "1")),
        "active": u8::from(usable), "total": total, "used": used, "avail": total - used,
    })
}

fn storages(call: &mut Call<'_>) -> Answer {
    let node = call.node();
    let contents: Vec<String> = list(call.args.text("content")).map(str::to_owned).collect();
    let mut rows = Vec::new();
    for (id, options) in &call.world.storages {
        let path = format!("/storage/{id}");
        let audits = call.need_any(&path, &["Datastore.Audit", "Datastore.AllocateSpace"]).is_ok();
        let here =
            options.get("nodes").is_none_or(|nodes| nodes.is_empty() || nodes.split(',').any(|name| name == node));
        let wanted = call.args.get("storage").is_none_or(|wanted| wanted == id);
        let holds = contents.is_empty() || contents.iter().any(|item| call.world.storage_holds(id, item));
        let enabled = options.get("disable").is_none_or(|text| text != "1");
        if !audits || !here || !wanted || !holds || (call.args.flag("enabled") && !enabled) {
            continue;
        }
        let mut row = figures(call.world, &node, id);
        row["storage"] = json!(id);
        let (total, used) = (row["total"].as_f64().unwrap_or_default(), row["used"].as_f64().unwrap_or_default());
        if total > 0.0 {
            row["used_fraction"] = json!(used / total);
        }
        rows.push(row);
    }
    Ok(json!(rows).into())
}

fn status(call: &mut Call<'_>) -> Answer {
    let id = call.args.text("storage");
    call.world.storage(id)?;
    Ok(figures(call.world, &call.node(), id).into())
}

fn content(call: &mut Call<'_>) -> Answer {
    let (node, id) = (call.node(), call.args.text("storage").to_owned());
    call.world.storage(&id)?;
    call.world.storage_usable(&id, &node)?;
    let (wanted, vmid) = (call.args.get("content"), call.args.get("vmid").map(|_| call.vmid()));
    let rows: Vec<Value> = call
        .world
        .volumes_on(&node, &id)
        .filter(|volume| wanted.is_none_or(|wanted| volume.content == wanted))
        .filter(|volume| call.world.storage_holds(&id, &volume.content))
        .filter(|volume| vmid.is_none() || volume.vmid.is_none() || volume.vmid == vmid)
        .map(row)
        .collect();
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
    match name.split_once(':') {
        Some((other, _)) if other != storage => {
            Err(Fail::param("volume", format!("storage ID mismatch ({other} != {storage})\n")))
        }
        Some(_) => Ok(name.to_owned()),
        None => Ok(format!("{storage}:{name}")),
    }
}

fn volume(call: &mut Call<'_>) -> Answer {
    let volid = volid(call)?;
    let storage = call.args.text("storage");
    call.need_any(&format!("/storage/{storage}"), &["Datastore.Audit", "Datastore.AllocateSpace"])?;
    let volume = call.world.volume(&call.node(), &volid);
    let volume = volume.ok_or_else(|| Fail::die(format!("volume_size_info on '{volid}' failed")))?;
    let mut value = json!({
        "path": path_of(call.world, &volid), "size": volume.size, "used": volume.used, "format": volume.format,
    });
    if let Some(notes) = &volume.notes {
        value["notes"] = json!(notes);
    }
    Ok(value.into())
}

fn annotate(call: &mut Call<'_>) -> Answer {
    let (node, volid) = (call.node(), volid(call)?);
    let notes = call.args.get("notes").map(str::to_owned);
    let volume = call.world.volume_mut(&node, &volid);
    let volume = volume.ok_or_else(|| Fail::die(format!("volume '{volid}' does not exist")))?;
    volume.notes = notes.or(volume.notes.take());
    Reply::done()
}

/// POST content: an empty volume.
fn make(call: &mut Call<'_>) -> Answer {
    let (node, storage, vmid) = (call.node(), call.args.text("storage").to_owned(), call.vmid());
    let name = call.args.text("filename").to_owned();
    let format = name.rsplit_once('.').map(|(_, end)| end).filter(|end| ["raw", "qcow2", "vmdk"].contains(end));
    let format = call.args.get("format").or(format).unwrap_or("raw").to_owned();
    let size = call.args.text("size");
    // A number without a unit is KiB here.
    let unit = if size.bytes().all(|byte| byte.is_ascii_digit()) { "K" } else { "" };
    let bytes = parse_size(&format!("{size}{unit}")).unwrap_or_default();
    call.world.storage(&storage)?;
    let files = call.world.is_files(&storage);
    let volid = if files { format!("{storage}:{vmid}/{name}") } else { format!("{storage}:{name}") };
    if call.world.volume(&node, &volid).is_some() {
        return Err(Fail::die(format!("disk image '{}' already exists", path_of(call.world, &volid))));
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
    let name = volid.split_once(':').map_or("", |(_, name)| name).to_owned();
    call.world.storage(&storage)?;
    let owner = call.world.volume(&node, &volid).and_then(|volume| volume.vmid);
    let kind = name.split('/').next().unwrap_or_default();
    let owner = owner.or_else(|| kind.parse().ok());
    let path = format!("/storage/{storage}");
    match kind {
        "iso" | "vztmpl" | "import" | "snippets" => call.need(&path, &["Datastore.AllocateTemplate"])?,
        _ => call.need(&path, &["Datastore.Allocate"])?,
    }
    let used = call.world.guests.values().find(|guest| {
        guest.node == node
            && guest
                .config
                .iter()
                .any(|(key, value)| !key.starts_with("unused") && value.split(',').next() == Some(&volid))
    });
    if let Some(guest) = used.filter(|guest| owner == Some(guest.vmid)) {
        return Err(Fail::die(format!("cannot remove volume '{volid}': attached to guest {}", guest.vmid)));
    }
    let id = owner.map_or_else(|| storage.clone(), |vmid| format!("{vmid}@{storage}"));
    let job = Job::DropVolume { node: node.clone(), volid };
    Ok(call.start(&node, "imgdel", &id, Locks::none(), job).into())
}

/// Endings that a kind of content may have.
fn ending_fits(content: &str, name: &str) -> bool {
    let name = name.to_lowercase();
    let ends = |endings: &[&str]| endings.iter().any(|ending| name.ends_with(ending));
    match content {
        "iso" => ends(&[".iso", ".img"]),
        "vztmpl" => ends(&[".tar.gz", ".tar.xz", ".tar.zst", ".tar.bz2"]),
        _ => ends(&[".qcow2", ".raw", ".vmdk", ".ova"]),
    }
}

/// The checks that upload and download share; the id of the file to be.
fn target(call: &Call<'_>) -> Result<(String, String, String), Fail> {
    let (storage, content) = (call.args.text("storage").to_owned(), call.args.text("content").to_owned());
    let name: String = call
        .args
        .text("filename")
        .chars()
        .map(|letter| if letter.is_ascii_alphanumeric() || "-_.".contains(letter) { letter } else { '_' })
        .collect();
    if !ending_fits(&content, &name) {
        return Err(Fail::param("filename", "wrong file extension"));
    }
    call.world.storage(&storage)?;
    call.world.storage_usable(&storage, &call.node())?;
    if !call.world.is_files(&storage) {
        return Err(Fail::die(format!("can't upload to storage type '{}'", call.world.storages[&storage]["type"])));
    }
    if !call.world.storage_holds(&storage, &content) {
        return Err(Fail::die(format!("storage '{storage}' is not configured for content-type '{content}'")));
    }
    let volid = format!("{storage}:{content}/{name}");
    Ok((storage, content, volid))
}

fn upload(call: &mut Call<'_>) -> Answer {
    let node = call.node();
    let (_, content, volid) = target(call)?;
    let Some(upload) = call.upload.take() else {
        return Err(Fail::param("tmpfilename", "missing temporary file"));
    };
    let size = u64::try_from(upload.content.len()).unwrap_or_default();
    // An installation medium or seed that names the agent's package installs it (see `learn_agent`).
    let needle = b"qemu-guest-agent";
    let installs = upload.content.windows(needle.len()).any(|window| window == needle);
    let volume = Volume {
        format: file_format(&content, &volid),
        volid,
        node: String::new(),
        os: (installs || content == "import").then_some(Os { agent: installs }),
        content,
        size,
        used: size,
        vmid: None,
        ctime: call.world.seconds(),
        parent: None,
        holds: size.max(1 << 20),
        notes: None,
    };
    let temporary = format!("/var/tmp/pveupload-{}", call.world.new_hex());
    let job = Job::Store { node: node.clone(), volume, temporary };
    Ok(call.start(&node, "imgcopy", "", Locks::none(), job).into())
}

fn download(call: &mut Call<'_>) -> Answer {
    let node = call.node();
    let (_, content, volid) = target(call)?;
    if call.args.has("compression") && content != "iso" {
        return Err(Fail::param("compression", "decompression is only supported for iso images"));
    }
    let name = volid.rsplit('/').next().unwrap_or_default().to_owned();
    let checksum =
        call.args.get("checksum").map(|sum| (call.args.text("checksum-algorithm").to_owned(), sum.to_owned()));
    let fetch = Fetch { node: node.clone(), url: call.args.text("url").to_owned(), volid, content, checksum };
    Ok(call.start(&node, "download", &name, Locks::none(), Job::Fetch(fetch)).into())
}
