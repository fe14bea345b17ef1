//! A machine that is there already.
use homelab_core::{
    Lab,
    host::Computer,
    plan::{Action, Goal, Wishes},
    sim::Room,
    testing::Bench,
    units::Network,
};

const LAN: Network = Network::new("LAN", [192, 168, 0, 0], 24);

fn lab() -> Lab {
    let mut lab = Lab::named("home");
    lab.add(Computer::named("din", LAN.host(11)));
    lab
}

#[tokio::test(start_paused = true)]
async fn a_computer_is_looked_at_and_never_owned() {
    let room = Room::with("din", LAN.host(11).ip());
    let net = room.net();
    let bench = Bench::new(room.clone());
    assert!(bench.plan(lab(), &Wishes::new(Goal::Deploy)).await.is_noop());
    assert!(bench.plan(lab(), &Wishes::new(Goal::Destroy)).await.is_noop());
    net.switch_off("din");
    let graph = Bench::<Room>::graph(lab());
    let troubles = bench.look(&graph).await.unwrap_err();
    assert!(troubles[0].failure.message.contains("192.168.0.11"), "{:?}", troubles[0].failure);
    assert!(bench.plan(Lab::named("home"), &Wishes::new(Goal::Deploy)).await.count(Action::Delete) == 0);
}
