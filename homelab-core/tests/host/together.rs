//! What many steps do on one machine at the same time: few messages, and each step has its own end.
use crate::bench::{lab, room};
use homelab_core::{
    Lab, ResourceExt,
    host::{Directory, File, Link, User},
    plan::{Goal, Wishes},
    testing::{Bench, Run, World, sweep},
};

fn tree(files: usize) -> Lab {
    lab(|lab, web| {
        let app = lab.add(Directory::on(web, "/srv/app"));
        for n in 0..files {
            let file = lab.add(File::on(web, &format!("/srv/app/{n}"), format!("{n}\n")).after(app));
            lab.add(Link::on(web, &format!("/srv/app/{n}.link"), &n.to_string()).after(file));
        }
    })
}

#[tokio::test(start_paused = true)]
async fn a_first_deploy_of_a_hundred_things_is_a_few_messages_for_each_depth_and_not_for_each_thing() {
    let bench = Bench::new(room());
    let run = bench.deploy(tree(50)).await;
    assert!(run.is_success(), "{}", run.story());
    // One to look. Then for each of three depths: what is there, the change, whether it has taken; and once more for those who came
    // while the first was under way, because the journal had begun to write without them.
    let (calls, writes) = (bench.world.calls(), bench.world.writes());
    assert!(calls <= 1 + 3 * 3 * 2 && writes <= 3 * 2, "{calls} messages, {writes} of them change something");
}

#[tokio::test(start_paused = true)]
async fn ten_users_share_their_messages_although_each_is_made_by_a_command() {
    let bench = Bench::new(room());
    let users = || {
        lab(|lab, web| {
            for n in 0..10 {
                lab.add(User::on(web, &format!("user{n}")).shell("/bin/sh"));
            }
        })
    };
    let run = bench.deploy(users()).await;
    assert!(run.is_success(), "{}", run.story());
    let (calls, writes) = (bench.world.calls(), bench.world.writes());
    assert!(calls <= 1 + 3 * 2 && writes <= 2, "{calls} messages, {writes} of them change something");
    let destroyed = bench.destroy(users()).await;
    assert!(destroyed.is_success(), "{}", destroyed.story());
}

#[tokio::test(start_paused = true)]
async fn a_step_that_fails_in_a_shared_message_fails_alone_and_is_the_only_one_that_is_blamed() {
    let bench = Bench::new(room());
    bench.world.machine("web").somebody_writes("/srv/flat", "a file\n");
    let both = || {
        lab(|lab, web| {
            for n in 0..5 {
                lab.add(File::on(web, &format!("/srv/good-{n}"), "x\n"));
                lab.add(File::on(web, &format!("/srv/flat/bad-{n}"), "x\n"));
            }
        })
    };
    let Run::Ended(_, outcome) = bench.deploy(both()).await else { panic!("nobody kills it") };
    assert_eq!((outcome.done.len(), outcome.failed.len()), (5, 5));
    for failed in &outcome.failed {
        let name = failed.key.rsplit('/').next().unwrap();
        assert!(
            failed.key.contains("bad") && failed.failure.message.contains(name),
            "{}: {}",
            failed.key,
            failed.failure
        );
    }
    assert!(bench.world.writes() <= 2, "{} messages", bench.world.writes());
    let good = || {
        lab(|lab, web| {
            for n in 0..5 {
                lab.add(File::on(web, &format!("/srv/good-{n}"), "x\n"));
            }
        })
    };
    let run = bench.deploy(good()).await;
    assert!(run.is_success(), "{}", run.story());
    assert!(bench.plan(good(), &Wishes::new(Goal::Deploy)).await.is_noop());
}

#[tokio::test(start_paused = true)]
async fn wherever_a_shared_message_is_lost_or_we_are_killed_the_next_run_goes_on() {
    let runs = sweep(room, &[&|| tree(4)]).await;
    assert!(runs > 30, "{runs}");
}
