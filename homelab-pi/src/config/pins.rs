//! Which exact sources a system is built from: the flake's lock file, kept in the lab's repository.
use crate::config::{ContainerImage, Release};
use serde::Serialize;
use serde_json::Value;

/// A lock file: the text as it was when the lab was compiled, and where it lies, for `pi update`. Made by [`pins!`](crate::pins).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pins {
    /// The file.
    pub path: &'static str,
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
        $crate::config::Pins { path: $path, text: include_str!($path) }
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

/// A release of NixOS, from exact sources, and how Pi-hole is run on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct System {
    pub(crate) release: Release,
    pub(crate) pins: Pins,
    pub(crate) container: Option<ContainerImage>,
}

impl System {
    /// NixOS 25.11, whose own module runs Pi-hole.
    #[must_use]
    pub const fn nixos_25_11(pins: Pins) -> System {
        System { release: Release::V25_11, pins, container: None }
    }

    /// NixOS 25.05. It has no module for Pi-hole, so the container's image is needed.
    #[must_use]
    pub const fn nixos_25_05(pins: Pins, image: ContainerImage) -> System {
        System { release: Release::V25_05, pins, container: Some(image) }
    }

    /// NixOS 24.11. It has no module for Pi-hole, so the container's image is needed.
    #[must_use]
    pub const fn nixos_24_11(pins: Pins, image: ContainerImage) -> System {
        System { release: Release::V24_11, pins, container: Some(image) }
    }

    /// The same with Pi-hole in a container although there is a module.
    #[must_use]
    pub const fn in_container(self, image: ContainerImage) -> System {
        System { container: Some(image), ..self }
    }
}
