//! Addresses that cloud-init gives to a guest's devices: `ipconfig0` and so on.
use crate::api::property::{ConfigError, ConfigString, Options, Other, Printer, as_text};
use std::{
    fmt::{self, Display},
    net::{Ipv4Addr, Ipv6Addr},
    str::FromStr,
};

/// Where a device's IPv4 address comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ip4 {
    /// By DHCP.
    Dhcp,
    /// Fixed: address and prefix length (0 to 32).
    Fixed(Ipv4Addr, u8),
}

/// Where a device's IPv6 address comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ip6 {
    /// By DHCPv6.
    Dhcp,
    /// By router advertisements.
    Auto,
    /// Fixed: address and prefix length (0 to 128).
    Fixed(Ipv6Addr, u8),
}

/// The addresses of one device: `gw=192.168.0.1,ip=192.168.0.202/24`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IpConfig {
    /// The IPv4 address.
    pub ip: Option<Ip4>,
    /// The IPv4 gateway; the server wants `ip` with it.
    pub gateway: Option<Ipv4Addr>,
    /// The IPv6 address.
    pub ip6: Option<Ip6>,
    /// The IPv6 gateway; the server wants `ip6` with it.
    pub gateway6: Option<Ipv6Addr>,
    /// Options that are not modelled here.
    pub other: Other,
}

impl IpConfig {
    /// IPv4 by DHCP.
    #[must_use]
    pub fn dhcp() -> Self {
        IpConfig { ip: Some(Ip4::Dhcp), ..IpConfig::default() }
    }

    /// A fixed IPv4 address with its prefix length, and a gateway if the network has one.
    #[must_use]
    pub fn fixed(address: Ipv4Addr, prefix: u8, gateway: Option<Ipv4Addr>) -> Self {
        IpConfig { ip: Some(Ip4::Fixed(address, prefix)), gateway, ..IpConfig::default() }
    }
}

impl ConfigString for IpConfig {
    fn canonical(&self) -> Self {
        self.clone()
    }
}

impl Display for Ip4 {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Ip4::Dhcp => to.write_str("dhcp"),
            Ip4::Fixed(address, prefix) => write!(to, "{address}/{prefix}"),
        }
    }
}

impl FromStr for Ip4 {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<Self, ConfigError> {
        if text == "dhcp" {
            return Ok(Ip4::Dhcp);
        }
        let (address, prefix) = cidr(text, 32)
            .ok_or_else(|| ConfigError::new("IPv4 address", text, "write it as dhcp or ADDRESS/PREFIX"))?;
        Ok(Ip4::Fixed(address, prefix))
    }
}

impl Display for Ip6 {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Ip6::Dhcp => to.write_str("dhcp"),
            Ip6::Auto => to.write_str("auto"),
            Ip6::Fixed(address, prefix) => write!(to, "{address}/{prefix}"),
        }
    }
}

impl FromStr for Ip6 {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<Self, ConfigError> {
        match text {
            "dhcp" => Ok(Ip6::Dhcp),
            "auto" => Ok(Ip6::Auto),
            _ => cidr(text, 128)
                .map(|(address, prefix)| Ip6::Fixed(address, prefix))
                .ok_or_else(|| ConfigError::new("IPv6 address", text, "write it as dhcp, auto or ADDRESS/PREFIX")),
        }
    }
}

fn cidr<A: FromStr>(text: &str, longest: u8) -> Option<(A, u8)> {
    let (address, prefix) = text.split_once('/')?;
    let prefix = prefix.parse().ok().filter(|prefix| *prefix <= longest)?;
    Some((address.parse().ok()?, prefix))
}

impl Display for IpConfig {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        Printer::new()
            .set("ip", self.ip)
            .set("gw", self.gateway)
            .set("ip6", self.ip6)
            .set("gw6", self.gateway6)
            .print(&self.other, to)
    }
}

impl FromStr for IpConfig {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<Self, ConfigError> {
        let mut options = Options::read("cloud-init address", text, "")?;
        Ok(IpConfig {
            ip: options.parsed("ip")?,
            gateway: options.parsed("gw")?,
            ip6: options.parsed("ip6")?,
            gateway6: options.parsed("gw6")?,
            other: options.other(),
        })
    }
}
as_text!(IpConfig);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_print_and_parse() {
        let fixed = IpConfig::fixed(Ipv4Addr::new(192, 168, 0, 202), 24, Some(Ipv4Addr::new(192, 168, 0, 1)));
        assert_eq!(fixed.to_string(), "gw=192.168.0.1,ip=192.168.0.202/24");
        assert_eq!("ip=192.168.0.202/24,gw=192.168.0.1".parse::<IpConfig>().unwrap(), fixed);
        assert_eq!("ip6=auto,ip=dhcp".parse::<IpConfig>().unwrap().to_string(), "ip=dhcp,ip6=auto");
    }

    #[test]
    fn an_address_without_prefix_or_a_gateway_that_is_none_is_refused() {
        for text in ["ip=10.0.0.5", "ip=10.0.0.5/33", "ip=10.0.0.5/24,gw=nope", "ip6=::1/129"] {
            assert!(text.parse::<IpConfig>().is_err(), "{text}");
        }
    }
}
