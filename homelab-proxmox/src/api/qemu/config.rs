//! A QEMU guest's configuration as `GET /nodes/N/qemu/ID/config` answers it.
use super::{
    Agent, Boot, Bus, Cpu, Description, Disk, EfiDisk, HostPci, IpConfig, Net, Serial, Slot, SshKeys, Startup,
    TpmState, Usb, Vga,
};
use crate::api::{
    keys::Keys,
    property::{ConfigError, Other},
    tags::Tags,
    volume::VolumeId,
};
use serde_json::{Map, Value};
use std::{collections::BTreeMap, str::FromStr};

/// The configuration of one guest. An option that is absent is at its default (pve-notes section 14), so nothing here is
/// filled in; what is not modelled is in [`other`](QemuConfig::other).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct QemuConfig {
    /// The SHA-1 of the configuration: send it with an update, and the server refuses if somebody else was faster.
    pub digest: Option<String>,
    /// The name; lists show `VM 101` without one.
    pub name: Option<String>,
    /// The notes.
    pub description: Option<Description>,
    /// The tags.
    pub tags: Option<Tags>,
    /// What holds the configuration: `clone`, `backup`, `migrate` and so on. It can outlive a crashed task.
    pub lock: Option<String>,
    /// Whether this is a template.
    pub template: bool,
    /// Whether the guest and its disks cannot be removed.
    pub protection: Option<bool>,
    /// Whether the guest starts with its node.
    pub onboot: Option<bool>,
    /// Its place in that order.
    pub startup: Option<Startup>,
    /// Cores of each socket. Absent: 1.
    pub cores: Option<u32>,
    /// Sockets. Absent: 1.
    pub sockets: Option<u32>,
    /// The processor.
    pub cpu: Option<Cpu>,
    /// Memory in MiB. Absent: 512.
    pub memory: Option<u64>,
    /// The least memory in MiB that ballooning leaves; 0 turns ballooning off.
    pub balloon: Option<u64>,
    /// Whether NUMA is emulated.
    pub numa: Option<bool>,
    /// `ovmf` for UEFI. Absent: `seabios`.
    pub bios: Option<String>,
    /// The machine: `q35`, `pc-q35-9.0`. Absent: i440fx.
    pub machine: Option<String>,
    /// The kind of system: `l26` for Linux. Absent: `other`.
    pub ostype: Option<String>,
    /// The SCSI controller. Absent: `lsi`.
    pub scsihw: Option<String>,
    /// The guest agent.
    pub agent: Option<Agent>,
    /// The boot order.
    pub boot: Option<Boot>,
    /// The display.
    pub vga: Option<Vga>,
    /// Disks and CD drives.
    pub disks: BTreeMap<Slot, Disk>,
    /// Volumes that belong to the guest and are attached nowhere.
    pub unused: BTreeMap<Slot, VolumeId>,
    /// The UEFI variables' disk.
    pub efidisk: Option<EfiDisk>,
    /// The TPM's state.
    pub tpmstate: Option<TpmState>,
    /// Network devices by number.
    pub nets: BTreeMap<u16, Net>,
    /// Addresses of the network devices, given by cloud-init.
    pub ipconfigs: BTreeMap<u16, IpConfig>,
    /// PCI devices of the node.
    pub hostpci: BTreeMap<u16, HostPci>,
    /// USB devices.
    pub usb: BTreeMap<u16, Usb>,
    /// Serial ports.
    pub serials: BTreeMap<u16, Serial>,
    /// Cloud-init: the user. Absent: the image's own.
    pub ciuser: Option<String>,
    /// Cloud-init: keys of that user.
    pub sshkeys: Option<SshKeys>,
    /// Cloud-init: name servers, separated by blanks. Absent: the node's.
    pub nameserver: Option<String>,
    /// Cloud-init: the search domain. Absent: the node's.
    pub searchdomain: Option<String>,
    /// Cloud-init: whether the first boot upgrades packages. Absent: yes.
    pub ciupgrade: Option<bool>,
    /// Cloud-init: files that replace what is made from the options above.
    pub cicustom: Option<String>,
    /// Drawn by the server at creation: `uuid=...`. To be kept, never compared.
    pub smbios1: Option<String>,
    /// Drawn by the server at creation. To be kept, never compared.
    pub vmgenid: Option<String>,
    /// All other options as text (`cipassword` is there as stars).
    pub other: Other,
}

impl QemuConfig {
    /// Reads the `data` of an answer.
    ///
    /// # Errors
    /// If the value of an option that is modelled cannot be read; the error names the option.
    pub fn read(data: &Map<String, Value>) -> Result<Self, ConfigError> {
        let mut keys = Keys::of(data);
        let mut config = QemuConfig {
            digest: keys.take("digest"),
            name: keys.take("name"),
            description: keys.parsed("description")?,
            tags: keys.parsed("tags")?,
            lock: keys.take("lock"),
            template: keys.flag("template")?.unwrap_or(false),
            protection: keys.flag("protection")?,
            onboot: keys.flag("onboot")?,
            startup: keys.parsed("startup")?,
            cores: keys.number("cores")?,
            sockets: keys.number("sockets")?,
            cpu: keys.parsed("cpu")?,
            memory: keys.number("memory")?,
            balloon: keys.number("balloon")?,
            numa: keys.flag("numa")?,
            bios: keys.take("bios"),
            machine: keys.take("machine"),
            ostype: keys.take("ostype"),
            scsihw: keys.take("scsihw"),
            agent: keys.parsed("agent")?,
            boot: keys.parsed("boot")?,
            vga: keys.parsed("vga")?,
            disks: BTreeMap::new(),
            unused: BTreeMap::new(),
            efidisk: keys.parsed("efidisk0")?,
            tpmstate: keys.parsed("tpmstate0")?,
            nets: keys.numbered("net")?,
            ipconfigs: keys.numbered("ipconfig")?,
            hostpci: keys.numbered("hostpci")?,
            usb: keys.numbered("usb")?,
            serials: keys.numbered("serial")?,
            ciuser: keys.take("ciuser"),
            sshkeys: keys.parsed("sshkeys")?,
            nameserver: keys.take("nameserver"),
            searchdomain: keys.take("searchdomain"),
            ciupgrade: keys.flag("ciupgrade")?,
            cicustom: keys.take("cicustom"),
            smbios1: keys.take("smbios1"),
            vmgenid: keys.take("vmgenid"),
            other: Other::new(),
        };
        for bus in Bus::DRIVES {
            config.disks.extend(slots::<Disk>(&mut keys, bus)?);
        }
        config.unused = slots(&mut keys, Bus::Unused)?;
        config.other = keys.rest();
        Ok(config)
    }

    /// The slot of the cloud-init drive, if there is one.
    #[must_use]
    pub fn cloud_init_drive(&self) -> Option<Slot> {
        self.disks.iter().find(|(_, disk)| disk.is_cloud_init()).map(|(slot, _)| *slot)
    }

    /// Every volume of the guest with its slot: disks, firmware, TPM and those attached nowhere. CD images are not among
    /// them, the cloud-init drive is.
    pub fn volumes(&self) -> impl Iterator<Item = (Slot, &VolumeId)> {
        let drives = self.disks.iter().filter(|(_, disk)| !disk.cdrom || disk.is_cloud_init());
        let drives = drives.filter_map(|(slot, disk)| Some((*slot, disk.source.volume()?)));
        let efi = self.efidisk.iter().filter_map(|disk| Some((Slot::EFIDISK, disk.source.volume()?)));
        let tpm = self.tpmstate.iter().filter_map(|state| Some((Slot::TPMSTATE, state.source.volume()?)));
        drives.chain(efi).chain(tpm).chain(self.unused.iter().map(|(slot, volume)| (*slot, volume)))
    }
}

fn slots<T: FromStr<Err = ConfigError>>(keys: &mut Keys, bus: Bus) -> Result<BTreeMap<Slot, T>, ConfigError> {
    let numbered = keys.numbered(bus.name())?;
    Ok(numbered.into_iter().filter_map(|(place, value)| Some((Slot::of(bus, place)?, value))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// Template 9000 of the recording, with the values that its normalisation blanked filled in again.
    fn template() -> Value {
        json!({
            "meta": "creation-qemu=9.2.0,ctime=1760000000", "name": "debian-12-tmpl",
            "scsi0": "local:9000/base-9000-disk-1.qcow2,size=128M",
            "smbios1": "uuid=11111111-2222-3333-4444-555555555555", "net0": "virtio=BC:24:11:00:00:01,bridge=vmbr0",
            "ostype": "l26", "agent": "enabled=1", "scsihw": "virtio-scsi-single", "serial0": "socket",
            "efidisk0": "local:9000/base-9000-disk-0.raw,efitype=4m,size=528K", "template": 1, "memory": "384",
            "vmgenid": "11111111-2222-3333-4444-555555555556", "bios": "ovmf", "boot": "order=scsi0",
            "numa": 0, "unused0": "local:9000/vm-9000-disk-7.qcow2", "digest": "0123456789012345678901234567890123456789"
        })
    }

    #[test]
    fn a_recorded_configuration_is_read() {
        let config = QemuConfig::read(template().as_object().unwrap()).unwrap();
        assert_eq!(config.memory, Some(384));
        assert!(config.template);
        assert_eq!(config.numa, Some(false));
        assert_eq!(config.nets[&0], "virtio=BC:24:11:00:00:01,bridge=vmbr0".parse().unwrap());
        assert_eq!(config.boot, Some(Boot::order([Slot::scsi(0)])));
        assert_eq!(config.cloud_init_drive(), None);
        let volumes: Vec<_> = config.volumes().map(|(slot, volume)| format!("{slot} {volume}")).collect();
        assert_eq!(
            volumes,
            [
                "scsi0 local:9000/base-9000-disk-1.qcow2",
                "efidisk0 local:9000/base-9000-disk-0.raw",
                "unused0 local:9000/vm-9000-disk-7.qcow2"
            ]
        );
        assert_eq!(config.other.keys().collect::<Vec<_>>(), ["meta"]);
    }

    #[test]
    fn the_json_types_of_scalars_do_not_matter() {
        let config = json!({"memory": 384, "cores": "2", "onboot": "1", "template": "0", "balloon": "0"});
        let config = QemuConfig::read(config.as_object().unwrap()).unwrap();
        assert_eq!((config.memory, config.cores, config.onboot), (Some(384), Some(2), Some(true)));
        assert_eq!((config.template, config.balloon), (false, Some(0)));
    }

    #[test]
    fn an_option_that_cannot_be_read_is_named() {
        let config = json!({"net0": "potato"});
        let error = QemuConfig::read(config.as_object().unwrap()).unwrap_err();
        assert_eq!(error.to_string(), "`potato` is not a network device: there is no model `potato` (option `net0`)");
    }
}
