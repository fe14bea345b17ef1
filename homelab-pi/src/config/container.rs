//! Pi-hole's image, exactly.
use serde::Serialize;

/// A container's image by its digest. It is fetched when the system is built and lies on the card: the first boot pulls nothing, which
/// would need the names that this very box is to resolve.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct ContainerImage {
    /// Its name: `docker.io/pihole/pihole`.
    pub name: &'static str,
    /// The tag, for people: `2025.08.0`.
    pub tag: &'static str,
    /// The digest of the manifest for arm64: `sha256:..`.
    pub digest: &'static str,
    /// The hash that Nix gives what it fetches: `sha256-..`. `nix-prefetch-docker --arch arm64` prints both.
    pub hash: &'static str,
}
