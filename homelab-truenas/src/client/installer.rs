//! The installer of TrueNAS, as its ISO runs it: JSON-RPC 2.0 over a plain WebSocket on port 80 (notes section 10, and `API.md` of
//! truenas-installer).
//!
//! It is never told a password, for it has no TLS: the system is installed without an administrator, who is made at the first meeting
//! over TLS ([`set_up`](super::setup)). It is not adopted either: whoever lost the key of an adopted one could not go on. What the
//! methods are and what they take is read from its source; that the service runs on each retail ISO was not tried.
use super::{address::Address, line::Line, line::Outgoing, pause_after};
use crate::rpc::{Install, Installed, Progress, Refusal, RpcError, Watch};
use homelab_core::{tls::Trust, units::Size};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::{broadcast, mpsc, oneshot},
    time::{Instant, sleep, timeout},
};
use uuid::Uuid;

/// How long an answer is waited for that takes no time.
const ANSWER: Duration = Duration::from_secs(60);
/// How long an installation may take: minutes on an SSD.
const LIMIT: Duration = Duration::from_secs(3600);
/// How many news of the progress are kept for somebody who is slow to listen.
const NEWS: usize = 64;
/// The pools of an installed system.
const SYSTEMS: [&str; 2] = ["boot-pool", "freenas-boot"];

/// A disk that the installer sees. It tells no serial numbers.
#[derive(Debug, Deserialize)]
struct Target {
    name: String,
    #[serde(default)]
    size: u64,
    #[serde(default)]
    model: String,
    #[serde(default)]
    zfs_members: Vec<Member>,
    #[serde(default)]
    removable: bool,
}

#[derive(Debug, Deserialize)]
struct Member {
    #[serde(default)]
    pool: String,
}

#[derive(Debug, Deserialize)]
struct Info {
    #[serde(default)]
    installation_running: bool,
}

/// Drives the installer from wherever it is to the restart into what it installed.
pub(super) async fn install(at: &Address, wish: &Install, watch: &mut Watch<'_>) -> Result<Installed, RpcError> {
    let began = Instant::now();
    loop {
        let talk = match Talk::open(at).await {
            Ok(talk) => talk,
            // Nothing is there, or something that is no installer: an installed system answers on this port too.
            Err(RpcError::Unreached { .. }) => return Ok(Installed::Nowhere),
            Err(other) => return Err(other),
        };
        match talk.through(wish, watch).await {
            // The installation goes on without us, and is found again.
            Err(RpcError::Lost { .. }) if began.elapsed() < LIMIT => sleep(pause_after(began.elapsed())).await,
            other => return other,
        }
    }
}

struct Talk<'a> {
    at: &'a Address,
    out: mpsc::Sender<Outgoing>,
    news: broadcast::Sender<Arc<Value>>,
}

impl<'a> Talk<'a> {
    async fn open(at: &'a Address) -> Result<Talk<'a>, RpcError> {
        let (news, _) = broadcast::channel(NEWS);
        let out = Line { address: at, trust: &Trust::System }.open("/ws", news.clone()).await?;
        Ok(Talk { at, out, news })
    }

    fn lost(&self, reason: &str) -> RpcError {
        RpcError::Lost { host: format!("the installer at {}", self.at), reason: reason.to_owned() }
    }

    async fn call<T: DeserializeOwned>(
        &self,
        method: &str,
        params: Vec<Value>,
        within: Duration,
    ) -> Result<T, RpcError> {
        let id = Uuid::new_v4().to_string();
        let text = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}).to_string();
        let (answer, answered) = oneshot::channel();
        let sent = self.out.send(Outgoing { id, text, answer }).await;
        sent.map_err(|_| self.lost("the connection ended"))?;
        let message = match timeout(within, answered).await {
            Ok(Ok(message)) => message,
            Ok(Err(_)) => return Err(self.lost("the connection ended")),
            Err(_) => return Err(self.lost(&format!("nothing came for {} seconds", within.as_secs()))),
        };
        if let Some(error) = message.get("error") {
            let text = error.get("message").and_then(Value::as_str).unwrap_or("without a reason");
            return Err(refused(format!("the installer refuses {method}: {text}")));
        }
        serde_json::from_value(message.get("result").cloned().unwrap_or_default())
            .map_err(|problem| refused(format!("the installer's answer to {method} makes no sense: {problem}")))
    }

    async fn through(&self, wish: &Install, watch: &mut Watch<'_>) -> Result<Installed, RpcError> {
        if self.call::<bool>("is_adopted", vec![], ANSWER).await? {
            return Err(refused(
                "the installer was taken over by somebody else: restart the guest, and run again".into(),
            ));
        }
        let began = Instant::now();
        while self.call::<Info>("system_info", vec![], ANSWER).await?.installation_running {
            if began.elapsed() >= LIMIT {
                return Err(refused(format!("an installation is still running after {} seconds", LIMIT.as_secs())));
            }
            watch(&Progress { percent: None, description: Some("an installation is running".into()) });
            sleep(pause_after(began.elapsed())).await;
        }
        let disks: Vec<Target> = self.call("list_disks", vec![], ANSWER).await?;
        let disk = choose(&disks, wish).map_err(refused)?;
        let holds_system = disk.zfs_members.iter().any(|member| SYSTEMS.contains(&member.pool.as_str()));
        if !holds_system {
            let interfaces: Vec<Value> = match wish.address {
                Some(_) => self.call("list_network_interfaces", vec![], ANSWER).await?,
                None => vec![],
            };
            self.installed(body(disk, wish, &interfaces)?, watch).await?;
        }
        // What it installed may start before this is answered.
        match self.call::<Value>("reboot", vec![], ANSWER).await {
            Ok(_) | Err(RpcError::Lost { .. }) => {}
            Err(other) => return Err(other),
        }
        Ok(if holds_system { Installed::Restarted } else { Installed::Made })
    }

    /// Installs, and tells how far it is.
    async fn installed(&self, body: Value, watch: &mut Watch<'_>) -> Result<(), RpcError> {
        let mut news = self.news.subscribe();
        let mut done = std::pin::pin!(self.call::<Value>("install", vec![body], LIMIT));
        loop {
            let heard = tokio::select! {
                ended = &mut done => return ended.map(|_| ()),
                heard = news.recv() => heard,
            };
            if let Ok(heard) = heard {
                let percent = heard.get("progress").and_then(Value::as_f64);
                // The source counts to 1.
                let percent = percent.map(|part| if part <= 1.0 { part * 100.0 } else { part });
                let description = heard.get("message").and_then(Value::as_str).map(str::to_owned);
                watch(&Progress { percent, description });
            }
        }
    }
}

fn refused(reason: String) -> RpcError {
    RpcError::Refused(Refusal { reason, ..Refusal::default() })
}

/// The disk that gets the system. There must be exactly one of its size and model, and no data on it: which is which nothing else tells.
fn choose<'a>(disks: &'a [Target], wish: &Install) -> Result<&'a Target, String> {
    let fits =
        |disk: &&Target| !disk.removable && disk.size == wish.disk.as_bytes() && disk.model.contains(&wish.model);
    let seen = || {
        let one = |disk: &Target| format!("{} ({}, {})", disk.name, disk.model, Size::bytes(disk.size).about());
        let all: Vec<String> = disks.iter().map(one).collect();
        if all.is_empty() { "no disk at all".to_owned() } else { all.join(", ") }
    };
    let wanted = format!("a {} of {}", wish.model, wish.disk.about());
    let mut fitting = disks.iter().filter(fits);
    let (Some(disk), None) = (fitting.next(), fitting.next()) else {
        return Err(format!(
            "the system is to be installed on {wanted}, and the installer sees not exactly one: {}",
            seen()
        ));
    };
    let foreign = disk.zfs_members.iter().find(|member| !SYSTEMS.contains(&member.pool.as_str()));
    match foreign {
        Some(member) => {
            Err(format!("{} is {wanted} and holds the pool {}: it is not installed over", disk.name, member.pool))
        }
        None => Ok(disk),
    }
}

/// What `install` is told. The first interface gets the address; without one all go by DHCP.
fn body(disk: &Target, wish: &Install, interfaces: &[Value]) -> Result<Value, RpcError> {
    let mut body = json!({"disks": [disk.name], "set_pmbr": false, "authentication": null});
    if let Some((address, prefix)) = wish.address {
        let first = interfaces.first().and_then(|one| one.get("name"));
        let first = first.ok_or_else(|| refused("the installer sees no network interface".into()))?;
        let alias = json!({"type": "INET", "address": address.to_string(), "netmask": prefix});
        body["post_install"] = json!({"network_interfaces": [{"name": first, "aliases": [alias], "ipv4_dhcp": false}]});
    }
    Ok(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn disk(name: &str, size: u64, model: &str, pool: Option<&str>) -> Target {
        let zfs_members = pool.into_iter().map(|pool| Member { pool: pool.to_owned() }).collect();
        Target { name: name.into(), size, model: model.into(), zfs_members, removable: false }
    }

    #[test]
    fn only_the_one_disk_that_is_meant_is_installed_on_and_never_one_with_data() {
        let wish = Install { disk: Size::gib(32), model: "QEMU HARDDISK".into(), address: None };
        let boot = || disk("sda", 32 << 30, "QEMU HARDDISK", None);
        let data = || disk("sdb", 8_000_000_000_000, "WDC WD80EFAX", Some("bulk"));
        assert_eq!(choose(&[data(), boot()], &wish).unwrap().name, "sda");
        assert!(choose(&[data()], &wish).unwrap_err().contains("sees not exactly one: sdb (WDC WD80EFAX"));
        assert!(choose(&[boot(), disk("sdc", 32 << 30, "QEMU HARDDISK", None)], &wish).is_err());
        let full = disk("sda", 32 << 30, "QEMU HARDDISK", Some("tank"));
        assert!(choose(&[full], &wish).unwrap_err().ends_with("holds the pool tank: it is not installed over"));
        let again = disk("sda", 32 << 30, "QEMU HARDDISK", Some("boot-pool"));
        assert!(choose(&[again], &wish).is_ok(), "it is started and not installed again");
    }
}
