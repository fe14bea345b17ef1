//! Values that are kept in 1Password: a reference `op://vault/item/field` is read through its program `op`, once a run.
use super::SecretValue;
use crate::env::Env;
use std::{
    collections::HashMap,
    env, fs,
    io::Read,
    os::unix::fs::PermissionsExt,
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};
use zeroize::Zeroizing;

const SCHEME: &str = "op://";
/// How long `op` may take: it may be waiting for a person to unlock 1Password.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often it is looked whether `op` has ended.
const POLL: Duration = Duration::from_millis(20);
/// What `op` is told of who asks, when it stands in `.env` only.
const ITS_OWN: [&str; 4] = ["OP_SERVICE_ACCOUNT_TOKEN", "OP_CONNECT_HOST", "OP_CONNECT_TOKEN", "OP_ACCOUNT"];

/// The way to 1Password. Clones share what was read.
#[derive(Clone, Default)]
pub struct OnePassword {
    path: String,
    variables: Vec<(&'static str, Zeroizing<String>)>,
    read: Arc<Mutex<HashMap<String, Result<SecretValue, OnePasswordError>>>>,
}

/// Why 1Password does not give out a value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OnePasswordError {
    /// The reference has too few parts.
    #[error("`{0}` is no reference of 1Password")]
    Reference(String),
    /// The program is not there.
    #[error("{0} needs the program `op`, which is not installed")]
    NotInstalled(String),
    /// The program refuses.
    #[error("`op` cannot read {reference}: {why}")]
    Refused {
        /// The reference.
        reference: String,
        /// Its own words.
        why: String,
    },
    /// The program takes too long.
    #[error("`op` did not answer within {} s when asked for {reference}", PATIENCE.as_secs())]
    Silent {
        /// The reference.
        reference: String,
    },
}

impl OnePasswordError {
    /// What to do about it, in one line.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            OnePasswordError::Reference(_) => {
                "write op://VAULT/ITEM/FIELD; 1Password's `Copy Secret Reference` makes one"
            }
            OnePasswordError::NotInstalled(_) => {
                "install 1Password's command line (https://developer.1password.com/docs/cli), or set the value itself"
            }
            OnePasswordError::Refused { .. } | OnePasswordError::Silent { .. } => {
                "unlock 1Password and try `op signin`, or set OP_SERVICE_ACCOUNT_TOKEN"
            }
        }
    }
}

impl OnePassword {
    /// The program as this environment finds it.
    #[must_use]
    pub fn of(env: &Env) -> OnePassword {
        let variables = ITS_OWN.iter().filter_map(|name| Some((*name, Zeroizing::new(env.get(name)?.to_owned()))));
        OnePassword {
            path: env.get("PATH").unwrap_or_default().to_owned(),
            variables: variables.collect(),
            read: Arc::default(),
        }
    }

    /// Whether a value is a reference.
    #[must_use]
    pub fn is_reference(value: &str) -> bool {
        value.starts_with(SCHEME)
    }

    /// What a reference stands for.
    ///
    /// # Errors
    /// When it is malformed, or `op` is not there, refuses, or does not answer.
    pub fn read(&self, reference: &str) -> Result<SecretValue, OnePasswordError> {
        // Held all the while: two who ask for the same at once ask a person once.
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        read.entry(reference.to_owned()).or_insert_with(|| self.ask(reference)).clone()
    }

    fn ask(&self, reference: &str) -> Result<SecretValue, OnePasswordError> {
        let parts: Vec<&str> = reference.strip_prefix(SCHEME).unwrap_or_default().split('/').collect();
        if !(3..=4).contains(&parts.len()) || parts.iter().any(|part| part.is_empty()) {
            return Err(OnePasswordError::Reference(reference.to_owned()));
        }
        let refused = |why: String| OnePasswordError::Refused { reference: reference.to_owned(), why };
        let program = self.program().ok_or_else(|| OnePasswordError::NotInstalled(reference.to_owned()))?;
        let mut child = Command::new(program)
            .args(["read", "--no-newline", reference])
            .envs(self.variables.iter().map(|(name, value)| (name, value.as_str())))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|e| refused(e.to_string()))?;
        // Both are read while it runs, else it could wait for a reader for ever.
        let (value, words) = (drain(child.stdout.take()), drain(child.stderr.take()));
        let Some(worked) = ended(&mut child).map_err(&refused)? else {
            // It may have ended by itself meanwhile.
            let _ = child.kill();
            let _ = child.wait();
            return Err(OnePasswordError::Silent { reference: reference.to_owned() });
        };
        let (value, words) = (value.join().unwrap_or_default(), words.join().unwrap_or_default());
        match String::from_utf8(value.to_vec()) {
            Ok(value) if worked && !value.is_empty() => Ok(value.into()),
            Ok(_) if worked => Err(refused("the field is empty".to_owned())),
            Ok(_) => Err(refused(last_line(&words))),
            Err(_) => Err(refused("the field is not UTF-8 text".to_owned())),
        }
    }

    fn program(&self) -> Option<PathBuf> {
        let runs = |path: &PathBuf| {
            fs::metadata(path).is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
        };
        env::split_paths(&self.path).map(|dir| dir.join("op")).find(runs)
    }
}

fn drain(pipe: Option<impl Read + Send + 'static>) -> thread::JoinHandle<Zeroizing<Vec<u8>>> {
    thread::spawn(move || {
        let mut all = Zeroizing::new(vec![]);
        // A pipe that breaks ends what can be read; the program's exit code tells the rest.
        let _ = pipe.map(|mut pipe| pipe.read_to_end(&mut all));
        all
    })
}

/// Whether it ended well; nothing if it goes on for too long.
fn ended(child: &mut Child) -> Result<Option<bool>, String> {
    let from = Instant::now();
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Ok(Some(status.success())),
            Ok(None) if from.elapsed() > PATIENCE => return Ok(None),
            Ok(None) => thread::sleep(POLL),
            Err(e) => return Err(e.to_string()),
        }
    }
}

/// The end of what a program said, which has its reason.
fn last_line(words: &[u8]) -> String {
    let words = String::from_utf8_lossy(words);
    let last = words.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or("it does not say why");
    last.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    /// A program `op` in a directory of its own: a script.
    fn op(dir: &Path, script: &str) -> OnePassword {
        // Written by another process: a program that this one has open for writing cannot be started.
        let text = format!("#!/bin/sh\n{script}\n");
        let write = Command::new("sh")
            .args(["-c", r#"printf %s "$1" > op && chmod +x op"#, "sh", &text])
            .current_dir(dir)
            .status();
        assert!(write.unwrap().success());
        OnePassword::of(&Env::from_pairs([("PATH", dir.to_str().unwrap()), ("OP_ACCOUNT", "mine")]))
    }

    #[test]
    fn a_reference_is_read_by_the_program_once_a_run() {
        let dir = tempfile::tempdir().unwrap();
        let asked = dir.path().join("asked");
        let way = op(dir.path(), &format!("echo \"$OP_ACCOUNT $*\" >> '{}'; printf s3cret", asked.display()));
        for _ in 0..3 {
            assert_eq!(way.clone().read("op://home/proxmox/token").unwrap().expose(), "s3cret");
        }
        assert_eq!(fs::read_to_string(asked).unwrap(), "mine read --no-newline op://home/proxmox/token\n");
    }

    #[test]
    fn a_program_that_is_missing_or_refuses_is_told_with_the_way_out() {
        let nowhere = OnePassword::default().read("op://a/b/c").unwrap_err();
        assert_eq!(nowhere.to_string(), "op://a/b/c needs the program `op`, which is not installed");
        assert!(nowhere.hint().contains("install 1Password's command line"));
        let dir = tempfile::tempdir().unwrap();
        let locked = op(dir.path(), "echo '[ERROR] you are not currently signed in' >&2; printf half; exit 1");
        let locked = locked.read("op://a/b/c").unwrap_err();
        assert_eq!(locked.to_string(), "`op` cannot read op://a/b/c: [ERROR] you are not currently signed in");
        assert!(locked.hint().contains("op signin"));
        let empty = op(dir.path(), "exit 0").read("op://a/b/c").unwrap_err();
        assert_eq!(empty.to_string(), "`op` cannot read op://a/b/c: the field is empty");
    }

    #[test]
    fn what_is_no_whole_reference_is_refused_before_anybody_is_asked() {
        for text in ["op://", "op://vault", "op://vault/item", "op://vault//field", "op://a/b/c/d/e"] {
            let error = OnePassword::default().read(text).unwrap_err();
            assert_eq!(error.to_string(), format!("`{text}` is no reference of 1Password"));
        }
        assert!(OnePassword::is_reference("op://a/b/c") && !OnePassword::is_reference("s3cret"));
    }
}
