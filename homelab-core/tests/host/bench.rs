//! One simulated machine, and labs that live on it.
use homelab_core::{
    Handle, Lab,
    host::Computer,
    sim::Room,
    units::{HostAddr, Network},
};

/// Where the machine is.
pub(crate) const LAN: Network = Network::new("LAN", [192, 168, 0, 0], 24);

/// A fresh machine `web`.
pub(crate) fn room() -> Room {
    Room::with("web", LAN.host(11).ip())
}

/// A machine as a lab declares it.
pub(crate) fn computer(lab: &mut Lab, at: HostAddr) -> Handle<Computer> {
    lab.add(Computer::named("web", at))
}

/// A lab of that machine and what is declared on it.
pub(crate) fn lab<T>(declare: impl FnOnce(&mut Lab, Handle<Computer>) -> T) -> Lab {
    let mut lab = Lab::named("home");
    let web = computer(&mut lab, LAN.host(11));
    declare(&mut lab, web);
    lab
}
