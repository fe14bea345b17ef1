//! The order in which guests start with their nodes, and stop: as the lab's graph says it, unless its author says another one.
use crate::{api::qemu::Startup, client::Reader};
use homelab_core::{Claim, Failure, Field, Input, Turn, plan::Note, units::Span};
use std::{net::IpAddr, time::Duration};

/// Between two places of the order, so that others can be put between them by hand.
const STEP: u32 = 10;
/// How many seconds the node waits after a virtual machine that others stand on; the node itself looks at nothing but the clock.
pub(super) const VM_UP: u32 = 60;
/// The same of a container.
pub(super) const CONTAINER_UP: u32 = 15;

/// What the graph says of a guest, which has so long to shut down.
pub(super) fn derived(turn: Turn, up: u32, shutdown: Span) -> Startup {
    let down = u32::try_from(Duration::from(shutdown).as_secs()).unwrap_or(u32::MAX);
    let startup = Startup::at((turn.place + 1) * STEP, None);
    Startup { up: turn.is_needed.then_some(up), down: Some(down), ..startup }
}

/// The name servers that a guest asks, as others claim their addresses.
pub(super) fn name_servers(resolvers: &Field<Vec<Input<IpAddr>>>) -> Vec<Claim> {
    let known = |server: &Input<IpAddr>| match server {
        Input::Known(ip) => Some(Claim::new("address", ip)),
        Input::From(_) => None,
    };
    resolvers.as_set().into_iter().flatten().filter_map(known).collect()
}

/// That the order may be set, where it is not there yet.
pub(super) async fn may_set(
    reader: &Reader,
    wanted: &Field<Startup>,
    now: Option<&Startup>,
) -> Result<Vec<Note>, Failure> {
    if wanted.as_set().is_none_or(|wanted| now == Some(wanted)) || reader.permissions().await?.allow("/", "Sys.Modify")
    {
        return Ok(vec![]);
    }
    Ok(vec![
        Note::refused("the credential may not set a guest's place in the order of start: it lacks Sys.Modify on /").hint(
            "`token create` makes one that may, or `pveum role modify ROLE --privs Sys.Modify --append 1`; or leave the order as \
             it is: `.unordered()`",
        ),
    ])
}
