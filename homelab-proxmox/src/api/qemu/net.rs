//! Network devices: `net0` and so on.
use crate::api::property::{ConfigError, ConfigString, Options, Other, Printer, as_text, unless};
use std::{
    fmt::{self, Display},
    str::FromStr,
};

/// A unicast MAC address, printed in upper case as the server does.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mac([u8; 6]);

impl Mac {
    /// The address with these bytes.
    #[must_use]
    pub const fn new(bytes: [u8; 6]) -> Self {
        Mac(bytes)
    }

    /// Its bytes.
    #[must_use]
    pub const fn bytes(self) -> [u8; 6] {
        self.0
    }
}

impl Display for Mac {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, f] = self.0;
        write!(to, "{a:02X}:{b:02X}:{c:02X}:{d:02X}:{e:02X}:{f:02X}")
    }
}

impl fmt::Debug for Mac {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        Display::fmt(self, to)
    }
}

impl FromStr for Mac {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<Self, ConfigError> {
        let wrong = |reason| ConfigError::new("MAC address", text, reason);
        let mut bytes = [0; 6];
        let mut parts = text.split(':');
        for byte in &mut bytes {
            let digits = parts.next().filter(|digits| digits.len() == 2).unwrap_or_default();
            *byte = u8::from_str_radix(digits, 16).map_err(|_| wrong("write it as BC:24:11:00:00:01"))?;
        }
        match parts.next() {
            None if bytes[0] & 1 == 0 => Ok(Mac(bytes)),
            None => Err(wrong("a multicast address cannot be a device's")),
            Some(_) => Err(wrong("write it as BC:24:11:00:00:01")),
        }
    }
}

/// The models of network devices (`netN` of the schema). A device written as `MODEL=MAC` names one of these.
const MODELS: [&str; 14] = [
    "virtio",
    "e1000",
    "e1000-82540em",
    "e1000-82544gc",
    "e1000-82545em",
    "e1000e",
    "i82551",
    "i82557b",
    "i82559er",
    "ne2k_isa",
    "ne2k_pci",
    "pcnet",
    "rtl8139",
    "vmxnet3",
];

/// One network device: `virtio=BC:24:11:00:00:01,bridge=vmbr0,firewall=1,tag=20`.
#[derive(Clone, Debug, PartialEq)]
pub struct Net {
    /// The model, `virtio` for nearly everything.
    pub model: String,
    /// The MAC address. Left out of an update, the server draws a new one: always send the one that is there.
    pub mac: Option<Mac>,
    /// The bridge. A bridge that does not exist is accepted and fails at start.
    pub bridge: Option<String>,
    /// The VLAN, 1 to 4094. Absent: untagged.
    pub tag: Option<u16>,
    /// The VLANs that pass through tagged: `10;20-30`.
    pub trunks: Option<String>,
    /// Whether Proxmox VE's firewall filters here. Absent: no.
    pub firewall: Option<bool>,
    /// Whether the cable is pulled. Absent: no.
    pub link_down: Option<bool>,
    /// The MTU in bytes; 1 takes over the bridge's.
    pub mtu: Option<u32>,
    /// The number of packet queues, 0 to 64.
    pub queues: Option<u16>,
    /// The limit in MB/s.
    pub rate: Option<f64>,
    /// Options that are not modelled here.
    pub other: Other,
}

impl Net {
    /// A virtio device on `bridge`, with a MAC address of the server's choice.
    pub fn on(bridge: impl Into<String>) -> Self {
        Net {
            model: "virtio".to_owned(),
            mac: None,
            bridge: Some(bridge.into()),
            tag: None,
            trunks: None,
            firewall: None,
            link_down: None,
            mtu: None,
            queues: None,
            rate: None,
            other: Other::new(),
        }
    }
}

impl ConfigString for Net {
    fn canonical(&self) -> Self {
        Net {
            firewall: unless(&false, self.firewall),
            link_down: unless(&false, self.link_down),
            queues: unless(&0, self.queues),
            rate: unless(&0.0, self.rate),
            ..self.clone()
        }
    }
}

impl Display for Net {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let printer = match self.mac {
            Some(mac) => Printer::new().first(format_args!("{}={mac}", self.model)),
            None => Printer::new().first(&self.model),
        };
        printer
            .set("bridge", self.bridge.as_ref())
            .set("tag", self.tag)
            .set("trunks", self.trunks.as_ref())
            .flag("firewall", self.firewall)
            .flag("link_down", self.link_down)
            .set("mtu", self.mtu)
            .set("queues", self.queues)
            .set("rate", self.rate)
            .print(&self.other, to)
    }
}

impl FromStr for Net {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<Self, ConfigError> {
        let mut options = Options::read("network device", text, "model")?;
        let mut mac = options.parsed("macaddr")?;
        let mut model = options.take("model");
        for known in MODELS {
            let Some(address) = options.parsed(known)? else { continue };
            if model.replace(known.to_owned()).is_some() || mac.replace(address).is_some() {
                return Err(options.error("it names two models or addresses"));
            }
        }
        let model = model.ok_or_else(|| options.error("`model` is missing"))?;
        if !MODELS.contains(&model.as_str()) {
            return Err(options.error(format!("there is no model `{model}`")));
        }
        Ok(Net {
            model,
            mac,
            bridge: options.take("bridge"),
            tag: options.parsed("tag")?,
            trunks: options.take("trunks"),
            firewall: options.flag("firewall")?,
            link_down: options.flag("link_down")?,
            mtu: options.parsed("mtu")?,
            queues: options.parsed("queues")?,
            rate: options.parsed("rate")?,
            other: options.other(),
        })
    }
}
as_text!(Mac, Net);

#[cfg(test)]
mod tests {
    use super::*;

    fn net(text: &str) -> Net {
        text.parse().unwrap()
    }

    #[test]
    fn all_ways_to_write_a_device_mean_the_same() {
        let plain = net("virtio=BC:24:11:00:00:01,bridge=vmbr0");
        assert_eq!(plain, net("model=virtio,macaddr=bc:24:11:00:00:01,bridge=vmbr0"));
        assert_eq!(plain, net("bridge=vmbr0,virtio=bc:24:11:00:00:01"));
        assert!(plain.same(&net("virtio=BC:24:11:00:00:01,bridge=vmbr0,firewall=off,link_down=no")));
        assert!(!plain.same(&net("virtio=BC:24:11:00:00:01,bridge=vmbr0,tag=20")));
    }

    #[test]
    fn a_new_device_leaves_the_address_to_the_server() {
        let vlan = Net { tag: Some(20), firewall: Some(true), ..Net::on("vmbr0") };
        assert_eq!(vlan.to_string(), "virtio,bridge=vmbr0,firewall=1,tag=20");
    }

    #[test]
    fn what_is_no_device_says_why() {
        for (text, reason) in [
            ("bridge=vmbr0", "`model` is missing"),
            ("potato,bridge=vmbr0", "there is no model `potato`"),
            ("virtio=BC:24:11:00:00:01,e1000=BC:24:11:00:00:02", "it names two models or addresses"),
        ] {
            let error = text.parse::<Net>().unwrap_err();
            assert_eq!(error.to_string(), format!("`{text}` is not a network device: {reason}"));
        }
        assert!("virtio=zz:zz,bridge=vmbr0".parse::<Net>().unwrap_err().to_string().contains("`zz:zz`"));
        assert!("01:00:5E:00:00:01".parse::<Mac>().unwrap_err().to_string().contains("multicast"));
    }
}
