//! What others do to a simulated machine behind our backs: for tests, and for whoever plays with the sandbox.
use super::{
    SimMachine,
    commands::{self, Call},
};
use crate::host::{Output, facts::Unit};

impl SimMachine {
    /// Runs a program as somebody who is logged in: `systemctl stop cron`. No call of ours.
    ///
    /// # Panics
    /// When it knows no such program.
    pub fn somebody_runs(&self, argv: &[&str]) -> Output {
        let call = Call { env: vec![("DEBIAN_FRONTEND", "noninteractive".into())], ..Call::plain(argv) };
        commands::run(&mut self.world(), &call).unwrap_or_else(|| panic!("the simulated machine knows no {argv:?}"))
    }

    /// Writes a file, as somebody with an editor.
    pub fn somebody_writes(&self, path: &str, text: &str) {
        self.world().files.put(path, text);
    }

    /// Removes whatever is at a path.
    pub fn somebody_removes(&self, path: &str) {
        self.world().files.unlink(path);
    }

    /// The text of a file.
    #[must_use]
    pub fn text(&self, path: &str) -> Option<String> {
        self.world().files.text(path)
    }

    /// A unit, as systemd has it.
    #[must_use]
    pub fn unit(&self, name: &str) -> Unit {
        commands::unit(&self.world(), name)
    }

    /// Another process has apt's lock for this many calls: `1234 (unattended-upgr)`.
    pub fn hold_apt(&self, by: &str, calls: u32) {
        self.world().debian.apt_held = Some((by.to_owned(), calls));
    }

    /// dpkg was cut off in the middle of an installation.
    pub fn break_dpkg(&self) {
        self.world().debian.dpkg_broken = true;
    }

    /// A repository beyond Debian's own has these packages.
    pub fn publish(&self, address: &str, packages: &[(&str, &str)]) {
        let packages = packages.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        self.world().debian.remotes.insert(address.to_owned(), packages);
    }

    /// A git repository in the world: branches and tags (those begin with `v`) with their commits.
    pub fn host_repository(&self, url: &str, revisions: &[(&str, &str)]) {
        let revisions = revisions.iter().map(|(n, c)| ((*n).to_owned(), (*c).to_owned())).collect();
        self.world().debian.repositories.insert(url.to_owned(), revisions);
    }

    /// Something that can be downloaded.
    pub fn host_download(&self, url: &str, text: &str) {
        self.world().debian.downloads.insert(url.to_owned(), text.to_owned());
    }

    /// The repositories have an older version of a package too.
    pub fn offer_older(&self, name: &str, version: &str) {
        self.world().debian.older.entry(name.to_owned()).or_default().push(version.to_owned());
    }

    /// A container of a stack ends, as after a crash.
    pub fn stop_container(&self, project: &str, service: &str) {
        if let Some(container) = self.world().debian.docker.get_mut(project).and_then(|p| p.get_mut(service)) {
            "exited".clone_into(&mut container.state);
        }
    }

    /// How often the container of a service has been made anew.
    #[must_use]
    pub fn containers_made(&self, project: &str, service: &str) -> u32 {
        self.world().debian.docker.get(project).and_then(|p| p.get(service)).map_or(0, |c| c.made)
    }

    /// From now on the program of this unit, or of this image, fails when it is started; `false` heals it.
    pub fn break_unit(&self, name: &str, broken: bool) {
        let failing = &mut self.world().debian.failing;
        if broken {
            failing.insert(name.to_owned())
        } else {
            failing.remove(name)
        };
    }

    /// A source of mounts that does not answer: `nas:/mnt/tank/media`.
    pub fn cut_off(&self, source: &str) {
        self.world().debian.unreachable.insert(source.to_owned());
    }

    /// What the file system answers to everybody who writes: `No space left on device`. `None` heals it.
    pub fn refuse_writes(&self, answer: Option<&str>) {
        self.world().debian.disk = answer.map(str::to_owned);
    }

    /// Whether sshd would let somebody in who has the right key.
    #[must_use]
    pub fn lets_in(&self, login: &str) -> bool {
        commands::lets_in(&self.world(), login)
    }

    /// Whether the firewall lets no new SSH connection through.
    #[must_use]
    pub fn firewall_is_shut(&self) -> bool {
        !commands::lets_ssh_through(&self.world())
    }
}
