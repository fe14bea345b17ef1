//! The whole deploy against `fakepve`, a fake of the Proxmox VE API that others wrote: `.ci/fakepve` starts one and runs this.
//!
//! `cargo run -p homelab-proxmox --example fakepve -- https://127.0.0.2:8006 FINGERPRINT PASSWORD`
//!
//! What it does not model is kept out of the lab here: it takes a resize and does not grow the disk, and nobody answers at the address
//! of a guest. See docs/fakepve.md.
use homelab_core::{
    Lab, Permit, Providers, Redactor, Secrets, Site,
    engine::{Engine, Interrupt, Outcome},
    plan::{Action, Goal, Palette, Plan, Wishes, plan},
    report::{Plain, Voice},
    store::Store,
    units::SizeUnits,
};
use homelab_proxmox::{
    Node, Pve, Template, Vm,
    client::{Connection, Credential, Params, Trust},
};
use std::{error::Error, path::Path};

const PVE: Site<Pve> = Site::named("pve");
const NODE: Node = Node::of(PVE, "pve1");

fn lab(cores: u32) -> Lab {
    let mut lab = Lab::named("fake");
    let debian = lab.add(Template::debian_12(9000).on(NODE).uefi().cloud_init());
    lab.add(
        Vm::clone_from(debian)
            .on(NODE)
            .id(201)
            .named("web")
            .cores(cores)
            .memory(2.gib())
            .tags(["production"])
            .stopped(),
    );
    lab.add(Vm::blank().uefi().on(NODE).id(300).named("nas").cores(2).memory(8.gib()).disk(32.gib()).stopped());
    lab
}

async fn carry_out(pve: &Pve, dir: &Path, lab: Lab, goal: Goal) -> Result<(Plan, Outcome), Box<dyn Error>> {
    let graph = lab.build()?;
    let providers = Providers::default().with(PVE, pve.clone());
    let (secrets, reporter) =
        (Secrets::none(), Plain::new(Voice::new(Box::new(std::io::stderr()), Redactor::default(), Palette::plain())));
    let engine = Engine { graph: &graph, providers: &providers, secrets: &secrets, reporter: &reporter, parallel: 4 };
    let (store, memory) = Store::open(dir, graph.lab(), "fakepve", Redactor::default())?;
    let known = engine.observe(&memory).await.map_err(|t| format!("{t:?}"))?;
    let plan = plan(&graph, &known, &Wishes::new(goal));
    let outcome = engine.carry_out(&plan, known, store, Interrupt::pair().1).await;
    if outcome.is_success() { Ok((plan, outcome)) } else { Err(format!("{plan}\n{outcome:?}").into()) }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [url, fingerprint, password] = args.as_slice() else { return Err("URL FINGERPRINT PASSWORD".into()) };
    let pve = Pve::connect(Connection {
        endpoints: vec![url.parse()?],
        trust: Trust::Pinned(vec![fingerprint.parse()?]),
        credential: Credential::password("root@pam", password),
    })?;
    // A fresh installation offers no storage for images to import; on a real node a person says this once.
    let content = Params::new().set("content", "iso,vztmpl,backup,import");
    pve.put(&Permit::for_tests(), "/storage/local", content).await?;

    let before = pve.resources().await?.guests().count();
    let dir = tempfile::tempdir()?;
    let (_, made) = carry_out(&pve, dir.path(), lab(2), Goal::Deploy).await?;
    assert_eq!(made.done.len(), 3);
    let (again, _) = carry_out(&pve, dir.path(), lab(2), Goal::Deploy).await?;
    assert!(again.is_noop(), "a second deploy has something to do:\n{again}");
    let (edit, _) = carry_out(&pve, dir.path(), lab(4), Goal::Deploy).await?;
    assert_eq!(
        edit.items.iter().map(|i| (i.key.as_str(), i.action)).collect::<Vec<_>>(),
        [("proxmox/vm/web", Action::Update)]
    );
    carry_out(&pve, dir.path(), lab(4), Goal::Destroy).await?;
    assert_eq!(pve.resources().await?.guests().count(), before, "destroy leaves what was there before");
    let left = pve.volumes("pve1", "local", None).await?;
    assert!(left.is_empty(), "an image is left: {left:?}");
    Ok(())
}
