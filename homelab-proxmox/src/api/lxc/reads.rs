//! Reading a container: configuration, pending changes, state, addresses.
use super::LxcConfig;
use crate::{
    api::{
        lenient::FromScalar,
        qemu::{Pending, Status},
    },
    client::{
        Reader,
        call::{Call, container_path, guest},
    },
    error::Result,
};
use serde_json::{Map, Value};
use std::{net::IpAddr, sync::Arc};

/// A network interface inside a running container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContainerInterface {
    /// Its name: `eth0`.
    pub name: String,
    /// Its addresses, without prefix length.
    pub addresses: Vec<IpAddr>,
}

impl ContainerInterface {
    fn read(row: &Map<String, Value>) -> Self {
        let address = |key: &str| row.get(key)?.as_str()?.split('/').next()?.parse().ok();
        ContainerInterface {
            name: row.get("name").and_then(String::from_scalar).unwrap_or_default(),
            addresses: ["inet", "inet6"].into_iter().filter_map(address).collect(),
        }
    }
}

impl Reader {
    /// A container's configuration with what is pending merged in: what it was told to be.
    ///
    /// # Errors
    /// If it cannot be read.
    pub async fn container_config(&self, node: &str, vmid: u32) -> Result<Arc<LxcConfig>> {
        let what = format!("the configuration of {}", guest(node, vmid));
        self.once(Call::get("read", what, container_path(node, vmid, "config"))).await
    }

    /// What waits for the next start of a container; nothing if it is up to date.
    ///
    /// # Errors
    /// If it cannot be read.
    pub async fn container_pending(&self, node: &str, vmid: u32) -> Result<Vec<Pending>> {
        let what = format!("the pending changes of {}", guest(node, vmid));
        let all = self.once::<Vec<Pending>>(Call::get("read", what, container_path(node, vmid, "pending"))).await?;
        Ok(all.iter().filter(|option| option.is_change()).cloned().collect())
    }

    /// The state of a container, always fresh.
    ///
    /// # Errors
    /// If it cannot be read.
    pub async fn container_status(&self, node: &str, vmid: u32) -> Result<Status> {
        let what = format!("the state of {}", guest(node, vmid));
        self.fresh(Call::get("read", what, container_path(node, vmid, "status/current"))).await
    }

    /// The network interfaces of a running container, always fresh; none while it is off.
    ///
    /// # Errors
    /// If they cannot be read.
    pub async fn container_interfaces(&self, node: &str, vmid: u32) -> Result<Vec<ContainerInterface>> {
        let what = format!("the addresses of {}", guest(node, vmid));
        let rows: Option<Vec<Map<String, Value>>> =
            self.fresh(Call::get("read", what, container_path(node, vmid, "interfaces"))).await?;
        Ok(rows.unwrap_or_default().iter().map(ContainerInterface::read).collect())
    }
}
