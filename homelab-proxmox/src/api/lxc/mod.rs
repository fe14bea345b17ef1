//! Containers: the configuration, its parts, and the calls below `/nodes/N/lxc`.
mod calls;
mod config;
mod feature;
mod mount;
mod net;
mod reads;

pub use config::LxcConfig;
pub use feature::{Device, Features};
pub use mount::Mount;
pub use net::LxcNet;
pub use reads::ContainerInterface;
