//! Pi-hole by its own API (FTL 6): what the Nix configuration leaves to be changed while it runs.
//!
//! [`Pihole`] is the client: one session, closed at the end, for there are only sixteen. [`Http`] is the seam below it, where the
//! simulator takes the place of the network. The resources are what a lab declares: records, lists, rules, groups, settings, the
//! password, and the gate that lets nothing pass unless names are answered.
//!
//! Pi-hole answers 201 to what it did not do, and 200 to what it does not know (pi-notes section 12), so nothing here believes a
//! status: everything is read back, and `processed.errors` is read.
mod appliance;
mod backup;
mod client;
mod health;
pub mod http;
mod reader;
pub mod resource;
mod session;
mod values;
mod web;

pub use appliance::{PASSWORD, PREVIOUS_PASSWORD, PiholeAt};
pub use backup::{Backup, BackupError};
pub use client::{Pihole, Reply};
pub use health::{Dashboard, Health};
pub use http::Http;
pub use reader::Reader;
pub use resource::{Appliance, BlockList, ClientGroup, Cname, DnsGate, DnsRecord, DomainRule, Password, Setting};
pub use values::{ClientRow, DomainRow, GroupRow, ListRow, Marked};
#[cfg(feature = "sim")]
pub(crate) use web::web_to;
