//! The homelab: two Proxmox nodes, a Raspberry Pi for DNS, and what runs on them.
//!
//! | file | what |
//! |---|---|
//! | [`net`] | the networks, and every address in them |
//! | [`nodes`] | the machines that run Proxmox VE |
//! | [`guests`] | the template and the guests |
//! | [`pi`] | the Raspberry Pi that answers names |
//! | [`stacks`] | what runs in containers |
//! | [`storage`] | what is on the two NAS |
//! | [`sites`](mod@sites) | how Proxmox VE is reached |
//!
//! `cargo run -p lab -- plan` shows what would change; without credentials everything happens in a sandbox.
pub mod guests;
pub mod net;
pub mod nodes;
pub mod pi;
pub mod sites;
pub mod stacks;
pub mod storage;

use homelab_core::Lab;

pub use sites::sites;

/// The whole lab.
#[must_use]
pub fn lab() -> Lab {
    let mut lab = Lab::named("home");
    let ubuntu = guests::templates(&mut lab);
    guests::services(&mut lab, ubuntu);
    guests::storage(&mut lab);
    lab
}
