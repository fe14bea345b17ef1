//! What is generated is Nix, and laid out as `nixfmt` would.
use super::{addresses, shapes};
use homelab_pi::nix::{generate, versions};

#[test]
fn every_file_is_nix_and_stays_as_it_is_when_it_is_formatted() {
    for (shape, pi) in shapes() {
        for (path, text) in generate(&pi, &addresses()).into_iter().filter(|(path, _)| path.ends_with(".nix")) {
            let errors = rnix::Root::parse(&text).errors().to_vec();
            assert!(errors.is_empty(), "{shape}, {path}: {errors:?}");
            let formatted = nixfmt_rs::format(&text).unwrap_or_else(|e| panic!("{shape}, {path}: {e:?}"));
            assert_eq!(formatted, text, "{shape}, {path}");
        }
    }
}

#[test]
fn a_tree_of_a_thousand_names_has_them_all() {
    let names: Vec<String> = (0..1000).map(|n| format!("host-{n}")).collect();
    let host = |n: usize| homelab_core::units::Network::new("big", [10, 0, 0, 0], 16).host(n as u32 + 1);
    let dns =
        names.iter().enumerate().fold(homelab_pi::config::PiHole::new(), |dns, (n, name)| dns.record(name, host(n)));
    let pi = shapes().remove(0).1.dns(dns);
    let addresses = names.iter().enumerate().map(|(n, name)| (format!("{name}.lan"), host(n).ip())).collect();
    let tree = generate(&pi, &addresses);
    assert!(
        names
            .iter()
            .enumerate()
            .all(|(n, name)| tree["pihole.nix"].contains(&format!("\"{} {name}.lan\"", host(n).ip())))
    );
}

/// For `.ci/nix`, which has Nix itself parse them, and ask a system for its versions as `pi update` does.
#[test]
fn trees_are_written_out() {
    let Some(dir) = std::env::var_os("HOMELAB_NIX_TREES") else { return };
    for (shape, pi) in shapes() {
        let dir = std::path::Path::new(&dir).join(shape.replace(' ', "-"));
        std::fs::create_dir_all(&dir).unwrap();
        generate(&pi, &addresses()).iter().for_each(|(path, text)| std::fs::write(dir.join(path), text).unwrap());
        std::fs::write(dir.join("versions.nix"), versions(&pi)).unwrap();
    }
}
