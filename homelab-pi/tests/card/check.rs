//! What forbids writing a device, told from what the kernel says of it.
use homelab_pi::flash::{Device, Limits, Linux, Refusal, check, parse_diskutil};
use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

/// The kernel's files, as far as they are looked at.
struct Kernel(tempfile::TempDir);

impl Kernel {
    fn new() -> Kernel {
        let kernel = Kernel(tempfile::tempdir().unwrap());
        kernel.write("proc/self/mountinfo", "22 1 8:2 / / rw,relatime shared:1 - ext4 /dev/sda2 rw\n");
        kernel.write("proc/swaps", "Filename\tType\tSize\tUsed\tPriority\n/dev/sda3 partition 1 0 -2\n");
        kernel.disk("pci0000:00/ata1/block/sda", "8:0", 1_000_000_000_000, "0", "Samsung SSD");
        kernel.part("pci0000:00/ata1/block/sda", "sda2", "8:2");
        kernel.part("pci0000:00/ata1/block/sda", "sda3", "8:3");
        kernel.disk("pci0000:00/usb1/1-1/host6/block/sdb", "8:16", 31_914_983_424, "1", "SD Card Reader");
        kernel.part("pci0000:00/usb1/1-1/host6/block/sdb", "sdb1", "8:17");
        kernel.write("sys/devices/pci0000:00/usb1/1-1/host6/block/sdb/device/serial", "0123456789\n");
        kernel.write("sys/devices/pci0000:00/usb1/1-1/host6/block/sdb/diskseq", "7\n");
        kernel
    }
    fn path(&self, path: &str) -> PathBuf {
        self.0.path().join(path)
    }
    fn write(&self, path: &str, text: &str) {
        fs::create_dir_all(self.path(path).parent().unwrap()).unwrap();
        fs::write(self.path(path), text).unwrap();
    }
    fn add_mount(&self, line: &str) {
        let table = fs::read_to_string(self.path("proc/self/mountinfo")).unwrap();
        self.write("proc/self/mountinfo", &format!("{table}{line}\n"));
    }
    fn known(&self, place: &str) {
        fs::create_dir_all(self.path("sys/class/block")).unwrap();
        let name = Path::new(place).file_name().unwrap();
        symlink(self.path("sys/devices").join(place), self.path("sys/class/block").join(name)).unwrap();
    }
    fn disk(&self, place: &str, dev: &str, size: u64, removable: &str, model: &str) {
        let at = |file: &str| format!("sys/devices/{place}/{file}");
        for (file, text) in [
            ("dev", dev),
            ("size", &(size / 512).to_string()),
            ("removable", removable),
            ("ro", "0"),
            ("device/model", model),
        ] {
            self.write(&at(file), &format!("{text}\n"));
        }
        self.known(place);
    }
    fn part(&self, disk: &str, name: &str, dev: &str) {
        self.write(&format!("sys/devices/{disk}/{name}/partition"), "1\n");
        self.write(&format!("sys/devices/{disk}/{name}/dev"), &format!("{dev}\n"));
        self.known(&format!("{disk}/{name}"));
    }
    fn look(&self, name: &str) -> Device {
        // Temporary directories may lie behind a link.
        let root = fs::canonicalize(self.0.path()).unwrap();
        Linux { sys: root.join("sys"), proc: root.join("proc") }.look(name).unwrap()
    }
    fn refusals(&self, name: &str) -> Vec<Refusal> {
        check(&self.look(name), 3_000_000_000, Limits::default())
    }
}

#[test]
fn a_card_in_a_reader_may_be_written_and_says_what_it_is() {
    let kernel = Kernel::new();
    assert_eq!(kernel.refusals("sdb"), []);
    let card = kernel.look("sdb");
    assert_eq!(card.to_string(), "/dev/sdb, 31.9 GB, SD Card Reader, serial 0123456789");
    assert_eq!((card.phrase().as_str(), card.insertion), ("erase 0123456789", Some(7)));
}

#[test]
fn the_disk_of_the_system_is_refused_for_every_reason_there_is() {
    let all = Kernel::new().refusals("sda");
    let has = |what: &str| all.iter().any(|r| r.to_string().contains(what));
    assert!(has("the running system stands on it: /") && has("swap on /dev/sda3") && has("no card"), "{all:?}");
    assert!(all.iter().all(|r| !r.hint().is_empty()));
}

#[test]
fn a_partition_is_refused_and_the_whole_disk_is_named() {
    let all = Kernel::new().refusals("sdb1");
    assert!(all.contains(&Refusal::Partition { of: "/dev/sdb".into() }), "{all:?}");
}

#[test]
fn what_is_mounted_is_refused_but_where_a_desktop_puts_cards() {
    let kernel = Kernel::new();
    kernel.add_mount(r"40 22 8:17 / /run/media/me/FIRM\040WARE rw - vfat /dev/sdb1 rw");
    assert_eq!(kernel.refusals("sdb"), []);
    assert_eq!(kernel.look("sdb").mounts[0].at, "/run/media/me/FIRM WARE");
    kernel.add_mount("41 22 8:17 / /mnt/backup rw - ext4 /dev/sdb1 rw");
    assert_eq!(kernel.refusals("sdb"), [Refusal::Mounted("/mnt/backup".into())]);
}

#[test]
fn what_volumes_stand_on_is_refused_even_if_only_they_are_mounted() {
    let kernel = Kernel::new();
    kernel.disk("virtual/block/dm-0", "253:0", 1_000_000_000, "0", "");
    kernel.write("sys/devices/virtual/block/dm-0/dm/uuid", "LVM-abc\n");
    let holders = kernel.path("sys/class/block/sdb1/holders");
    fs::create_dir_all(&holders).unwrap();
    symlink(kernel.path("sys/class/block/dm-0"), holders.join("dm-0")).unwrap();
    assert_eq!(kernel.refusals("sdb"), [Refusal::Held("an LVM volume, dm-0".into())]);
    kernel.add_mount("42 22 253:0 / /home rw - ext4 /dev/mapper/home rw");
    assert!(kernel.refusals("sdb").contains(&Refusal::System("/home".into())));
}

#[test]
fn file_systems_with_numbers_of_their_own_are_told_by_the_device() {
    let kernel = Kernel::new();
    kernel.add_mount("43 22 0:35 /sub /srv rw - btrfs /dev/sdb1 rw");
    assert_eq!(kernel.refusals("sdb"), [Refusal::Mounted("/srv".into())]);
}

#[test]
fn an_empty_slot_a_locked_card_and_a_loop_device_are_refused() {
    let kernel = Kernel::new();
    kernel.disk("pci0000:00/mmc0/mmc0:1234/block/mmcblk0", "179:0", 0, "0", "");
    assert_eq!(kernel.refusals("mmcblk0"), [Refusal::Empty]);
    kernel.write("sys/devices/pci0000:00/usb1/1-1/host6/block/sdb/ro", "1\n");
    assert_eq!(kernel.refusals("sdb"), [Refusal::ReadOnly]);
    kernel.disk("virtual/block/loop0", "7:0", 64_000_000, "0", "");
    let limits = Limits { any_size: true, virtual_too: true };
    assert_eq!(check(&kernel.look("loop0"), 1_000_000, limits), []);
    let small = check(&kernel.look("loop0"), 65_000_000, Limits::default());
    assert_eq!(small.len(), 3, "{small:?}");
}

#[test]
fn another_card_in_the_same_slot_is_another_device() {
    let kernel = Kernel::new();
    let before = kernel.look("sdb");
    assert!(before.is_same(&kernel.look("sdb")));
    kernel.write("sys/devices/pci0000:00/usb1/1-1/host6/block/sdb/diskseq", "8\n");
    assert!(!before.is_same(&kernel.look("sdb")));
}

#[test]
fn a_name_that_turns_text_around_is_not_printed_as_it_is() {
    let device = Device { model: "\u{202e}DSS gnusmaS".into(), serial: "1\n2".into(), ..Device::default() };
    assert!(device.to_string().is_ascii() && device.phrase() == "erase 1?2");
}

#[test]
fn macos_tells_a_card_from_the_built_in_disk() {
    let info = |internal: bool, removable: bool| {
        format!(
            "<dict><key>DeviceIdentifier</key><string>disk4</string><key>Internal</key><{internal}/><key>MediaName</key>\
             <string>Built In SDXC Reader</string><key>RemovableMedia</key><{removable}/><key>Size</key>\n\t\
             <integer>31914983424</integer><key>VirtualOrPhysical</key><string>Physical</string><key>WholeDisk</key><true/>\
             <key>WritableMedia</key><true/></dict>"
        )
    };
    let list = "<key>MountPoint</key><string>/Volumes/FIRMWARE</string>";
    let card = parse_diskutil(&info(true, true), list).unwrap();
    assert_eq!(card.path, Path::new("/dev/rdisk4"));
    assert_eq!(check(&card, 3_000_000_000, Limits::default()), []);
    let built_in = parse_diskutil(&info(true, false), "<key>MountPoint</key><string>/</string>").unwrap();
    let all = check(&built_in, 1, Limits::default());
    assert_eq!(all, [Refusal::System("/".into()), Refusal::NotRemovable]);
}
