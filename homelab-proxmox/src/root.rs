//! Root of a cluster, who gives rights to others: by his password over the API, or by his shell on a node, which is all that a fresh
//! node has. There `pvesh` is the API on the command line, as root@pam itself.
//!
//! What starts tasks is not asked in the shell: `pvesh` carries them out itself, and they end with the connection.
use crate::{Pve, client::Params};
use homelab_core::{
    Failure, Permit,
    host::{Batch, Command, Machine, Output, probe},
};
use percent_encoding::percent_decode_str;
use serde_json::Value;
use std::{sync::Arc, time::Duration};

/// How long one call may take on the node.
const WITHIN: Duration = Duration::from_secs(60);

/// Who may give rights.
pub(crate) enum Root {
    /// Logged in to the API.
    Api(Pve),
    /// Logged in to a node.
    Shell(Arc<dyn Machine>),
}

impl Root {
    pub(crate) async fn get(&self, path: &str, params: Params) -> Result<Value, Failure> {
        let machine = match self {
            Root::Api(pve) => return Ok(pve.get(path, params).await?),
            Root::Shell(machine) => machine,
        };
        let mut batch = Batch::new();
        let slot = batch.ask(probe::command(command("get", path, &params)));
        let replies = machine.run(&batch).await?;
        said(path, &slot.of(&replies)?)
    }

    pub(crate) async fn post(&self, permit: &Permit, path: &str, params: Params) -> Result<Value, Failure> {
        match self {
            Root::Api(pve) => Ok(pve.post(permit, path, params).await?),
            Root::Shell(machine) => write(machine, permit, "create", path, &params).await,
        }
    }

    pub(crate) async fn put(&self, permit: &Permit, path: &str, params: Params) -> Result<Value, Failure> {
        match self {
            Root::Api(pve) => Ok(pve.put(permit, path, params).await?),
            Root::Shell(machine) => write(machine, permit, "set", path, &params).await,
        }
    }

    pub(crate) async fn delete(&self, permit: &Permit, path: &str, params: Params) -> Result<Value, Failure> {
        match self {
            Root::Api(pve) => Ok(pve.delete(permit, path, params).await?),
            Root::Shell(machine) => write(machine, permit, "delete", path, &params).await,
        }
    }
}

/// A call as a command. Its arguments can be seen by whoever lists the node's processes, so no secret goes this way.
fn command(verb: &str, path: &str, params: &Params) -> Command {
    let path = percent_decode_str(path).decode_utf8_lossy().into_owned();
    let begun = Command::new("pvesh").args([verb, path.as_str(), "--output-format", "json"]).within(WITHIN);
    params.iter().fold(begun, |command, (key, value)| command.arg(format!("--{key}")).arg(value))
}

async fn write(
    machine: &Arc<dyn Machine>,
    permit: &Permit,
    verb: &str,
    path: &str,
    params: &Params,
) -> Result<Value, Failure> {
    let mut batch = Batch::new();
    let slot = batch.run(permit, command(verb, path, params));
    let replies = machine.run(&batch).await?;
    said(path, &slot.of(&replies)?)
}

/// What a call says: JSON, or nothing where there is nothing to say. It fails with its reason on the other channel.
fn said(path: &str, output: &Output) -> Result<Value, Failure> {
    if output.status != 0 {
        let text = String::from_utf8_lossy(&output.stderr);
        let why: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        return Err(Failure::new(format!("`pvesh` on the node refuses {path}: {}", why.join(" ")))
            .hint("it has to be a node of Proxmox VE, and the login has to be root"));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    if text.trim().is_empty() {
        return Ok(Value::Null);
    }
    // What is no JSON says something that nobody asked for.
    Ok(serde_json::from_str(text.trim()).unwrap_or(Value::Null))
}
