//! The engine and all providers as one shared library: for quick edits of a lab, and for nothing else.
//!
//! Most of the time from an edit of a lab to its plan would go into linking the engine to it again. A lab's `main.rs` that says
//!
//! ```text
//! #[cfg(debug_assertions)]
//! use homelab_dev as _;
//! ```
//!
//! uses this library instead while it is written. A release build does not, so what is installed is one file.
//! `cargo run` and `cargo test` find the library; started by hand, the program of a debug build does not.
pub use {homelab_core, homelab_pi, homelab_proxmox, homelab_truenas};
