//! What lives in a Proxmox VE, as typed resources: a [`Template`] is made from a cloud image, a [`Vm`] is cloned from it or empty; a
//! [`Container`] is made from a [`ContainerTemplate`], and an [`Iso`] is what is put into a drive.
//!
//! A [`NodeConfig`] sets up the machines that they run on, over SSH, and restarts them where that is needed; a [`NodeNetwork`] is
//! what they are joined by.
//!
//! A [`Cluster`] is made of nodes that stand alone.
//!
//! All guests have the same shape: a builder whose types say what is still missing, a `State` that is what can be observed of the
//! guest, and an `apply` that takes it from whatever is there to what is declared. What they share is here too: a guest is
//! found by its number or its mark (`guest`, `mark`), its tasks are noted and followed (`work`), and what an interrupted run
//! left working is waited for (`provider`).
mod changes;
pub mod cluster;
pub mod container;
pub mod container_template;
mod credential;
pub mod definition;
mod empty_drive;
mod failure;
pub mod firewall;
mod firmware;
pub(crate) mod guest;
pub mod iso;
mod mark;
mod node;
pub mod node_config;
pub mod node_network;
mod order;
pub mod passthrough;
mod privileges;
mod provider;
pub mod template;
pub mod vm;
mod work;

pub use cluster::{Cluster, ClusterNode, QDevice};
pub use container::{Container, Nested, Nesting, Plain};
pub use container_template::ContainerTemplate;
pub use definition::{
    Access, BackupJob, BackupMode, Group, HaGroup, HaResource, HaRule, Keep, Pool, Realm, Replication, Role, Storage,
    Token, User,
};
pub use empty_drive::EmptyDrive;
pub use firewall::{ClusterFirewall, GuestFirewall, IpSet, NodeFirewall, Rule, SecurityGroup, Verdict};
pub use firmware::{Bios, ChoosesFirmware, CloudInit, Firmware, FirmwareKind, HasCloudInit, NoCloudInit, Setup, Uefi};
pub use guest::GuestId;
pub use iso::Iso;
pub use node::Node;
pub(crate) use node_config::is_unfinished;
pub use node_config::{NodeConfig, NodeReboot};
pub use node_network::{Bond, Bridge, NodeNetwork, VlanInterface};
pub use passthrough::{Pci, PciMapping, PciOn, Usb, UsbMapping, UsbOn};
pub use privileges::privileges;
pub use template::{Image, Template};
pub use vm::{Disk, Nic, Vm};
