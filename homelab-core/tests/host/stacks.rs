//! Stacks of containers on a machine with Docker.
use crate::bench::{lab, room};
use homelab_core::{
    Lab, Secret, SecretSource, SecretValue, Secrets,
    host::{ComposeStack, Computer},
    plan::{Goal, Wishes},
    sim::{Room, SimMachine},
    testing::{Bench, Fixture, World, conformance_every},
    units::Network,
};
use std::sync::Arc;

const FILE: &str = "services:
  web:
    image: nginx:1.29
    ports: ['80:80']
    environment: { TZ: '${TZ}', TOKEN: '${TOKEN}' }
    volumes: ['./web.conf:/etc/nginx/conf.d/web.conf:ro']
    healthcheck: { test: [CMD, 'true'] }
  cache:
    image: redis:8
";
const TOKEN: Secret = Secret::named("TOKEN");

struct Fixed(&'static str);

impl SecretSource for Fixed {
    fn get(&self, name: &str) -> Option<SecretValue> {
        (name == "TOKEN").then(|| self.0.into())
    }
}

/// A machine on which somebody has installed Docker.
fn docker() -> Room {
    let room = room();
    room.machine("web").somebody_runs(&["apt-get", "update"]);
    let installed = room.machine("web").somebody_runs(&["apt-get", "-y", "install", "docker.io", "docker-compose-v2"]);
    assert!(installed.is_success(), "{}", String::from_utf8_lossy(&installed.stderr));
    room
}

fn machine(bench: &Bench<Room>) -> Arc<SimMachine> {
    bench.world.machine("web")
}

fn stack(change: impl FnOnce(ComposeStack) -> ComposeStack) -> Lab {
    lab(|lab, web| {
        lab.add(change(
            ComposeStack::on(web, "site", FILE).env("TZ", "UTC").env("TOKEN", "t").file("web.conf", "listen 80;\n"),
        ));
    })
}

fn plain() -> Lab {
    stack(|s| s)
}

fn secret() -> Lab {
    stack(|s| s.env("TOKEN", TOKEN))
}

async fn plan(bench: &Bench<Room>, lab: Lab) -> String {
    bench.plan(lab, &Wishes::new(Goal::Deploy)).await.to_string()
}

async fn deployed(lab: Lab) -> Bench<Room> {
    let mut bench = Bench::new(docker());
    bench.secrets = Secrets::none().and(Fixed("s3cret-of-the-stack"));
    let run = bench.deploy(lab).await;
    assert!(run.is_success(), "{}", run.story());
    bench
}

#[tokio::test(start_paused = true)]
async fn a_stack_conforms() {
    conformance_every(
        7,
        &Fixture {
            world: &docker,
            lab: &plain,
            edits: &[
                ("value", &|| stack(|s| s.env("TZ", "Europe/Berlin"))),
                ("file", &|| stack(|s| s.file("web.conf", "listen 81;\n"))),
                ("one more file", &|| stack(|s| s.file("conf/more.conf", "more\n"))),
                ("services", &|| {
                    lab(|lab, web| {
                        lab.add(ComposeStack::on(web, "site", "services:\n  web:\n    image: nginx:1.30\n"));
                    })
                }),
            ],
        },
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_look_at_a_stack_is_one_message() {
    let bench = deployed(plain()).await;
    let before = bench.world.calls();
    assert_eq!(plan(&bench, plain()).await.lines().next(), Some("no changes (2 as they should be)"));
    assert_eq!(bench.world.calls() - before, 1, "the machine itself, and all about its stack");
}

#[tokio::test(start_paused = true)]
async fn a_service_that_stopped_is_seen_and_started() {
    let bench = deployed(plain()).await;
    machine(&bench).stop_container("site", "cache");
    let shown = plan(&bench, plain()).await;
    assert!(shown.contains("services.cache: exited (1) -> running"), "{shown}");
    assert!(bench.deploy(plain()).await.is_success());
    assert_eq!(machine(&bench).containers_made("site", "web"), 1, "the other is left alone");
}

#[tokio::test(start_paused = true)]
async fn what_is_mounted_makes_services_anew_when_it_changes() {
    let bench = deployed(plain()).await;
    let edited = || stack(|s| s.file("web.conf", "listen 81;\n"));
    let shown = plan(&bench, edited()).await;
    assert!(shown.contains("made anew"), "{shown}");
    assert!(bench.deploy(edited()).await.is_success());
    assert_eq!(machine(&bench).containers_made("site", "web"), 2);
}

#[tokio::test(start_paused = true)]
async fn a_secret_value_is_in_the_file_and_nowhere_else() {
    let bench = deployed(secret()).await;
    assert!(machine(&bench).text("/opt/stacks/site/.env").unwrap().contains("s3cret-of-the-stack"));
    assert!(plan(&bench, secret()).await.starts_with("no changes"));
    machine(&bench).somebody_writes("/opt/stacks/site/.env", "TZ='UTC'\nTOKEN='another-secret'\nDEBUG=1\n");
    let shown = plan(&bench, secret()).await;
    assert!(shown.contains("secrets.TOKEN: something else -> as declared"), "{shown}");
    assert!(shown.contains("DEBUG"), "what somebody added is named: {shown}");
    assert!(!shown.contains("another-secret") && !shown.contains("s3cret"), "{shown}");
}

#[tokio::test(start_paused = true)]
async fn a_service_that_does_not_become_healthy_is_told_with_what_it_says() {
    let bench = Bench::new(docker());
    machine(&bench).break_unit("nginx:1.29", true);
    let story = bench.deploy(plain()).await.story();
    assert!(story.contains("container site-web-1 is unhealthy") && story.contains("this is all it says"), "{story}");
    machine(&bench).break_unit("nginx:1.29", false);
    assert!(bench.deploy(plain()).await.is_success());
}

#[tokio::test(start_paused = true)]
async fn without_docker_the_error_says_so_and_the_next_run_goes_on() {
    let bench = Bench::new(room());
    let story = bench.deploy(plain()).await.story();
    assert!(story.contains("docker"), "{story}");
    machine(&bench).somebody_runs(&["apt-get", "update"]);
    machine(&bench).somebody_runs(&["apt-get", "-y", "install", "docker.io", "docker-compose-v2"]);
    assert!(bench.deploy(plain()).await.is_success());
}

#[test]
fn two_stacks_that_publish_one_port_are_both_named() {
    let problems = lab(|lab, web| {
        lab.add(ComposeStack::on(web, "a", "services: { a: { image: 'a:1', ports: ['80:80'] } }"));
        lab.add(ComposeStack::on(web, "b", "services: { b: { image: 'b:1', ports: ['127.0.0.1:80:8080'] } }"));
    });
    let said = problems.build().err().unwrap().to_string();
    assert!(said.contains("port 80/tcp of host/computer/web is claimed twice"), "{said}");
    assert!(said.contains("host/stack/web/a") && said.contains("host/stack/web/b"), "{said}");
}

#[tokio::test(start_paused = true)]
async fn a_variable_without_a_value_is_refused_before_anything_is_touched() {
    let lab = || {
        lab(|lab, web| {
            lab.add(ComposeStack::on(web, "site", FILE).env("TZ", "UTC"));
        })
    };
    let bench = Bench::new(docker());
    let plan = bench.plan(lab(), &Wishes::new(Goal::Deploy)).await;
    assert_eq!(plan.refusals().len(), 1);
    assert!(plan.to_string().contains("uses ${TOKEN}, which has no value"), "{plan}");
}

#[test]
#[should_panic(expected = "the Compose file of the stack site cannot be used")]
fn a_compose_file_that_is_none_is_refused_where_it_is_declared() {
    const LAN: Network = Network::new("LAN", [192, 168, 0, 0], 24);
    let mut lab = Lab::named("home");
    let web = lab.add(Computer::named("web", LAN.host(11)));
    lab.add(ComposeStack::on(web, "site", "services:\n  - web\n"));
}
