//! `sandbox reset`: the simulated systems go, and what the lab remembers of them. The real ones are not concerned.
use super::{exit::Exit, session::Session, stop::Stop};
use crate::{lock::RunLock, store::StoreError};

pub(super) fn reset(session: &Session<'_>) -> Result<Exit, Stop> {
    let state = &session.state;
    if !state.path().exists() {
        session.console.err.line("sandbox: there was nothing to throw away");
        return Ok(Exit::Done);
    }
    // Nobody may be at work there. The lock's file goes with the rest, which the lock on it outlives.
    let _lock = RunLock::take(&state.lock(), "sandbox reset").map_err(StoreError::from)?;
    state.remove()?;
    session.console.err.line("sandbox: thrown away; the next deploy begins with an empty world");
    Ok(Exit::Done)
}
