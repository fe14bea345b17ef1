//! ifupdown2, as far as a simulated machine has a network: whoever joins it to others reads there what it has loaded.
use super::{done, fails};
use crate::{host::Output, sim::world::World};

const FILE: &str = "/etc/network/interfaces";
/// What was loaded last.
const LOADED: &str = "/run/network/loaded";

/// `ifreload -a`
pub(super) fn reload(world: &mut World) -> Output {
    let Some(text) = world.files.text(FILE) else {
        return fails(1, format!("error: {FILE}: No such file or directory"));
    };
    world.files.put(LOADED, text);
    done()
}
