//! Files that come to a storage, by download or upload, and leave it.
use super::super::answer::Fail;
use super::super::world::{Image, Login, Os, Volume, World};
use super::disk::path_of;
use super::{Task, installer};
use serde::{Deserialize, Serialize};

/// A download, already judged.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Fetch {
    pub(crate) node: String,
    pub(crate) url: String,
    pub(crate) volid: String,
    pub(crate) content: String,
    /// Algorithm and the text that is expected.
    pub(crate) checksum: Option<(String, String)>,
    /// Whether it is to be decompressed.
    pub(crate) decompress: bool,
}

/// What the simulated internet has at an address.
fn image(world: &World, fetch: &Fetch) -> Result<Image, Fail> {
    if let Some(image) = world.web.get(&fetch.url) {
        return Ok(image.clone());
    }
    let url = &fetch.url;
    let host = url.split("://").nth(1).unwrap_or_default().split(['/', ':']).next().unwrap_or_default();
    if host.starts_with("127.") || matches!(host, "localhost" | "[") {
        let file = format!("{}.tmp_dwnl.{}", path_of(world, &fetch.volid), 4_242);
        let command = format!("wget '--progress=dot:giga' -O {file} {url}");
        return Err(Fail::die(format!("download failed: command '{command}' failed: exit code 4")));
    }
    Ok(Image::default())
}

/// Whether the checksum of a file is the expected one; of a file that nobody described, any is.
fn fits(image: &Image, checksum: Option<&(String, String)>) -> Result<(), String> {
    let Some((algorithm, expected)) = checksum else { return Ok(()) };
    match image.checksums.iter().find(|(name, _)| name == algorithm) {
        Some((_, got)) if !got.eq_ignore_ascii_case(expected) => {
            Err(format!("checksum mismatch: got '{got}' != expect '{expected}'"))
        }
        _ => Ok(()),
    }
}

/// Starts the transfer; a file that is there with the right checksum is not fetched again (pve-notes section 8).
pub(super) fn begin_fetch(world: &mut World, task: &mut Task, fetch: &Fetch) -> Result<u64, Fail> {
    if fetch.decompress && fetch.content != "iso" {
        return Err(Fail::die(format!("decompression not supported for {}", fetch.content)));
    }
    let path = path_of(world, &fetch.volid);
    task.say(format!("downloading {} to {path}", fetch.url));
    if world.volume(&fetch.node, &fetch.volid).is_some() {
        if fetch.checksum.is_none() {
            return Err(Fail::die(format!("refusing to override existing file '{path}'")));
        }
        if let Err(text) = fits(&image(world, fetch)?, fetch.checksum.as_ref()) {
            task.say("calculating checksum of existing file...");
            return Err(Fail::die(format!("{text}, aborting")));
        }
        task.say("calculating checksum of existing file...OK, got correct file already, no need to download");
        return Ok(world.pace.ms(500));
    }
    let image = image(world, fetch)?;
    world.check_space(&fetch.node, fetch.volid.split(':').next().unwrap_or_default(), image.size)?;
    Ok(world.pace.fetch(image.size))
}

pub(super) fn finish_fetch(world: &mut World, task: &mut Task, fetch: &Fetch) -> Result<(), Fail> {
    if world.volume(&fetch.node, &fetch.volid).is_some() {
        return Ok(());
    }
    let image = image(world, fetch)?;
    if fetch.checksum.is_some() {
        if let Err(text) = fits(&image, fetch.checksum.as_ref()) {
            task.say("calculating checksum...");
            return Err(Fail::die(text));
        }
        task.say("calculating checksum...OK, checksum verified");
    }
    let bootable = matches!(fetch.content.as_str(), "import" | "images");
    let volume = Volume {
        volid: fetch.volid.clone(),
        node: String::new(),
        content: fetch.content.clone(),
        format: file_format(&fetch.content, &fetch.volid),
        size: image.size,
        used: image.size,
        vmid: None,
        ctime: world.seconds(),
        parent: None,
        os: bootable.then(|| Os { agent: image.agent, firmware: image.firmware, login: Login::of_image(&fetch.url) }),
        holds: image.virtual_size,
        notes: None,
        medium: installer::fetched(&fetch.content, &fetch.url),
    };
    world.put_volume(&fetch.node, volume);
    task.say(format!("download of '{}' to '{}' finished", fetch.url, path_of(world, &fetch.volid)));
    Ok(())
}

/// The format that a listing shows for a file.
pub(crate) fn file_format(content: &str, volid: &str) -> String {
    let name = volid.rsplit('/').next().unwrap_or_default();
    match content {
        "iso" => "iso".to_owned(),
        "vztmpl" => format!("t{}", name.rsplit('.').next().unwrap_or("gz")),
        "snippets" => "snippet".to_owned(),
        _ => name.rsplit('.').next().unwrap_or("raw").to_owned(),
    }
}

pub(super) fn begin_store(world: &mut World, node: &str, volume: &Volume) -> Result<u64, Fail> {
    world.check_space(node, volume.volid.split(':').next().unwrap_or_default(), volume.size)?;
    Ok(world.pace.ms(500))
}

pub(super) fn finish_store(
    world: &mut World,
    task: &mut Task,
    node: &str,
    volume: Volume,
    upload: (&str, Option<&Result<(), String>>),
) -> Result<(), Fail> {
    let (temporary, checked) = upload;
    let path = path_of(world, &volume.volid);
    task.say(format!("starting file import from: {temporary}"));
    match checked {
        Some(Ok(())) => task.say("calculating checksum...OK, checksum verified"),
        Some(Err(text)) => {
            task.say("calculating checksum...");
            return Err(Fail::die(text));
        }
        None => {}
    }
    for line in [
        format!("target node: {node}"),
        format!("target file: {path}"),
        format!("file size is: {}", volume.size),
        format!("command: cp -- {temporary} {path}"),
        "finished file import successfully".to_owned(),
    ] {
        task.say(line);
    }
    world.put_volume(node, volume);
    Ok(())
}

/// Deleting says so even when there was nothing (recorded).
pub(super) fn finish_drop(world: &mut World, task: &mut Task, node: &str, volid: &str) -> Result<(), Fail> {
    let (storage, name) = volid.split_once(':').unwrap_or_default();
    world.storage_usable(storage, node)?;
    world.check_storage_lock(storage)?;
    if world.is_base_in_use(node, volid) {
        return Err(Fail::die(format!("base volume '{name}' is still in use by linked clones")));
    }
    if world.take_volume(node, volid).is_none() {
        let path = path_of(world, volid);
        if !world.is_files(storage) {
            let text = format!("  Failed to find logical volume \"{}\"", path.trim_start_matches("/dev/"));
            return Err(Fail::die(format!("lvremove '{}' error: {text}", path.trim_start_matches("/dev/"))));
        }
        task.say(format!("disk image '{path}' does not exist"));
    }
    task.say(format!("Removed volume '{volid}'"));
    Ok(())
}
