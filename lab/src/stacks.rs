//! What runs in containers: media automation, and what watches the lab. Each stack is a function, so it can be put on any machine that
//! runs Docker.
use crate::guests::Services;
use homelab_core::{
    Handle, Lab, Output, ResourceExt, Secret, Text,
    host::{ComposeStack, DockerEngine, DockerHost, Host, Mount, NodeExporter, Package, Service},
    text,
};
use homelab_truenas::NfsShare;
use std::net::IpAddr;

/// The password of Grafana's administrator.
pub(crate) const GRAFANA_PASSWORD: Secret = Secret::named("GRAFANA_PASSWORD");

/// The user and the group that own the media, as numbers: the same on the NAS and in the containers.
const MEDIA_USER: (&str, &str) = ("1000", "1000");
/// The group `render` of Ubuntu 24.04, to which the graphics card belongs.
const RENDER: &str = "993";
const TIME_ZONE: &str = "Europe/Berlin";

/// Where films, series and music are on the machine that plays them.
const LIBRARY: &str = "/srv/media";

/// All stacks, with the films of the NAS where Jellyfin looks for them: media where the graphics card is, and what watches the lab beside the example service.
///
/// Sonarr, Radarr, Prowlarr and Jellyfin are meant to move to Kubernetes one day; until then they are here, as one value that can be
/// put elsewhere.
pub(crate) fn stacks(lab: &mut Lab, services: &Services, films: Option<Handle<NfsShare>>) {
    let media = prepared(lab, "jellyfin", services.jellyfin.ip(), services.jellyfin);
    if let Some(share) = films {
        let nfs = lab.add(Package::on(services.jellyfin, "nfs-common"));
        let mount =
            Mount::on(services.jellyfin, LIBRARY).from(share.address()).options("nfsvers=4.2,noatime").automount();
        lab.add(mount.after(nfs));
    }
    let watching = prepared(lab, "newservice-server", services.newservice.ip(), services.newservice);
    arr(lab, media, LIBRARY);
    jellyfin(lab, media, LIBRARY);
    observability(lab, watching, &[media, watching]);
}

/// A machine that runs Docker, tells its figures, and has a name in dashboards.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Watched {
    name: &'static str,
    address: Output<IpAddr>,
    host: DockerHost,
    docker: Handle<Service>,
}

/// Docker and the Node Exporter on a machine: what every machine with a stack has.
pub(crate) fn prepared(
    lab: &mut Lab,
    name: &'static str,
    address: Output<IpAddr>,
    on: impl Into<DockerHost> + Into<Host> + Copy,
) -> Watched {
    let docker = DockerEngine::ubuntu(lab, on);
    NodeExporter::debian(lab, on);
    Watched { name, address, host: on.into(), docker }
}

/// **arr**: Prowlarr, Sonarr, Radarr, Bazarr and qBittorrent over one library.
pub(crate) fn arr(lab: &mut Lab, machine: Watched, library: &str) -> Handle<ComposeStack> {
    lab.group("stacks/arr", |lab| {
        let stack = ComposeStack::on(machine.host, "arr", include_str!("stacks/arr.yaml"));
        lab.add(media(stack, library).after(machine.docker))
    })
}

/// Jellyfin over the same library, with the machine's graphics card.
pub(crate) fn jellyfin(lab: &mut Lab, machine: Watched, library: &str) -> Handle<ComposeStack> {
    lab.group("stacks/jellyfin", |lab| {
        let stack = ComposeStack::on(machine.host, "jellyfin", include_str!("stacks/jellyfin.yaml"));
        lab.add(media(stack, library).env("RENDER_GID", RENDER).after(machine.docker))
    })
}

fn media(stack: ComposeStack, library: &str) -> ComposeStack {
    let (user, group) = MEDIA_USER;
    stack.env("PUID", user).env("PGID", group).env("TZ", TIME_ZONE).env("MEDIA", library.to_owned())
}

/// **observability**: Prometheus, Loki and Grafana on one machine, and an agent on each that is watched. The targets are the machines
/// themselves, so nobody keeps a list.
pub(crate) fn observability(lab: &mut Lab, on: Watched, watched: &[Watched]) -> Handle<ComposeStack> {
    lab.group("stacks/observability", |lab| {
        let stack = lab.add(
            ComposeStack::on(on.host, "observability", include_str!("stacks/observability.yaml"))
                .env("GRAFANA_PASSWORD", GRAFANA_PASSWORD)
                .env("RETENTION", "90d")
                .file("prometheus.yml", scraped(watched))
                .file("loki.yml", include_str!("stacks/loki.yml"))
                .file("grafana/datasources.yml", include_str!("stacks/datasources.yml"))
                .file("grafana/dashboards.yml", include_str!("stacks/dashboards.yml"))
                .file("grafana/machines.json", include_str!("stacks/machines.json"))
                .after(on.docker),
        );
        for machine in watched {
            let agent = ComposeStack::on(machine.host, "agent", include_str!("stacks/agent.yaml"))
                .file("config.alloy", agent(*machine, on));
            lab.add(agent.after(machine.docker).after(stack));
        }
        stack
    })
}

/// Prometheus' configuration: every machine by its name.
fn scraped(watched: &[Watched]) -> Text {
    let head = "global:\n  scrape_interval: 30s\nscrape_configs:\n  - job_name: machines\n    static_configs:\n";
    watched.iter().fold(Text::from(head), |text, machine| {
        text.with("      - targets: ['").with(machine.address).with(format!(
            ":{}']\n        labels: {{ machine: {} }}\n",
            NodeExporter::PORT,
            machine.name
        ))
    })
}

/// An agent's configuration: the machine's journal, and what its containers say, to Loki.
fn agent(machine: Watched, loki: Watched) -> Text {
    text![
        "loki.source.journal \"journal\" {\n  path       = \"/var/log/journal\"\n  forward_to = [loki.write.lab.receiver]\n  labels     = { job = \"journal\", machine = \"",
        machine.name,
        "\" }\n}\n\ndiscovery.docker \"containers\" {\n  host = \"unix:///var/run/docker.sock\"\n}\n\nloki.source.docker \"containers\" {\n  host       = \"unix:///var/run/docker.sock\"\n  targets    = discovery.docker.containers.targets\n  forward_to = [loki.write.lab.receiver]\n  labels     = { job = \"containers\", machine = \"",
        machine.name,
        "\" }\n}\n\nloki.write \"lab\" {\n  endpoint {\n    url = \"http://",
        loki.address,
        ":3100/loki/api/v1/push\"\n  }\n}\n",
    ]
}
