//! Whether a Pi does what it is there for: probes in the order in which one layer stands on the other, each with its reason and its
//! fix, as data.
//!
//! [`Verify`] says what is expected, [`Verify::run`] asks everything at once and gives back a [`Report`]. The command line prints
//! it, and the resource [`DnsGate`](crate::pihole::DnsGate) lets nothing pass while it says that names are not answered.
//!
//! ```no_run
//! # async fn demo() {
//! use homelab_pi::verify::Verify;
//! let pi = Verify::of("192.168.0.53:53".parse().unwrap()).local("pihole.lan", ["192.168.0.53".parse().unwrap()]);
//! let report = pi.run().await;
//! println!("{report}");
//! assert!(report.answers(), "no name service");
//! # }
//! ```
mod cause;
mod direct;
mod inside;
mod names;
mod report;
mod run;

pub use cause::Cause;
pub use inside::Inside;
pub use report::{Check, Probe, Report, Verdict};
pub use run::{Budget, Verify};
