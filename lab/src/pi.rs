//! The Raspberry Pi: names for everybody, on a machine of their own, so that they are answered while Proxmox is worked on.
use crate::{guests::KEY, net, sites::PIHOLE};
use homelab_core::{Handle, Lab, ResourceExt};
use homelab_pi::{
    Board, Pi,
    config::{PiHole, Pins, System},
    pihole::DnsGate,
};

/// Which sources the Pi is built from. `pi update` writes the file; look at the change and commit it.
pub(crate) const PINS: Pins = homelab_pi::pins!("../flake.lock");

/// The Pi as it should be.
#[must_use]
pub(crate) fn pihole() -> Pi {
    Pi::named("pihole")
        .board(Board::Pi4)
        .at(net::PIHOLE)
        .login("svenlito", [KEY])
        .system(System::nixos_25_11(PINS))
        .time_zone("Europe/Berlin")
        // The router has the time when the Internet has not.
        .ntp([net::ROUTER])
        // The router forwards names too: nothing is blocked then, and nobody is offline while the Pi restarts.
        .second_resolver(net::ROUTER)
        .dns(names())
}

/// Everybody of the lab by name, `grogu.lan`; the address on the storage network is `grogu-storage.lan`.
fn names() -> PiHole {
    let names = net::HOSTS.map(|(name, host)| (name.replace(" (", "-").replace(')', ""), host));
    let dns = PiHole::new()
        // Kubernetes and the guests are in other networks than the Pi.
        .listen_to_all()
        .block(
            "https://raw.githubusercontent.com/StevenBlack/hosts/master/hosts",
            "StevenBlack: advertising and malware",
        )
        .proven_by("ad.doubleclick.net");
    let dns = dns.records(names.iter().map(|(name, host)| (name.as_str(), *host)));
    dns.cname("proxmox", "grogu").cname("nas", "truenas")
}

/// The name service: the Pi, and the gate that is open while it answers. The Pi is taken over: its card may have been written before this
/// lab knew it.
pub(crate) fn name_service(lab: &mut Lab) -> Handle<DnsGate> {
    let pi = lab.add(pihole().adopt());
    lab.add(DnsGate::of(PIHOLE).local("grogu.lan", net::GROGU.ip()).served_by(pi))
}
