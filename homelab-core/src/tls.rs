//! Which certificates are trusted: pinned ones, those of a CA, or those the system trusts. There is no way to trust all.
//!
//! Appliances sign their certificates themselves, or with a CA of their own that nobody trusts. Pinning the leaf is safe and
//! simple; it ends when the certificate is renewed, so the error then shows both fingerprints.
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, OtherError, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject},
};
use sha2::{Digest, Sha256};
use std::{
    error::Error,
    fmt::{self, Display},
    path::{Path, PathBuf},
    str::FromStr,
    sync::Arc,
};

/// The SHA-256 of a certificate, as browsers, `openssl x509 -fingerprint` and `pvenode cert info` show it: `AB:12:...`, 32 bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// The fingerprint of a certificate in DER.
    #[must_use]
    pub fn of(certificate: &[u8]) -> Self {
        Fingerprint(Sha256::digest(certificate).into())
    }
}

impl Display for Fingerprint {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut colon = "";
        for byte in self.0 {
            write!(to, "{colon}{byte:02X}")?;
            colon = ":";
        }
        Ok(())
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        Display::fmt(self, to)
    }
}

/// A text that is no fingerprint.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no SHA-256 fingerprint: 64 hexadecimal digits, with or without colons")]
pub struct BadFingerprint(String);

impl FromStr for Fingerprint {
    type Err = BadFingerprint;

    fn from_str(text: &str) -> Result<Self, BadFingerprint> {
        let wrong = || BadFingerprint(text.to_owned());
        let digits: Vec<u8> = text.trim().bytes().filter(|byte| *byte != b':').collect();
        if digits.len() != 64 || !digits.iter().all(u8::is_ascii_hexdigit) {
            return Err(wrong());
        }
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks(2)) {
            let pair = std::str::from_utf8(pair).map_err(|_| wrong())?;
            *byte = u8::from_str_radix(pair, 16).map_err(|_| wrong())?;
        }
        Ok(Fingerprint(bytes))
    }
}

/// How the servers' certificates are checked.
#[derive(Clone, Debug)]
pub enum Trust {
    /// Only these certificates are accepted, whatever name and date they bear: one for each machine.
    Pinned(Vec<Fingerprint>),
    /// Certificates that a CA of this PEM file signed for the name or address that is asked, such as a cluster's
    /// `/etc/pve/pve-root-ca.pem`.
    CaFile(PathBuf),
    /// Certificates that this system trusts.
    System,
}

impl Trust {
    /// The settings for a TLS client.
    ///
    /// # Errors
    /// When nothing is pinned, or the CA's file cannot be used.
    pub fn config(&self) -> Result<ClientConfig, String> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let check = match self {
            Trust::Pinned(pins) if pins.is_empty() => return Err("no fingerprint is pinned".to_owned()),
            Trust::Pinned(pins) => Check::Pinned(pins.clone()),
            Trust::CaFile(file) => Check::By(authority(file, &provider)?),
            // Without any authority on this system all are refused, and the error shows the fingerprint to pin.
            Trust::System => match rustls_platform_verifier::Verifier::new(Arc::clone(&provider)) {
                Ok(system) => Check::By(Arc::new(system)),
                Err(_) => Check::Pinned(Vec::new()),
            },
        };
        let config = ClientConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions();
        let config = config.map_err(|error| error.to_string())?.dangerous();
        Ok(config.with_custom_certificate_verifier(Arc::new(Verifier { check, provider })).with_no_client_auth())
    }
}

fn authority(file: &Path, provider: &Arc<CryptoProvider>) -> Result<Arc<WebPkiServerVerifier>, String> {
    let wrong = |reason: &dyn Display| format!("the CA file {}: {reason}", file.display());
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(file).map_err(|error| wrong(&error))? {
        roots.add(certificate.map_err(|error| wrong(&error))?).map_err(|error| wrong(&error))?;
    }
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider)).build();
    verifier.map_err(|error| wrong(&error))
}

/// Why a certificate was not accepted.
#[derive(Debug, PartialEq, Eq)]
pub struct Untrusted {
    presented: Fingerprint,
    pinned: Vec<Fingerprint>,
    reason: String,
}

impl Display for Untrusted {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "{}\n  presented: {}", self.reason, self.presented)?;
        self.pinned.iter().try_for_each(|pin| write!(to, "\n  expected:  {pin}"))
    }
}

impl Error for Untrusted {}

impl Untrusted {
    /// The certificate that was shown.
    #[must_use]
    pub fn presented(&self) -> Fingerprint {
        self.presented
    }

    /// Finds it among the causes of `error`.
    #[must_use]
    pub fn behind<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a Untrusted> {
        if let Some(rustls::Error::InvalidCertificate(CertificateError::Other(OtherError(other)))) =
            error.downcast_ref()
        {
            return other.downcast_ref();
        }
        // An I/O error does not count what it carries among its sources.
        let carried = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        match carried {
            Some(carried) => Untrusted::behind(carried),
            None => Untrusted::behind(error.source()?),
        }
    }
}

const UNSIGNED: &str = "its certificate is signed by nobody who is trusted";

fn reason(error: &rustls::Error) -> String {
    match error {
        rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer) => UNSIGNED.to_owned(),
        rustls::Error::InvalidCertificate(wrong) => format!("its certificate is not trusted: {wrong}"),
        other => format!("its certificate is not trusted: {other}"),
    }
}

#[derive(Debug)]
enum Check {
    Pinned(Vec<Fingerprint>),
    By(Arc<dyn ServerCertVerifier>),
}

/// Checks a certificate, and says its fingerprint when it is refused.
#[derive(Debug)]
struct Verifier {
    check: Check,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let presented = Fingerprint::of(leaf);
        let untrusted = match &self.check {
            Check::Pinned(pins) if pins.contains(&presented) => return Ok(ServerCertVerified::assertion()),
            Check::Pinned(pins) => {
                let reason = if pins.is_empty() { UNSIGNED } else { "its certificate is not the pinned one" };
                Untrusted { presented, pinned: pins.clone(), reason: reason.to_owned() }
            }
            Check::By(verifier) => match verifier.verify_server_cert(leaf, others, name, ocsp, now) {
                Ok(verified) => return Ok(verified),
                Err(error) => Untrusted { presented, pinned: Vec::new(), reason: reason(&error) },
            },
        };
        Err(rustls::Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(untrusted)))))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprints_are_read_as_people_copy_them() {
        let print = Fingerprint::of(b"certificate");
        let text = print.to_string();
        assert_eq!(text.len(), 95);
        for copy in [text.clone(), text.to_lowercase(), text.replace(':', ""), format!(" {text}\n")] {
            assert_eq!(copy.parse::<Fingerprint>().unwrap(), print);
        }
        let error = "AB:CD".parse::<Fingerprint>().unwrap_err().to_string();
        assert_eq!(error, "`AB:CD` is no SHA-256 fingerprint: 64 hexadecimal digits, with or without colons");
    }

    #[test]
    fn trust_that_cannot_work_is_told_before_anything_is_sent() {
        assert_eq!(Trust::Pinned(vec![]).config().unwrap_err(), "no fingerprint is pinned");
        let missing = Trust::CaFile("/nonexistent/ca.pem".into()).config().unwrap_err();
        assert!(missing.starts_with("the CA file /nonexistent/ca.pem: "), "{missing}");
    }
}
