//! Failing at every single call, in every way, and converging all the same.
use super::{Bench, Fault, Run, World};
use crate::{
    Lab,
    plan::{Goal, Wishes},
};

/// Runs the last of `labs` once for every call that it makes and every [`Fault`], with the fault at that call, after the labs before
/// it were deployed in peace. The run that follows must converge: the same world as without the fault, nothing left to do,
/// no writes to find that out, and a destroy that leaves what was there in the beginning.
///
/// Returns how many faulty runs there were.
///
/// # Panics
/// When any of this does not hold; the message names the call and the fault.
pub async fn sweep<W: World>(world: impl Fn() -> W, labs: &[&dyn Fn() -> Lab]) -> u64 {
    sweep_every(1, world, labs).await
}

/// The same at every `nth` call only, for a lab of which the whole sweep takes minutes.
///
/// # Panics
/// As [`sweep`].
pub async fn sweep_every<W: World>(nth: usize, world: impl Fn() -> W, labs: &[&dyn Fn() -> Lab]) -> u64 {
    let (target, before) = labs.split_last().expect("a sweep needs a lab");
    let calm = Bench::new(world());
    let empty = calm.world.inventory();
    for lab in before {
        must_succeed(&calm.deploy(lab()).await, "the lab before, in peace");
    }
    let start = calm.world.calls();
    must_succeed(&calm.deploy(target()).await, "in peace");
    let calls = calm.world.calls() - start;
    let wanted = calm.world.inventory();
    settled(&calm, target, &wanted, "in peace").await;

    let start = calm.world.calls();
    must_succeed(&calm.clear(target()).await, "destroy in peace");
    let destroy_calls = calm.world.calls() - start;
    assert_eq!(calm.world.inventory(), empty, "destroy leaves what was there before");

    let mut runs = 0;
    for fault in Fault::ALL {
        for call in (0..calls).step_by(nth) {
            let what = format!("{fault} at call {call} of {calls}");
            let bench = Bench::new(world());
            for lab in before {
                must_succeed(&bench.deploy(lab()).await, &what);
            }
            bench.world.fail(call, fault);
            let first = bench.deploy(target()).await;
            assert!(fault == Fault::Kill || !matches!(first, Run::Killed), "{what}");
            bench.world.heal();
            must_succeed(&bench.deploy(target()).await, &what);
            settled(&bench, target, &wanted, &what).await;
            must_succeed(&bench.clear(target()).await, &what);
            assert_eq!(bench.world.inventory(), empty, "{what}: destroy leaves what was there before");
            runs += 1;
        }
        for call in (0..destroy_calls).step_by(nth) {
            let what = format!("{fault} at call {call} of {destroy_calls} of destroy");
            let bench = Bench::new(world());
            must_succeed(&bench.deploy(target()).await, &what);
            bench.world.fail(call, fault);
            bench.clear(target()).await;
            bench.world.heal();
            must_succeed(&bench.clear(target()).await, &what);
            assert_eq!(bench.world.inventory(), empty, "{what}: destroy leaves what was there before");
            runs += 1;
        }
    }
    runs
}

fn must_succeed(run: &Run, what: &str) {
    assert!(run.is_success(), "{what}: {}", run.story());
}

/// The world is as it should be, and the next plan finds nothing to do without writing.
pub(super) async fn settled<W: World>(bench: &Bench<W>, lab: &dyn Fn() -> Lab, wanted: &str, what: &str) {
    let writes = bench.world.writes();
    let plan = bench.plan(lab(), &Wishes::new(Goal::Deploy)).await;
    assert!(plan.is_noop(), "{what}: there is still something to do:\n{plan}");
    must_succeed(&bench.deploy(lab()).await, what);
    assert_eq!(bench.world.writes(), writes, "{what}: a run with nothing to do wrote");
    assert_eq!(bench.world.inventory(), wanted, "{what}: the world is not as it is without the fault");
}
