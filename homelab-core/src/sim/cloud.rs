//! What a computer of the simulated network gets when it is switched on: what cloud-init was told, and an identity of its own.
use super::{Computer, SimMachine, commands};
use crate::host::content::sha256;
use std::sync::atomic::{AtomicU64, Ordering};

/// How many keys were made.
static KEYS: AtomicU64 = AtomicU64::new(0);

/// A public key that nobody else has; only its look means anything.
pub(super) fn one_off_key() -> String {
    let number = KEYS.fetch_add(1, Ordering::Relaxed);
    let text = sha256(format!("one-off {number}").as_bytes());
    format!("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI{} homelab-one-off", &text[..43])
}

impl SimMachine {
    /// It was switched on, as the computer of this id.
    pub(super) fn wakes(&self, id: &str, computer: &Computer) {
        if let Some(instance) = &computer.instance {
            commands::wake(&mut self.world(), id, instance, computer);
        }
    }

    /// Whether somebody's `authorized_keys` has a key.
    pub(super) fn knows_key(&self, login: &str, key: &str) -> bool {
        let home = if login == "root" { "/root".to_owned() } else { format!("/home/{login}") };
        self.text(&format!("{home}/.ssh/authorized_keys")).is_some_and(|text| text.lines().any(|line| line == key))
    }
}
