//! The real machine, as a world that labs are run against.
use homelab_core::{
    Lab, Providers,
    host::{
        Batch, Block, Command, Computer, Directory, File, HOSTS, Hosts, Line, Link, Machine, Network, Run, Spot, probe,
    },
    ssh::{SshError, SshMachine, Surroundings, Target},
    testing::{Traffic, World},
    units,
};
use std::{env, net::Ipv4Addr, path::PathBuf, sync::Arc, time::Duration};
use tokio::sync::{Mutex, MutexGuard};

/// Where the machine is, and who may log in.
#[derive(Clone)]
pub(crate) struct Real {
    pub(crate) address: Ipv4Addr,
    home: PathBuf,
    traffic: Traffic,
}

/// The tests share one machine, so they take turns.
static TURN: Mutex<()> = Mutex::const_new(());

impl Real {
    /// The machine, if these tests are to run.
    pub(crate) fn wanted() -> Option<Real> {
        let address = env::var("HOMELAB_TEST_MACHINE").ok()?.parse().expect("HOMELAB_TEST_MACHINE is an address");
        let home = env::var_os("HOMELAB_TEST_HOME").expect("HOMELAB_TEST_HOME has the keys").into();
        Some(Real { address, home, traffic: Traffic::default() })
    }

    /// The same, and nobody else until this is dropped.
    pub(crate) async fn alone() -> Option<(Real, MutexGuard<'static, ()>)> {
        Some((Real::wanted()?, TURN.lock().await))
    }

    fn target(&self) -> Target {
        Target::named(self.address.to_string()).user("root").identity(self.home.join(".ssh/id_ed25519"))
    }

    fn around(&self) -> Surroundings {
        Surroundings {
            home: self.home.clone(),
            user: "root".into(),
            agent: None,
            config: vec![],
            global_known_hosts: vec![],
        }
    }

    /// The machine without any lab.
    pub(crate) fn machine(&self) -> SshMachine {
        SshMachine::within(self.target(), self.around())
    }

    /// What somebody does on it by hand; what it says.
    pub(crate) async fn somebody(&self, script: &str) -> String {
        let mut batch = Batch::new();
        let said = batch.ask(probe::command(Command::new("sh").args(["-c", script])));
        let said = said.of(&self.machine().run(&batch).await.unwrap()).unwrap();
        assert!(said.is_success(), "{script}: {}", String::from_utf8_lossy(&said.stderr));
        said.text()
    }

    /// Waits until it has booted and lets somebody in.
    pub(crate) async fn answers(&self) {
        let mut batch = Batch::new();
        let up = batch.ask(probe::command(Command::new("systemctl").args(["is-system-running", "--wait"])));
        for _ in 0..120 {
            let replies = Real::machine(self).run(&batch).await;
            let state = replies.map(|replies| up.of(&replies).map(|said| said.text()).unwrap_or_default());
            if state.is_ok_and(|state| ["running", "degraded"].contains(&state.as_str())) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        panic!("the machine does not come back");
    }

    /// Everything below `/etc` and `/srv`, and our notes.
    pub(crate) async fn files(&self) -> String {
        let find = "find /etc /srv /var/lib/misc -printf '%p %M %u:%g %s %l\\n' | grep -v '^/etc '";
        let sums = "find /etc /srv /var/lib/misc -type f -exec sha256sum {} +";
        self.somebody(&format!(
            "({find}; {sums}) | grep -vE ' /(etc|srv|var/lib/misc) |/etc/(ld.so.cache|resolv.conf|mtab)' | sort"
        ))
        .await
    }

    /// A lab of this machine.
    pub(crate) fn lab<T>(&self, declare: impl FnOnce(&mut Lab, homelab_core::Handle<Computer>) -> T) -> Lab {
        let mut lab = Lab::named("home");
        let [a, b, c, d] = self.address.octets();
        let at = units::Network::new("test", [a, b, c, 0], 24).host(u32::from(d));
        let host = lab.add(Computer::named("web", at).login("root"));
        declare(&mut lab, host);
        lab
    }

    /// Some of everything; `n` is in every content.
    pub(crate) fn everything(&self, n: u32) -> Lab {
        self.lab(|lab, web| {
            let app = lab.add(Directory::on(web, "/etc/app 'quoted' $x"));
            for file in 0..20 {
                let path = format!("/etc/app 'quoted' $x/file {file}\n\"new line\"");
                let file = File::on(web, &path, format!("{file} of {n}\n'$(touch /var/evil)`\\\n")).mode(0o640);
                lab.add(homelab_core::ResourceExt::after(file, app));
            }
            let motd = lab.add(File::of_bytes(web, "/etc/blob", [0, 0xff, b'\n', n as u8].repeat(1000)));
            lab.add(Link::on(web, "/etc/blob-link", &format!("blob.{n}")));
            lab.add(Line::on(web, "/etc/host.conf", &format!("reorder {n}")).in_place_of("reorder "));
            lab.add(Block::on(web, "/etc/hosts", "lab", format!("198.18.0.{n} web\n")));
            let log = Command::new("sh").args(["-c", "echo run >>/srv/runs"]);
            lab.add(Run::on(web, "note", log).when(motd.digest()));
        })
    }
}

impl World for Real {
    fn providers(&self) -> Providers {
        Providers::default().with(HOSTS, Hosts::of(self.clone()))
    }
    fn traffic(&self) -> &Traffic {
        &self.traffic
    }
    fn inventory(&self) -> String {
        String::new()
    }
}

impl Network for Real {
    fn machine(&self, _: &Spot) -> Result<Arc<dyn Machine>, SshError> {
        Ok(Arc::new(Real::machine(self)))
    }
}
