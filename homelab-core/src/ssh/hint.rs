//! What to do about a machine that could not be reached.
use super::{Offer, Origin, Phase, Side, SshError};
use std::path::Path;

/// What the agent of 1Password offers: without its file the keys of one vault, with it those that the file names.
const VAULTS: &str = "it offers what is in the vault Private (or Personal), and what `~/.config/1Password/ssh/agent.toml` names: \
                      `[[ssh-keys]]` with `item = \"..\"` and `vault = \"..\"`";

impl SshError {
    /// What to do about it, in one line.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            SshError::HostKeyChanged { host, known, .. } => match known.iter().find_map(|k| match &k.origin {
                Origin::File(file, _) => Some(file),
                Origin::Pinned => None,
            }) {
                Some(file) => format!(
                    "if the machine was made anew, remove the old key: `ssh-keygen -R '{host}' -f {}`; if not, somebody may be listening",
                    file.display()
                ),
                None => "the machine was made anew without the lab knowing, or somebody stands in its place: look at its console".into(),
            },
            SshError::HostKeyUnknown { host, shown, .. } => format!(
                "compare the fingerprint with the machine's console (`ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub`), then pin `{}` in the lab's code or log in once with `ssh {host}`",
                shown.openssh
            ),
            SshError::HostKeyRevoked { .. } => "do not log in; give the machine new host keys from its console".into(),
            SshError::CertAuthority { shown, .. } => {
                format!("pin the machine's own key in the lab's code: `{}`", shown.openssh)
            }
            SshError::AuthRefused { user, offered, side, .. } => refused(user, offered, *side),
            SshError::NoKey { .. } => {
                "load a key into the agent with `ssh-add`, or name one with IdentityFile in ~/.ssh/config".into()
            }
            SshError::AgentUnreachable { .. } => {
                "start or unlock the agent, or point SSH_AUTH_SOCK or IdentityAgent to the one that runs".into()
            }
            SshError::AgentEmpty { socket } if is_1password(socket) => format!("unlock 1Password; {VAULTS}"),
            SshError::AgentEmpty { .. } => "add the key with `ssh-add`, or unlock the agent that holds it".into(),
            SshError::NameNotFound { host, .. } => {
                format!("give `{host}` a HostName in ~/.ssh/config, use its address, or look at the DNS server")
            }
            SshError::NoRoute { .. } => "look whether the machine is up and both are in networks that reach each other".into(),
            SshError::Refused { .. } => "look whether sshd runs on the machine and on which port".into(),
            SshError::Timeout { phase: Phase::Connect, .. } => {
                "look whether the machine is up, and whether a firewall drops the connection".into()
            }
            SshError::Timeout { .. } => "look at the load of the machine; run again, what is done stays done".into(),
            SshError::Handshake { .. } => "look whether this is an SSH server, and a current one".into(),
            SshError::SudoPassword { user, .. } => {
                format!("let it through without one: `{user} ALL=(ALL) NOPASSWD: ALL` in /etc/sudoers.d, or log in as root")
            }
            SshError::SudoRefused { .. } => "install sudo and allow the login all of it, or log in as root".into(),
            SshError::ContainerOff { container, .. } => {
                format!("start it (`pct start {container}` on the node), or declare it without `.stopped()`")
            }
            SshError::ContainerMissing { .. } => {
                "look on which node it is (`pct list`), and name that one in `.through(..)`".into()
            }
            SshError::Closed { .. } | SshError::Rebooted { .. } => {
                "run again: what is there is looked at anew, and what is done stays done".into()
            }
            SshError::NotUnderstood { .. } => {
                "the login needs a POSIX shell at `sh`, and `dd`, `stat` and `sha256sum` of coreutils or busybox".into()
            }
            SshError::Config { .. } => "correct the line".into(),
            SshError::Jump { source, .. } => source.hint(),
        }
    }
}

/// Whether an agent is 1Password's, by where it listens.
pub(super) fn is_1password(socket: &Path) -> bool {
    socket.to_string_lossy().to_ascii_lowercase().contains("1password")
}

/// What to do about keys of which none is accepted.
fn refused(user: &str, offered: &[Offer], side: Side) -> String {
    let Some(first) = offered.first() else {
        return "load the key into the agent with `ssh-add`, or name it with IdentityFile".into();
    };
    let add = format!("add `{}` to ~{user}/.ssh/authorized_keys of the machine", first.key.openssh);
    match side {
        Side::Ours => format!(
            "the right key may be one that was not offered: load it with `ssh-add`, or name it with IdentityFile; or {add}"
        ),
        Side::OnePassword => {
            format!("1Password may not offer the right key: {VAULTS}; or the machine has none of these: {add}")
        }
        Side::Theirs => format!(
            "all keys that are here were offered, and the machine has none of them: cloud-init has not put one there (`cloud-init status \
             --long` on its console), or it was given another; {add}, or load the one that it has with `ssh-add`"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ssh::Key;

    #[test]
    fn a_refused_login_says_on_which_side_the_key_is_missing() {
        let (algorithm, fingerprint) = ("ssh-ed25519".into(), "SHA256:x".into());
        let key = Key { algorithm, fingerprint, openssh: "ssh-ed25519 AAAA".into() };
        let offered = [Offer { key, from: "me".into() }];
        for (side, begins) in [
            (Side::Ours, "the right key may be one that was not offered"),
            (Side::OnePassword, "1Password may not offer the right key: it offers what is in the vault Private"),
            (Side::Theirs, "all keys that are here were offered"),
        ] {
            let hint = refused("root", &offered, side);
            assert!(hint.starts_with(begins), "{hint}");
            assert!(hint.contains("add `ssh-ed25519 AAAA` to ~root/.ssh/authorized_keys"), "{hint}");
        }
        assert!(is_1password(Path::new("/home/me/.1password/agent.sock")) && !is_1password(Path::new("/run/agent")));
    }
}
