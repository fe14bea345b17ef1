//! Infrastructure as ordinary Rust: the core that every provider crate and every lab builds on.
//!
//! A [`Resource`] is an ordinary struct whose `Serialize` *is* its specification. Adding it to a [`Lab`] gives back a [`Handle`], whose
//! methods are the resource's typed [`Output`]s; using one in another resource *is* the dependency. [`Lab::build`] assembles and
//! checks the [`Graph`]. From then on:
//!
//! | stage | where | effects |
//! |---|---|---|
//! | observe | [`engine`] | reads |
//! | plan | [`plan`]: a pure function of graph, [`Facts`] and [`ledger`] | none |
//! | apply | [`engine`]: journaled, read back, compared | writes, with a [`Permit`] |
//!
//! What is known of the world is never a state file's word: the [`ledger`] remembers ownership and order, the [`journal`] what was begun,
//! and everything else is observed. [`report`] tells of a run, [`redact`](Redactor) keeps secrets out of it, and the
//! command line that a lab's `main` calls is [`cli`].
mod bytes;
mod claim;
pub mod cli;
mod connect;
mod context;
mod diagnostic;
mod disk;
pub mod draw;
pub mod engine;
pub mod env;
mod facts;
mod failure;
mod graph;
pub mod host;
pub mod journal;
mod kind;
mod lab;
pub mod ledger;
mod left;
pub mod lock;
mod output;
mod permit;
pub mod plan;
mod policy;
mod redact;
pub mod report;
mod resource;
pub mod secret;
#[cfg(feature = "sim")]
pub mod sim;
mod site;
mod spawn;
pub mod ssh;
pub mod statedir;
pub mod store;
#[cfg(feature = "testing")]
pub mod testing;
mod text;
#[cfg(feature = "tls")]
pub mod tls;
pub mod tree;
mod turns;
pub mod units;
mod verb;

pub use claim::{Claim, Lock};
pub use connect::{Connect, Connecting, Mode, Sandbox, Scaffold, Sites, Spelling};
pub use context::{Apply, Left, Look};
pub use diagnostic::{Diagnostic, Invalid, Place, Severity};
pub use disk::DiskError;
pub use facts::{Facts, Observed};
pub use failure::{Failure, Nature};
pub use graph::{Edge, Graph, ResourceRef};
pub use kind::Kind;
pub use lab::{AnyHandle, Declare, Handle, Lab, ResourceExt, With};
pub use output::{Field, Input, NodeId, Output, Yields, assert_yields};
pub use permit::Permit;
pub use policy::Policy;
pub use redact::Redactor;
pub use resource::{Mark, NoOutputs, Owner, Resource};
pub use secret::{Secret, SecretError, SecretSource, SecretValue, Secrets};
pub use site::{Begun, Provider, Providers, Site};
pub use spawn::spawn;
pub use text::Text;
pub use tree::Tree;
pub use turns::Turn;
pub use verb::{Doing, Said, Verb, Words};
