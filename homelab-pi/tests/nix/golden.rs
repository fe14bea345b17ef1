//! The whole tree, to be read by a person: what it says is what the Pi will be.
use super::{addresses, dns, pi};
use homelab_pi::{
    Board,
    config::{PiHole, System},
    nix::{fingerprint, generate},
};

fn whole(pi: &homelab_pi::Pi) -> String {
    let tree = generate(pi, &addresses());
    let files = tree.iter().filter(|(path, _)| **path != "flake.lock");
    files.map(|(path, text)| format!("==> {path}\n{text}")).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_tree_of_the_lab_is_the_one_that_was_reviewed() {
    insta::assert_snapshot!(whole(&pi(Board::Pi4, System::nixos_25_11(super::PINS))));
}

#[test]
fn before_25_11_pi_hole_is_a_container_whose_image_is_on_the_card() {
    insta::assert_snapshot!(whole(&pi(Board::Pi3, System::nixos_24_11(super::PINS, super::IMAGE))));
}

#[test]
fn no_secret_is_anywhere_in_the_tree() {
    const HASH: homelab_core::Secret = homelab_core::Secret::named("PIHOLE_PASSWORD_HASH");
    let plain = pi(Board::Pi4, System::nixos_25_11(super::PINS));
    let with = plain.clone().password_hash(HASH).host_key(homelab_core::Secret::named("PIHOLE_HOST_KEY"));
    assert_eq!(generate(&plain, &addresses()), generate(&with, &addresses()));
}

#[test]
fn a_fingerprint_tells_two_trees_apart_and_no_more() {
    let one = pi(Board::Pi4, System::nixos_25_11(super::PINS));
    assert_eq!(fingerprint(&one), fingerprint(&one.clone()));
    let more = one.clone().dns(dns().record("nas", super::LAN.host(13)));
    let zone = one.clone().time_zone("UTC");
    let all = [fingerprint(&one), fingerprint(&more), fingerprint(&zone)];
    assert!(all[0] != all[1] && all[1] != all[2] && all[0] != all[2]);
}

#[test]
#[should_panic(expected = "has an address already")]
fn a_name_has_one_address() {
    let _ = PiHole::new().record("nas", super::LAN.host(13)).record("NAS.lan", super::LAN.host(14));
}

#[test]
#[should_panic(expected = "is no public key of SSH")]
fn a_key_that_is_none_is_refused_where_it_is_written() {
    let _ = homelab_pi::Pi::named("pihole").board(Board::Pi4).at(super::LAN.host(53)).login("me", ["ssh-ed25519 AAAA"]);
}
