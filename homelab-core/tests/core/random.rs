//! Random labs, random edits, random faults. A failing case prints its seed; `PROPTEST_CASES` makes it try harder.
use crate::{
    kinds::{Vm, file, generation, vm},
    world::Toy,
};
use homelab_core::{
    Handle, Lab, ResourceExt,
    journal::{Journal, replay},
    ledger::Ledger,
    plan::{Goal, Wishes},
    report::{Event, Reporter},
    testing::{Bench, Fault, World},
};
use proptest::prelude::*;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Mutex,
};

/// One guest: the number of an earlier one that it uses, its flavour, and whether there is a file on it.
type GuestPlan = (Option<usize>, u32, bool);

#[derive(Clone, Debug)]
struct LabPlan {
    guests: BTreeMap<u32, GuestPlan>,
    generation: Option<u8>,
}

fn lab_plan() -> impl Strategy<Value = LabPlan> {
    let guest = (prop::option::of(0..6usize), 0..2u32, any::<bool>());
    (prop::collection::btree_map(1..8u32, guest, 0..6), prop::option::of(0..3u8))
        .prop_map(|(guests, generation)| LabPlan { guests, generation })
}

fn lab(plan: &LabPlan, cores: u32) -> Lab {
    let mut lab = Lab::named("home");
    let mut made: Vec<Handle<Vm>> = vec![];
    for (vmid, (uses, flavour, has_file)) in &plan.guests {
        let mut guest = vm(*vmid, &format!("guest-{vmid}")).cores(cores).flavour(*flavour);
        if let Some(other) = uses.and_then(|n| made.get(n)) {
            guest = guest.dns(other.ip());
        }
        let guest = lab.add(guest);
        if *has_file {
            lab.add(file(guest, &format!("motd-{vmid}"), "welcome"));
        }
        made.push(guest);
    }
    if let Some(n) = plan.generation {
        let generation = generation(&format!("g{n}"));
        match made.last() {
            Some(last) => lab.add(generation.after(*last)),
            None => lab.add(generation),
        };
    }
    lab
}

/// Watches that no step begins before what it needs has ended.
#[derive(Default)]
struct Watch {
    needs: BTreeMap<String, BTreeSet<String>>,
    pending: Mutex<BTreeSet<String>>,
}

impl Watch {
    fn over(lab: Lab, plan: &homelab_core::plan::Plan) -> Watch {
        let graph = Bench::<Toy>::graph(lab);
        let needs =
            graph.resources().map(|r| (r.key().to_owned(), r.needs().iter().map(|(k, _)| (*k).to_owned()).collect()));
        let pending = plan.items.iter().map(|i| i.key.clone()).collect();
        Watch { needs: needs.collect(), pending: Mutex::new(pending) }
    }
}

impl Reporter for Watch {
    fn report(&self, event: &Event) {
        let mut pending = self.pending.lock().unwrap();
        match event {
            Event::StepStarted { key, action } if *action != homelab_core::plan::Action::Delete => {
                let before: Vec<_> =
                    self.needs.get(key).into_iter().flatten().filter(|n| pending.contains(*n)).collect();
                assert!(before.is_empty(), "{key} began before {before:?} had ended");
            }
            Event::StepDone { key, .. } => drop(pending.remove(key)),
            _ => {}
        }
    }
}

async fn story(plans: Vec<LabPlan>, faults: Vec<(u64, Fault)>) {
    let mut bench = Bench::new(Toy::default());
    bench.parallel = 3;
    let empty = bench.world.inventory();
    let deploy = Wishes::new(Goal::Deploy);
    for (step, plan) in plans.iter().enumerate() {
        let cores = step as u32 + 1;
        if let Some((call, fault)) = faults.get(step) {
            bench.world.fail(*call, *fault);
            bench.deploy(lab(plan, cores)).await;
            bench.world.heal();
        }
        let planned = bench.plan(lab(plan, cores), &deploy).await;
        let watch = Watch::over(lab(plan, cores), &planned);
        let (_presser, interrupt) = homelab_core::engine::Interrupt::pair();
        bench.world.witness(Some(bench.state().join("journal.jsonl")));
        let run = bench.run_with(lab(plan, cores), &deploy, &watch, interrupt).await;
        bench.world.witness(None);
        assert!(run.is_success(), "step {step}: {}", run.story());
        let again = bench.plan(lab(plan, cores), &deploy).await;
        assert!(again.is_noop(), "step {step}: there is still something to do:\n{again}");
        let guests: Vec<u32> = bench.world.state().guests.keys().copied().collect();
        assert_eq!(guests, plan.guests.keys().copied().collect::<Vec<_>>(), "step {step}");
    }
    let last = plans.last().map(|p| lab(p, 9)).unwrap_or_else(|| Lab::named("home"));
    assert!(bench.destroy(last).await.is_success());
    assert_eq!(bench.world.inventory(), empty);
}

/// Whether the journal says that something has begun and not ended.
pub fn something_has_begun(journal: &std::path::Path) -> bool {
    let records = Journal::read(journal).expect("the journal is readable while it is written");
    !replay(Ledger::empty("home"), records).maybe.is_empty()
}

fn fault() -> impl Strategy<Value = (u64, Fault)> {
    (0..40u64, prop::sample::select(Fault::ALL.to_vec()))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]
    #[test]
    fn any_lab_converges_from_any_other_through_any_fault(
        plans in prop::collection::vec(lab_plan(), 1..4),
        faults in prop::collection::vec(fault(), 0..4),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        runtime.block_on(story(plans, faults));
    }
}
