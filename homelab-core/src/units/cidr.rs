//! An address and how much of it is its network's.
use super::{UnitError, serde_as_text};
use std::{
    fmt,
    net::{IpAddr, Ipv4Addr},
    str::FromStr,
};

/// An address with the prefix length of its network, IPv4 or IPv6: what an interface has, `192.168.0.202/24`.
///
/// ```
/// use homelab_core::units::Cidr;
/// let found: Cidr = "192.168.0.202/24".parse()?;
/// assert_eq!(found.prefix(), 24);
/// # Ok::<(), homelab_core::units::UnitError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cidr {
    ip: IpAddr,
    prefix: u8,
}

impl Cidr {
    /// The address with this prefix length, if there is such a length: up to 32 for IPv4, 128 for IPv6.
    #[must_use]
    pub const fn new(ip: IpAddr, prefix: u8) -> Option<Cidr> {
        let longest = match ip {
            IpAddr::V4(_) => 32,
            IpAddr::V6(_) => 128,
        };
        if prefix <= longest { Some(Cidr { ip, prefix }) } else { None }
    }

    /// Of an address whose network has checked the length.
    pub(super) const fn of_host(ip: Ipv4Addr, prefix: u8) -> Cidr {
        Cidr { ip: IpAddr::V4(ip), prefix }
    }

    /// The address alone.
    #[must_use]
    pub const fn ip(&self) -> IpAddr {
        self.ip
    }

    /// The prefix length.
    #[must_use]
    pub const fn prefix(&self) -> u8 {
        self.prefix
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.ip, self.prefix)
    }
}

impl FromStr for Cidr {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Cidr, UnitError> {
        let error = |why| UnitError::new("an address with its prefix length", text, why);
        let (ip, prefix) =
            text.split_once('/').ok_or_else(|| error("the length is missing, as in 192.168.0.202/24"))?;
        let ip = ip.parse().map_err(|_| error("what stands before the / is no IP address"))?;
        let too_long = || error("the length is no number up to 32, or 128 for IPv6");
        Cidr::new(ip, prefix.parse().map_err(|_| too_long())?).ok_or_else(too_long)
    }
}
serde_as_text!(Cidr);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_no_interface_address_says_why() {
        for (text, why) in [
            ("192.168.0.202", "length is missing"),
            ("192.168.0/24", "no IP address"),
            ("192.168.0.1/33", "up to 32"),
            ("fd00::1/129", "128 for IPv6"),
        ] {
            assert!(text.parse::<Cidr>().unwrap_err().to_string().contains(why), "{text}");
        }
        assert_eq!("fd00::1/64".parse::<Cidr>().unwrap().to_string(), "fd00::1/64");
    }

    proptest! {
        #[test]
        fn every_address_is_read_back_as_it_was_printed(bits: u32, v6: u128, prefix in 0..=32u8) {
            for ip in [IpAddr::from(Ipv4Addr::from_bits(bits)), IpAddr::from(std::net::Ipv6Addr::from_bits(v6))] {
                let cidr = Cidr::new(ip, prefix).unwrap();
                prop_assert_eq!(cidr.to_string().parse(), Ok(cidr));
                prop_assert_eq!(serde_json::from_str::<Cidr>(&serde_json::to_string(&cidr).unwrap()).unwrap(), cidr);
            }
        }
    }
}
