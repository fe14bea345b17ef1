//! Block devices over iSCSI: who may connect where ([`Portal`], [`Initiators`]), to what ([`Extent`]), under which name ([`Target`]).
mod chap;
mod extent;
mod initiators;
mod portal;
mod target;

pub use chap::{Chap, ChapOf};
pub use extent::{Extent, ExtentOf};
pub use initiators::{Initiators, InitiatorsOf};
pub use portal::{Portal, PortalOf};
pub use target::{Lun, Target, TargetOf};
