//! What differs between a guest and its declaration, as options to set and to delete.
use crate::{api::qemu::Change, client::Params};
use homelab_core::Field;
use std::fmt::Display;

/// Options to set and to delete, and the fields that they are about.
#[derive(Default)]
pub(crate) struct Edits {
    pub(crate) set: Vec<(String, String)>,
    pub(crate) delete: Vec<String>,
    /// The declared fields behind them, as a plan names them.
    pub(crate) fields: Vec<String>,
    /// Whether a volume is made, which can take longer than a call may.
    pub(crate) allocates: bool,
}

impl Edits {
    pub(crate) fn put(&mut self, field: impl Into<String>, key: impl Display, value: impl Display) {
        self.fields.push(field.into());
        self.set.push((key.to_string(), value.to_string()));
    }

    pub(crate) fn drop(&mut self, field: impl Into<String>, key: impl Display) {
        self.fields.push(field.into());
        self.delete.push(key.to_string());
    }

    /// Sets or clears one option by its three values.
    pub(crate) fn field<T: Display + PartialEq>(&mut self, name: &str, key: &str, wanted: &Field<T>, is: Option<&T>) {
        match wanted {
            Field::Set(value) if is != Some(value) => self.put(name, key, value),
            Field::Cleared if is.is_some() => self.drop(name, key),
            _ => {}
        }
    }

    /// As parameters of a creation.
    pub(crate) fn params(self) -> Params {
        self.set.into_iter().collect()
    }

    /// As a change that fits only this configuration.
    pub(crate) fn change(&self, digest: Option<&str>) -> Change {
        let change = self.set.iter().fold(Change::new(), |change, (key, value)| change.set(key, value));
        let change = self.delete.iter().fold(change, |change, key| change.delete(key));
        change.if_still(digest)
    }

    /// The options that are set or deleted.
    pub(crate) fn keys(&self) -> Vec<String> {
        self.set.iter().map(|(key, _)| key).chain(&self.delete).cloned().collect()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.set.is_empty() && self.delete.is_empty()
    }
}
