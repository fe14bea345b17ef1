//! [`Interface`]: the addresses of a network interface, tried before they are kept.
use super::row::at_site;
use crate::{Nas, NasReader};
use homelab_core::{
    Apply, Claim, Failure, Lock, Look, NoOutputs, Resource, Site,
    plan::{Action, Change, Note, NoteKind},
    units::HostAddr,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// For how many seconds new settings are tried: unless the NAS is reached and told to keep them, it goes back by itself.
const TRIAL: u64 = 60;

/// A network interface: addresses, or DHCP, and how large its frames are.
///
/// A change is staged, committed on trial and then confirmed. A NAS that cannot be reached afterwards goes back to what it had
/// within a minute.
#[derive(Debug, Serialize)]
pub struct Interface {
    aliases: BTreeSet<String>,
    ipv4_dhcp: bool,
    mtu: Option<u32>,
    /// What is staged and not committed, or on trial and not confirmed, is to be finished.
    settled: bool,
    #[serde(skip)]
    interface: String,
    #[serde(skip)]
    hosts: Vec<HostAddr>,
    #[serde(skip)]
    name: String,
    #[serde(skip)]
    site: Site<Nas>,
}

/// An interface without addresses.
#[derive(Clone, Debug)]
pub struct InterfaceOf(String);

impl Interface {
    /// The interface of this name: `enp2s0`.
    #[must_use]
    pub fn named(name: impl Into<String>) -> InterfaceOf {
        InterfaceOf(name.into())
    }
    /// Also this address.
    #[must_use]
    pub fn at(mut self, address: HostAddr) -> Interface {
        self.aliases.insert(address.to_string());
        self.hosts.push(address);
        self
    }
    /// Frames of this size: 9000 on a network of storage, if every machine on it has the same.
    ///
    /// # Panics
    /// Outside 1280 to 9216.
    #[must_use]
    #[track_caller]
    pub fn mtu(mut self, bytes: u32) -> Interface {
        assert!((1280..=9216).contains(&bytes), "an MTU is 1280 to 9216 bytes");
        self.mtu = Some(bytes);
        self
    }
}

impl InterfaceOf {
    /// On this NAS, with this address.
    #[must_use]
    pub fn on(self, site: Site<Nas>, address: HostAddr) -> Interface {
        let name = at_site(site, &self.0);
        let empty = Interface {
            aliases: BTreeSet::new(),
            ipv4_dhcp: false,
            mtu: None,
            settled: true,
            interface: self.0,
            hosts: vec![],
            name,
            site,
        };
        empty.at(address)
    }
}

/// An interface as it was observed.
#[derive(Clone, Debug, Serialize)]
pub struct InterfaceState {
    aliases: BTreeSet<String>,
    ipv4_dhcp: bool,
    mtu: Option<u32>,
    settled: bool,
    #[serde(skip)]
    interface: String,
}

#[derive(Deserialize)]
struct Listed {
    name: String,
    #[serde(default)]
    aliases: Vec<Alias>,
    #[serde(default)]
    ipv4_dhcp: bool,
    #[serde(default)]
    mtu: Option<u32>,
}

#[derive(Deserialize)]
struct Alias {
    address: String,
    netmask: Value,
}

async fn interface(nas: &NasReader, name: &str) -> Result<Option<InterfaceState>, Failure> {
    let Some(rows) = nas.query::<Listed>("interface.query").await? else { return Ok(None) };
    let Some(row) = rows.iter().find(|row| row.name == name) else {
        let seen: Vec<&str> = rows.iter().map(|row| row.name.as_str()).collect();
        return Err(
            Failure::new(format!("the NAS has no interface `{name}`")).hint(format!("it has {}", seen.join(", ")))
        );
    };
    let aliases: BTreeSet<String> = row.aliases.iter().map(|at| format!("{}/{}", at.address, at.netmask)).collect();
    let pending = nas.once::<bool>("interface.has_pending_changes", vec![]).await?;
    let trial = nas.once::<Option<f64>>("interface.checkin_waiting", vec![]).await?;
    let settled = pending.is_none_or(|pending| !*pending) && trial.is_none_or(|seconds| seconds.is_none());
    // One without any address of its own was set by nobody.
    let untouched = settled && aliases.is_empty() && row.mtu.is_none();
    let state = InterfaceState { aliases, ipv4_dhcp: row.ipv4_dhcp, mtu: row.mtu, settled, interface: name.to_owned() };
    Ok((!untouched).then_some(state))
}

impl Resource for Interface {
    const KIND: &'static str = "truenas/interface";
    type Provider = Nas;
    type State = InterfaceState;
    type Id = String;
    type Outputs = NoOutputs;

    fn name(&self) -> &str {
        &self.name
    }
    fn site(&self) -> Site<Nas> {
        self.site
    }
    fn claims(&self) -> Vec<Claim> {
        vec![Claim::new("interface", &self.interface).within(self.site.name())]
    }
    fn locks(&self) -> Vec<Lock> {
        // What is staged is staged for all interfaces at once.
        vec![Lock::exclusive(format!("{}/interfaces", self.site.name()))]
    }
    fn review(&self, now: Option<&InterfaceState>, action: Action, changes: &[Change]) -> Vec<Note> {
        let loses = now.filter(|_| action != Action::Keep && changes.iter().any(|change| change.top() == "aliases"));
        let gone = loses.into_iter().flat_map(|now| now.aliases.difference(&self.aliases));
        gone.map(|address| {
            Note::new(NoteKind::Downtime, format!("{address} is given up; it comes back by itself if the NAS is lost"))
        })
        .collect()
    }
    async fn read(&self, cx: &Look<'_, Nas>) -> Result<Option<InterfaceState>, Failure> {
        interface(cx, &self.interface).await
    }
    async fn find(name: &String, cx: &Look<'_, Nas>) -> Result<Option<InterfaceState>, Failure> {
        interface(cx, name).await
    }
    fn id(state: &InterfaceState) -> String {
        state.interface.clone()
    }
    fn planned_id(&self) -> Option<String> {
        Some(self.interface.clone())
    }
    async fn apply(&self, _: Option<&InterfaceState>, cx: &Apply<'_, Nas>) -> Result<(), Failure> {
        let alias =
            |host: &HostAddr| json!({"type": "INET", "address": host.ip().to_string(), "netmask": host.prefix()});
        let mut body = json!({"ipv4_dhcp": false, "aliases": self.hosts.iter().map(alias).collect::<Vec<_>>()});
        if let Some(mtu) = self.mtu {
            body["mtu"] = mtu.into();
        }
        commit(cx, &self.interface, body).await
    }
    async fn delete(state: &InterfaceState, cx: &Apply<'_, Nas>) -> Result<(), Failure> {
        commit(cx, &state.interface, json!({"aliases": [], "mtu": null})).await
    }
}

/// Stages a change, tries it, and confirms it over whatever connection there is then.
async fn commit(cx: &Apply<'_, Nas>, interface: &str, body: Value) -> Result<(), Failure> {
    cx.write(cx.permit(), "interface.update", vec![json!(interface), body]).await?;
    cx.progress("tries the new addresses", None);
    let trial = json!({"rollback": true, "checkin_timeout": TRIAL});
    match cx.write(cx.permit(), "interface.commit", vec![trial]).await {
        // The connection may end with the old address: that is expected.
        Err(error) if error.may_have_happened() => {}
        other => drop(other?),
    }
    cx.write(cx.permit(), "interface.checkin", vec![]).await?;
    Ok(())
}
