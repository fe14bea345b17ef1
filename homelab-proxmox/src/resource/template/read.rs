//! Looking for a template, and for what it left behind or stands under.
use super::{Spec, image::file_prefix, seed, state::TemplateState};
use crate::{
    Pve,
    api::VolumeId,
    client::Reader,
    resource::guest::{self, Found, GuestId},
};
use homelab_core::{Failure, Input, Look, Mark};

pub(super) async fn read(spec: &Spec, cx: &Look<'_, Pve>) -> Result<Option<TemplateState>, Failure> {
    let found = match guest::numbered(cx, spec.vmid).await? {
        Some(found) => Some(found),
        // It may bear another number still.
        None => guest::marked(cx, cx.mark(), &spec.name).await?,
    };
    let Some(found) = found else { return file_alone(spec, cx).await };
    let mut state = TemplateState::of(&found);
    let replaced =
        state.digest.as_deref() != Some(&spec.digest()) || state.node != spec.node.name || state.vmid != spec.vmid;
    if replaced && state.owner != homelab_core::Owner::Unmarked {
        state.linked_clones = linked_clones(cx, &found).await?;
    }
    Ok(Some(state))
}

/// An interrupted run may have fetched the image, or made the installer's answers, and nothing more.
async fn file_alone(spec: &Spec, cx: &Look<'_, Pve>) -> Result<Option<TemplateState>, Failure> {
    let (node, mark) = (spec.node, cx.mark());
    let (content, file) = match &spec.image {
        Some(image) => ("import", image.file(&mark.lab, spec.vmid)),
        None => ("iso", seed::file(&mark.lab, spec.vmid)),
    };
    let volumes = match cx.volumes(node.name, node.images, Some(content)).await {
        Ok(volumes) => volumes,
        // A storage that is not there, or keeps no images, is told when the template is made.
        Err(error) if !error.is_transient() => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let prefix = file_prefix(&mark.lab, spec.vmid);
    let names = volumes.iter().filter_map(|volume| file_name(&volume.volid)).filter(|name| name.starts_with(&prefix));
    let names: Vec<&str> = names.collect();
    if names.is_empty() {
        return Ok(None);
    }
    let digest = names.iter().all(|name| *name == file).then(|| spec.digest());
    let installer = spec.installer.and_then(|cd| cx.get(&Input::From(cd)));
    Ok(Some(TemplateState::of_file(spec.vmid, node.name, (digest, installer), mark.clone())))
}

pub(super) async fn find(id: &GuestId, cx: &Look<'_, Pve>) -> Result<Option<TemplateState>, Failure> {
    if let Some(found) = guest::known(cx, id, cx.mark()).await? {
        return Ok(Some(TemplateState::of(&found)));
    }
    for (node, online) in cx.resources().await?.nodes() {
        if online && !files(cx, node, cx.mark(), id.vmid).await?.is_empty() {
            return Ok(Some(TemplateState::of_file(id.vmid, node, (None, None), cx.mark().clone())));
        }
    }
    Ok(None)
}

pub(super) async fn survey(cx: &Look<'_, Pve>) -> Result<Vec<TemplateState>, Failure> {
    let all = guest::all_marked(cx).await?;
    let kind = |found: &&Found| found.notes().mark.is_some_and(|mark| mark.key.starts_with("proxmox/template/"));
    Ok(all.iter().filter(kind).map(TemplateState::of).collect())
}

/// What a template's own files are on a storage: images, and answers for an installer.
const CONTENTS: [&str; 2] = ["import", "iso"];

/// The files that a template of this number has on a node.
pub(super) async fn files(reader: &Reader, node: &str, mark: &Mark, vmid: u32) -> Result<Vec<VolumeId>, Failure> {
    let prefix = file_prefix(&mark.lab, vmid);
    let mut files = Vec::new();
    for storage in reader.storages(node).await?.iter().filter(|storage| storage.active) {
        let Some(name) = &storage.storage else { continue };
        for content in CONTENTS.into_iter().filter(|content| storage.holds(content)) {
            for volume in reader.volumes(node, name, Some(content)).await?.iter() {
                if file_name(&volume.volid).is_some_and(|name| name.starts_with(&prefix)) {
                    files.push(volume.volid.clone());
                }
            }
        }
    }
    Ok(files)
}

fn file_name(volume: &VolumeId) -> Option<&str> {
    let (content, name) = volume.name.split_once('/')?;
    CONTENTS.contains(&content).then_some(name)
}

/// The guests whose disks stand on those of a template, by name and number. Where a storage copies on write without keeping
/// the parent's name (LVM-thin), clones do not depend on it and are not found, which is right.
pub(super) async fn linked_clones(reader: &Reader, template: &Found) -> Result<Vec<String>, Failure> {
    let vmid = template.guest.vmid;
    let base = format!("base-{vmid}-");
    let storages: std::collections::BTreeSet<&str> =
        template.config.volumes().map(|(_, volume)| volume.storage.as_str()).collect();
    let mut owners = std::collections::BTreeSet::new();
    for storage in storages {
        for volume in reader.volumes(&template.guest.node, storage, Some("images")).await?.iter() {
            let parent = volume.parent.as_deref().is_some_and(|parent| parent.contains(&base));
            let Some(owner) = volume.vmid.filter(|owner| *owner != vmid) else { continue };
            if parent || volume.volid.name.contains(&base) {
                owners.insert(owner);
            }
        }
    }
    let guests = reader.resources().await?;
    let name = |owner: u32| guests.guest(owner).and_then(|guest| guest.name.clone());
    Ok(owners
        .into_iter()
        .map(|owner| name(owner).map_or_else(|| owner.to_string(), |name| format!("{name} ({owner})")))
        .collect())
}
