//! The description of a Pi, built step by step: what cannot be left out is asked for by the types.
use crate::{
    Board,
    config::{
        PiHole, System,
        login::{Keys, Login, LoginKeys, is_key},
        pihole::is_name,
    },
};
use homelab_core::{Secret, units::HostAddr};
use std::net::IpAddr;

/// A Pi without its board.
#[derive(Clone, Debug)]
pub struct NoBoard(&'static str);
/// A Pi without its address.
#[derive(Clone, Debug)]
pub struct NoAddress(&'static str, Board);
/// A Pi without the person who logs in.
#[derive(Clone, Debug)]
pub struct NoLogin(&'static str, Board, HostAddr);
/// A Pi without the release it runs.
#[derive(Clone, Debug)]
pub struct NoSystem(&'static str, Board, HostAddr, Login);

/// A Raspberry Pi with NixOS, Pi-hole and Unbound: the name server of a lab.
///
/// ```
/// use homelab_core::units::Network;
/// use homelab_pi::{Board, Pi, config::{Pins, PiHole, System}};
/// const LAN: Network = Network::new("LAN", [192, 168, 0, 0], 24).gateway(1);
/// # const PINS: Pins = Pins { path: "flake.lock", code: "", text: "" };
/// # const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHUy4sUdyK2ePNnqVAtCY1Sdl6kPnCNKt0bNC8x8yGqP me";
/// let pi = Pi::named("pihole")
///     .board(Board::Pi4)
///     .at(LAN.host(53))
///     .login("svenlito", [KEY])
///     .system(System::nixos_25_11(PINS))
///     .dns(PiHole::new().record("grogu", LAN.host(10)));
/// ```
///
/// A Pi that nobody could log in to does not compile (`tests/ui/pi_without_a_key.rs`).
#[derive(Clone, Debug)]
pub struct Pi {
    pub(crate) name: &'static str,
    pub(crate) board: Board,
    pub(crate) address: HostAddr,
    pub(crate) login: Login,
    pub(crate) system: System,
    pub(crate) state_version: &'static str,
    pub(crate) time_zone: &'static str,
    pub(crate) ntp: Vec<IpAddr>,
    pub(crate) second: Option<IpAddr>,
    pub(crate) dns: PiHole,
    pub(crate) password: Option<Secret>,
    pub(crate) host_key: Option<Secret>,
    pub(crate) generations: u32,
    pub(crate) boot_changes: bool,
}

impl Pi {
    /// The Pi of this name, which is its name in the network too.
    ///
    /// # Panics
    /// When it is no name of a host.
    #[must_use]
    #[track_caller]
    #[allow(clippy::new_ret_no_self, reason = "a description begins with its name and ends as a Pi")]
    pub fn named(name: &'static str) -> NoBoard {
        assert!(is_name(name) && !name.contains('.'), "`{name}` is no name of a host: letters, digits and `-`");
        NoBoard(name)
    }
}

impl NoBoard {
    /// The board.
    #[must_use]
    pub fn board(self, board: Board) -> NoAddress {
        NoAddress(self.0, board)
    }
}

impl NoAddress {
    /// The address that everybody has in their settings: it never changes.
    #[must_use]
    pub fn at(self, address: HostAddr) -> NoLogin {
        NoLogin(self.0, self.1, address)
    }
}

impl NoLogin {
    /// Who logs in, with these public keys (1 to 16) and in no other way. No key does not compile: nobody could ever log in.
    ///
    /// # Panics
    /// When the name is no user's, or a key is none.
    #[must_use]
    #[track_caller]
    pub fn login<const N: usize>(self, user: &'static str, keys: [&'static str; N]) -> NoSystem
    where
        Keys<N>: LoginKeys,
    {
        let word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '-');
        let named = user.starts_with(|c: char| c.is_ascii_lowercase() || c == '_') && user.chars().all(word);
        assert!(named && user.len() <= 31 && user != "root", "`{user}` is no name for a login");
        for key in keys {
            assert!(is_key(key), "this is no public key of SSH: `{key}`");
        }
        NoSystem(self.0, self.1, self.2, Login { user, keys: keys.to_vec() })
    }
}

impl NoSystem {
    /// The release of NixOS that it runs, and with it how Pi-hole is run.
    #[must_use]
    pub fn system(self, system: System) -> Pi {
        Pi {
            name: self.0,
            board: self.1,
            address: self.2,
            login: self.3,
            system,
            state_version: system.release.number(),
            time_zone: "UTC",
            ntp: NTP.to_vec(),
            second: None,
            dns: PiHole::new(),
            password: None,
            host_key: None,
            generations: 10,
            boot_changes: false,
        }
    }
}

/// Time servers by address: Cloudflare's and Google's, which serve everybody and have kept theirs for years. A name would need DNSSEC,
/// and that needs the time.
const NTP: [IpAddr; 2] =
    [IpAddr::V4(std::net::Ipv4Addr::new(162, 159, 200, 1)), IpAddr::V4(std::net::Ipv4Addr::new(216, 239, 35, 0))];

impl Pi {
    /// What Pi-hole and Unbound do.
    #[must_use]
    pub fn dns(mut self, dns: PiHole) -> Self {
        self.dns = dns;
        self
    }

    /// The other resolver that clients have: a second Pi, or the router. It is also whom the Pi itself asks while Pi-hole is down.
    /// Without one every restart of this Pi is an outage, and a plan says so.
    #[must_use]
    pub fn second_resolver(mut self, address: impl Into<IpAddr>) -> Self {
        self.second = Some(address.into());
        self
    }

    /// The time zone: `Europe/Berlin`.
    ///
    /// # Panics
    /// When it does not look like one.
    #[must_use]
    #[track_caller]
    pub fn time_zone(mut self, zone: &'static str) -> Self {
        let word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '_' | '-' | '+');
        assert!(!zone.is_empty() && zone.chars().all(word), "`{zone}` is no time zone");
        self.time_zone = zone;
        self
    }

    /// Who is asked for the time first, by address; the public ones are asked after them.
    #[must_use]
    pub fn ntp<A: Into<IpAddr>>(mut self, servers: impl IntoIterator<Item = A>) -> Self {
        self.ntp = servers.into_iter().map(Into::into).chain(NTP).collect();
        self.ntp.dedup();
        self
    }

    /// The release with which the card was first written, if it is not the one that runs now: NixOS keeps the layout of state by it.
    #[must_use]
    pub fn first_flashed_with(mut self, release: crate::Release) -> Self {
        self.state_version = release.number();
        self
    }

    /// The hash of the password of Pi-hole's web page, as `pihole-FTL` makes it. It never enters the Nix store.
    #[must_use]
    pub fn password_hash(mut self, hash: Secret) -> Self {
        self.password = Some(hash);
        self
    }

    /// The private half of the host key (OpenSSH format, ed25519), so that the key is known before the first boot. It never enters the
    /// Nix store.
    #[must_use]
    pub fn host_key(mut self, key: Secret) -> Self {
        self.host_key = Some(key);
        self
    }

    /// How many generations are kept, 2 to 50; 10 unless said otherwise.
    ///
    /// # Panics
    /// Outside of that: with one there is nothing to go back to.
    #[must_use]
    #[track_caller]
    pub fn keep_generations(mut self, n: u32) -> Self {
        assert!((2..=50).contains(&n), "2 to 50 generations can be kept, not {n}");
        self.generations = n;
        self
    }

    /// Lets changes of the kernel, the initial ram disk, kernel parameters or device trees be made the boot default. A test cannot
    /// prove those: they show at the next boot, and a kernel that does not start needs somebody with a screen or a spare card. Remove
    /// it again when the deploy is done.
    #[must_use]
    pub fn accept_boot_changes(mut self) -> Self {
        self.boot_changes = true;
        self
    }

    /// The release that it runs.
    #[must_use]
    pub fn release(&self) -> crate::Release {
        self.system.release
    }

    /// Its address.
    #[must_use]
    pub fn address(&self) -> HostAddr {
        self.address
    }

    /// What it does.
    #[must_use]
    pub fn pi_hole(&self) -> &PiHole {
        &self.dns
    }
}
