//! `/cluster/mapping` and `/nodes/N/hardware`: devices by a name that tokens may use, and the devices that there are.
use super::lenient::{FromScalar, scalar};
use crate::{
    client::{
        Params, Pve, Reader,
        call::{Call, path},
    },
    error::Result,
    http::Method,
};
use homelab_core::Permit;
use serde::Deserialize;
use serde_json::{Map, Value};
use std::{
    collections::BTreeMap,
    fmt::{self, Display},
    sync::Arc,
};

/// The kind of a device, as paths name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Bus {
    /// PCI.
    Pci,
    /// USB.
    Usb,
}

impl Display for Bus {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(match self {
            Bus::Pci => "pci",
            Bus::Usb => "usb",
        })
    }
}

/// A mapping: a device by name, on each node that has one like it.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct Mapping {
    /// Its name.
    #[serde(deserialize_with = "scalar")]
    pub id: String,
    /// Its description.
    #[serde(default, deserialize_with = "scalar")]
    pub description: Option<String>,
    /// Its entries: `node=din,path=0000:01:00.0,id=1000:0097,iommugroup=12`.
    #[serde(default)]
    pub map: Vec<String>,
    /// Of all mappings of its kind together.
    #[serde(default, deserialize_with = "scalar")]
    pub digest: Option<String>,
}

impl Mapping {
    /// The entries by node.
    #[must_use]
    pub fn entries(&self) -> BTreeMap<String, BTreeMap<String, String>> {
        let pairs = |entry: &String| -> BTreeMap<String, String> {
            let pairs = entry.split(',').filter_map(|part| part.split_once('='));
            pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
        };
        let named = |mut entry: BTreeMap<String, String>| Some((entry.remove("node")?, entry));
        self.map.iter().map(pairs).filter_map(named).collect()
    }
}

/// A PCI device of a node. Numbers are hexadecimal, without `0x`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PciDevice {
    /// Its place: `0000:01:00.0`.
    pub slot: String,
    /// Vendor and device: `1000:0097`.
    pub id: String,
    /// Those of its subsystem, if it has one.
    pub subsystem: Option<String>,
    /// What it is: `010700` is a SAS controller.
    pub class: String,
    /// The group of devices that can only be passed on together; nothing without IOMMU.
    pub group: Option<u32>,
    /// What it is called.
    pub name: String,
}

impl PciDevice {
    /// Whether disks are behind it.
    #[must_use]
    pub fn holds_disks(&self) -> bool {
        self.class.starts_with("01")
    }

    fn read(row: &Map<String, Value>) -> PciDevice {
        let text = |key: &str| row.get(key).and_then(String::from_scalar);
        let hex = |key: &str| text(key).map(|text| text.trim_start_matches("0x").to_ascii_lowercase());
        let pair = |vendor: Option<String>, device: Option<String>| Some(format!("{}:{}", vendor?, device?));
        PciDevice {
            slot: text("id").unwrap_or_default(),
            id: pair(hex("vendor"), hex("device")).unwrap_or_default(),
            subsystem: pair(hex("subsystem_vendor"), hex("subsystem_device")),
            class: hex("class").unwrap_or_default(),
            group: row.get("iommugroup").and_then(i64::from_scalar).and_then(|group| group.try_into().ok()),
            name: text("device_name").or_else(|| text("vendor_name")).unwrap_or_default(),
        }
    }
}

impl Display for PciDevice {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "{} at {}", self.id, self.slot)?;
        if self.name.is_empty() { Ok(()) } else { write!(to, " ({})", self.name) }
    }
}

/// A USB device of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsbDevice {
    /// Vendor and product: `0951:1666`.
    pub id: String,
    /// The port that it is plugged into: `1-2.1`.
    pub port: Option<String>,
    /// Its serial number.
    pub serial: Option<String>,
    /// What it is called.
    pub name: String,
}

impl UsbDevice {
    fn read(row: &Map<String, Value>) -> UsbDevice {
        let text = |key: &str| row.get(key).and_then(String::from_scalar).filter(|text| !text.is_empty());
        let hex =
            |key: &str| text(key).map(|text| text.trim_start_matches("0x").to_ascii_lowercase()).unwrap_or_default();
        let port = text("busnum").zip(text("usbpath")).map(|(bus, path)| format!("{bus}-{path}"));
        UsbDevice {
            id: format!("{}:{}", hex("vendid"), hex("prodid")),
            port,
            serial: text("serial"),
            name: text("product").or_else(|| text("manufacturer")).unwrap_or_default(),
        }
    }
}

impl Display for UsbDevice {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "{}", self.id)?;
        if let Some(port) = &self.port {
            write!(to, " at {port}")?;
        }
        if let Some(serial) = &self.serial {
            write!(to, " with serial {serial}")?;
        }
        if self.name.is_empty() { Ok(()) } else { write!(to, " ({})", self.name) }
    }
}

impl Reader {
    /// All mappings of a kind that the credential may see.
    ///
    /// # Errors
    /// If they cannot be listed.
    pub async fn mappings(&self, bus: Bus) -> Result<Arc<Vec<Mapping>>> {
        self.once(Call::get("list", format!("the {bus} mappings"), path(&[&"cluster", &"mapping", &bus]))).await
    }

    /// The PCI devices of a node, without memory controllers, bridges and processors.
    ///
    /// # Errors
    /// If they cannot be listed.
    pub async fn pci_devices(&self, node: &str) -> Result<Vec<PciDevice>> {
        let call =
            Call::get("list", format!("the PCI devices of {node}"), path(&[&"nodes", &node, &"hardware", &"pci"]));
        Ok(self.once::<Vec<Map<String, Value>>>(call).await?.iter().map(PciDevice::read).collect())
    }

    /// The USB devices of a node.
    ///
    /// # Errors
    /// If they cannot be listed.
    pub async fn usb_devices(&self, node: &str) -> Result<Vec<UsbDevice>> {
        let call =
            Call::get("list", format!("the USB devices of {node}"), path(&[&"nodes", &node, &"hardware", &"usb"]));
        Ok(self.once::<Vec<Map<String, Value>>>(call).await?.iter().map(UsbDevice::read).collect())
    }
}

impl Pve {
    /// Makes a mapping. Entries of devices that are not there are accepted: the start of a guest fails then.
    ///
    /// # Errors
    /// If it is refused, such as for a name that is taken.
    pub async fn create_mapping(&self, permit: &Permit, bus: Bus, mapping: &Mapping) -> Result<()> {
        let call = Call::new(Method::Post, "create", object(bus, &mapping.id), path(&[&"cluster", &"mapping", &bus]));
        self.write(permit, call.with(params(Params::new().set("id", &mapping.id), mapping))).await.map(drop)
    }

    /// Changes a mapping: what is given replaces what was there.
    ///
    /// # Errors
    /// If it is refused, such as for a digest that is no longer true.
    pub async fn update_mapping(&self, permit: &Permit, bus: Bus, mapping: &Mapping) -> Result<()> {
        let path = path(&[&"cluster", &"mapping", &bus, &mapping.id]);
        let params = params(Params::new(), mapping).maybe("digest", mapping.digest.as_ref());
        self.write(permit, Call::new(Method::Put, "change", object(bus, &mapping.id), path).with(params))
            .await
            .map(drop)
    }

    /// Removes a mapping. That it is not there is no error; that a guest names it is not noticed.
    ///
    /// # Errors
    /// If it is refused.
    pub async fn delete_mapping(&self, permit: &Permit, bus: Bus, id: &str) -> Result<()> {
        let path = path(&[&"cluster", &"mapping", &bus, &id]);
        self.write(permit, Call::new(Method::Delete, "remove", object(bus, id), path)).await.map(drop)
    }
}

fn object(bus: Bus, id: &str) -> String {
    format!("{bus} mapping {id}")
}

fn params(params: Params, mapping: &Mapping) -> Params {
    let params = mapping.map.iter().fold(params, |params, entry| params.set("map", entry));
    params.maybe("description", mapping.description.as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn devices_are_read_as_they_were_seen() {
        let row = json!({"id": "0000:01:00.0", "class": "0x010700", "vendor": "0x1000", "device": "0x0097",
            "device_name": "SAS3008", "subsystem_vendor": "0x1028", "subsystem_device": "0x1f53", "iommugroup": -1});
        let device = PciDevice::read(row.as_object().unwrap());
        assert_eq!(
            (device.id.as_str(), device.subsystem.as_deref(), device.group),
            ("1000:0097", Some("1028:1f53"), None)
        );
        assert!(device.holds_disks());
        assert_eq!(device.to_string(), "1000:0097 at 0000:01:00.0 (SAS3008)");
        let row = json!({"busnum": 1, "usbpath": "2.1", "vendid": "0x0951", "prodid": "0x1666", "serial": "A1", "product": "Stick"});
        let device = UsbDevice::read(row.as_object().unwrap());
        assert_eq!(device.to_string(), "0951:1666 at 1-2.1 with serial A1 (Stick)");
    }
}
