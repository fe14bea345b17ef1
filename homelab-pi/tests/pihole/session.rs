//! Sessions, passwords, and what Pi-hole says when it does not want to.
use crate::{PIHOLE, SITE, WEB_PASSWORD, bench, one, pihole, world};
use homelab_core::{
    Permit, SecretValue, Secrets,
    env::Env,
    testing::{Bench, World as _},
};
use homelab_pi::{
    pihole::{Backup, Dashboard as _, DnsRecord, Http, Password, http::Method},
    sim::pihole::Sim,
    testing::{PASSWORD, PiholeWorld},
};
use serde_json::json;
use std::{net::IpAddr, sync::Arc, time::Duration};
use tokio::time::advance;

#[tokio::test(start_paused = true)]
async fn one_session_serves_all_calls_and_ends_with_the_client() {
    let world = world();
    let client = world.client();
    tokio::try_join!(client.fetch("/groups"), client.fetch("/lists"), client.health()).unwrap();
    assert_eq!(world.sim().sessions(), 1);
    let logins = world.log().iter().filter(|call| *call == "POST /auth").count();
    assert_eq!(logins, 1);
    drop(client);
    assert_eq!(world.sim().sessions(), 0);
}

#[tokio::test(start_paused = true)]
async fn many_runs_one_after_the_other_use_up_no_sessions() {
    let bench = bench();
    for _ in 0..20 {
        let run = bench.deploy(one(DnsRecord::on(PIHOLE, "a.lan", IpAddr::from([192, 168, 0, 2])))).await;
        assert!(run.is_success(), "{}", run.story());
    }
    assert_eq!(bench.world.sim().sessions(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_session_that_ended_is_replaced_in_the_middle() {
    let world = world();
    let client = world.client();
    client.fetch("/groups").await.unwrap();
    advance(Duration::from_secs(3600)).await;
    client.fetch("/groups").await.unwrap();
    world.sim().set_down(true);
    let down = client.fetch("/groups").await.unwrap_err();
    assert!(down.hint.unwrap().contains("is the Pi up"));
    world.sim().set_down(false);
    client.fetch("/groups").await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_full_house_and_a_wrong_password_are_told_with_the_way_out() {
    let world = world();
    let others: Vec<_> = (0..16).map(|_| world.client()).collect();
    for other in &others {
        // Four within a second are one too many: the client waits for the next one.
        other.fetch("/groups").await.unwrap();
    }
    let full = world.client().fetch("/groups").await.unwrap_err();
    assert!(full.message.contains("no session left") && full.hint.unwrap().contains("sixteen"));
    drop(others);
    world.client().fetch("/groups").await.unwrap();
    let sim: Arc<dyn Http> = Arc::new(world.sim().clone());
    let stranger = homelab_pi::pihole::Pihole::connect(sim, "pi", Some(SecretValue::from("guess")), world.prober());
    advance(Duration::from_secs(2)).await;
    let wrong = stranger.fetch("/groups").await.unwrap_err();
    assert!(wrong.message.contains("does not accept the password") && !format!("{wrong:?}").contains("guess"));
}

#[tokio::test(start_paused = true)]
async fn a_password_is_set_proven_and_not_taken_away() {
    let fresh = || {
        let mut bench = Bench::new(PiholeWorld::open(SITE, pihole()));
        bench.secrets = Secrets::none().and(Env::from_pairs([("PIHOLE_PASSWORD", PASSWORD)]));
        bench
    };
    let with = || one(Password::on(PIHOLE, WEB_PASSWORD));
    let bench = fresh();
    assert!(bench.world.sim().world().password.is_none());
    for wanted in ["1 to create", "no changes"] {
        let run = bench.deploy(with()).await;
        assert!(run.is_success() && run.story().contains(wanted), "{}", run.story());
    }
    assert!(bench.world.client().accepts(PASSWORD).await.unwrap());
    assert!(!bench.world.client().accepts("another").await.unwrap());
    let inventory = bench.world.inventory();
    assert!(!inventory.contains(PASSWORD), "only its digest is kept");
    assert!(bench.destroy(with()).await.is_success());
    assert_eq!(bench.world.inventory(), inventory, "an appliance without a password is never made");
}

#[tokio::test(start_paused = true)]
async fn a_backup_is_checked_before_it_counts_as_one() {
    let world = world();
    let backup = Backup::read(world.client().teleporter().await.unwrap()).unwrap();
    assert!(backup.files().any(|file| file == "etc/pihole/gravity.db"));
    assert!(!format!("{backup:?}").contains(&world.sim().world().password.unwrap()));
    assert!(Backup::read(b"no archive".to_vec()).unwrap_err().to_string().contains("no archive"));
    let empty = zip::ZipWriter::new(std::io::Cursor::new(vec![])).finish().unwrap().into_inner();
    assert!(Backup::read(empty).unwrap_err().to_string().contains("lacks etc/pihole/pihole.toml"));
}

#[tokio::test(start_paused = true)]
async fn a_201_that_did_nothing_is_an_error_and_a_read_only_pi_hole_says_where_to_change_it() {
    let world = world();
    let (client, permit) = (world.client(), Permit::for_tests());
    let body = json!({ "name": "Default" });
    let done = client.write(&permit, Method::Post, "/groups", Some(body)).await.unwrap_err();
    assert!(done.message.contains("UNIQUE constraint failed"), "{done}");
    world.sim().change(|world| world.config["misc"]["readOnly"] = true.into());
    let refused = client.configure(&permit, json!({ "dns": { "blockTTL": 3 } }), false).await.unwrap_err();
    assert!(refused.hint.unwrap().contains("Nix configuration"));
}

#[tokio::test]
async fn the_simulator_serves_the_real_client_and_the_real_prober_on_loopback() {
    use homelab_core::{Connect as _, Sandbox};
    let dir = tempfile::tempdir().unwrap();
    let at = homelab_pi::pihole::PiholeAt::address([192, 168, 0, 53]);
    let sandbox = Sandbox::new(dir.path().to_owned());
    {
        let pihole = at.sandbox(&sandbox).await.unwrap();
        assert!(pihole.health().await.unwrap().blocking);
        let permit = Permit::for_tests();
        pihole.write(&permit, Method::Put, "/config/dns/hosts/192.168.0.9%20kept.lan", None).await.unwrap();
        let question = homelab_pi::dns::Question::a("kept.lan").unwrap();
        let answer = pihole.dns().ask(&question).await.unwrap();
        assert_eq!(answer.addresses, [IpAddr::from([192, 168, 0, 9])]);
        let over_tcp = pihole.dns().ask_over(homelab_pi::dns::Via::Tcp, &question).await.unwrap();
        assert_eq!(over_tcp.addresses, answer.addresses);
    }
    let again = at.sandbox(&sandbox).await.unwrap();
    let hosts = again.fetch("/config/dns/hosts").await.unwrap();
    assert!(hosts.to_string().contains("192.168.0.9 kept.lan"), "it is kept across runs");
    let kept = std::fs::read_to_string(dir.path().join("pihole-192.168.0.53/world.json")).unwrap();
    assert!(!kept.contains("\"sandbox\""), "not even its password is kept in clear");
    let _: Sim = Sim::new(pihole());
}
