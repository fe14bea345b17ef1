//! What the kernel is told.
use super::bench::{lab, room};
use homelab_core::{
    Lab,
    host::{Initramfs, KernelCommandLine, KernelModule, ModuleRules, Sysctl},
    plan::{Goal, Wishes},
    testing::{Bench, Fixture, World, conformance_every},
};

#[tokio::test(start_paused = true)]
async fn a_kernel_parameter_survives_everything() {
    let with = |value: u32| move || lab(|lab, web| lab.add(Sysctl::on(web, "vm.swappiness", value)));
    conformance_every(3, &Fixture { world: &room, lab: &with(10), edits: &[("value", &with(1))] }).await;
}

#[tokio::test(start_paused = true)]
async fn a_value_that_the_kernel_refuses_is_not_left_on_the_disk() {
    let bench = Bench::new(room());
    let run = bench.deploy(lab(|lab, web| lab.add(Sysctl::on(web, "vm.swappiness", "much")))).await;
    assert!(run.story().contains("Invalid argument"), "{}", run.story());
    assert!(!bench.world.inventory().contains("90-homelab-vm.swappiness"));
}

#[tokio::test(start_paused = true)]
async fn a_parameter_that_is_read_only_in_a_container_is_told_although_ubuntu_s_sysctl_ends_well() {
    let bench = Bench::new(room());
    let run = bench.deploy(lab(|lab, web| lab.add(Sysctl::on(web, "kernel.version", "mine")))).await;
    assert!(run.story().contains("Read-only file system"), "{}", run.story());
    assert!(!bench.world.inventory().contains("90-homelab-kernel.version"));
}

#[tokio::test(start_paused = true)]
async fn a_parameter_that_somebody_has_changed_is_set_again_and_survives_a_reboot() {
    let bench = Bench::new(room());
    let lab = || lab(|lab, web| lab.add(Sysctl::on(web, "net.ipv4.ip_forward", 1)));
    assert!(bench.deploy(lab()).await.is_success());
    let web = bench.world.machine("web");
    web.somebody_runs(&["sysctl", "-w", "net.ipv4.ip_forward=0"]);
    assert!(bench.plan(lab(), &Wishes::new(Goal::Deploy)).await.to_string().contains("value: 0 -> 1"));
    web.reboot();
    assert!(bench.plan(lab(), &Wishes::new(Goal::Deploy)).await.is_noop());
}

#[tokio::test(start_paused = true)]
async fn a_module_survives_everything() {
    let with = |name: &'static str| move || lab(|lab, web| lab.add(KernelModule::on(web, name)));
    conformance_every(3, &Fixture { world: &room, lab: &with("vfio-pci"), edits: &[("name", &with("dummy"))] }).await;
}

#[tokio::test(start_paused = true)]
async fn rules_for_modules_and_the_initramfs_survive_everything() {
    let with = |more: bool| {
        move || {
            lab(|lab, web| {
                let rules = ModuleRules::on(web, "vfio").blacklist("nouveau").softdep("nvidia", "vfio-pci");
                let rules =
                    lab.add(if more { rules.options("vfio-pci", "ids=10de:2204").never("nvidia") } else { rules });
                lab.add(Initramfs::on(web).rebuilt_on(rules.digest()));
            })
        }
    };
    conformance_every(7, &Fixture { world: &room, lab: &with(false), edits: &[("rules", &with(true))] }).await;
}

fn arguments(arguments: &'static [&'static str]) -> impl Fn() -> Lab {
    move || lab(|lab, web| lab.add(KernelCommandLine::on(web, arguments.iter().copied())))
}

#[tokio::test(start_paused = true)]
async fn arguments_of_the_kernel_survive_everything_under_every_boot_loader() {
    let proxmox = || {
        let room = room();
        let web = room.machine("web");
        web.somebody_writes("/etc/kernel/cmdline", "root=ZFS=rpool/ROOT/pve-1 boot=zfs\n");
        web.somebody_writes("/etc/kernel/proxmox-boot-uuids", "AAAA-BBBB\n");
        room
    };
    let (one, two) = (arguments(&["intel_iommu=on"]), arguments(&["iommu=pt", "quiet"]));
    conformance_every(3, &Fixture { world: &room, lab: &one, edits: &[("arguments", &two)] }).await;
    conformance_every(3, &Fixture { world: &proxmox, lab: &one, edits: &[("arguments", &two)] }).await;
}

#[tokio::test(start_paused = true)]
async fn arguments_of_the_kernel_count_after_a_reboot() {
    let bench = Bench::new(room());
    let lab = arguments(&["intel_iommu=on", "iommu=pt"]);
    assert!(bench.deploy(lab()).await.is_success());
    let web = bench.world.machine("web");
    assert!(!web.text("/proc/cmdline").unwrap().contains("intel_iommu=on"));
    web.reboot();
    assert!(web.text("/proc/cmdline").unwrap().contains("quiet intel_iommu=on iommu=pt"));
    assert!(bench.plan(lab(), &Wishes::new(Goal::Deploy)).await.is_noop());
}

#[tokio::test(start_paused = true)]
async fn a_machine_without_a_known_boot_loader_says_so() {
    let bench = Bench::new(room());
    bench.world.machine("web").somebody_removes("/etc/default/grub");
    let run = bench.deploy(arguments(&["iommu=pt"])()).await;
    assert!(run.story().contains("has no boot loader that is known"), "{}", run.story());
}
