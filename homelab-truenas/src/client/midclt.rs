//! The way of last resort: `midclt` over SSH, for when the web server of a NAS does not answer and its SSH does.
//!
//! It speaks the current API of the NAS and no pinned one, needs no key (it is root on the NAS itself, with sudo where the login is
//! another), and keeps no ids of calls with jobs. How it words its errors is read from its source and was not run against a real NAS.
use crate::rpc::{Call, Complaint, Refusal, Rpc, RpcError};
use async_trait::async_trait;
use homelab_core::{
    Permit,
    host::{Batch, Command, Machine, NoAnswer, Output, Reply, probe::command},
    ssh::SshError,
};
use serde_json::Value;
use std::{sync::Arc, time::Duration};

/// How long an answer is waited for. Jobs answer at once with their number.
const PATIENCE: Duration = Duration::from_secs(180);

/// `midclt` on a machine.
pub struct Midclt {
    machine: Arc<dyn Machine>,
}

impl Midclt {
    /// The NAS that this machine is. The login is root, or may use sudo without a password.
    #[must_use]
    pub fn on(machine: Arc<dyn Machine>) -> Self {
        Midclt { machine }
    }

    /// The parameters go in by stdin: they may hold secrets, and a command is written to logs.
    fn command(call: &Call) -> Command {
        let params = call.params.iter().map(Value::to_string);
        let words = [call.method.clone()].into_iter().chain(params).collect::<Vec<_>>().join("\0");
        Command::new("xargs").args(["-0", "midclt", "call"]).stdin(words.into_bytes()).within(PATIENCE)
    }

    async fn run(
        &self,
        batch: Batch,
        said: impl FnOnce(&[Reply]) -> Result<Output, NoAnswer>,
    ) -> Result<Value, RpcError> {
        let replies = self.machine.run(&batch).await.map_err(|error| self.lost(&error))?;
        let output = said(&replies).map_err(|problem| self.ended(problem.to_string()))?;
        if output.is_success() {
            return Ok(value(&String::from_utf8_lossy(&output.stdout)));
        }
        let text = [&output.stderr[..], &output.stdout[..]].map(|bytes| String::from_utf8_lossy(bytes).into_owned());
        match output.status {
            // xargs: 126 and 127 are a program that cannot be run or is not there.
            126 | 127 => Err(RpcError::Untrusted(format!("{} has no `midclt`: it is no TrueNAS", self.machine.name()))),
            _ if is_down(&text.concat()) => Err(RpcError::Unreached {
                host: self.machine.name().to_owned(),
                reason: "its middleware does not answer".into(),
            }),
            _ => Err(RpcError::Refused(refusal(&text.concat()))),
        }
    }

    fn ended(&self, reason: String) -> RpcError {
        RpcError::Lost { host: self.machine.name().to_owned(), reason }
    }

    fn lost(&self, error: &SshError) -> RpcError {
        match error {
            SshError::Closed { .. } | SshError::Rebooted { .. } | SshError::NotUnderstood { .. } => {
                self.ended(error.to_string())
            }
            other if other.may_pass() => {
                RpcError::Unreached { host: self.machine.name().to_owned(), reason: other.to_string() }
            }
            other => RpcError::Untrusted(other.to_string()),
        }
    }
}

#[async_trait]
impl Rpc for Midclt {
    async fn call(&self, call: &Call) -> Result<Value, RpcError> {
        call.must_read()?;
        let mut batch = Batch::new();
        let slot = batch.ask(command(Midclt::command(call)));
        self.run(batch, move |replies| slot.of(replies)).await
    }

    async fn write(&self, permit: &Permit, call: &Call) -> Result<Value, RpcError> {
        let mut batch = Batch::new();
        let slot = batch.run(permit, Midclt::command(call));
        self.run(batch, move |replies| slot.of(replies)).await
    }

    fn keeps_ids(&self) -> bool {
        false
    }
}

/// Whether nobody listens on the middleware's own socket: it is being started anew. Python words the system's error so.
fn is_down(said: &str) -> bool {
    said.to_ascii_lowercase().contains("connection refused")
}

/// What was printed: numbers, texts and booleans as Python prints them, everything else as JSON.
fn value(said: &str) -> Value {
    let said = said.trim_end_matches('\n');
    match said {
        "True" => true.into(),
        "False" => false.into(),
        "None" => Value::Null,
        other => serde_json::from_str(other).unwrap_or_else(|_| other.into()),
    }
}

/// What a refusal says: lines like `[EINVAL] pool_create.name: Invalid pool name`, the last of which may stand below a trace.
fn refusal(said: &str) -> Refusal {
    let lines = said.lines().map(str::trim).filter_map(|line| {
        let (errname, rest) = line.strip_prefix('[')?.split_once("] ")?;
        errname.bytes().all(|c| c.is_ascii_uppercase() || c == b'_').then_some((errname, rest))
    });
    let lines: Vec<(&str, &str)> = lines.collect();
    let Some((errname, first)) = lines.first() else {
        let last = said.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or("midclt failed without a word");
        return Refusal { code: -32001, reason: last.to_owned(), ..Refusal::default() };
    };
    let complaint = |(errname, rest): &(&str, &str)| {
        let (attribute, message) =
            rest.split_once(": ").filter(|(attribute, _)| attribute.contains('.') && !attribute.contains(' '))?;
        Some(Complaint { attribute: attribute.to_owned(), message: message.to_owned(), errno: errno(errname) })
    };
    let complaints: Vec<Complaint> = lines.iter().filter_map(complaint).collect();
    let code = if complaints.is_empty() { -32001 } else { -32602 };
    Refusal { code, errname: (*errname).to_owned(), reason: (*first).to_owned(), complaints }
}

fn errno(errname: &str) -> i64 {
    match errname {
        "ENOENT" => 2,
        "EEXIST" => 17,
        _ => 22,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_printed_is_read_back() {
        for (said, want) in [
            ("42\n", json!(42)),
            ("True\n", json!(true)),
            ("null\n", Value::Null),
            ("pong\n", json!("pong")),
            ("[{\"id\": 1}]\n", json!([{"id": 1}])),
        ] {
            assert_eq!(value(said), want, "{said}");
        }
    }

    #[test]
    fn refusals_have_their_fields_and_never_their_trace() {
        let said = "Traceback (most recent call last):\n  File \"x\", line 1, in y(secret)\n[EEXIST] pool_create.name: A pool with this name already exists.\n";
        let refused = refusal(said);
        assert_eq!((refused.code, refused.errname.as_str(), refused.complaints[0].errno), (-32602, "EEXIST", 17));
        assert_eq!(refused.to_string(), "name: A pool with this name already exists.");
        let busy = refusal("[EBUSY] cannot export 'bulk': pool is busy\n");
        assert_eq!((busy.code, busy.errname.as_str(), busy.complaints.len()), (-32001, "EBUSY", 0));
        assert_eq!(refusal("Failed to connect\n").reason, "Failed to connect");
    }
}
