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
/// So many chunks are unpacked ahead: as many as are written before the card has to have them, so that this goes on meanwhile.
const AHEAD: usize = (SYNC_EVERY as usize) / CHUNK;
/// How much of an image may lie before the end of its first partition.
const HEAD: u64 = 512 << 20;

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
    /// What is read back is something else than the image, which is read a second time for it.
    #[error("the card has kept something else than the image at byte {at}")]
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
    let mut at = 0;
    let mut synced = 0;
    let source = each_chunk(&head, source, |data| {
        let end = at + data.len() as u64;
        if end > target.size() {
            return Err(WriteError::TooSmall(target.size()));
        }
        // The first block is left out.
        let skip = FIRST.saturating_sub(at as usize).min(data.len());
        let wrong = |error| WriteError::Card { at, error };
        target.write_at(at + skip as u64, &data[skip..]).map_err(wrong)?;
        if end - synced >= SYNC_EVERY {
            target.begin_sync().map_err(wrong)?;
            synced = end;
        }
        at = end;
        progress(Progress::Written(at, len));
        Ok(())
    })?;
    let bytes = at;
    if len.is_some_and(|len| len != bytes) {
        return Err(WriteError::Image(io::Error::new(io::ErrorKind::UnexpectedEof, "it ends too early")));
    }
    target.sync().map_err(|error| WriteError::Card { at: bytes, error })?;
    let sha256 = compare(&head, source, target, bytes, progress)?;
    finish(target, &head[..FIRST])?;
    Ok(Written { bytes, sha256 })
}

/// What is to be on the card, chunk by chunk: its beginning as it was prepared, and the rest of the image. It is unpacked on one thread
/// while another does something with it: neither waits for the other. Gives the image back.
fn each_chunk(
    head: &[u8],
    mut source: Source,
    mut with: impl FnMut(&[u8]) -> Result<(), WriteError>,
) -> Result<Source, WriteError> {
    thread::scope(|scope| {
        let (send, chunks) = mpsc::sync_channel::<io::Result<Vec<u8>>>(AHEAD);
        // What was used is filled again: new memory costs more than to copy.
        let (give_back, free) = mpsc::channel::<Vec<u8>>();
        let unpacking = scope.spawn(move || {
            let mut rest = head;
            loop {
                let mut chunk = free.try_recv().unwrap_or_default();
                chunk.clear();
                let (begun, after) = rest.split_at(rest.len().min(CHUNK));
                rest = after;
                chunk.extend_from_slice(begun);
                let filled = source.fill(&mut chunk, CHUNK - begun.len());
                let is_last = filled.is_err() || chunk.len() < CHUNK;
                if send.send(filled.map(|()| chunk)).is_err() || is_last {
                    return source;
                }
            }
        });
        for chunk in chunks {
            let chunk = chunk.map_err(WriteError::Image)?;
            with(&chunk)?;
            // Nobody takes it when all is read.
            let _ = give_back.send(chunk);
        }
        unpacking.join().map_err(|_| WriteError::Image(io::Error::other("unpacking it broke off")))
    })
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

/// Reads everything back but the first block, which is not there yet, compares it with the image, and gives the sum of it all.
fn compare(
    head: &[u8],
    source: Source,
    target: &mut dyn Target,
    bytes: u64,
    progress: &dyn Fn(Progress),
) -> Result<String, WriteError> {
    let mut source = source.again().map_err(WriteError::Image)?;
    source.skip(head.len() as u64).map_err(WriteError::Image)?;
    let mut sum = Sha256::new();
    let mut kept = vec![0; CHUNK];
    let mut at = 0;
    each_chunk(head, source, |data| {
        let kept = &mut kept[..data.len()];
        let skip = FIRST.saturating_sub(at as usize).min(data.len());
        kept[..skip].copy_from_slice(&data[..skip]);
        target.read_at(at + skip as u64, &mut kept[skip..]).map_err(|error| WriteError::Card { at, error })?;
        if kept != data {
            return Err(WriteError::Different { at });
        }
        sum.update(data);
        at += data.len() as u64;
        progress(Progress::Compared(at, bytes));
        Ok(())
    })?;
    match at == bytes {
        true => Ok(data_encoding::HEXLOWER.encode(&sum.finalize())),
        false => Err(WriteError::Different { at }),
    }
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
