//! A part of a file, as a file of its own.
use super::Partition;
use std::{
    error::Error,
    io::{self, Read, Seek, SeekFrom, Write},
};

/// A partition within something larger. Nothing outside of it can be read or written.
#[derive(Clone, Debug)]
pub(super) struct Part<T> {
    inner: T,
    start: u64,
    len: u64,
    at: u64,
}

impl<T: Seek> Part<T> {
    pub(super) fn of(inner: T, partition: &Partition) -> Self {
        Part { inner, start: partition.start, len: partition.len, at: 0 }
    }

    fn go(&mut self, want: usize) -> io::Result<usize> {
        self.inner.seek(SeekFrom::Start(self.start + self.at))?;
        Ok(self.len.saturating_sub(self.at).min(want as u64) as usize)
    }
}

impl<T: Read + Seek> Read for Part<T> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.go(buf.len())?;
        let n = self.inner.read(&mut buf[..n])?;
        self.at += n as u64;
        Ok(n)
    }
}

impl<T: Write + Seek> Write for Part<T> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let n = self.go(buf.len())?;
        let n = self.inner.write(&buf[..n])?;
        self.at += n as u64;
        Ok(n)
    }
    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

impl<T: Seek> Seek for Part<T> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(n) => i128::from(n),
            SeekFrom::End(n) => i128::from(self.len) + i128::from(n),
            SeekFrom::Current(n) => i128::from(self.at) + i128::from(n),
        };
        self.at = u64::try_from(at).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
        Ok(self.at)
    }
}

impl<T: Read + Seek + Send + Sync> ext4_view::Ext4Read for Part<T> {
    fn read(&mut self, start: u64, dst: &mut [u8]) -> Result<(), Box<dyn Error + Send + Sync + 'static>> {
        self.seek(SeekFrom::Start(start))?;
        Ok(self.read_exact(dst)?)
    }
}

/// Something that is only read, for whoever asks for more than he uses.
#[derive(Clone, Debug)]
pub(super) struct ReadOnly<T>(pub(super) T);

impl<T: Read> Read for ReadOnly<T> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.read(buf)
    }
}
impl<T: Seek> Seek for ReadOnly<T> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.0.seek(to)
    }
}
impl<T> Write for ReadOnly<T> {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::PermissionDenied.into())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
