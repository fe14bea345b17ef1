//! Every request of the client against the schema of the API that it is for.
use super::wire::all_wire_requests;
use homelab_proxmox::{
    http::{Method, Request},
    sim::{Release, check_request},
};

#[tokio::test(start_paused = true)]
async fn every_request_is_one_that_both_releases_know() {
    let requests = all_wire_requests().await;
    assert!(requests.len() > 40, "{}", requests.len());
    for release in [Release::V8_4, Release::V9_2] {
        let wrong: Vec<_> = requests.iter().filter_map(|request| check_request(release, request).err()).collect();
        assert!(wrong.is_empty(), "{release:?}:\n{}", wrong.join("\n"));
    }
}

/// The check is worth something.
#[tokio::test(start_paused = true)]
async fn a_request_that_no_release_knows_is_found() {
    let good = Request {
        method: Method::Post,
        path: "/nodes/din/qemu/9000/clone".into(),
        params: vec![("newid".into(), "201".into())],
        headers: vec![],
        upload: None,
        timeout: std::time::Duration::from_secs(40),
    };
    let with = |change: fn(&mut Request)| {
        let mut request = good.clone();
        change(&mut request);
        check_request(Release::V9_2, &request)
    };
    assert_eq!(with(|_| {}), Ok(()));
    for (wrong, change) in [
        ("a path", (|request| request.path = "/nodes/din/vms".into()) as fn(&mut Request)),
        ("a method", |request| request.method = Method::Put),
        ("an unknown parameter", |request| request.params.push(("nmae".into(), "web".into()))),
        ("a missing one", |request| request.params.clear()),
        ("another type", |request| request.params[0].1 = "two hundred".into()),
        ("one of the path, given twice", |request| request.params.push(("node".into(), "din".into()))),
    ] {
        assert!(with(change).is_err(), "{wrong}");
    }
}
