//! The least that a token must be allowed: with it a lab is deployed, with anything less it is not.
use crate::fixture::{DIN, KEY, LAN, PVE, cluster};
use homelab_core::{Lab, host::Package, sim::Net, testing::Bench, units::SizeUnits};
use homelab_proxmox::{
    Container, ContainerTemplate, Image, Iso, Template, Vm, privileges,
    resource::{Pool, Storage},
    sim::{Release, World},
    testing::SimWorld,
};

fn lab() -> Lab {
    let mut lab = Lab::named("home");
    let ubuntu = lab.add(Template::ubuntu_24_04(9000).on(DIN).uefi().cloud_init());
    let debian = Template::debian_13(9001).on(DIN).cloud_init();
    lab.add(debian.provisioned(LAN.host(250), |lab, machine| {
        lab.add(Package::on(machine, "htop"));
    }));
    let web =
        Vm::clone_from(ubuntu).on(DIN).id(201).named("web").cores(2).memory(4.gib()).disk(50.gib()).at(LAN.host(202));
    let web = lab.add(web.authorized_keys([KEY]).agent(true));
    let h330 = DIN.boots_from("8086:8d62").pci("1000:0097").map(&mut lab, "h330");
    let digest = "612b2c0cc1bc413a6cb8c38fd611794caf0f2b436c50013d8b3794db12ad7354";
    let installer = Iso::of("truenas", "25.10", Image::sha256("https://example.org/truenas.iso", digest));
    let installer = lab.add(installer.on(DIN));
    let nas = Vm::blank().uefi().on(DIN).id(300).named("nas").disk(8.gib()).passthrough([h330]).installer(installer);
    lab.add(nas.stopped());
    let server = Image::sha256("https://example.org/live-server.iso", digest);
    let server = lab.add(Iso::of("ubuntu-server", "24.04", server).on(DIN));
    let noble = Template::from_iso(9002, server).named("noble").on(DIN).cloud_init();
    lab.add(noble.provisioned(LAN.host(251), |_, _| ()));
    let debian = lab.add(ContainerTemplate::appliance("debian-12-standard").on(DIN));
    lab.add(Container::from_template(debian).on(DIN).id(202).named("docker").nesting().at(LAN.host(204)));
    lab.add(Storage::dir(PVE, "media", "/srv/media").content(["iso"]));
    lab.add(Pool::named(PVE, "services").guests([web.vmid()]));
    lab
}

/// Whether a token with these privileges deploys the lab, sees that there is nothing left to do, and destroys it.
async fn suffices<'a>(release: Release, held: impl Iterator<Item = &'a str>) -> Result<(), String> {
    let world: World = cluster().release(release).with_pci("din", "0000:03:00.0", "1000:0097", 12, "SAS3008");
    let world = world.with_pci("din", "0000:00:1f.2", "8086:8d62", 30, "SATA").with_limited_token(
        "lab@pve!homelab",
        "least",
        held,
    );
    let bench = Bench::new(SimWorld::new(PVE, world).as_token("lab@pve!homelab", "least").joined(Net::new()));
    for run in [bench.deploy(lab()).await, bench.deploy(lab()).await, bench.destroy(lab()).await] {
        if !run.is_success() {
            return Err(run.story());
        }
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_token_with_exactly_these_privileges_deploys_the_lab_and_with_one_fewer_it_does_not() {
    let graph = lab().build().unwrap();
    for (release, major) in [(Release::V8_4, 8), (Release::V9_2, 9)] {
        let all = privileges(&graph, major);
        suffices(release, all.iter().copied()).await.unwrap_or_else(|story| panic!("{major}: {story}"));
        let spare: Vec<&str> = {
            let mut spare = Vec::new();
            for left_out in &all {
                if suffices(release, all.iter().copied().filter(|one| one != left_out)).await.is_ok() {
                    spare.push(*left_out);
                }
            }
            spare
        };
        // What this lab needs only when a guest is moved, or has an agent that answers.
        let now_and_then: &[&str] =
            if major == 9 { &["VM.GuestAgent.FileRead", "VM.Migrate"] } else { &["VM.Migrate"] };
        assert_eq!(spare, now_and_then, "{major}");
    }
}
