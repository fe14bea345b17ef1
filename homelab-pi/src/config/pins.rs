//! Which exact sources a system is built from: the flake's lock file, kept in the lab's repository.
use serde::Serialize;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// A lock file: the text as it was when the lab was compiled, and where it lies, for `pi update`. Made by [`pins!`](crate::pins).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pins {
    /// The file, as it is named in the code.
    pub path: &'static str,
    /// The file of the code that names it.
    pub code: &'static str,
    /// Its text.
    pub text: &'static str,
}

/// The lock file at this path, relative to the file that says it.
///
/// ```ignore
/// const PINS: Pins = homelab_pi::pins!("flake.lock");
/// ```
#[macro_export]
macro_rules! pins {
    ($path:literal) => {
        $crate::config::Pins { path: $path, code: file!(), text: include_str!($path) }
    };
}

/// One locked input.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Locked {
    /// Its name in the flake: `nixpkgs`.
    pub input: String,
    /// Where it comes from: `github:NixOS/nixpkgs`.
    pub source: String,
    /// The branch that it follows.
    pub branch: Option<String>,
    /// The commit.
    pub rev: String,
    /// When that was made, in seconds since 1970.
    pub modified: u64,
}

impl Pins {
    /// The inputs that the flake itself names.
    ///
    /// # Errors
    /// What is wrong with the file, in one line.
    pub fn locked(&self) -> Result<Vec<Locked>, String> {
        locked(self.text).map_err(|why| format!("the lock file {} {why}", self.path))
    }

    /// The file on this machine: found from the directory of work upwards, as paths of code are relative to the workspace.
    #[must_use]
    pub fn file(&self) -> Option<PathBuf> {
        let dir = Path::new(self.code).parent()?;
        let here = std::env::current_dir().ok()?;
        here.ancestors().map(|above| above.join(dir).join(self.path)).find(|file| file.is_file())
    }

    /// The commit of nixpkgs; empty when the file has none, which [`locked`](Pins::locked) tells.
    #[must_use]
    pub fn nixpkgs(&self) -> String {
        let find = |all: Vec<Locked>| all.into_iter().find(|l| l.input == "nixpkgs").map(|l| l.rev);
        self.locked().ok().and_then(find).unwrap_or_default()
    }
}

/// The inputs of the root of a lock file (format 7).
pub(crate) fn locked(text: &str) -> Result<Vec<Locked>, String> {
    let lock: Value = serde_json::from_str(text).map_err(|e| format!("is not JSON: {e}"))?;
    if lock["version"] != 7 {
        return Err("is not of version 7, which Nix 2.4 and newer write".into());
    }
    let nodes = &lock["nodes"];
    let root = lock["root"].as_str().unwrap_or("root");
    let inputs = nodes[root]["inputs"].as_object().ok_or("names no inputs")?;
    let mut found = vec![];
    for (input, node) in inputs {
        let node = node.as_str().map(|n| &nodes[n]).ok_or_else(|| format!("has an input {input} that is none"))?;
        let locked = &node["locked"];
        let text = |v: &Value| v.as_str().map(ToOwned::to_owned);
        let part = |name: &str| text(&locked[name]).ok_or_else(|| format!("has no {name} for {input}"));
        if text(&locked["narHash"]).is_none_or(|h| !h.starts_with("sha256-")) {
            return Err(format!("has no hash for {input}"));
        }
        found.push(Locked {
            input: input.clone(),
            source: format!("{}:{}/{}", part("type")?, part("owner")?, part("repo")?),
            branch: text(&node["original"]["ref"]),
            rev: part("rev")?,
            modified: locked["lastModified"].as_u64().unwrap_or(0),
        });
    }
    match found.iter().any(|l| l.input == "nixpkgs") {
        true => Ok(found),
        false => Err("does not lock nixpkgs".into()),
    }
}

/// What differs between two lock files, a line for each input: `nixpkgs: 8fd9daa (2026-05-10) -> 0c88e1f (2026-05-11)`.
///
/// # Errors
/// What is wrong with either.
pub fn compare(old: &str, new: &str) -> Result<Vec<String>, String> {
    let (old, new) = (locked(old)?, locked(new)?);
    let short = |l: &Locked| {
        let day = i32::try_from(l.modified / 86400).unwrap_or(i32::MAX);
        let days = time::Date::from_julian_day(UNIX_EPOCH_DAY.saturating_add(day));
        format!("{} ({})", &l.rev[..l.rev.len().min(7)], days.map_or_else(|_| "?".to_owned(), |d| d.to_string()))
    };
    let line = |l: &Locked| match old.iter().find(|o| o.input == l.input) {
        Some(o) if o.rev == l.rev => None,
        Some(o) => Some(format!("{}: {} -> {}", l.input, short(o), short(l))),
        None => Some(format!("{}: new, {}", l.input, short(l))),
    };
    Ok(new.iter().filter_map(line).collect())
}

/// 1 January 1970 as a Julian day.
const UNIX_EPOCH_DAY: i32 = 2_440_588;

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = include_str!("../../tests/nix/flake.lock");
    const NEW: &str = include_str!("../../tests/deploy/newer.lock");

    #[test]
    fn what_an_update_brings_is_told_by_commit_and_day() {
        assert_eq!(compare(OLD, NEW).unwrap(), ["nixpkgs: 8fd9daa (2026-05-10) -> 0c88e1f (2026-05-11)"]);
        assert!(compare(OLD, OLD).unwrap().is_empty());
    }

    #[test]
    fn a_lock_file_that_is_none_is_told() {
        for (text, why) in
            [("", "is not JSON"), ("{}", "version 7"), (r#"{"version": 7, "nodes": {}}"#, "names no inputs")]
        {
            let error = Pins { path: "x.lock", code: "", text }.locked().unwrap_err();
            assert!(error.contains(why) && error.contains("x.lock"), "{error}");
        }
        let unhashed = OLD.replace("sha256-", "md5-");
        assert!(locked(&unhashed).unwrap_err().contains("no hash"));
    }
}
