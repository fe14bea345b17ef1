//! What only the next boot shows.
use serde::{Deserialize, Serialize};

/// The parts of a system that are used while it boots. Where two systems have the same, activating one proves all of it; where they
/// differ, a test proves nothing of what differs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BootFiles {
    /// The kernel's path in the store.
    pub kernel: String,
    /// The initial ram disk's.
    pub initrd: String,
    /// The device trees'; empty if there are none.
    pub dtbs: String,
    /// The parameters of the kernel.
    pub params: String,
}

impl BootFiles {
    /// What differs, in words: `the kernel`.
    #[must_use]
    pub fn changes(&self, other: &BootFiles) -> Vec<&'static str> {
        let pairs = [
            ("the kernel", &self.kernel, &other.kernel),
            ("the initial ram disk", &self.initrd, &other.initrd),
            ("the device trees", &self.dtbs, &other.dtbs),
            ("the kernel's parameters", &self.params, &other.params),
        ];
        pairs.iter().filter(|(_, a, b)| a != b).map(|(what, ..)| *what).collect()
    }
}
