//! The image that a simulated builder makes, and the reader that a card for it is in.
use crate::{
    Board,
    flash::{Cards, Device, Target},
};
use homelab_core::Failure;
use std::{
    fs::{self, File},
    io::{self, Cursor, Read as _, Write as _},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

/// The card of the sandbox.
const DEVICE: &str = "/dev/simcard";
/// Its size: 8 GB, of which a file takes only what is written.
const SIZE: u64 = 8_000_000_000;
const SECTOR: usize = 512;
const MIB: usize = 1 << 20;
/// Where the first partition begins, and how long it is.
const FIRMWARE: (usize, usize) = (8 * MIB, 2 * MIB);
/// The root of a card, made by mkfs.ext4, with the smallest system that a boot loader could start.
const ROOT: &[u8] = include_bytes!("data/root.ext4.zst");
/// That system. Another one has a name of the same length.
const SYSTEM: &str = "/nix/store/00000000000000000000000000000000-nixos-system-pi-25.11";
/// What lies in the first partition: for the models 3 and 4 as nixpkgs puts it there, for the model 5 as nixos-hardware does.
fn firmware(board: Board) -> &'static [(&'static str, &'static str)] {
    match board {
        Board::Pi3 | Board::Pi4 => &[
            (
                "config.txt",
                "[pi3]\nkernel=u-boot-rpi3.bin\n\n[pi4]\nkernel=u-boot-rpi4.bin\narmstub=armstub8-gic.bin\n\n[all]\narm_64bit=1\n",
            ),
            ("u-boot-rpi3.bin", ""),
            ("u-boot-rpi4.bin", ""),
            ("armstub8-gic.bin", ""),
        ],
        Board::Pi5(_) => &[
            ("config.txt", "[all]\narm_64bit=1\nkernel=u-boot.bin\n[all]\n[pi5]\nenable_uart=0\n"),
            ("u-boot.bin", ""),
            ("bcm2712-rpi-5-b.dtb", ""),
        ],
    }
}

/// An image with this system for this board, laid out as nixpkgs does it, packed.
pub(super) fn image(system: &str, board: Board) -> io::Result<Vec<u8>> {
    let mut root = vec![];
    let unpacked = ruzstd::decoding::StreamingDecoder::new(ROOT).map_err(io::Error::other)?;
    { unpacked }.read_to_end(&mut root)?;
    let (old, new) = (name(SYSTEM), name(system));
    if old.len() != new.len() {
        return Err(io::Error::other(format!("{system} has another length than {SYSTEM}")));
    }
    let mut at = 0;
    while let Some(found) = root[at..].windows(old.len()).position(|window| window == old) {
        root[at + found..at + found + new.len()].copy_from_slice(new);
        at += found + new.len();
    }
    let start = FIRMWARE.0 + FIRMWARE.1;
    let mut image = vec![0; start + root.len()];
    let mut entry = |n: usize, kind: u8, boot: u8, start: usize, len: usize| {
        let at = 446 + 16 * n;
        let sectors = |bytes: usize| u32::try_from(bytes / SECTOR).unwrap_or_default().to_le_bytes();
        image[at] = boot;
        image[at + 4] = kind;
        image[at + 8..at + 12].copy_from_slice(&sectors(start));
        image[at + 12..at + 16].copy_from_slice(&sectors(len));
    };
    entry(0, 0x0b, 0x80, FIRMWARE.0, FIRMWARE.1);
    entry(1, 0x83, 0, start, root.len());
    image[510..512].copy_from_slice(&[0x55, 0xaa]);
    image[start..].copy_from_slice(&root);
    let label = fatfs::FormatVolumeOptions::new().volume_label(*b"FIRMWARE   ");
    fatfs::format_volume(Cursor::new(&mut image[FIRMWARE.0..start]), label)?;
    let fat = fatfs::FileSystem::new(Cursor::new(&mut image[FIRMWARE.0..start]), fatfs::FsOptions::new())?;
    for (file, content) in firmware(board) {
        fat.root_dir().create_file(file)?.write_all(content.as_bytes())?;
    }
    fat.unmount()?;
    Ok(ruzstd::encoding::compress_to_vec(image.as_slice(), ruzstd::encoding::CompressionLevel::Fastest))
}

/// What names a system in the store.
fn name(system: &str) -> &[u8] {
    system.rsplit('/').next().unwrap_or_default().as_bytes()
}

/// A reader with one card in it, which is a file.
#[derive(Clone, Debug)]
pub struct SimCards {
    file: PathBuf,
}

impl SimCards {
    /// Its card is kept in this directory.
    #[must_use]
    pub fn within(dir: &Path) -> SimCards {
        SimCards { file: dir.join("card.img") }
    }
}

impl Cards for SimCards {
    fn find(&self, path: &Path) -> Result<Device, Failure> {
        if path != Path::new(DEVICE) {
            return Err(Failure::unusable(format!("the sandbox has no device {}", path.display()))
                .hint(format!("its card is {DEVICE}; a real one is written with `--live`")));
        }
        Ok(Device {
            path: DEVICE.into(),
            model: "simulated reader".into(),
            serial: "SIM0001".into(),
            size: SIZE,
            is_removable: true,
            ..Device::default()
        })
    }

    fn unmount(&self, _: &Device) -> Result<(), Failure> {
        Ok(())
    }

    fn open(&self, device: &Device) -> Result<Box<dyn Target>, Failure> {
        let mut options = fs::OpenOptions::new();
        let opened = options.read(true).write(true).create(true).truncate(false).open(&self.file);
        let sized = opened.and_then(|file| file.set_len(device.size).map(|()| file));
        let file = sized.map_err(|e| Failure::new(format!("the sandbox cannot keep its card: {e}")))?;
        Ok(Box::new(Card(file, device.size)))
    }
}

/// The card, open.
struct Card(File, u64);

impl Target for Card {
    fn size(&self) -> u64 {
        self.1
    }
    fn write_at(&mut self, at: u64, data: &[u8]) -> io::Result<()> {
        self.0.write_all_at(data, at)
    }
    fn read_at(&mut self, at: u64, data: &mut [u8]) -> io::Result<()> {
        self.0.read_exact_at(data, at)
    }
    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }
}
