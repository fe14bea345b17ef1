//! An image as a stream of bytes, unpacked on the way.
use ruzstd::decoding::StreamingDecoder;
use std::{
    fs::File,
    io::{self, BufReader, Read, Seek},
    path::Path,
};

/// How an image begins that is packed with zstd (RFC 8878).
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// An image that is read from its beginning to its end.
pub struct Source {
    reader: Box<dyn Read + Send>,
    len: Option<u64>,
}

impl Source {
    /// The image in a file, packed with zstd or not.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn open(path: &Path) -> io::Result<Source> {
        let mut file = File::open(path)?;
        let mut start = [0; 4];
        let len = file.metadata()?.len();
        let packed = file.read_exact(&mut start).is_ok() && start == ZSTD;
        file.rewind()?;
        match packed {
            true => Source::packed(BufReader::with_capacity(1 << 20, file)),
            false => Ok(Source { reader: Box::new(file), len: Some(len) }),
        }
    }

    /// An image packed with zstd.
    ///
    /// # Errors
    /// When it is not.
    pub fn packed(reader: impl Read + Send + 'static) -> io::Result<Source> {
        let decoder =
            StreamingDecoder::new(reader).map_err(|e| io::Error::new(io::ErrorKind::InvalidData, e.to_string()))?;
        let len = Some(decoder.decoder.content_size()).filter(|n| *n > 0);
        Ok(Source { reader: Box::new(decoder), len })
    }

    /// An image of bytes as they are.
    #[must_use]
    pub fn plain(reader: impl Read + Send + 'static, len: u64) -> Source {
        Source { reader: Box::new(reader), len: Some(len) }
    }

    /// How long it will be when it is unpacked, if it says so.
    #[must_use]
    pub fn len(&self) -> Option<u64> {
        self.len
    }

    /// Whether it says that there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == Some(0)
    }

    /// Adds so many bytes to a buffer, or less at the end.
    pub(crate) fn fill(&mut self, buf: &mut Vec<u8>, want: usize) -> io::Result<()> {
        buf.reserve(want);
        (&mut self.reader).take(want as u64).read_to_end(buf)?;
        Ok(())
    }
}
