//! Docker itself, from the distribution.
use super::DockerHost;
use crate::{
    Handle, Lab, ResourceExt,
    host::{Directory, File, Packages, Service},
};

/// Docker Engine with the Compose plugin, as its parts: the distribution's packages, a configuration, and the service.
///
/// ```
/// # use homelab_core::{Lab, ResourceExt, host::{ComposeStack, Computer, DockerEngine}, units::Network};
/// # const LAN: Network = Network::new("LAN", [192, 168, 0, 0], 24);
/// # let mut lab = Lab::named("home");
/// # let web = lab.add(Computer::named("web", LAN.host(11)));
/// let docker = DockerEngine::ubuntu(&mut lab, web);
/// lab.add(ComposeStack::on(web, "web", "services: { web: { image: 'nginx:1.29' } }").after(docker));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct DockerEngine;

/// Logs are bounded, and containers go on while the engine is updated.
const DAEMON: &str = r#"{
  "log-driver": "json-file",
  "log-opts": { "max-size": "10m", "max-file": "3" },
  "live-restore": true
}
"#;

impl DockerEngine {
    /// Of Ubuntu 22.04 and later.
    #[track_caller]
    pub fn ubuntu(lab: &mut Lab, host: impl Into<DockerHost>) -> Handle<Service> {
        DockerEngine::of(lab, host.into(), ["docker.io", "docker-compose-v2"])
    }

    /// Of Debian 13 and later. Debian 12 has no Compose plugin: there it comes from Docker's own repository.
    #[track_caller]
    pub fn debian(lab: &mut Lab, host: impl Into<DockerHost>) -> Handle<Service> {
        DockerEngine::of(lab, host.into(), ["docker.io", "docker-compose"])
    }

    #[track_caller]
    fn of(lab: &mut Lab, DockerHost(host): DockerHost, packages: [&str; 2]) -> Handle<Service> {
        let packages = lab.add(Packages::on(host, packages).named("docker"));
        // Not every distribution's package brings it.
        let directory = lab.add(Directory::on(host, "/etc/docker").after(packages));
        let daemon = lab.add(File::on(host, "/etc/docker/daemon.json", DAEMON).after(directory));
        lab.add(Service::on(host, "docker").restart_on(daemon.digest()))
    }
}
