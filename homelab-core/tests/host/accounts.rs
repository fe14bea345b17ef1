//! Users, groups, keys and sudo.
use super::bench::{LAN, computer, lab, room};
use homelab_core::{
    Lab,
    host::{AuthorizedKeys, Group, Sudoers, User},
    testing::{Bench, Fixture, conformance_every},
};

const OURS: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOURS me@laptop";
const OTHER: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAITHEIRS them@desk";

#[tokio::test(start_paused = true)]
async fn a_user_survives_everything() {
    fn with(change: impl FnOnce(User) -> User) -> Lab {
        lab(|lab, web| {
            let user = User::on(web, "deploy").shell("/bin/bash").groups(["sudo"]);
            lab.add(change(user));
        })
    }
    conformance_every(
        7,
        &Fixture {
            world: &room,
            lab: &|| with(|u| u),
            edits: &[
                ("uid", &|| with(|u| u.uid(1500))),
                ("group", &|| with(|u| u.group("users"))),
                ("home", &|| with(|u| u.home("/srv/deploy"))),
                ("shell", &|| with(|u| u.shell("/bin/sh"))),
                ("comment", &|| with(|u| u.comment("Deploys things"))),
                ("groups", &|| with(|u| u.groups(["adm"]))),
            ],
        },
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_group_survives_everything() {
    let with = |gid| move || lab(|lab, web| lab.add(Group::on(web, "media").gid(gid)));
    conformance_every(3, &Fixture { world: &room, lab: &with(3000), edits: &[("gid", &with(3001))] }).await;
}

#[tokio::test(start_paused = true)]
async fn keys_survive_everything() {
    let with = |lines: &'static [&'static str]| {
        move || lab(|lab, web| lab.add(AuthorizedKeys::on(web, "root", lines.iter().copied())))
    };
    conformance_every(3, &Fixture { world: &room, lab: &with(&[OURS]), edits: &[("keys", &with(&[OTHER]))] }).await;
}

#[tokio::test(start_paused = true)]
async fn keys_of_others_stay_unless_the_list_is_exclusive_and_come_back_when_it_goes() {
    let bench = Bench::new(room());
    let file = "/root/.ssh/authorized_keys";
    let before = format!("# by hand\n{OTHER}\n");
    bench.world.machine("web").somebody_writes(file, &before);
    let ours = |exclusive: bool| {
        lab(move |lab, web| {
            let keys = AuthorizedKeys::on(web, "root", [OURS]);
            lab.add(if exclusive { keys.exclusive() } else { keys });
        })
    };
    let run = bench.deploy(ours(false)).await;
    assert!(run.is_success(), "{}", run.story());
    assert_eq!(bench.world.machine("web").text(file).unwrap(), format!("{before}{OURS}\n"));
    let run = bench.deploy(ours(true)).await;
    assert!(run.is_success(), "{}", run.story());
    assert_eq!(bench.world.machine("web").text(file).unwrap(), format!("# by hand\n{OURS}\n"));
    let run = bench.destroy(ours(true)).await;
    assert!(run.is_success(), "{}", run.story());
    assert_eq!(bench.world.machine("web").text(file).unwrap(), before);
}

#[tokio::test(start_paused = true)]
async fn sudo_rules_survive_everything() {
    let with = |rules: &'static str| move || lab(|lab, web| lab.add(Sudoers::on(web, "deploy", rules)));
    let (all, some) = (with("deploy ALL=(ALL) NOPASSWD: ALL"), with("deploy ALL=(root) /usr/bin/apt-get"));
    conformance_every(3, &Fixture { world: &room, lab: &all, edits: &[("rules", &some)] }).await;
}

#[tokio::test(start_paused = true)]
async fn a_mistake_in_sudo_rules_never_gets_into_place() {
    let bench = Bench::new(room());
    let before = homelab_core::testing::World::inventory(&bench.world);
    let run = bench.deploy(lab(|lab, web| lab.add(Sudoers::on(web, "deploy", "deploy everything")))).await;
    assert!(!run.is_success());
    assert!(run.story().contains("stdin:1:1: syntax error"), "{}", run.story());
    assert_eq!(homelab_core::testing::World::inventory(&bench.world), before);
}

#[tokio::test(start_paused = true)]
async fn somebody_elses_sudo_rules_are_not_taken_over_silently() {
    let bench = Bench::new(room());
    bench.world.machine("web").somebody_writes("/etc/sudoers.d/deploy", "deploy ALL=(ALL) ALL\n");
    let plan = bench
        .plan(
            lab(|lab, web| lab.add(Sudoers::on(web, "deploy", "deploy ALL=(ALL) NOPASSWD: ALL"))),
            &homelab_core::plan::Wishes::new(homelab_core::plan::Goal::Deploy),
        )
        .await;
    assert!(plan.to_string().contains("--adopt"), "{plan}");
}

#[test]
#[should_panic(expected = "would lock `root` out")]
fn an_exclusive_list_of_no_keys_is_refused() {
    let mut lab = Lab::named("home");
    let web = computer(&mut lab, LAN.host(11));
    let _ = AuthorizedKeys::on(web, "root", []).exclusive();
}

#[test]
#[should_panic(expected = "is no name of a user or group")]
fn a_user_whose_name_would_be_an_option_is_refused() {
    let mut lab = Lab::named("home");
    let web = computer(&mut lab, LAN.host(11));
    let _ = User::on(web, "-rf");
}
