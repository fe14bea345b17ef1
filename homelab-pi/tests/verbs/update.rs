//! Newer sources: what they would bring is told before they are taken.
use super::{LAN, dns, pi};
use homelab_core::{
    Permit,
    host::Hosts,
    sim::{Net, Wire},
};
use homelab_pi::{
    Board, Pi, Pis,
    board::Untested,
    config::{Pins, System},
    deploy::FromHere,
    nix::versions,
    sim::{SimBuilder, SimWire},
    verbs,
};
use std::{fs, path::Path, sync::Arc};

const NEWER: &str = include_str!("../deploy/newer.lock");

/// Pis whose builder knows these sources as the newest.
fn pis(newest: &str) -> Pis {
    let answers = FromHere::over(Arc::new(SimWire(vec![])));
    Pis::new(Hosts::of(Wire(Net::new())), Arc::new(SimBuilder::new(vec![]).finds(newest)), Arc::new(answers))
}

/// A Pi whose lock file lies in this directory.
fn locked_in(dir: &Path, board: Board) -> Pi {
    fs::write(dir.join("flake.lock"), super::PINS.text).unwrap();
    let code = Box::leak(dir.join("lab.rs").display().to_string().into_boxed_str());
    let pi = Pi::named("pihole").board(board).at(LAN.host(53)).login("me", [super::KEY]);
    pi.system(System::nixos_25_11(Pins { path: "flake.lock", code, text: super::PINS.text })).dns(dns())
}

#[tokio::test]
async fn newer_sources_are_told_by_commit_and_version_and_taken_only_with_leave() {
    let dir = tempfile::tempdir().unwrap();
    let (pis, pi) = (pis(NEWER), locked_in(dir.path(), Board::Pi4));
    let kept = || fs::read_to_string(dir.path().join("flake.lock")).unwrap();
    let told = verbs::update(&pis, &pi, None, &|_| {}).await.unwrap();
    assert_eq!(
        told,
        [
            "nixpkgs: 8fd9daa (2026-05-10) -> 0c88e1f (2026-05-11)",
            "  Linux 6.12.20583 -> 6.12.20584",
            "  Nix 6.12.20583 -> 6.12.20584",
            "  OpenSSH 6.12.20583 -> 6.12.20584",
            "  Pi-hole FTL 6.12.20583 -> 6.12.20584",
            "  Unbound 6.12.20583 -> 6.12.20584",
            "  systemd 6.12.20583 -> 6.12.20584",
            "nothing was changed; take them with `--yes`",
        ]
    );
    assert_eq!(kept(), super::PINS.text);
    let taken = verbs::update(&pis, &pi, Some(&Permit::for_tests()), &|_| {}).await.unwrap();
    assert!(taken[1].starts_with("  Linux") && taken.last().unwrap().contains("commit it"), "{taken:?}");
    assert_eq!(kept(), NEWER);
}

#[tokio::test]
async fn sources_that_make_no_system_are_not_taken_and_old_ones_that_made_none_are_no_hindrance() {
    let dir = tempfile::tempdir().unwrap();
    let model_5 = locked_in(dir.path(), Board::Pi5(Untested));
    let kept = || fs::read_to_string(dir.path().join("flake.lock")).unwrap();
    let leave = Permit::for_tests();
    let failure = verbs::update(&pis(NEWER), &model_5, Some(&leave), &|_| {}).await.unwrap_err();
    assert!(failure.message.starts_with("the newer sources make no system, and are not taken"), "{failure}");
    assert_eq!(kept(), super::PINS.text);
    let taken = verbs::update(&pis(super::MODEL_5.text), &model_5, Some(&leave), &|_| {}).await.unwrap();
    assert!(taken[0].starts_with("nixos-hardware: new") && taken[1] == "  Linux 6.12.20583", "{taken:?}");
    assert_eq!(kept(), super::MODEL_5.text);
}

#[test]
fn what_nix_is_asked_is_nix_and_a_container_has_a_version_of_its_own() {
    let function = versions(&pi(dns()));
    assert!(rnix::Root::parse(&function).errors().is_empty(), "{function}");
    assert!(function.contains(r#""Pi-hole FTL" = system.config.services.pihole-ftl.package.version;"#), "{function}");
}
