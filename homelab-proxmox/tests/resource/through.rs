//! What lives in a container without sshd is configured through its node.
use crate::fixture::{DIN, LAN, PVE, cluster, every};
use homelab_core::{
    Lab, ResourceExt,
    host::{Computer, File, Package},
    plan::{Goal, Wishes},
    sim::Net,
    testing::{Bench, Fixture, conformance_every},
};
use homelab_proxmox::{Container, ContainerTemplate, resource::Plain, sim::Pace, testing::SimWorld};
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
async fn a_container_that_is_off_or_on_another_node_is_one_clear_error() {
    let (bench, _) = bench();
    let run = bench.deploy(lab(|inner, lab| through_din(inner, lab).stopped())).await;
    let story = run.story();
    assert!(!run.is_success() && story.contains("container 202 does not run on 192.168.0.11"), "{story}");

    let elsewhere = |inner: Container<Plain>, lab: &mut Lab| {
        inner.through(lab.add(Computer::named("grogu", LAN.host(10)).login("root")))
    };
    let run = bench.deploy(lab(elsewhere)).await;
    let story = run.story();
    assert!(!run.is_success() && story.contains("there is no container 202 on 192.168.0.10"), "{story}");
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
