//! [`ContainerTemplate`]: the archive that containers are made from, fetched to a storage.
mod state;

pub use state::{ArchiveId, ContainerTemplateOutputs, ContainerTemplateState};

use super::{Node, work::done};
use crate::{
    Pve,
    api::{Appliance, Checksum, Download, VolumeId},
    client::Reader,
};
use homelab_core::{
    Apply, Claim, Failure, Field, Lock, Look, Resource, Site,
    plan::{Action, Change, Note},
};
use serde::Serialize;
use std::time::Duration;

/// The content type of such archives.
const CONTENT: &str = "vztmpl";

/// An archive that containers are made from.
///
/// ```
/// # use homelab_core::{Lab, Site};
/// # use homelab_proxmox::{ContainerTemplate, Node, Pve};
/// # const DIN: Node = Node::of(Site::named("pve"), "din");
/// # let mut lab = Lab::named("home");
/// let debian = lab.add(ContainerTemplate::appliance("debian-12-standard").on(DIN));
/// ```
///
/// - An [`appliance`](ContainerTemplate::appliance) of Proxmox's index is named without its version, for versions vanish from the index:
///   the newest is fetched, and then kept. With [`up_to_date`](ContainerTemplate::up_to_date) a newer one is a change that the plan
///   shows; containers that were made from the old one stay as they are.
/// - Its file bears no mark: the ledger alone knows that it is ours. One that is there already is taken over with `--adopt`.
#[derive(Clone, Debug, Serialize)]
pub struct ContainerTemplate {
    name: String,
    node: Node,
    storage: &'static str,
    #[serde(skip)]
    source: Source,
    /// The file, where the declaration names one.
    file: Option<String>,
    /// Always to be empty where the newest is wanted.
    newer: Field<()>,
}

#[derive(Clone, Debug)]
enum Source {
    /// The newest of the index whose name begins so.
    Index(String),
    /// A file on the internet, and what it must be.
    Url(&'static str, Checksum),
}

/// A template that has no node yet.
#[derive(Clone, Debug)]
#[must_use = "a template needs a node: `.on(node)`"]
pub struct ContainerTemplateOf {
    name: String,
    source: Source,
    file: Option<String>,
}

impl ContainerTemplate {
    /// The newest appliance of Proxmox's index whose name begins so: `debian-12-standard`, `alpine-3.22-default`.
    pub fn appliance(prefix: impl Into<String>) -> ContainerTemplateOf {
        let prefix = prefix.into();
        ContainerTemplateOf { name: prefix.clone(), source: Source::Index(prefix), file: None }
    }

    /// An archive on the internet, with its SHA-512 in hexadecimal. The file is called as at the end of the address.
    ///
    /// # Panics
    /// When the digest is not 128 hexadecimal digits, or the address does not end in the name of an archive.
    #[track_caller]
    pub fn from_url(url: &'static str, sha512: &'static str) -> ContainerTemplateOf {
        let hex = sha512.len() == 128 && sha512.bytes().all(|byte| byte.is_ascii_hexdigit());
        assert!(hex, "a SHA-512 is 128 hexadecimal digits: copy it from the release's SHA512SUMS");
        let file = url.rsplit('/').next().unwrap_or_default();
        let archive = [".tar.gz", ".tar.xz", ".tar.zst"].iter().find_map(|end| file.strip_suffix(end));
        let name = archive.filter(|name| !name.is_empty());
        let name =
            name.unwrap_or_else(|| panic!("{url} does not end in the name of an archive (.tar.gz, .tar.xz, .tar.zst)"));
        let sum = Checksum { algorithm: "sha512".to_owned(), digest: sha512.to_ascii_lowercase() };
        ContainerTemplateOf { name: name.to_owned(), source: Source::Url(url, sum), file: Some(file.to_owned()) }
    }
}

impl ContainerTemplateOf {
    /// Fetched by this node to its storage for images, which must hold `vztmpl`.
    #[must_use]
    pub fn on(self, node: Node) -> ContainerTemplate {
        let ContainerTemplateOf { name, source, file } = self;
        let name = format!("{}/{name}", node.name);
        ContainerTemplate { name, node, storage: node.images, source, file, newer: Field::Unmanaged }
    }
}

impl ContainerTemplate {
    /// On this storage, if not the node's usual one for images.
    #[must_use]
    pub fn storage(self, storage: &'static str) -> Self {
        ContainerTemplate { storage, ..self }
    }

    /// Fetched anew when the index has a newer version.
    #[must_use]
    pub fn up_to_date(self) -> Self {
        ContainerTemplate { newer: Field::Cleared, ..self }
    }

    fn fits(&self, file: &str) -> bool {
        match &self.source {
            Source::Index(prefix) => is_version_of(file, prefix),
            Source::Url(..) => self.file.as_deref() == Some(file),
        }
    }

    /// The newest of the index.
    async fn newest(&self, reader: &Reader) -> Result<Option<Appliance>, Failure> {
        let Source::Index(prefix) = &self.source else { return Ok(None) };
        let index = reader.appliances(self.node.name).await?;
        Ok(index
            .iter()
            .filter(|one| is_version_of(&one.template, prefix))
            .max_by_key(|one| version(&one.template))
            .cloned())
    }
}

/// Whether a file is some version of an appliance: `debian-12-standard_12.12-1_amd64.tar.zst`.
fn is_version_of(file: &str, prefix: &str) -> bool {
    file.strip_prefix(prefix).is_some_and(|rest| rest.starts_with(['_', '.', '-']))
}

/// Numbers of a file's name in order, so that 12.12 is newer than 12.7.
fn version(file: &str) -> Vec<u64> {
    let name = file.split("_amd64").next().unwrap_or(file);
    name.split(|c: char| !c.is_ascii_digit()).filter_map(|digits| digits.parse().ok()).collect()
}

impl Resource for ContainerTemplate {
    const KIND: &'static str = "proxmox/container-template";
    const REPLACE_ON: &'static [&'static str] = &["node", "storage", "file"];
    const WRITE_ONLY: &'static [&'static str] = &["name"];
    type Provider = Pve;
    type State = ContainerTemplateState;
    type Id = ArchiveId;
    type Outputs = ContainerTemplateOutputs;

    fn name(&self) -> &str {
        &self.name
    }
    fn site(&self) -> Site<Pve> {
        self.node.site
    }
    fn claims(&self) -> Vec<Claim> {
        let place = format!("{} on {} of {}", self.storage, self.node.name, self.site().name());
        vec![Claim::new("archive", &self.name).within(place)]
    }
    fn uses(&self) -> Vec<Claim> {
        vec![self.node.claim()]
    }
    fn locks(&self) -> Vec<Lock> {
        vec![Lock::exclusive(format!("{}/archives/{}/{}", self.site().name(), self.node.name, self.storage))]
    }
    fn estimate(&self, action: Action) -> Duration {
        Duration::from_secs(if matches!(action, Action::Delete | Action::Keep) { 2 } else { 20 })
    }
    fn review(&self, now: Option<&ContainerTemplateState>, action: Action, _: &[Change]) -> Vec<Note> {
        let newer = now.and_then(|now| now.newer.as_deref()).filter(|_| action == Action::Update);
        newer
            .map(|file| Note::info(format!("{file} is newer; what was made from the old one stays as it is")))
            .into_iter()
            .collect()
    }
    async fn read(&self, cx: &Look<'_, Pve>) -> Result<Option<ContainerTemplateState>, Failure> {
        let volumes = match cx.volumes(self.node.name, self.storage, Some(CONTENT)).await {
            Ok(volumes) => volumes,
            // A storage that is made in the same run is not there yet.
            Err(error) if !error.is_transient() && !error.is_forbidden() => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let files = volumes.iter().filter(|volume| file_of(&volume.volid).is_some_and(|file| self.fits(file)));
        let newest = files.max_by_key(|volume| version(&volume.volid.name)).map(|volume| volume.volid.clone());
        let Some(volume) = newest else { return Ok(None) };
        let mut state = ContainerTemplateState::of(self.node.name, volume);
        if matches!(self.newer, Field::Cleared) {
            let newest = self.newest(cx).await?.map(|one| one.template);
            state.newer = newest.filter(|newest| version(newest) > version(&state.file));
        }
        Ok(Some(state))
    }
    async fn inspect(&self, now: Option<&ContainerTemplateState>, cx: &Look<'_, Pve>) -> Result<Vec<Note>, Failure> {
        let Source::Index(prefix) = &self.source else { return Ok(vec![]) };
        if !cx.has_node(self.node.name).await? {
            return Ok(vec![self.node.joins_first()]);
        }
        if now.is_some() || self.newest(cx).await?.is_some() {
            return Ok(vec![]);
        }
        let index = cx.appliances(self.node.name).await?;
        let words: Vec<&str> = prefix.split('-').take(1).collect();
        let like: Vec<&str> = index
            .iter()
            .filter(|one| words.iter().all(|w| one.package.starts_with(w)))
            .map(|one| &*one.package)
            .collect();
        let hint = if like.is_empty() {
            format!("refresh it: `pveam update` on {}; `pveam available` shows what there is", self.node.name)
        } else {
            format!("there are {}", like.join(", "))
        };
        Ok(vec![
            Note::refused(format!("the index of {} has no template whose name begins with {prefix}", self.node.name))
                .hint(hint),
        ])
    }
    async fn find(id: &ArchiveId, cx: &Look<'_, Pve>) -> Result<Option<ContainerTemplateState>, Failure> {
        let volumes = match cx.volumes(&id.node, &id.volume.storage, Some(CONTENT)).await {
            Ok(volumes) => volumes,
            Err(error) if !error.is_transient() && !error.is_forbidden() => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let there = volumes.iter().any(|volume| volume.volid == id.volume);
        Ok(there.then(|| ContainerTemplateState::of(&id.node, id.volume.clone())))
    }
    fn id(state: &ContainerTemplateState) -> ArchiveId {
        ArchiveId { node: state.node.clone(), volume: state.volume.clone() }
    }
    fn planned_id(&self) -> Option<ArchiveId> {
        let file = self.file.as_ref()?;
        Some(ArchiveId {
            node: self.node.name.to_owned(),
            volume: VolumeId::new(self.storage, format!("{CONTENT}/{file}")),
        })
    }
    async fn apply(&self, now: Option<&ContainerTemplateState>, cx: &Apply<'_, Pve>) -> Result<(), Failure> {
        let node = self.node.name;
        let holds = cx.storage_status(node, self.storage).await?;
        if !holds.holds(CONTENT) {
            return Err(Failure::new(format!("storage {} on {node} takes no templates of containers", self.storage))
                .hint(format!(
                    "allow it once: `pvesm set {} --content {},{CONTENT}`, or choose another with `.storage(..)`",
                    self.storage, holds.content
                )));
        }
        if let Some(old) = now {
            // It goes first: killed in between, there is none, which is seen; the other way round there would be two.
            Self::delete(old, cx).await?;
        }
        let task = match &self.source {
            Source::Index(prefix) => {
                let newest = self.newest(cx).await?.ok_or_else(|| {
                    Failure::new(format!("the index of {node} has no template whose name begins with {prefix}"))
                        .hint(format!("refresh it: `pveam update` on {node}; `pveam available` shows what there is"))
                })?;
                cx.fetch_appliance(cx.permit(), node, self.storage, &newest.template).await
            }
            Source::Url(url, sum) => {
                let file = Download {
                    content: CONTENT.to_owned(),
                    filename: self.file.clone().unwrap_or_default(),
                    url: (*url).to_owned(),
                    checksum: Some(sum.clone()),
                };
                cx.download(cx.permit(), node, self.storage, &file).await
            }
        };
        done(cx, "fetches the template", task).await
    }
    async fn delete(state: &ContainerTemplateState, cx: &Apply<'_, Pve>) -> Result<(), Failure> {
        let removed = cx.delete_volume(cx.permit(), &state.node, &state.volume).await;
        done(cx, "removes the template", removed).await
    }
}

fn file_of(volume: &VolumeId) -> Option<&str> {
    volume.name.strip_prefix(CONTENT)?.strip_prefix('/')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_by_their_numbers_and_kinds_are_not_mixed() {
        let (old, new) = ("debian-12-standard_12.7-1_amd64.tar.zst", "debian-12-standard_12.12-1_amd64.tar.zst");
        assert!(version(new) > version(old));
        assert!(is_version_of(new, "debian-12-standard"));
        assert!(!is_version_of(new, "debian-1"), "that is another distribution's version");
    }
}
