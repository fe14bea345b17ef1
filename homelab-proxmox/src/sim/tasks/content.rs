//! Files that come to a storage, by download or upload, and leave it.
use super::super::answer::Fail;
use super::super::world::{Image, Os, Volume, World};
use super::Task;
use super::disk::path_of;
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
}

fn image(world: &World, url: &str) -> Result<Image, Fail> {
    if let Some(image) = world.web.get(url) {
        return Ok(image.clone());
    }
    let host = url.split("://").nth(1).unwrap_or_default().split(['/', ':']).next().unwrap_or_default();
    if host.starts_with("127.") || matches!(host, "localhost" | "[") {
        return Err(Fail::die(format!("download failed: 500 Can't connect to {host} (Connection refused)")));
    }
    Ok(Image::default())
}

/// Whether the checksum of a file is the expected one; of a file that nobody described, any is.
fn fits(image: &Image, checksum: Option<&(String, String)>) -> Result<(), Fail> {
    let Some((algorithm, expected)) = checksum else { return Ok(()) };
    match image.checksums.iter().find(|(name, _)| name == algorithm) {
        Some((_, got)) if !got.eq_ignore_ascii_case(expected) => {
            Err(Fail::die(format!("checksum mismatch: got '{got}' != expect '{expected}'")))
        }
        _ => Ok(()),
    }
}

/// Starts the transfer; a file that is there with the right checksum is not fetched again (pve-notes section 8).
pub(super) fn begin_fetch(world: &mut World, task: &mut Task, fetch: &Fetch) -> Result<u64, Fail> {
    let path = path_of(world, &fetch.volid);
    task.say(format!("downloading {} to {path}", fetch.url));
    let image = image(world, &fetch.url)?;
    if world.volume(&fetch.node, &fetch.volid).is_some() {
        if fetch.checksum.is_some() && fits(&image, fetch.checksum.as_ref()).is_ok() {
            task.say("file already exists and checksum matches, no need to download");
            return Ok(world.pace.ms(500));
        }
        if fetch.checksum.is_none() {
            return Err(Fail::die(format!("refusing to override existing file '{path}'")));
        }
    }
    world.check_space(&fetch.node, fetch.volid.split(':').next().unwrap_or_default(), image.size)?;
    Ok(world.pace.fetch(image.size))
}

pub(super) fn finish_fetch(world: &mut World, task: &mut Task, fetch: &Fetch) -> Result<(), Fail> {
    let image = image(world, &fetch.url)?;
    fits(&image, fetch.checksum.as_ref())?;
    if let Some((algorithm, _)) = &fetch.checksum {
        task.say(format!("calculating checksum...OK, checksum verified ({algorithm})"));
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
        os: bootable.then_some(Os { agent: image.agent }),
        holds: image.virtual_size,
        notes: None,
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
    temporary: &str,
) -> Result<(), Fail> {
    let path = path_of(world, &volume.volid);
    for line in [
        format!("starting file import from: {temporary}"),
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
    world.check_unused_base(node, volid)?;
    if world.take_volume(node, volid).is_none() {
        task.say(format!("disk image '{}' does not exist", path_of(world, volid)));
    }
    task.say(format!("Removed volume '{volid}'"));
    Ok(())
}
