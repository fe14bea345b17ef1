//! A builder that makes a system of a tree without Nix.
use super::{SimPi, card, pi::Stored};
use crate::{
    Board,
    builder::{Builder, Built, Output, Say, Versions},
    config::locked,
    deploy::BootFiles,
    nix::{NixTree, needs_hardware},
};
use async_trait::async_trait;
use homelab_core::{Failure, host::Spot};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

/// What is wrong with a system.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Flaw {
    /// Nothing.
    #[default]
    None,
    /// It runs, and answers no names.
    NoNames,
    /// It runs, and nobody can reach it.
    NoNetwork,
    /// Activating it fails.
    NoActivation,
}

/// Builds for simulated Pis. What it builds is as flawed as it is told to be.
pub struct SimBuilder {
    pis: Vec<SimPi>,
    built: Mutex<BTreeMap<String, Stored>>,
    flaw: fn(&Value) -> Flaw,
    dir: Option<PathBuf>,
    newest: Option<String>,
}

impl SimBuilder {
    /// Builds for these Pis, without flaws.
    #[must_use]
    pub fn new(pis: Vec<SimPi>) -> Self {
        SimBuilder { pis, built: Mutex::default(), flaw: |_| Flaw::None, dir: None, newest: None }
    }

    /// Puts images into this directory; without one it makes none.
    #[must_use]
    pub fn into_dir(mut self, dir: &Path) -> Self {
        self.dir = Some(dir.to_owned());
        self
    }

    /// The newest sources that it finds are those of this lock file, instead of those that it is given.
    #[must_use]
    pub fn finds(mut self, lock: &str) -> Self {
        self.newest = Some(lock.to_owned());
        self
    }

    /// The same with the flaw that a description has.
    #[must_use]
    pub fn flawed(mut self, flaw: fn(&Value) -> Flaw) -> Self {
        self.flaw = flaw;
        self
    }
}

/// The system that a tree becomes, and its place in the store.
pub(super) fn built(tree: &NixTree) -> Result<(String, Stored), Failure> {
    let mut hash = Sha256::new();
    tree.iter().for_each(|(path, text)| hash.update(format!("{path}\0{text}\0")));
    let digest: String = hash.finalize()[..16].iter().map(|b| format!("{b:02x}")).collect();
    let description: Value = tree
        .get("description.json")
        .and_then(|text| serde_json::from_str(text).ok())
        .ok_or_else(|| Failure::new("the tree does not say what it is"))?;
    let text = |field: &str| description[field].as_str().unwrap_or_default().to_owned();
    let toplevel = format!("/nix/store/{digest}-nixos-system-pi-{}", text("release"));
    let boot = BootFiles {
        kernel: format!("/nix/store/{}-linux/Image", text("nixpkgs")),
        initrd: format!("/nix/store/{}-initrd/initrd", text("nixpkgs")),
        dtbs: format!("/nix/store/{}-dtbs", text("board")),
        params: "console=tty0".into(),
    };
    Ok((toplevel, Stored { flaw: Flaw::None, description, boot }))
}

/// The board that a system is for.
fn board(system: &Stored) -> Result<Board, Failure> {
    serde_json::from_value(system.description["board"].clone())
        .map_err(|e| Failure::new(format!("nothing is built for such a board: {e}")))
}

#[async_trait]
impl Builder for SimBuilder {
    fn describe(&self) -> String {
        "a simulated builder".into()
    }

    async fn up(&self, _: Say<'_>) -> Result<String, Failure> {
        Ok(self.describe())
    }

    async fn build(&self, tree: &NixTree, output: Output, say: Say<'_>) -> Result<Built, Failure> {
        let (toplevel, mut stored) = built(tree)?;
        stored.flaw = (self.flaw)(&stored.description);
        let board = board(&stored)?;
        self.built.lock().unwrap_or_else(PoisonError::into_inner).insert(toplevel.clone(), stored);
        say(&format!("building '{toplevel}'"));
        let image = match (&self.dir, output) {
            (Some(dir), Output::Image) => {
                let path = dir.join("image.img.zst");
                let made = card::image(&toplevel, board).and_then(|bytes| std::fs::write(&path, bytes));
                made.map_err(|e| Failure::new(format!("the simulated builder cannot make an image: {e}")))?;
                Some(path)
            }
            _ => None,
        };
        Ok(Built { toplevel, image })
    }

    async fn copy(&self, toplevel: &str, to: &Spot, _: Say<'_>) -> Result<(), Failure> {
        let there = self.pis.iter().find(|pi| pi.is_at(to.address) && pi.is_reachable());
        let pi = there.ok_or_else(|| Failure::passing(format!("{to} does not answer")))?;
        let built = self.built.lock().unwrap_or_else(PoisonError::into_inner).get(toplevel).cloned();
        let stored = built.ok_or_else(|| Failure::new(format!("{toplevel} was not built here")))?;
        pi.receive(toplevel, stored);
        Ok(())
    }

    async fn newest(&self, tree: &NixTree, _: Say<'_>) -> Result<String, Failure> {
        let now = || tree.get("flake.lock").cloned().ok_or_else(|| Failure::new("the tree has no lock file"));
        self.newest.clone().map_or_else(now, Ok)
    }

    /// Its packages are all made on the day of the commit of nixpkgs, and numbered by it.
    async fn versions(&self, tree: &NixTree, function: &str, _: Say<'_>) -> Result<Versions, Failure> {
        let lock = tree.get("flake.lock").map(String::as_str).unwrap_or_default();
        let locked = locked(lock).map_err(|why| Failure::new(format!("the lock file {why}")))?;
        let input = |name: &str| locked.iter().find(|locked| locked.input == name);
        if needs_hardware(board(&built(tree)?.1)?) && input("nixos-hardware").is_none() {
            return Err(Failure::new("error: cannot find flake 'flake:nixos-hardware' in the flake registries"));
        }
        let version = format!("6.12.{}", input("nixpkgs").map_or(0, |nixpkgs| nixpkgs.modified / 86400));
        let names = function.split('"').skip(1).step_by(2);
        Ok(names.map(|name| (name.to_owned(), version.clone())).collect())
    }
}
