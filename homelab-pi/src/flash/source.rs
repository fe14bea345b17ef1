//! An image as a stream of bytes, unpacked on the way.
use ruzstd::decoding::StreamingDecoder;
use std::{
    fs::File,
    io::{self, BufReader, Read, Seek},
    path::Path,
    time::SystemTime,
};

/// How an image begins that is packed with zstd (RFC 8878).
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// An image that is read from its beginning to its end, and again.
pub struct Source {
    form: Form,
    len: Option<u64>,
    /// The file, and when it was changed last.
    file: Option<(File, SystemTime)>,
}

enum Form {
    Plain(Box<dyn Bytes>),
    Packed(Box<StreamingDecoder<Box<dyn Bytes>, ruzstd::decoding::FrameDecoder>>),
}

trait Bytes: Read + Seek + Send {}
impl<T: Read + Seek + Send> Bytes for T {}

impl Source {
    /// The image in a file, packed with zstd or not.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn open(path: &Path) -> io::Result<Source> {
        let mut file = File::open(path)?;
        let mut start = [0; 4];
        let about = file.metadata()?;
        let known = Some((file.try_clone()?, about.modified()?));
        let packed = file.read_exact(&mut start).is_ok() && start == ZSTD;
        file.rewind()?;
        let source = match packed {
            true => Source::packed(BufReader::with_capacity(1 << 20, file))?,
            false => Source::plain(file, about.len()),
        };
        Ok(Source { file: known, ..source })
    }

    /// An image packed with zstd.
    ///
    /// # Errors
    /// When it is not.
    pub fn packed(reader: impl Read + Seek + Send + 'static) -> io::Result<Source> {
        Source::unpacking(Box::new(reader))
    }

    fn unpacking(reader: Box<dyn Bytes>) -> io::Result<Source> {
        let decoder =
            StreamingDecoder::new(reader).map_err(|e| io::Error::new(io::ErrorKind::InvalidData, e.to_string()))?;
        let len = Some(decoder.decoder.content_size()).filter(|n| *n > 0);
        Ok(Source { form: Form::Packed(Box::new(decoder)), len, file: None })
    }

    /// An image of bytes as they are.
    #[must_use]
    pub fn plain(reader: impl Read + Seek + Send + 'static, len: u64) -> Source {
        Source { form: Form::Plain(Box::new(reader)), len: Some(len), file: None }
    }

    /// The same from its beginning: the same bytes, or an error.
    pub(super) fn again(self) -> io::Result<Source> {
        if let Some((file, changed)) = &self.file
            && file.metadata()?.modified()? != *changed
        {
            return Err(io::Error::other("somebody changed it while it was written"));
        }
        match self.form {
            Form::Plain(mut reader) => {
                reader.rewind()?;
                Ok(Source { form: Form::Plain(reader), ..self })
            }
            Form::Packed(decoder) => {
                let mut reader = decoder.into_inner();
                reader.rewind()?;
                Source::unpacking(reader)
            }
        }
    }

    /// Leaves so many bytes out.
    pub(super) fn skip(&mut self, mut bytes: u64) -> io::Result<()> {
        let mut left_out = vec![];
        while bytes > 0 {
            left_out.clear();
            self.fill(&mut left_out, bytes.min(1 << 20) as usize)?;
            if left_out.is_empty() {
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it has become shorter"));
            }
            bytes -= left_out.len() as u64;
        }
        Ok(())
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
        match &mut self.form {
            Form::Plain(reader) => reader.take(want as u64).read_to_end(buf)?,
            Form::Packed(decoder) => decoder.take(want as u64).read_to_end(buf)?,
        };
        Ok(())
    }
}
