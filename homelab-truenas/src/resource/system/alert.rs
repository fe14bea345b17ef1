//! [`AlertService`]: where the NAS sends its alerts.
use crate::{
    Nas,
    resource::row::{Entry, Fields, Row, RowOutputs, at_site},
};
use homelab_core::{Secret, Site, Text};
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// From which level on an alert is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum AlertLevel {
    /// Good to know.
    Info,
    /// Worth a look.
    Notice,
    /// Something may go wrong.
    Warning,
    /// Something went wrong.
    Error,
    /// Data or service is at risk.
    Critical,
}

/// Where the NAS sends its alerts.
pub type AlertService = Entry<Alert>;

/// A service without a NAS.
#[derive(Clone, Debug)]
pub struct AlertServiceOf(String);

/// What an alert service is.
#[derive(Clone, Debug, Serialize)]
pub struct Alert {
    #[serde(rename = "name")]
    service: String,
    level: AlertLevel,
    enabled: bool,
    attributes: BTreeMap<&'static str, Text>,
    #[serde(skip)]
    name: String,
    #[serde(skip)]
    site: Site<Nas>,
}

impl AlertService {
    /// The service of this name.
    #[must_use]
    pub fn named(name: impl Into<String>) -> AlertServiceOf {
        AlertServiceOf(name.into())
    }
    /// Sent from this level on; warnings and worse if nothing is said.
    #[must_use]
    pub fn from(mut self, level: AlertLevel) -> AlertService {
        self.0.level = level;
        self
    }
}

impl AlertServiceOf {
    fn of(self, site: Site<Nas>, attributes: BTreeMap<&'static str, Text>) -> AlertService {
        Entry(Alert {
            name: at_site(site, &self.0),
            service: self.0,
            level: AlertLevel::Warning,
            enabled: true,
            attributes,
            site,
        })
    }
    /// By mail, through the NAS's own mail settings.
    #[must_use]
    pub fn mail(self, site: Site<Nas>, address: impl Into<String>) -> AlertService {
        self.of(site, BTreeMap::from([("type", "Mail".into()), ("email", address.into().into())]))
    }
    /// To a channel of Slack, or of what speaks its webhooks; the address is the secret.
    #[must_use]
    pub fn slack(self, site: Site<Nas>, webhook: Secret) -> AlertService {
        self.of(site, BTreeMap::from([("type", "Slack".into()), ("url", webhook.into())]))
    }
    /// To PagerDuty.
    #[must_use]
    pub fn pager_duty(self, site: Site<Nas>, service_key: Secret, client: impl Into<String>) -> AlertService {
        let attributes =
            [("type", "PagerDuty".into()), ("service_key", service_key.into()), ("client_name", client.into().into())];
        self.of(site, BTreeMap::from(attributes))
    }
}

impl Row for Alert {
    const KIND: &'static str = "truenas/alert-service";
    const TABLE: &'static str = "alertservice";
    const KEY: &'static [&'static str] = &["name"];
    /// An update has to carry everything (truenas-notes section 12).
    const WHOLE: bool = true;
    /// Secrets are among them, and what a key may not read comes as stars: they are sent and never compared.
    const WRITE_ONLY: &'static [&'static str] = &["attributes"];
    const HIDDEN: &'static [&'static str] = &["attributes", "type__title"];
    const HAS_OLD_WORDS: bool = true;
    type Outputs = RowOutputs;

    fn name(&self) -> &str {
        &self.name
    }
    fn site(&self) -> Site<Nas> {
        self.site
    }
    fn key(&self) -> impl Serialize + Send {
        (&self.service,)
    }
    /// Before 25.10 the type stands beside the attributes (schema of `alertservice.create`).
    fn in_old_words(mut body: Fields) -> Fields {
        let kind = body.get_mut("attributes").and_then(Value::as_object_mut).and_then(|own| own.shift_remove("type"));
        body.extend(kind.map(|kind| ("type".to_owned(), kind)));
        body
    }
}
