//! Networks and the addresses in them, checked by the compiler where they are constants.
use super::{Cidr, Vlan, serialize_as_text};
use std::{
    fmt,
    net::{IpAddr, Ipv4Addr},
};

/// An IPv4 network of the lab: a constant with a name, an address range, and what is true of it everywhere.
///
/// ```
/// use homelab_core::units::{HostAddr, Network};
/// const LAN: Network = Network::new("LAN", [192, 168, 0, 0], 24).vlan(20).gateway(1);
/// const WEB: HostAddr = LAN.host(202);
/// assert_eq!(WEB.to_string(), "192.168.0.202/24");
/// assert_eq!(WEB.gateway().unwrap().to_string(), "192.168.0.1");
/// ```
///
/// [`host`](Network::host) in a constant is checked by the compiler, `cargo check` included. In a `const { .. }` block amid
/// other code it is checked too, when the lab is built:
///
/// ```compile_fail
/// # use homelab_core::units::{HostAddr, Network};
/// # const LAN: Network = Network::new("LAN", [192, 168, 0, 0], 24);
/// let web = const { LAN.host(256) }; // error: host number is outside this network
/// ```
///
/// Elsewhere, `LAN.host(n)` with a bad `n` panics at the caller's line as soon as the lab is declared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Network {
    name: &'static str,
    address: Ipv4Addr,
    prefix: u8,
    vlan: Option<Vlan>,
    gateway: Option<Ipv4Addr>,
}

impl Network {
    /// The network of this name, first address and prefix length.
    ///
    /// # Panics When the prefix is longer than 32, or the address is not the first of its network; in a constant that
    /// is a compile error.
    #[must_use]
    #[track_caller]
    pub const fn new(name: &'static str, address: [u8; 4], prefix: u8) -> Network {
        assert!(prefix <= 32, "the prefix length of an IPv4 network is a number from 0 to 32");
        let address = Ipv4Addr::from_octets(address);
        let network = Network { name, address, prefix, vlan: None, gateway: None };
        assert!(
            address.to_bits() & network.host_mask() == 0,
            "this is not the first address of a network of this prefix length: for a /24 the last number is 0"
        );
        network
    }

    /// The same, carried under this VLAN tag.
    ///
    /// # Panics
    /// When the tag is not in 1 to 4094; in a constant that is a compile error.
    #[must_use]
    #[track_caller]
    pub const fn vlan(mut self, tag: u16) -> Network {
        self.vlan = Some(Vlan::new(tag));
        self
    }

    /// The same, left by way of the host of this number.
    ///
    /// # Panics
    /// When that is no host of this network; in a constant that is a compile error.
    #[must_use]
    #[track_caller]
    pub const fn gateway(mut self, host: u32) -> Network {
        self.gateway = Some(self.nth(host));
        self
    }

    /// The address of the n-th host: `LAN.host(202)` is 192.168.0.202 in 192.168.0.0/24.
    ///
    /// # Panics When the number is that of the network itself, of its broadcast address, or beyond; in a constant that
    /// is a compile error. The two addresses of a /31 (RFC 3021) and the one of a /32 are hosts.
    #[must_use]
    #[track_caller]
    pub const fn host(&self, n: u32) -> HostAddr {
        HostAddr { ip: self.nth(n), prefix: self.prefix, gateway: self.gateway, vlan: self.vlan, network: self.name }
    }

    #[track_caller]
    const fn nth(&self, n: u32) -> Ipv4Addr {
        let (first, last) = self.host_numbers();
        assert!(
            first <= n && n <= last,
            "host number is outside this network: its first address, its last (broadcast) and all beyond are no hosts"
        );
        Ipv4Addr::from_bits(self.address.to_bits() | n)
    }

    /// The lowest and the highest host number.
    const fn host_numbers(&self) -> (u32, u32) {
        match self.prefix {
            31 | 32 => (0, self.host_mask()),
            _ => (1, self.host_mask() - 1),
        }
    }

    const fn host_mask(&self) -> u32 {
        match u32::MAX.checked_shr(self.prefix as u32) {
            Some(mask) => mask,
            None => 0,
        }
    }

    /// All hosts, from the lowest.
    pub fn hosts(&self) -> impl Iterator<Item = HostAddr> {
        let (first, last) = self.host_numbers();
        let network = *self;
        (first..=last).map(move |n| network.host(n))
    }

    /// Its name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Its first address.
    #[must_use]
    pub const fn address(&self) -> IpAddr {
        IpAddr::V4(self.address)
    }

    /// How many leading bits its addresses share.
    #[must_use]
    pub const fn prefix(&self) -> u8 {
        self.prefix
    }

    /// Its VLAN, if it is tagged.
    #[must_use]
    pub const fn tag(&self) -> Option<Vlan> {
        self.vlan
    }

    /// The router out of it, if it has one.
    #[must_use]
    pub const fn router(&self) -> Option<IpAddr> {
        v4(self.gateway)
    }

    /// Whether the address is one of this range (the network's and the broadcast address are).
    #[must_use]
    pub const fn contains(&self, ip: IpAddr) -> bool {
        match ip {
            IpAddr::V4(ip) => ip.to_bits() & !self.host_mask() == self.address.to_bits(),
            IpAddr::V6(_) => false,
        }
    }

    /// Whether an address is in both.
    #[must_use]
    pub const fn overlaps(&self, other: &Network) -> bool {
        self.contains(other.address()) || other.contains(self.address())
    }
}

const fn v4(ip: Option<Ipv4Addr>) -> Option<IpAddr> {
    match ip {
        Some(ip) => Some(IpAddr::V4(ip)),
        None => None,
    }
}

/// The range, `192.168.0.0/24`.
impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}
serialize_as_text!(Network);

/// The address of a host in one of the lab's [`Network`]s, with all that an interface there needs to know.
///
/// Prints and serialises as `192.168.0.202/24`. Where it is read back, it is a [`Cidr`]: the rest is the network's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostAddr {
    ip: Ipv4Addr,
    prefix: u8,
    gateway: Option<Ipv4Addr>,
    vlan: Option<Vlan>,
    network: &'static str,
}

impl HostAddr {
    /// The address alone.
    #[must_use]
    pub const fn ip(&self) -> IpAddr {
        IpAddr::V4(self.ip)
    }

    /// The prefix length of its network.
    #[must_use]
    pub const fn prefix(&self) -> u8 {
        self.prefix
    }

    /// The way out of its network, if there is one.
    #[must_use]
    pub const fn gateway(&self) -> Option<IpAddr> {
        v4(self.gateway)
    }

    /// The VLAN of its network, if it is tagged.
    #[must_use]
    pub const fn vlan(&self) -> Option<Vlan> {
        self.vlan
    }

    /// The name of its network.
    #[must_use]
    pub const fn network(&self) -> &'static str {
        self.network
    }

    /// Address and prefix length alone.
    #[must_use]
    pub const fn cidr(&self) -> Cidr {
        Cidr::of_host(self.ip, self.prefix)
    }
}

impl fmt::Display for HostAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.cidr().fmt(f)
    }
}
serialize_as_text!(HostAddr);

impl From<HostAddr> for Cidr {
    fn from(host: HostAddr) -> Cidr {
        host.cidr()
    }
}
impl From<HostAddr> for IpAddr {
    fn from(host: HostAddr) -> IpAddr {
        host.ip()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LAN: Network = Network::new("LAN", [192, 168, 0, 0], 24).vlan(20).gateway(1);
    const WEB: HostAddr = LAN.host(202);

    #[test]
    fn a_host_knows_what_its_network_knows() {
        assert_eq!(WEB.to_string(), "192.168.0.202/24");
        assert_eq!(WEB.gateway(), Some("192.168.0.1".parse().unwrap()));
        assert_eq!((WEB.vlan(), WEB.network()), (Some(Vlan::new(20)), "LAN"));
        assert_eq!(WEB, const { LAN.host(202) });
        assert_eq!(serde_json::to_string(&(WEB, LAN)).unwrap(), r#"["192.168.0.202/24","192.168.0.0/24"]"#);
        assert_eq!(Cidr::from(WEB), "192.168.0.202/24".parse().unwrap());
    }

    #[test]
    fn hosts_lie_between_the_network_and_its_broadcast_address() {
        assert_eq!(LAN.hosts().count(), 254);
        assert!(LAN.hosts().all(|host| LAN.contains(host.ip())));
        assert_eq!(LAN.hosts().last(), Some(LAN.host(254)));
        for n in [0, 255, 256, u32::MAX] {
            let panic = std::panic::catch_unwind(|| LAN.host(n)).unwrap_err();
            assert!(panic.downcast_ref::<&str>().unwrap().starts_with("host number is outside this network"));
        }
    }

    #[test]
    fn small_and_large_networks_have_their_hosts() {
        let ends = |n: Network| (n.hosts().next().unwrap().to_string(), n.host_numbers().1);
        assert_eq!(ends(Network::new("link", [10, 0, 0, 2], 31)), ("10.0.0.2/31".into(), 1));
        assert_eq!(ends(Network::new("one", [10, 0, 0, 7], 32)), ("10.0.0.7/32".into(), 0));
        assert_eq!(ends(Network::new("two", [10, 0, 0, 4], 30)), ("10.0.0.5/30".into(), 2));
        assert_eq!(ends(Network::new("all", [0, 0, 0, 0], 0)), ("0.0.0.1/0".into(), u32::MAX - 1));
        assert_eq!(Network::new("ten", [10, 0, 0, 0], 8).host(0x01_02_03).to_string(), "10.1.2.3/8");
    }

    #[test]
    fn overlapping_networks_are_seen_from_both_sides() {
        let half = Network::new("half", [192, 168, 0, 128], 25);
        let other = Network::new("other", [192, 168, 1, 0], 24);
        assert!(LAN.overlaps(&half) && half.overlaps(&LAN) && LAN.overlaps(&LAN));
        assert!(!LAN.overlaps(&other) && !other.overlaps(&half));
        assert!(!LAN.contains("::1".parse().unwrap()));
    }

    #[test]
    #[should_panic(expected = "not the first address of a network")]
    fn an_address_within_a_network_is_not_its_first() {
        let _ = Network::new("LAN", [192, 168, 0, 1], 24);
    }

    proptest! {
        #[test]
        fn a_host_is_in_its_network_and_in_no_other_of_that_length(bits: u32, prefix in 1..=30u8, n: u32) {
            let first = bits & !(u32::MAX >> prefix);
            let network = Network::new("any", first.to_be_bytes(), prefix);
            let neighbour = Network::new("next", (first ^ 1 << (32 - prefix)).to_be_bytes(), prefix);
            let (low, high) = network.host_numbers();
            let host = network.host(low + n % (high - low + 1));
            prop_assert!(network.contains(host.ip()) && !neighbour.contains(host.ip()));
        }
    }
}
