//! Reading a QEMU guest: configuration, pending changes, state, addresses, running tasks.
use super::QemuConfig;
use crate::{
    api::{FromScalar, scalar},
    client::{
        Params, Reader, Upid,
        call::{Call, guest, guest_path, path},
    },
    error::Result,
};
use serde::{Deserialize, Deserializer, de::Error as _};
use serde_json::{Map, Value};
use std::{net::IpAddr, sync::Arc};

impl<'de> Deserialize<'de> for QemuConfig {
    /// Reads an answer of the API.
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        QemuConfig::read(&Map::deserialize(from)?).map_err(D::Error::custom)
    }
}

/// One option of a guest whose change waits for the next start.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Pending {
    /// The option.
    #[serde(deserialize_with = "scalar")]
    pub key: String,
    /// What holds now.
    #[serde(default, deserialize_with = "scalar")]
    pub value: Option<String>,
    /// What will hold.
    #[serde(default, deserialize_with = "scalar")]
    pub pending: Option<String>,
    /// Whether it will be gone.
    #[serde(default, deserialize_with = "removed")]
    pub delete: bool,
}

/// 1 is removed, 2 removed with force.
fn removed<'de, D: Deserializer<'de>>(from: D) -> Result<bool, D::Error> {
    Ok(scalar::<_, Option<u64>>(from)?.is_some_and(|how| how > 0))
}

impl Pending {
    pub(in crate::api) fn is_change(&self) -> bool {
        self.pending.is_some() || self.delete
    }
}

/// Whether a guest runs, as its node sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Power {
    /// It is off.
    Stopped,
    /// It runs.
    Running,
    /// It runs, and its processors are halted.
    Paused,
}

/// The state of a guest.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Status {
    /// `running` or `stopped`.
    #[serde(deserialize_with = "scalar")]
    pub status: String,
    /// QEMU's own word: `paused`, `prelaunch`.
    #[serde(default, deserialize_with = "scalar")]
    pub qmpstatus: Option<String>,
    /// What holds the configuration.
    #[serde(default, deserialize_with = "scalar")]
    pub lock: Option<String>,
    /// Seconds since its start.
    #[serde(default, deserialize_with = "scalar")]
    pub uptime: u64,
    /// The process on the node.
    #[serde(default, deserialize_with = "scalar")]
    pub pid: Option<u64>,
    /// What else it says.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

impl Status {
    /// Whether it runs.
    #[must_use]
    pub fn power(&self) -> Power {
        match (self.status.as_str(), self.qmpstatus.as_deref()) {
            ("running", Some("paused")) => Power::Paused,
            ("running", _) => Power::Running,
            _ => Power::Stopped,
        }
    }
}

/// A network interface inside the guest, as its agent sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentInterface {
    /// Its name: `eth0`.
    pub name: String,
    /// Its MAC address, in upper case: match it with the configured device.
    pub mac: Option<String>,
    /// Its addresses, without prefix length.
    pub addresses: Vec<IpAddr>,
}

#[derive(Deserialize)]
struct Interfaces {
    result: Vec<Map<String, Value>>,
}

impl AgentInterface {
    fn read(row: &Map<String, Value>) -> Self {
        let addresses = row.get("ip-addresses").and_then(Value::as_array).into_iter().flatten();
        let address = |row: &Value| row.get("ip-address")?.as_str()?.split('%').next()?.parse().ok();
        AgentInterface {
            name: row.get("name").and_then(String::from_scalar).unwrap_or_default(),
            mac: row.get("hardware-address").and_then(String::from_scalar).map(|mac| mac.to_ascii_uppercase()),
            addresses: addresses.filter_map(address).collect(),
        }
    }
}

#[derive(Deserialize)]
struct Running {
    upid: Upid,
}

impl Reader {
    /// A guest's configuration with what is pending merged in: what it was told to be.
    ///
    /// # Errors
    /// If it cannot be read.
    pub async fn config(&self, node: &str, vmid: u32) -> Result<Arc<QemuConfig>> {
        let what = format!("the configuration of {}", guest(node, vmid));
        self.once(Call::get("read", what, guest_path(node, vmid, "config"))).await
    }

    /// A guest's configuration as it runs.
    ///
    /// # Errors
    /// If it cannot be read.
    pub async fn current_config(&self, node: &str, vmid: u32) -> Result<Arc<QemuConfig>> {
        let what = format!("the running configuration of {}", guest(node, vmid));
        let call = Call::get("read", what, guest_path(node, vmid, "config"));
        self.once(call.with(Params::new().flag("current", true))).await
    }

    /// What waits for the next start of a guest; nothing if it is up to date.
    ///
    /// # Errors
    /// If it cannot be read.
    pub async fn pending(&self, node: &str, vmid: u32) -> Result<Vec<Pending>> {
        let what = format!("the pending changes of {}", guest(node, vmid));
        let all = self.once::<Vec<Pending>>(Call::get("read", what, guest_path(node, vmid, "pending"))).await?;
        Ok(all.iter().filter(|option| option.is_change()).cloned().collect())
    }

    /// The state of a guest, always fresh.
    ///
    /// # Errors
    /// If it cannot be read.
    pub async fn status(&self, node: &str, vmid: u32) -> Result<Status> {
        let what = format!("the state of {}", guest(node, vmid));
        self.fresh(Call::get("read", what, guest_path(node, vmid, "status/current"))).await
    }

    /// The network interfaces that the guest's agent sees, always fresh. As long as no agent answers this fails, and
    /// [`Error::is_agent_silent`](crate::Error::is_agent_silent) tells so.
    ///
    /// # Errors
    /// If the agent does not answer.
    pub async fn agent_interfaces(&self, node: &str, vmid: u32) -> Result<Vec<AgentInterface>> {
        let call = Call::get(
            "ask the agent for the addresses of",
            guest(node, vmid),
            guest_path(node, vmid, "agent/network-get-interfaces"),
        );
        let answer: Interfaces = self.fresh(call).await?;
        Ok(answer.result.iter().map(AgentInterface::read).collect())
    }

    /// A file of a guest, read by its agent: up to 16 MiB. Needs `VM.GuestAgent.FileRead`, `VM.Monitor` on 8.
    ///
    /// # Errors
    /// If the agent does not answer, or there is no such file.
    pub async fn agent_file(&self, node: &str, vmid: u32, file: &str) -> Result<String> {
        #[derive(Deserialize)]
        struct File {
            #[serde(default, deserialize_with = "scalar")]
            content: String,
        }
        let object = format!("{file} of {}", guest(node, vmid));
        let call = Call::get("read through the agent", object, guest_path(node, vmid, "agent/file-read"));
        Ok(self.fresh::<File>(call.with(Params::new().set("file", file))).await?.content)
    }

    /// What a program printed that the agent of a guest was told to run; nothing while it runs.
    ///
    /// # Errors
    /// If the agent does not answer, or does not know the program.
    pub async fn agent_exec_status(&self, node: &str, vmid: u32, pid: u32) -> Result<Option<String>> {
        #[derive(Deserialize)]
        struct Ran {
            #[serde(deserialize_with = "scalar")]
            exited: bool,
            #[serde(default, rename = "out-data", deserialize_with = "scalar")]
            out: Option<String>,
        }
        let object = format!("program {pid} in {}", guest(node, vmid));
        let call = Call::get("ask the agent for", object, guest_path(node, vmid, "agent/exec-status"));
        let ran: Ran = self.fresh(call.with(Params::new().set("pid", pid))).await?;
        Ok(ran.exited.then(|| ran.out.unwrap_or_default()))
    }

    /// The tasks that are running for a guest on `node`, always fresh: after a crash, what to wait for before acting. A
    /// token sees its own; those of others need `Sys.Audit` on the node.
    ///
    /// # Errors
    /// If they cannot be listed.
    pub async fn running_tasks(&self, node: &str, vmid: u32) -> Result<Vec<Upid>> {
        let call = Call::get("list", format!("the tasks of {}", guest(node, vmid)), path(&[&"nodes", &node, &"tasks"]));
        let params = Params::new().set("source", "active").set("vmid", vmid);
        let tasks: Vec<Running> = self.fresh(call.with(params)).await?;
        Ok(tasks.into_iter().map(|task| task.upid).collect())
    }

    /// What of the cloud-init settings is not yet on the guest's drive.
    ///
    /// # Errors
    /// If it cannot be read.
    pub async fn cloud_init_pending(&self, node: &str, vmid: u32) -> Result<Vec<Pending>> {
        let what = format!("the cloud-init settings of {}", guest(node, vmid));
        let all = self.once::<Vec<Pending>>(Call::get("read", what, guest_path(node, vmid, "cloudinit"))).await?;
        Ok(all.iter().filter(|option| option.is_change()).cloned().collect())
    }
}
