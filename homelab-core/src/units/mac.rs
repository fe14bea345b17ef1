//! Hardware addresses.
use super::{UnitError, serde_as_text};
use sha2::{Digest, Sha256};
use std::{fmt, str::FromStr};

/// A MAC address. Prints as Proxmox does, in capitals with colons; reads small letters and dashes too.
///
/// ```
/// use homelab_core::units::Mac;
/// let mac: Mac = "bc:24:11:0a:0b:0c".parse()?;
/// assert_eq!(mac.to_string(), "BC:24:11:0A:0B:0C");
/// # Ok::<(), homelab_core::units::UnitError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mac([u8; 6]);

impl Mac {
    /// The prefix under which Proxmox VE draws its addresses (pve-notes, section 14).
    pub const PROXMOX: [u8; 3] = [0xBC, 0x24, 0x11];

    /// The address of these bytes.
    #[must_use]
    pub const fn new(bytes: [u8; 6]) -> Mac {
        Mac(bytes)
    }

    /// The address of a guest's n-th interface, always the same for the same lab, key and index, so that a guest made
    /// anew keeps its DHCP lease: Proxmox's prefix and 24 bits of a hash. Among a hundred guests two collide with a
    /// chance of 1 in 3,400, and claims notice it.
    #[must_use]
    pub fn derived(lab: &str, key: &str, index: usize) -> Mac {
        let hash = Sha256::digest(format!("{lab}\0{key}\0{index}"));
        let [a, b, c] = Self::PROXMOX;
        Mac([a, b, c, hash[0], hash[1], hash[2]])
    }

    /// The bytes.
    #[must_use]
    pub const fn bytes(self) -> [u8; 6] {
        self.0
    }
}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02X}:{b:02X}:{c:02X}:{d:02X}:{e:02X}:{g:02X}")
    }
}

impl FromStr for Mac {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Mac, UnitError> {
        let error = || UnitError::new("a MAC address", text, "it is not six bytes in hex, as in BC:24:11:0A:0B:0C");
        let mut bytes = [0; 6];
        let mut parts = text.split([':', '-']);
        for byte in &mut bytes {
            let part = parts.next().filter(|p| p.len() == 2 && p.bytes().all(|b| b.is_ascii_hexdigit()));
            *byte = u8::from_str_radix(part.ok_or_else(error)?, 16).map_err(|_| error())?;
        }
        if parts.next().is_some() { Err(error()) } else { Ok(Mac(bytes)) }
    }
}
serde_as_text!(Mac);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_printed_is_read_back(bytes: [u8; 6]) {
            let mac = Mac::new(bytes);
            prop_assert_eq!(mac.to_string().parse(), Ok(mac));
            prop_assert_eq!(mac.to_string().to_lowercase().replace(':', "-").parse(), Ok(mac));
            prop_assert_eq!(serde_json::from_str::<Mac>(&serde_json::to_string(&mac).unwrap()).unwrap(), mac);
        }
    }

    #[test]
    fn a_derived_address_is_stable_and_differs_by_lab_key_and_index() {
        let mac = Mac::derived("home", "proxmox/vm/web", 0);
        assert_eq!(mac.to_string(), "BC:24:11:BE:B9:96");
        for other in [
            Mac::derived("home", "proxmox/vm/web", 1),
            Mac::derived("home", "proxmox/vm/we", 0),
            Mac::derived("office", "proxmox/vm/web", 0),
        ] {
            assert_ne!(other, mac);
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in
            ["", "BC:24:11:0A:0B", "BC:24:11:0A:0B:0C:0D", "BC:24:11:0A:0B:0G", "+C:24:11:0A:0B:0C", "B:24:11:0A:0B:0C"]
        {
            assert!(text.parse::<Mac>().is_err(), "{text}");
        }
    }
}
