//! Proof that somebody agreed to a plan: without one, nothing in the project can write.

/// A witness that the engine is carrying out an agreed plan.
///
/// Every provider method that changes the world takes a `&Permit`. It has no public constructor and is neither `Clone`
/// nor `Copy`: the engine makes one for each run and lends it to [`Resource::apply`](crate::Resource::apply) and
/// [`Resource::delete`](crate::Resource::delete) through [`Apply`](crate::Apply). Code that plans or reads never sees one.
#[derive(Debug)]
pub struct Permit(());

impl Permit {
    pub(crate) fn granted() -> Self {
        Permit(())
    }

    /// A permit for a provider's own tests of its client and simulator, where there is no plan to agree to.
    #[cfg(feature = "testing")]
    #[must_use]
    pub fn for_tests() -> Self {
        Permit(())
    }
}
