//! From the first boot to a key.
use crate::setup::{secrets, way};
use homelab_core::{
    Connect, Lab, Permit, Secret, Secrets, Site, Sites,
    cli::{self, Exit, Outside},
    env::Env,
};
use homelab_truenas::{
    Nas,
    resource::System,
    rpc::First,
    sim::{Sim, World},
    site::TrueNas,
};
use serde_json::Value;
use std::{io, path::Path};

const NAS: Site<Nas> = Site::named("nas");
const PASSWORD: Secret = Secret::named("TRUENAS_PASSWORD");
const KEY: Secret = Secret::named("TRUENAS_API_KEY");
const PIN: Secret = Secret::named("TRUENAS_FINGERPRINT").open();

fn first() -> First {
    First { password: "correct horse".into(), key_name: "homelab-home".into() }
}

#[tokio::test]
async fn the_first_meeting_gives_a_key_and_a_second_one_another_under_the_same_name() {
    let sim = Sim::new(World::new("nas"));
    let served = sim.serve(0).await.unwrap();
    let way = TrueNas::at(format!("https://{}", served.address)).key(Secret::named("NAS_API_KEY"));
    let nas = way.live(&secrets(&[])).await.unwrap();
    let one = nas.set_up(&Permit::for_tests(), &first()).await.unwrap();
    assert_eq!(one.fingerprint.to_string(), served.fingerprint);
    let two = nas.set_up(&Permit::for_tests(), &first()).await.unwrap();
    assert_ne!(one.key.expose(), two.key.expose(), "the first was not kept by anybody");
    let pin = two.fingerprint.to_string();
    let known = secrets(&[("NAS_API_KEY", two.key.expose()), ("NAS_FINGERPRINT", &pin)]);
    let nas = way.live(&known).await.unwrap();
    assert_eq!(nas.query::<Value>("api_key.query").await.unwrap().unwrap().len(), 1);
}

#[tokio::test]
async fn another_certificate_than_the_pinned_one_ends_the_first_meeting_before_the_password_is_said() {
    let sim = Sim::new(World::new("nas"));
    let (served, other) = (sim.serve(0).await.unwrap(), sim.serve(0).await.unwrap());
    let pinned = way(&other);
    let nas = TrueNas::at(format!("https://{}", served.address)).fingerprint(&other.fingerprint).key(pinned.secret());
    let nas = nas.live(&secrets(&[])).await.unwrap();
    let error = nas.set_up(&Permit::for_tests(), &first()).await.unwrap_err();
    assert!(error.to_string().contains("not who it should be"), "{error}");
    assert_eq!(sim.logins(), 0);
}

pub(crate) fn run_lab(dir: &Path, line: &str, lab: &dyn Fn() -> Lab, sites: &dyn Fn() -> Sites) -> Exit {
    let outside = Outside {
        args: ["lab"].into_iter().chain(line.split(' ')).map(Into::into).collect(),
        env: Ok(Env::from_pairs([("HOMELAB_STATE", dir.to_string_lossy().as_ref()), ("HOMELAB_SANDBOX_PACE", "0")])),
        dir: dir.to_owned(),
        stdin: Box::new(io::empty()),
        stdout: Box::new(io::sink()),
        stderr: Box::new(io::sink()),
        can_answer: false,
        stdout_is_terminal: false,
        ask_hidden: |_| Ok(String::new()),
        terminal: None,
        interrupt: None,
        secrets: Secrets::none(),
    };
    cli::run_in(lab, sites, outside)
}

fn run(dir: &Path, line: &str) -> Exit {
    let lab = || {
        let mut lab = Lab::named("home");
        lab.add(System::of(NAS).administrator(PASSWORD).keeps(KEY, PIN));
        lab
    };
    let sites = || Sites::new().with(NAS, TrueNas::at("192.0.2.20").just_installed());
    run_lab(dir, line, &lab, &sites)
}

#[test]
fn a_nas_that_was_just_installed_is_set_up_by_a_deploy_and_then_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(run(dir.path(), "plan --detailed-exitcode"), Exit::Pending);
    assert_eq!(run(dir.path(), "deploy --yes"), Exit::Done);
    assert_eq!(run(dir.path(), "plan --detailed-exitcode"), Exit::Done);
    assert_eq!(run(dir.path(), "status truenas"), Exit::Done);
}
