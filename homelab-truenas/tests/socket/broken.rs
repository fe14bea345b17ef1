//! What breaks in the middle, and is found again.
use crate::setup::{Stage, stage, world};
use homelab_core::Permit;
use homelab_truenas::rpc::{Call, Progress};
use serde_json::{Value, json};

fn pool() -> Call {
    let data =
        json!({"name": "bulk", "topology": {"data": [{"type": "RAIDZ2", "disks": ["sdb", "sdc", "sdd", "sde"]}]}});
    Call::new("pool.create", vec![data])
}

async fn pools(stage: &Stage) -> usize {
    stage.nas.fresh::<Vec<Value>>("pool.query", vec![]).await.unwrap().unwrap().len()
}

#[tokio::test]
async fn a_lost_reply_never_makes_a_second_pool() {
    let stage = stage(world()).await;
    stage.sim.cut_after("pool.create");
    let made = stage.nas.job(&Permit::for_tests(), &pool(), &mut |_| {}).await.unwrap();
    assert_eq!(made["name"], "bulk");
    assert_eq!(pools(&stage).await, 1);
}

#[tokio::test]
async fn a_job_is_followed_over_a_connection_that_breaks_in_the_middle() {
    let stage = stage(world().pace(0.05)).await;
    let (permit, call, mut news) = (Permit::for_tests(), pool(), stage.sim.news());
    let mut watch = |_: &Progress| {};
    let job = stage.nas.job(&permit, &call, &mut watch);
    let (made, ()) = tokio::join!(job, async {
        news.recv().await.unwrap();
        stage.sim.cut();
    });
    assert_eq!(made.unwrap()["name"], "bulk");
    assert_eq!(pools(&stage).await, 1);
    assert_eq!(stage.sim.logins(), 2, "it was connected anew");
}

#[tokio::test]
async fn a_lost_reply_of_a_plain_call_is_told_and_nothing_is_sent_again() {
    let stage = stage(world()).await;
    let permit = Permit::for_tests();
    stage.sim.cut_after("staticroute.create");
    let route = || vec![json!({"destination": "10.9.0.0/16", "gateway": "192.168.0.1"})];
    let lost = stage.nas.write(&permit, "staticroute.create", route()).await.unwrap_err();
    assert!(lost.may_have_happened() && lost.is_transient(), "{lost}");
    let routes: Vec<Value> = stage.nas.fresh("staticroute.query", vec![]).await.unwrap().unwrap();
    assert_eq!(routes.len(), 1, "it happened, once");
}

#[tokio::test]
async fn a_restart_in_the_middle_of_a_job_forgets_it_and_says_so() {
    let stage = stage(world().pace(0.02)).await;
    let (permit, call, mut news) = (Permit::for_tests(), pool(), stage.sim.news());
    let mut watch = |_: &Progress| {};
    let job = stage.nas.job(&permit, &call, &mut watch);
    let (made, ()) = tokio::join!(job, async {
        news.recv().await.unwrap();
        stage.sim.reboot();
        stage.sim.cut();
    });
    let error = made.unwrap_err();
    assert!(error.is_transient(), "{error}");
    assert_eq!(error.hint().unwrap(), "it may have happened all the same: run again, which looks before it acts");
}

#[tokio::test]
async fn what_belongs_to_no_call_ends_the_connection_instead_of_waiting_for_ever() {
    let stage = stage(world()).await;
    let permit = Permit::for_tests();
    let data = json!({"name": "k", "username": "truenas_admin", "expires_at": {"$date": "tomorrow"}});
    let error = stage.nas.write(&permit, "api_key.create", vec![data]).await.unwrap_err();
    assert!(error.may_have_happened(), "{error}");
    assert_eq!(stage.nas.fresh::<String>("core.ping", vec![]).await.unwrap().unwrap(), "pong");
}

#[tokio::test]
async fn connection_and_login_happen_once_for_many_calls_at_the_same_time() {
    let stage = stage(world()).await;
    let all = (0..40).map(|_| stage.nas.fresh::<Value>("system.info", vec![]));
    let answers = futures_util::future::join_all(all).await;
    assert!(answers.iter().all(|answer| answer.as_ref().unwrap().as_ref().unwrap()["hostname"] == "nas"));
    assert_eq!(stage.sim.logins(), 1);
}
