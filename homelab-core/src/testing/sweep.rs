//! Failing at every single call, in every way, and converging all the same.
use super::{Bench, Fault, Run, World};
use crate::{
    Lab,
    plan::{Goal, Wishes},
};
use std::{
    num::NonZero,
    sync::atomic::{AtomicUsize, Ordering},
};

/// A function that declares a lab. Runs with faults are spread over threads, so it is called from all of them.
pub type Declare<'a> = dyn Fn() -> Lab + Sync + 'a;

/// Runs the last of `labs` once for every call that it makes and every [`Fault`], with the fault at that call, after the labs before
/// it were deployed in peace. The run that follows must converge: the same world as without the fault, nothing left to do,
/// no writes to find that out, and a destroy that leaves what was there in the beginning.
///
/// Every such run has a world and a paused clock of its own, and as many go on at once as the machine has cores.
///
/// Returns how many faulty runs there were.
///
/// # Panics
/// When any of this does not hold; the message names the call and the fault.
pub async fn sweep<W: World>(world: impl Fn() -> W + Sync, labs: &[&Declare<'_>]) -> usize {
    sweep_every(1, world, labs).await
}

/// The same at every `nth` call only, for a lab of which the whole sweep takes minutes.
///
/// # Panics
/// As [`sweep`].
pub async fn sweep_every<W: World>(nth: usize, world: impl Fn() -> W + Sync, labs: &[&Declare<'_>]) -> usize {
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

    let deploys = |fault| (0..calls).step_by(nth).map(move |call| (fault, Goal::Deploy, call));
    let destroys = |fault| (0..destroy_calls).step_by(nth).map(move |call| (fault, Goal::Destroy, call));
    let cases: Vec<_> = Fault::ALL.into_iter().flat_map(|fault| deploys(fault).chain(destroys(fault))).collect();
    at_once(&cases, async |&(fault, goal, call)| {
        let bench = Bench::new(world());
        let what = match goal {
            Goal::Deploy => format!("{fault} at call {call} of {calls}"),
            Goal::Destroy => format!("{fault} at call {call} of {destroy_calls} of destroy"),
        };
        if goal == Goal::Deploy {
            for lab in before {
                must_succeed(&bench.deploy(lab()).await, &what);
            }
            bench.world.fail(call, fault);
            let first = bench.deploy(target()).await;
            assert!(fault == Fault::Kill || !matches!(first, Run::Killed), "{what}");
            bench.world.heal();
            must_succeed(&bench.deploy(target()).await, &what);
            settled(&bench, target, &wanted, &what).await;
        } else {
            must_succeed(&bench.deploy(target()).await, &what);
            bench.world.fail(call, fault);
            bench.clear(target()).await;
            bench.world.heal();
        }
        must_succeed(&bench.clear(target()).await, &what);
        assert_eq!(bench.world.inventory(), empty, "{what}: destroy leaves what was there before");
    });
    cases.len()
}

/// Runs every case on one of as many threads as there are cores, each case with a paused clock of its own.
fn at_once<C: Sync>(cases: &[C], run: impl AsyncFn(&C) + Sync) {
    let next = AtomicUsize::new(0);
    let work = || {
        while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
            let clock = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
            clock.expect("a runtime can be made").block_on(run(case));
        }
    };
    std::thread::scope(|threads| {
        for _ in 0..std::thread::available_parallelism().map_or(1, NonZero::get) {
            threads.spawn(work);
        }
    });
}

fn must_succeed(run: &Run, what: &str) {
    assert!(run.is_success(), "{what}: {}", run.story());
}

/// The world is as it should be, and the next plan finds nothing to do without writing.
pub(super) async fn settled<W: World>(bench: &Bench<W>, lab: &Declare<'_>, wanted: &str, what: &str) {
    let writes = bench.world.writes();
    let plan = bench.plan(lab(), &Wishes::new(Goal::Deploy)).await;
    assert!(plan.is_noop(), "{what}: there is still something to do:\n{plan}");
    must_succeed(&bench.deploy(lab()).await, what);
    assert_eq!(bench.world.writes(), writes, "{what}: a run with nothing to do wrote");
    assert_eq!(bench.world.inventory(), wanted, "{what}: the world is not as it is without the fault");
}
