//! TrueNAS SCALE 25.04 and 25.10 as typed resources, and a simulated one to try and test them with.
//!
//! | module | what |
//! |---|---|
//! | [`resource`] | what a lab declares: pools, datasets, shares, tasks |
//! | [`client`] | [`Nas`], the provider, and [`NasReader`], its reading side: what is read once a look, jobs that are followed |
//! | `sim` (feature `sim`) | a TrueNAS that answers as the real one's models and source say |
//! | `testing` (feature `testing`) | a simulated world for the tests of labs, which can be made to fail at any call |
//! | [`site`] | [`TrueNas`](site::TrueNas): how a lab reaches its NAS, for real or in the sandbox |
//! | [`rpc`] | the seam below the client, where a simulator or a test takes the place of the network |
pub mod client;
mod error;
pub mod resource;
pub mod rpc;
#[cfg(feature = "sim")]
pub mod sim;
pub mod site;
#[cfg(feature = "testing")]
pub mod testing;
pub mod topology;

pub use client::{Nas, NasReader, work};
pub use error::{Cause, Error, Result};
pub use resource::{Dataset, NfsShare, Pool, SmbShare};
