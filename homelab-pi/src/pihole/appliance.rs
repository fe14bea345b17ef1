//! A Pi-hole as a site of a lab: where it is, and what lets us in.
use super::{Pihole, Reader, resource, session::Passwords, web::web_to};
use crate::dns::Prober;
use homelab_core::{Begun, Connect, Failure, Kind, Provider, Sandbox, Secret, Secrets};
use std::net::{IpAddr, SocketAddr};

/// The password of Pi-hole's web page.
pub const PASSWORD: Secret = Secret::named("PIHOLE_PASSWORD");
/// The password of before, while it is being changed.
pub const PREVIOUS_PASSWORD: Secret = Secret::named("PIHOLE_PASSWORD_PREVIOUS");
/// Another address than the code's.
const URL: &str = "PIHOLE_URL";
/// Where names are asked.
const DNS_PORT: u16 = 53;

/// A Pi-hole: its address, and the password that comes from outside.
///
/// ```
/// use homelab_core::{Site, Sites};
/// use homelab_pi::pihole::{Pihole, PiholeAt};
/// const PIHOLE: Site<Pihole> = Site::named("pihole");
/// fn sites() -> Sites {
///     Sites::new().with(PIHOLE, PiholeAt::address([192, 168, 0, 53]))
/// }
/// ```
///
/// `PIHOLE_PASSWORD` is the web password, `PIHOLE_PASSWORD_PREVIOUS` the one of before while it is being changed. Nothing is asked
/// before the first look, for the Pi may be made in the same run.
#[derive(Clone, Debug)]
pub struct PiholeAt {
    url: String,
    dns: SocketAddr,
    password: Secret,
    previous: Secret,
    locked: bool,
    pub(crate) names: Vec<String>,
    pub(crate) lists: Vec<String>,
}

impl PiholeAt {
    /// At this address: its API on port 80, its name service on port 53.
    #[must_use]
    pub fn address(ip: impl Into<IpAddr>) -> PiholeAt {
        let dns = SocketAddr::new(ip.into(), DNS_PORT);
        let host = match dns {
            SocketAddr::V4(_) => dns.ip().to_string(),
            SocketAddr::V6(_) => format!("[{}]", dns.ip()),
        };
        PiholeAt {
            url: format!("http://{host}"),
            dns,
            password: PASSWORD,
            previous: PREVIOUS_PASSWORD,
            locked: true,
            names: vec![],
            lists: vec![],
        }
    }

    /// With another password than `PIHOLE_PASSWORD`: a second Pi-hole has its own.
    #[must_use]
    pub fn password(mut self, current: Secret, previous: Secret) -> PiholeAt {
        (self.password, self.previous) = (current, previous);
        self
    }

    /// Its API asks for no password, as on a [`Pi`](crate::Pi) that is declared without one, or it is only asked for names.
    #[must_use]
    pub fn without_password(mut self) -> PiholeAt {
        self.locked = false;
        self
    }

    /// Public names that the sandbox lets resolve, besides `example.com` and the names that a verification asks for.
    #[must_use]
    pub fn sandbox_names(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> PiholeAt {
        self.names.extend(names.into_iter().map(Into::into));
        self
    }

    /// Lists that the sandbox has on its web, each with three domains of advertisers.
    #[must_use]
    pub fn sandbox_lists(mut self, addresses: impl IntoIterator<Item = impl Into<String>>) -> PiholeAt {
        self.lists.extend(addresses.into_iter().map(Into::into));
        self
    }

    #[cfg(feature = "sim")]
    pub(crate) fn ip(&self) -> IpAddr {
        self.dns.ip()
    }
}

impl Provider for Pihole {
    type Reader = Reader;

    fn reader(&self) -> Reader {
        Reader::new(self.clone())
    }

    fn kinds() -> Vec<Kind<Pihole>> {
        resource::kinds()
    }

    /// Nothing that was begun goes on by itself but a restart of FTL.
    async fn settle(&self, _: &Begun<'_>) -> Result<(), Failure> {
        self.settled().await
    }
}

impl Connect for PiholeAt {
    type Provider = Pihole;

    fn credentials(&self) -> Vec<Vec<Secret>> {
        if self.locked { vec![vec![self.password]] } else { vec![] }
    }

    async fn live(&self, secrets: &Secrets) -> Result<Pihole, Failure> {
        let given = |secret: &Secret| secrets.resolve(secret).ok().filter(|_| self.locked);
        let passwords = Passwords { current: given(&self.password), previous: given(&self.previous) };
        let url = secrets.setting(URL).unwrap_or_else(|| self.url.clone());
        Ok(Pihole::new(web_to(&url)?, &url, passwords, Prober::new(self.dns)))
    }

    #[cfg(feature = "sim")]
    async fn sandbox(&self, sandbox: &Sandbox) -> Result<Pihole, Failure> {
        crate::sim::pihole::sandbox(self, sandbox).await
    }

    #[cfg(not(feature = "sim"))]
    async fn sandbox(&self, _: &Sandbox) -> Result<Pihole, Failure> {
        Err(Failure::new("this program was built without the simulator")
            .hint("build homelab-pi with its feature `sim`, or configure credentials"))
    }
}
