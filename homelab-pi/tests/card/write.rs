//! Writing a card: whenever it is interrupted, nothing on it boots; what is on it in the end is what was meant.
use super::{CONFIG, MIB, firmware_file, image};
use homelab_core::SecretValue;
use homelab_pi::{
    flash::{Progress, Source, Target, WriteError, write},
    image::{inject, partitions},
};
use proptest::prelude::*;
use std::{cell::Cell, io};

/// A card in memory, which can be pulled out after so many bytes, and can forget.
struct Card {
    bytes: Vec<u8>,
    takes: usize,
    forgets: Option<usize>,
}

impl Card {
    /// A card with an older system on it, which would boot.
    fn used(size: usize) -> Card {
        let mut bytes = image(CONFIG);
        bytes.resize(size, 0xee);
        Card { bytes, takes: usize::MAX, forgets: None }
    }
    fn boots(&self) -> bool {
        partitions(&self.bytes).is_ok()
    }
}

impl Target for Card {
    fn size(&self) -> u64 {
        self.bytes.len() as u64
    }
    fn write_at(&mut self, at: u64, data: &[u8]) -> io::Result<()> {
        let n = data.len().min(self.takes);
        let at = at as usize;
        self.bytes[at..at + n].copy_from_slice(&data[..n]);
        if let Some(forgets) = self.forgets.filter(|f| (at..at + n).contains(f)) {
            self.bytes[forgets] ^= 1;
        }
        self.takes -= n;
        if n < data.len() { Err(io::Error::other("the card is gone")) } else { Ok(()) }
    }
    fn read_at(&mut self, at: u64, data: &mut [u8]) -> io::Result<()> {
        let at = at as usize;
        data.copy_from_slice(&self.bytes[at..at + data.len()]);
        Ok(())
    }
    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn new_image() -> Vec<u8> {
    let mut new = image(CONFIG);
    // Another system, of a length that is no multiple of anything.
    new.extend(std::iter::repeat_n(7, 12345));
    new
}

fn plain(bytes: Vec<u8>) -> Source {
    let len = bytes.len() as u64;
    Source::plain(io::Cursor::new(bytes), len)
}

fn put(source: Source, card: &mut Card) -> Result<homelab_pi::flash::Written, WriteError> {
    write(source, card, &|_| Ok(()), &|_| {})
}

#[test]
fn what_is_on_the_card_is_the_image_packed_or_not() {
    let new = new_image();
    let packed = ruzstd::encoding::compress_to_vec(new.as_slice(), ruzstd::encoding::CompressionLevel::Fastest);
    for source in [plain(new.clone()), Source::packed(io::Cursor::new(packed)).unwrap()] {
        let mut card = Card::used(16 * MIB);
        let last = Cell::new(None);
        let written = write(source, &mut card, &|_| Ok(()), &|p| last.set(Some(p))).unwrap();
        assert_eq!(card.bytes[..new.len()], new);
        assert_eq!(written.bytes, new.len() as u64);
        assert_eq!(last.get(), Some(Progress::Compared(written.bytes, written.bytes)));
    }
}

#[test]
fn secrets_are_on_the_card_and_not_in_the_image() {
    let new = new_image();
    let secret = "-----BEGIN OPENSSH PRIVATE KEY-----\nabc\n";
    let mut card = Card::used(16 * MIB);
    let files = [("ssh_host_ed25519_key", SecretValue::from(secret.to_owned()))];
    let prepare = |head: &mut [u8]| inject(head, &files).map_err(|e| e.to_string());
    write(plain(new.clone()), &mut card, &prepare, &|_| {}).unwrap();
    assert_eq!(firmware_file(&mut card.bytes, "homelab/ssh_host_ed25519_key").as_deref(), Some(secret));
    assert_eq!(firmware_file(&mut new.clone(), "homelab/ssh_host_ed25519_key"), None);
}

#[test]
fn a_card_that_keeps_something_else_does_not_boot_and_is_told() {
    for at in [0, 4095, 4096, 5 * MIB, 9 * MIB] {
        let mut card = Card { forgets: Some(at), ..Card::used(16 * MIB) };
        let error = put(plain(new_image()), &mut card).unwrap_err();
        assert!(matches!(error, WriteError::Different { .. }), "{at}: {error}");
        assert!(!card.boots() || at < 4096, "{at}");
    }
}

#[test]
fn a_damaged_image_leaves_a_card_that_does_not_boot() {
    let new = new_image();
    let mut packed = ruzstd::encoding::compress_to_vec(new.as_slice(), ruzstd::encoding::CompressionLevel::Fastest);
    packed.truncate(packed.len() / 2);
    let mut card = Card::used(16 * MIB);
    assert!(put(Source::packed(io::Cursor::new(packed)).unwrap(), &mut card).is_err());
    let short = Source::plain(io::Cursor::new(new[..6 * MIB].to_vec()), new.len() as u64);
    let mut card = Card::used(16 * MIB);
    assert!(matches!(put(short, &mut card), Err(WriteError::Image(_))));
    assert!(!card.boots());
}

#[test]
fn an_image_that_is_changed_while_it_is_written_is_not_taken_for_a_bad_card() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("card.img");
    std::fs::write(&file, new_image()).unwrap();
    let change = |_: &mut [u8]| {
        let late = std::time::SystemTime::now() + std::time::Duration::from_secs(60);
        std::fs::File::options().write(true).open(&file).unwrap().set_modified(late).unwrap();
        Ok(())
    };
    let mut card = Card::used(16 * MIB);
    let error = write(Source::open(&file).unwrap(), &mut card, &change, &|_| {}).unwrap_err();
    assert!(matches!(&error, WriteError::Image(why) if why.to_string().contains("changed it")), "{error}");
    assert!(!card.boots());
}

#[test]
fn what_is_no_image_or_does_not_fit_is_refused_before_anything_is_written() {
    let before = Card::used(16 * MIB).bytes;
    let mut card = Card::used(16 * MIB);
    assert!(matches!(put(plain(vec![1; 8 * MIB]), &mut card), Err(WriteError::NoImage(_))));
    assert!(matches!(put(plain(vec![1; 17 * MIB]), &mut card), Err(WriteError::TooSmall(_))));
    let refused = |_: &mut [u8]| Err("no secret".to_owned());
    assert!(matches!(write(plain(new_image()), &mut card, &refused, &|_| {}), Err(WriteError::Secrets(_))));
    assert!(card.bytes == before, "nothing was written");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn pulled_out_at_any_byte_there_is_nothing_that_boots(takes in prop_oneof![0..3 * MIB, 0..12 * MIB]) {
        let new = new_image();
        let mut card = Card { takes, ..Card::used(16 * MIB) };
        let done = put(plain(new.clone()), &mut card);
        match done {
            Ok(_) => prop_assert!(card.bytes[..new.len()] == new[..]),
            // Within the first sector of the emptying, the old system is still whole but for some bytes of its boot code; with the
            // signature it is gone. Of the new one there is nothing then.
            Err(_) if takes < 512 => {}
            Err(_) => prop_assert!(!card.boots()),
        }
    }
}

#[test]
fn the_last_block_is_written_when_all_the_rest_is_there() {
    let new = new_image();
    let all = MIB + 4096 + new.len();
    for missing in [1, 512, 3583, 3584, 4095] {
        let mut card = Card { takes: all - missing, ..Card::used(16 * MIB) };
        assert!(put(plain(new.clone()), &mut card).is_err());
        assert!(!card.boots() || card.bytes[4096..new.len()] == new[4096..], "{missing} bytes before the end");
    }
    let mut card = Card { takes: all, ..Card::used(16 * MIB) };
    assert!(put(plain(new), &mut card).is_ok());
}
