//! The API's data: what it answers, decoded leniently, and configuration values both ways. Folders mirror its paths.
//!
//! Reads are methods of [`Reader`](crate::client::Reader), writes of [`Pve`](crate::client::Pve); both are written here,
//! beside the types that they give.
mod access;
mod aplinfo;
mod cluster;
mod corosync;
mod keys;
pub(crate) mod lenient;
pub mod lxc;
mod mapping;
mod network;
mod nodes;
pub(crate) mod property;
pub mod qemu;
mod size;
mod storage;
mod tags;
mod version;
mod volume;

pub use access::Permissions;
pub use aplinfo::Appliance;
pub use cluster::{ClusterMember, ClusterState, Guest, GuestKind, Resources};
pub use corosync::{CorosyncNodes, QDeviceStatus};
pub(crate) use lenient::{FromScalar, scalar};
pub use mapping::{Bus, Mapping, PciDevice, UsbDevice};
pub(crate) use network::words;
pub use network::{Interface, Interfaces};
pub use nodes::{Node, NodeStatus};
pub use property::{ConfigError, ConfigString, Other};
pub use size::DiskSize;
pub use storage::{Checksum, Download, Storage, StorageDefinition, Upload, Volume, VolumeInfo};
pub use tags::Tags;
pub use version::Version;
pub use volume::VolumeId;
