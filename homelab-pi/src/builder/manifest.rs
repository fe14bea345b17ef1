//! What was built, from what, and by whom.
use super::Built;
use crate::Pi;
use homelab_core::Failure;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::{fs::File, io, path::Path};

/// The record of a build, kept beside its image.
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
    /// SHA-256 of the image as it was built, packed.
    pub image_sha256: Option<String>,
    /// The same of what it is unpacked: what a card holds, but for the secrets.
    pub raw_sha256: Option<String>,
    /// Who built it.
    pub builder: String,
}

impl Manifest {
    /// Of a build.
    ///
    /// # Errors
    /// When the image cannot be read.
    pub fn of(pi: &Pi, built: &Built, builder: &str) -> Result<Manifest, Failure> {
        let sum = |path: &Path, unpack: bool| -> io::Result<String> {
            let mut hash = Sha256::new();
            match unpack {
                false => drop(io::copy(&mut File::open(path)?, &mut hash)?),
                true => {
                    let mut source = crate::flash::Source::open(path)?;
                    io::copy(source.reader(), &mut hash)?;
                }
            }
            Ok(data_encoding::HEXLOWER.encode(&hash.finalize()))
        };
        let sums = |unpack: bool| {
            let path = built.image.as_deref();
            path.map(|p| sum(p, unpack).map_err(|e| Failure::new(format!("{} is damaged: {e}", p.display()))))
                .transpose()
        };
        Ok(Manifest {
            name: pi.name.to_owned(),
            tree: crate::nix::fingerprint(pi),
            nixpkgs: pi.system.pins.nixpkgs(),
            lock_sha256: data_encoding::HEXLOWER.encode(&Sha256::digest(pi.system.pins.text)),
            toplevel: built.toplevel.clone(),
            image_sha256: sums(false)?,
            raw_sha256: sums(true)?,
            builder: builder.to_owned(),
        })
    }
}
