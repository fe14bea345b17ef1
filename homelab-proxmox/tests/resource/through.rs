//! What lives in a container without sshd is configured through its node.
use crate::fixture::{DIN, GROGU, LAN, PVE, cluster, every};
use homelab_core::{
    Lab, ResourceExt,
    host::{Computer, File, Package},
    plan::{Goal, Wishes},
    sim::Net,
    testing::{Bench, Fixture, conformance_every},
};
use homelab_proxmox::{Container, ContainerTemplate, Node, resource::Plain, sim::Pace, testing::SimWorld};
use std::sync::Arc;

const MOTD: &str = "/etc/motd";

fn bench() -> (Bench<SimWorld>, Arc<Net>) {
    let world = cluster().with_machine("din", LAN.host(11).ip()).with_machine("grogu", LAN.host(10).ip());
    let net = Net::new();
    (Bench::new(SimWorld::new(PVE, world).joined(Arc::clone(&net))), net)
}

/// A container that has no address at all, with a file and a package in it.
fn lab(change: impl FnOnce(Container<Plain>, &mut Lab) -> Container<Plain>) -> Lab {
    let mut lab = Lab::named("home");
    let debian = lab.add(ContainerTemplate::appliance("debian-12-standard").on(DIN));
    let inner = change(Container::from_template(debian).on(DIN).id(202).named("inner"), &mut lab);
    let inner = lab.add(inner);
    let motd = lab.add(File::on(inner, MOTD, "hello\n"));
    lab.add(Package::on(inner, "htop").after(motd));
    lab
}

fn through_din(inner: Container<Plain>, lab: &mut Lab) -> Container<Plain> {
    inner.through(lab.add(Computer::named("din", LAN.host(11)).login("root")))
}

#[tokio::test(start_paused = true)]
async fn a_container_with_neither_sshd_nor_an_address_converges_through_its_node() {
    let (bench, net) = bench();
    let run = bench.deploy(lab(through_din)).await;
    assert!(run.is_success(), "{}", run.story());
    let inner = net.machine("proxmox/pve/202").unwrap();
    assert_eq!(inner.text(MOTD).as_deref(), Some("hello\n"));
    assert!(inner.inventory().contains("package htop "));
    let din = net.machine("proxmox/pve/node/din").unwrap();
    assert!(
        din.text(MOTD).as_deref() != Some("hello\n") && !din.inventory().contains("package htop "),
        "the node is left alone"
    );

    let plan = bench.plan(lab(through_din), &Wishes::new(Goal::Deploy)).await;
    assert!(plan.is_noop(), "{plan}");
    inner.somebody_writes(MOTD, "somebody was here\n");
    let plan = bench.plan(lab(through_din), &Wishes::new(Goal::Deploy)).await.to_string();
    assert!(
        plan.contains("~ host/file/inner/etc/motd") && plan.contains("content: somebody was here -> hello"),
        "{plan}"
    );
    let run = bench.deploy(lab(through_din)).await;
    assert!(run.is_success(), "{}", run.story());
    assert_eq!(inner.text(MOTD).as_deref(), Some("hello\n"));
    let run = bench.destroy(lab(through_din)).await;
    assert!(run.is_success(), "{}", run.story());
    assert!(net.machine("proxmox/pve/202").is_none());
}

#[tokio::test(start_paused = true)]
async fn a_container_that_is_off_is_one_clear_error() {
    let (bench, _) = bench();
    let run = bench.deploy(lab(|inner, lab| through_din(inner, lab).stopped())).await;
    let story = run.story();
    assert!(!run.is_success() && story.contains("container 202 does not run on 192.168.0.11"), "{story}");
}

#[tokio::test(start_paused = true)]
async fn a_container_that_would_be_entered_through_a_node_that_it_is_not_on_is_refused_with_the_names_of_both() {
    let (bench, net) = bench();
    let elsewhere = |inner: Container<Plain>, lab: &mut Lab| {
        inner.through(lab.add(Computer::named("machine", LAN.host(10)).login("root")))
    };
    let said = bench.deploy(lab(elsewhere)).await.story();
    assert!(
        said.contains("inner shall be on the node din, and is entered through 192.168.0.10, which is grogu"),
        "{said}"
    );
    assert!(net.machine("proxmox/pve/202").is_none(), "nothing is made");
    let run = bench.deploy(lab(through_din)).await;
    assert!(run.is_success(), "{}", run.story());
    let said = bench.deploy(lab(elsewhere)).await.story();
    assert!(said.contains("which is grogu"), "that it is as it should be otherwise changes nothing: {said}");
}

#[tokio::test(start_paused = true)]
async fn a_container_is_moved_to_another_node_and_is_entered_through_that_from_then_on() {
    let (bench, net) = bench();
    let at = |node: Node, address: u32, content: &'static str| {
        move || {
            let mut lab = Lab::named("home");
            let machine = lab.add(Computer::named("machine", LAN.host(address)).login("root"));
            let debian = lab.add(ContainerTemplate::appliance("debian-12-standard").on(node));
            let inner = Container::from_template(debian).on(node).id(202).named("inner").through(machine);
            let inner = lab.add(inner);
            lab.add(File::on(inner, MOTD, content));
            lab
        }
    };
    let run = bench.deploy(at(GROGU, 10, "hello\n")()).await;
    assert!(run.is_success(), "{}", run.story());
    let moved = at(DIN, 11, "hello again\n");
    let run = bench.deploy(moved()).await;
    assert!(run.is_success(), "{}", run.story());
    assert_eq!(net.machine("proxmox/pve/202").unwrap().text(MOTD).as_deref(), Some("hello again\n"));
    let plan = bench.plan(moved(), &Wishes::new(Goal::Deploy)).await;
    assert!(plan.is_noop(), "{plan}");
}

#[tokio::test(start_paused = true)]
async fn whatever_breaks_on_the_way_through_the_node_the_container_converges() {
    let world = || {
        let world = cluster().with_machine("din", LAN.host(11).ip()).pace(Pace::scaled(0.05));
        SimWorld::new(PVE, world).joined(Net::new()).with_machines()
    };
    let base = || lab(through_din);
    let restarted = || lab(|inner, lab| through_din(inner, lab).search_domain("lan"));
    // All of it takes minutes.
    let fixture = Fixture { world: &world, lab: &base, edits: &[("with a restart", &restarted)] };
    conformance_every(every() * 8, &fixture).await;
}
