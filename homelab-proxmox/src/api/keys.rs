//! The options of a configuration, taken out one by one; what nobody took is kept as text.
use super::{
    lenient::FromScalar,
    property::{ConfigError, Other, flag},
    qemu::index,
};
use serde_json::{Map, Value};
use std::{collections::BTreeMap, str::FromStr};

/// The options that nobody took yet.
pub(crate) struct Keys(Other);

impl Keys {
    pub(crate) fn of(data: &Map<String, Value>) -> Self {
        let text = |(key, value): (&String, &Value)| {
            (key.clone(), String::from_scalar(value).unwrap_or_else(|| value.to_string()))
        };
        Keys(data.iter().map(text).collect())
    }

    /// What is not modelled.
    pub(crate) fn rest(self) -> Other {
        self.0
    }

    pub(crate) fn take(&mut self, key: &str) -> Option<String> {
        self.0.remove(key)
    }

    pub(crate) fn parsed<T: FromStr<Err = ConfigError>>(&mut self, key: &str) -> Result<Option<T>, ConfigError> {
        let Some(value) = self.take(key) else { return Ok(None) };
        value.parse().map(Some).map_err(|error: ConfigError| named(key, error))
    }

    pub(crate) fn flag(&mut self, key: &str) -> Result<Option<bool>, ConfigError> {
        let Some(value) = self.take(key) else { return Ok(None) };
        let wrong = || named(key, ConfigError::new("switch", &value, "it is neither on nor off"));
        flag(&value).map(Some).ok_or_else(wrong)
    }

    pub(crate) fn number<T: FromStr>(&mut self, key: &str) -> Result<Option<T>, ConfigError> {
        let Some(value) = self.take(key) else { return Ok(None) };
        // `memory` is a property string since PVE 8.1: `current=512`.
        let digits = value.strip_prefix("current=").unwrap_or(&value);
        let wrong = |_| named(key, ConfigError::new("number", &value, "it has other symbols, or is too large"));
        digits.trim().parse().map(Some).map_err(wrong)
    }

    pub(crate) fn numbered<T: FromStr<Err = ConfigError>>(
        &mut self,
        name: &str,
    ) -> Result<BTreeMap<u16, T>, ConfigError> {
        let keys: Vec<_> = self.0.keys().filter_map(|key| Some((index(key, name)?, key.clone()))).collect();
        let read = |(number, key): (u16, String)| Ok((number, self.parsed(&key)?));
        let found: Result<Vec<_>, ConfigError> = keys.into_iter().map(read).collect();
        Ok(found?.into_iter().filter_map(|(number, value)| Some((number, value?))).collect())
    }
}

fn named(key: &str, error: ConfigError) -> ConfigError {
    ConfigError { reason: format!("{} (option `{key}`)", error.reason), ..error }
}
