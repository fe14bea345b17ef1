//! Numbers for new guests, from a range of our own.
//!
//! The server's `nextid` reserves nothing: two callers get the same number, and one of them fails (pve-notes section 7).
//! Within this process numbers are reserved here; against others the loser of the race takes the next one.
use super::{Pve, call::Call, call::Params};
use crate::error::{Cause, Error, Result};
use std::{collections::BTreeSet, future::Future, ops::RangeInclusive, sync::Mutex};

/// How often the race for a number may be lost before something else must be wrong.
const RACES: u32 = 8;

/// Numbers that this process gave out.
#[derive(Default)]
pub(crate) struct Ids(Mutex<BTreeSet<u32>>);

impl Ids {
    /// Reserves the lowest number of `range` that is neither `taken` nor given out.
    fn reserve(&self, range: &RangeInclusive<u32>, taken: &BTreeSet<u32>) -> Option<u32> {
        let mut given = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let free = range.clone().find(|id| !taken.contains(id) && !given.contains(id))?;
        given.insert(free);
        Some(free)
    }

    /// Takes back a number that certainly was not used.
    fn release(&self, id: u32) {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).remove(&id);
    }
}

impl Pve {
    /// Finds a number in `range` that no guest has and reserves it within this process, for good.
    ///
    /// # Errors
    /// If none is free, or the server cannot be asked.
    pub async fn reserve_id(&self, range: RangeInclusive<u32>) -> Result<u32> {
        let what = || format!("a number for a guest from {} to {}", range.start(), range.end());
        let taken: BTreeSet<u32> = self.resources().await?.guests().map(|guest| guest.vmid).collect();
        loop {
            let free = self.core.ids.reserve(&range, &taken).ok_or_else(|| {
                let cause = Cause::NoFreeId { first: *range.start(), last: *range.end() };
                Error::new("find", what(), cause, 1)
            })?;
            // The list holds only guests that this credential may see; the server knows all.
            let call = Call::get("find", what(), "/cluster/nextid").with(Params::new().set("vmid", free));
            match self.core.call(&call).await {
                Ok(_) => return Ok(free),
                Err(error) if error.is_id_taken() => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Makes a guest with a free number of `range`, and tries the next number if somebody else was faster.
    ///
    /// # Errors
    /// If none is free, if the race is lost eight times, or what `create` fails with.
    pub async fn with_free_id<T, F>(&self, range: RangeInclusive<u32>, create: impl Fn(u32) -> F) -> Result<(u32, T)>
    where
        F: Future<Output = Result<T>>,
    {
        let mut races = 1;
        loop {
            let id = self.reserve_id(range.clone()).await?;
            match create(id).await {
                Ok(made) => return Ok((id, made)),
                Err(error) if error.is_id_taken() && races < RACES => races += 1,
                Err(error) => {
                    if !error.may_have_happened() {
                        self.core.ids.release(id);
                    }
                    return Err(error);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_given_out_once() {
        let ids = Ids::default();
        let taken = BTreeSet::from([500, 502]);
        assert_eq!(ids.reserve(&(500..=504), &taken), Some(501));
        assert_eq!(ids.reserve(&(500..=504), &taken), Some(503));
        assert_eq!(ids.reserve(&(500..=504), &taken), Some(504));
        assert_eq!(ids.reserve(&(500..=504), &taken), None);
    }
}
