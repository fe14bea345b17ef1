//! The disks of firmware and TPM: `efidisk0` and `tpmstate0`.
use super::source::DiskSource;
use crate::api::{
    property::{ConfigError, ConfigString, Options, Other, Printer, as_text, unless},
    size::DiskSize,
};
use std::{
    fmt::{self, Display},
    str::FromStr,
};

/// The UEFI variables' disk: `local:1,efitype=4m,pre-enrolled-keys=1`. Its size is fixed by the server.
#[derive(Clone, Debug, PartialEq)]
pub struct EfiDisk {
    /// What is in the slot.
    pub source: DiskSource,
    /// `4m` for anything made today; absent means `2m`.
    pub efitype: Option<String>,
    /// Whether the distributions' and Microsoft's keys are enrolled, which turns Secure Boot on. Absent: no.
    pub pre_enrolled_keys: Option<bool>,
    /// The file format of a new volume.
    pub format: Option<String>,
    /// The size, only reported.
    pub size: Option<DiskSize>,
    /// Options that are not modelled here (`ms-cert`).
    pub other: Other,
}

impl EfiDisk {
    /// A new disk of the current type on `storage`.
    pub fn allocate(storage: impl Into<String>, pre_enrolled_keys: bool) -> Self {
        EfiDisk {
            source: DiskSource::allocate(storage, DiskSize::gib(1)),
            efitype: Some("4m".to_owned()),
            pre_enrolled_keys: Some(pre_enrolled_keys),
            format: None,
            size: None,
            other: Other::new(),
        }
    }
}

impl ConfigString for EfiDisk {
    fn canonical(&self) -> Self {
        EfiDisk {
            efitype: unless("2m", self.efitype.clone()),
            pre_enrolled_keys: unless(&false, self.pre_enrolled_keys),
            ..self.clone()
        }
    }
}

impl Display for EfiDisk {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        Printer::new()
            .first(&self.source)
            .set("efitype", self.efitype.as_ref())
            .flag("pre-enrolled-keys", self.pre_enrolled_keys)
            .set("format", self.format.as_ref())
            .set("size", self.size)
            .print(&self.other, to)
    }
}

impl FromStr for EfiDisk {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<Self, ConfigError> {
        let mut options = Options::read("EFI disk", text, "file")?;
        Ok(EfiDisk {
            source: options.required(&["file", "volume"])?.parse()?,
            efitype: options.take("efitype"),
            pre_enrolled_keys: options.flag("pre-enrolled-keys")?,
            format: options.take("format"),
            size: options.parsed("size")?,
            other: options.other(),
        })
    }
}

/// The TPM's state: `local:1,version=v2.0`. Size and version cannot be changed later.
#[derive(Clone, Debug, PartialEq)]
pub struct TpmState {
    /// What is in the slot.
    pub source: DiskSource,
    /// `v2.0`; absent means `v1.2`.
    pub version: Option<String>,
    /// The size, only reported.
    pub size: Option<DiskSize>,
    /// Options that are not modelled here.
    pub other: Other,
}

impl TpmState {
    /// A new TPM 2.0 state on `storage`.
    pub fn allocate(storage: impl Into<String>) -> Self {
        TpmState {
            source: DiskSource::allocate(storage, DiskSize::gib(1)),
            version: Some("v2.0".to_owned()),
            size: None,
            other: Other::new(),
        }
    }
}

impl ConfigString for TpmState {
    fn canonical(&self) -> Self {
        TpmState { version: unless("v1.2", self.version.clone()), ..self.clone() }
    }
}

impl Display for TpmState {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        Printer::new()
            .first(&self.source)
            .set("version", self.version.as_ref())
            .set("size", self.size)
            .print(&self.other, to)
    }
}

impl FromStr for TpmState {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<Self, ConfigError> {
        let mut options = Options::read("TPM state", text, "file")?;
        Ok(TpmState {
            source: options.required(&["file", "volume"])?.parse()?,
            version: options.take("version"),
            size: options.parsed("size")?,
            other: options.other(),
        })
    }
}
as_text!(EfiDisk, TpmState);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_ones_ask_for_what_is_made_today() {
        assert_eq!(EfiDisk::allocate("local", true).to_string(), "local:1,efitype=4m,pre-enrolled-keys=1");
        assert_eq!(TpmState::allocate("local").to_string(), "local:1,version=v2.0");
    }
}
