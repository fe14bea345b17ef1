//! What was built, from what, and by whom.
use super::Built;
use crate::{Pi, image};
use homelab_core::Failure;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// The record of a build. There is one only of an image that was looked into and would boot what was built.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The Pi.
    pub name: String,
    /// Names the generated files.
    pub tree: String,
    /// The commit of nixpkgs.
    pub nixpkgs: String,
    /// SHA-256 of the lock file.
    pub lock_sha256: String,
    /// The system's path in the store.
    pub toplevel: String,
    /// The image.
    pub image: PathBuf,
    /// SHA-256 of the image as it was built, packed.
    pub image_sha256: String,
    /// The same of what it is unpacked: what a card holds, but for the secrets.
    pub raw_sha256: String,
    /// Who built it.
    pub builder: String,
}

impl Manifest {
    /// Of a build whose image was looked into; that costs the room to unpack it in `scratch`.
    ///
    /// # Errors
    /// When there is no image, it cannot be read, or would not boot the system that was built.
    pub fn of(pi: &Pi, built: &Built, builder: &str, scratch: &Path) -> Result<(Manifest, image::Inspection), Failure> {
        let path = built.image.clone().ok_or_else(|| Failure::new("the builder gave no image"))?;
        let looked = image::look(&path, pi.board, scratch)?;
        let mut faults = looked.inspection.faults();
        let boots = looked.inspection.system.clone().unwrap_or_default();
        if faults.is_empty() && boots != built.toplevel {
            faults.push(format!("system: it boots {boots}, and {} was built", built.toplevel));
        }
        if !faults.is_empty() {
            return Err(Failure::new(format!("the image {} would not boot", path.display()))
                .hint("nothing is recorded, so it is not flashed; with another release of nixpkgs it may be another: `pi update`")
                .detail(faults));
        }
        let unreadable = |e: std::io::Error| Failure::new(format!("the image {} cannot be read: {e}", path.display()));
        let manifest = Manifest {
            name: pi.name.to_owned(),
            tree: crate::nix::fingerprint(pi),
            nixpkgs: pi.system.pins.nixpkgs(),
            lock_sha256: data_encoding::HEXLOWER.encode(&Sha256::digest(pi.system.pins.text)),
            toplevel: built.toplevel.clone(),
            image_sha256: image::sum(&path).map_err(unreadable)?,
            image: path.clone(),
            raw_sha256: looked.raw_sha256,
            builder: builder.to_owned(),
        };
        Ok((manifest, looked.inspection))
    }

    /// Where the record of a Pi's image lies.
    #[must_use]
    pub fn path(dir: &Path, pi: &Pi) -> PathBuf {
        dir.join(format!("{}.json", pi.name))
    }

    /// Keeps it in a directory, in place of the one from before.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn keep(&self, dir: &Path, pi: &Pi) -> Result<PathBuf, Failure> {
        let path = Manifest::path(dir, pi);
        let failed = |why: String| Failure::new(format!("the record {} cannot be written: {why}", path.display()));
        let text = serde_json::to_string_pretty(self).map_err(|e| failed(e.to_string()))?;
        fs::create_dir_all(dir).and_then(|()| fs::write(&path, text)).map_err(|e| failed(e.to_string()))?;
        Ok(path)
    }

    /// The one that was kept last.
    #[must_use]
    pub fn kept(dir: &Path, pi: &Pi) -> Option<Manifest> {
        serde_json::from_slice(&fs::read(Manifest::path(dir, pi)).ok()?).ok()
    }
}
