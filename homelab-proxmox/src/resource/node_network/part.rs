//! [`Bridge`], [`Bond`] and [`VlanInterface`]: the parts of a node's network.
use crate::api::words;
use homelab_core::{
    Field,
    units::{HostAddr, Network},
};
use std::{collections::BTreeMap, net::IpAddr};

/// Options of an interface by the API's names, as they shall be.
pub(super) type Options = BTreeMap<&'static str, Field<String>>;

/// An interface of a node, as it is declared.
#[derive(Clone, Debug)]
pub struct Part {
    pub(super) name: String,
    /// What is plugged in: each is a part of one interface only.
    pub(super) ports: Vec<String>,
    pub(super) options: Options,
    pub(super) address: Option<HostAddr>,
}

impl Part {
    #[track_caller]
    fn named(name: &str, kind: &'static str) -> Part {
        let fits = (2..=15).contains(&name.len())
            && name.starts_with(|c: char| c.is_ascii_alphabetic())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.".contains(&byte));
        assert!(fits, "`{name}` is no name of an interface: a letter, then letters, digits and `_`, 15 at most");
        let mut options = Options::from([("type", set(kind)), ("autostart", set("1"))]);
        for key in ["cidr", "gateway"] {
            options.insert(key, Field::Cleared);
        }
        Part { name: name.to_owned(), ports: vec![], options, address: None }
    }

    fn plug(&mut self, key: &'static str, port: &str) {
        self.ports.push(port.to_owned());
        self.options.insert(key, set(&words(&self.ports.join(" ")).join(" ")));
    }

    fn at(&mut self, host: HostAddr) {
        self.address = Some(host);
        self.options.insert("cidr", set(&host.to_string()));
    }

    #[track_caller]
    fn way_out(&mut self) {
        let Some(host) = self.address else { panic!("{} needs an address before it can be the way out", self.name) };
        let gateway = host.gateway();
        let gateway =
            gateway.unwrap_or_else(|| panic!("the network {} of {} has no gateway", host.network(), self.name));
        self.options.insert("gateway", set(&gateway.to_string()));
    }

    #[track_caller]
    fn mtu(&mut self, bytes: u16) {
        assert!((1280..=65520).contains(&bytes), "the MTU of {} is a number from 1280 to 65520", self.name);
        self.options.insert("mtu", set(&bytes.to_string()));
    }
}

fn set(text: &str) -> Field<String> {
    Field::Set(text.to_owned())
}

/// What all three can be told.
macro_rules! common {
    ($kind:ident) => {
        impl $kind {
            /// The node has this address on it.
            #[must_use]
            pub fn at(mut self, host: HostAddr) -> Self {
                self.0.at(host);
                self
            }

            /// The node's default route goes by the gateway of its network.
            ///
            /// # Panics
            /// Without an address, or when its network has no gateway.
            #[must_use]
            #[track_caller]
            pub fn way_out(mut self) -> Self {
                self.0.way_out();
                self
            }

            /// Its MTU in bytes, 1280 to 65520. Without this it is not managed.
            ///
            /// # Panics
            /// On another number.
            #[must_use]
            #[track_caller]
            pub fn mtu(mut self, bytes: u16) -> Self {
                self.0.mtu(bytes);
                self
            }
        }

        impl From<$kind> for Part {
            fn from(part: $kind) -> Part {
                part.0
            }
        }
    };
}

/// A bridge: what guests are plugged into.
#[derive(Clone, Debug)]
pub struct Bridge(Part);
common!(Bridge);

impl Bridge {
    /// A bridge of this name, `vmbr0`, without ports, that knows nothing of VLANs.
    ///
    /// # Panics
    /// When it is no name of an interface.
    #[must_use]
    #[track_caller]
    pub fn named(name: &str) -> Bridge {
        let mut part = Part::named(name, "bridge");
        for key in ["bridge_ports", "bridge_vlan_aware", "bridge_vids"] {
            part.options.insert(key, Field::Cleared);
        }
        Bridge(part)
    }

    /// With this port: an interface of the machine (`eno1`), or a bond.
    #[must_use]
    pub fn port(mut self, port: &str) -> Bridge {
        self.0.plug("bridge_ports", port);
        self
    }

    /// VLAN-aware, carrying all VLANs (2 to 4094).
    #[must_use]
    pub fn vlan_aware(self) -> Bridge {
        self.carrying("2-4094".to_owned())
    }

    /// VLAN-aware, carrying the VLANs of these networks and no others. VLAN 1 is what comes untagged, which it carries anyway.
    #[must_use]
    pub fn vlans(self, networks: impl IntoIterator<Item = Network>) -> Bridge {
        let tags =
            networks.into_iter().filter_map(|network| network.tag()).map(|vlan| vlan.tag()).filter(|tag| *tag != 1);
        let tags: Vec<String> = tags.map(|tag| tag.to_string()).collect();
        self.carrying(words(&tags.join(" ")).join(" "))
    }

    fn carrying(mut self, vids: String) -> Bridge {
        self.0.options.insert("bridge_vlan_aware", set("1"));
        self.0.options.insert("bridge_vids", Field::Set(vids));
        self
    }
}

/// A bond: several ports that work as one.
#[derive(Clone, Debug)]
pub struct Bond(Part);
common!(Bond);

impl Bond {
    #[track_caller]
    fn of<'p>(name: &str, ports: impl IntoIterator<Item = &'p str>, options: &[(&'static str, &str)]) -> Bond {
        let mut part = Part::named(name, "bond");
        for port in ports {
            part.plug("slaves", port);
        }
        assert!(part.ports.len() > 1, "the bond {name} needs two ports at least");
        part.options.extend(options.iter().map(|(key, value)| (*key, set(value))));
        Bond(part)
    }

    /// One port works, the first as long as it can; no switch needs to know of it.
    ///
    /// # Panics
    /// With fewer than two ports.
    #[must_use]
    #[track_caller]
    pub fn active_backup<'p>(name: &str, first: &'p str, others: impl IntoIterator<Item = &'p str>) -> Bond {
        let ports = std::iter::once(first).chain(others);
        Bond::of(name, ports, &[("bond_mode", "active-backup"), ("bond-primary", first)])
    }

    /// All ports work, by LACP: the switch has to be set up for it. One connection stays on one port.
    ///
    /// # Panics
    /// With fewer than two ports.
    #[must_use]
    #[track_caller]
    pub fn lacp<'p>(name: &str, ports: impl IntoIterator<Item = &'p str>) -> Bond {
        Bond::of(name, ports, &[("bond_mode", "802.3ad"), ("bond_xmit_hash_policy", "layer2+3")])
    }
}

/// The node's own interface in a VLAN of a bridge, a bond or a port.
#[derive(Clone, Debug)]
pub struct VlanInterface(Part);
common!(VlanInterface);

impl VlanInterface {
    /// The node has this address, in the VLAN of its network: on `vmbr0`, in VLAN 20, as `vmbr0.20`.
    ///
    /// # Panics
    /// When its network has no VLAN.
    #[must_use]
    #[track_caller]
    pub fn on(device: &str, host: HostAddr) -> VlanInterface {
        let vlan = host.vlan().unwrap_or_else(|| panic!("the network {} has no VLAN", host.network()));
        VlanInterface(Part::named(&format!("{device}.{}", vlan.tag()), "vlan")).at(host)
    }
}

/// What of an interface's options is not as it shall be.
pub(super) fn differing<'o>(
    wanted: &'o Options,
    is: &'o BTreeMap<String, String>,
) -> impl Iterator<Item = (&'static str, Option<&'o str>)> {
    wanted.iter().filter_map(|(key, field)| {
        let wanted = match field {
            Field::Unmanaged => return None,
            Field::Set(text) => Some(text.as_str()),
            Field::Cleared => None,
        };
        (is.get(*key).map(String::as_str) != wanted).then_some((*key, wanted))
    })
}

/// Whether an interface has this address.
pub(super) fn has_address(options: &BTreeMap<String, String>, address: IpAddr) -> bool {
    ["cidr", "cidr6"]
        .iter()
        .filter_map(|key| options.get(*key))
        .any(|cidr| cidr.split('/').next().and_then(|ip| ip.parse::<IpAddr>().ok()) == Some(address))
}
