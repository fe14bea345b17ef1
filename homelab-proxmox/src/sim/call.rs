//! One request as a handler sees it: who asks, with what, of which world.
use super::answer::Fail;
use super::tasks::{Job, Locks, Task};
use super::world::{Identity, World};
use super::{permission, quirks};
use crate::http::Upload;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Parameters by name, those of the path included; a key may repeat.
#[derive(Clone, Debug, Default)]
pub(crate) struct Args(BTreeMap<String, Vec<String>>);

impl Args {
    /// Adds a value.
    pub(crate) fn push(&mut self, key: String, value: String) {
        self.0.entry(key).or_default().push(value);
    }

    pub(crate) fn has(&self, key: &str) -> bool {
        self.0.contains_key(key)
    }

    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.first().map(String::as_str)
    }

    /// The value, or an empty text: for parameters that the schema requires.
    pub(crate) fn text(&self, key: &str) -> &str {
        self.get(key).unwrap_or_default()
    }

    /// Every value of a repeated key.
    pub(crate) fn all(&self, key: &str) -> &[String] {
        self.0.get(key).map_or(&[], Vec::as_slice)
    }

    /// Whether a boolean is given and on.
    pub(crate) fn flag(&self, key: &str) -> bool {
        self.get(key) == Some("1")
    }

    pub(crate) fn number(&self, key: &str) -> Option<u64> {
        self.get(key)?.parse().ok()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&String, &Vec<String>)> {
        self.0.iter()
    }

    /// The parameters as one text each, without those named.
    pub(crate) fn texts(&self, without: &[&str]) -> BTreeMap<String, String> {
        self.0
            .iter()
            .filter(|(key, _)| !without.contains(&key.as_str()))
            .map(|(key, values)| (key.clone(), values.join("\0")))
            .collect()
    }
}

/// What a handler works with.
pub(crate) struct Call<'w> {
    pub(crate) world: &'w mut World,
    pub(crate) who: Identity,
    pub(crate) args: Args,
    pub(crate) upload: Option<Upload>,
}

impl Call<'_> {
    /// The node of the path.
    pub(crate) fn node(&self) -> String {
        self.args.text("node").to_owned()
    }

    /// The guest's id of the path.
    pub(crate) fn vmid(&self) -> u32 {
        self.args.get("vmid").and_then(|vmid| vmid.parse().ok()).unwrap_or_default()
    }

    /// Demands privileges on a path.
    pub(crate) fn need(&self, path: &str, privileges: &[&str]) -> Result<(), Fail> {
        permission::need(self.world, &self.who, path, privileges)
    }

    /// Demands one of several privileges on a path.
    pub(crate) fn need_any(&self, path: &str, privileges: &[&str]) -> Result<(), Fail> {
        permission::need_any(self.world, &self.who, path, privileges)
    }

    /// Whether the caller has a privilege on a path.
    pub(crate) fn may(&self, path: &str, privilege: &str) -> bool {
        self.need(path, &[privilege]).is_ok()
    }

    /// Refuses an option that only root@pam itself may pass.
    pub(crate) fn only_root(&self, options: &[&str]) -> Result<(), Fail> {
        match options.iter().find(|option| self.args.flag(option) || self.args.get(option).is_some_and(|v| v != "0")) {
            Some(option) if !self.who.is_root() => Err(Fail::param(option, quirks::ONLY_ROOT)),
            _ => Ok(()),
        }
    }

    /// Waits for a guest's lock, as a synchronous call does.
    pub(crate) fn lock(&self, lxc: bool, vmid: u32) -> Result<(), Fail> {
        if self.world.is_locked(vmid, true) {
            return Err(Fail::Busy(quirks::LOCK_WAIT, quirks::lock_timeout(lxc, vmid)));
        }
        Ok(())
    }

    /// Starts a task and answers its id.
    pub(crate) fn start(&mut self, node: &str, kind: &str, id: &str, locks: Locks, job: Job) -> Value {
        json!(self.world.start_task(node, kind, id, &self.who, locks, job))
    }

    /// The task of an id, if the caller may see it.
    pub(crate) fn task(&self, upid: &str) -> Option<&Task> {
        self.world.tasks.iter().find(|task| task.upid == upid)
    }
}
