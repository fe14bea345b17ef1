//! Unbound: behind Pi-hole, on loopback, validating.
use super::expr::{Binding, Expr, bind};
use crate::{
    Pi,
    unbound::{ADDRESS, Memory, Section, Setting, Unbound},
};

/// The module.
pub(super) fn bindings(pi: &Pi) -> Vec<Binding> {
    let unbound = Unbound {
        listen: ADDRESS,
        upstream: pi.dns.upstream.clone(),
        memory: if pi.board.is_small() { Memory::Small } else { Memory::Normal },
        ipv6: false,
        local: vec![pi.dns.domain.clone()],
    };
    let mut settings = vec![bind("server", section(unbound.server()))];
    let zones: Vec<Expr> = unbound.forward_zones().into_iter().map(section).collect();
    if !zones.is_empty() {
        settings.push(bind("forward-zone", zones));
    }
    vec![bind(
        "services.unbound",
        Expr::set([
            ("enable", Expr::Bool(true)),
            // The Pi asks Pi-hole, so that it sees what everybody sees.
            ("resolveLocalQueries", false.into()),
            ("enableRootTrustAnchor", true.into()),
            ("settings", Expr::Set(settings)),
        ]),
    )]
}

fn section(options: Section) -> Expr {
    let value = |setting| match setting {
        Setting::Flag(flag) => Expr::Bool(flag),
        Setting::Number(number) => Expr::Int(number.cast_signed()),
        Setting::Text(text) => Expr::Str(text),
        Setting::List(items) => Expr::list(items),
    };
    Expr::set(options.into_iter().map(|(name, setting)| (name, value(setting))))
}
