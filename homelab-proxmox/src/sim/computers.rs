//! The guests as computers of the simulated network: one that runs is there with its addresses, who may log in, and the disks of the
//! controllers that were passed to it.
use super::props;
use super::pvecm::Desk;
use super::random;
use super::world::{Guest, Login, World};
use homelab_core::sim::{Computer, Disk, Net};
use percent_encoding::percent_decode_str;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

/// The network that guests are in, and which of them are there.
pub(crate) struct Joined {
    pub(super) net: Arc<Net>,
    pub(super) site: String,
    there: BTreeSet<u32>,
    /// How often each node's machine had booted when it was last looked at.
    pub(super) boots: BTreeMap<String, u64>,
    /// Until when the clocks of the nodes' machines have gone on, in seconds.
    pub(super) passed: u64,
    /// What is asked of the nodes' `pvecm`.
    pub(super) desks: BTreeMap<String, Desk>,
}

impl Joined {
    /// Guests that were there before are found by what the network knows of them.
    pub(crate) fn new(net: Arc<Net>, site: &str, world: &World) -> Joined {
        let passed = world.seconds();
        let (there, boots, desks) = (BTreeSet::new(), BTreeMap::new(), BTreeMap::new());
        let joined = Joined { net, site: site.to_owned(), there, boots, passed, desks };
        let known = world.guests.keys().copied().filter(|vmid| joined.net.computer(&joined.id(*vmid)).is_some());
        Joined { there: known.collect(), ..joined }
    }

    fn id(&self, vmid: u32) -> String {
        format!("proxmox/{}/{vmid}", self.site)
    }

    /// Switches on what runs and off what does not, and takes away what was destroyed.
    pub(crate) fn sync(&mut self, world: &mut World) {
        self.sync_nodes(world);
        self.sync_clusters(world);
        let gone: Vec<u32> = self.there.iter().copied().filter(|vmid| !world.guests.contains_key(vmid)).collect();
        for vmid in gone {
            self.net.discard(&self.id(vmid));
            self.there.remove(&vmid);
        }
        let mut up: BTreeMap<u32, Vec<IpAddr>> = world.up().into_iter().map(|up| (up.vmid, up.addresses)).collect();
        for guest in world.guests.values() {
            if let Some(source) = guest.source.filter(|_| !self.there.contains(&guest.vmid)) {
                self.net.copy(&self.id(source), &self.id(guest.vmid), &guest.name());
                self.there.insert(guest.vmid);
            }
            let mut computer = || {
                let inside = guest.lxc.then(|| (self.node_id(&guest.node), guest.vmid));
                Computer { inside, ..world.computer(guest, up.remove(&guest.vmid).unwrap_or_default()) }
            };
            // What an installer runs in is gone with it.
            if guest.run.as_ref().is_some_and(|run| run.installer.is_none()) {
                self.net.switch_on(&self.id(guest.vmid), computer());
                self.there.insert(guest.vmid);
            } else if guest.lxc {
                self.net.put_off(&self.id(guest.vmid), computer());
                self.there.insert(guest.vmid);
            } else if self.there.contains(&guest.vmid) {
                self.net.switch_off(&self.id(guest.vmid));
            }
        }
    }
}

impl World {
    /// A running guest as a computer, with the addresses that it answers at: none until its system is up.
    fn computer(&self, guest: &Guest, addresses: Vec<IpAddr>) -> Computer {
        let told = |key: &str| guest.run.as_ref().and_then(|run| run.cloudinit.get(key)).cloned();
        let (login, authorized_keys) = if guest.lxc {
            ("root".to_owned(), guest.keys.clone())
        } else {
            let keys = told("sshkeys").map(|keys| percent_decode_str(&keys).decode_utf8_lossy().into_owned());
            let image = guest.run.as_ref().and_then(|run| run.os).map(|os| os.login).unwrap_or_default();
            let keys = keys.unwrap_or_default().lines().map(str::to_owned).collect();
            (told("ciuser").unwrap_or_else(|| image.name().to_owned()), keys)
        };
        let instance = guest.run.as_ref().filter(|_| guest.cloudinit_drive().is_some());
        let instance = instance.map(|run| random::digest(&format!("{:?}", run.cloudinit)));
        Computer {
            login,
            authorized_keys,
            disks: self.disks_seen(guest),
            cd: self.cd_of(guest),
            instance,
            ..Computer::named(guest.name(), addresses)
        }
    }

    /// The image in a guest's drive; cloud-init's settings are none.
    fn cd_of(&self, guest: &Guest) -> Option<String> {
        let drives = guest.config.values().filter(|value| value.contains("media=cdrom"));
        let mut volumes = drives.filter_map(|value| self.volume(&guest.node, value.split(',').next()?));
        volumes.find(|volume| volume.content == "iso").map(|volume| volume.volid.clone())
    }

    /// The disks that the system of a guest sees beside the one that it boots from: its virtual ones, and those behind its
    /// controllers.
    fn disks_seen(&self, guest: &Guest) -> Vec<Disk> {
        let mut disks = Vec::new();
        let boot = guest.get("boot").and_then(|boot| boot.strip_prefix("order=")?.split(';').next().map(str::to_owned));
        for (slot, value) in guest.config.iter().filter(|(slot, _)| !guest.lxc && slot.starts_with("scsi")) {
            let number = slot.trim_start_matches("scsi").parse::<u32>().is_ok();
            let volid = value.split(',').next().unwrap_or_default();
            if number
                && boot.as_ref() != Some(slot)
                && let Some(volume) = self.volume(&guest.node, volid).filter(|_| !value.contains("media=cdrom"))
            {
                let serial = format!("drive-{slot}");
                let model = "QEMU HARDDISK".to_owned();
                disks.push(Disk { serial, model, size: volume.size, rotational: false, paths: 1, slot: None });
            }
        }
        for (_, value) in guest.config.iter().filter(|(slot, _)| slot.starts_with("hostpci")) {
            let keys = props::keys(self.release, false, "hostpci0", value);
            let paths = match (keys.get("mapping"), keys.get("host")) {
                (Some(mapping), _) => self.mapped_path(mapping, &guest.node),
                (None, host) => host.cloned(),
            };
            let node = self.nodes.get(&guest.node);
            let fits = |path: &str, device: &str| device == path || device.starts_with(&format!("{path}."));
            let devices = node.into_iter().flat_map(|node| &node.pci);
            let devices = devices.filter(|device| paths.as_deref().is_some_and(|path| fits(path, &device.path)));
            disks.extend(devices.flat_map(|device| device.disks.iter().cloned()));
        }
        disks
    }

    fn mapped_path(&self, mapping: &str, node: &str) -> Option<String> {
        let (mapping, here) = (self.mappings.get("pci")?.get(mapping)?, format!("node={node}"));
        let entry = mapping.map.iter().find(|entry| entry.split(',').any(|part| part == here))?;
        entry.split(',').find_map(|part| part.strip_prefix("path=")).map(str::to_owned)
    }

    /// The public key that a guest's SSH server would show: only its look means anything.
    pub(crate) fn host_key(&self, guest: &Guest) -> String {
        let seed = format!("{}{}{}", self.seed, guest.vmid, guest.get("smbios1").unwrap_or_default());
        let text = format!("{}{}", random::digest(&seed), random::digest(&format!("{seed}.")));
        format!("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI{} root@{}\n", &text[..43], guest.name())
    }
}

impl Login {
    /// Whom an image lets in that was fetched from this address.
    pub(crate) fn of_image(url: &str) -> Login {
        match url {
            _ if url.contains("ubuntu") => Login::Ubuntu,
            _ if url.contains("debian") => Login::Debian,
            _ => Login::Root,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Login::Root => "root",
            Login::Ubuntu => "ubuntu",
            Login::Debian => "debian",
        }
    }
}
