//! The host's own name.
use super::{
    kept::{Kept, Place, forget, lives_on_a_machine},
    whole::{put, text},
};
use crate::{
    Apply, Failure, NoOutputs, Provider, Resource,
    host::{Action, Command, Host, HostPath, Hosts, HostsReader, Spot, probe},
};
use futures_util::future::try_join;
use serde::{Deserialize, Serialize};

/// The host's own name: now, at each boot, and in `/etc/hosts` as Debian has it there (127.0.1.1), so that sudo finds it. When it
/// goes, the name is the one that it was before.
#[derive(Clone, Debug, Serialize)]
pub struct Hostname {
    #[serde(skip)]
    host: Host,
    #[serde(skip)]
    name: String,
    running: String,
    at_boot: String,
    in_hosts: String,
}

impl Hostname {
    /// A name of one label: `web`.
    ///
    /// # Panics
    /// On what is no label: letters, digits and `-`, at most 63, no `-` at its ends (RFC 1123, 2.1).
    #[must_use]
    #[track_caller]
    pub fn on(host: impl Into<Host>, name: &str) -> Self {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
        let fine =
            (1..=63).contains(&name.len()) && name.bytes().all(plain) && !name.starts_with('-') && !name.ends_with('-');
        assert!(fine, "`{}` is no host name: letters, digits and `-`, at most 63", name.escape_debug());
        let own = || name.to_owned();
        Hostname { host: host.into(), name: "hostname".into(), running: own(), at_boot: own(), in_hosts: own() }
    }

    /// The same with its domain in `/etc/hosts`: `web.home.arpa web`.
    #[must_use]
    pub fn domain(mut self, domain: &str) -> Self {
        self.in_hosts = format!("{0}.{domain} {0}", self.running);
        self
    }
}

/// How the names were before us.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Names {
    running: String,
    at_boot: Option<String>,
    in_hosts: Option<String>,
}

/// What is seen of the host's name.
#[derive(Clone, Debug, Serialize)]
pub struct HostnameState {
    /// The name that the kernel has.
    pub running: String,
    /// The name that it will get at boot.
    pub at_boot: Option<String>,
    /// The names of 127.0.1.1.
    pub in_hosts: Option<String>,
    #[serde(skip)]
    place: Place,
    #[serde(skip)]
    kept: Option<Kept<Names>>,
}

const OWN: &str = "127.0.1.1";

fn etc(name: &str) -> HostPath {
    HostPath::at(&format!("/etc/{name}"))
}

/// The names, and the text of `/etc/hosts`.
async fn names(spot: &Spot, cx: &HostsReader) -> Result<(Names, String), Failure> {
    let files = try_join(cx.ask(spot, probe::read(etc("hostname"))), cx.ask(spot, probe::read(etc("hosts"))));
    let (system, (file, hosts)) = try_join(cx.ask(spot, probe::system()), files).await?;
    let hosts = text(&etc("hosts"), hosts.unwrap_or_default())?;
    let own = hosts.lines().find_map(|line| line.strip_prefix(OWN)).filter(|rest| rest.starts_with([' ', '\t']));
    let in_hosts = own.map(|rest| rest.split_whitespace().collect::<Vec<_>>().join(" "));
    let at_boot = file.map(|bytes| String::from_utf8_lossy(&bytes).trim().to_owned());
    Ok((Names { running: system.hostname, at_boot, in_hosts }, hosts))
}

async fn look(place: &Place, cx: &HostsReader) -> Result<Option<HostnameState>, Failure> {
    let (kept, (names, _)) = try_join(Kept::recall(Hostname::KIND, place, cx), names(&place.spot, cx)).await?;
    Ok(kept.is_some().then(|| HostnameState {
        running: names.running,
        at_boot: names.at_boot,
        in_hosts: names.in_hosts,
        place: place.clone(),
        kept,
    }))
}

/// `/etc/hosts` with another line for 127.0.1.1, or none.
fn with_own(hosts: &str, own: Option<&str>) -> String {
    let is_own = |line: &str| line.strip_prefix(OWN).is_some_and(|rest| rest.starts_with([' ', '\t']));
    let mut lines: Vec<String> = vec![];
    let mut line = own.map(|names| format!("{OWN}\t{names}"));
    for old in hosts.lines() {
        match is_own(old) {
            true => lines.extend(line.take()),
            false => lines.push(old.to_owned()),
        }
    }
    lines.extend(line);
    lines.iter().map(|line| format!("{line}\n")).collect()
}

fn set(names: &Names, hosts: &str) -> Vec<Action> {
    let at_boot = match &names.at_boot {
        Some(name) => put(&etc("hostname"), format!("{name}\n"), 0o644),
        None => Action::Remove(etc("hostname")),
    };
    let hosts = with_own(hosts, names.in_hosts.as_deref());
    // The line in `/etc/hosts` first: sudo looks its own host up.
    vec![
        if hosts.is_empty() { Action::Remove(etc("hosts")) } else { put(&etc("hosts"), hosts, 0o644) },
        at_boot,
        Action::Run(Command::new("hostname").arg(&names.running)),
    ]
}

impl Resource for Hostname {
    const KIND: &'static str = "host/hostname";
    type Outputs = NoOutputs;
    lives_on_a_machine!(HostnameState);

    async fn apply(&self, now: Option<&HostnameState>, cx: &Apply<'_, Hosts>) -> Result<(), Failure> {
        let spot = self.host.spot_now(cx)?;
        let (there, hosts) = names(&spot, &cx.reader()).await?;
        let before = now.and_then(|now| now.kept.clone()).map_or(there, |kept| kept.before);
        let wanted = Names {
            running: self.running.clone(),
            at_boot: Some(self.at_boot.clone()),
            in_hosts: Some(self.in_hosts.clone()),
        };
        let mut actions = vec![Kept::new(cx.mark(), before).write(Self::KIND, &self.name)];
        actions.extend(set(&wanted, &hosts));
        cx.carry_out(cx.permit(), &spot, actions).await
    }

    async fn delete(state: &HostnameState, cx: &Apply<'_, Hosts>) -> Result<(), Failure> {
        let spot = &state.place.spot;
        let (_, hosts) = names(spot, &cx.reader()).await?;
        let back = state.kept.as_ref().map(|kept| set(&kept.before, &hosts)).unwrap_or_default();
        let actions = back.into_iter().chain([forget(Self::KIND, &state.place.name)]);
        cx.carry_out(cx.permit(), spot, actions).await
    }
}

#[cfg(test)]
mod tests {
    use super::with_own;

    #[test]
    fn only_the_hosts_own_line_changes() {
        let hosts = "127.0.0.1\tlocalhost\n127.0.1.1 old\n10.0.0.1 a\n";
        assert_eq!(with_own(hosts, Some("web")), "127.0.0.1\tlocalhost\n127.0.1.1\tweb\n10.0.0.1 a\n");
        assert_eq!(with_own(hosts, None), "127.0.0.1\tlocalhost\n10.0.0.1 a\n");
        assert_eq!(with_own("127.0.0.1 localhost\n", Some("web")), "127.0.0.1 localhost\n127.0.1.1\tweb\n");
    }
}
