//! What a container may do beyond the ordinary, and devices of the node that it sees.
use crate::api::property::{ConfigError, ConfigString, Options, Other, Printer, as_text, flag};
use std::{
    fmt::{self, Display},
    str::FromStr,
};

/// `nesting=1,keyctl=1`. A token may set `nesting` of an unprivileged container; everything else is root's (pve-notes section 3).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Features(Other);

impl Features {
    /// Whether one is on.
    #[must_use]
    pub fn on(&self, name: &str) -> bool {
        self.0.get(name).and_then(|value| flag(value)).unwrap_or(false)
    }

    /// The features that are on: `keyctl`, `mount=nfs`.
    pub fn iter(&self) -> impl Iterator<Item = String> {
        let on = self.0.iter().filter(|(_, value)| flag(value) != Some(false));
        on.map(|(name, value)| if flag(value) == Some(true) { name.clone() } else { format!("{name}={value}") })
    }

    /// The same with one switched: `keyctl`, `mount=nfs`.
    #[must_use]
    pub fn with(mut self, name: &str, on: bool) -> Self {
        let (name, value) = name.split_once('=').unwrap_or((name, "1"));
        if on {
            self.0.insert(name.to_owned(), value.to_owned());
        } else {
            self.0.remove(name);
        }
        self
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl ConfigString for Features {
    fn canonical(&self) -> Self {
        Features(self.0.iter().filter(|(_, value)| *value != "0").map(|(k, v)| (k.clone(), v.clone())).collect())
    }
}

impl Display for Features {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        Printer::new().print(&self.0, to)
    }
}

impl FromStr for Features {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<Self, ConfigError> {
        Ok(Features(Options::read("list of features", text, "")?.other()))
    }
}

/// A device of the node: `/dev/dri/renderD128,gid=104`. Only root may set it (pve-notes section 3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// Its path on the node.
    pub path: String,
    /// Options: `gid`, `uid`, `mode`, `deny-write`.
    pub other: Other,
}

impl ConfigString for Device {
    fn canonical(&self) -> Self {
        self.clone()
    }
}

impl Display for Device {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        Printer::new().first(&self.path).print(&self.other, to)
    }
}

impl FromStr for Device {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<Self, ConfigError> {
        let mut options = Options::read("device", text, "path")?;
        Ok(Device { path: options.required(&["path"])?, other: options.other() })
    }
}
as_text!(Features, Device);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn features_are_compared_by_meaning() {
        let features: Features = "nesting=1,keyctl=0".parse().unwrap();
        assert!(features.on("nesting") && !features.on("keyctl") && !features.on("fuse"));
        assert!(features.same(&Features::default().with("nesting", true)));
        assert!(features.with("nesting", false).canonical().is_empty());
    }
}
