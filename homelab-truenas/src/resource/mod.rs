//! What a lab declares of a NAS.
use crate::Nas;
use homelab_core::Kind;

/// The kinds that live at a NAS.
pub(crate) fn kinds() -> Vec<Kind<Nas>> {
    vec![]
}
