//! Failing everywhere.
use crate::{
    kinds::{Controller, file, generation, vm},
    world::Toy,
};
use homelab_core::{Lab, ResourceExt, testing::sweep};

fn world() -> Toy {
    let toy = Toy::default();
    toy.state().shelves.insert("h330".into(), vec!["WD-1".into(), "WD-2".into(), "WD-3".into()]);
    toy
}

fn small(cores: u32) -> Lab {
    let mut lab = Lab::named("home");
    let dns = lab.add(vm(53, "dns").cores(cores));
    lab.add(file(dns, "/etc/motd", "welcome"));
    lab
}

fn large() -> Lab {
    let mut lab = Lab::named("home");
    let dns = lab.add(vm(53, "dns").cores(2));
    let web = lab.add(vm(80, "web").dns(dns.ip()));
    let nas = lab.add(vm(90, "nas").passthrough(Controller("h330")));
    let motd = lab.add(file(web, "/etc/motd", "welcome"));
    lab.add(generation("g1").after(motd));
    lab.add(file(nas, "/etc/exports", "/bulk"));
    lab
}

#[tokio::test(start_paused = true)]
async fn a_run_cut_short_anywhere_is_finished_by_the_next() {
    let runs = sweep(world, &[&large]).await;
    assert!(runs > 60, "{runs}");
}

#[tokio::test(start_paused = true)]
async fn an_edit_cut_short_anywhere_is_finished_by_the_next() {
    sweep(world, &[&|| small(1), &large]).await;
    sweep(world, &[&large, &|| small(2)]).await;
}

fn flavoured(flavour: u32) -> Lab {
    let mut lab = Lab::named("home");
    let web = lab.add(vm(80, "web").flavour(flavour));
    lab.add(file(web, "/etc/motd", "welcome"));
    lab
}

#[tokio::test(start_paused = true)]
async fn a_replacement_cut_short_anywhere_is_finished_by_the_next() {
    sweep(world, &[&|| flavoured(1), &|| flavoured(2)]).await;
}
