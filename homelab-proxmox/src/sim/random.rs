//! Identifiers that look random and repeat with the world: MACs, UUIDs, digests, process numbers.
use super::world::World;
use sha2::{Digest as _, Sha256};

/// Hexadecimal of some bytes.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// 40 hex digits that stand for a text, as Proxmox VE's sha1 digests do. Only equality means anything.
pub(crate) fn digest(text: &str) -> String {
    hex(&Sha256::digest(text.as_bytes())[..20])
}

/// Standard base64 with padding.
pub(crate) fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let word = chunk.iter().fold(0_u32, |word, byte| word << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for place in 0..4 {
            let digit = (word >> (18 - 6 * place) & 63) as usize;
            text.push(if place <= chunk.len() { char::from(DIGITS[digit]) } else { '=' });
        }
    }
    text
}

impl World {
    /// 32 bytes that no call before got.
    fn draw(&mut self) -> [u8; 32] {
        self.drawn += 1;
        Sha256::digest(format!("{}:{}", self.seed, self.drawn).as_bytes()).into()
    }

    /// A MAC with the server's prefix, in capitals.
    pub(crate) fn new_mac(&mut self) -> String {
        let bytes = self.draw();
        format!("{}:{:02X}:{:02X}:{:02X}", self.mac_prefix(), bytes[0], bytes[1], bytes[2])
    }

    /// A UUID (version 4 by look).
    pub(crate) fn new_uuid(&mut self) -> String {
        let text = hex(&self.draw());
        format!("{}-{}-4{}-a{}-{}", &text[..8], &text[8..12], &text[13..16], &text[17..20], &text[20..32])
    }

    /// A process number that is never used twice by neighbours.
    pub(crate) fn new_pid(&mut self) -> u32 {
        self.drawn += 1;
        u32::try_from(1000 + self.drawn % 3_000_000).unwrap_or(1000)
    }

    /// Hex digits for an upload's temporary name.
    pub(crate) fn new_hex(&mut self) -> String {
        hex(&self.draw()[..16])
    }
}
