//! Which NixOS, and how Pi-hole is run on it.
use super::{ContainerImage, Pins, Release};

/// A release of NixOS, from exact sources, and how Pi-hole is run on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct System {
    pub(crate) release: Release,
    pub(crate) pins: Pins,
    pub(crate) container: Option<ContainerImage>,
}

impl System {
    /// NixOS 25.11, whose own module runs Pi-hole.
    #[must_use]
    pub const fn nixos_25_11(pins: Pins) -> System {
        System { release: Release::V25_11, pins, container: None }
    }

    /// NixOS 25.05. It has no module for Pi-hole, so the container's image is needed.
    #[must_use]
    pub const fn nixos_25_05(pins: Pins, image: ContainerImage) -> System {
        System { release: Release::V25_05, pins, container: Some(image) }
    }

    /// NixOS 24.11. It has no module for Pi-hole, so the container's image is needed.
    #[must_use]
    pub const fn nixos_24_11(pins: Pins, image: ContainerImage) -> System {
        System { release: Release::V24_11, pins, container: Some(image) }
    }

    /// The same with Pi-hole in a container although there is a module.
    #[must_use]
    pub const fn in_container(self, image: ContainerImage) -> System {
        System { container: Some(image), ..self }
    }
}
