//! What every resource kind must survive.
use super::{Bench, Declare, World, sweep::settled, sweep_every};
use crate::plan::{Goal, Wishes};

/// A kind's exam: a world, a lab with one resource of the kind (and what it needs), and the same lab with one field changed.
pub struct Fixture<'a, W> {
    /// A fresh world.
    pub world: &'a (dyn Fn() -> W + Sync),
    /// The lab.
    pub lab: &'a Declare<'a>,
    /// What is changed, and the lab with the change. Every field that can be declared should be here once.
    pub edits: &'a [(&'a str, &'a Declare<'a>)],
}

/// Puts a kind through everything: create, then nothing to do; change each field, then nothing to do, and back again; apply twice;
/// delete twice; fail, lose the reply or be killed at each call, then converge without orphan or duplicate.
///
/// # Panics
/// When the kind does not survive; the message names the edit, the call and the fault.
pub async fn conformance<W: World>(fixture: &Fixture<'_, W>) {
    conformance_every(1, fixture).await;
}

/// The same with faults at every `nth` call only, for a kind whose whole exam takes minutes.
///
/// # Panics
/// As [`conformance`].
pub async fn conformance_every<W: World>(nth: usize, fixture: &Fixture<'_, W>) {
    let world = || (fixture.world)();
    let deploy = Wishes::new(Goal::Deploy);
    for (name, edited) in fixture.edits {
        let bench = Bench::new(world());
        let run = bench.deploy((fixture.lab)()).await;
        assert!(run.is_success(), "before the edit `{name}`: {}", run.story());
        let plan = bench.plan(edited(), &deploy).await;
        assert!(!plan.is_noop(), "the edit `{name}` changes nothing");
        let run = bench.deploy(edited()).await;
        assert!(run.is_success(), "the edit `{name}`: {}", run.story());
        let after = bench.world.inventory();
        settled(&bench, edited, &after, name).await;
    }
    let bench = Bench::new(world());
    let empty = bench.world.inventory();
    assert!(bench.deploy((fixture.lab)()).await.is_success());
    assert!(bench.clear((fixture.lab)()).await.is_success());
    let run = bench.clear((fixture.lab)()).await;
    assert!(run.is_success(), "deleting twice: {}", run.story());
    assert_eq!(bench.world.inventory(), empty, "deleting leaves what was there before");

    sweep_every(nth, world, &[fixture.lab]).await;
    for (_, edited) in fixture.edits {
        sweep_every(nth, world, &[fixture.lab, edited]).await;
    }
}
