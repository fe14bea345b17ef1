//! [`Certificate`]: a certificate and its key, made elsewhere and imported.
use crate::{
    Nas,
    resource::row::{Entry, Fields, Row, RowOutputs, RowState, at_site},
};
use homelab_core::{Secret, Site};
use serde::Serialize;
use serde_json::{Value, json};

/// A certificate with its key, imported. It cannot be changed: another certificate is another name.
pub type Certificate = Entry<Cert>;

/// A certificate without a NAS.
#[derive(Clone, Debug)]
pub struct CertificateOf(String);

/// What a certificate is.
#[derive(Clone, Debug, Serialize)]
pub struct Cert {
    #[serde(rename = "name")]
    certificate_name: String,
    certificate: String,
    privatekey: Secret,
    #[serde(skip)]
    name: String,
    #[serde(skip)]
    site: Site<Nas>,
}

impl Certificate {
    /// The certificate of this name.
    #[must_use]
    pub fn named(name: impl Into<String>) -> CertificateOf {
        CertificateOf(name.into())
    }
}

impl CertificateOf {
    /// On this NAS: the chain in PEM, and its key.
    #[must_use]
    pub fn on(self, site: Site<Nas>, chain: impl Into<String>, key: Secret) -> Certificate {
        Entry(Cert {
            name: at_site(site, &self.0),
            certificate_name: self.0,
            certificate: chain.into(),
            privatekey: key,
            site,
        })
    }
}

impl Row for Cert {
    const KIND: &'static str = "truenas/certificate";
    const TABLE: &'static str = "certificate";
    const KEY: &'static [&'static str] = &["name"];
    const REPLACE_ON: &'static [&'static str] = &["certificate"];
    const WRITE_ONLY: &'static [&'static str] = &["privatekey"];
    const HIDDEN: &'static [&'static str] = &["privatekey", "CSR", "lifetime", "expired"];
    const JOBS: &'static [&'static str] = &["create", "update", "delete"];
    type Outputs = RowOutputs;

    fn name(&self) -> &str {
        &self.name
    }
    fn site(&self) -> Site<Nas> {
        self.site
    }
    fn key(&self) -> impl Serialize + Send {
        (&self.certificate_name,)
    }
    fn body(&self, mut spec: Fields, now: Option<&RowState>) -> Fields {
        if now.is_none() {
            spec.insert("create_type".into(), "CERTIFICATE_CREATE_IMPORTED".into());
        }
        spec
    }
    fn deleting() -> Vec<Value> {
        vec![json!(false)]
    }
}
