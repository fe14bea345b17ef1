//! [`Keep`]: which backups stay.
use crate::api::FromScalar;
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// How many backups of a guest are kept, by age; all others go when the job has made a new one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Keep(BTreeMap<String, u32>);

impl Keep {
    /// The newest ones.
    #[must_use]
    pub fn last(n: u32) -> Keep {
        Keep::default().and("keep-last", n)
    }
    /// One of each day.
    #[must_use]
    pub fn daily(self, n: u32) -> Keep {
        self.and("keep-daily", n)
    }
    /// One of each week.
    #[must_use]
    pub fn weekly(self, n: u32) -> Keep {
        self.and("keep-weekly", n)
    }
    /// One of each month.
    #[must_use]
    pub fn monthly(self, n: u32) -> Keep {
        self.and("keep-monthly", n)
    }
    /// One of each year.
    #[must_use]
    pub fn yearly(self, n: u32) -> Keep {
        self.and("keep-yearly", n)
    }

    fn and(mut self, key: &str, n: u32) -> Keep {
        self.0.insert(key.to_owned(), n);
        self
    }

    pub(super) fn text(&self) -> String {
        self.0.iter().map(|(key, n)| format!("{key}={n}")).collect::<Vec<_>>().join(",")
    }

    /// As it is listed: an object, or the text that it was given as.
    pub(super) fn read(value: &Value) -> Option<Keep> {
        let number = |key: &str, n: &str| Some((key.to_owned(), n.trim().parse().ok()?));
        let all = match value {
            Value::Object(map) => map.iter().filter_map(|(key, n)| number(key, &String::from_scalar(n)?)).collect(),
            Value::String(text) => {
                text.split(',').filter_map(|one| one.split_once('=')).filter_map(|(k, n)| number(k, n)).collect()
            }
            _ => return None,
        };
        Some(Keep(all))
    }
}
