//! Network devices of containers.
use crate::api::{
    property::{ConfigError, ConfigString, Options, Other, Printer, as_text, unless},
    qemu::Mac,
};
use std::{
    fmt::{self, Display},
    str::FromStr,
};

/// One network device: `name=eth0,bridge=vmbr0,hwaddr=BC:24:11:00:00:01,ip=dhcp,tag=20,type=veth`.
#[derive(Clone, Debug, PartialEq)]
pub struct LxcNet {
    /// Its name inside: `eth0`.
    pub name: String,
    /// The bridge. One that does not exist is accepted and fails at start.
    pub bridge: Option<String>,
    /// The MAC address. Left out of an update, the server draws a new one: always send the one that is there.
    pub mac: Option<Mac>,
    /// The address: `dhcp`, `manual`, `192.168.0.204/24`.
    pub ip: Option<String>,
    /// The way out.
    pub gateway: Option<String>,
    /// The VLAN, 1 to 4094. Absent: untagged.
    pub tag: Option<u16>,
    /// Whether Proxmox VE's firewall filters here. Absent: no.
    pub firewall: Option<bool>,
    /// The MTU in bytes.
    pub mtu: Option<u32>,
    /// Options that are not modelled here.
    pub other: Other,
}

impl LxcNet {
    /// A device of this name on a bridge, with a MAC address of the server's choice.
    pub fn on(name: impl Into<String>, bridge: impl Into<String>) -> Self {
        LxcNet {
            name: name.into(),
            bridge: Some(bridge.into()),
            mac: None,
            ip: None,
            gateway: None,
            tag: None,
            firewall: None,
            mtu: None,
            other: Other::new(),
        }
    }
}

impl ConfigString for LxcNet {
    fn canonical(&self) -> Self {
        LxcNet { firewall: unless(&false, self.firewall), ..self.clone() }
    }
}

impl Display for LxcNet {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        Printer::new()
            .first(format_args!("name={}", self.name))
            .set("bridge", self.bridge.as_ref())
            .set("hwaddr", self.mac)
            .set("ip", self.ip.as_ref())
            .set("gw", self.gateway.as_ref())
            .set("tag", self.tag)
            .flag("firewall", self.firewall)
            .set("mtu", self.mtu)
            .print(&self.other, to)
    }
}

impl FromStr for LxcNet {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<Self, ConfigError> {
        let mut options = Options::read("network device of a container", text, "")?;
        Ok(LxcNet {
            name: options.required(&["name"])?,
            bridge: options.take("bridge"),
            mac: options.parsed("hwaddr")?,
            ip: options.take("ip"),
            gateway: options.take("gw"),
            tag: options.parsed("tag")?,
            firewall: options.flag("firewall")?,
            mtu: options.parsed("mtu")?,
            other: options.other(),
        })
    }
}
as_text!(LxcNet);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_prints_as_the_server_does_and_means_the_same() {
        let text =
            "name=eth0,bridge=vmbr0,gw=192.168.0.1,hwaddr=BC:24:11:00:00:01,ip=192.168.0.204/24,tag=20,type=veth";
        let net: LxcNet = text.parse().unwrap();
        assert_eq!(net.to_string(), text);
        assert!(net.same(&format!("{text},firewall=0").parse().unwrap()));
        assert!("bridge=vmbr0".parse::<LxcNet>().is_err(), "it has no name");
    }
}
