//! A Pi-hole that answers as a real FTL 6.4.1 was seen to: its API and its name service, in process with paused time and over
//! HTTP and DNS on loopback.
//!
//! [`World`] is all that exists, as data. [`Sim`] is the running thing: it implements both seams,
//! [`Http`](crate::pihole::Http) and [`Wire`](crate::dns::Wire), and [`Sim::serve`] puts them on sockets. What a real one was seen
//! to answer is replayed against it (`tests/parity`).
mod auth;
mod call;
mod config;
mod dig;
mod domains;
mod facts;
mod front;
mod ground;
mod groups;
mod lists;
mod name_service;
mod sandbox;
mod schema;
mod serve;
mod simulator;
mod teleporter;
mod upstream;
mod world;

pub(crate) use ground::Ground;
pub(crate) use sandbox::{Loopback, sandbox, server};
pub use serve::Served;
pub use simulator::Sim;
pub use upstream::{Rr, Upstream};
pub use world::{Client, Domain, Group, List, World};
