//! When a call is sent again. Time is paused: a pause costs nothing, and how long it was is asserted.
use super::fake::{Fake, Reply, UPID, data, lost, refused, started, unreached};
use homelab_core::Permit;
use homelab_proxmox::{
    api::qemu::CloneOptions,
    client::{Credential, Failover},
    http::{Http, Request, TransportError},
};
use serde_json::json;
use std::{sync::Arc, time::Duration};
use tokio::time::Instant;

async fn clone(fake: &Arc<Fake>) -> homelab_proxmox::Result<()> {
    let task = fake.pve().clone_guest(&Permit::for_tests(), "din", 9000, 201, &CloneOptions::default()).await?;
    assert_eq!(task.upid().unwrap().to_string(), UPID);
    Ok(())
}

fn locked() -> Reply {
    refused(500, "can't lock file '/var/lock/qemu-server/lock-9000.conf' - got timeout")
}

#[tokio::test(start_paused = true)]
async fn a_clone_that_meets_a_lock_is_sent_again_until_the_lock_is_gone() {
    let fake = Fake::script([
        locked as fn() -> Reply,
        || refused(500, "VM is locked (backup)"),
        || refused(500, "cluster not ready - no quorum?"),
        started,
    ]);
    clone(&fake).await.unwrap();
    assert_eq!(fake.count(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_lock_that_stays_is_told_after_half_a_minute_with_its_owner() {
    let begin = Instant::now();
    let fake = Fake::script([(|| refused(500, "VM is locked (clone)")) as fn() -> Reply]);
    let error = clone(&fake).await.unwrap_err();
    assert_eq!(fake.count(), 8);
    let waited = begin.elapsed();
    assert!(waited > Duration::from_secs(11) && waited < Duration::from_secs(24), "{waited:?}");
    insta::assert_snapshot!(error, @"cannot clone guest 9000 on din to 201: VM is locked (clone) (tried 8 times)");
    insta::assert_snapshot!(error.hint().unwrap(), @"if no clone is running any more, its lock was left behind: `qm unlock ID` on the node, as root, removes it");
}

#[tokio::test(start_paused = true)]
async fn a_clone_whose_answer_was_lost_is_never_sent_again() {
    for reply in [
        lost as fn() -> Reply,
        || refused(596, "Connection timed out"),
        || refused(599, "Too many redirections"),
        || refused(500, "got no worker upid - start worker failed"),
    ] {
        let fake = Fake::script([reply, started]);
        let error = clone(&fake).await.unwrap_err();
        assert_eq!(fake.count(), 1);
        assert!(error.may_have_happened() && error.is_transient(), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_node_behind_the_node_that_is_away_did_nothing_but_is_for_the_caller_to_retry() {
    let fake = Fake::script([(|| refused(595, "No route to host")) as fn() -> Reply]);
    let error = clone(&fake).await.unwrap_err();
    assert_eq!(fake.count(), 1);
    assert!(!error.may_have_happened() && error.is_transient());
}

#[tokio::test(start_paused = true)]
async fn a_clone_that_never_left_is_sent_again() {
    let fake = Fake::script([unreached as fn() -> Reply, unreached, started]);
    clone(&fake).await.unwrap();
    assert_eq!(fake.count(), 3);
}

#[tokio::test(start_paused = true)]
async fn reads_outlast_whatever_passes() {
    let fake = Fake::script([
        lost as fn() -> Reply,
        || refused(595, "Connection refused"),
        || refused(596, "Connection timed out"),
        || refused(500, "got timeout"),
        || refused(599, "x"),
        || data(json!({ "version": "8.4.21", "release": "8.4" })),
    ]);
    assert_eq!(fake.pve().version().await.unwrap().major(), Some(8));
    assert_eq!(fake.count(), 6);
}

#[tokio::test(start_paused = true)]
async fn reads_give_up_at_their_bound() {
    let fake = Fake::script([lost as fn() -> Reply]);
    let error = fake.pve().version().await.unwrap_err();
    assert_eq!(fake.count(), 6);
    insta::assert_snapshot!(error, @"cannot read the version: no answer from din:8006: connection closed (tried 6 times)");
}

/// A node of a cluster that cannot be reached as long as `down` says so.
fn node(name: &'static str, down: impl Fn(usize) -> bool + Send + Sync + 'static) -> Arc<Fake> {
    Fake::new(move |n, _: &Request| {
        if down(n) {
            return Err(TransportError::Unreached {
                host: format!("{name}:8006"),
                reason: "Connection refused".into(),
            });
        }
        data(json!({ "version": "8.4.21", "release": name }))
    })
}

fn cluster(nodes: &[&Arc<Fake>]) -> homelab_proxmox::Pve {
    let nodes = nodes.iter().map(|node| Arc::clone(node) as Arc<dyn Http>).collect();
    homelab_proxmox::Pve::seeded(Arc::new(Failover::new(nodes)), Credential::token("a@pve!bc", "x"), 1)
}

#[tokio::test(start_paused = true)]
async fn the_next_node_answers_and_is_remembered() {
    let (din, grogu) = (node("din", |_| true), node("grogu", |_| false));
    let pve = cluster(&[&din, &grogu]);
    for _ in 0..3 {
        assert_eq!(pve.version().await.unwrap().release, "grogu");
    }
    assert_eq!((din.count(), grogu.count()), (1, 3));
}

#[tokio::test(start_paused = true)]
async fn after_a_lost_answer_no_other_node_is_asked_to_write() {
    let (din, grogu) = (Fake::script([lost as fn() -> Reply]), Fake::script([started as fn() -> Reply]));
    let pve = cluster(&[&din, &grogu]);
    assert!(pve.make_template(&Permit::for_tests(), "din", 9000).await.is_err());
    assert_eq!((din.count(), grogu.count()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn all_nodes_that_cannot_be_reached_are_named() {
    let pve = cluster(&[&node("din", |_| true), &node("grogu", |_| true)]);
    let error = pve.version().await.unwrap_err();
    insta::assert_snapshot!(error, @"cannot read the version: cannot connect to din:8006 or grogu:8006: din:8006: Connection refused; grogu:8006: Connection refused (tried 3 times)");
    insta::assert_snapshot!(error.hint().unwrap(), @"check the address and that the node is up; Proxmox VE listens on port 8006");
}
