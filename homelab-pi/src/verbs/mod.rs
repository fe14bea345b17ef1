//! What the command line does with Pis beside planning and deploying: building, flashing, updating, going back, asking.
mod build;
mod flash;
mod run;
mod update;

pub use build::{build, builder_up};
pub use flash::{Flash, flash};
pub use run::{backup, generations, rehearse, rollback, verify};
pub use update::update;

use crate::{Pi, Pis, nix::Addresses};
use homelab_core::{Failure, Input};

/// The Pi of this name, or the only one.
///
/// # Errors
/// When there is none, or it is not clear which.
pub fn chosen<'a>(pis: &'a Pis, name: Option<&str>) -> Result<&'a Pi, Failure> {
    let names = pis.pis.iter().map(|pi| pi.name).collect::<Vec<_>>().join(", ");
    let found = match name {
        Some(name) => pis.pis.iter().find(|pi| pi.name == name),
        None => pis.pis.first().filter(|_| pis.pis.len() == 1),
    };
    found.ok_or_else(|| {
        let text = match name {
            Some(name) => format!("there is no Pi called `{name}`"),
            None => "it is not clear which Pi is meant".to_owned(),
        };
        Failure::unusable(text).hint(format!("there are: {names}"))
    })
}

/// The names whose addresses stand in the code. Those that other resources will have come with the first deploy.
fn known(pi: &Pi) -> Addresses {
    let address = |(name, address): (&String, &Input<_>)| match address {
        Input::Known(address) => Some((name.clone(), *address)),
        Input::From(_) => None,
    };
    pi.dns.records.iter().filter_map(address).collect()
}
