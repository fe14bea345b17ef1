//! The homelab: two Proxmox nodes, a Raspberry Pi for DNS, and what runs on them.
//!
//! | file | what |
//! |---|---|
//! | [`net`] | the networks, and every address in them |
//! | [`nodes`] | the machines that run Proxmox VE, and how they are set up |
//! | [`mod@guests`] | the template and the guests |
//! | [`pi`] | the Raspberry Pi that answers names |
//! | [`stacks`] | what runs in containers |
//! | [`storage`] | what is on the two NAS |
//! | [`mod@sites`] | how everything is reached |
//!
//! `cargo run -p lab -- plan` shows what would change; without credentials everything happens in a sandbox.
mod guests;
mod net;
mod nodes;
mod pi;
mod sites;
mod stacks;
mod storage;
#[cfg(test)]
mod tests;

use homelab_core::{AnyHandle, Lab};
// Until it is built for release the engine is a library of its own, so that an edit costs no linking of it.
#[cfg(debug_assertions)]
use homelab_dev as _;
use homelab_proxmox::Image;
use sites::sites;
use std::process::ExitCode;

fn main() -> ExitCode {
    homelab_core::cli::run(lab, sites)
}

/// What nobody has told yet, or has by now.
#[derive(Clone, Copy, Debug)]
struct Told {
    /// [The controller of the backup's shelf](nodes::MD1200_CONTROLLER).
    md1200: Option<&'static str>,
    /// [What both NAS are installed from](storage::INSTALLER).
    installer: Option<Image>,
}

/// What is told here.
const TOLD: Told = Told { md1200: nodes::MD1200_CONTROLLER, installer: storage::INSTALLER };

/// The whole lab.
fn lab() -> Lab {
    with(TOLD)
}

/// The whole lab, as far as is told.
fn with(told: Told) -> Lab {
    let mut lab = Lab::named("home");
    let names = pi::name_service(&mut lab);
    let guests = proxmox(&mut lab, names, told);
    let systems = storage::systems(&mut lab, guests.nas, told.installer.is_some());
    let shares = storage::storage(&mut lab, &systems, told.md1200.is_some());
    stacks::stacks(&mut lab, &guests.services, Some(shares.media));
    lab
}

/// The nodes, set up while names are answered, and their guests.
fn proxmox(lab: &mut Lab, names: impl Into<AnyHandle>, told: Told) -> guests::Guests {
    let nodes = nodes::ready(lab, names);
    guests::guests(lab, nodes, told)
}
