//! A network for storage.
use homelab_core::units::{HostAddr, Network};

/// A network that only storage and its clients are on: it has no way out. What is shared with it cannot be reached from the LAN.
///
/// ```
/// # use homelab_core::units::Network;
/// # use homelab_truenas::resource::StorageNetwork;
/// const STORAGE: Network = Network::new("storage", [10, 10, 10, 0], 24).vlan(10);
/// const SHARES: StorageNetwork = StorageNetwork::of(STORAGE);
/// ```
///
/// ```compile_fail
/// # use homelab_core::units::Network;
/// # use homelab_truenas::resource::StorageNetwork;
/// const LAN: Network = Network::new("LAN", [192, 168, 0, 0], 24).gateway(1);
/// const SHARES: StorageNetwork = StorageNetwork::of(LAN); // error: a network with a router is not one for storage alone
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StorageNetwork(Network);

impl StorageNetwork {
    /// This network.
    ///
    /// # Panics
    /// When it has a gateway; in a constant that is a compile error.
    #[must_use]
    #[track_caller]
    pub const fn of(network: Network) -> StorageNetwork {
        assert!(
            network.router().is_none(),
            "a network with a router is not one for storage alone: a share for it says so with `.open_to(network)`"
        );
        StorageNetwork(network)
    }

    /// The network.
    #[must_use]
    pub const fn network(self) -> Network {
        self.0
    }

    /// The address of its n-th host.
    ///
    /// # Panics
    /// When there is no such host; in a constant that is a compile error.
    #[must_use]
    #[track_caller]
    pub const fn host(self, n: u32) -> HostAddr {
        self.0.host(n)
    }
}
