//! The code that the documents show: it compiles here, and every block of theirs is found here or in an example.
#![expect(dead_code, reason = "what is shown is compiled and not run, but for the tests")]

mod nodes {
    use homelab_core::{Lab, Site, host::Computer, units::Network};
    use homelab_proxmox::{Node, NodeConfig};

    const DIN: Node = Node::of(Site::named("pve"), "din");
    const LAN: Network = Network::new("LAN", [192, 168, 0, 0], 24).gateway(1);

    fn configured(mut lab: Lab) {
        let config =
            NodeConfig::release_8().no_subscription().without_notice().passthrough().keep_drivers_off(["mpt3sas"]);
        let machine = lab.add(Computer::named("din", LAN.host(11)).login("root"));
        let din = config.ssh().time(["pool.ntp.org"]).node_exporter().add_to(&mut lab, DIN, machine);
        let _ = din.ready;
    }
}

mod cluster {
    use homelab_core::{Handle, Lab, Site, host::Computer, units::Network};
    use homelab_proxmox::{
        Node,
        resource::{Cluster, QDevice},
    };

    const GROGU: Node = Node::of(Site::named("pve"), "grogu");
    const DIN: Node = Node::of(Site::named("pve"), "din");
    const LAN: Network = Network::new("LAN", [192, 168, 0, 0], 24).gateway(1);

    fn formed(mut lab: Lab) {
        let cluster = Cluster::create("home").on(GROGU, LAN.host(10)).join(DIN, LAN.host(11));
        cluster.without_third_vote("both are switched on by hand").add_to(&mut lab);
    }

    fn with_a_third_vote(mut lab: Lab, [debian, grogu, din]: [Handle<Computer>; 3]) {
        let vote = QDevice::at(debian, LAN.host(5)).asked_by([grogu, din]);
        Cluster::create("home").on(GROGU, LAN.host(10)).join(DIN, LAN.host(11)).qdevice(vote).add_to(&mut lab);
    }
}

mod machines {
    use homelab_core::{
        Handle, Lab, Site,
        host::{Computer, File},
        units::Network,
    };
    use homelab_proxmox::{Container, ContainerTemplate, Node};

    const DIN: Node = Node::of(Site::named("pve"), "din");
    const LAN: Network = Network::new("LAN", [192, 168, 0, 0], 24).gateway(1);

    fn through(mut lab: Lab, debian: Handle<ContainerTemplate>) {
        let din = lab.add(Computer::named("din", LAN.host(11)).login("root"));
        let inner = lab.add(Container::from_template(debian).on(DIN).id(202).named("inner").through(din));
        lab.add(File::on(inner, "/etc/motd", "hello\n"));
    }
}

mod templates {
    use homelab_core::{
        Lab, Site,
        host::{DockerEngine, NodeExporter, SshHardening},
        units::{Network, SizeUnits},
    };
    use homelab_proxmox::{Image, Iso, Node, Template};

    const DIN: Node = Node::of(Site::named("pve"), "din");
    const LAN: Network = Network::new("LAN", [192, 168, 0, 0], 24).gateway(1);

    fn provisioned(mut lab: Lab) {
        let template = Template::ubuntu_24_04(9000).on(DIN).uefi().cloud_init();
        let ubuntu = lab.add(template.provisioned(LAN.host(250), |lab, machine| {
            lab.add(SshHardening::on(machine));
            DockerEngine::ubuntu(lab, machine);
            NodeExporter::debian(lab, machine);
        }));
        let _ = ubuntu.vmid();
    }

    const UBUNTU_SERVER: Image = Image::sha256(
        "https://example.org/ubuntu-24.04.4-live-server-amd64.iso",
        "612b2c0cc1bc413a6cb8c38fd611794caf0f2b436c50013d8b3794db12ad7354",
    );

    fn installed(mut lab: Lab) {
        let cd = lab.add(Iso::of("ubuntu-server", "24.04.4", UBUNTU_SERVER).on(DIN));
        let template = Template::from_iso(9010, cd).named("noble").on(DIN).uefi().cloud_init().disk(20.gib());
        let noble = lab.add(template.provisioned(LAN.host(251), |lab, machine| {
            lab.add(SshHardening::on(machine));
        }));
        let _ = noble.vmid();
    }
}

mod your_own_lab {
    use homelab_core::{
        Lab, Site, Sites, cli,
        units::{Network, SizeUnits},
    };
    use homelab_proxmox::{
        Node, Pve, Template, Vm,
        site::{Cluster, Hardware},
    };
    use std::process::ExitCode;

    const PVE: Site<Pve> = Site::named("pve");
    /// The name of the node as Proxmox VE shows it.
    const NODE: Node = Node::of(PVE, "pve");
    const LAN: Network = Network::new("LAN", [192, 168, 1, 0], 24).gateway(1);
    /// The public half of your SSH key, which is no secret.
    const ME: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHUy4sUdyK2ePNnqVAtCY1Sdl6kPnCNKt0bNC8x8yGqP you@laptop";

    fn lab() -> Lab {
        let mut lab = Lab::named("mylab");
        let debian = lab.add(Template::debian_13(9000).on(NODE).uefi().cloud_init());
        lab.add(
            Vm::clone_from(debian)
                .on(NODE)
                .id(201)
                .named("web")
                .cores(2)
                .memory(2.gib())
                .disk(20.gib())
                .at(LAN.host(50))
                .authorized_keys([ME]),
        );
        lab
    }

    fn sites() -> Sites {
        Sites::new().with(PVE, Cluster::at(["https://192.168.1.10:8006"]).node(NODE, Hardware::default()))
    }

    fn main() -> ExitCode {
        cli::run(lab, sites)
    }

    mod use_one_thing_in_another {
        use super::{LAN, NODE};
        use homelab_core::{Handle, Lab, ResourceExt};
        use homelab_proxmox::{
            Template, Vm,
            resource::{CloudInit, Uefi},
        };

        fn shown(mut lab: Lab, debian: Handle<Template<Uefi, CloudInit>>) {
            let dns = lab.add(Vm::clone_from(debian).on(NODE).named("dns").at(LAN.host(53)));
            let app = Vm::clone_from(debian).on(NODE).named("app").at(LAN.host(60));
            lab.add(app.resolver(dns.ip()));
            // Without using a value of it, only after it:
            let cron = Vm::clone_from(debian).on(NODE).named("cron").at(LAN.host(61));
            lab.add(cron.after(dns));
        }
    }

    mod adopt {
        use super::NODE;
        use homelab_core::Lab;
        use homelab_proxmox::Vm;

        fn shown(mut lab: Lab) {
            lab.add(Vm::blank().on(NODE).id(105).named("old").cores(2));
        }
    }

    mod test_it {
        use super::{PVE, lab};
        use homelab_core::{
            plan::{Goal, Wishes},
            testing::Bench,
        };
        use homelab_proxmox::{
            sim::{NodeSpec, Pace, World},
            testing::SimWorld,
        };

        #[test]
        fn the_lab_is_valid() {
            let graph = lab().build().expect("no address, number or name is given twice");
            assert!(graph.resource("proxmox/vm/web").is_some());
        }

        #[tokio::test(start_paused = true)]
        async fn a_second_deploy_has_nothing_to_do() {
            let world = World::cluster("test").with_node("pve", NodeSpec::default()).pace(Pace::instant());
            let bench = Bench::new(SimWorld::new(PVE, world));
            assert!(bench.deploy(lab()).await.is_success());
            let plan = bench.plan(lab(), &Wishes::new(Goal::Deploy)).await;
            assert!(plan.is_noop(), "{plan}");
        }
    }

    mod rules {
        use homelab_core::{Diagnostic, Graph, Lab};

        fn shown(mut lab: Lab) {
            fn every_guest_has_a_fixed_address(graph: &Graph) -> Vec<Diagnostic> {
                let guests = graph.resources().filter(|resource| resource.kind() == "proxmox/vm");
                let without = guests.filter(|guest| guest.spec().get("ip").is_none());
                without
                    .map(|guest| Diagnostic::error("it has no address").at(guest.key(), guest.declared_at()))
                    .collect()
            }

            lab.check(every_guest_has_a_fixed_address);
        }
    }
}

mod migrating {
    use homelab_core::{
        Handle, Site,
        units::{Network, SizeUnits},
    };
    use homelab_proxmox::{
        Node, Template, Vm,
        resource::{CloudInit, Uefi},
    };

    const GROGU: Node = Node::of(Site::named("pve"), "grogu");
    const LAN: Network = Network::new("LAN", [192, 168, 0, 0], 24).vlan(20).gateway(1);
    const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHUy4sUdyK2ePNnqVAtCY1Sdl6kPnCNKt0bNC8x8yGqP you@laptop";

    fn shown(ubuntu: Handle<Template<Uefi, CloudInit>>) -> Vm<Uefi, CloudInit> {
        Vm::clone_from(ubuntu)
            .on(GROGU)
            .id(201)
            .named("newservice-server")
            .cores(2)
            .memory(4096.mib())
            .disk(50.gib())
            .at(LAN.host(202))
            .resolver(LAN.host(53).ip())
            .authorized_keys([KEY])
            .tags(["ubuntu", "newservice", "production"])
    }
}

/// Without white space, and without the commas that only stand at the end of a line.
fn bare(code: &str) -> String {
    let code: String = code.split_whitespace().collect();
    [")", "}", "]"].iter().fold(code, |code, end| code.replace(&format!(",{end}"), end))
}

#[test]
fn every_block_of_code_in_the_documents_compiles() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let read = |path: &str| std::fs::read_to_string(root.join(path)).unwrap_or_else(|e| panic!("{path}: {e}"));
    let compiled = ["homelab-proxmox/tests/documents.rs", "examples/one-vm/src/main.rs", "lab/src/main.rs"];
    let compiled: String = compiled.map(|path| bare(&read(path))).concat();
    for document in
        ["README.md", "CONTRIBUTING.md", "docs/your-own-lab.md", "docs/how-it-works.md", "docs/migrating.md"]
    {
        let text = read(document);
        for block in text.split("```rust\n").skip(1) {
            let block = block.split("```").next().unwrap_or_default();
            assert!(compiled.contains(&bare(block)), "{document} shows code that is compiled nowhere:\n{block}");
        }
    }
}

#[test]
fn every_test_that_a_table_of_proofs_names_exists() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for (document, least) in [("docs/coverage.md", 30), ("docs/truenas-traps.md", 120)] {
        let text = std::fs::read_to_string(root.join(document)).unwrap_or_else(|e| panic!("{document}: {e}"));
        let named = tests_named(&root, &text);
        assert!(named > least, "{document} names only {named} tests");
    }
}

/// How many tests a document names; each of them is there.
fn tests_named(root: &std::path::Path, text: &str) -> usize {
    let (mut last, mut named) = ("", 0);
    for quoted in text.split('`').skip(1).step_by(2) {
        let Some((file, test)) = quoted.split_once("::").filter(|(file, _)| *file == ".." || file.ends_with(".rs"))
        else {
            continue;
        };
        last = if file == ".." { last } else { file };
        let code = std::fs::read_to_string(root.join(last)).unwrap_or_else(|e| panic!("{last}: {e}"));
        assert!(code.contains(&format!("fn {test}()")), "{last} has no test {test}");
        named += 1;
    }
    named
}
