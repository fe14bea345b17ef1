//! VLAN tags.
use serde::{Deserialize, Serialize};
use std::fmt;

/// An 802.1Q tag, 1 to 4094. Prints and serialises as the number.
///
/// ```
/// use homelab_core::units::Vlan;
/// const STORAGE: Vlan = Vlan::new(10);
/// assert_eq!(STORAGE.tag(), 10);
/// ```
///
/// ```compile_fail
/// # use homelab_core::units::Vlan;
/// const TOO_LARGE: Vlan = Vlan::new(4095);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u16", into = "u16")]
pub struct Vlan(u16);

const RANGE: &str = "a VLAN tag is a number from 1 to 4094";

impl Vlan {
    /// The VLAN of this tag.
    ///
    /// # Panics
    /// When the tag is not in 1 to 4094; in a constant that is a compile error.
    #[must_use]
    #[track_caller]
    pub const fn new(tag: u16) -> Vlan {
        match Vlan::checked(tag) {
            Some(vlan) => vlan,
            None => panic!("{}", RANGE),
        }
    }

    /// The same for a number from outside.
    #[must_use]
    pub const fn checked(tag: u16) -> Option<Vlan> {
        if matches!(tag, 1..=4094) { Some(Vlan(tag)) } else { None }
    }

    /// The number.
    #[must_use]
    pub const fn tag(self) -> u16 {
        self.0
    }
}

impl TryFrom<u16> for Vlan {
    type Error = &'static str;
    fn try_from(tag: u16) -> Result<Self, Self::Error> {
        Vlan::checked(tag).ok_or(RANGE)
    }
}
impl From<Vlan> for u16 {
    fn from(vlan: Vlan) -> u16 {
        vlan.0
    }
}
impl fmt::Display for Vlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_run_from_1_to_4094() {
        assert_eq!([0, 1, 4094, 4095].map(|tag| Vlan::checked(tag).is_some()), [false, true, true, false]);
        assert_eq!(serde_json::to_string(&Vlan::new(20)).unwrap(), "20");
        let error = serde_json::from_str::<Vlan>("4095").unwrap_err();
        assert!(error.to_string().starts_with("a VLAN tag is a number from 1 to 4094"));
    }
}
