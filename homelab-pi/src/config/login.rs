//! Who logs in to a Pi: somebody with a key, for there is no other way.

/// Who logs in, by key alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Login {
    pub(crate) user: &'static str,
    pub(crate) keys: Vec<&'static str>,
}

/// So many keys.
#[derive(Clone, Copy, Debug)]
pub struct Keys<const N: usize>;

/// As many keys as a login needs: one at least, 16 at most.
#[diagnostic::on_unimplemented(
    message = "a Pi needs 1 to 16 keys for its login",
    label = "without a key nobody could ever log in: there is no password",
    note = "hand it the public half of a key of yours: `.login(\"me\", [\"ssh-ed25519 AAAA.. me\"])`; `ssh-keygen -t ed25519` makes one"
)]
pub trait LoginKeys {}

macro_rules! keys {
    ($($n:literal)*) => { $(impl LoginKeys for Keys<$n> {})* };
}
keys! { 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 }

/// Whether this is a public key as OpenSSH writes it.
pub(super) fn is_key(key: &str) -> bool {
    let mut parts = key.split_ascii_whitespace();
    let kind = parts.next().unwrap_or_default();
    let known = kind.starts_with("ssh-") || kind.starts_with("ecdsa-sha2-") || kind.starts_with("sk-");
    let blob = parts.next().and_then(|b| data_encoding::BASE64.decode(b.as_bytes()).ok());
    known && !key.contains(['\n', '\r']) && blob.is_some_and(|b| b.get(4..4 + kind.len()) == Some(kind.as_bytes()))
}
