//! What is not in the store: taken from the card's first partition on the first boot, where flashing has put it.
use super::{
    base::HOST_KEY,
    expr::{Binding, Expr, bind},
    pihole::PASSWORD,
};
use crate::Pi;

/// The folder of the first partition in which secrets wait for the first boot.
pub(crate) const FOLDER: &str = "homelab";
/// The private host key, in that folder.
pub(crate) const HOST_KEY_FILE: &str = "hostkey";
/// The variables of Pi-hole's environment, in that folder.
pub(crate) const PASSWORD_FILE: &str = "pihole.env";

/// The module: one unit, before whoever needs them, once.
pub(super) fn bindings(pi: &Pi) -> Vec<Binding> {
    let pihole = if pi.system.container.is_some() { "podman-pihole.service" } else { "pihole-ftl.service" };
    let script = format!(
        r#"umask 077
mkdir -p /var/lib/homelab /run/homelab-firmware
mount /dev/disk/by-label/FIRMWARE /run/homelab-firmware
trap 'umount /run/homelab-firmware' EXIT
from=/run/homelab-firmware/{FOLDER}
if [ -e "$from/{HOST_KEY_FILE}" ]; then
  install -m 0600 "$from/{HOST_KEY_FILE}" {HOST_KEY}
  ssh-keygen -y -f {HOST_KEY} > {HOST_KEY}.pub
fi
if [ -e "$from/{PASSWORD_FILE}" ]; then
  install -m 0600 "$from/{PASSWORD_FILE}" {PASSWORD}
fi
sync
if [ -d "$from" ]; then
  for secret in "$from"/*; do
    [ -e "$secret" ] && shred -n 1 "$secret"
  done
  rm -rf "$from"
fi
touch {DONE}
"#
    );
    vec![bind(
        "systemd.services.homelab-secrets",
        Expr::set([
            ("description", Expr::from("Secrets that came with the card")),
            ("wantedBy", Expr::list(["multi-user.target"])),
            ("before", Expr::list(["sshd.service", pihole])),
            ("unitConfig.ConditionPathExists", format!("!{DONE}").into()),
            ("serviceConfig.Type", "oneshot".into()),
            ("path", Expr::List(vec![Expr::Package("pkgs.util-linux"), Expr::Package("pkgs.openssh")])),
            ("script", Expr::Lines(script)),
        ]),
    )]
}

/// Says that they were taken.
const DONE: &str = "/var/lib/homelab/taken";
