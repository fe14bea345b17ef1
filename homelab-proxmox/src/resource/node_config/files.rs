//! The files of a node that the web interface's authors left to us: where packages come from, and the notice at each login.
//!
//! Names and contents are those of the installer (pve-notes section 10).

/// Packages for everybody, of a release of Debian.
pub(super) const FREE: &str = "/etc/apt/sources.list.d/proxmox.sources";

/// A release of Proxmox VE as apt knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Release {
    pub(super) major: u32,
    suite: &'static str,
    keyring: &'static str,
}

impl Release {
    pub(super) const V8: Release =
        Release { major: 8, suite: "bookworm", keyring: "/etc/apt/trusted.gpg.d/proxmox-release-bookworm.gpg" };
    pub(super) const V9: Release =
        Release { major: 9, suite: "trixie", keyring: "/usr/share/keyrings/proxmox-archive-keyring.gpg" };

    /// The repository that needs no subscription. apt reads this form on 8 too, although the installer writes the older one there.
    pub(super) fn free(self) -> String {
        let Release { suite, keyring, .. } = self;
        format!(
            "Types: deb\nURIs: http://download.proxmox.com/debian/pve\nSuites: {suite}\nComponents: pve-no-subscription\n\
             Signed-By: {keyring}\n"
        )
    }

    /// The files of repositories that answer 401 to whoever has no subscription, switched off.
    pub(super) fn paid(self) -> [(&'static str, String); 2] {
        if self == Release::V8 {
            let off = |what: &str| format!("# deb https://enterprise.proxmox.com/debian/{what}\n");
            return [
                ("/etc/apt/sources.list.d/pve-enterprise.list", off("pve bookworm pve-enterprise")),
                ("/etc/apt/sources.list.d/ceph.list", off("ceph-quincy bookworm enterprise")),
            ];
        }
        let off = |what: &str, component: &str| {
            format!(
                "Types: deb\nURIs: https://enterprise.proxmox.com/debian/{what}\nSuites: trixie\nComponents: {component}\n\
                 Signed-By: {}\nEnabled: no\n",
                self.keyring
            )
        };
        [
            ("/etc/apt/sources.list.d/pve-enterprise.sources", off("pve", "pve-enterprise")),
            ("/etc/apt/sources.list.d/ceph.sources", off("ceph-squid", "enterprise")),
        ]
    }
}

/// The file with the notice.
pub(super) const TOOLKIT: &str = "/usr/share/javascript/proxmox-widget-toolkit/proxmoxlib.js";
/// The part of a condition that asks whether there is a subscription. Dots stand for quotes, which two shells and apt would take apart.
const ASKS: &str = "res.data.status.toLowerCase() !== .active.";
/// Run after each time that dpkg has worked: an upgrade brings the notice back.
pub(super) const HOOK: &str = "/etc/apt/apt.conf.d/90-homelab-subscription-notice";

/// What takes the notice away, for sed.
pub(super) fn substitution() -> String {
    format!("s/{ASKS}/false/")
}

/// Whether it is away, for a shell; a file that is not there or is written otherwise has none that we know.
pub(super) fn is_away() -> String {
    format!("! grep -qs '{ASKS}' {TOOLKIT}")
}

/// The hook: a notice that cannot be taken away stops no upgrade.
pub(super) fn hook() -> String {
    format!("DPkg::Post-Invoke {{ \"sed -i '{}' {TOOLKIT} || true\"; }};\n", substitution())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_the_hook_ends_its_quotes() {
        let text = hook();
        assert_eq!((text.matches('"').count(), text.matches('\'').count()), (2, 2), "{text}");
        assert_eq!(substitution().matches('/').count(), 3);
    }
}
