//! Writing, and proving what was written.
use super::Source;
use crate::image::partitions;
use sha2::{Digest, Sha256};
use std::{io, sync::mpsc, thread};

/// What is written in one go.
const CHUNK: usize = 4 << 20;
/// What is written last: the table of partitions, without which nothing boots. One write of the card's own block size.
const FIRST: usize = 4096;
/// The parts of a card that could boot by what was on it before: they are emptied first. Includes a GPT.
const EMPTIED: usize = 1 << 20;
/// After so much the card has to have it: else the progress would tell of memory, and the end would take minutes.
const SYNC_EVERY: u64 = 64 << 20;
/// So many chunks are unpacked and hashed ahead: as many as are written before the card has to have them, so that this goes on meanwhile.
const AHEAD: usize = (SYNC_EVERY as usize) / CHUNK;
/// How much of an image may lie before the end of its first partition.
const HEAD: u64 = 512 << 20;

/// The digest of an image up to the end of a chunk: it tells the first chunk that differs, and the last one is that of the image.
type Sum = sha2::digest::Output<Sha256>;

/// What is written to.
pub trait Target: Send {
    /// Its size in bytes.
    fn size(&self) -> u64;
    /// Writes all of it.
    ///
    /// # Errors
    /// What the device says.
    fn write_at(&mut self, at: u64, data: &[u8]) -> io::Result<()>;
    /// Reads all of it.
    ///
    /// # Errors
    /// What the device says.
    fn read_at(&mut self, at: u64, data: &mut [u8]) -> io::Result<()>;
    /// Makes sure that what was written is on the device, and is read from there.
    ///
    /// # Errors
    /// What the device says.
    fn sync(&mut self) -> io::Result<()>;
    /// Begins to bring to the device what was written, so that writing goes on meanwhile. Waits for what was begun like this before:
    /// never more than two such pieces are in memory only.
    ///
    /// # Errors
    /// What the device says, of the piece before this one too.
    fn begin_sync(&mut self) -> io::Result<()> {
        self.sync()
    }
}

/// How far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// So many bytes are written, of so many if that is known.
    Written(u64, Option<u64>),
    /// So many bytes of so many were read back and are right.
    Compared(u64, u64),
}

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// Bytes.
    pub bytes: u64,
    /// SHA-256 of what is on the card, which is the image with the secrets in it.
    pub sha256: String,
}

/// Why a card was not written. In every case but the last nothing on it boots.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The image cannot be read to its end.
    #[error("the image is damaged: {0}")]
    Image(io::Error),
    /// It is no image of a card.
    #[error("the image is none of a card: {0}")]
    NoImage(String),
    /// Secrets could not be put into it.
    #[error("{0}")]
    Secrets(String),
    /// It is longer than the card.
    #[error("the image does not fit: the card ends at {0} bytes")]
    TooSmall(u64),
    /// The card does not take it.
    #[error("the card cannot be written at byte {at}: {error}")]
    Card {
        /// Where.
        at: u64,
        /// What the system said.
        error: io::Error,
    },
    /// What is read back is something else.
    #[error("the card has kept something else than was written at byte {at}")]
    Different {
        /// Where, to the chunk.
        at: u64,
    },
}

/// Writes an image. `prepare` may change its beginning, up to the end of the first partition, before it is written.
///
/// # Errors
/// Whatever goes wrong leaves a card that does not boot.
pub fn write(
    mut source: Source,
    target: &mut dyn Target,
    prepare: &dyn Fn(&mut [u8]) -> Result<(), String>,
    progress: &dyn Fn(Progress),
) -> Result<Written, WriteError> {
    let len = source.len();
    if len.is_some_and(|len| len > target.size()) {
        return Err(WriteError::TooSmall(target.size()));
    }
    let mut head = head(&mut source)?;
    prepare(&mut head).map_err(WriteError::Secrets)?;
    empty(target)?;
    let mut sums = vec![];
    let mut at = 0;
    let first: Vec<u8> = head[..FIRST].to_vec();
    let mut synced = 0;
    let mut put = |target: &mut dyn Target, data: &[u8], sum: Sum| -> Result<(), WriteError> {
        let end = at + data.len() as u64;
        if end > target.size() {
            return Err(WriteError::TooSmall(target.size()));
        }
        // The first block is left out.
        let skip = FIRST.saturating_sub(at as usize).min(data.len());
        let begun = at;
        let wrong = |error| WriteError::Card { at: begun, error };
        target.write_at(at + skip as u64, &data[skip..]).map_err(wrong)?;
        sums.push(sum);
        at = end;
        if at - synced >= SYNC_EVERY {
            target.begin_sync().map_err(wrong)?;
            synced = at;
        }
        progress(Progress::Written(at, len));
        Ok(())
    };
    // What is unpacked and hashed on one thread is written on another: neither waits for the other.
    thread::scope(|scope| -> Result<(), WriteError> {
        let (send, chunks) = mpsc::sync_channel::<io::Result<(Vec<u8>, Sum)>>(AHEAD);
        // What was written is filled again: new memory costs as much as the hashing.
        let (give_back, free) = mpsc::channel::<Vec<u8>>();
        scope.spawn(move || {
            let mut rest = head.as_slice();
            let mut whole = Sha256::new();
            loop {
                let mut chunk = free.try_recv().unwrap_or_default();
                chunk.clear();
                let (begun, after) = rest.split_at(rest.len().min(CHUNK));
                rest = after;
                chunk.extend_from_slice(begun);
                let filled = source.fill(&mut chunk, CHUNK - begun.len());
                let is_last = filled.is_err() || chunk.len() < CHUNK;
                let hashed = filled.map(|()| {
                    whole.update(&chunk);
                    (chunk, whole.clone().finalize())
                });
                if send.send(hashed).is_err() || is_last {
                    return;
                }
            }
        });
        for chunk in chunks {
            let (data, sum) = chunk.map_err(WriteError::Image)?;
            put(target, &data, sum)?;
            // Nobody takes it when all is read.
            let _ = give_back.send(data);
        }
        Ok(())
    })?;
    let bytes = at;
    if len.is_some_and(|len| len != bytes) {
        return Err(WriteError::Image(io::Error::new(io::ErrorKind::UnexpectedEof, "it ends too early")));
    }
    target.sync().map_err(|error| WriteError::Card { at: bytes, error })?;
    let sha256 = compare(target, &first, &sums, bytes, progress)?;
    finish(target, &first)?;
    Ok(Written { bytes, sha256 })
}

/// The beginning of an image, up to the end of its first partition.
fn head(source: &mut Source) -> Result<Vec<u8>, WriteError> {
    let mut head = vec![];
    source.fill(&mut head, FIRST).map_err(WriteError::Image)?;
    let table = partitions(&head).map_err(|e| WriteError::NoImage(e.to_string()))?;
    let first = table.first().ok_or_else(|| WriteError::NoImage("it has no partition".into()))?;
    let end = first.start + first.len;
    if head.len() < FIRST || end > HEAD {
        return Err(WriteError::NoImage("its first partition is not where a card's is".into()));
    }
    source.fill(&mut head, (end as usize).saturating_sub(FIRST)).map_err(WriteError::Image)?;
    match (head.len() as u64) < end {
        true => {
            Err(WriteError::Image(io::Error::new(io::ErrorKind::UnexpectedEof, "it ends within its first partition")))
        }
        false => Ok(head),
    }
}

/// Takes away what would boot: the card's first block, and all of what may tell of partitions.
fn empty(target: &mut dyn Target) -> Result<(), WriteError> {
    let len = EMPTIED.min(target.size() as usize);
    let nothing = vec![0; len];
    let wrong = |error| WriteError::Card { at: 0, error };
    // The table first: a card that is pulled out in the middle of this must not boot any more.
    target.write_at(0, &nothing[..FIRST.min(len)]).map_err(wrong)?;
    target.sync().map_err(wrong)?;
    target.write_at(0, &nothing).map_err(wrong)?;
    target.sync().map_err(wrong)
}

/// Reads everything back but the first block, which is not there yet, and gives the sum of it all.
fn compare(
    target: &mut dyn Target,
    first: &[u8],
    sums: &[Sum],
    bytes: u64,
    progress: &dyn Fn(Progress),
) -> Result<String, WriteError> {
    let mut whole = Sha256::new();
    let mut buf = vec![0; CHUNK];
    let mut at = 0;
    for sum in sums {
        let n = (bytes - at).min(CHUNK as u64) as usize;
        let wrong = |error| WriteError::Card { at, error };
        let skip = if at == 0 { FIRST } else { 0 };
        buf[..skip].copy_from_slice(&first[..skip]);
        target.read_at(at + skip as u64, &mut buf[skip..n]).map_err(wrong)?;
        whole.update(&buf[..n]);
        if whole.clone().finalize() != *sum {
            return Err(WriteError::Different { at });
        }
        at += n as u64;
        progress(Progress::Compared(at, bytes));
    }
    Ok(data_encoding::HEXLOWER.encode(&whole.finalize()))
}

/// Writes the first block, and reads it back too.
fn finish(target: &mut dyn Target, first: &[u8]) -> Result<(), WriteError> {
    let wrong = |error| WriteError::Card { at: 0, error };
    target.write_at(0, first).map_err(wrong)?;
    target.sync().map_err(wrong)?;
    let mut back = vec![0; first.len()];
    target.read_at(0, &mut back).map_err(wrong)?;
    match back == first {
        true => Ok(()),
        false => Err(WriteError::Different { at: 0 }),
    }
}
