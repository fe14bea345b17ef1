//! Disks and CD drives: `ide0`, `sata0`, `scsi0`, `virtio0`.
use super::source::DiskSource;
use crate::api::{
    property::{ConfigError, ConfigString, Options, Other, Printer, as_text, unless},
    size::DiskSize,
    volume::VolumeId,
};
use std::{
    fmt::{self, Display},
    str::FromStr,
};

/// One disk or CD drive: `local-lvm:vm-201-disk-0,discard=on,iothread=1,size=50G,ssd=1`.
#[derive(Clone, Debug, PartialEq)]
pub struct Disk {
    /// What is in the slot.
    pub source: DiskSource,
    /// Whether it is a CD drive (`media=cdrom`). Absent: a disk.
    pub cdrom: bool,
    /// The size, which the server only reports: changing it does nothing, a resize call does.
    pub size: Option<DiskSize>,
    /// The cache mode: `none` (also when absent), `writethrough`, `writeback`, `unsafe`, `directsync`.
    pub cache: Option<String>,
    /// Whether discards (TRIM) reach the storage. Absent: no.
    pub discard: Option<bool>,
    /// Whether the guest sees a solid-state disk. Absent: no.
    pub ssd: Option<bool>,
    /// Whether the disk has its own I/O thread; on SCSI it wants `scsihw=virtio-scsi-single`. Absent: no.
    pub iothread: Option<bool>,
    /// The asynchronous I/O mode: `native`, `threads`, `io_uring`. Absent: the server chooses.
    pub aio: Option<String>,
    /// Whether backups take the disk. Absent: yes.
    pub backup: Option<bool>,
    /// Whether replication takes the disk. Absent: yes.
    pub replicate: Option<bool>,
    /// Whether the disk is read-only. Absent: no.
    pub read_only: Option<bool>,
    /// The serial number that the guest sees, percent-encoded, at most 60 bytes.
    pub serial: Option<String>,
    /// The file format of a new volume: `raw`, `qcow2`, `vmdk`. Not reported back.
    pub format: Option<String>,
    /// The volume (`local:import/x.qcow2`) that a new volume is filled from; the source must then be `STORE:0`.
    pub import_from: Option<String>,
    /// Options that are not modelled here, such as limits of bandwidth.
    pub other: Other,
}

impl Disk {
    /// A disk or drive with this in it and no option set.
    #[must_use]
    pub fn new(source: DiskSource) -> Self {
        Disk {
            source,
            cdrom: false,
            size: None,
            cache: None,
            discard: None,
            ssd: None,
            iothread: None,
            aio: None,
            backup: None,
            replicate: None,
            read_only: None,
            serial: None,
            format: None,
            import_from: None,
            other: Other::new(),
        }
    }

    /// A new empty disk of `size` on `storage`.
    pub fn allocate(storage: impl Into<String>, size: DiskSize) -> Self {
        Disk::new(DiskSource::allocate(storage, size))
    }

    /// A new disk on `storage` with the content of `from`, whose size it gets (pve-notes section 8, Images).
    pub fn import(storage: impl Into<String>, from: &VolumeId) -> Self {
        let source = DiskSource::allocate(storage, DiskSize::bytes(0));
        Disk { import_from: Some(from.to_string()), ..Disk::new(source) }
    }

    /// The drive that carries a guest's cloud-init settings, made on `storage`.
    pub fn cloud_init(storage: impl Into<String>) -> Self {
        Disk::new(DiskSource::CloudInit { storage: storage.into() })
    }

    /// Whether this is the cloud-init drive.
    #[must_use]
    pub fn is_cloud_init(&self) -> bool {
        self.source.is_cloud_init()
    }
}

impl ConfigString for Disk {
    fn canonical(&self) -> Self {
        Disk {
            cache: unless("none", self.cache.clone()),
            discard: unless(&false, self.discard),
            ssd: unless(&false, self.ssd),
            iothread: unless(&false, self.iothread),
            backup: unless(&true, self.backup),
            replicate: unless(&true, self.replicate),
            read_only: unless(&false, self.read_only),
            ..self.clone()
        }
    }
}

impl Display for Disk {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        Printer::new()
            .first(&self.source)
            .set("media", self.cdrom.then_some("cdrom"))
            .set("size", self.size)
            .set("cache", self.cache.as_ref())
            .set("discard", self.discard.map(|on| if on { "on" } else { "ignore" }))
            .flag("ssd", self.ssd)
            .flag("iothread", self.iothread)
            .set("aio", self.aio.as_ref())
            .flag("backup", self.backup)
            .flag("replicate", self.replicate)
            .flag("ro", self.read_only)
            .set("serial", self.serial.as_ref())
            .set("format", self.format.as_ref())
            .set("import-from", self.import_from.as_ref())
            .print(&self.other, to)
    }
}

impl FromStr for Disk {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<Self, ConfigError> {
        let mut options = Options::read("disk", text, "file")?;
        Ok(Disk {
            source: options.required(&["file", "volume"])?.parse()?,
            cdrom: match options.take("media").as_deref() {
                None | Some("disk") => false,
                Some("cdrom") => true,
                Some(media) => return Err(options.error(format!("there is no medium `{media}`"))),
            },
            size: options.parsed("size")?,
            cache: options.take("cache"),
            discard: match options.take("discard").as_deref() {
                None => None,
                Some("on") => Some(true),
                Some("ignore") => Some(false),
                Some(mode) => return Err(options.error(format!("`discard={mode}` is neither on nor ignore"))),
            },
            ssd: options.flag("ssd")?,
            iothread: options.flag("iothread")?,
            aio: options.take("aio"),
            backup: options.flag("backup")?,
            replicate: options.flag("replicate")?,
            read_only: options.flag("ro")?,
            serial: options.take("serial"),
            format: options.take("format"),
            import_from: options.take("import-from"),
            other: options.other(),
        })
    }
}
as_text!(Disk);

#[cfg(test)]
mod tests {
    use super::*;

    fn disk(text: &str) -> Disk {
        text.parse().unwrap()
    }

    #[test]
    fn a_disk_prints_in_the_servers_order() {
        let new = Disk {
            discard: Some(true),
            iothread: Some(true),
            ssd: Some(true),
            ..Disk::allocate("local-lvm", DiskSize::gib(50))
        };
        assert_eq!(new.to_string(), "local-lvm:50,discard=on,iothread=1,ssd=1");
        let from = VolumeId::new("local", "import/noble.qcow2");
        assert_eq!(Disk::import("local-lvm", &from).to_string(), "local-lvm:0,import-from=local:import/noble.qcow2");
        assert_eq!(Disk::cloud_init("local").to_string(), "local:cloudinit");
        assert_eq!(disk("local:0.5,format=qcow2"), {
            let half = Disk::allocate("local", DiskSize::mib(512));
            Disk { format: Some("qcow2".into()), ..half }
        });
    }

    #[test]
    fn disks_are_compared_by_meaning() {
        assert!(disk("volume=local:1/a.raw,size=1G,backup=1").same(&disk("local:1/a.raw,size=1024M,ssd=0,cache=none")));
        assert!(!disk("local:1/a.raw,backup=0").same(&disk("local:1/a.raw")));
        assert!(!disk("local:1/a.raw,mbps=3").same(&disk("local:1/a.raw")));
    }

    #[test]
    fn a_cloud_init_drive_is_known_before_and_after_it_is_made() {
        assert!(disk("local:cloudinit").is_cloud_init());
        assert!(disk("local:7111/vm-7111-cloudinit.qcow2,media=cdrom").is_cloud_init());
        assert!(disk("local-lvm:vm-7111-cloudinit,media=cdrom").is_cloud_init());
        assert!(!disk("local:iso/my-cloudinit.iso,media=cdrom").is_cloud_init());
        assert!(!disk("none,media=cdrom").is_cloud_init());
    }

    #[test]
    fn what_is_no_disk_says_why() {
        let error = "local:4,discard=maybe".parse::<Disk>().unwrap_err().to_string();
        assert_eq!(error, "`local:4,discard=maybe` is not a disk: `discard=maybe` is neither on nor ignore");
        assert_eq!("size=4G".parse::<Disk>().unwrap_err().to_string(), "`size=4G` is not a disk: `file` is missing");
    }
}
