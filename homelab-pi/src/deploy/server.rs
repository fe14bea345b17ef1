//! Where names may be served from.
use crate::{Pi, pihole::DnsGate};
use homelab_core::{Handle, Output, Resource};

/// A machine that names may be served from: a [`Pi`], and nothing that runs on Proxmox VE, for names must be answered while that is
/// maintained.
#[diagnostic::on_unimplemented(
    message = "names cannot be served from a `{Self}`",
    label = "this is no Raspberry Pi",
    note = "the name server runs on a `Pi` and never on Proxmox VE, so that names are answered while nodes are restarted"
)]
pub trait NameServer: Resource {
    /// The system that it runs: whenever that changes, names have to be proven anew.
    fn system(host: Handle<Self>) -> Output<String>
    where
        Self: Sized;
}

impl NameServer for Pi {
    fn system(host: Handle<Self>) -> Output<String> {
        host.system()
    }
}

impl DnsGate {
    /// The gate in front of the names that this Pi serves: it is passed anew with each of its systems.
    ///
    /// ```
    /// # use homelab_core::{Handle, Site};
    /// # use homelab_pi::{Pi, pihole::{Appliance, DnsGate, Pihole}};
    /// # const PIHOLE: Site<Pihole> = Site::named("pihole");
    /// fn gate(pi: Handle<Pi>) -> DnsGate {
    ///     DnsGate::of(Appliance::of(PIHOLE)).served_by(pi)
    /// }
    /// ```
    ///
    /// A guest of Proxmox VE, or any other machine, does not compile (`tests/ui/names_from_a_proxmox_guest.rs`).
    #[must_use]
    pub fn served_by<H: NameServer>(self, host: Handle<H>) -> DnsGate {
        self.since(H::system(host))
    }
}
