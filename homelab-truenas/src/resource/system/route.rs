//! [`StaticRoute`]: a way to a network that the default gateway does not know.
use crate::{
    Nas,
    resource::row::{Entry, Row, RowOutputs, at_site},
};
use homelab_core::{
    Site,
    units::{HostAddr, Network},
};
use serde::Serialize;

/// A way to a network.
pub type StaticRoute = Entry<Route>;

/// A route without a gateway.
#[derive(Clone, Copy, Debug)]
pub struct StaticRouteOf(Network);

/// What a static route is.
#[derive(Clone, Debug, Serialize)]
pub struct Route {
    destination: String,
    gateway: String,
    description: Option<String>,
    #[serde(skip)]
    name: String,
    #[serde(skip)]
    site: Site<Nas>,
}

impl StaticRoute {
    /// To this network.
    #[must_use]
    pub const fn to(network: Network) -> StaticRouteOf {
        StaticRouteOf(network)
    }
}

impl StaticRouteOf {
    /// By way of this machine, on this NAS.
    #[must_use]
    pub fn via(self, site: Site<Nas>, gateway: HostAddr) -> StaticRoute {
        let destination = self.0.to_string();
        let name = at_site(site, destination.replace('/', "_"));
        Entry(Route { destination, gateway: gateway.ip().to_string(), description: None, name, site })
    }
}

impl Row for Route {
    const KIND: &'static str = "truenas/route";
    const TABLE: &'static str = "staticroute";
    const KEY: &'static [&'static str] = &["destination"];
    const MARK: Option<&'static str> = Some("description");
    type Outputs = RowOutputs;

    fn name(&self) -> &str {
        &self.name
    }
    fn site(&self) -> Site<Nas> {
        self.site
    }
    fn key(&self) -> impl Serialize + Send {
        (&self.destination,)
    }
}
