//! The resources of a Pi-hole against the simulator: what every kind must survive, and what is particular to each.
mod conformance;
mod drift;
mod gate;
mod session;

use homelab_core::{Lab, Secret, Secrets, Site, env::Env, testing::Bench};
use homelab_pi::{
    pihole::{Appliance, Pihole},
    sim::pihole::{Upstream, World},
    testing::{PASSWORD, PiholeWorld},
};
use serde_json::json;

pub(crate) const SITE: Site<Pihole> = Site::named("pihole");
pub(crate) const PIHOLE: Appliance = Appliance::of(SITE);
pub(crate) const WEB_PASSWORD: Secret = Secret::named("PIHOLE_PASSWORD");
pub(crate) const ADS: &str = "https://lists.example-x.net/hosts.txt";
pub(crate) const MALWARE: &str = "https://lists.example-x.net/malware.txt";

/// A Pi-hole as it is after its first start, with two lists on the web.
pub(crate) fn pihole() -> World {
    World::new()
        .set("dns.upstreams", json!(["127.0.0.1#5335"]))
        .set("dns.hosts", json!(["192.168.0.53 pihole.lan"]))
        .web(ADS, &["ads.corp-x.net", "metrics.corp-x.net"])
        .web(MALWARE, &["evil.corp-x.net"])
        .upstream(Upstream::default().with("ads.corp-x.net", "A", "192.0.2.66").with(
            "evil.corp-x.net",
            "A",
            "192.0.2.67",
        ))
}

pub(crate) fn world() -> PiholeWorld {
    PiholeWorld::new(SITE, pihole())
}

pub(crate) fn bench() -> Bench<PiholeWorld> {
    let mut bench = Bench::new(world());
    bench.secrets = Secrets::none().and(Env::from_pairs([("PIHOLE_PASSWORD", PASSWORD)]));
    bench
}

pub(crate) fn lab(declare: impl FnOnce(&mut Lab)) -> Lab {
    let mut lab = Lab::named("home");
    declare(&mut lab);
    lab
}

/// A lab of one thing.
pub(crate) fn one(resource: impl homelab_core::Declare) -> Lab {
    let mut lab = Lab::named("home");
    lab.add(resource);
    lab
}
