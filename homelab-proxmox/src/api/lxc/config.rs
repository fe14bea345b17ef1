//! A container's configuration as `GET /nodes/N/lxc/ID/config` answers it.
use super::{Device, Features, LxcNet, Mount};
use crate::api::{
    keys::Keys,
    property::{ConfigError, Other},
    qemu::{Description, Startup},
    tags::Tags,
    volume::VolumeId,
};
use serde::{Deserialize, Deserializer, de::Error as _};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// The configuration of one container. An option that is absent is at its default; what is not modelled is in
/// [`other`](LxcConfig::other).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LxcConfig {
    /// The SHA-1 of the configuration: send it with an update, and the server refuses if somebody else was faster.
    pub digest: Option<String>,
    /// The host name.
    pub hostname: Option<String>,
    /// The notes.
    pub description: Option<Description>,
    /// The tags.
    pub tags: Option<Tags>,
    /// What holds the configuration: `create`, `backup` and so on. It can outlive a crashed task.
    pub lock: Option<String>,
    /// Whether this is a template.
    pub template: bool,
    /// Whether the server refuses to destroy it.
    pub protection: Option<bool>,
    /// Whether it starts with its node.
    pub onboot: Option<bool>,
    /// Its place in that order.
    pub startup: Option<Startup>,
    /// Processors that it may use; absent: all.
    pub cores: Option<u32>,
    /// Memory in MiB.
    pub memory: Option<u64>,
    /// Swap in MiB.
    pub swap: Option<u64>,
    /// Whether its root is nobody on the node. Absent: no.
    pub unprivileged: bool,
    /// What it may do beyond the ordinary.
    pub features: Option<Features>,
    /// The volume with the system.
    pub rootfs: Option<Mount>,
    /// What is mounted, by number.
    pub mounts: BTreeMap<u16, Mount>,
    /// Devices of the node that it sees, by number.
    pub devices: BTreeMap<u16, Device>,
    /// Network devices, by number.
    pub nets: BTreeMap<u16, LxcNet>,
    /// Volumes that are mounted nowhere.
    pub unused: BTreeMap<u16, VolumeId>,
    /// Name servers, separated by blanks.
    pub nameserver: Option<String>,
    /// Where short names are looked for.
    pub searchdomain: Option<String>,
    /// The distribution, as the server recognised it.
    pub ostype: Option<String>,
    /// All other options as text.
    pub other: Other,
}

impl LxcConfig {
    /// Reads the `data` of an answer.
    ///
    /// # Errors
    /// If the value of an option that is modelled cannot be read; the error names the option.
    pub fn read(data: &Map<String, Value>) -> Result<Self, ConfigError> {
        let mut keys = Keys::of(data);
        Ok(LxcConfig {
            digest: keys.take("digest"),
            hostname: keys.take("hostname"),
            description: keys.parsed("description")?,
            tags: keys.parsed("tags")?,
            lock: keys.take("lock"),
            template: keys.flag("template")?.unwrap_or(false),
            protection: keys.flag("protection")?,
            onboot: keys.flag("onboot")?,
            startup: keys.parsed("startup")?,
            cores: keys.number("cores")?,
            memory: keys.number("memory")?,
            swap: keys.number("swap")?,
            unprivileged: keys.flag("unprivileged")?.unwrap_or(false),
            features: keys.parsed("features")?,
            rootfs: keys.parsed("rootfs")?,
            mounts: keys.numbered("mp")?,
            devices: keys.numbered("dev")?,
            nets: keys.numbered("net")?,
            unused: keys.numbered("unused")?,
            nameserver: keys.take("nameserver"),
            searchdomain: keys.take("searchdomain"),
            ostype: keys.take("ostype"),
            other: keys.rest(),
        })
    }
}

impl<'de> Deserialize<'de> for LxcConfig {
    /// Reads an answer of the API.
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        LxcConfig::read(&Map::deserialize(from)?).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_configuration_is_read_whatever_the_json_types() {
        let config = json!({
            "hostname": "example", "memory": "512", "swap": 512, "unprivileged": 1, "features": "nesting=1",
            "rootfs": "local-lvm:vm-202-disk-0,size=8G", "mp0": "local-lvm:vm-202-disk-1,mp=/data,size=100G",
            "net0": "name=eth0,bridge=vmbr0,hwaddr=BC:24:11:00:00:01,ip=192.168.0.204/24,gw=192.168.0.1,tag=20,type=veth",
            "dev0": "/dev/dri/renderD128,gid=104", "unused0": "local-lvm:vm-202-disk-9", "ostype": "debian", "arch": "amd64",
        });
        let config = LxcConfig::read(config.as_object().unwrap()).unwrap();
        assert_eq!((config.memory, config.swap, config.unprivileged), (Some(512), Some(512), true));
        assert_eq!(config.mounts[&0].path.as_deref(), Some("/data"));
        assert_eq!(config.nets[&0].tag, Some(20));
        assert_eq!(config.devices[&0].path, "/dev/dri/renderD128");
        assert!(config.features.unwrap().on("nesting"));
        assert_eq!(config.other.keys().collect::<Vec<_>>(), ["arch"]);
    }
}
