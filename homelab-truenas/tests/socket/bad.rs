//! Bad input: keys, certificates, versions, sizes. Each error names the way out.
use crate::setup::{KEY, secrets, stage, way, world};
use homelab_core::{Connect, Failure, Permit, Secret};
use homelab_truenas::{
    Error, Nas,
    sim::{Sim, World},
    site::TrueNas,
};
use serde_json::{Value, json};

async fn ping(nas: &Nas) -> Result<Option<String>, Error> {
    nas.fresh("core.ping", vec![]).await
}

async fn refused(world: World, key: &str) -> Error {
    let sim = Sim::new(world);
    let served = sim.serve(0).await.unwrap();
    let nas = way(&served).live(&secrets(&[("NAS_API_KEY", key)])).await.unwrap();
    ping(&nas).await.unwrap_err()
}

#[tokio::test]
async fn a_wrong_key_is_refused_with_what_to_check() {
    let error = refused(world(), "1-wrong").await;
    assert!(error.to_string().ends_with("refuses the login: AUTH_ERR"), "{error}");
    assert!(error.hint().unwrap().contains("check the key"));
    assert!(!error.is_transient());
}

#[tokio::test]
async fn a_revoked_key_is_told_from_a_wrong_one() {
    let stage = stage(world()).await;
    stage.sim.revoke(1);
    let error = ping(&stage.nas).await.unwrap_err();
    assert!(error.hint().unwrap().contains("only `Reset` of the key"), "{error}");
}

#[tokio::test]
async fn a_certificate_that_is_not_the_pinned_one_is_refused_and_shown() {
    let sim = Sim::new(world());
    let (served, other) = (sim.serve(0).await.unwrap(), sim.serve(0).await.unwrap());
    let way = TrueNas::at(format!("https://{}", served.address))
        .fingerprint(&other.fingerprint)
        .key(Secret::named("NAS_API_KEY"));
    let error = ping(&way.live(&secrets(&[("NAS_API_KEY", KEY)])).await.unwrap()).await.unwrap_err();
    assert!(
        error.to_string().contains(&served.fingerprint) && error.to_string().contains(&other.fingerprint),
        "{error}"
    );
    assert!(error.hint().unwrap().contains("pin it"));
    assert_eq!(sim.logins(), 0, "nothing was sent");
}

#[tokio::test]
async fn a_key_is_never_shown_over_a_plain_connection_but_to_this_machine() {
    let way = TrueNas::at("http://192.0.2.1").key(Secret::named("NAS_API_KEY"));
    let error = ping(&way.live(&secrets(&[("NAS_API_KEY", KEY)])).await.unwrap()).await.unwrap_err();
    assert!(error.to_string().contains("would revoke it at once"), "{error}");
}

#[tokio::test]
async fn the_simulator_revokes_a_key_that_is_shown_over_a_plain_connection() {
    let sim = Sim::new(world());
    let served = sim.serve_plain(0).await.unwrap();
    let way = TrueNas::at(format!("http://{}", served.address)).key(Secret::named("NAS_API_KEY"));
    let nas = way.live(&secrets(&[("NAS_API_KEY", KEY)])).await.unwrap();
    assert!(ping(&nas).await.unwrap_err().to_string().ends_with("EXPIRED"));
}

#[tokio::test]
async fn versions_too_old_and_too_new_are_told_before_a_login() {
    for (release, said) in [("24.10.2", "none that has a version"), ("27.04.0", "v27.4.0")] {
        let error = refused(world().release(release), KEY).await;
        assert!(error.to_string().contains(said), "{error}");
        assert_eq!(error.hint().unwrap(), "TrueNAS 25.04 or 25.10 is needed");
    }
}

#[tokio::test]
async fn releases_from_25_04_to_26_are_spoken_to() {
    for release in ["25.04.2", "25.10.1", "26.0.0"] {
        let stage = stage(world().release(release)).await;
        assert_eq!(ping(&stage.nas).await.unwrap().unwrap(), "pong", "{release}");
    }
}

#[tokio::test]
async fn a_call_that_the_server_would_not_read_is_refused_here() {
    let stage = stage(world()).await;
    let big = json!({"name": "x", "type": "SSH_KEY_PAIR", "attributes": {"private_key": "k".repeat(70_000)}});
    let error = stage.nas.write(&Permit::for_tests(), "keychaincredential.create", vec![big]).await.unwrap_err();
    assert!(error.to_string().contains("larger than the 65536 bytes"), "{error}");
}

#[tokio::test]
async fn a_path_that_is_not_there_is_told_by_its_field() {
    let stage = stage(world()).await;
    let share = json!({"path": "/mnt/bulk/gone", "networks": ["10.10.10.0/24"]});
    let error = stage.nas.write(&Permit::for_tests(), "sharing.nfs.create", vec![share]).await.unwrap_err();
    assert!(error.is_missing() && error.complaint("path").is_some(), "{error}");
    assert!(error.to_string().starts_with("sharing.nfs.create: path: "), "{error}");
}

#[tokio::test]
async fn a_secret_that_was_read_blotted_out_is_never_written_back() {
    let stage = stage(world()).await;
    let data = json!({"monpwd": "********"});
    let error = stage.nas.write(&Permit::for_tests(), "ups.update", vec![data]).await.unwrap_err();
    assert!(error.to_string().contains("read blotted out"), "{error}");
}

#[tokio::test]
async fn an_address_that_nobody_answers_at_fails_at_the_first_read_and_not_at_connecting() {
    let way = TrueNas::at("https://127.0.0.1:1").key(Secret::named("NAS_API_KEY"));
    let nas = way.live(&secrets(&[("NAS_API_KEY", KEY)])).await.unwrap();
    let failure: Failure = ping(&nas).await.unwrap_err().into();
    assert_eq!(failure.nature, homelab_core::Nature::Passing);
    assert_eq!(failure.hint.unwrap(), "check the address, and that the NAS is up");
}

#[tokio::test]
async fn without_a_key_nothing_is_there_and_nothing_is_sent() {
    let way = TrueNas::at("https://127.0.0.1:1").key(Secret::named("NAS_API_KEY"));
    let nas = way.live(&secrets(&[])).await.unwrap();
    assert!(nas.query::<Value>("pool.query").await.unwrap().is_none());
    let error = nas.write(&Permit::for_tests(), "user.create", vec![json!({})]).await.unwrap_err();
    assert!(error.hint().unwrap().contains("install it first"), "{error}");
}
