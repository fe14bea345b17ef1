//! The client of Proxmox VE's API.
//!
//! [`Pve`] is what everything else holds: it reads as a [`Reader`], and writes with a permit. A call becomes data first
//! (`call`), is sent by the transport ([`Http`](crate::http::Http): `https` for a real one, `failover` for a cluster), is
//! authorised by the session (`auth`), sent again where that is safe (`retry`), and its answer or refusal is understood
//! (`answer`, `refusal`). What the server does in the background is a [`Task`].
mod answer;
mod auth;
pub(crate) mod call;
mod core;
mod failover;
mod https;
mod ids;
mod pve;
mod reader;
pub(crate) mod refusal;
mod retry;
mod secret;
mod task;
mod totp;
mod upid;

pub(crate) use answer::Answer;
pub use auth::Credential;
pub use call::Params;
pub use failover::Failover;
pub use homelab_core::tls::{BadFingerprint, Fingerprint, Trust};
pub use https::{BadEndpoint, Endpoint};
pub use pve::{Connection, Pve};
pub use reader::Reader;
pub use refusal::{Lock, Missing, Refusal};
pub use secret::Secret;
pub(crate) use task::pause_after;
pub use task::{Finished, OnProgress, Progress, Task, TaskStatus, silent};
pub use upid::Upid;
