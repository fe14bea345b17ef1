//! What is expected of a Pi, and asking for all of it at once.
use super::{
    direct,
    inside::{self, Inside},
    names,
    report::{Check, Probe, Report, Verdict},
};
use crate::{
    dns::{Prober, Question},
    pihole::{Dashboard, Health},
};
use homelab_core::{Failure, host::Machine};
use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use tokio::{join, time::Instant};

/// Where Unbound listens on the Pi.
const UNBOUND: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 5335);
/// After so many days lists count as old: Pi-hole loads them weekly.
const LISTS_AGE: u64 = 8;
const DAY: u64 = 24 * 3600;

/// How fast answers should come. Slower ones are told, and do not fail.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    /// The first time a name is asked for.
    pub cold: Duration,
    /// When it is known already; the median counts.
    pub warm: Duration,
}

impl Default for Budget {
    /// 150 ms and 5 ms, what a wired network with Unbound on a Pi has.
    fn default() -> Self {
        Budget { cold: Duration::from_millis(150), warm: Duration::from_millis(5) }
    }
}

/// What is expected of a Pi, and who can be asked. What is not given is skipped, and the report says so.
#[derive(Clone)]
pub struct Verify {
    pub(super) dns: Prober,
    pub(super) public: String,
    pub(super) local: Vec<(String, Vec<IpAddr>)>,
    pub(super) blocked: Option<String>,
    pub(super) signed: String,
    pub(super) bogus: String,
    pub(super) unbound: Option<Prober>,
    inside: Option<Arc<dyn Inside>>,
    api: Option<Arc<dyn Dashboard>>,
    budget: Budget,
    now: fn() -> u64,
}

impl fmt::Debug for Verify {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Verify({})", self.dns.server())
    }
}

impl Verify {
    /// A name server at this address, with the usual expectations: `example.com` resolves, `internetsociety.org` is signed well and
    /// `dnssec-failed.org` badly.
    #[must_use]
    pub fn of(server: SocketAddr) -> Verify {
        Verify::with(Prober::new(server))
    }

    /// The same, asked through this prober.
    #[must_use]
    pub fn with(dns: Prober) -> Verify {
        Verify {
            dns,
            public: "example.com".into(),
            local: vec![],
            blocked: None,
            signed: "internetsociety.org".into(),
            bogus: "dnssec-failed.org".into(),
            unbound: None,
            inside: None,
            api: None,
            budget: Budget::default(),
            now: || SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()),
        }
    }

    /// Another public name that must resolve.
    #[must_use]
    pub fn public(mut self, name: impl Into<String>) -> Verify {
        self.public = name.into();
        self
    }

    /// A name of the lab that must resolve to these addresses.
    #[must_use]
    pub fn local(mut self, name: impl Into<String>, addresses: impl IntoIterator<Item = IpAddr>) -> Verify {
        self.local.push((name.into(), addresses.into_iter().collect()));
        self
    }

    /// A name that must be blocked.
    #[must_use]
    pub fn blocked(mut self, name: impl Into<String>) -> Verify {
        self.blocked = Some(name.into());
        self
    }

    /// Another name whose signatures are good.
    #[must_use]
    pub fn signed(mut self, name: impl Into<String>) -> Verify {
        self.signed = name.into();
        self
    }

    /// Another name whose signatures are bad on purpose.
    #[must_use]
    pub fn bogus(mut self, name: impl Into<String>) -> Verify {
        self.bogus = name.into();
        self
    }

    /// Unbound, where it can be reached from here. Usually it listens on the Pi's loopback only and is asked by way of
    /// [`machine`](Verify::machine).
    #[must_use]
    pub fn unbound(mut self, prober: Prober) -> Verify {
        self.unbound = Some(prober);
        self
    }

    /// The Pi itself, over SSH or simulated: its clock, its units, its card, its power, and Unbound.
    #[must_use]
    pub fn machine(self, machine: Arc<dyn Machine>) -> Verify {
        self.within(Arc::new(inside::Direct(machine)))
    }

    /// The same, asked by somebody who has a way in.
    #[must_use]
    pub fn within(mut self, pi: Arc<dyn Inside>) -> Verify {
        self.inside = Some(pi);
        self
    }

    /// Pi-hole's API.
    #[must_use]
    pub fn api(mut self, api: Arc<dyn Dashboard>) -> Verify {
        self.api = Some(api);
        self
    }

    /// How fast answers should come.
    #[must_use]
    pub fn budget(mut self, budget: Budget) -> Verify {
        self.budget = budget;
        self
    }

    /// What counts as the right time, in seconds since 1970, for tests.
    #[must_use]
    pub fn clock(mut self, now: fn() -> u64) -> Verify {
        self.now = now;
        self
    }

    /// Asks everything that does not depend on another answer at the same time.
    pub async fn run(&self) -> Report {
        let began = Instant::now();
        let look = async {
            let pi = self.inside.as_deref()?;
            let digs = match &self.unbound {
                None => Question::a(&self.signed).iter().map(|q| direct::dig(UNBOUND, q)).collect(),
                Some(_) => vec![],
            };
            Some(inside::look(pi, digs).await)
        };
        let health = async { Some(self.api.as_ref()?.health().await) };
        let (mut names, inside, health) = join!(names::ask(self), look, health);
        let now = (self.now)();
        let clock = inside.as_ref().and_then(|inside| inside.clock.as_ref().ok()).map(|clock| clock.abs_diff(now));
        // What Unbound said when it was asked on the Pi counts as if it had been asked from here.
        let dug = inside.as_ref().filter(|inside| inside.is_in()).and_then(|inside| inside.digs.first()).map(|said| {
            said.clone().and_then(|text| direct::read(&text).ok_or_else(|| format!("`dig` said `{text}`")))
        });
        if let Some(Ok(direct)) = &dug {
            names.direct = Some(Ok(direct.clone()));
        }
        let direct = match &names.direct {
            Some(Ok(direct)) => Some(Ok(direct.clone())),
            Some(Err(e)) => Some(Err(e.to_string())),
            None => dug,
        };
        let cause = names.cause(clock);
        let within = |verdict: fn(&inside::Seen) -> Verdict| match &inside {
            Some(inside) => verdict(inside),
            None => Verdict::skipped("the Pi itself cannot be asked"),
        };
        let silent = || Verdict::skipped("nothing answers on port 53");
        let names_or_silent = |verdict: Verdict| if names.is_silent() { silent() } else { verdict };
        let checks = [
            (Probe::Login, within(inside::login)),
            (Probe::Port, names.port()),
            (
                Probe::Clock,
                match &inside {
                    Some(inside) => inside::clock(&inside.clock, now),
                    None => Verdict::skipped("the Pi itself cannot be asked"),
                },
            ),
            (Probe::Public, names_or_silent(names.public(self, &cause))),
            (Probe::Local, names_or_silent(names.local())),
            (Probe::Blocked, names_or_silent(names.blocked(self))),
            (Probe::Dnssec, names_or_silent(names.dnssec(self, &cause))),
            (Probe::Unbound, names::unbound(direct, &cause)),
            (Probe::Latency, names_or_silent(names.latency(self.budget))),
            (Probe::Api, api(health.as_ref())),
            (Probe::Lists, lists(health.as_ref(), now)),
            (Probe::Units, within(inside::units)),
            (Probe::Disk, within(inside::disk)),
            (Probe::Power, within(inside::power)),
        ];
        let checks = checks.into_iter().map(|(probe, verdict)| Check { probe, verdict }).collect();
        Report::of(self.dns.server().to_string(), checks, began.elapsed())
    }
}

fn api(health: Option<&Result<Health, Failure>>) -> Verdict {
    match health {
        None => Verdict::skipped("no access to Pi-hole's API is given"),
        Some(Err(failure)) => Verdict::failed(
            failure.message.clone(),
            failure.hint.clone().unwrap_or_else(|| "look at `systemctl status pihole-ftl` on the Pi".into()),
        ),
        Some(Ok(health)) if !health.blocking => Verdict::failed(
            "blocking is off",
            "switch it on in the web page, or declare it: `Setting::on(PIHOLE, \"dns.blocking.active\", true)`",
        ),
        Some(Ok(health)) => match health.messages {
            0 => Verdict::passed("lets us in, blocking is on"),
            n => Verdict::warned(
                format!("Pi-hole has {n} messages for a person"),
                "read them in its web page, under Tools",
            ),
        },
    }
}

fn lists(health: Option<&Result<Health, Failure>>, now: u64) -> Verdict {
    let Some(Ok(health)) = health else { return Verdict::skipped("Pi-hole's API says nothing") };
    let days = now.saturating_sub(health.updated) / DAY;
    if let Some(first) = health.dead.first() {
        let reason = format!("{} domains are loaded; not to be had: {}", health.domains, health.dead.join(", "));
        let fix = format!("look at {first} in a browser: put its new address into the code, or take it out");
        return if health.domains == 0 { Verdict::failed(reason, fix) } else { Verdict::warned(reason, fix) };
    }
    let fix = "`pihole -g` on the Pi loads them and says which cannot be had";
    match (health.domains, health.updated) {
        (_, 0) => Verdict::failed("the lists have never been loaded", fix),
        (0, _) => {
            Verdict::failed("no domain is on any list", "declare a list: `BlockList::on(PIHOLE, \"https://..\")`")
        }
        (n, _) if days >= LISTS_AGE => Verdict::failed(format!("{n} domains, loaded {days} days ago"), fix),
        (n, _) => Verdict::passed(format!("{n} domains, loaded {days} days ago")),
    }
}
