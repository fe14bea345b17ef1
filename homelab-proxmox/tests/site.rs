//! How a lab gets to its cluster: for real (here: a simulator over HTTPS) and in the sandbox.
use homelab_core::{Failure, Mode, Permit, Sandbox, Secrets, Site, Sites, env::Env, units::SizeUnits};
use homelab_proxmox::{
    Node, Pve,
    client::{Params, silent},
    sim::{NodeSpec, Pace, Release, Sim, World},
    site::{Cluster, Hardware},
};

const PVE: Site<Pve> = Site::named("pve");
const DIN: Node = Node::of(PVE, "din");

fn sites() -> Sites {
    let cluster =
        Cluster::at(["https://192.0.2.1:8006"]).node(DIN, Hardware { memory: 32.gib(), ..Hardware::default() });
    Sites::new().with(PVE, cluster)
}

async fn live(pairs: &[(&str, &str)]) -> Result<Pve, Failure> {
    let token = [
        ("PROXMOX_TOKEN_ID", "iac@pve!lab"),
        ("TF_VAR_proxmox_api_token_secret", "11111111-2222-3333-4444-555555555555"),
    ];
    let secrets = Secrets::none().and(Env::from_pairs(token.into_iter().chain(pairs.iter().copied())));
    assert_eq!(sites().mode(&secrets).unwrap(), Mode::Live);
    let nowhere = Sandbox::new("/nonexistent".into());
    let providers = sites().connect(Mode::Live, &secrets, &nowhere).await?;
    Ok(providers.get(PVE)?.clone())
}

#[tokio::test]
async fn a_cluster_is_reached_where_the_environment_says_with_the_certificate_that_it_names() {
    let node = NodeSpec { cores: 4, memory: 8 << 30, disk: 60 << 30 };
    let world = World::cluster("home").release(Release::V8_4).with_node("din", node).pace(Pace::instant());
    let sim = Sim::new(world.with_token("iac@pve!lab", "11111111-2222-3333-4444-555555555555"));
    let served = sim.serve(0).await.unwrap();

    let pve = live(&[("PROXMOX_URL", &served.url), ("PROXMOX_FINGERPRINT", &served.fingerprint)]).await.unwrap();
    assert_eq!(pve.resources().await.unwrap().nodes().collect::<Vec<_>>(), [("din", true)]);
    assert_eq!(sim.writes(), 0, "connecting changes nothing");

    let other = "AB:".repeat(32);
    let refused = live(&[("PROXMOX_URL", &served.url), ("PROXMOX_FINGERPRINT", other.trim_end_matches(':'))]).await;
    let failure = refused.map(drop).unwrap_err();
    let text = format!("{}\n{}", failure.message, failure.detail.join("\n"));
    assert!(text.contains(&served.fingerprint) && text.contains("AB:AB:AB"), "both are shown: {text}");
    assert!(failure.hint.unwrap().contains("pvenode cert info"));
}

#[tokio::test]
async fn half_of_the_credentials_is_an_error_that_names_the_other_half() {
    let secrets = Secrets::none().and(Env::from_pairs([("PROXMOX_USERNAME", "root@pam")]));
    let failure = sites().mode(&secrets).unwrap_err();
    assert_eq!(failure.message, "the credentials are not complete: site `pve` lacks PROXMOX_PASSWORD");
    assert_eq!(sites().mode(&Secrets::none()).unwrap(), Mode::Sandbox);
}

#[tokio::test]
async fn the_sandbox_goes_on_where_the_last_run_left_it() {
    let dir = tempfile::tempdir().unwrap();
    let connect = async || {
        let sandbox = Sandbox::new(dir.path().to_owned());
        let providers = sites().connect(Mode::Sandbox, &Secrets::none(), &sandbox).await.unwrap();
        providers.get(PVE).unwrap().clone()
    };
    let permit = Permit::for_tests();
    let first = connect().await;
    let options = Params::new().set("name", "kept").set("memory", 512);
    first.create(&permit, "din", 100, options).await.unwrap().wait(&silent).await.unwrap();
    drop(first);
    let again = connect().await;
    assert_eq!(again.config("din", 100).await.unwrap().name.as_deref(), Some("kept"));
}
