//! Which versions a tree brings: the packages that a name server stands on, and the function by which Nix is asked for them.
use crate::Pi;

/// The packages, by the names that people know, and where the configuration has them.
fn packages(pi: &Pi) -> Vec<(&'static str, &'static str)> {
    let mut all = vec![
        ("Linux", "boot.kernelPackages.kernel"),
        ("Nix", "nix.package"),
        ("OpenSSH", "programs.ssh.package"),
        ("Unbound", "services.unbound.package"),
        ("systemd", "systemd.package"),
    ];
    // In a container it is the image's, which the code names.
    if pi.system.container.is_none() {
        all.push(("Pi-hole FTL", "services.pihole-ftl.package"));
    }
    all
}

/// A function of the flake's `nixosConfigurations` to the versions in each, for `nix eval --apply`. Nothing is built for it.
#[must_use]
pub fn versions(pi: &Pi) -> String {
    let line = |(name, path): &(_, _)| format!("\"{name}\" = system.config.{path}.version;");
    let lines = packages(pi).iter().map(line).collect::<Vec<_>>().join(" ");
    format!("builtins.mapAttrs (_: system: {{ {lines} }})")
}
