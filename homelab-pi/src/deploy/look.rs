//! What is seen of a Pi: which system runs, which one boots, whose it is.
use super::BootFiles;
use crate::image::default_entry;
use homelab_core::{
    Failure, Mark,
    host::{Command, Hosts, HostsReader, Output, Query, Spot, probe},
};
use serde_json::{Map, Value};

/// The profile whose newest generation is the boot default.
pub(crate) const PROFILE: &str = "/nix/var/nix/profiles/system";
/// The unit that takes back what nobody confirms.
pub(crate) const ROLLBACK: &str = "homelab-rollback";
/// Whose the Pi is.
pub(crate) const MARK: &str = "/var/lib/homelab/mark.json";

/// What is seen of a Pi.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The system that runs, as a path of the store.
    pub current: String,
    /// The newest generation of the profile.
    pub profile: String,
    /// The system that the boot loader starts unless somebody chooses another.
    pub boots: Option<String>,
    /// What the running system says that it is; nothing if it is not one of ours.
    pub description: Map<String, Value>,
    /// What the boot default uses to boot.
    pub boot: BootFiles,
    /// Whose it is.
    pub mark: Option<Mark>,
    /// Whether the timer that goes back is armed.
    pub armed: bool,
}

impl Seen {
    /// Whether what runs is what boots.
    #[must_use]
    pub fn is_confirmed(&self) -> bool {
        self.current == self.profile && self.boots.as_ref().is_none_or(|boots| *boots == self.current)
    }

    /// Looks, together with whoever else looks at the same machine.
    pub(super) async fn through(reader: &HostsReader, spot: &Spot) -> Result<Seen, Failure> {
        let ask = |n: usize| reader.ask(spot, questions()[n].clone());
        let (links, said, loader, mark, boot, params, timer) =
            tokio::join!(ask(0), ask(1), ask(2), ask(3), ask(4), ask(5), ask(6));
        Seen::read(spot, [links?, said?, loader?, mark?, boot?, params?, timer?])
    }

    /// Looks at once and afresh.
    pub(super) async fn now(hosts: &Hosts, spot: &Spot) -> Result<Seen, Failure> {
        let mut batch = homelab_core::host::Batch::new();
        let slots = questions().map(|q| batch.ask(q));
        let replies = hosts.ask(spot, &batch).await?;
        let mut answers = vec![];
        for slot in slots {
            answers.push(slot.of(&replies)?);
        }
        let answers = answers.try_into().map_err(|_| Failure::new("fewer answers than questions"))?;
        Seen::read(spot, answers)
    }

    fn read(spot: &Spot, [links, said, loader, mark, boot, params, timer]: [Output; 7]) -> Result<Seen, Failure> {
        let text = |o: &Output| String::from_utf8_lossy(&o.stdout).into_owned();
        let links = text(&links);
        let mut links = links.lines().map(ToOwned::to_owned);
        let (Some(current), Some(profile)) = (links.next(), links.next()) else {
            return Err(not_nixos(spot));
        };
        if !current.starts_with("/nix/store/") {
            return Err(not_nixos(spot));
        }
        let description = serde_json::from_slice(&said.stdout).unwrap_or_default();
        Ok(Seen {
            current,
            profile,
            boots: default_entry(&text(&loader)).and_then(|entry| entry.system().map(ToOwned::to_owned)),
            description,
            boot: boot_files(&text(&boot), &text(&params)),
            mark: serde_json::from_slice(&mark.stdout).ok(),
            armed: text(&timer).trim() == "active",
        })
    }
}

fn not_nixos(spot: &Spot) -> Failure {
    Failure::new(format!("what answers at {spot} does not run NixOS"))
        .hint("write a card with `pi build` and `pi flash`, or give the Pi another address")
}

fn questions() -> [Query<Output>; 7] {
    let run = |argv: &[&str]| probe::command(Command::new(argv[0]).args(&argv[1..]));
    [
        run(&["readlink", "-f", "/run/current-system", PROFILE]),
        run(&["cat", "/run/current-system/etc/homelab/pi.json"]),
        run(&["cat", "/boot/extlinux/extlinux.conf"]),
        run(&["cat", MARK]),
        probe::command(boot_links(PROFILE)),
        probe::command(boot_params(PROFILE)),
        run(&["systemctl", "is-active", &format!("{ROLLBACK}.timer")]),
    ]
}

/// Which files a system boots with.
pub(super) fn boot_links(system: &str) -> Command {
    Command::new("readlink").arg("-f").args(["kernel", "initrd", "dtbs"].map(|part| format!("{system}/{part}")))
}

/// With which parameters.
pub(super) fn boot_params(system: &str) -> Command {
    Command::new("cat").arg(format!("{system}/kernel-params"))
}

/// The answers to [`boot_links`] and [`boot_params`].
pub(super) fn boot_files(links: &str, params: &str) -> BootFiles {
    // `readlink -f` answers the path itself where nothing is.
    let mut links = links.lines().map(|l| if l.starts_with("/nix/store/") { l.to_owned() } else { String::new() });
    let mut next = || links.next().unwrap_or_default();
    BootFiles { kernel: next(), initrd: next(), dtbs: next(), params: params.trim().to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_there_is_no_boot_file() {
        let files = boot_files("/nix/store/k/Image\n/nix/store/i/initrd\n/run/current-system/dtbs\n", "quiet\n");
        assert_eq!((files.dtbs.as_str(), files.params.as_str()), ("", "quiet"));
    }
}
