//! How the engine grows: `cargo bench -p homelab-core --bench engine [-- SHAPE SIZE]`.
//!
//! Each case runs in a process of its own, so that its peak memory is its own, and prints one line. The resources are held in memory
//! and cost nothing, so this is graph, ledger, journal and plan alone. `layered`: each resource uses two of the fifty before it, the
//! shape of workload 1, on which Terraform's plan grows with the square of its size.
#![expect(missing_docs, clippy::print_stdout, reason = "a benchmark has no readers of its API, and prints")]
use homelab_core::{
    Apply, Failure, Kind, Lab, Look, Mark, Output, Owner, Permit, Provider, Providers, Redactor, Resource, Secrets,
    Site,
    engine::{Engine, Interrupt},
    outputs,
    plan::{Goal, Wishes, plan},
    report::Silent,
    store::Store,
};
use serde::Serialize;
use std::{
    collections::HashMap,
    env, fs,
    process::Command,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

const SITE: Site<Memory> = Site::named("memory");

type Things = Arc<Mutex<HashMap<String, (String, Vec<String>, Mark)>>>;

struct Memory(Things);

impl Provider for Memory {
    type Reader = Things;
    fn reader(&self) -> Things {
        Arc::clone(&self.0)
    }
    fn kinds() -> Vec<Kind<Self>> {
        vec![Kind::of::<Thing>()]
    }
}

impl Memory {
    fn put(&self, _: &Permit, name: String, value: String, uses: Vec<String>, mark: Mark) {
        self.0.lock().expect("nobody panics").insert(name, (value, uses, mark));
    }
}

#[derive(Serialize)]
struct Thing {
    #[serde(skip)]
    name: String,
    value: String,
    uses: Vec<Output<String>>,
}

#[derive(Serialize)]
struct ThingState {
    name: String,
    value: String,
    uses: Vec<String>,
    #[serde(skip)]
    mark: Mark,
}
outputs!(ThingOutputs of ThingState { value: String });

fn look(things: &Things, name: &str) -> Option<ThingState> {
    let things = things.lock().expect("nobody panics");
    let (value, uses, mark) = things.get(name)?;
    Some(ThingState { name: name.to_owned(), value: value.clone(), uses: uses.clone(), mark: mark.clone() })
}

impl Resource for Thing {
    const KIND: &'static str = "bench/thing";
    type Provider = Memory;
    type State = ThingState;
    type Id = String;
    type Outputs = ThingOutputs;
    fn name(&self) -> &str {
        &self.name
    }
    fn site(&self) -> Site<Memory> {
        SITE
    }
    fn estimate(&self, _: homelab_core::plan::Action) -> Duration {
        Duration::ZERO
    }
    async fn read(&self, cx: &Look<'_, Memory>) -> Result<Option<ThingState>, Failure> {
        Ok(look(cx, &self.name))
    }
    async fn find(name: &String, cx: &Look<'_, Memory>) -> Result<Option<ThingState>, Failure> {
        Ok(look(cx, name))
    }
    fn id(state: &ThingState) -> String {
        state.name.clone()
    }
    fn owner(state: &ThingState) -> Owner {
        Owner::Marked(state.mark.clone())
    }
    async fn apply(&self, _: Option<&ThingState>, cx: &Apply<'_, Memory>) -> Result<(), Failure> {
        let uses = self.uses.iter().map(|u| cx.get(&(*u).into())).collect::<Result<_, _>>()?;
        cx.put(cx.permit(), self.name.clone(), self.value.clone(), uses, cx.mark().clone());
        Ok(())
    }
    async fn delete(_: &ThingState, _: &Apply<'_, Memory>) -> Result<(), Failure> {
        Ok(())
    }
}

fn lab(shape: &str, size: usize) -> Lab {
    let mut lab = Lab::named("bench");
    let mut handles = vec![];
    let mut random = 42u64;
    for n in 0..size {
        let mut uses: Vec<Output<String>> = vec![];
        if shape == "layered" {
            for _ in 0..2usize.min(n) {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let back = 1 + (random >> 33) as usize % n.min(50);
                let of: &homelab_core::Handle<Thing> = &handles[n - back];
                uses.push(of.value());
            }
        }
        handles.push(lab.add(Thing { name: format!("r{n}"), value: format!("v{n}"), uses }));
    }
    lab
}

fn millis(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1e3
}

/// Peak resident memory of this process, from the kernel.
fn peak_mib() -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|l| l.starts_with("VmHWM:")).unwrap_or("0 0");
    line.split_whitespace().nth(1).and_then(|kib| kib.parse::<f64>().ok()).unwrap_or(0.0) / 1024.0
}

fn case(shape: &str, size: usize, dir: &std::path::Path, world: &std::path::Path) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let things: HashMap<String, (String, Vec<String>, Mark)> =
        fs::read(world).ok().and_then(|b| serde_json::from_slice(&b).ok()).unwrap_or_default();
    let first = things.is_empty();
    let things: Things = Arc::new(Mutex::new(things));
    let before = peak_mib();
    let start = Instant::now();
    let graph = lab(shape, size).build().unwrap_or_else(|e| panic!("{e}"));
    let built = millis(start);
    let providers = Providers::default().with(SITE, Memory(Arc::clone(&things)));
    let secrets = Secrets::none();
    let engine = Engine { graph: &graph, providers: &providers, secrets: &secrets, reporter: &Silent, parallel: 10 };
    runtime.block_on(async {
        let wishes = Wishes::new(Goal::Deploy);
        if first {
            let (store, memory) = Store::open(dir, "bench", "deploy", Redactor::default()).expect("a store");
            let known = engine.observe(&memory).await.expect("memory answers");
            let made = plan(&graph, &known, &wishes);
            let outcome = engine.carry_out(&made, known, store, Interrupt::pair().1).await;
            assert!(outcome.is_success(), "{outcome:?}");
            let total = millis(start);
            println!("first apply  {shape:8} {size:6}  {total:9.1} ms   {:6.1} MiB", peak_mib());
            fs::write(world, serde_json::to_vec(&*things.lock().expect("nobody panics")).expect("JSON")).expect("a file");
        } else {
            let memory = Store::peek(dir, "bench").expect("a store");
            let loaded = millis(start);
            let known = engine.observe(&memory).await.expect("memory answers");
            let observed = millis(start);
            let made = plan(&graph, &known, &wishes);
            let text = made.to_string();
            let total = millis(start);
            assert!(made.is_noop(), "{text}");
            println!(
                "no-op plan   {shape:8} {size:6}  {total:9.1} ms   {:6.1} MiB   (assemble {built:.1}, ledger {:.1}, observe {:.1}, plan {:.1}; {before:.1} MiB is the simulated world)",
                peak_mib(),
                loaded - built,
                observed - loaded,
                total - observed,
            );
        }
    });
}

fn main() {
    let args: Vec<String> = env::args().skip(1).filter(|a| a != "--bench").collect();
    if let [shape, size, dir] = args.as_slice() {
        let dir = std::path::Path::new(dir);
        case(shape, size.parse().expect("a number"), &dir.join("state"), &dir.join("world.json"));
        return;
    }
    let cases: Vec<(&str, usize)> = match args.as_slice() {
        [shape, size] => vec![(shape.as_str(), size.parse().expect("a number"))],
        _ => vec![("wide", 1000), ("wide", 10_000), ("layered", 1000), ("layered", 10_000), ("layered", 100_000)],
    };
    for (shape, size) in cases {
        let dir = tempfile::tempdir().expect("a temporary directory");
        fs::create_dir_all(dir.path().join("state")).expect("a directory");
        // The first run applies, the next three find nothing to do.
        for _ in 0..4 {
            let myself = env::current_exe().expect("a program knows where it is");
            let status =
                Command::new(myself).args([shape, &size.to_string()]).arg(dir.path()).status().expect("it starts");
            assert!(status.success());
        }
    }
}
