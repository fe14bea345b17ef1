//! The homelab: two Proxmox nodes, a Raspberry Pi for DNS, and what runs on them.
//!
//! | file | what |
//! |---|---|
//! | [`net`] | the networks, and every address in them |
//! | [`nodes`] | the machines that run Proxmox VE |
//! | [`mod@guests`] | the template and the guests |
//! | [`setup`] | how those machines are set up |
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
#[cfg_attr(
    not(test),
    expect(dead_code, reason = "two simulated restarts would make a deploy in the sandbox three times as long")
)]
mod setup;
mod sites;
mod stacks;
mod storage;
#[cfg(test)]
mod tests;

use homelab_core::Lab;
// Until it is built for release the engine is a library of its own, so that an edit costs no linking of it.
#[cfg(debug_assertions)]
use homelab_dev as _;
use sites::sites;
use std::process::ExitCode;

fn main() -> ExitCode {
    homelab_core::cli::run(lab, sites)
}

/// The whole lab.
fn lab() -> Lab {
    with_shelf(nodes::MD1200_CONTROLLER)
}

/// The whole lab, with the controller of the backup's shelf or without it.
fn with_shelf(md1200: Option<&'static str>) -> Lab {
    let mut lab = Lab::named("home");
    pi::name_service(&mut lab);
    let (services, nas) = guests(&mut lab, md1200);
    let systems = storage::systems(&mut lab, nas);
    let shares = storage::storage(&mut lab, &systems, md1200.is_some());
    stacks::stacks(&mut lab, &services, Some(shares.media));
    lab
}

/// What is on Proxmox VE alone: what a test of the cluster deploys.
#[cfg(test)]
fn proxmox() -> Lab {
    let mut lab = Lab::named("home");
    guests(&mut lab, nodes::MD1200_CONTROLLER);
    lab
}

fn guests(lab: &mut Lab, md1200: Option<&'static str>) -> (guests::Services, guests::NasGuests) {
    lab.group("proxmox", |lab| {
        let ubuntu = guests::templates(lab);
        let services = guests::services(lab, ubuntu);
        (services, guests::storage(lab, md1200))
    })
}
