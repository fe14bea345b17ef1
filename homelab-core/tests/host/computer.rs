//! A machine that is there already.
use homelab_core::{
    Lab, Providers,
    host::{Computer, HOSTS, Hosts},
    plan::{Action, Goal, Wishes},
    sim::{self, Net, Wire},
    testing::{Bench, Fault, World},
    units::Network,
};
use std::sync::Arc;

const LAN: Network = Network::new("LAN", [192, 168, 0, 0], 24);

struct Room(Arc<Net>);

impl World for Room {
    fn providers(&self) -> Providers {
        Providers::default().with(HOSTS, Hosts::of(Wire(Arc::clone(&self.0))))
    }
    fn calls(&self) -> u64 {
        0
    }
    fn writes(&self) -> u64 {
        0
    }
    fn fail(&self, _: u64, _: Fault) {}
    async fn killed(&self) {
        std::future::pending().await
    }
    fn heal(&self) {}
    fn inventory(&self) -> String {
        String::new()
    }
}

fn lab() -> Lab {
    let mut lab = Lab::named("home");
    lab.add(Computer::named("din", LAN.host(11)));
    lab
}

#[tokio::test(start_paused = true)]
async fn a_computer_is_looked_at_and_never_owned() {
    let net = Net::new();
    net.switch_on("din", sim::Computer::named("din", [LAN.host(11).ip()]));
    let bench = Bench::new(Room(Arc::clone(&net)));
    assert!(bench.plan(lab(), &Wishes::new(Goal::Deploy)).await.is_noop());
    assert!(bench.plan(lab(), &Wishes::new(Goal::Destroy)).await.is_noop());
    net.switch_off("din");
    let graph = Bench::<Room>::graph(lab());
    let troubles = bench.look(&graph).await.unwrap_err();
    assert!(troubles[0].failure.message.contains("192.168.0.11"), "{:?}", troubles[0].failure);
    assert!(bench.plan(Lab::named("home"), &Wishes::new(Goal::Deploy)).await.count(Action::Delete) == 0);
}
