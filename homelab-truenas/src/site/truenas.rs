//! How a lab reaches its NAS.
use crate::{
    Nas,
    client::{Address, Entry, Midclt, Socket, Way},
};
use homelab_core::{
    Connect, Failure, Sandbox, Secret, Secrets, Verb,
    ssh::{SshMachine, Target},
    tls::{Fingerprint, Trust},
};
use std::{fs, path::PathBuf, sync::Arc};

/// The end of a key's name, in the place of which other settings have theirs: `TRUENAS_API_KEY`, `TRUENAS_FINGERPRINT`.
const KEY: &str = "_API_KEY";

/// A NAS by its address: TrueNAS 25.04 or 25.10.
///
/// It is connected when something is first asked of it, for it may be installed in the same deploy. As long as no key for it is known,
/// nothing is there. Settings in the environment go before what stands in the code; their names begin like that of the key: with
/// [`key`](TrueNas::key) `TRUENAS_BACKUP_API_KEY` they are `TRUENAS_BACKUP_URL`, `_FINGERPRINT` and `_CA_FILE`.
///
/// ```
/// use homelab_core::{Secret, Site, Sites};
/// use homelab_truenas::{Nas, site::TrueNas};
/// const NAS: Site<Nas> = Site::named("nas");
/// fn sites() -> Sites {
///     Sites::new().with(NAS, TrueNas::at("192.168.0.20").key(Secret::named("TRUENAS_MAIN_API_KEY")))
/// }
/// ```
#[derive(Clone, Debug)]
pub struct TrueNas {
    pub(super) address: String,
    key: Secret,
    user: String,
    fingerprints: Vec<String>,
    ssh: Option<String>,
    installer: Option<String>,
    #[cfg(feature = "sim")]
    pub(super) computer: Option<String>,
    #[cfg(feature = "sim")]
    pub(super) disks: Vec<(String, u64)>,
    #[cfg(feature = "sim")]
    pub(super) is_new: bool,
    #[cfg(feature = "sim")]
    pub(super) is_bare: bool,
}

impl TrueNas {
    /// The NAS at this address: `192.168.0.20`, `nas.lan`, `https://nas.lan:8443`. Plain `http` is only for this machine itself, as
    /// the end of a tunnel: anywhere else a key that is shown there is revoked.
    pub fn at(address: impl Into<String>) -> Self {
        TrueNas {
            address: address.into(),
            key: Secret::named("TRUENAS_API_KEY"),
            user: "truenas_admin".into(),
            fingerprints: vec![],
            ssh: None,
            installer: None,
            #[cfg(feature = "sim")]
            computer: None,
            #[cfg(feature = "sim")]
            disks: vec![],
            #[cfg(feature = "sim")]
            is_new: false,
            #[cfg(feature = "sim")]
            is_bare: false,
        }
    }

    /// The secret that holds its API key, `1-xxxx`, or `USER:1-xxxx` for a user other than [`user`](TrueNas::user) says. Two NAS
    /// need two.
    #[must_use]
    pub fn key(mut self, key: Secret) -> Self {
        self.key = key;
        self
    }

    /// The user whose key it is; `truenas_admin` if nothing is said.
    #[must_use]
    pub fn user(mut self, user: impl Into<String>) -> Self {
        self.user = user.into();
        self
    }

    /// Trusts the certificate with this SHA-256.
    #[must_use]
    pub fn fingerprint(mut self, sha256: impl Into<String>) -> Self {
        self.fingerprints.push(sha256.into());
        self
    }

    /// Goes by SSH and `midclt` instead of the web server, as this login: root, or one that may use sudo without a password. For when
    /// the web server does not answer; it needs no key, and the SSH of the NAS, which is off when it comes from its installer.
    ///
    /// It speaks the newest API that the NAS has, whose shape may be another after an upgrade, and cannot set a new NAS up.
    #[must_use]
    pub fn over_ssh(mut self, login: impl Into<String>) -> Self {
        self.ssh = Some(login.into());
        self
    }

    /// Where its installer answers, while there is no system: what the router leases to the guest. It is the NAS's own address if nothing
    /// is said, for a lease that is tied to the guest's MAC.
    #[must_use]
    pub fn installer_at(mut self, host: impl Into<String>) -> Self {
        self.installer = Some(host.into());
        self
    }

    /// The installer speaks plain HTTP.
    fn installer(&self, address: &Address) -> Result<Address, Failure> {
        let host = self.installer.as_deref().unwrap_or(address.host());
        format!("http://{host}").parse().map_err(|e| Failure::unusable(format!("`TrueNas::installer_at`: {e}")))
    }

    /// The name of a setting beside the key.
    fn setting(&self, name: &str) -> String {
        let stem = self.key.name().strip_suffix(KEY).unwrap_or(self.key.name());
        format!("{stem}_{name}")
    }

    /// The secret of the key.
    #[must_use]
    pub fn secret(&self) -> Secret {
        self.key
    }

    fn place(&self, secrets: &Secrets) -> Result<Address, Failure> {
        let name = self.setting("URL");
        let (whence, text) =
            secrets.setting(&name).map_or_else(|| ("`TrueNas::at`".into(), self.address.clone()), |text| (name, text));
        text.parse().map_err(|e| Failure::unusable(format!("{whence}: {e}")))
    }

    fn trust(&self, secrets: &Secrets) -> Result<Trust, Failure> {
        let (pin, file) = (self.setting("FINGERPRINT"), self.setting("CA_FILE"));
        let listed = |text: String| text.split(',').map(|part| part.trim().to_owned()).collect::<Vec<_>>();
        if let Some(text) = secrets.setting(&pin) {
            return pinned(&pin, &listed(text));
        }
        if let Some(path) = secrets.setting(&file) {
            fs::read(&path).map_err(|e| Failure::unusable(format!("{file}: cannot read {path}: {e}")))?;
            return Ok(Trust::CaFile(PathBuf::from(path)));
        }
        match self.fingerprints.as_slice() {
            [] => Ok(Trust::System),
            some => pinned("`TrueNas::fingerprint`", some),
        }
    }

    /// Who logs in, and whom he trusts. `None` while there is no key.
    fn entry(&self, secrets: &Secrets) -> Result<Option<Entry>, Failure> {
        if !secrets.has(&self.key) {
            return Ok(None);
        }
        let value = secrets.resolve(&self.key)?;
        let (user, key) = match value.expose().split_once(':') {
            Some((user, key)) => (user.to_owned(), key.into()),
            None => (self.user.clone(), value),
        };
        let has_number =
            key.expose().split_once('-').is_some_and(|(id, rest)| id.parse::<u32>().is_ok() && !rest.is_empty());
        if !has_number {
            return Err(Failure::unusable(format!("{} holds no API key of TrueNAS", self.key)).hint(
                "it looks like 1-xxxx, and is shown once when it is made: Credentials, API Keys in the web interface",
            ));
        }
        Ok(Some(Entry { user, key, trust: self.trust(secrets)? }))
    }
}

fn pinned(whence: &str, texts: &[String]) -> Result<Trust, Failure> {
    let parse = |text: &String| {
        text.parse::<Fingerprint>().map_err(|e| {
            Failure::unusable(format!("{whence}: {e}"))
                .hint("a browser shows it under the certificate; `openssl x509 -noout -sha256 -fingerprint` prints it")
        })
    };
    Ok(Trust::Pinned(texts.iter().map(parse).collect::<Result<_, _>>()?))
}

impl Connect for TrueNas {
    type Provider = Nas;

    /// A NAS that is yet to be installed has no key, and needs none.
    fn credentials(&self) -> Vec<Vec<Secret>> {
        if self.ssh.is_some() {
            return vec![];
        }
        vec![vec![self.key], vec![]]
    }

    fn verbs(&self) -> &'static [Verb<Nas>] {
        super::verbs::VERBS
    }

    async fn live(&self, secrets: &Secrets) -> Result<Nas, Failure> {
        if let Some(login) = &self.ssh {
            let target = Target::named(self.place(secrets)?.host()).user(login);
            return Ok(Nas::over(Arc::new(Midclt::on(Arc::new(SshMachine::new(target))))));
        }
        // What makes no sense is told now; what is not there yet is asked for at each connection.
        self.entry(secrets)?;
        let address = self.place(secrets)?;
        let installer = self.installer(&address)?;
        let (way, known) = (self.clone(), secrets.clone());
        let login = Box::new(move || way.entry(&known));
        let (way, known) = (self.clone(), secrets.clone());
        let trust = Box::new(move || way.trust(&known));
        Ok(Nas::over(Arc::new(Socket::new(Way { address, login, trust, installer }))))
    }

    #[cfg(feature = "sim")]
    async fn sandbox(&self, sandbox: &Sandbox) -> Result<Nas, Failure> {
        super::sandbox::start(self, sandbox).await
    }

    #[cfg(not(feature = "sim"))]
    async fn sandbox(&self, _: &Sandbox) -> Result<Nas, Failure> {
        Err(Failure::new("this program was built without the simulator")
            .hint("build homelab-truenas with its feature `sim`, or configure credentials"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use homelab_core::env::Env;

    fn secrets(pairs: &[(&str, &str)]) -> Secrets {
        Secrets::none().and(Env::from_pairs(pairs.iter().copied()))
    }

    fn backup() -> TrueNas {
        TrueNas::at("192.168.0.21").key(Secret::named("TRUENAS_BACKUP_API_KEY"))
    }

    #[test]
    fn without_a_key_there_is_no_nas_yet() {
        assert!(backup().entry(&Secrets::none()).unwrap().is_none());
        assert!(backup().credentials().contains(&vec![]), "going live does not need it");
    }

    #[test]
    fn settings_are_named_like_the_key() {
        let pin = "AB:".repeat(32);
        let pairs = [
            ("TRUENAS_BACKUP_API_KEY", "iac:2-secret"),
            ("TRUENAS_BACKUP_URL", "https://127.0.0.1:8443"),
            ("TRUENAS_BACKUP_FINGERPRINT", pin.trim_end_matches(':')),
        ];
        let secrets = secrets(&pairs);
        let entry = backup().entry(&secrets).unwrap().unwrap();
        assert_eq!(entry.user, "iac");
        assert!(matches!(entry.trust, Trust::Pinned(pins) if pins.len() == 1));
        assert_eq!(backup().place(&secrets).unwrap().to_string(), "127.0.0.1:8443");
    }

    #[test]
    fn what_is_no_key_is_told_before_anything_is_sent() {
        let wrong = backup().entry(&secrets(&[("TRUENAS_BACKUP_API_KEY", "hunter2")])).err().unwrap();
        assert_eq!(wrong.message, "TRUENAS_BACKUP_API_KEY holds no API key of TrueNAS");
        let wrong = secrets(&[("TRUENAS_BACKUP_API_KEY", "1-x"), ("TRUENAS_BACKUP_FINGERPRINT", "AB:CD")]);
        assert!(backup().entry(&wrong).err().unwrap().message.contains("no SHA-256 fingerprint"));
    }
}
