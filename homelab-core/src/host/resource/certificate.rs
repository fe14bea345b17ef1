//! Certificates with their keys.
use super::{
    kept::{Kept, Place, forget, lives_on_a_machine},
    whole::{foreign, text},
};
use crate::{
    Apply, Failure, Look, Resource, Secret, Text,
    host::{Action, Command, Content, Host, HostPath, Hosts, HostsReader, Ownership, Spot, content::sha256, probe},
    outputs,
    plan::{self, Change, Note},
};
use futures_util::future::{try_join, try_join4};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How long before its end a certificate is warned of.
const WARNED: Duration = Duration::from_secs(30 * 24 * 3600);
/// Modes of the certificate and of its key.
const OPEN: u32 = 0o644;
const SHUT: u32 = 0o600;
const AS_DECLARED: &str = "as declared";

/// A certificate with those that vouch for it, and its key, as files: `PATH.crt` for everybody, `PATH.key` for its owner alone. The key
/// is a secret: it is compared by its SHA-256 and never shown. A certificate that has ended is a difference that only another one can
/// end; one that ends within 30 days is said in the plan that puts it in place, and is the output [`fresh`](CertificateOutputs::fresh)
/// at any time. The machine needs `openssl`.
#[derive(Clone, Debug, Serialize)]
pub struct Certificate {
    #[serde(skip)]
    host: Host,
    #[serde(skip)]
    name: String,
    certificate: String,
    #[serde(skip)]
    secret: Secret,
    key: &'static str,
    owner: String,
    valid: bool,
    digest: String,
}

impl Certificate {
    /// The files `PATH.crt` and `PATH.key`, which root owns.
    ///
    /// # Panics
    /// On a path that is not absolute, and on what is no certificate.
    #[must_use]
    #[track_caller]
    pub fn on(host: impl Into<Host>, path: &str, certificate: &str, key: Secret) -> Self {
        let fine = path.starts_with('/') && !path.ends_with('/') && !path.contains(char::is_control);
        assert!(fine, "`{}` is no place for a certificate: a path from `/` on, without an ending", path.escape_debug());
        assert!(
            certificate.contains("-----BEGIN CERTIFICATE-----"),
            "what is given for {path} is no certificate in PEM"
        );
        let certificate = format!("{}\n", certificate.trim());
        Certificate {
            host: host.into(),
            name: path.to_owned(),
            digest: sha256(certificate.as_bytes()),
            certificate,
            secret: key,
            key: AS_DECLARED,
            owner: "root".into(),
            valid: true,
        }
    }

    /// Who may read the key.
    #[must_use]
    #[track_caller]
    pub fn owner(mut self, user: &str) -> Self {
        self.owner = super::group::account_name(user);
        self
    }
}

/// The key that was put in place, by its hash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Before {
    key: String,
}

/// What is seen of a certificate.
#[derive(Clone, Debug, Serialize)]
pub struct CertificateState {
    /// The certificate.
    pub certificate: Option<String>,
    /// What is to be said of its key.
    pub key: String,
    /// Who may read the key.
    pub owner: Option<String>,
    /// Whether it has not ended.
    pub valid: bool,
    /// Whether it does not end within 30 days.
    pub fresh: bool,
    /// The SHA-256 of the certificate: another after each change.
    pub digest: Option<String>,
    #[serde(skip)]
    sum: Option<String>,
    #[serde(skip)]
    place: Place,
    #[serde(skip)]
    kept: Option<Kept<Before>>,
}

outputs!(
    /// What is known of a certificate.
    CertificateOutputs of CertificateState {
        /// The SHA-256 of the certificate: what restarts on it gives it to `restart_on`.
        digest: String,
        /// Whether it does not end within 30 days.
        fresh: bool,
    }
);

fn file(name: &str, ending: &str) -> HostPath {
    HostPath::at(&format!("{name}.{ending}"))
}

/// Whether a certificate still counts after some time: openssl-x509(1), `-checkend`.
fn counts(path: &HostPath, after: Duration) -> Command {
    let seconds = after.as_secs().to_string();
    Command::new("openssl").args(["x509", "-noout", "-checkend", &seconds, "-in"]).arg(path.as_bytes())
}

async fn ends(spot: &Spot, path: &HostPath, cx: &HostsReader) -> Result<(bool, bool), Failure> {
    let ask = |after| cx.ask(spot, probe::command(counts(path, after)));
    let (now, soon) = try_join(ask(Duration::ZERO), ask(WARNED)).await?;
    Ok((now.is_success(), soon.is_success()))
}

async fn look(place: &Place, cx: &HostsReader) -> Result<Option<CertificateState>, Failure> {
    let path = file(&place.name, "crt");
    let (kept, certificate, key, (valid, fresh)) = try_join4(
        Kept::<Before>::recall(Certificate::KIND, place, cx),
        cx.ask(&place.spot, probe::read(path.clone())),
        cx.ask(&place.spot, probe::digest(file(&place.name, "key"))),
        ends(&place.spot, &path, cx),
    )
    .await?;
    let Some(kept) = kept else { return Ok(None) };
    let certificate = certificate.map(|bytes| text(&path, bytes)).transpose()?;
    let shut = key.as_ref().filter(|key| key.mode == SHUT);
    let sum = shut.and_then(|key| key.sha256.clone());
    Ok(Some(CertificateState {
        digest: certificate.as_ref().map(|text| sha256(text.as_bytes())),
        certificate,
        key: if sum.as_ref() == Some(&kept.before.key) { AS_DECLARED } else { "missing, or another" }.into(),
        owner: key.map(|key| key.owner),
        valid,
        fresh,
        sum,
        place: place.clone(),
        kept: Some(kept),
    }))
}

impl Resource for Certificate {
    const KIND: &'static str = "host/certificate";
    type Outputs = CertificateOutputs;
    lives_on_a_machine!(CertificateState, own read);

    async fn read(&self, cx: &Look<'_, Hosts>) -> Result<Option<CertificateState>, Failure> {
        let Some(spot) = self.host.spot(cx) else { return Ok(None) };
        let state = look(&Place { spot, name: self.name.clone() }, cx).await?;
        let Some(mut state) = state else { return Ok(None) };
        if let Some(key) = cx.text(&Text::from(self.secret))? {
            // Another secret than the one that was put in place is a difference as well.
            let same = state.sum.as_ref() == Some(&Content::from(&key).sha256());
            state.key = if same { AS_DECLARED } else { "missing, or another" }.into();
        }
        Ok(Some(state))
    }

    fn review(&self, now: Option<&CertificateState>, _: plan::Action, changes: &[Change]) -> Vec<Note> {
        let same = !changes.iter().any(|change| change.field == "certificate");
        let ended = now.is_some_and(|now| !now.valid) && same;
        let soon = now.is_some_and(|now| !now.fresh) && same;
        match (ended, soon) {
            (true, _) => vec![Note::refused("it has ended").hint("put another certificate in the code")],
            (_, true) => vec![Note::info("it ends within 30 days")],
            _ => vec![],
        }
    }

    async fn inspect(&self, now: Option<&CertificateState>, cx: &Look<'_, Hosts>) -> Result<Vec<Note>, Failure> {
        let Some(spot) = self.host.spot(cx).filter(|_| now.is_none()) else { return Ok(vec![]) };
        let mut notes = vec![];
        for path in [format!("{}.crt", self.name), format!("{}.key", self.name)] {
            let there = cx.ask(&spot, probe::stat(HostPath::at(&path))).await?;
            notes.extend(there.map(|_| foreign(&path)));
        }
        Ok(notes)
    }

    async fn apply(&self, _: Option<&CertificateState>, cx: &Apply<'_, Hosts>) -> Result<(), Failure> {
        let key = Content::from(&cx.secret(&self.secret)?);
        let (spot, owner) = (self.host.spot_now(cx)?, Ownership::of(self.owner.as_str(), "root"));
        let (crt, path) = (file(&self.name, "crt"), file(&self.name, "key"));
        let of_key = Command::new("openssl").args(["pkey", "-noout", "-check"]).stdin(key.clone());
        let actions = [
            Kept::new(cx.mark(), Before { key: key.sha256() }).write(Self::KIND, &self.name),
            Action::Run(of_key),
            Action::Write { path, content: key, mode: SHUT, owner: Some(owner) },
            Action::Write {
                path: crt,
                content: self.certificate.as_str().into(),
                mode: OPEN,
                owner: Some(Ownership::root()),
            },
        ];
        cx.carry_out(cx.permit(), &spot, actions).await
    }

    async fn delete(state: &CertificateState, cx: &Apply<'_, Hosts>) -> Result<(), Failure> {
        let name = &state.place.name;
        let actions = [Action::Remove(file(name, "key")), Action::Remove(file(name, "crt")), forget(Self::KIND, name)];
        cx.carry_out(cx.permit(), &state.place.spot, actions).await
    }
}
