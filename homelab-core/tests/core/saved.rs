//! A saved plan is refused when what it rests on has moved, and says what.
use crate::{kinds::vm, world::Toy};
use homelab_core::{
    Graph, Lab,
    plan::{Goal, Moved, SavedPlan, Wishes, plan},
    testing::Bench,
};

fn lab(cores: u32) -> Lab {
    let mut lab = Lab::named("home");
    lab.add(vm(80, "web").cores(cores));
    lab
}

async fn save(bench: &Bench<Toy>, graph: &Graph) -> SavedPlan {
    let known = bench.look(graph).await.unwrap();
    let wishes = Wishes::new(Goal::Deploy);
    let plan = plan(graph, &known, &wishes);
    let saved = SavedPlan::new(plan, wishes, "sandbox", graph, &known);
    // Through the file, as a person does it.
    serde_json::from_str(&serde_json::to_string(&saved).unwrap()).unwrap()
}

async fn check(bench: &Bench<Toy>, saved: &SavedPlan, graph: &Graph) -> Result<(), Moved> {
    saved.check("sandbox", graph, &bench.look(graph).await.unwrap())
}

#[tokio::test(start_paused = true)]
async fn a_saved_plan_holds_as_long_as_nothing_moves() {
    let bench = Bench::new(Toy::default());
    let graph = Bench::<Toy>::graph(lab(2));
    let saved = save(&bench, &graph).await;
    assert_eq!(check(&bench, &saved, &graph).await, Ok(()));
    assert_eq!(saved.check("live", &graph, &bench.look(&graph).await.unwrap()), Err(Moved::Mode("sandbox".into())));
}

#[tokio::test(start_paused = true)]
async fn the_fact_that_moved_is_named() {
    let bench = Bench::new(Toy::default());
    assert!(bench.deploy(lab(1)).await.is_success());
    let graph = Bench::<Toy>::graph(lab(2));
    let saved = save(&bench, &graph).await;
    bench.world.state().guests.get_mut(&80).unwrap().cores = 7;
    let moved = check(&bench, &saved, &graph).await.unwrap_err();
    assert_eq!(moved.to_string(), "toy/vm/web has changed since it was made: cores was 1, is 7");
    bench.world.state().guests.clear();
    let moved = check(&bench, &saved, &graph).await.unwrap_err();
    assert_eq!(moved.to_string(), "toy/vm/web has changed since it was made: it existed, and is gone");
}

#[tokio::test(start_paused = true)]
async fn changed_code_and_another_run_are_named_too() {
    let bench = Bench::new(Toy::default());
    let graph = Bench::<Toy>::graph(lab(2));
    let saved = save(&bench, &graph).await;
    let other = Bench::<Toy>::graph(lab(3));
    assert_eq!(check(&bench, &saved, &other).await, Err(Moved::Code("toy/vm/web".into())));

    assert!(bench.deploy(lab(2)).await.is_success());
    let saved = save(&bench, &graph).await;
    std::fs::remove_file(bench.state().join("ledger.json")).unwrap();
    assert_eq!(check(&bench, &saved, &graph).await, Err(Moved::Ledger));
}
