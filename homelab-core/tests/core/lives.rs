//! A lab's ordinary life: made, left alone, edited, taken down.
use crate::{
    kinds::{file, vm},
    world::Toy,
};
use homelab_core::{
    Lab,
    plan::{Goal, Wishes},
    testing::{Bench, Run, World},
};

fn lab(cores: u32) -> Lab {
    let mut lab = Lab::named("home");
    let dns = lab.add(vm(53, "dns"));
    let web = lab.add(vm(80, "web").cores(cores).dns(dns.ip()));
    lab.add(file(web, "/etc/motd", "welcome"));
    lab
}

#[tokio::test(start_paused = true)]
async fn a_lab_lives_and_dies() {
    let bench = Bench::new(Toy::default());
    let deploy = Wishes::new(Goal::Deploy);
    insta::assert_snapshot!(bench.plan(lab(2), &deploy).await, @r"
    + toy/vm/dns  homelab-core/tests/core/lives.rs:14
        vmid: 53
        name: dns
        cores: 1
    + toy/vm/web  homelab-core/tests/core/lives.rs:15
        vmid: 80
        name: web
        cores: 2
        dns: ${toy/vm/dns.ip}
    + toy/file/web/etc/motd  homelab-core/tests/core/lives.rs:16
        on: ${toy/vm/web.ip}
        content: welcome
    3 to create
    ");

    let writes = bench.world.writes();
    assert_eq!(writes, 0, "a plan writes nothing");
    assert!(bench.deploy(lab(2)).await.is_success());

    let (calls, writes) = (bench.world.calls(), bench.world.writes());
    let second = bench.deploy(lab(2)).await;
    assert!(second.is_success());
    assert_eq!(bench.world.writes(), writes, "a second deploy writes nothing");
    assert_eq!(bench.world.calls() - calls, 3, "and reads each resource once");

    insta::assert_snapshot!(bench.plan(lab(4), &deploy).await, @r"
    ~ toy/vm/web  homelab-core/tests/core/lives.rs:15
        cores: 2 -> 4
        reboot: cores are added at boot
    1 to update (2 as they should be)
    ");
    assert!(bench.deploy(lab(4)).await.is_success());
    assert_eq!(bench.world.state().guests[&80].cores, 4);

    insta::assert_snapshot!(bench.plan(lab(4), &Wishes::new(Goal::Destroy)).await, @r"
    ? toy/file/web/etc/motd  homelab-core/tests/core/lives.rs:16
        because: it goes with toy/vm/web
    - toy/vm/web  homelab-core/tests/core/lives.rs:15
    - toy/vm/dns  homelab-core/tests/core/lives.rs:14
    2 to delete, 1 to forget
    ");
    let Run::Ended(_, outcome) = bench.destroy(lab(4)).await else { panic!("nobody kills it") };
    let order: Vec<_> = outcome.done.iter().map(|d| d.key.as_str()).collect();
    assert_eq!(order, ["toy/vm/web", "toy/file/web/etc/motd", "toy/vm/dns"], "in reverse order");
    assert_eq!(bench.world.inventory(), Toy::default().inventory());
}

#[tokio::test(start_paused = true)]
async fn what_leaves_the_code_leaves_the_world_and_nothing_else_does() {
    let bench = Bench::new(Toy::default());
    assert!(bench.deploy(lab(2)).await.is_success());
    let less = || {
        let mut lab = Lab::named("home");
        lab.add(vm(53, "dns"));
        lab
    };
    insta::assert_snapshot!(bench.plan(less(), &Wishes::new(Goal::Deploy)).await, @r"
    ? toy/file/web/etc/motd
        because: it goes with toy/vm/web
    - toy/vm/web
        because: it is not in the code any more
    1 to delete, 1 to forget (1 as they should be)
    ");
    assert!(bench.deploy(less()).await.is_success());
    assert_eq!(bench.world.state().guests.keys().collect::<Vec<_>>(), [&53]);
}

#[tokio::test(start_paused = true)]
async fn a_replacement_is_two_steps_and_what_lives_inside_is_made_again() {
    let bench = Bench::new(Toy::default());
    let lab = |flavour| {
        let mut lab = Lab::named("home");
        let web = lab.add(vm(80, "web").flavour(flavour));
        lab.add(file(web, "/etc/motd", "welcome"));
        lab
    };
    assert!(bench.deploy(lab(1)).await.is_success());
    insta::assert_snapshot!(bench.plan(lab(2), &Wishes::new(Goal::Deploy)).await, @r"
    ± toy/vm/web  homelab-core/tests/core/lives.rs:97
        flavour: 1 -> 2
        because: flavour cannot be changed in place
    + toy/file/web/etc/motd  homelab-core/tests/core/lives.rs:98
        on: ${toy/vm/web.ip}
        content: welcome
        because: toy/vm/web, in which it lives, is made anew
    1 to create, 1 to replace
    ");
    let run = bench.deploy(lab(2)).await;
    assert!(run.is_success(), "{}", run.story());
    assert_eq!(bench.world.state().files.len(), 1, "the file is there again");
    assert!(bench.plan(lab(2), &Wishes::new(Goal::Deploy)).await.is_noop());
}
