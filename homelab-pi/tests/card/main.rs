//! A card: its image looked into, and written.
mod check;
mod inspect;
mod mishap;
mod write;

use std::io::{Cursor, Read, Seek, SeekFrom, Write};

pub(crate) const MIB: usize = 1 << 20;
const FIRMWARE: (usize, usize) = (MIB, 4 * MIB);

/// What is in the first partition.
pub(crate) const CONFIG: &str =
    "[pi3]\nkernel=u-boot-rpi3.bin\n\n[pi4]\nkernel=u-boot-rpi4.bin\narmstub=armstub8-gic.bin\n\n[all]\narm_64bit=1\n";

/// A part of a vector that can be written as a disk.
struct Slice<'a>(Cursor<&'a mut [u8]>);
impl Read for Slice<'_> {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        self.0.read(buf)
    }
}
impl Write for Slice<'_> {
    fn write(&mut self, buf: &[u8]) -> std::io::Result<usize> {
        self.0.write(buf)
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
impl Seek for Slice<'_> {
    fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
        self.0.seek(to)
    }
}

/// The root of a card, made by mkfs.ext4.
pub(crate) fn root() -> Vec<u8> {
    let mut out = vec![];
    let packed: &[u8] = include_bytes!("root.ext4.zst");
    ruzstd::decoding::StreamingDecoder::new(packed).unwrap().read_to_end(&mut out).unwrap();
    out
}

/// An image laid out as nixpkgs lays it out, smaller: MBR, FAT at 1 MiB, ext4 behind it.
pub(crate) fn image(config: &str) -> Vec<u8> {
    image_with(&[
        ("config.txt", config),
        ("u-boot-rpi3.bin", "u-boot"),
        ("u-boot-rpi4.bin", "u-boot"),
        ("armstub8-gic.bin", "stub"),
    ])
}

/// The same with these files in its first partition.
pub(crate) fn image_with(files: &[(&str, &str)]) -> Vec<u8> {
    let root = root();
    let start = FIRMWARE.0 + FIRMWARE.1;
    let mut image = vec![0; start + root.len()];
    let mut entry = |n: usize, kind: u8, boot: u8, start: usize, len: usize| {
        let at = 446 + 16 * n;
        image[at] = boot;
        image[at + 4] = kind;
        image[at + 8..at + 12].copy_from_slice(&u32::try_from(start / 512).unwrap().to_le_bytes());
        image[at + 12..at + 16].copy_from_slice(&u32::try_from(len / 512).unwrap().to_le_bytes());
    };
    entry(0, 0x0b, 0x80, FIRMWARE.0, FIRMWARE.1);
    entry(1, 0x83, 0, start, root.len());
    image[510..512].copy_from_slice(&[0x55, 0xaa]);
    image[start..].copy_from_slice(&root);
    let fat = &mut image[FIRMWARE.0..start];
    fatfs::format_volume(Slice(Cursor::new(fat)), fatfs::FormatVolumeOptions::new().volume_label(*b"FIRMWARE   "))
        .unwrap();
    let fat = &mut image[FIRMWARE.0..start];
    let fs = fatfs::FileSystem::new(Slice(Cursor::new(fat)), fatfs::FsOptions::new()).unwrap();
    for (name, content) in files {
        fs.root_dir().create_file(name).unwrap().write_all(content.as_bytes()).unwrap();
    }
    fs.unmount().unwrap();
    image
}

/// The first partition of what was written.
pub(crate) fn firmware_file(card: &mut [u8], path: &str) -> Option<String> {
    let fat = &mut card[FIRMWARE.0..FIRMWARE.0 + FIRMWARE.1];
    let fs = fatfs::FileSystem::new(Slice(Cursor::new(fat)), fatfs::FsOptions::new()).unwrap();
    let mut text = String::new();
    fs.root_dir().open_file(path).ok()?.read_to_string(&mut text).ok()?;
    Some(text)
}
