//! The system's side: finding a device, letting go of what a desktop mounted, and opening it for ourselves alone.
use super::{Device, Linux, parse_diskutil, write::Target};
use homelab_core::Failure;
use std::{
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::{FileExt, OpenOptionsExt},
    path::Path,
    process::Command,
    thread::{self, JoinHandle},
};

/// `O_EXCL` on a block device: the kernel refuses it while the device is mounted or in use, and keeps others from it afterwards (open(2)).
/// The number is the same on all architectures of Linux.
const EXCLUSIVE: i32 = 0o200;

/// Looks at a device.
///
/// # Errors
/// When there is none.
pub fn find(path: &Path) -> Result<Device, Failure> {
    let none = |why: String| {
        Failure::unusable(format!("{} cannot be looked at: {why}", path.display()))
            .hint("give the whole device: `/dev/sdb`, `/dev/mmcblk0`, on macOS `/dev/disk4`")
    };
    let real = fs::canonicalize(path).map_err(|e| none(e.to_string()))?;
    let name = real.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    if cfg!(target_os = "macos") {
        let disk = name.trim_start_matches('r');
        let say = |verb: &str| output(Command::new("diskutil").args([verb, "-plist", disk])).map_err(&none);
        return parse_diskutil(&say("info")?, &say("list")?).ok_or_else(|| none("diskutil does not know it".into()));
    }
    Linux::default().look(&name).map_err(|e| none(format!("it is no block device: {e}")))
}

/// Unmounts what a desktop has mounted by itself.
///
/// # Errors
/// When it is in use.
pub fn unmount(device: &Device) -> Result<(), Failure> {
    let failed = |why: String| Failure::new(format!("{} cannot be unmounted: {why}", device.path.display()));
    if cfg!(target_os = "macos") {
        return output(Command::new("diskutil").arg("unmountDisk").arg(&device.path)).map(drop).map_err(failed);
    }
    let mounts = device.mounts.iter().filter(|m| m.is_a_desktops());
    mounts.into_iter().try_for_each(|m| output(Command::new("umount").arg(&m.at)).map(drop).map_err(failed))
}

fn output(command: &mut Command) -> Result<String, String> {
    let done = command.output().map_err(|e| e.to_string())?;
    match done.status.success() {
        true => Ok(String::from_utf8_lossy(&done.stdout).into_owned()),
        false => Err(String::from_utf8_lossy(&done.stderr).trim().to_owned()),
    }
}

/// Opens a device for ourselves alone.
///
/// # Errors
/// When somebody else uses it, or it may not be written.
pub fn open(device: &Device) -> Result<Card, Failure> {
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    if cfg!(target_os = "linux") {
        options.custom_flags(EXCLUSIVE);
    }
    let file = options.open(&device.path).map_err(|e| {
        let failure = Failure::new(format!("{} cannot be opened: {e}", device.path.display()));
        match e.kind() {
            io::ErrorKind::PermissionDenied => failure.hint("writing a card needs root: run it with sudo"),
            io::ErrorKind::ResourceBusy => failure.hint("something has mounted or holds it; `lsblk` shows what"),
            _ => failure.hint("is the card still in?"),
        }
    })?;
    Ok(Card { file, size: device.size, syncing: None })
}

/// A device that is open, for nobody else.
#[derive(Debug)]
pub struct Card {
    file: File,
    size: u64,
    /// What was begun and is not waited for yet.
    syncing: Option<JoinHandle<io::Result<()>>>,
}

impl Card {
    fn wait(&mut self) -> io::Result<()> {
        let ended = self.syncing.take().map(JoinHandle::join);
        ended.unwrap_or(Ok(Ok(()))).unwrap_or_else(|_| Err(io::Error::other("waiting for the card broke off")))
    }
}

fn sync(file: &File) -> io::Result<()> {
    file.sync_all()?;
    // What is read back must come from the card, not from memory.
    #[cfg(target_os = "linux")]
    rustix::fs::fadvise(file, 0, None, rustix::fs::Advice::DontNeed)?;
    Ok(())
}

impl Target for Card {
    fn size(&self) -> u64 {
        self.size
    }
    fn write_at(&mut self, at: u64, data: &[u8]) -> io::Result<()> {
        self.file.write_all_at(data, at)
    }
    fn read_at(&mut self, at: u64, data: &mut [u8]) -> io::Result<()> {
        self.file.read_exact_at(data, at)
    }
    fn sync(&mut self) -> io::Result<()> {
        self.wait()?;
        sync(&self.file)
    }
    fn begin_sync(&mut self) -> io::Result<()> {
        self.wait()?;
        let file = self.file.try_clone()?;
        self.syncing = Some(thread::spawn(move || sync(&file)));
        Ok(())
    }
}
