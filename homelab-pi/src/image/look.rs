//! An image's file looked into, packed or not: what is in it, and the sums that tell it from another.
use super::{Inspection, inspect};
use crate::{Board, flash::Source};
use homelab_core::Failure;
use sha2::{Digest, Sha256};
use std::{
    fs::{self, File},
    io::{self, Read, Seek, SeekFrom},
    os::unix::fs::FileExt,
    path::Path,
    sync::Arc,
};

/// What is unpacked in one go. What is nothing but zeros takes no room.
const CHUNK: usize = 1 << 20;

/// What was found.
#[derive(Clone, Debug)]
pub struct Looked {
    /// What is in it.
    pub inspection: Inspection,
    /// SHA-256 of what a card will hold, but for the secrets.
    pub raw_sha256: String,
}

/// Looks into an image. A packed one is unpacked into a file below `scratch` that nobody sees and that is gone afterwards.
///
/// # Errors
/// When it cannot be read to its end, or there is no room to unpack it.
pub fn look(image: &Path, board: Board, scratch: &Path) -> Result<Looked, Failure> {
    let wrong = |e: io::Error| match e.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied => {
            Failure::unusable(format!("the image {} cannot be read: {e}", image.display())).hint("`pi build` makes one")
        }
        io::ErrorKind::StorageFull => {
            Failure::new(format!("there is no room in {} to look into it: {e}", scratch.display()))
        }
        _ => Failure::new(format!("the image {} is damaged: {e}", image.display())).hint("build it anew: `pi build`"),
    };
    let mut source = Source::open(image).map_err(wrong)?;
    let (file, raw_sha256) = unpack(&mut source, scratch).map_err(wrong)?;
    let inspection = inspect(Shared { file: Arc::new(file), at: 0 }, board).map_err(wrong)?;
    Ok(Looked { inspection, raw_sha256 })
}

/// SHA-256 of a file as it is.
///
/// # Errors
/// When it cannot be read.
pub fn sum(path: &Path) -> io::Result<String> {
    let (mut hash, mut file, mut chunk) = (Sha256::new(), File::open(path)?, vec![0; CHUNK]);
    loop {
        match file.read(&mut chunk)? {
            0 => break,
            read => hash.update(&chunk[..read]),
        }
    }
    Ok(data_encoding::HEXLOWER.encode(&hash.finalize()))
}

fn unpack(source: &mut Source, scratch: &Path) -> io::Result<(File, String)> {
    fs::create_dir_all(scratch)?;
    let path = scratch.join(format!("unpacked.{}", std::process::id()));
    let file = File::options().read(true).write(true).create(true).truncate(true).open(&path)?;
    // It goes with its last reader, whatever happens.
    fs::remove_file(&path)?;
    let (mut hash, mut at, mut chunk) = (Sha256::new(), 0, vec![]);
    loop {
        chunk.clear();
        source.fill(&mut chunk, CHUNK)?;
        if chunk.is_empty() {
            break;
        }
        hash.update(&chunk);
        if chunk.iter().any(|byte| *byte != 0) {
            file.write_all_at(&chunk, at)?;
        }
        at += chunk.len() as u64;
    }
    file.set_len(at)?;
    Ok((file, data_encoding::HEXLOWER.encode(&hash.finalize())))
}

/// A file that several read at places of their own.
#[derive(Clone)]
struct Shared {
    file: Arc<File>,
    at: u64,
}

impl Read for Shared {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.file.read_at(buf, self.at)?;
        self.at += n as u64;
        Ok(n)
    }
}

impl Seek for Shared {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let from = match to {
            SeekFrom::Start(n) => i128::from(n),
            SeekFrom::Current(n) => i128::from(self.at) + i128::from(n),
            SeekFrom::End(n) => i128::from(self.file.metadata()?.len()) + i128::from(n),
        };
        self.at = u64::try_from(from).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
        Ok(self.at)
    }
}
