//! Reads that are remembered, and numbers for new guests.
use super::fake::{Fake, Reply, data, invalid, lost, refused, started};
use homelab_core::Permit;
use homelab_proxmox::{
    Error,
    api::{GuestKind, qemu::CloneOptions, qemu::Power},
    http::Request,
};
use serde_json::json;
use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
};

fn listing() -> serde_json::Value {
    json!([
        { "id": "node/din", "type": "node", "node": "din", "status": "online" },
        { "id": "qemu/201", "type": "qemu", "vmid": 201, "node": "din", "name": "web", "status": "running", "template": 0, "tags": "b;a" },
        { "id": "qemu/202", "type": "qemu", "vmid": "202", "node": "grogu", "status": "unknown" },
        { "id": "lxc/210", "type": "lxc", "vmid": 210, "node": "din", "name": "ct", "status": "stopped", "template": 0 },
    ])
}

fn answer(_: usize, request: &Request) -> Reply {
    match request.path.as_str() {
        "/cluster/resources" => data(listing()),
        "/cluster/nextid" => data(json!("100")),
        _ => data(json!({ "cores": 2 })),
    }
}

#[tokio::test(start_paused = true)]
async fn a_reader_asks_each_question_once_however_many_ask_it() {
    let fake = Fake::new(answer);
    let reader = fake.pve().reader();
    let wave = (0..20).map(|_| {
        let reader = reader.clone();
        tokio::spawn(async move {
            reader.guest(201).await.unwrap().unwrap();
            reader.config("din", 201).await.unwrap();
            reader.config("grogu", 202).await.unwrap();
        })
    });
    for task in wave.collect::<Vec<_>>() {
        task.await.unwrap();
    }
    assert_eq!(fake.count(), 3);
}

#[tokio::test(start_paused = true)]
async fn the_client_itself_and_a_new_reader_ask_again() {
    let fake = Fake::new(answer);
    let pve = fake.pve();
    pve.resources().await.unwrap();
    pve.resources().await.unwrap();
    pve.reader().resources().await.unwrap();
    pve.reader().resources().await.unwrap();
    assert_eq!(fake.count(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_read_that_failed_is_not_remembered() {
    let fake = Fake::new(|n, request| if n < 6 { lost() } else { answer(n, request) });
    let reader = fake.pve().reader();
    assert!(reader.resources().await.is_err());
    assert_eq!(reader.resources().await.unwrap().guests().count(), 3);
}

#[tokio::test(start_paused = true)]
async fn the_listing_is_read_however_little_it_says() {
    let fake = Fake::new(answer);
    let resources = fake.pve().resources().await.unwrap();
    let web = resources.guest(201).unwrap();
    assert!(web.is_running());
    assert_eq!(
        (web.kind, web.name.as_deref(), web.tags.as_ref().unwrap().to_string()),
        (GuestKind::Qemu, Some("web"), "a;b".into())
    );
    let fresh = resources.guest(202).unwrap();
    assert_eq!((fresh.name.as_deref(), fresh.node.as_str(), fresh.template), (None, "grogu", None));
    assert_eq!(resources.guest(210).unwrap().kind, GuestKind::Lxc);
    assert!(resources.guest(999).is_none());
    assert_eq!(resources.nodes().collect::<Vec<_>>(), [("din", true)]);
}

#[tokio::test(start_paused = true)]
async fn a_number_that_is_taken_or_given_out_is_not_given_again() {
    let fake = Fake::new(|n, request| {
        if request.params.contains(&("vmid".into(), "203".into())) {
            return invalid(json!({ "vmid": "VM 203 already exists" }));
        }
        answer(n, request)
    });
    let pve = fake.pve();
    let other = pve.clone();
    let (first, second) = tokio::join!(pve.reserve_id(200..=205), other.reserve_id(200..=205));
    let both = BTreeSet::from([first.unwrap(), second.unwrap()]);
    assert_eq!(both, BTreeSet::from([200, 204]), "203 belongs to somebody whose guests we may not see");
    assert_eq!(pve.reserve_id(200..=205).await.unwrap(), 205);
    let error = pve.reserve_id(200..=205).await.unwrap_err();
    insta::assert_snapshot!(error, @"cannot find a number for a guest from 200 to 205: no id is free from 200 to 205");
}

#[tokio::test(start_paused = true)]
async fn who_loses_the_race_for_a_number_takes_the_next() {
    let fake = Fake::new(|n, request| match request.params.iter().find(|(key, _)| key == "newid") {
        Some((_, id)) if id == "203" => refused(500, "unable to create VM 203: config file already exists"),
        Some(_) => started(),
        None => answer(n, request),
    });
    let (pve, permit) = (fake.pve(), Permit::for_tests());
    let clone = async |id| pve.clone_guest(&permit, "din", 9000, id, &CloneOptions::default()).await;
    let (id, task) = pve.with_free_id(203..=209, clone).await.unwrap();
    assert_eq!(id, 204);
    assert!(task.upid().is_some());
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_no_answer_is_told() {
    let fake = Fake::new(|_, _| {
        let body = b"<html>a proxy's login page</html>".to_vec();
        Ok(homelab_proxmox::http::Response { status: 200, reason: "OK".into(), content_type: "text/html".into(), body })
    });
    let error = fake.pve().version().await.unwrap_err();
    insta::assert_snapshot!(error, @"cannot read the version: the answer makes no sense: expected JSON with `data`, got text/html `<html>a proxy's login page</html>`");
    let fake = Fake::new(|_, _| data(json!({ "net0": "potato" })));
    let error = fake.pve().config("din", 201).await.unwrap_err();
    insta::assert_snapshot!(error, @"cannot read the configuration of guest 201 on din: the answer makes no sense: `potato` is not a network device: there is no model `potato` (option `net0`)");
}

#[tokio::test(start_paused = true)]
async fn states_addresses_and_pending_changes_are_read() {
    let fake = Fake::new(|_, request| {
        data(match request.path.rsplit('/').next().unwrap() {
            "current" => json!({ "status": "running", "qmpstatus": "paused", "uptime": "7", "vmid": 201 }),
            "pending" => json!([
                { "key": "cores", "value": 2, "pending": 4 }, { "key": "memory", "value": "512" },
                { "key": "tags", "value": "a", "delete": 1 },
            ]),
            "tasks" => {
                json!([{ "upid": super::fake::UPID, "user": "root@pam!terraform", "status": "RUNNING", "saved": "0" }])
            }
            _ => json!({ "result": [{
                "name": "eth0", "hardware-address": "bc:24:11:00:00:01",
                "ip-addresses": [{ "ip-address": "192.168.0.202", "ip-address-type": "ipv4", "prefix": 24 },
                                 { "ip-address": "fe80::1%eth0", "ip-address-type": "ipv6", "prefix": 64 }],
            }, { "name": "docker0" }] }),
        })
    });
    let pve = fake.pve();
    assert_eq!(pve.status("din", 201).await.unwrap().power(), Power::Paused);
    let pending = pve.pending("din", 201).await.unwrap();
    assert_eq!(pending.iter().map(|option| option.key.as_str()).collect::<Vec<_>>(), ["cores", "tags"]);
    assert_eq!((pending[0].pending.as_deref(), pending[1].delete), (Some("4"), true));
    let interfaces = pve.agent_interfaces("din", 201).await.unwrap();
    assert_eq!(interfaces[0].mac.as_deref(), Some("BC:24:11:00:00:01"));
    assert_eq!(interfaces[0].addresses[0], IpAddr::from(Ipv4Addr::new(192, 168, 0, 202)));
    assert_eq!((interfaces[0].addresses.len(), interfaces[1].addresses.len()), (2, 0));
    assert_eq!(pve.running_tasks("din", 201).await.unwrap()[0].kind, "qmclone");
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_does_not_answer_yet_is_told_from_a_failure() {
    for (reason, silent) in [
        ("QEMU guest agent is not running", true),
        ("VM 7100 is not running", true),
        ("VM 7100 qmp command 'guest-network-get-interfaces' failed - got timeout", true),
        ("Permission check failed", false),
    ] {
        let fake = Fake::new(move |_, _| refused(500, reason));
        let error: Error = fake.pve().agent_interfaces("din", 7100).await.unwrap_err();
        assert_eq!(error.is_agent_silent(), silent, "{reason}");
        assert_eq!(fake.count(), 1);
    }
}

/// What the engine needs: handles that go between tasks, and futures that run anywhere.
#[test]
fn the_client_goes_between_threads() {
    fn sendable<T: Send + Sync + Clone + 'static>(value: T) -> T {
        value
    }
    let pve = sendable(Fake::new(answer).pve());
    let permit = Arc::new(Permit::for_tests());
    fn future<F: Future + Send>(_: F) {}
    let _reader = sendable(pve.reader());
    future(pve.reader().config("din", 201));
    future(pve.start_guest(&permit, "din", 201));
    future(pve.with_free_id(200..=205, |id| pve.start_guest(&permit, "din", id)));
    future(async { pve.task(super::fake::UPID.parse().unwrap()).wait(&|_| ()).await });
}
