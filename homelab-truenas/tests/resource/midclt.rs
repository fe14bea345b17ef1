//! `midclt` over SSH: the same resources over another way.
use crate::world::{NAS, shelf, with_dataset};
use futures_util::FutureExt as _;
use homelab_core::{
    Lab, Permit, Providers,
    host::Output,
    plan::{Goal, Wishes},
    sim::SimMachine,
    testing::{Bench, Traffic, World as _},
    units::Network,
};
use homelab_truenas::{
    Nas, NfsShare,
    client::Midclt,
    resource::StorageNetwork,
    rpc::{Call, Rpc, RpcError},
    sim::World,
    testing::SimNas,
};
use serde_json::{Value, json};
use std::sync::Arc;

const STORAGE: StorageNetwork = StorageNetwork::of(Network::new("storage", [10, 10, 10, 0], 24).vlan(10));

fn lab() -> Lab {
    with_dataset(|lab, media| lab.add(NfsShare::of(media).for_network(STORAGE)))
}

/// A NAS whose web server does not answer, and whose SSH does.
struct Dark {
    nas: SimNas,
    machine: Arc<SimMachine>,
}

impl Dark {
    fn new() -> Dark {
        Dark::on(shelf())
    }

    fn on(world: World) -> Dark {
        let (nas, machine) = (SimNas::new(NAS, world), Arc::new(SimMachine::new("nas")));
        let link = nas.sim().link("root");
        machine.on_command(move |argv, stdin| {
            let is_midclt = argv.iter().map(String::as_str).eq(["xargs", "-0", "midclt", "call"]);
            is_midclt.then(|| {
                let words = String::from_utf8_lossy(stdin).into_owned();
                let mut words = words.split('\0');
                let method = words.next().unwrap_or_default();
                let params: Vec<Value> = words.map(|word| serde_json::from_str(word).expect("it is JSON")).collect();
                printed(link.call(&Call::new(method, params)).now_or_never().expect("the simulator answers at once"))
            })
        });
        Dark { nas, machine }
    }
}

/// As `midclt` prints it.
fn printed(answer: Result<Value, RpcError>) -> Output {
    let (stdout, stderr, status) = match answer {
        Ok(Value::Bool(yes)) => (if yes { "True" } else { "False" }.to_owned(), String::new(), 0),
        Ok(Value::String(text)) => (text, String::new(), 0),
        Ok(other) => (other.to_string(), String::new(), 0),
        Err(RpcError::Refused(refusal)) => {
            let lines =
                refusal.complaints.iter().map(|c| format!("[{}] {}: {}", refusal.errname, c.attribute, c.message));
            let lines: Vec<String> = lines.collect();
            let whole =
                if lines.is_empty() { format!("[{}] {}", refusal.errname, refusal.reason) } else { lines.join("\n") };
            (String::new(), whole, 123)
        }
        Err(other) => (String::new(), other.to_string(), 123),
    };
    Output { status, stdout: format!("{stdout}\n").into_bytes(), stderr: stderr.into_bytes() }
}

impl homelab_core::testing::World for Dark {
    fn providers(&self) -> Providers {
        let machine = Arc::clone(&self.machine);
        Providers::default().with(NAS, Nas::over(Arc::new(Midclt::on(machine))))
    }
    /// What goes to the machine is counted by that.
    fn traffic(&self) -> &Traffic {
        self.nas.traffic()
    }
    fn inventory(&self) -> String {
        self.nas.inventory()
    }
}

#[tokio::test(start_paused = true)]
async fn a_nas_whose_web_server_does_not_answer_is_deployed_to_over_ssh() {
    let bench = Bench::new(Dark::new());
    let run = bench.deploy(lab()).await;
    assert!(run.is_success(), "{}", run.story());
    let writes = bench.world.machine.batches().1;
    assert!(bench.plan(lab(), &Wishes::new(Goal::Deploy)).await.is_noop());
    assert_eq!(bench.world.machine.batches().1, writes, "planning wrote");
    assert!(bench.world.inventory().contains("pool bulk"));
}

#[tokio::test(start_paused = true)]
async fn without_a_permit_nothing_is_written_whichever_way_is_gone() {
    let dark = Dark::new();
    let midclt = Midclt::on(Arc::clone(&dark.machine) as Arc<dyn homelab_core::host::Machine>);
    let reboot = Call::new("system.reboot", vec![json!("for fun")]);
    let refused = Rpc::call(&midclt, &reboot).await.expect_err("nobody agreed");
    assert_eq!(refused.to_string(), "system.reboot may change something, and nobody agreed to that");
    let refused = Rpc::call(&dark.nas.sim().link("root"), &reboot).await.expect_err("nobody agreed");
    assert!(refused.to_string().contains("nobody agreed to that"));
    assert_eq!(dark.machine.batches(), (0, 0), "nothing was sent");
    let group = Call::new("group.create", vec![json!({"name": "media", "gid": 3001})]);
    midclt.write(&Permit::for_tests(), &group).await.expect("somebody agreed");
    let taken = midclt.write(&Permit::for_tests(), &group).await.expect_err("it is there already");
    assert!(matches!(&taken, RpcError::Refused(refusal) if !refusal.complaints.is_empty()), "{taken}");
}

#[tokio::test(start_paused = true)]
async fn a_job_that_a_restart_has_forgotten_is_not_taken_for_another_of_its_number() {
    let dark = Dark::on(shelf().pace(1.0));
    let nas = Nas::over(Arc::new(Midclt::on(Arc::clone(&dark.machine) as Arc<dyn homelab_core::host::Machine>)));
    let (permit, mut watch) = (Permit::for_tests(), |_: &homelab_truenas::rpc::Progress| {});
    let pool = |name: &str, disk: &str| {
        let data = json!({"name": name, "topology": {"data": [{"type": "STRIPE", "disks": [disk]}]}});
        Call::new("pool.create", vec![data])
    };
    let (ours, theirs) = (pool("ours", "sdb"), pool("theirs", "sdc"));
    let somebody = async {
        tokio::time::sleep(std::time::Duration::from_secs(3)).await;
        dark.nas.sim().reboot();
        tokio::time::sleep(std::time::Duration::from_secs(61)).await;
        dark.nas.sim().link("root").call(&theirs).await.expect("it is up again");
    };
    let (made, ()) = tokio::join!(nas.job(&permit, &ours, &mut watch), somebody);
    let error = made.expect_err("ours was cut off, and theirs has its number");
    assert!(error.may_have_happened() && error.to_string().contains("started anew in the middle"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_machine_that_is_no_truenas_is_told() {
    let midclt = Midclt::on(Arc::new(SimMachine::new("web")));
    let refused = Rpc::call(&midclt, &Call::new("core.ping", vec![])).await.expect_err("there is no midclt");
    assert!(!matches!(refused, RpcError::Lost { .. }), "{refused}");
}
