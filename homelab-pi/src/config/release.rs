//! The releases of NixOS that can be generated for. What their modules call differently is decided here and nowhere else.
use serde::{Deserialize, Serialize};
use std::fmt;

/// A release of NixOS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Release {
    /// November 2024. Pi-hole runs in a container.
    #[serde(rename = "24.11")]
    V24_11,
    /// May 2025. Pi-hole runs in a container.
    #[serde(rename = "25.05")]
    V25_05,
    /// November 2025: the first with a module for Pi-hole (nixpkgs pull request 361571).
    #[serde(rename = "25.11")]
    V25_11,
}

impl Release {
    /// All of them, oldest first.
    pub const ALL: [Release; 3] = [Release::V24_11, Release::V25_05, Release::V25_11];

    /// Its number: `25.11`.
    #[must_use]
    pub const fn number(self) -> &'static str {
        match self {
            Release::V24_11 => "24.11",
            Release::V25_05 => "25.05",
            Release::V25_11 => "25.11",
        }
    }

    /// Whether there is `services.pihole-ftl`.
    #[must_use]
    pub const fn has_pihole(self) -> bool {
        matches!(self, Release::V25_11)
    }

    /// Whether the image's name is `image.fileName`; before, it is `sdImage.imageName`.
    #[must_use]
    pub const fn has_image_options(self) -> bool {
        !matches!(self, Release::V24_11)
    }

    /// Whether the watchdog is set in `systemd.settings.Manager`; before, in `systemd.watchdog`.
    #[must_use]
    pub const fn has_systemd_settings(self) -> bool {
        matches!(self, Release::V25_11)
    }
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NixOS {}", self.number())
    }
}
