//! Locks that are given back before the end of a step.
use homelab_core::{
    Apply, Failure, Kind, Lab, Lock, Look, Mark, Owner, Provider, Providers, Resource, Site, outputs,
    testing::{Bench, Run, Traffic, World},
};
use serde::Serialize;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::time::{Instant, sleep};

const OVEN: Site<Oven> = Site::named("oven");
const BAKES: Duration = Duration::from_secs(5);
const COOLS: Duration = Duration::from_secs(10);

/// What is baked, and how many bake at this moment.
#[derive(Clone, Default)]
struct Oven(Arc<Mutex<(BTreeMap<String, Mark>, usize)>>, Traffic);

impl Provider for Oven {
    type Reader = Oven;
    fn reader(&self) -> Oven {
        self.clone()
    }
    fn kinds() -> Vec<Kind<Oven>> {
        vec![Kind::of::<Loaf>()]
    }
}

impl World for Oven {
    fn providers(&self) -> Providers {
        Providers::default().with(OVEN, self.clone())
    }
    fn traffic(&self) -> &Traffic {
        &self.1
    }
    fn inventory(&self) -> String {
        String::new()
    }
}

/// Bread: two loaves fit into the oven, and any number can cool down.
#[derive(Serialize)]
struct Loaf {
    name: String,
}

#[derive(Serialize)]
struct LoafState {
    name: String,
    #[serde(skip)]
    mark: Mark,
}
outputs!(LoafOutputs of LoafState { name: String });

impl Resource for Loaf {
    const KIND: &'static str = "toy/loaf";
    type Provider = Oven;
    type State = LoafState;
    type Id = String;
    type Outputs = LoafOutputs;
    fn name(&self) -> &str {
        &self.name
    }
    fn site(&self) -> Site<Oven> {
        OVEN
    }
    fn locks(&self) -> Vec<Lock> {
        vec![Lock::exclusive(format!("loaf/{}", self.name)), Lock::shared("oven", 2)]
    }
    async fn read(&self, cx: &Look<'_, Oven>) -> Result<Option<LoafState>, Failure> {
        Self::find(&self.name, cx).await
    }
    async fn find(name: &String, cx: &Look<'_, Oven>) -> Result<Option<LoafState>, Failure> {
        let mark = cx.0.lock().unwrap().0.get(name).cloned();
        Ok(mark.map(|mark| LoafState { name: name.clone(), mark }))
    }
    fn id(state: &LoafState) -> String {
        state.name.clone()
    }
    fn owner(state: &LoafState) -> Owner {
        Owner::Marked(state.mark.clone())
    }
    async fn apply(&self, _: Option<&LoafState>, cx: &Apply<'_, Oven>) -> Result<(), Failure> {
        {
            let mut oven = cx.0.lock().unwrap();
            oven.1 += 1;
            assert!(oven.1 <= 2, "too many loaves in the oven");
        }
        sleep(BAKES).await;
        cx.0.lock().unwrap().1 -= 1;
        // Once is enough, and twice does no harm.
        cx.release_shared();
        cx.release_shared();
        sleep(COOLS).await;
        cx.0.lock().unwrap().0.insert(self.name.clone(), cx.mark().clone());
        Ok(())
    }
    async fn delete(_: &LoafState, _: &Apply<'_, Oven>) -> Result<(), Failure> {
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn a_shared_lock_that_is_given_back_lets_the_next_step_begin() {
    let mut lab = Lab::named("bakery");
    for n in 0..8 {
        lab.add(Loaf { name: format!("loaf-{n}") });
    }
    let began = Instant::now();
    let Run::Ended(_, outcome) = Bench::new(Oven::default()).deploy(lab).await else { panic!("nobody kills it") };
    assert!(outcome.is_success());
    assert_eq!(began.elapsed(), BAKES * 4 + COOLS);
}
