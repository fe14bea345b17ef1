//! What people read when a call fails: the recorded refusals of a real 8.4.21, and the way out of each.
use super::fake::{Fake, Reply, invalid, refused};
use homelab_core::Permit;
use homelab_proxmox::{
    Error,
    api::qemu::Change,
    client::{Lock, Params},
    http::TransportError,
};
use serde_json::json;

async fn refusal(reply: impl Fn() -> Reply + Send + Sync + 'static) -> Error {
    let pve = Fake::new(move |_, _| reply()).pve();
    let change = Change::new().set("cores", 2);
    pve.configure(&Permit::for_tests(), "din", 100, &change).await.unwrap_err()
}

/// The message and its hint, as the command line prints them.
fn told(error: &Error) -> String {
    match error.hint() {
        Some(hint) => format!("{error}\nhint: {hint}"),
        None => error.to_string(),
    }
}

#[tokio::test(start_paused = true)]
async fn a_missing_privilege_names_itself_and_where_it_is_missing() {
    let error = refusal(|| refused(403, "Permission check failed (/vms/100, VM.Config.Disk)")).await;
    let missing = error.permission().unwrap();
    assert_eq!((missing.path.as_str(), missing.privilege.as_str()), ("/vms/100", "VM.Config.Disk"));
    insta::assert_snapshot!(told(&error), @r"
    cannot configure guest 100 on din: Permission check failed (/vms/100, VM.Config.Disk)
    hint: give the token a role with VM.Config.Disk on /vms/100: `pveum acl modify /vms/100 --tokens 'USER@REALM!TOKEN' --roles ROLE` (with privilege separation, the user needs it too)
    ");
}

#[tokio::test(start_paused = true)]
async fn what_only_root_may_set_names_the_way_around() {
    for reason in [
        "only root can set 'hostpci0' config for non-mapped devices",
        "Only root can pass arbitrary filesystem paths. at /usr/share/perl5/PVE/Storage.pm line 1.",
    ] {
        assert!(refusal(move || refused(500, reason)).await.is_root_only());
    }
    let error = refusal(|| refused(500, "only root can set 'args' config")).await;
    insta::assert_snapshot!(told(&error), @r"
    cannot configure guest 100 on din: only root can set 'args' config
    hint: no API token may set this, not even one of root@pam: use a resource mapping instead, or log in as root@pam with its password
    ");
}

#[tokio::test(start_paused = true)]
async fn bad_parameters_are_listed_with_what_is_wrong() {
    let error = refusal(|| {
        invalid(json!({
            "memory": "value must have a minimum value of 16",
            "net0": "invalid format - format error\nnet0.model: property is missing and it is not optional\n",
        }))
    })
    .await;
    assert_eq!(error.parameters().unwrap()["memory"], "value must have a minimum value of 16");
    insta::assert_snapshot!(told(&error), @"cannot configure guest 100 on din: Parameter verification failed: memory: value must have a minimum value of 16; net0.model: property is missing and it is not optional");
}

#[tokio::test(start_paused = true)]
async fn a_stale_digest_means_somebody_else_was_faster() {
    for reason in [
        "checksum mismatch (file change by other user?)",
        "detected modified configuration - file changed by other user? Try again.",
    ] {
        let error = refusal(move || refused(500, reason)).await;
        assert!(error.is_stale() && !error.is_transient());
    }
    insta::assert_snapshot!(told(&refusal(|| refused(500, "checksum mismatch (file change by other user?)")).await), @r"
    cannot configure guest 100 on din: checksum mismatch (file change by other user?)
    hint: somebody else changed it at the same time: plan again
    ");
}

#[tokio::test(start_paused = true)]
async fn locks_name_their_owner() {
    let file = refusal(|| refused(500, "can't lock file '/var/lock/qemu-server/lock-100.conf' - got timeout")).await;
    assert_eq!(file.lock(), Some(Lock::File { path: "/var/lock/qemu-server/lock-100.conf".into() }));
    insta::assert_snapshot!(told(&file), @r"
    cannot configure guest 100 on din: can't lock file '/var/lock/qemu-server/lock-100.conf' - got timeout (tried 8 times)
    hint: another task works on the same guest or storage: wait for it, then run again
    ");
    insta::assert_snapshot!(told(&refusal(|| refused(500, "VM is locked (backup)")).await), @r"
    cannot configure guest 100 on din: VM is locked (backup) (tried 8 times)
    hint: wait until the backup has ended
    ");
}

#[tokio::test(start_paused = true)]
async fn a_missing_guest_is_a_500_and_known_all_the_same() {
    for reason in [
        "Configuration file 'nodes/din/qemu-server/100.conf' does not exist",
        "unable to find configuration file for VM 100 on node 'din'",
        "storage 'nowhere' does not exist",
        "volume 'local:iso/none.iso' does not exist",
    ] {
        let error = refusal(move || refused(500, reason)).await;
        assert!(error.is_missing() && !error.is_id_taken(), "{reason}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_number_that_is_taken_is_told() {
    let error = refusal(|| refused(500, "unable to create VM 9000 - VM 9000 already exists on node 'din'")).await;
    assert!(error.is_id_taken());
    insta::assert_snapshot!(told(&error), @r"
    cannot configure guest 100 on din: unable to create VM 9000 - VM 9000 already exists on node 'din'
    hint: choose another id, or adopt the guest that has this one
    ");
    assert!(refusal(|| invalid(json!({ "vmid": "VM 9000 already exists" }))).await.is_id_taken());
}

#[tokio::test(start_paused = true)]
async fn nodes_that_are_away_or_slow_are_told_apart() {
    insta::assert_snapshot!(told(&refusal(|| refused(595, "No route to host")).await), @r"
    cannot configure guest 100 on din: No route to host (status 595)
    hint: the node that owns this object cannot be reached from the node that was asked: is it up?
    ");
    insta::assert_snapshot!(told(&refusal(|| refused(596, "Connection timed out")).await), @r"
    cannot configure guest 100 on din: Connection timed out (status 596)
    hint: the node gave no answer within 30 seconds; it may still be at work: run again, which looks before it acts
    ");
    insta::assert_snapshot!(
        told(&refusal(|| refused(500, "hostname lookup 'other' failed - failed to get address info for: other: Name or service not known")).await),
        @r"
    cannot configure guest 100 on din: hostname lookup 'other' failed - failed to get address info for: other: Name or service not known
    hint: the cluster has no node of this name: names are those of the node list, without a domain
    "
    );
    insta::assert_snapshot!(told(&refusal(|| refused(500, "cluster not ready - no quorum?")).await), @r"
    cannot configure guest 100 on din: cluster not ready - no quorum? (tried 8 times)
    hint: the cluster has no quorum, so nothing can be written: bring the other node up, or run `pvecm expected 1` on this one if that is what you want
    ");
}

#[tokio::test(start_paused = true)]
async fn an_unknown_call_says_which_releases_are_known() {
    insta::assert_snapshot!(told(&refusal(|| refused(501, "Method 'POST /version' not implemented")).await), @r"
    cannot configure guest 100 on din: Method 'POST /version' not implemented (status 501)
    hint: this Proxmox VE has no such call: 8.4 or 9 is needed, and the address must be that of its API
    ");
}

#[tokio::test(start_paused = true)]
async fn a_reason_of_several_lines_is_read_from_the_body() {
    let error = refusal(|| {
        let body = json!({ "data": null, "message": "hotplug problem\nsecond line\n" }).to_string().into_bytes();
        let content_type = "application/json".to_owned();
        Ok(homelab_proxmox::http::Response { status: 500, reason: "hotplug problem".into(), content_type, body })
    })
    .await;
    insta::assert_snapshot!(error, @r"
    cannot configure guest 100 on din: hotplug problem
    second line
    ");
}

#[tokio::test(start_paused = true)]
async fn a_refusal_without_any_text_is_still_one() {
    let empty = || {
        Ok(homelab_proxmox::http::Response {
            status: 501,
            reason: String::new(),
            content_type: String::new(),
            body: vec![],
        })
    };
    let error = Fake::new(move |_, _| empty()).pve().get("/x", Params::new()).await.unwrap_err();
    insta::assert_snapshot!(error, @"cannot read /x: the server gave no reason (status 501)");
}

#[tokio::test(start_paused = true)]
async fn an_untrusted_server_is_asked_once() {
    let fake = Fake::new(|_, _| Err(TransportError::Untrusted("din:8006 is not who it should be".into())));
    let error = fake.pve().version().await.unwrap_err();
    assert_eq!(fake.count(), 1);
    assert!(!error.is_transient() && !error.may_have_happened());
    insta::assert_snapshot!(told(&error), @r"
    cannot read the version: din:8006 is not who it should be
    hint: compare the presented fingerprint with `pvenode cert info` on the node's own console; if they are the same, pin it
    ");
}
