//! How the disks of a vdev hold its data.
use serde::{Serialize, Serializer};
use std::{fmt, str::FromStr};

/// The layout of a vdev.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Layout {
    /// Disks without redundancy: one that fails takes the pool with it, where it holds data.
    Stripe,
    /// Copies: all disks but one may fail.
    Mirror,
    /// So many disks may fail: 1 to 3.
    Raidz(u8),
    /// The same with spare room distributed over all disks.
    Draid {
        /// How many disks may fail: 1 to 3.
        parity: u8,
        /// How many disks of a group hold data.
        data: u8,
        /// How many disks' worth of room is spare.
        spares: u8,
    },
}

impl Layout {
    /// The API's own word: `RAIDZ2`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Layout::Stripe => "STRIPE",
            Layout::Mirror => "MIRROR",
            Layout::Raidz(1) => "RAIDZ1",
            Layout::Raidz(2) => "RAIDZ2",
            Layout::Raidz(_) => "RAIDZ3",
            Layout::Draid { parity: 1, .. } => "DRAID1",
            Layout::Draid { parity: 2, .. } => "DRAID2",
            Layout::Draid { .. } => "DRAID3",
        }
    }

    /// The fewest disks that it can have (truenas-notes section 6).
    #[must_use]
    pub const fn least(self) -> usize {
        match self {
            Layout::Stripe => 1,
            Layout::Mirror => 2,
            Layout::Raidz(parity) => parity as usize + 2,
            Layout::Draid { parity, data, spares } => parity as usize + data as usize + spares as usize,
        }
    }

    /// How many of `width` disks may fail at once.
    #[must_use]
    pub const fn may_fail(self, width: usize) -> usize {
        match self {
            Layout::Stripe => 0,
            Layout::Mirror => width.saturating_sub(1),
            Layout::Raidz(parity) | Layout::Draid { parity, .. } => parity as usize,
        }
    }
}

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())?;
        match self {
            Layout::Draid { data, spares, .. } => write!(f, ":{data}d:{spares}s"),
            _ => Ok(()),
        }
    }
}

impl Serialize for Layout {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

/// The NAS calls a vdev something that is no layout of a pool's row.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not the layout of a vdev")]
pub struct NoLayout(String);

/// Reads the API's words, ZFS's own names (`raidz2-0`, `draid2:4d:11c:1s-0`), and what [`Layout`] prints.
impl FromStr for Layout {
    type Err = NoLayout;
    fn from_str(text: &str) -> Result<Self, NoLayout> {
        let lower = text.to_ascii_lowercase();
        let word = lower.split_once('-').map_or(lower.as_str(), |(word, _)| word);
        let no = || NoLayout(text.to_owned());
        let parity = |digits: &str| digits.parse::<u8>().ok().filter(|n| (1..=3).contains(n)).ok_or_else(no);
        match word {
            "stripe" | "disk" => Ok(Layout::Stripe),
            "mirror" => Ok(Layout::Mirror),
            "raidz" => Ok(Layout::Raidz(1)),
            _ => {
                if let Some(digits) = word.strip_prefix("raidz") {
                    return parity(digits).map(Layout::Raidz);
                }
                let mut parts = word.strip_prefix("draid").ok_or_else(no)?.split(':');
                let parity = parity(parts.next().unwrap_or_default())?;
                let (mut data, mut spares) = (None, 0);
                for part in parts {
                    match part.split_at_checked(part.len().saturating_sub(1)) {
                        Some((n, "d")) => data = n.parse().ok(),
                        Some((n, "s")) => spares = n.parse().map_err(|_| no())?,
                        _ => {}
                    }
                }
                Ok(Layout::Draid { parity, data: data.ok_or_else(no)?, spares })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn any() -> impl Strategy<Value = Layout> {
        prop_oneof![
            Just(Layout::Stripe),
            Just(Layout::Mirror),
            (1..=3u8).prop_map(Layout::Raidz),
            (1..=3u8, 1..20u8, 0..4u8).prop_map(|(parity, data, spares)| Layout::Draid { parity, data, spares }),
        ]
    }

    proptest! {
        #[test]
        fn a_layout_is_read_back_as_it_was_printed(layout in any()) {
            prop_assert_eq!(layout.to_string().parse(), Ok(layout));
        }

        #[test]
        fn fewer_disks_may_fail_than_there_are(layout in any(), more in 0..30usize) {
            let width = layout.least() + more;
            prop_assert!(layout.may_fail(width) < width);
        }
    }

    #[test]
    fn zfs_names_are_understood() {
        let draid = Layout::Draid { parity: 2, data: 4, spares: 1 };
        for (name, layout) in
            [("raidz2-0", Layout::Raidz(2)), ("mirror-1", Layout::Mirror), ("draid2:4d:11c:1s-0", draid)]
        {
            assert_eq!(name.parse(), Ok(layout));
        }
        assert!("replacing-0".parse::<Layout>().is_err());
    }
}
