//! `/nodes/{node}/network`: interfaces, and what is staged until it is loaded.
use super::FromScalar;
use crate::{
    Error, Pve,
    client::{Params, Reader, Task, call::Call, call::path},
    error::Result,
    http::Method,
};
use homelab_core::Permit;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// Lists, which the server separates in more than one way.
const LISTS: [&str; 3] = ["bridge_ports", "bridge_vids", "slaves"];

/// An interface of a node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Interface {
    /// Its name.
    pub name: String,
    /// What is set, by the API's names; lists with one space between their words.
    pub options: BTreeMap<String, String>,
}

impl Interface {
    fn read(row: &Map<String, Value>) -> Option<Interface> {
        let text = |key: &str| row.get(key).and_then(String::from_scalar);
        let mut options = BTreeMap::new();
        for key in
            row.keys().filter(|key| !["iface", "priority", "active", "exists", "families"].contains(&key.as_str()))
        {
            let Some(value) = text(key) else { continue };
            let value = if LISTS.contains(&key.as_str()) { words(&value).join(" ") } else { value.trim().to_owned() };
            // A switch that is off is as good as absent.
            let off = value == "0" && ["bridge_vlan_aware", "autostart"].contains(&key.as_str());
            if !value.is_empty() && !off {
                options.insert(key.clone(), value);
            }
        }
        Some(Interface { name: text("iface")?, options })
    }

    /// An option's value.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.options.get(key).map(String::as_str)
    }

    /// The interfaces that it stands on: ports, the parts of a bond, what a VLAN is on.
    #[must_use]
    pub fn below(&self) -> BTreeSet<String> {
        let listed = ["bridge_ports", "slaves"].into_iter().filter_map(|key| self.get(key)).flat_map(words);
        let dotted = self.name.rsplit_once('.').map(|(device, _)| device.to_owned());
        let raw = self.get("vlan-raw-device").map(str::to_owned);
        listed.chain(dotted).chain(raw).collect()
    }
}

/// The words of a list, sorted.
pub(crate) fn words(list: &str) -> Vec<String> {
    let mut words: Vec<String> =
        list.split([',', ' ', ';', '\t']).filter(|word| !word.is_empty()).map(str::to_owned).collect();
    words.sort_by_key(|word| (word.parse::<u32>().unwrap_or(u32::MAX), word.clone()));
    words
}

/// The network of a node as it is configured: what is staged counts already.
#[derive(Clone, Debug, Default)]
pub struct Interfaces {
    /// The interfaces, by name.
    pub all: BTreeMap<String, Interface>,
    /// What is staged and not loaded, a diff of `/etc/network/interfaces`.
    pub staged: Option<String>,
}

fn list(node: &str) -> String {
    path(&[&"nodes", &node, &"network"])
}

fn one(node: &str, name: &str) -> String {
    path(&[&"nodes", &node, &"network", &name])
}

fn object(node: &str) -> String {
    format!("the network of {node}")
}

impl Reader {
    /// The network of a node. Never remembered: it changes under whoever works on it.
    ///
    /// # Errors
    /// If the call fails.
    pub async fn interfaces(&self, node: &str) -> Result<Interfaces> {
        let call = Call::get("read", object(node), list(node));
        let answer = self.core.call(&call).await?;
        let staged = answer.changes.clone().filter(|text| !text.trim().is_empty());
        let rows: Vec<Map<String, Value>> =
            answer.decode().map_err(|cause| Error::new(call.operation, &call.object, cause, 1))?;
        let all = rows.iter().filter_map(Interface::read).map(|found| (found.name.clone(), found)).collect();
        Ok(Interfaces { all, staged })
    }
}

impl Pve {
    /// Stages a new interface.
    ///
    /// # Errors
    /// If the call fails.
    pub async fn stage_new(&self, permit: &Permit, node: &str, name: &str, options: Params) -> Result<()> {
        let call = Call::new(Method::Post, "stage", format!("{name} of {node}"), list(node));
        let params = options.iter().fold(Params::new().set("iface", name), |all, (key, value)| all.set(key, value));
        self.write(permit, call.with(params)).await.map(drop)
    }

    /// Stages a change of an interface. The server wants its type again; what is not named stays.
    ///
    /// # Errors
    /// If the call fails.
    pub async fn stage_change(&self, permit: &Permit, node: &str, name: &str, options: Params) -> Result<()> {
        let call = Call::new(Method::Put, "stage a change of", format!("{name} of {node}"), one(node, name));
        self.write(permit, call.with(options)).await.map(drop)
    }

    /// Stages the removal of an interface.
    ///
    /// # Errors
    /// If the call fails.
    pub async fn stage_removal(&self, permit: &Permit, node: &str, name: &str) -> Result<()> {
        let call = Call::new(Method::Delete, "stage the removal of", format!("{name} of {node}"), one(node, name));
        self.write(permit, call).await.map(drop)
    }

    /// Throws away all that is staged.
    ///
    /// # Errors
    /// If the call fails.
    pub async fn unstage(&self, permit: &Permit, node: &str) -> Result<()> {
        let call = Call::new(Method::Delete, "throw away what is staged in", object(node), list(node));
        self.write(permit, call).await.map(drop)
    }

    /// Loads all that is staged, whoever staged it.
    ///
    /// # Errors
    /// If the call fails.
    pub async fn reload_network(&self, permit: &Permit, node: &str) -> Result<Task> {
        self.start(permit, Call::new(Method::Put, "load", object(node), list(node))).await
    }
}
