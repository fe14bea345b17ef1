//! What Linux knows of a device: sysfs, the mounts and the swaps. Whether something is mounted is told by the numbers of devices, as names
//! lie.
use super::device::{Device, Mount};
use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

/// Where the kernel tells: `/sys` and `/proc`, or what a test puts in their place.
#[derive(Clone, Debug)]
pub struct Linux {
    /// `/sys`.
    pub sys: PathBuf,
    /// `/proc`.
    pub proc: PathBuf,
}

impl Default for Linux {
    fn default() -> Self {
        Linux { sys: "/sys".into(), proc: "/proc".into() }
    }
}

impl Linux {
    fn text(&self, dir: &Path, name: &str) -> String {
        fs::read_to_string(dir.join(name)).map(|t| t.trim().to_owned()).unwrap_or_default()
    }

    /// Looks at the device of this name: `sdb`, `mmcblk0`.
    ///
    /// # Errors
    /// When the kernel knows no such block device.
    pub fn look(&self, name: &str) -> io::Result<Device> {
        let class = self.sys.join("class/block").join(name);
        // The entry is a link into the tree of hardware, which says what it hangs on.
        let real = fs::canonicalize(&class)?;
        let is_part = real.join("partition").exists();
        let part_of = is_part.then(|| real.parent().and_then(Path::file_name)).flatten();
        let hangs_on = real.to_string_lossy().into_owned();
        let number = |file: &str| self.text(&real, file).parse::<u64>().ok();
        let card = name.starts_with("mmcblk");
        let model = ["device/model", "device/name"].map(|f| self.text(&real, f));
        let mut device = Device {
            path: Path::new("/dev").join(name),
            model: [self.text(&real, "device/vendor"), model.concat()].join(" ").trim().to_owned(),
            serial: self.serial(&real),
            size: number("size").unwrap_or(0) * 512,
            part_of: part_of.map(|n| format!("/dev/{}", n.to_string_lossy())),
            is_removable: number("removable") == Some(1) || card || hangs_on.contains("/usb"),
            is_virtual: hangs_on.contains("/virtual/"),
            is_read_only: number("ro") == Some(1),
            insertion: number("diskseq"),
            ..Device::default()
        };
        let mut family = BTreeMap::new();
        self.family(name, &mut family);
        for (member, number) in &family {
            if member != name && !real.join(member).exists() {
                device.holders.push(self.holder(member));
            }
            device.mounts.extend(self.mounts(member, number));
        }
        device.holders.extend(self.swaps(&family));
        Ok(device)
    }

    /// The serial number: the device's own, or that of the USB device it hangs on.
    fn serial(&self, real: &Path) -> String {
        let own = ["device/serial", "device/cid"].map(|f| self.text(real, f));
        if let Some(own) = own.into_iter().find(|s| !s.is_empty()) {
            return own;
        }
        let Ok(mut dir) = fs::canonicalize(real.join("device")) else { return String::new() };
        while dir.starts_with(&self.sys) && dir.pop() {
            let serial = self.text(&dir, "serial");
            if !serial.is_empty() && dir.join("idVendor").exists() {
                return serial;
            }
        }
        String::new()
    }

    /// A device, its partitions, and all that stands on any of them, with their numbers.
    fn family(&self, name: &str, found: &mut BTreeMap<String, String>) {
        let dir = self.sys.join("class/block").join(name);
        if found.contains_key(name) || !dir.exists() {
            return;
        }
        found.insert(name.to_owned(), self.text(&dir, "dev"));
        let names = |dir: PathBuf| {
            let all = fs::read_dir(dir).into_iter().flatten().flatten();
            all.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect::<Vec<_>>()
        };
        for holder in names(dir.join("holders")) {
            self.family(&holder, found);
        }
        for part in names(dir.clone()).into_iter().filter(|n| dir.join(n).join("partition").exists()) {
            self.family(&part, found);
        }
    }

    fn holder(&self, name: &str) -> String {
        let dir = self.sys.join("class/block").join(name);
        let uuid = self.text(&dir, "dm/uuid");
        let what = match () {
            () if uuid.starts_with("LVM-") => "an LVM volume",
            () if uuid.starts_with("CRYPT-") => "an encrypted volume",
            () if dir.join("md").exists() => "a RAID",
            () => "a volume",
        };
        format!("{what}, {name}")
    }

    /// Where a device is mounted: by its number, or by its name where a file system has a number of its own (btrfs, ZFS).
    fn mounts(&self, name: &str, number: &str) -> Vec<Mount> {
        let table = fs::read_to_string(self.proc.join("self/mountinfo")).unwrap_or_default();
        let path = format!("/dev/{name}");
        let line = |line: &str| {
            let (fields, after) = line.split_once(" - ")?;
            let fields: Vec<&str> = fields.split(' ').collect();
            let source = after.split(' ').nth(1)?;
            let is_it = fields.get(2) == Some(&number) || source == path;
            is_it.then(|| Mount { device: path.clone(), at: unescaped(fields.get(4).copied().unwrap_or_default()) })
        };
        table.lines().filter_map(line).collect()
    }

    fn swaps(&self, family: &BTreeMap<String, String>) -> Vec<String> {
        let table = fs::read_to_string(self.proc.join("swaps")).unwrap_or_default();
        let paths = table.lines().skip(1).filter_map(|line| line.split_whitespace().next());
        let on_it = |path: &&str| family.contains_key(path.trim_start_matches("/dev/"));
        paths.filter(on_it).map(|path| format!("swap on {path}")).collect()
    }
}

/// `/mnt/a\040b` as `/mnt/a b`.
fn unescaped(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        out.push_str(before);
        match after.get(..3).and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            Some(byte) => {
                out.push(char::from(byte));
                rest = &after[3..];
            }
            None => {
                out.push('\\');
                rest = after;
            }
        }
    }
    out + rest
}
