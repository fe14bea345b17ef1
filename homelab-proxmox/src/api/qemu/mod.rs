//! QEMU guests: the configuration, its parts, and the calls below `/nodes/N/qemu`.
//!
//! Each part of a configuration is a type that reads and prints the server's text and compares by meaning
//! ([`ConfigString`](super::ConfigString)).
mod agent;
mod boot;
mod calls;
mod config;
mod devices;
mod disk;
mod firmware;
mod ipconfig;
mod net;
mod options;
mod reads;
mod slot;
mod source;
mod text;

pub use agent::Agent;
pub use boot::{Boot, Startup};
pub use config::QemuConfig;
pub use devices::{Cpu, HostPci, Serial, Usb, Vga};
pub use disk::Disk;
pub use firmware::{EfiDisk, TpmState};
pub use ipconfig::{Ip4, Ip6, IpConfig};
pub use net::{Mac, Net};
pub use options::{Change, CloneOptions, DestroyOptions, MigrateOptions, MoveOptions, ShutdownOptions};
pub use reads::{AgentInterface, Pending, Power, Status};
pub(crate) use slot::index;
pub use slot::{Bus, Slot};
pub use source::DiskSource;
pub use text::{Description, SshKeys};
