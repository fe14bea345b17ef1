//! Jobs: whoever asks next settles what has ended meanwhile.
use super::{
    fail::Fail,
    handlers::{self, Caller, Cx},
    schema::Method,
    world::{SimJob, State, World},
};
use serde_json::Value;

/// How long work takes on real hardware, in milliseconds.
fn duration(method: &str) -> u64 {
    match method {
        "pool.create" | "pool.update" => 12_000,
        "pool.export" | "pool.import_pool" | "pool.import_find" => 6_000,
        "pool.attach" | "pool.replace" | "pool.remove" | "pool.expand" => 10_000,
        "pool.scrub" | "replication.run" | "replication.run_onetime" => 30_000,
        "disk.wipe" | "update.run" => 20_000,
        "service.control" => 1_500,
        _ => 1_000,
    }
}

/// Starts a job; gives its number.
pub(super) fn start(
    world: &mut World,
    caller: &Caller,
    message: &Value,
    name: &str,
    method: &Method,
    judged: Result<Vec<Value>, Fail>,
    given: &[Value],
) -> i64 {
    let id = world.next_job;
    world.next_job += 1;
    let takes = world.span(duration(name));
    let (params, wrong) = match judged {
        Ok(params) => (params, None),
        Err(fail) => (given.to_vec(), Some(fail)),
    };
    let lock = method.lock.clone().filter(|lock| lock != "callable");
    world.jobs.push(SimJob {
        id,
        method: name.into(),
        params,
        messages: if message.is_null() { vec![] } else { vec![message.clone()] },
        state: State::Waiting,
        lock,
        begun: world.now,
        takes,
        ends: 0,
        percent: 0,
        result: Value::Null,
        error: None,
        exc_info: Value::Null,
        user: caller.user.clone().unwrap_or_default(),
    });
    if let Some(fail) = wrong {
        end(world, world.jobs.len() - 1, Err(fail));
    }
    settle(world);
    id
}

/// Brings all jobs to where they are by now. Whether anything changed.
pub(super) fn settle(world: &mut World) -> bool {
    let now = world.now;
    let mut changed = false;
    loop {
        let due = world.jobs.iter().enumerate().filter(|(_, job)| job.state == State::Running && job.ends <= now);
        if let Some(n) = due.min_by_key(|(_, job)| job.ends).map(|(n, _)| n) {
            let (name, params) = (world.jobs[n].method.clone(), world.jobs[n].params.clone());
            let caller = Caller { user: Some(world.jobs[n].user.clone()), ..Caller::default() };
            let done = handlers::run(&mut Cx { world, caller: &caller }, &name, &params);
            // A reboot has forgotten all of them.
            if world.jobs.get(n).is_some_and(|job| job.method == name) {
                let shapes_only = world.shapes_only;
                end(world, n, done.map_err(|fail| if shapes_only { fail.into_call() } else { fail }));
            }
            changed = true;
            continue;
        }
        let held = |lock: &Option<String>| {
            lock.is_some() && world.jobs.iter().any(|job| job.state == State::Running && job.lock == *lock)
        };
        let ready = world.jobs.iter().position(|job| job.state == State::Waiting && !held(&job.lock));
        let Some(n) = ready else { break };
        let (name, params) = (world.jobs[n].method.clone(), world.jobs[n].params.clone());
        let caller = Caller { user: Some(world.jobs[n].user.clone()), ..Caller::default() };
        (world.jobs[n].state, world.jobs[n].ends) = (State::Running, now + world.jobs[n].takes);
        if let Err(fail) = handlers::begin(&mut Cx { world, caller: &caller }, &name, &params) {
            let shapes_only = world.shapes_only;
            end(world, n, Err(if shapes_only { fail.into_call() } else { fail }));
        }
        changed = true;
    }
    for job in world.jobs.iter_mut().filter(|job| job.state == State::Running) {
        let left = job.ends.saturating_sub(now);
        job.percent = 100_u64.saturating_sub(left * 100 / job.takes.max(1)).min(99);
    }
    changed
}

fn end(world: &mut World, n: usize, done: Result<Value, Fail>) {
    let now = world.now;
    let job = &mut world.jobs[n];
    job.ends = now;
    match done {
        Ok(result) => (job.state, job.result, job.percent) = (State::Success, result, 100),
        Err(fail) => {
            (job.state, job.error, job.exc_info) = (State::Failed, Some(fail.words()), fail.to_exc_info());
        }
    }
}

/// When something happens by itself next.
pub(super) fn next_event(world: &World) -> Option<u64> {
    let jobs = world.jobs.iter().filter(|job| job.state == State::Running).map(|job| job.ends);
    let rollback = world.rollback.iter().map(|(_, until)| *until);
    jobs.chain(rollback).min()
}
