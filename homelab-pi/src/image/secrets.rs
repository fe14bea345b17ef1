//! Secrets that are put into an image on its way to the card: they are never in the Nix store, nor in the file of the image.
use super::{mbr, part::Part};
use crate::nix::FOLDER;
use homelab_core::{Failure, SecretValue};
use std::io::{Cursor, Write};

/// Puts files into a folder of the first partition, from which the first boot takes them. `head` is the beginning of the image, up to the
/// end of that partition at least.
///
/// # Errors
/// When there is no such partition in it, or it is full.
pub fn inject(head: &mut [u8], files: &[(&str, SecretValue)]) -> Result<(), Failure> {
    if files.is_empty() {
        return Ok(());
    }
    let wrong = |why: String| Failure::new(format!("secrets cannot be put into the image: {why}"));
    let partitions = mbr::partitions(head).map_err(|e| wrong(e.to_string()))?;
    let first = partitions.first().ok_or_else(|| wrong("it has no partition".into()))?;
    if first.start + first.len > head.len() as u64 {
        return Err(wrong("it ends within its first partition".into()));
    }
    let put = || -> std::io::Result<()> {
        let fat = fatfs::FileSystem::new(Part::of(Cursor::new(head), first), fatfs::FsOptions::new())?;
        {
            let folder = fat.root_dir().create_dir(FOLDER)?;
            for (name, content) in files {
                let mut file = folder.create_file(name)?;
                file.truncate()?;
                file.write_all(content.expose().as_bytes())?;
                file.flush()?;
            }
        }
        fat.unmount()
    };
    put().map_err(|e| wrong(e.to_string()))
}
