//! A key for one machine and one purpose: made in memory, never written anywhere, gone with whoever holds it.
use super::{SshError, SshMachine, Target};
use crate::host::{Machine, OneOff, Spot};
use ring::rand::{SecureRandom, SystemRandom};
use russh::keys::{
    PrivateKey, PublicKey,
    ssh_key::private::{Ed25519Keypair, Ed25519PrivateKey},
};
use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use zeroize::Zeroizing;

/// What the key is called in `authorized_keys`.
const COMMENT: &str = "homelab-one-off";

/// The key, and the host key that the machine showed first: a machine that was made a minute ago has none that anybody knows. From
/// then on it is held to that one.
#[derive(Clone)]
pub(super) struct Held(Arc<Inner>);

struct Inner {
    private: Arc<PrivateKey>,
    public: String,
    shown: Mutex<Option<PublicKey>>,
}

impl Held {
    /// A new key.
    ///
    /// # Errors
    /// When the system has no random numbers.
    pub(super) fn new() -> Result<Self, SshError> {
        let failed = |reason: String| SshError::Handshake { host: "a machine that is made".into(), reason };
        let mut seed = Zeroizing::new([0u8; Ed25519PrivateKey::BYTE_SIZE]);
        SystemRandom::new()
            .fill(seed.as_mut())
            .map_err(|_| failed("there are no random numbers for its key".into()))?;
        let mut private = PrivateKey::from(Ed25519Keypair::from_seed(&seed));
        private.set_comment(COMMENT);
        let public = private.public_key().to_openssh().map_err(|e| failed(e.to_string()))?;
        Ok(Held(Arc::new(Inner { private: Arc::new(private), public, shown: Mutex::default() })))
    }

    pub(super) fn private(&self) -> Arc<PrivateKey> {
        Arc::clone(&self.0.private)
    }

    /// The host key that was shown first, once one was.
    pub(super) fn shown(&self) -> MutexGuard<'_, Option<PublicKey>> {
        self.0.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl OneOff for Held {
    fn public(&self) -> &str {
        &self.0.public
    }

    fn machine(&self, spot: &Spot) -> Result<Arc<dyn Machine>, SshError> {
        let mut target = Target::named(spot.address.to_string()).with_one_off(self.clone());
        if let Some(login) = &spot.login {
            target = target.user(login);
        }
        if let Some(key) = &spot.key {
            target = target.pinned(key);
        }
        Ok(Arc::new(SshMachine::new(target)))
    }
}

impl PartialEq for Held {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}
impl Eq for Held {}

impl fmt::Debug for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Held(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_is_another_and_its_private_half_is_never_shown() {
        let (one, two) = (Held::new().unwrap(), Held::new().unwrap());
        assert_ne!(one.public(), two.public());
        assert!(one.public().starts_with("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5") && one.public().ends_with(COMMENT));
        assert_eq!(format!("{one:?}"), "Held(..)");
    }
}
