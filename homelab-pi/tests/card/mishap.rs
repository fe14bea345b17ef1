//! `pi flash` as a whole, when the card is not what it should be: nothing is written, or what was written does not boot.
use super::{CONFIG, MIB, image};
use homelab_core::{Failure, host::Hosts, sim::Wire, units::Network};
use homelab_pi::{
    Board, Pi, Pis,
    config::{Pins, System},
    deploy::FromHere,
    flash::{Cards, Device, Limits, Mount, Target},
    image::partitions,
    sim::SimBuilder,
    verbs::{Flash, flash},
};
use std::{
    io,
    path::Path,
    sync::{Arc, Mutex},
};

const LAN: Network = Network::new("LAN", [192, 168, 0, 0], 24).gateway(1);
const PINS: Pins = homelab_pi::pins!("../nix/flake.lock");
const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHUy4sUdyK2ePNnqVAtCY1Sdl6kPnCNKt0bNC8x8yGqP svenlito@proxmox";

fn pi() -> Pi {
    let pi = Pi::named("pihole").board(Board::Pi4).at(LAN.host(53)).login("svenlito", [KEY]);
    pi.system(System::nixos_25_11(PINS))
}

/// What goes wrong with a card while it is written.
#[derive(Clone, Copy, Default)]
struct Mishap {
    /// It is pulled out after so many bytes.
    takes: Option<usize>,
    /// It keeps something else at this byte.
    forgets: Option<usize>,
    /// Another one is in the slot from this look on.
    changed_at: Option<u32>,
}

/// A reader with one card.
struct Reader {
    device: Device,
    mishap: Mishap,
    looks: Mutex<u32>,
    card: Arc<Mutex<Vec<u8>>>,
}

impl Cards for Reader {
    fn find(&self, _: &Path) -> Result<Device, Failure> {
        let mut looks = self.looks.lock().unwrap();
        *looks += 1;
        let other = self.mishap.changed_at.is_some_and(|at| *looks >= at);
        let serial = if other { "OTHER".into() } else { self.device.serial.clone() };
        Ok(Device { serial, ..self.device.clone() })
    }
    fn unmount(&self, _: &Device) -> Result<(), Failure> {
        Ok(())
    }
    fn open(&self, _: &Device) -> Result<Box<dyn Target>, Failure> {
        Ok(Box::new(Card { bytes: Arc::clone(&self.card), mishap: self.mishap }))
    }
}

struct Card {
    bytes: Arc<Mutex<Vec<u8>>>,
    mishap: Mishap,
}

impl Target for Card {
    fn size(&self) -> u64 {
        self.bytes.lock().unwrap().len() as u64
    }
    fn write_at(&mut self, at: u64, data: &[u8]) -> io::Result<()> {
        let n = self.mishap.takes.map_or(data.len(), |left| left.min(data.len()));
        let at = at as usize;
        let mut bytes = self.bytes.lock().unwrap();
        bytes[at..at + n].copy_from_slice(&data[..n]);
        if let Some(forgets) = self.mishap.forgets.filter(|f| (at..at + n).contains(f)) {
            bytes[forgets] ^= 1;
        }
        self.mishap.takes = self.mishap.takes.map(|left| left - n);
        if n < data.len() { Err(io::Error::other("No such device")) } else { Ok(()) }
    }
    fn read_at(&mut self, at: u64, data: &mut [u8]) -> io::Result<()> {
        let at = at as usize;
        data.copy_from_slice(&self.bytes.lock().unwrap()[at..at + data.len()]);
        Ok(())
    }
    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A card of 32 GB, as the kernel tells it, with an older system on it; the memory behind it is smaller.
fn device() -> Device {
    let mut device = Device { path: "/dev/sdb".into(), model: "SD Reader".into(), ..Device::default() };
    (device.serial, device.size, device.is_removable) = ("0123".into(), 32_000_000_000, true);
    device
}

/// Flashes, and gives how it ended and what is on the card then.
fn flashed(device: Device, mishap: Mishap, typed: Option<&str>) -> (Result<Vec<String>, Failure>, Vec<u8>) {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("card.img");
    std::fs::write(&file, image(CONFIG)).unwrap();
    let mut old = image(CONFIG);
    old.resize(24 * MIB, 0xee);
    let card = Arc::new(Mutex::new(old));
    let reader = Reader { device, mishap, looks: Mutex::default(), card: Arc::clone(&card) };
    let hosts = Hosts::of(Wire(homelab_core::sim::Net::new()));
    let pis = Pis::new(hosts, Arc::new(SimBuilder::new(vec![])), Arc::new(FromHere::default()));
    let pis = pis.with(vec![pi()]).cards(Arc::new(reader)).stage(dir.path());
    let wish =
        Flash { image: Some(&file), device: Path::new("/dev/sdb"), typed, limits: Limits::default(), lab: "home" };
    let ended = flash(&pis, &pi(), wish, &|_| {});
    let bytes = card.lock().unwrap().clone();
    (ended, bytes)
}

const TYPED: Option<&str> = Some("erase 0123");

#[test]
fn a_card_that_was_typed_back_is_written_and_bears_the_mark_of_the_lab() {
    let (ended, mut card) = flashed(device(), Mishap::default(), TYPED);
    assert!(ended.unwrap()[0].contains("were read back"));
    assert!(partitions(&card).is_ok());
    let mark = super::firmware_file(&mut card, "homelab/mark.json").unwrap();
    assert!(mark.contains("home") && mark.contains("pi/generation/pihole"), "{mark}");
}

#[test]
fn the_wrong_device_is_not_touched() {
    let mount = Mount { device: "/dev/sdb1".into(), at: "/home".into() };
    for (device, says) in [
        (Device { mounts: vec![mount], ..device() }, "the running system stands on it"),
        (Device { is_removable: false, ..device() }, "it cannot be taken out"),
        (Device { part_of: Some("/dev/sdb".into()), ..device() }, "it is a partition"),
        (Device { size: 1_000_000, ..device() }, "the image needs"),
        (Device { is_read_only: true, ..device() }, "it is read-only"),
        (Device { size: 0, ..device() }, "there is no card in it"),
        (Device { holders: vec!["an LVM volume, dm-0".into()], ..device() }, "it is in use"),
    ] {
        let before = flashed(device.clone(), Mishap::default(), None).1;
        let (ended, card) = flashed(device, Mishap::default(), TYPED);
        let failure = ended.unwrap_err();
        assert!(failure.message.contains(says) && failure.hint.is_some(), "{says}: {failure}");
        assert!(card == before, "{says}");
    }
}

#[test]
fn a_card_that_was_changed_after_it_was_named_is_not_touched() {
    let before = flashed(device(), Mishap::default(), None).1;
    for look in [2, 3] {
        let (ended, card) = flashed(device(), Mishap { changed_at: Some(look), ..Mishap::default() }, TYPED);
        assert!(ended.unwrap_err().message.contains("is another device now"));
        assert!(card == before);
    }
}

#[test]
fn a_card_that_is_pulled_out_or_forgets_does_not_boot_and_the_way_out_is_told() {
    for takes in [MIB, 2 * MIB, 5 * MIB] {
        let (ended, card) = flashed(device(), Mishap { takes: Some(takes), ..Mishap::default() }, TYPED);
        let failure = ended.unwrap_err();
        assert!(failure.message.contains("No such device"), "{failure}");
        assert!(failure.hint.unwrap().contains("is it still in?"));
        assert!(partitions(&card).is_err(), "{takes}");
    }
    let (ended, card) = flashed(device(), Mishap { forgets: Some(3 * MIB), ..Mishap::default() }, TYPED);
    let failure = ended.unwrap_err();
    assert!(failure.message.contains("kept something else") && failure.hint.unwrap().contains("worn out"));
    assert!(partitions(&card).is_err());
}
