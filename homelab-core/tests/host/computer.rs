//! A machine that is there already.
use homelab_core::{
    Lab,
    host::{Computer, File},
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

#[tokio::test(start_paused = true)]
async fn a_computer_that_does_not_answer_is_told_once_and_not_again_for_each_thing_on_it() {
    let on_it = || {
        let mut lab = Lab::named("home");
        let din = lab.add(Computer::named("din", LAN.host(11)));
        for n in 0..10 {
            lab.add(File::on(din, &format!("/srv/{n}"), "x\n"));
        }
        lab
    };
    let room = Room::with("din", LAN.host(11).ip());
    let bench = Bench::new(room.clone());
    assert!(bench.deploy(on_it()).await.is_success());
    room.net().switch_off("din");
    let troubles = bench.look(&Bench::<Room>::graph(on_it())).await.unwrap_err();
    let told: Vec<&String> = troubles.iter().flat_map(|trouble| &trouble.keys).collect();
    assert_eq!(told, ["host/computer/din"]);
}
