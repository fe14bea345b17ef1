//! Prometheus' Node Exporter: a machine's own figures on port 9100.
use super::{Binary, Package, Service, UnitFile, User};
use crate::{Handle, Lab, ResourceExt, host::Host};

/// The Node Exporter, as its parts: Debian's package, or a release of its makers.
///
/// ```
/// # use homelab_core::{Lab, host::{Computer, NodeExporter}, units::Network};
/// # const LAN: Network = Network::new("LAN", [192, 168, 0, 0], 24);
/// # let mut lab = Lab::named("home");
/// # let web = lab.add(Computer::named("web", LAN.host(11)));
/// NodeExporter::debian(&mut lab, web);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct NodeExporter;

/// What it listens on.
const ADDRESS: &str = ":9100";

impl NodeExporter {
    /// The port that it answers on.
    pub const PORT: u16 = 9100;

    /// Debian's package and its service.
    #[track_caller]
    pub fn debian(lab: &mut Lab, host: impl Into<Host>) -> Handle<Service> {
        let host = host.into();
        let package = lab.add(Package::on(host, "prometheus-node-exporter"));
        lab.add(Service::on(host, "prometheus-node-exporter").after(package))
    }

    /// A release of its makers for an architecture (`amd64`, `arm64`), by the SHA-256 of its archive, as a user of its own. The machine
    /// needs `curl`.
    ///
    /// # Panics
    /// On what is no SHA-256.
    #[track_caller]
    pub fn release(
        lab: &mut Lab,
        host: impl Into<Host>,
        version: &str,
        architecture: &str,
        sha256: &str,
    ) -> Handle<Service> {
        let host = host.into();
        let stem = format!("node_exporter-{version}.linux-{architecture}");
        let url = format!("https://github.com/prometheus/node_exporter/releases/download/v{version}/{stem}.tar.gz");
        let program = "/usr/local/bin/node_exporter";
        let user = lab.add(User::on(host, "node_exporter").system());
        let binary = lab.add(Binary::on(host, program, &url, sha256).member(&format!("{stem}/node_exporter")));
        let unit = format!(
            "[Unit]\nDescription=Prometheus Node Exporter\n\n[Service]\nUser=node_exporter\nExecStart={program} --web.listen-address={ADDRESS}\nRestart=on-failure\n\n[Install]\nWantedBy=multi-user.target\n"
        );
        let unit = lab.add(UnitFile::on(host, "node_exporter.service", &unit));
        let service = Service::on(host, "node_exporter").restart_on(unit.digest()).restart_on(binary.sha256());
        lab.add(service.after(user))
    }
}
