//! The client from outside: what it sends, when it sends again, what it makes of answers, and whom it trusts.
mod auth;
mod errors;
mod fake;
mod lxc;
mod mapping;
mod network;
mod reader;
mod retry;
mod schema;
mod strings;
mod task;
mod tls;
mod wire;
