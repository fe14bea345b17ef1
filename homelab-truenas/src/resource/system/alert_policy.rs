//! [`AlertPolicies`]: which alerts are sent, and how soon.
use super::{
    AlertLevel,
    settings::{Group, Settings},
};
use crate::Nas;
use homelab_core::Site;
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// How soon an alert is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum AlertPolicy {
    /// At once.
    Immediately,
    /// With others, once an hour.
    Hourly,
    /// With others, once a day.
    Daily,
    /// Not at all: it is shown in the web interface only.
    Never,
}

/// Which alerts are sent, and how soon, by their class: `ZpoolCapacityNotice`, `SnapshotFailed`. What is not named is as the NAS came.
pub type AlertPolicies = Settings<Policies>;

/// Policies by the class of an alert.
#[derive(Clone, Debug, Serialize)]
pub struct Policies {
    classes: BTreeMap<String, Class>,
    #[serde(skip)]
    site: Site<Nas>,
}

#[derive(Clone, Debug, Serialize)]
struct Class {
    policy: AlertPolicy,
    #[serde(skip_serializing_if = "Option::is_none")]
    level: Option<AlertLevel>,
}

impl AlertPolicies {
    /// Of this NAS: this class of alerts.
    #[must_use]
    pub fn on(site: Site<Nas>, class: impl Into<String>, policy: AlertPolicy) -> AlertPolicies {
        Settings::new(Policies { classes: BTreeMap::new(), site }).and(class, policy)
    }
    /// And this one.
    #[must_use]
    pub fn and(mut self, class: impl Into<String>, policy: AlertPolicy) -> AlertPolicies {
        self.group_mut().classes.insert(class.into(), Class { policy, level: None });
        self
    }
    /// And this one, as if it were of another level.
    #[must_use]
    pub fn and_as(mut self, class: impl Into<String>, policy: AlertPolicy, level: AlertLevel) -> AlertPolicies {
        self.group_mut().classes.insert(class.into(), Class { policy, level: Some(level) });
        self
    }
}

impl Group for Policies {
    const KIND: &'static str = "truenas/alert-policies";
    const TABLE: &'static str = "alertclasses";

    fn site(&self) -> Site<Nas> {
        self.site
    }
    fn factory() -> Value {
        json!({"classes": {}})
    }
}
