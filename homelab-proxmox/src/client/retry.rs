//! When a call is sent again, and how long is waited before.
//!
//! Reads may always be repeated. A call that writes is repeated only if it certainly did nothing: it was never sent, or
//! the server refused it because somebody else holds a lock or the cluster has no quorum. After a lost answer it is not
//! repeated: only the caller knows how to look whether it happened.
use crate::{
    error::Cause,
    http::{Method, TransportError},
};
use std::{
    hash::{BuildHasher, RandomState},
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

/// How often a read is sent at most.
const READ_ATTEMPTS: u32 = 6;
/// How often a write is sent at most: with the pauses below, about half a minute of somebody else's lock.
const WRITE_ATTEMPTS: u32 = 8;
/// How often is tried to reach a server: a wrong address should be told soon.
const REACH_ATTEMPTS: u32 = 3;
/// The pause before the second attempt; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(8);

/// Decides about attempts. Its pauses have jitter, so that callers that met at a lock do not meet again.
#[derive(Debug)]
pub(crate) struct Retry {
    random: AtomicU64,
}

impl Retry {
    /// With jitter of its own.
    pub(crate) fn new() -> Self {
        Retry::seeded(RandomState::new().hash_one(0))
    }

    /// With the jitter of `seed`, the same every time.
    pub(crate) fn seeded(seed: u64) -> Self {
        Retry { random: AtomicU64::new(seed) }
    }

    /// How long to wait before the call is sent again after `attempts`, or nothing if it is not.
    pub(crate) fn pause(&self, method: Method, cause: &Cause, attempts: u32) -> Option<Duration> {
        let most = match cause {
            Cause::Transport(TransportError::Unreached { .. }) => REACH_ATTEMPTS,
            cause if method == Method::Get && cause.is_transient() => READ_ATTEMPTS,
            cause if method != Method::Get && cause.is_busy_refusal() => WRITE_ATTEMPTS,
            _ => return None,
        };
        (attempts < most).then(|| self.jittered(attempts))
    }

    /// Between half and all of the full pause.
    fn jittered(&self, attempts: u32) -> Duration {
        let full = LONGEST_PAUSE.min(FIRST_PAUSE * 2_u32.saturating_pow(attempts - 1));
        // splitmix64: enough for spreading, and the same from a seed.
        let mut bits = self.random.fetch_add(0x9E37_79B9_7F4A_7C15, Ordering::Relaxed);
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        let part = u32::try_from((bits ^ (bits >> 31)) % 1024).unwrap_or_default();
        full / 2 + full * part / 2048
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::Refusal;

    fn refused(status: u16, message: &str) -> Cause {
        Cause::Refused(Refusal { status, message: message.into(), parameters: Default::default() })
    }

    fn lost() -> Cause {
        TransportError::Lost { host: "din:8006".into(), reason: "connection reset".into() }.into()
    }

    #[test]
    fn a_write_is_repeated_only_when_it_certainly_did_nothing() {
        let retry = Retry::seeded(1);
        let busy = refused(500, "can't lock file '/var/lock/qemu-server/lock-7102.conf' - got timeout");
        for cause in [busy, refused(500, "VM is locked (backup)"), refused(500, "cluster not ready - no quorum?")] {
            assert!(retry.pause(Method::Post, &cause, 1).is_some(), "{cause}");
        }
        for cause in [
            lost(),
            refused(596, "Connection timed out"),
            refused(599, "Too many redirections"),
            refused(595, "No route to host"),
            refused(500, "got no worker upid - start worker failed"),
            refused(500, "VM 100 already running"),
            refused(500, "VM quit/powerdown failed - got timeout"),
            refused(400, "Parameter verification failed."),
        ] {
            assert!(retry.pause(Method::Post, &cause, 1).is_none(), "{cause}");
        }
    }

    #[test]
    fn a_read_is_repeated_after_anything_that_passes() {
        let retry = Retry::seeded(1);
        for cause in [lost(), refused(595, "x"), refused(596, "x"), refused(599, "x"), refused(500, "got timeout")] {
            assert!(retry.pause(Method::Get, &cause, READ_ATTEMPTS - 1).is_some(), "{cause}");
            assert!(retry.pause(Method::Get, &cause, READ_ATTEMPTS).is_none(), "{cause}");
        }
        assert!(retry.pause(Method::Get, &refused(403, "Permission check failed"), 1).is_none());
        let untrusted = TransportError::Untrusted("changed".into()).into();
        assert!(retry.pause(Method::Get, &untrusted, 1).is_none());
    }

    #[test]
    fn pauses_grow_to_their_bound_and_are_the_same_from_a_seed() {
        let pauses = |seed| -> Vec<Duration> {
            let retry = Retry::seeded(seed);
            (1..WRITE_ATTEMPTS).filter_map(|n| retry.pause(Method::Put, &refused(500, "no quorum"), n)).collect()
        };
        assert_eq!(pauses(7), pauses(7));
        assert_ne!(pauses(7), pauses(8));
        for (n, pause) in pauses(7).into_iter().enumerate() {
            let full = LONGEST_PAUSE.min(FIRST_PAUSE * (1 << n));
            assert!(pause >= full / 2 && pause <= full, "{n}: {pause:?}");
        }
    }
}
