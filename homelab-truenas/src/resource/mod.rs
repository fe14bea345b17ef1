//! What a lab declares of a NAS.
mod system;

pub use system::{System, SystemBy, SystemId, SystemOf, SystemState};

use crate::Nas;
use homelab_core::Kind;

/// The kinds that live at a NAS.
pub(crate) fn kinds() -> Vec<Kind<Nas>> {
    vec![Kind::of::<System>()]
}
