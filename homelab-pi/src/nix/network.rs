//! The address, the way out, and the ports that are open.
use super::{
    base::constant,
    expr::{Binding, Expr, bind},
};
use crate::Pi;
use std::net::{IpAddr, Ipv4Addr};

/// The module.
pub(super) fn bindings(pi: &Pi) -> Vec<Binding> {
    let address =
        Expr::set([("address", pi.address.ip().into()), ("prefixLength", Expr::from(u32::from(pi.address.prefix())))]);
    let ports = |ports: &[u16]| Expr::list(ports.iter().copied());
    let mut all = vec![
        bind("networking.hostName", constant(pi, "hostName")),
        bind("networking.useDHCP", false),
        // The built-in port is eth0 on every board then, whatever the release would call it.
        bind("networking.usePredictableInterfaceNames", false),
        bind("networking.interfaces.eth0.ipv4.addresses", vec![address]),
    ];
    if let Some(gateway) = pi.address.gateway() {
        all.push(bind(
            "networking.defaultGateway",
            Expr::set([("address", gateway.into()), ("interface", "eth0".into())]),
        ));
    }
    all.extend([
        bind("networking.nameservers", Expr::list(nameservers(pi))),
        bind(
            "networking.firewall",
            Expr::set([
                ("enable", true.into()),
                ("allowedTCPPorts", ports(&[22, 53, 80, 443])),
                ("allowedUDPPorts", ports(&[53])),
                ("logRefusedConnections", false.into()),
            ]),
        ),
        bind("services.resolved.enable", false),
    ]);
    all
}

/// Whom the Pi itself asks: Pi-hole, and somebody else while that is down.
pub(crate) fn nameservers(pi: &Pi) -> Vec<IpAddr> {
    let other = pi.second.or(pi.address.gateway());
    [IpAddr::V4(Ipv4Addr::LOCALHOST)].into_iter().chain(other).collect()
}
