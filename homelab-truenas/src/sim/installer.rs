//! The installer of TrueNAS, simulated: what its ISO runs on a computer that has no system yet, over a plain WebSocket on loopback.
//!
//! Its methods and what they take are those of truenas-installer's source. Whoever loses the connection while it installs finds it
//! running, or done.
use super::{Sim, serve::Served, world::World};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Map, Value, json};
use std::{io, time::Duration};
use tokio::{
    net::{TcpListener, TcpStream},
    time::sleep,
};
use tokio_tungstenite::{accept_async, tungstenite::Message};

/// How long an installation takes, in milliseconds.
const TAKES: u64 = 120_000;
/// How often it tells how far it is.
const STRIDE: Duration = Duration::from_millis(500);

/// How far the installation of a system is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) enum Stage {
    /// There is a system, and it runs.
    #[default]
    System,
    /// There is none, and the installer waits.
    Bare,
    /// It is being installed until then.
    Installing(u64),
    /// It is on the disk, and not started.
    Installed,
}

impl World {
    /// The same as a computer without a system, which starts the installer.
    #[must_use]
    pub fn bare(mut self) -> World {
        self.stage = Stage::Bare;
        self
    }

    /// Brings an installation to where it is by now.
    pub(super) fn settle_stage(&mut self) {
        if matches!(self.stage, Stage::Installing(until) if until <= self.now) {
            self.stage = Stage::Installed;
        }
    }

    fn restart(&mut self) {
        match self.stage {
            Stage::Installed => {
                self.stage = Stage::System;
                self.reboot();
            }
            // What was not finished does not start.
            Stage::Installing(_) => self.stage = Stage::Bare,
            Stage::Bare | Stage::System => {}
        }
    }

    /// A row of `list_disks`. It has no serial numbers.
    fn targets(&self) -> Value {
        let row = |disk: &super::world::Disk| {
            let holds = |pool: &&super::world::Pool| {
                pool.rows.iter().any(|row| row.disks.iter().any(|vdev| vdev.hw == disk.hw))
            };
            let pool = self.pools.values().chain(&self.exported).find(holds).map(|pool| pool.name.clone());
            let pool = pool.or_else(|| disk.foreign.pool.clone());
            let pool =
                pool.or_else(|| (disk.is_boot && self.stage == Stage::Installed).then(|| "boot-pool".to_owned()));
            let members: Vec<Value> =
                pool.iter().map(|pool| json!({"name": format!("{}3", disk.name), "pool": pool})).collect();
            json!({"name": disk.name, "size": disk.size, "model": disk.model, "label": "", "zfs_members": members, "removable": false})
        };
        self.disks.iter().filter(|disk| disk.present).map(row).collect()
    }

    /// Begins an installation, if that makes sense.
    fn begin_install(&mut self, params: &Value) -> Result<(), String> {
        let empty = Map::new();
        let wish = params.get(0).and_then(Value::as_object).unwrap_or(&empty);
        let known = ["wipe_disks", "disks", "set_pmbr", "authentication", "post_install"];
        if let Some(name) = wish.keys().find(|name| !known.contains(&name.as_str())) {
            return Err(format!("Additional properties are not allowed ('{name}' was unexpected)"));
        }
        if let Some(name) = known[1..4].iter().find(|name| !wish.contains_key(**name)) {
            return Err(format!("'{name}' is a required property"));
        }
        let names = wish.get("disks").and_then(Value::as_array).cloned().unwrap_or_default();
        for name in &names {
            if !self.disks.iter().any(|disk| disk.present && Some(disk.name.as_str()) == name.as_str()) {
                return Err(format!("Disk {name} does not exist"));
            }
        }
        let is_boot = |disk: &&super::world::Disk| disk.is_boot && names.iter().any(|name| *name == disk.name);
        if !self.disks.iter().any(|disk| is_boot(&disk)) {
            return Err("the simulator installs on the disk that the computer starts from".into());
        }
        if let Stage::Installing(_) = self.stage {
            return Err("Installation is already in progress".into());
        }
        if let Some(first) = wish.get("post_install").and_then(|post| post.pointer("/network_interfaces/0")) {
            let name = first.get("name").cloned().unwrap_or_default();
            let aliases = first.get("aliases").cloned().unwrap_or_else(|| json!([]));
            if let Some(row) = self.table("interface").get_mut(&name) {
                row.insert("aliases".into(), aliases);
                row.insert("ipv4_dhcp".into(), first.get("ipv4_dhcp").cloned().unwrap_or(json!(false)));
            }
        }
        self.stage = Stage::Installing(self.now + self.span(TAKES));
        Ok(())
    }
}

impl Sim {
    /// Serves the installer on 127.0.0.1; port 0 takes any. It answers while there is no system, and a CD in the drive.
    ///
    /// # Errors
    /// When the port is taken.
    pub async fn serve_installer(&self, port: u16) -> io::Result<Served> {
        let listener = TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, port)).await?;
        let address = listener.local_addr()?;
        let sim = self.clone();
        let task = homelab_core::spawn(async move {
            loop {
                let stream = homelab_core::sim::accept(&listener).await;
                homelab_core::spawn(session(sim.clone(), stream));
            }
        });
        Ok(Served::at(address, task))
    }

    /// Whether there is no system yet, and the computer starts from a CD. One that nobody tells of is given one.
    fn is_bare(&self) -> bool {
        self.stage() != Stage::System && self.computer().is_none_or(|computer| computer.cd.is_some())
    }
}

async fn session(sim: Sim, stream: TcpStream) {
    if !sim.is_bare() {
        return;
    }
    let Ok(mut socket) = accept_async(stream).await else { return };
    while let Some(Ok(message)) = socket.next().await {
        let Message::Text(text) = message else { continue };
        let Ok(request) = serde_json::from_str::<Value>(&text) else { return };
        let method = request.get("method").and_then(Value::as_str).unwrap_or_default().to_owned();
        let params = request.get("params").cloned().unwrap_or_else(|| json!([]));
        let done = answer(&sim, &method, &params);
        if sim.strikes(&method) {
            return;
        }
        if method == "install" && done.is_ok() {
            while let Stage::Installing(until) = sim.stage() {
                let left = until.saturating_sub(sim.now()) as f64;
                let part = 1.0 - left / sim.world().span(TAKES).max(1) as f64;
                let told = json!({"jsonrpc": "2.0", "method": "installation_progress", "params": [{"progress": part, "message": "Installing"}]});
                if socket.send(Message::text(told.to_string())).await.is_err() {
                    return;
                }
                sleep(STRIDE).await;
            }
        }
        let id = request.get("id").cloned().unwrap_or_default();
        let reply = match done {
            Ok(result) => json!({"jsonrpc": "2.0", "id": id, "result": result}),
            Err(text) => {
                json!({"jsonrpc": "2.0", "id": id, "error": {"code": -32000, "message": text, "data": {"errno": 14}}})
            }
        };
        if socket.send(Message::text(reply.to_string())).await.is_err() || method == "reboot" {
            return;
        }
    }
}

fn answer(sim: &Sim, method: &str, params: &Value) -> Result<Value, String> {
    sim.act(|world| match method {
        "is_adopted" => Ok(json!(false)),
        "system_info" => {
            let running = matches!(world.stage, Stage::Installing(_));
            Ok(json!({"installation_running": running, "version": world.version, "efi": true}))
        }
        "list_disks" => Ok(world.targets()),
        "list_network_interfaces" => Ok(world.rows("interface").map(|row| json!({"name": row.get("name")})).collect()),
        "install" => world.begin_install(params).map(|()| Value::Null),
        "reboot" => {
            world.restart();
            Ok(Value::Null)
        }
        other => Err(format!("Method {other} not found")),
    })
}
