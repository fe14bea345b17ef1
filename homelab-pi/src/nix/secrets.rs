//! What is not in the store: taken from the card's first partition on the first boot, where flashing has put it.
use super::{
    base::HOST_KEY,
    expr::{Binding, Expr, bind},
};
use crate::Pi;

/// The folder of the first partition in which secrets wait for the first boot. Each file goes to [`HOME`] under its own name.
pub(crate) const FOLDER: &str = "homelab";
/// Where they are kept on the Pi.
pub(crate) const HOME: &str = "/var/lib/homelab";

/// The module: one unit, before whoever needs them, once.
pub(super) fn bindings(pi: &Pi) -> Vec<Binding> {
    let pihole = if pi.system.container.is_some() { "podman-pihole.service" } else { "pihole-ftl.service" };
    let script = format!(
        r#"umask 077
mkdir -p {HOME} /run/homelab-firmware
udevadm wait --timeout=60 /dev/disk/by-label/FIRMWARE
mount /dev/disk/by-label/FIRMWARE /run/homelab-firmware
trap 'umount /run/homelab-firmware' EXIT
for secret in /run/homelab-firmware/{FOLDER}/*; do
  if [ -f "$secret" ]; then
    install -m 0600 "$secret" {HOME}/
    shred -n 1 "$secret"
  fi
done
if [ -f {HOST_KEY} ]; then
  ssh-keygen -y -f {HOST_KEY} > {HOST_KEY}.pub
fi
rm -rf /run/homelab-firmware/{FOLDER}
touch {DONE}
sync
"#
    );
    vec![bind(
        "systemd.services.homelab-secrets",
        Expr::set([
            ("description", Expr::from("Secrets that came with the card")),
            ("wantedBy", Expr::list(["multi-user.target"])),
            // sshd makes a key where it finds none: from 25.05 on by a unit of its own.
            ("before", Expr::list(["sshd.service", "sshd-keygen.service", pihole])),
            ("unitConfig.ConditionPathExists", format!("!{DONE}").into()),
            ("serviceConfig.Type", "oneshot".into()),
            ("path", Expr::List(vec![Expr::Package("pkgs.util-linux"), Expr::Package("pkgs.openssh")])),
            ("script", Expr::Lines(script)),
        ]),
    )]
}

/// Says that they were taken.
const DONE: &str = "/var/lib/homelab/taken";
