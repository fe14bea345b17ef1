//! Pi-hole: the settings of FTL, as the module of NixOS 25.11 takes them.
use super::expr::{Binding, Expr, bind};
use super::tree::Addresses;
use crate::{Pi, config::Listen, unbound::ADDRESS};

/// How often queries are written to the card, in seconds; FTL's own choice is every minute.
const WRITE_EVERY: u32 = 600;

/// What differs from FTL's defaults, as a tree of its `pihole.toml`. Names come in the order of their names.
#[must_use]
pub fn ftl_settings(pi: &Pi, addresses: &Addresses) -> Expr {
    let dns = &pi.dns;
    let hosts = dns.records.keys().filter_map(|name| Some(format!("{} {name}", addresses.get(name)?)));
    let cnames = dns.cnames.iter().map(|(alias, of)| format!("{alias},{of}"));
    let mode = match dns.listen {
        Listen::Local => "LOCAL",
        Listen::All => "ALL",
    };
    let off = || Expr::set([("active", Expr::Bool(false))]);
    Expr::set([
        (
            "dns",
            Expr::set([
                ("upstreams", Expr::list([upstream()])),
                ("hosts", Expr::list(hosts)),
                ("cnameRecords", Expr::list(cnames)),
                ("listeningMode", mode.into()),
                // Unbound validates; twice would be double work.
                ("dnssec", false.into()),
                ("blocking", Expr::set([("active", Expr::Bool(true))])),
            ]),
        ),
        // The clock is set by systemd, from addresses; FTL would ask by name and serve the time besides.
        ("ntp", Expr::set([("ipv4", off()), ("ipv6", off()), ("sync", off())])),
        ("database", Expr::set([("maxDBdays", Expr::from(dns.history_days)), ("DBinterval", WRITE_EVERY.into())])),
    ])
}

/// Unbound as dnsmasq writes an address with its port.
fn upstream() -> String {
    format!("{}#{}", ADDRESS.ip(), ADDRESS.port())
}

/// The module.
pub(super) fn bindings(pi: &Pi, addresses: &Addresses) -> Vec<Binding> {
    let lists = pi.dns.lists.iter().map(|(url, list)| {
        Expr::set([
            ("url", Expr::from(url.as_str())),
            ("type", if list.allow { "allow" } else { "block" }.into()),
            ("description", list.about.as_str().into()),
        ])
    });
    vec![
        bind(
            "services.pihole-ftl",
            Expr::set([
                ("enable", Expr::Bool(true)),
                ("lists", Expr::list(lists)),
                ("settings", ftl_settings(pi, addresses)),
            ]),
        ),
        bind(
            "services.pihole-web",
            Expr::set([
                ("enable", Expr::Bool(true)),
                ("hostName", "pi.hole".into()),
                ("ports", Expr::list(["80o", "443os"])),
            ]),
        ),
        // The password's hash, which is not in the store; without the file there is no password.
        bind("systemd.services.pihole-ftl.serviceConfig.EnvironmentFile", format!("-{PASSWORD}")),
        // FTL was seen to hang for good after a change: it must not hold up a deploy too.
        bind("systemd.services.pihole-ftl.serviceConfig.TimeoutStopSec", "10s"),
        bind("systemd.services.pihole-ftl.after", Expr::list(["unbound.service"])),
        weekly("pihole-ftl-setup"),
    ]
}

/// The module loads lists when it starts and never again: this unit does it once a week, at another time on each Pi.
pub(super) fn weekly(unit: &str) -> Binding {
    bind(
        "systemd.timers.homelab-lists",
        Expr::set([
            ("description", Expr::from("Loads Pi-hole's lists anew")),
            ("wantedBy", Expr::list(["timers.target"])),
            ("timerConfig.OnCalendar", "weekly".into()),
            ("timerConfig.Persistent", true.into()),
            ("timerConfig.RandomizedDelaySec", "6h".into()),
            ("timerConfig.Unit", format!("{unit}.service").into()),
        ]),
    )
}

/// Where the hash of the password is, on the Pi: a variable of FTL's environment.
pub(crate) const PASSWORD: &str = "/var/lib/homelab/pihole.env";
