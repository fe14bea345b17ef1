//! docker compose, as far as our own calls go: what a file says runs, and is healthy unless its image is known to fail.
use super::{Call, done, fails, options, says};
use crate::{
    host::{ComposeFile, Output, dotenv},
    sim::world::World,
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::BTreeMap;

/// The packages that bring the plugin: Docker's own, Ubuntu's, Debian's from release 13 on.
const PLUGINS: [&str; 3] = ["docker-compose-plugin", "docker-compose-v2", "docker-compose"];

/// A container of a service.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(in crate::sim) struct Container {
    image: String,
    /// `running`, `exited`.
    pub(in crate::sim) state: String,
    health: String,
    ports: Vec<(u16, String)>,
    /// How often it was made.
    pub(in crate::sim) made: u32,
}

fn installed(world: &World, name: &str) -> bool {
    world.packages.get(name).is_some_and(|p| p.installed)
}

pub(super) fn run(world: &mut World, call: &Call<'_>) -> Option<Output> {
    if !["docker.io", "docker-ce"].iter().any(|name| installed(world, name)) {
        return None;
    }
    let args = call.args();
    let Some(args) = args.strip_prefix(&["compose"]) else {
        return Some(fails(1, format!("docker: '{}' is not a docker command.", args.first().unwrap_or(&""))));
    };
    if !PLUGINS.iter().any(|name| installed(world, name)) {
        return Some(fails(1, "docker: 'compose' is not a docker command.\nSee 'docker --help'"));
    }
    if world.debian.running.get("docker.service").is_none_or(|unit| unit.active != "active") {
        return Some(fails(
            1,
            "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?",
        ));
    }
    let (options, words) =
        options(args, &["--project-name", "--project-directory", "--format", "--tail", "--wait-timeout"]);
    let value = |name: &str| options.iter().find(|(n, _)| *n == name).map(|(_, v)| *v);
    let project = value("--project-name").unwrap_or_default();
    Some(match words.as_slice() {
        ["ps"] => list(world, project),
        ["logs", service] => says(format!("{service}-1  | this is all it says\n")),
        ["down"] => {
            world.debian.docker.remove(project);
            done()
        }
        ["config"] => match read(world, value("--project-directory")) {
            Ok(_) => done(),
            Err(why) => fails(15, why),
        },
        ["up"] => match read(world, value("--project-directory")) {
            Ok(file) => {
                up(world, project, &file, value("--remove-orphans").is_some(), value("--force-recreate").is_some())
            }
            Err(why) => fails(15, why),
        },
        other => fails(1, format!("unknown docker command: \"compose {}\"", other.join(" "))),
    })
}

fn read(world: &World, dir: Option<&str>) -> Result<ComposeFile, String> {
    let dir = dir.unwrap_or("/");
    let text = world.files.text(&format!("{dir}/compose.yaml")).ok_or("no configuration file provided: not found")?;
    let values: BTreeMap<String, String> =
        dotenv(&world.files.text(&format!("{dir}/.env")).unwrap_or_default()).into_iter().collect();
    ComposeFile::parse(&text, &values).map_err(|why| format!("validating {dir}/compose.yaml: {why}"))
}

fn list(world: &World, project: &str) -> Output {
    let services = world.debian.docker.get(project);
    let lines = services.into_iter().flatten().map(|(service, container)| {
        let exit = u8::from(container.state == "exited");
        let line = json!({
            "Name": format!("{project}-{service}-1"), "Service": service, "Image": container.image,
            "State": container.state, "Health": container.health, "ExitCode": exit,
        });
        format!("{line}\n")
    });
    says(lines.collect::<String>())
}

fn up(world: &mut World, project: &str, file: &ComposeFile, remove_orphans: bool, force: bool) -> Output {
    let taken = |port: &(u16, String)| {
        let others = world.debian.docker.iter().filter(|(name, _)| *name != project).flat_map(|(_, all)| all.values());
        others.filter(|container| container.state == "running").any(|container| container.ports.contains(port))
    };
    for service in file.services.values() {
        if let Some((port, _)) = service.ports.iter().find(|port| taken(port)) {
            return fails(
                1,
                format!("Error response from daemon: Bind for 0.0.0.0:{port} failed: port is already allocated"),
            );
        }
    }
    let failing = world.debian.failing.clone();
    let containers = world.debian.docker.entry(project.to_owned()).or_default();
    if remove_orphans {
        containers.retain(|service, _| file.services.contains_key(service));
    }
    let mut ill = None;
    for (name, service) in &file.services {
        let before = containers.get(name);
        let same = before.is_some_and(|c| c.image == service.image && c.ports.iter().eq(&service.ports)) && !force;
        let made = before.map_or(0, |c| c.made) + u32::from(!same);
        let is_ill = failing.contains(&service.image);
        let (state, health) = match (is_ill, service.has_health) {
            (false, true) => ("running", "healthy"),
            (false, false) => ("running", ""),
            (true, true) => ("running", "unhealthy"),
            (true, false) => ("exited", ""),
        };
        if is_ill {
            ill = Some(format!(
                "container {project}-{name}-1 {}",
                if service.has_health { "is unhealthy" } else { "exited (1)" }
            ));
        }
        let container = Container {
            image: service.image.clone(),
            state: state.into(),
            health: health.into(),
            ports: service.ports.iter().cloned().collect(),
            made,
        };
        containers.insert(name.clone(), container);
    }
    ill.map_or_else(done, |why| fails(1, why))
}
