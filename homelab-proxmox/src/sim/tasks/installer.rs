//! An installer that a guest with an empty disk boots from a CD: it asks, or finds its answers on another CD, installs, and powers off.
use super::super::iso9660;
use super::super::world::{Firmware, Guest, Installer, Login, Medium, Os, World};
use super::create::boot_devices;
use super::power;

/// How long an installation takes, in milliseconds: between the 8 and 20 minutes of pve-notes section 11.
const INSTALLS: u64 = 720_000;
/// What the answers have to say so that it neither asks nor starts what it installed: the call that its own console makes for a typed
/// `yes` (subiquity, `apidef.py`), and the word for powering off.
const ANSWERS: [&str; 3] = ["autoinstall:", "/meta/confirm", "shutdown: poweroff"];

/// What a file is as a CD that was fetched from this address.
pub(super) fn fetched(content: &str, url: &str) -> Option<Medium> {
    (content == "iso" && url.contains("live-server")).then_some(Medium::Installer)
}

/// What a file that was brought is as a CD: the volume, the names and what they say are read as the installer's cloud-init reads them.
pub(crate) fn uploaded(bytes: &[u8]) -> Option<Medium> {
    let disc = iso9660::read(bytes).filter(|disc| disc.label.eq_ignore_ascii_case("cidata"))?;
    let text =
        |name: &str| disc.files.iter().find(|(file, _)| file == name).map(|(_, text)| String::from_utf8_lossy(text));
    let (user, _) = (text("user-data")?, text("meta-data")?);
    let answers = user.starts_with("#cloud-config\n") && ANSWERS.iter().all(|part| user.contains(part));
    answers.then_some(Medium::Answers)
}

/// The installer that a guest boots whose disks are empty, when it is started now.
pub(super) fn boots(world: &World, guest: &Guest) -> Option<Installer> {
    let medium = |value: &str| {
        let cd = Some(value).filter(|value| value.contains("media=cdrom"))?;
        world.volume(&guest.node, cd.split(',').next()?)?.medium
    };
    let order = guest.get("boot").and_then(boot_devices).unwrap_or_default();
    let installs = |device: &String| guest.get(device).and_then(medium) == Some(Medium::Installer);
    let answered = guest.config.values().any(|value| medium(value) == Some(Medium::Answers));
    let end = world.now + world.pace.ms(INSTALLS);
    order.iter().any(installs).then_some(if answered { Installer::Until(end) } else { Installer::Asks })
}

impl World {
    /// The guests that are being installed, and when that will be done.
    pub(super) fn installations(&self) -> impl Iterator<Item = (u32, u64)> {
        self.guests.values().filter_map(|guest| match guest.run.as_ref()?.installer? {
            Installer::Until(end) => Some((guest.vmid, end)),
            Installer::Asks => None,
        })
    }

    /// What is installed by now is on its disk, and its guest is off. Says whether there was any.
    pub(super) fn finish_installations(&mut self) -> bool {
        let done: Vec<u32> = self.installations().filter(|(_, end)| *end <= self.now).map(|(vmid, _)| vmid).collect();
        for vmid in &done {
            let Some(guest) = self.guests.get(vmid) else { continue };
            let uefi = guest.get("bios") == Some("ovmf");
            let firmware = if uefi { Firmware::Uefi } else { Firmware::Bios };
            let node = guest.node.clone();
            let order = guest.get("boot").and_then(boot_devices).unwrap_or_default();
            let mut drives = order.iter().filter_map(|device| guest.get(device));
            let disk = drives.find(|value| !value.contains("media=cdrom")).and_then(|value| value.split(',').next());
            if let Some(volume) = disk.map(str::to_owned).and_then(|disk| self.volume_mut(&node, &disk)) {
                volume.os = Some(Os { agent: false, firmware, login: Login::Ubuntu });
            }
            // Stopping what runs cannot fail.
            let _ = power::stop(self, *vmid);
        }
        !done.is_empty()
    }
}
