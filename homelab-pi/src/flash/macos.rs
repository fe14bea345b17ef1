//! What macOS knows of a device: `diskutil info -plist`.
use super::device::{Device, Mount};

/// Reads what `diskutil info -plist diskN` and `diskutil list -plist diskN` printed. macOS tells no serial numbers of cards; the name of
/// the medium and its size stand in for it.
#[must_use]
pub fn parse_diskutil(info: &str, list: &str) -> Option<Device> {
    let text =
        |key: &str| value(info, key).and_then(|v| Some(v.strip_prefix("<string>")?.split('<').next()?.to_owned()));
    let flag = |key: &str| value(info, key).is_some_and(|v| v.starts_with("<true/>"));
    let size = value(info, "Size").and_then(|v| v.strip_prefix("<integer>")?.split('<').next()?.parse().ok())?;
    let node = text("DeviceIdentifier")?;
    let mounts = all(list, "MountPoint").into_iter().chain(text("MountPoint")).filter(|at| !at.is_empty());
    let mut mounts: Vec<Mount> = mounts.map(|at| Mount { device: node.clone(), at }).collect();
    mounts.dedup();
    let virtual_ = text("VirtualOrPhysical").is_some_and(|v| v == "Virtual");
    Some(Device {
        path: format!("/dev/r{node}").into(),
        model: text("MediaName").unwrap_or_default(),
        size,
        part_of: (!flag("WholeDisk")).then(|| format!("/dev/{}", text("ParentWholeDisk").unwrap_or_default())),
        is_removable: !flag("Internal") || flag("RemovableMedia"),
        is_virtual: virtual_,
        is_read_only: !flag("WritableMedia"),
        mounts,
        ..Device::default()
    })
}

/// The element after a key.
fn value<'a>(plist: &'a str, key: &str) -> Option<&'a str> {
    let (_, after) = plist.split_once(&format!("<key>{key}</key>"))?;
    Some(after.trim_start())
}

/// Every string after a key.
fn all(plist: &str, key: &str) -> Vec<String> {
    let key = format!("<key>{key}</key>");
    let after = plist.split(&key).skip(1);
    let text = |part: &str| Some(part.trim_start().strip_prefix("<string>")?.split('<').next()?.to_owned());
    after.filter_map(text).collect()
}
