//! Devices of a node that are passed to a guest: found by what they are or where they are, mapped by name, moved into one guest.
mod group;
mod pci;
mod usb;

pub use pci::{Pci, PciMapping, PciMappingOutputs, PciMappingState, PciOn};
pub use usb::{Usb, UsbMapping, UsbMappingOutputs, UsbMappingState, UsbOn};

use crate::{
    Pve,
    api::{Bus, Mapping},
    client::Reader,
    resource::mark,
};
use homelab_core::{Apply, Failure, Mark, Owner};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, sync::Arc};

/// What a mapping has for one node, as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EntryState {
    /// Vendor and device.
    pub device: Option<String>,
    /// Its place.
    pub path: Option<String>,
    /// What does not fit the devices that the node has.
    pub problem: Option<String>,
}

/// What a mapping is found by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MappingId {
    /// Its name.
    pub id: String,
}

/// The name of a mapping, refused where it is written if it is none.
#[track_caller]
fn checked(name: String) -> String {
    let fits = name.len() >= 2
        && name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    assert!(fits, "`{name}` is no name of a mapping: a letter, then letters, digits, `-` and `_`, two at least");
    name
}

/// Vendor and device in hexadecimal, refused where they are written if they are none.
#[track_caller]
fn checked_id(id: &str) -> String {
    let hex = |part: &str| part.len() == 4 && part.bytes().all(|byte| byte.is_ascii_hexdigit());
    let fits = id.split_once(':').is_some_and(|(vendor, device)| hex(vendor) && hex(device));
    assert!(fits, "`{id}` is no vendor and device: write them as `lspci -nn` and `lsusb` do, `1000:0097`");
    id.to_ascii_lowercase()
}

/// The mapping of this name.
async fn named(reader: &Reader, bus: Bus, id: &str) -> Result<Option<Mapping>, Failure> {
    let all: Arc<Vec<Mapping>> = reader.mappings(bus).await?;
    Ok(all.iter().find(|mapping| mapping.id == id).cloned())
}

fn owner(mapping: &Mapping) -> Owner {
    mark::of_comment(mapping.description.as_deref()).map_or(Owner::Unmarked, Owner::Marked)
}

/// Writes a mapping with these entries, marked as ours.
async fn write(
    cx: &Apply<'_, Pve>,
    bus: Bus,
    id: &str,
    entries: BTreeMap<String, BTreeMap<&'static str, String>>,
) -> Result<(), Failure> {
    let line = |(node, entry): (String, BTreeMap<&'static str, String>)| {
        entry.into_iter().fold(format!("node={node}"), |line, (key, value)| format!("{line},{key}={value}"))
    };
    let map: Vec<String> = entries.into_iter().map(line).collect();
    let description = Some(mark::comment("", cx.mark()));
    let before = named(cx, bus, id).await?;
    let digest = before.as_ref().and_then(|mapping| mapping.digest.clone());
    let mapping = Mapping { id: id.to_owned(), description, map, digest };
    match before {
        None => cx.create_mapping(cx.permit(), bus, &mapping).await?,
        Some(_) => cx.update_mapping(cx.permit(), bus, &mapping).await?,
    }
    Ok(())
}

/// Every mapping of a kind that bears the mark of a lab.
async fn marked(reader: &Reader, bus: Bus) -> Result<Vec<(Mapping, Mark)>, Failure> {
    let all = reader.mappings(bus).await?;
    let with_mark = |mapping: &Mapping| Some((mapping.clone(), mark::of_comment(mapping.description.as_deref())?));
    Ok(all.iter().filter_map(with_mark).collect())
}
