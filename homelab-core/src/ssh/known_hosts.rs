//! Which keys a host may show: lines of known_hosts files (sshd(8)), and keys that the program pins.
use super::{Key, KnownKey, Origin, SshError, one_off::Held, pattern};
use data_encoding::BASE64;
use ring::hmac;
use russh::keys::{Algorithm, HashAlg, PublicKey};
use std::{fs, path::PathBuf};

/// What is known of one host.
#[derive(Debug, Default)]
pub(super) struct Known {
    keys: Vec<(PublicKey, Origin)>,
    revoked: Vec<(PublicKey, Origin)>,
    authority: Option<Origin>,
    files: Vec<PathBuf>,
    /// Of a machine that was made just now: the first key is taken, and no other from then on.
    first: Option<Held>,
}

impl Known {
    /// What these files say of a host at a port, and what the program pins. Pinned keys are all that counts if there are any,
    /// but for those that a file revokes. A line that is not understood is passed over, as OpenSSH does.
    pub(super) fn of(host: &str, port: u16, files: &[PathBuf], pinned: &[PublicKey]) -> Self {
        let name = if port == 22 { host.to_owned() } else { format!("[{host}]:{port}") };
        let mut known = Known { files: files.to_vec(), ..Known::default() };
        for file in files {
            let Ok(text) = fs::read(file) else { continue };
            for (n, line) in String::from_utf8_lossy(&text).lines().enumerate() {
                known.line(line, &name, &Origin::File(file.clone(), n + 1));
            }
        }
        if !pinned.is_empty() {
            known.keys = pinned.iter().map(|k| (k.clone(), Origin::Pinned)).collect();
            known.authority = None;
        }
        known
    }

    /// The same for a machine that was made just now. Unless its key is pinned, what files say of its address was said of whoever
    /// had that before.
    pub(super) fn of_new(mut self, held: &Held, pinned: bool) -> Self {
        if !pinned {
            self.keys = held.shown().iter().map(|key| (key.clone(), Origin::Pinned)).collect();
            self.first = self.keys.is_empty().then(|| held.clone());
        }
        self
    }

    fn line(&mut self, line: &str, name: &str, origin: &Origin) {
        let mut words = line.split_ascii_whitespace().peekable();
        let marker = words.next_if(|w| w.starts_with('@'));
        let (Some(hosts), Some(algorithm), Some(key)) = (words.next(), words.next(), words.next()) else { return };
        if hosts.starts_with('#') || !named(hosts, name) {
            return;
        }
        let Ok(key) = PublicKey::from_openssh(&format!("{algorithm} {key}")) else { return };
        match marker {
            None => self.keys.push((key, origin.clone())),
            Some("@revoked") => self.revoked.push((key, origin.clone())),
            Some("@cert-authority") => self.authority = Some(origin.clone()),
            Some(_) => {}
        }
    }

    /// The algorithms to ask for: those of the keys that are known first, so that a host with several shows one of them.
    pub(super) fn algorithms(&self, all: &[Algorithm]) -> Vec<Algorithm> {
        let known = |a: &Algorithm| {
            self.keys.iter().any(|(k, _)| match (k.algorithm(), a) {
                (Algorithm::Rsa { .. }, Algorithm::Rsa { .. }) => true,
                (k, a) => k == *a,
            })
        };
        let (mut first, last): (Vec<_>, Vec<_>) = all.iter().cloned().partition(known);
        first.extend(last);
        first
    }

    /// Whether the host may show this key.
    ///
    /// # Errors
    /// When it may not, with everything that a person needs to compare.
    pub(super) fn check(&self, host: &str, shown: &PublicKey) -> Result<(), SshError> {
        let same = |(k, _): &&(PublicKey, Origin)| k.key_data() == shown.key_data();
        let host = host.to_owned();
        if let Some((_, by)) = self.revoked.iter().find(same) {
            return Err(SshError::HostKeyRevoked { host, shown: Box::new(key(shown)), by: by.clone() });
        }
        if self.keys.iter().any(|k| same(&k)) {
            return Ok(());
        }
        if let Some(first) = &self.first {
            first.shown().get_or_insert_with(|| shown.clone());
            return Ok(());
        }
        if !self.keys.is_empty() {
            let known = self.keys.iter().map(|(k, origin)| KnownKey { key: key(k), origin: origin.clone() }).collect();
            return Err(SshError::HostKeyChanged { host, shown: Box::new(key(shown)), known });
        }
        match &self.authority {
            Some(at) => Err(SshError::CertAuthority { host, at: at.clone(), shown: Box::new(key(shown)) }),
            None => Err(SshError::HostKeyUnknown { host, shown: Box::new(key(shown)), files: self.files.clone() }),
        }
    }
}

/// A key as people compare it.
pub(super) fn key(key: &PublicKey) -> Key {
    let bare = PublicKey::new(key.key_data().clone(), "");
    Key {
        algorithm: key.algorithm().to_string(),
        fingerprint: key.fingerprint(HashAlg::Sha256).to_string(),
        openssh: bare.to_openssh().unwrap_or_default().trim_end().to_owned(),
    }
}

/// Whether the first word of a line means this host: patterns, or one hashed name.
fn named(hosts: &str, name: &str) -> bool {
    match hosts.strip_prefix("|1|") {
        Some(hashed) => hashed_name(hashed, name).unwrap_or(false),
        None => pattern::matches(hosts.split(','), name),
    }
}

/// `salt|HMAC-SHA1(salt, name)`, both in base64.
fn hashed_name(hashed: &str, name: &str) -> Option<bool> {
    let (salt, hash) = hashed.split_once('|')?;
    let (salt, hash) = (BASE64.decode(salt.as_bytes()).ok()?, BASE64.decode(hash.as_bytes()).ok()?);
    let salt = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &salt);
    Some(hmac::verify(&salt, name.as_bytes(), &hash).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILIG2T/B0l0gaqj3puu510tu9N1OkQ4znY3LYuEm5zCF";
    const TWO: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDjc+MSFHu3MkZtKYzPKuU9ujZ0zv1pcl+f9kEd0aMOW";

    fn check(text: &str, port: u16, pinned: &[&str]) -> Result<(), SshError> {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("known_hosts");
        fs::write(&file, text.replace("ONE", ONE).replace("TWO", TWO)).unwrap();
        let parse = |k: &&str| PublicKey::from_openssh(k).unwrap();
        let pinned: Vec<_> = pinned.iter().map(parse).collect();
        Known::of("web.lan", port, &[file], &pinned).check("web", &parse(&ONE))
    }

    #[test]
    fn a_key_is_known_by_name_pattern_port_or_hash() {
        for (text, port) in [
            ("web.lan ONE a comment", 22),
            ("# x\n\nother,*.lan ONE", 22),
            ("[web.lan]:2222 ONE", 2222),
            ("web.lan TWO\nweb.lan ONE", 22),
            // Made with `ssh-keygen -H`.
            ("|1|AAAAAAAAAAAAAAAAAAAAAAAAAAA=|HASH ONE", 22),
        ] {
            let salt = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &[0; 20]);
            let text = text.replace("HASH", &BASE64.encode(hmac::sign(&salt, b"web.lan").as_ref()));
            assert_eq!(check(&text, port, &[]), Ok(()), "{text}");
        }
    }

    #[test]
    fn other_keys_are_refused_each_in_its_own_way() {
        assert!(matches!(check("nas.lan ONE\nweb.lan garbage", 22, &[]), Err(SshError::HostKeyUnknown { .. })));
        assert!(matches!(check("web.lan ONE", 2222, &[]), Err(SshError::HostKeyUnknown { .. })));
        assert!(matches!(check("*.lan,!web.lan ONE", 22, &[]), Err(SshError::HostKeyUnknown { .. })));
        assert!(matches!(check("@cert-authority *.lan TWO", 22, &[]), Err(SshError::CertAuthority { .. })));
        assert!(matches!(check("web.lan ONE\n@revoked * ONE", 22, &[]), Err(SshError::HostKeyRevoked { .. })));
        let changed = check("\nweb.lan TWO", 22, &[]).unwrap_err().to_string();
        assert!(changed.contains("shows ssh-ed25519 SHA256:") && changed.contains("known_hosts:2)"), "{changed}");
    }

    #[test]
    fn a_new_machine_is_held_to_the_key_that_it_shows_first() {
        let held = Held::new().unwrap();
        let parse = |k: &str| PublicKey::from_openssh(k).unwrap();
        let known = |pins: &[PublicKey]| Known::of("web", 22, &[], pins).of_new(&held, !pins.is_empty());
        assert!(matches!(known(&[parse(TWO)]).check("web", &parse(ONE)), Err(SshError::HostKeyChanged { .. })));
        assert_eq!(known(&[]).check("web", &parse(ONE)), Ok(()));
        assert!(matches!(known(&[]).check("web", &parse(TWO)), Err(SshError::HostKeyChanged { .. })));
        assert_eq!(known(&[]).check("web", &parse(ONE)), Ok(()));
    }

    #[test]
    fn a_pinned_key_counts_more_than_any_file_unless_it_is_revoked() {
        assert_eq!(check("", 22, &[ONE]), Ok(()));
        assert_eq!(check("web.lan TWO", 22, &[TWO, ONE]), Ok(()));
        let changed = check("web.lan ONE", 22, &[TWO]).unwrap_err();
        assert!(changed.to_string().ends_with("(the program, which pins it)"), "{changed}");
        assert!(changed.hint().contains("console"));
        assert!(matches!(check("@revoked web.lan ONE", 22, &[ONE]), Err(SshError::HostKeyRevoked { .. })));
    }
}
