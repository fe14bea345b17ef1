//! [`Iso`]: the image of a CD, fetched to a storage.
mod state;

pub use state::{IsoId, IsoOutputs, IsoState};

use super::{Node, definition::Storage, template::Image, work::done};
use crate::{
    Pve,
    api::{Download, VolumeId},
};
use homelab_core::{Apply, Claim, Failure, Lock, Look, Resource, Site, plan::Action};
use serde::Serialize;
use std::time::Duration;

/// The content type of such images.
const CONTENT: &str = "iso";

/// The image of a CD: of an installer, or of drivers.
///
/// ```
/// # use homelab_core::{Lab, Site};
/// # use homelab_proxmox::{Image, Iso, Node, Pve};
/// # const DIN: Node = Node::of(Site::named("pve"), "din");
/// # const DIGEST: &str = "612b2c0cc1bc413a6cb8c38fd611794caf0f2b436c50013d8b3794db12ad7354";
/// # let mut lab = Lab::named("home");
/// let image = Image::sha256("https://example.org/installer.iso", DIGEST);
/// let installer = lab.add(Iso::of("installer", "1.2", image).on(DIN));
/// ```
///
/// - The node fetches it itself and checks it against its checksum. The file is called after the name, the version and the beginning of
///   the checksum, so another image is another file: it is fetched, and the old one goes.
/// - Its file bears no mark: the ledger alone knows that it is ours. One that is there already is taken over with `--adopt`.
#[derive(Clone, Debug, Serialize)]
pub struct Iso {
    name: String,
    node: Node,
    storage: &'static str,
    #[serde(skip)]
    image: Image,
    file: String,
}

/// The image of a CD that has no node yet.
#[derive(Clone, Debug)]
#[must_use = "an image needs a node: `.on(node)`"]
pub struct IsoOf {
    name: String,
    image: Image,
    file: String,
}

impl Iso {
    /// The image under this name in this version: where it is on the internet, and its checksum.
    ///
    /// # Panics
    /// When name or version have other symbols than letters, digits, `.`, `_` and `-`: they are part of the file's name.
    #[track_caller]
    pub fn of(name: impl Into<String>, version: &str, image: Image) -> IsoOf {
        let name = name.into();
        for part in [&name, version] {
            let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
            assert!(
                !part.is_empty() && part.bytes().all(fits),
                "`{part}` cannot be part of a file's name: use letters, digits, `.`, `_` and `-`"
            );
        }
        let file = format!("{name}-{version}-{}.iso", &image.checksum().digest[..16]);
        IsoOf { name, image, file }
    }
}

impl IsoOf {
    /// Fetched by this node to its storage for images, which must hold `iso`.
    #[must_use]
    pub fn on(self, node: Node) -> Iso {
        let IsoOf { name, image, file } = self;
        Iso { name: format!("{}/{name}", node.name), node, storage: node.images, image, file }
    }
}

impl Iso {
    /// On this storage, if not the node's usual one for images.
    #[must_use]
    pub fn storage(self, storage: &'static str) -> Self {
        Iso { storage, ..self }
    }

    fn here(&self) -> IsoId {
        let volume = VolumeId::new(self.storage, format!("{CONTENT}/{}", self.file));
        IsoId { node: self.node.name.to_owned(), volume }
    }
}

async fn look(id: &IsoId, cx: &Look<'_, Pve>) -> Result<Option<IsoState>, Failure> {
    let volumes = match cx.volumes(&id.node, &id.volume.storage, Some(CONTENT)).await {
        Ok(volumes) => volumes,
        // A storage that is made in the same run is not there yet.
        Err(error) if !error.is_transient() && !error.is_forbidden() => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let there = volumes.iter().any(|volume| volume.volid == id.volume);
    Ok(there.then(|| IsoState::of(id)))
}

impl Resource for Iso {
    const KIND: &'static str = "proxmox/iso";
    const REPLACE_ON: &'static [&'static str] = &["node", "storage", "file"];
    const WRITE_ONLY: &'static [&'static str] = &["name"];
    type Provider = Pve;
    type State = IsoState;
    type Id = IsoId;
    type Outputs = IsoOutputs;

    fn name(&self) -> &str {
        &self.name
    }
    fn site(&self) -> Site<Pve> {
        self.node.site
    }
    fn claims(&self) -> Vec<Claim> {
        let place = format!("{} on {} of {}", self.storage, self.node.name, self.site().name());
        vec![Claim::new("image of a CD", &self.file).within(place)]
    }
    fn uses(&self) -> Vec<Claim> {
        vec![Storage::claim(self.site(), self.storage), self.node.claim()]
    }
    fn locks(&self) -> Vec<Lock> {
        vec![Lock::exclusive(format!("{}/download/{}/{}", self.site().name(), self.node.name, self.storage))]
    }
    fn estimate(&self, action: Action) -> Duration {
        Duration::from_secs(if matches!(action, Action::Delete | Action::Keep) { 2 } else { 60 })
    }
    async fn read(&self, cx: &Look<'_, Pve>) -> Result<Option<IsoState>, Failure> {
        // Under another name it is another file, which the ledger knows.
        let known = cx.known_id::<IsoId>().filter(|known| *known != self.here());
        match (look(&self.here(), cx).await?, known) {
            (None, Some(old)) => look(&old, cx).await,
            (found, _) => Ok(found),
        }
    }
    async fn find(id: &IsoId, cx: &Look<'_, Pve>) -> Result<Option<IsoState>, Failure> {
        look(id, cx).await
    }
    fn id(state: &IsoState) -> IsoId {
        IsoId { node: state.node.clone(), volume: state.volume.clone() }
    }
    fn planned_id(&self) -> Option<IsoId> {
        Some(self.here())
    }
    async fn apply(&self, _: Option<&IsoState>, cx: &Apply<'_, Pve>) -> Result<(), Failure> {
        let node = self.node.name;
        let holds = cx.storage_status(node, self.storage).await?;
        if !holds.holds(CONTENT) {
            return Err(Failure::new(format!("storage {} on {node} takes no images of CDs", self.storage)).hint(
                format!(
                    "allow it once: `pvesm set {} --content {},{CONTENT}`, or choose another with `.storage(..)`",
                    self.storage, holds.content
                ),
            ));
        }
        let file = Download {
            content: CONTENT.to_owned(),
            filename: self.file.clone(),
            url: self.image.url().to_owned(),
            checksum: Some(self.image.checksum()),
        };
        done(cx, "fetches the image", cx.download(cx.permit(), node, self.storage, &file).await).await
    }
    async fn delete(state: &IsoState, cx: &Apply<'_, Pve>) -> Result<(), Failure> {
        let removed = cx.delete_volume(cx.permit(), &state.node, &state.volume).await;
        done(cx, "removes the image", removed).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IMAGE: Image =
        Image::sha256("https://example.org/x.iso", "612b2c0cc1bc413a6cb8c38fd611794caf0f2b436c50013d8b3794db12ad7354");

    #[test]
    fn its_file_tells_name_version_and_checksum() {
        assert_eq!(Iso::of("truenas", "25.10.1", IMAGE).file, "truenas-25.10.1-612b2c0cc1bc413a.iso");
    }

    #[test]
    #[should_panic(expected = "`25/10` cannot be part of a file's name")]
    fn a_version_that_is_no_part_of_a_file_s_name_is_refused() {
        let _ = Iso::of("truenas", "25/10", IMAGE);
    }
}
