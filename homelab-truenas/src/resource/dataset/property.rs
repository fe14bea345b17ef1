//! Properties of datasets: set, inherited, or left alone; in one spelling.
use homelab_core::units::Size;
use serde::{Serialize, Serializer};
use std::{collections::BTreeMap, fmt};

/// How hard data is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    Off,
    /// Fast, and what a new pool has.
    Lz4,
    /// Well: levels 1 to 19.
    Zstd(u8),
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Compression::Off => f.write_str("OFF"),
            Compression::Lz4 => f.write_str("LZ4"),
            // ZFS's name of the default level.
            Compression::Zstd(3) => f.write_str("ZSTD"),
            Compression::Zstd(level) => write!(f, "ZSTD-{level}"),
        }
    }
}

/// When a write that must be durable counts as done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sync {
    /// When the intent log has it, if the client asks for that.
    Standard,
    /// The same for every write.
    Always,
    /// At once. The last seconds before a power cut are lost, although the client was told otherwise.
    Disabled,
}

impl Sync {
    const fn word(self) -> &'static str {
        match self {
            Sync::Standard => "STANDARD",
            Sync::Always => "ALWAYS",
            Sync::Disabled => "DISABLED",
        }
    }
}

/// A property that can be inherited. What is not declared is not managed, which is the third value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Property {
    /// Has this value here, in the API's spelling.
    Set(String),
    /// Has no value of its own.
    Inherit,
}

/// The API's word for "no value of its own".
pub(crate) const INHERIT: &str = "INHERIT";

impl Serialize for Property {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(match self {
            Property::Set(value) => value,
            Property::Inherit => INHERIT,
        })
    }
}

impl From<Compression> for Property {
    fn from(compression: Compression) -> Self {
        Property::Set(compression.to_string())
    }
}
impl From<Sync> for Property {
    fn from(sync: Sync) -> Self {
        Property::Set(sync.word().to_owned())
    }
}
impl From<bool> for Property {
    fn from(on: bool) -> Self {
        Property::Set(if on { "ON" } else { "OFF" }.to_owned())
    }
}
/// A size of blocks: `128K`.
impl From<Size> for Property {
    fn from(size: Size) -> Self {
        Property::Set(blocks(size.as_bytes()))
    }
}
impl From<&str> for Property {
    fn from(word: &str) -> Self {
        Property::Set(word.to_ascii_uppercase())
    }
}

/// Declared properties, by the API's names.
pub(crate) type Properties = BTreeMap<&'static str, Property>;

/// The properties that are read, all of them inheritable.
pub(crate) const NAMES: [&str; 12] = [
    "recordsize",
    "compression",
    "atime",
    "exec",
    "sync",
    "snapdir",
    "readonly",
    "copies",
    "deduplication",
    "checksum",
    "acltype",
    "aclmode",
];

/// A size of blocks in the API's spelling.
fn blocks(bytes: u64) -> String {
    match bytes {
        b if b >= 1 << 20 && b % (1 << 20) == 0 => format!("{}M", b >> 20),
        b if b >= 1 << 10 && b % (1 << 10) == 0 => format!("{}K", b >> 10),
        b => b.to_string(),
    }
}

/// What ZFS itself says (`131072`, `zstd`, `off`) in the spelling in which it is written.
pub(crate) fn spelled(name: &str, raw: &str) -> String {
    match name {
        "recordsize" | "volblocksize" => raw.parse().map_or_else(|_| raw.to_ascii_uppercase(), blocks),
        "acltype" => match raw {
            "posix" | "posixacl" => "POSIX".to_owned(),
            "noacl" => "OFF".to_owned(),
            other => other.to_ascii_uppercase(),
        },
        _ => raw.to_ascii_uppercase(),
    }
}

/// A value as `pool.dataset.update` takes it: some are numbers there.
pub(crate) fn sent(name: &str, property: &Property) -> serde_json::Value {
    match property {
        Property::Set(value) if name == "copies" => {
            value.parse::<u64>().map_or_else(|_| value.as_str().into(), Into::into)
        }
        Property::Set(value) => value.as_str().into(),
        Property::Inherit => INHERIT.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use homelab_core::units::SizeUnits;
    use proptest::prelude::*;

    #[test]
    fn what_zfs_says_is_spelled_as_it_was_declared() {
        for (name, declared, raw) in [
            ("recordsize", Property::from(1.mib()), "1048576"),
            ("recordsize", Property::from(16.kib()), "16384"),
            ("compression", Compression::Zstd(3).into(), "zstd"),
            ("compression", Compression::Zstd(9).into(), "zstd-9"),
            ("compression", Compression::Lz4.into(), "lz4"),
            ("atime", false.into(), "off"),
            ("sync", Sync::Always.into(), "always"),
            ("acltype", "nfsv4".into(), "nfsv4"),
            ("acltype", "posix".into(), "posix"),
        ] {
            assert_eq!(Property::Set(spelled(name, raw)), declared, "{name}");
        }
    }

    proptest! {
        #[test]
        fn a_size_of_blocks_is_told_back_as_it_was_declared(shift in 9..=24u32) {
            let size = Size::bytes(1 << shift);
            prop_assert_eq!(Property::Set(spelled("recordsize", &size.as_bytes().to_string())), size.into());
        }

        #[test]
        fn every_level_of_compression_is_told_back(level in 1..=19u8) {
            let raw = if level == 3 { "zstd".to_owned() } else { format!("zstd-{level}") };
            prop_assert_eq!(Property::Set(spelled("compression", &raw)), Compression::Zstd(level).into());
        }
    }
}
