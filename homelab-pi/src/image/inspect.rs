//! Whether an image would boot, as far as that can be seen without booting it.
use super::{
    Partition,
    config_txt::started,
    extlinux::{Entry, default_entry},
    mbr,
    part::{Part, ReadOnly},
};
use crate::Board;
use ext4_view::Ext4;
use std::{
    fmt,
    io::{Read, Seek, SeekFrom},
};

/// The label of the first partition.
const FIRMWARE: &str = "FIRMWARE";
/// The label of the root.
const ROOT: &str = "NIXOS_SD";
/// Where the boot loader looks.
const EXTLINUX: &str = "/boot/extlinux";

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What.
    pub what: &'static str,
    /// What was seen, or what is wrong.
    pub seen: Result<String, String>,
}

/// All that was looked at, in the order in which a boot needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inspection {
    /// The findings.
    pub findings: Vec<Finding>,
    /// The system that would boot, as a path of the store.
    pub system: Option<String>,
}

impl Inspection {
    /// What is wrong, in one line each.
    #[must_use]
    pub fn faults(&self) -> Vec<String> {
        let fault = |f: &Finding| f.seen.as_ref().err().map(|why| format!("{}: {why}", f.what));
        self.findings.iter().filter_map(fault).collect()
    }
}

impl fmt::Display for Inspection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for finding in &self.findings {
            match &finding.seen {
                Ok(seen) => writeln!(f, "ok    {}: {seen}", finding.what)?,
                Err(why) => writeln!(f, "FAULT {}: {why}", finding.what)?,
            }
        }
        Ok(())
    }
}

/// Looks into an image for a board.
///
/// # Errors
/// When it cannot be read at all. What is wrong with it is a finding.
pub fn inspect<T>(image: T, board: Board) -> std::io::Result<Inspection>
where
    T: Read + Seek + Clone + Send + Sync + 'static,
{
    let mut look = Inspection { findings: vec![], system: None };
    let mut first = [0; mbr::SECTOR as usize];
    let mut source = image.clone();
    let len = source.seek(SeekFrom::End(0))?;
    source.seek(SeekFrom::Start(0))?;
    let read = source.read_exact(&mut first).map_err(|_| mbr::BadMbr::Short);
    let partitions = match read.and_then(|()| mbr::partitions(&first)) {
        Ok(partitions) => partitions,
        Err(why) => {
            look.add("partitions", Err(why.to_string()));
            return Ok(look);
        }
    };
    match layout(&partitions, len) {
        Ok((firmware, root)) => {
            look.add(
                "partitions",
                Ok(format!("firmware at {} MiB, root at {} MiB", firmware.start >> 20, root.start >> 20)),
            );
            look.firmware(Part::of(image.clone(), &firmware), board);
            look.root(Part::of(image, &root), board);
        }
        Err(why) => look.add("partitions", Err(why)),
    }
    Ok(look)
}

fn layout(partitions: &[Partition], len: u64) -> Result<(Partition, Partition), String> {
    let [firmware, root] = partitions else {
        return Err(format!("there are {} and not 2", partitions.len()));
    };
    let end = |p: &Partition| p.start + p.len;
    match (firmware, root) {
        (f, _) if !matches!(f.kind, 0x0b | 0x0c) => Err(format!("the first is of type {:#04x}, not FAT", f.kind)),
        (f, _) if !f.is_bootable => Err("the first is not marked as the one to boot from".into()),
        (_, r) if r.kind != 0x83 => Err(format!("the second is of type {:#04x}, not Linux", r.kind)),
        (f, r) if end(f) > r.start => Err("they overlap".into()),
        (_, r) if end(r) > len => Err(format!("the image ends {} bytes before its last partition", end(r) - len)),
        (f, r) => Ok((*f, *r)),
    }
}

impl Inspection {
    fn add(&mut self, what: &'static str, seen: Result<String, String>) {
        self.findings.push(Finding { what, seen });
    }

    fn firmware<T: Read + Seek>(&mut self, part: Part<T>, board: Board) {
        let fat = match fatfs::FileSystem::new(ReadOnly(part), fatfs::FsOptions::new()) {
            Ok(fat) => fat,
            Err(e) => return self.add("firmware", Err(format!("it is no FAT: {e}"))),
        };
        let label = fat.volume_label().trim().to_owned();
        self.add(
            "firmware",
            if label == FIRMWARE { Ok(label) } else { Err(format!("it is called `{label}`, not {FIRMWARE}")) },
        );
        let root = fat.root_dir();
        let mut text = String::new();
        let read = root.open_file("config.txt").and_then(|mut file| file.read_to_string(&mut text));
        if let Err(e) = read {
            return self.add("config.txt", Err(e.to_string()));
        }
        let names: Vec<String> =
            root.iter().filter_map(Result::ok).map(|entry| entry.file_name().to_ascii_lowercase()).collect();
        self.add("config.txt", started(&text, board, &names));
    }

    fn root<T: Read + Seek + Send + Sync + 'static>(&mut self, part: Part<T>, board: Board) {
        let ext4 = match Ext4::load(Box::new(part)) {
            Ok(ext4) => ext4,
            Err(e) => return self.add("root", Err(format!("it is no ext4: {e}"))),
        };
        let label = ext4.label().to_str().unwrap_or_default().to_owned();
        self.add("root", if label == ROOT { Ok(label) } else { Err(format!("it is called `{label}`, not {ROOT}")) });
        let conf = match ext4.read_to_string(format!("{EXTLINUX}/extlinux.conf").as_str()) {
            Ok(conf) => conf,
            Err(e) => return self.add("extlinux.conf", Err(e.to_string())),
        };
        let Some(entry) = default_entry(&conf) else {
            return self.add("extlinux.conf", Err("its default is no entry of it".into()));
        };
        self.add("extlinux.conf", booted(&ext4, &entry, board));
        let system = entry.system().map(ToOwned::to_owned);
        self.add("system", closed(&ext4, system.as_deref()));
        self.system = system;
    }
}

/// Whether what the boot loader starts is there. Without a directory of device trees the one of the firmware is used.
fn booted(ext4: &Ext4, entry: &Entry, board: Board) -> Result<String, String> {
    let tree = entry.fdtdir.as_ref().map(|dir| format!("{dir}/broadcom/{}", board.device_tree()));
    let files = [Some(&entry.linux), Some(&entry.initrd), entry.fdtdir.as_ref(), tree.as_ref()];
    for file in files.into_iter().flatten() {
        let path = if file.starts_with('/') { file.clone() } else { beside(EXTLINUX, file) };
        match ext4.exists(path.as_str()) {
            Ok(true) => {}
            _ => return Err(format!("it starts {path}, which is not there")),
        }
    }
    Ok(format!("starts {}", entry.linux))
}

/// A relative path, from a directory.
fn beside(dir: &str, file: &str) -> String {
    let mut parts: Vec<&str> = dir.split('/').filter(|p| !p.is_empty()).collect();
    for part in file.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            name => parts.push(name),
        }
    }
    format!("/{}", parts.join("/"))
}

/// Whether the system is in the store, and the first boot will know it.
fn closed(ext4: &Ext4, system: Option<&str>) -> Result<String, String> {
    let system = system.ok_or("no system is named with `init=`")?;
    match ext4.exists(format!("{system}/init").as_str()) {
        Ok(true) => {}
        _ => return Err(format!("{system} is not in the store")),
    }
    let known = ext4.read_to_string("/nix-path-registration").map_err(|e| format!("/nix-path-registration: {e}"))?;
    match known.lines().any(|line| line == system) {
        true => Ok(system.to_owned()),
        false => Err(format!("{system} is not among what the first boot registers")),
    }
}
