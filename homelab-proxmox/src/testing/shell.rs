//! Root's shell on a simulated node: it knows one program, `pvesh`.
use crate::{Pve, client::Params};
use async_trait::async_trait;
use homelab_core::{
    Permit,
    host::{Action, Answer, Batch, Command, Machine, Output, Probe, Reply, What},
    ssh::SshError,
};

/// A node that is logged in to as root.
pub(super) struct RootShell(pub(super) Pve);

#[async_trait]
impl Machine for RootShell {
    fn name(&self) -> &str {
        "root@node"
    }

    async fn run(&self, batch: &Batch) -> Result<Vec<Reply>, SshError> {
        let mut replies = vec![];
        for item in batch.items() {
            let output = match &item.what {
                What::Probe(Probe::Command(command)) => self.pvesh(command, true).await,
                What::Action(Action::Run(command)) => self.pvesh(command, false).await,
                other => Err(format!("{other}: this shell knows only pvesh")),
            };
            let output = match output {
                Ok(stdout) => Output { status: 0, stdout: stdout.into_bytes(), stderr: vec![] },
                Err(why) => Output { status: 255, stdout: vec![], stderr: why.into_bytes() },
            };
            replies.push(Ok(Answer::Output(output)));
        }
        Ok(replies)
    }
}

impl RootShell {
    /// What the program says, or what it complains of. A question may not change anything.
    async fn pvesh(&self, command: &Command, asks: bool) -> Result<String, String> {
        let words: Vec<String> = command.argv().map(|word| String::from_utf8_lossy(word).into_owned()).collect();
        let [program, verb, path, options @ ..] = words.as_slice() else { return Err("too few arguments".into()) };
        if program != "pvesh" || (asks && verb != "get") {
            return Err(format!("{program} {verb}: not here"));
        }
        let mut params = Params::new();
        for pair in options.chunks(2) {
            match pair {
                [key, _] if key == "--output-format" => {}
                [key, value] => params = params.set(key.trim_start_matches("--"), value),
                _ => return Err(format!("{pair:?} has no value")),
            }
        }
        let (permit, path) = (Permit::for_tests(), encoded(path));
        let answer = match verb.as_str() {
            "get" => self.0.get(&path, params).await,
            "create" => self.0.post(&permit, &path, params).await,
            "set" => self.0.put(&permit, &path, params).await,
            "delete" => self.0.delete(&permit, &path, params).await,
            other => return Err(format!("unknown command 'pvesh {other}'")),
        };
        let value = answer.map_err(|error| error.to_string())?;
        Ok(if value.is_null() { String::new() } else { value.to_string() })
    }
}

/// As the API wants a path that is written as it is.
fn encoded(path: &str) -> String {
    let segments: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    segments.iter().map(|segment| crate::client::call::path(&[segment])).collect()
}
