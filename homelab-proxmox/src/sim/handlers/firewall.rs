//! Firewalls of the cluster, the nodes and the guests.
use super::super::answer::Answer;
use super::super::call::Call;

/// The handler of a method, if there is one.
pub(super) fn route(_call: &mut Call<'_>, _key: &str) -> Option<Answer> {
    None
}
