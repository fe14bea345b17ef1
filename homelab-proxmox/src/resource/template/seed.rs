//! What an installer is told that nobody sits at: the seed of Ubuntu's autoinstall, on a CD of its own.
//!
//! Cloud-init in the installer reads it from a volume that is called `cidata` (data source NoCloud). There is nothing secret in it, and
//! nobody who could log in: what it installs is as a cloud image is, and gets its key from its cloud-init drive afterwards.
use super::{
    image::file_prefix,
    iso9660::{File, image},
};
use sha2::{Digest, Sha256};

/// The user that Ubuntu's cloud-init makes.
pub(super) const LOGIN: &str = "ubuntu";
/// The name of the volume that cloud-init looks for.
const LABEL: &str = "cidata";

/// - The installer asks before it writes to a disk, and waits for an answer, unless `autoinstall` stands on its kernel's command line. The
///   answer is given by the call that its own console makes once somebody has typed `yes` (subiquity, `client.py`, `confirm_install`;
///   `apidef.py`, `meta.confirm`). This seed belongs to one guest, whose only disk is empty.
/// - `user-data` has to be there where nobody is declared who may log in (`identity.py`); it is gone before anything reads it.
/// - The installer's own word to cloud-init says that there is no drive with settings, and that the network is as it was during the
///   installation. `cloud-init clean` takes it away (`/etc/cloud/clean.d/99-installer`), so the guest's own drive counts.
const USER_DATA: &str = r#"#cloud-config
autoinstall:
  version: 1
  early-commands:
    - - systemd-run
      - "--no-block"
      - "--collect"
      - sh
      - "-c"
      - >-
        until curl --silent --fail --unix-socket /run/subiquity/socket
        --request POST --get --data-urlencode 'tty="/dev/tty1"' http://localhost/meta/confirm;
        do sleep 2; done
  storage:
    layout:
      name: direct
  ssh:
    install-server: true
    allow-pw: false
  user-data:
    users:
      - default
  late-commands:
    - curtin in-target -- cloud-init clean --logs --seed
  shutdown: poweroff
"#;

const META_DATA: &str = "instance-id: installer\n";

/// The image of the CD.
pub(super) fn bytes() -> Vec<u8> {
    let meta = File { name: "meta-data", plain: "META_DAT.;1", content: META_DATA.as_bytes() };
    let user = File { name: "user-data", plain: "USER_DAT.;1", content: USER_DATA.as_bytes() };
    image(LABEL, &[meta, user])
}

/// What it is, in short.
pub(super) fn digest() -> String {
    Sha256::digest(bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The name of its file on a storage: the template's own.
pub(super) fn file(lab: &str, vmid: u32) -> String {
    format!("{}seed-{}.iso", file_prefix(lab, vmid), &digest()[..16])
}

#[cfg(all(test, feature = "sim"))]
mod tests {
    use super::*;
    use crate::sim::iso9660::read;

    #[test]
    fn the_answers_are_read_back_by_a_reader_that_knows_nothing_of_how_they_were_written() {
        let disc = read(&bytes()).unwrap();
        assert_eq!(disc.label, LABEL);
        let files: Vec<(&str, &[u8])> =
            disc.files.iter().map(|(name, text)| (name.as_str(), text.as_slice())).collect();
        assert_eq!(files, [("meta-data", META_DATA.as_bytes()), ("user-data", USER_DATA.as_bytes())]);
    }

    #[test]
    fn the_same_answers_are_the_same_file_and_there_is_no_password_and_no_key_in_them() {
        assert_eq!(bytes(), bytes());
        assert_eq!(file("home", 9010), format!("homelab-home-9010-seed-{}.iso", &digest()[..16]));
        for secret in ["password", "passwd", "authorized", "ssh-ed25519"] {
            assert!(!USER_DATA.contains(secret), "{secret}");
        }
    }
}
