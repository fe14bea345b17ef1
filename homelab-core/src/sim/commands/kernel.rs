//! Kernel parameters, modules, the initramfs and the boot loader.
use super::{Call, done, fails, says};
use crate::{host::Output, sim::world::World};

const PARAMETERS: [(&str, &str); 9] = [
    ("net.ipv4.ip_forward", "0"),
    ("net.ipv6.conf.all.forwarding", "0"),
    ("net.core.rmem_max", "212992"),
    ("vm.swappiness", "60"),
    ("vm.overcommit_memory", "0"),
    ("fs.inotify.max_user_watches", "65536"),
    ("kernel.panic", "0"),
    ("kernel.ostype", "Linux"),
    ("kernel.version", "#1 SMP"),
];

/// Modules that Debian's kernel has.
const MODULES: [&str; 11] = [
    "vfio",
    "vfio_pci",
    "vfio_iommu_type1",
    "nvidia",
    "nouveau",
    "snd_hda_intel",
    "br_netfilter",
    "overlay",
    "wireguard",
    "dummy",
    "nfs",
];

/// The parameters of a fresh kernel.
pub(in crate::sim) fn parameters() -> impl Iterator<Item = (String, String)> {
    PARAMETERS.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
}

pub(super) fn run(world: &mut World, program: &str, call: &Call<'_>) -> Output {
    let args = call.args();
    match (program, args.as_slice()) {
        ("sysctl", ["-w", setting] | ["-q", "-w", setting]) => set(world, setting),
        ("modprobe", ["-r", name] | ["-r", "--", name]) => {
            let name = name.replace('-', "_");
            if !world.debian.modules.remove(&name) && !MODULES.contains(&name.as_str()) {
                return fails(1, format!("modprobe: FATAL: Module {name} not found."));
            }
            world.files.unlink(&format!("/sys/module/{name}"));
            done()
        }
        ("modprobe", [name] | ["--", name]) => load(world, name),
        ("update-initramfs", ["-u"] | ["-u", "-k", "all"]) => {
            world.debian.initramfs = sources(world);
            says("update-initramfs: Generating /boot/initrd.img-6.1.0-37-amd64\n")
        }
        ("update-grub", []) => {
            world.debian.next_cmdline = grub(world);
            done()
        }
        ("proxmox-boot-tool", ["refresh"]) => {
            let Some(line) = world.files.text("/etc/kernel/cmdline") else {
                return fails(1, "E: /etc/kernel/proxmox-boot-uuids does not exist.");
            };
            world.debian.next_cmdline = line.lines().next().unwrap_or_default().to_owned();
            done()
        }
        _ => fails(1, format!("{program}: this is not understood")),
    }
}

fn set(world: &mut World, setting: &str) -> Output {
    let Some((key, value)) = setting.split_once('=') else {
        return fails(255, format!("sysctl: \"{setting}\" must be of the form name=value"));
    };
    match world.sysctls.get_mut(key) {
        None => fails(1, format!("sysctl: cannot stat /proc/sys/{}: No such file or directory", key.replace('.', "/"))),
        Some(_) if key == "kernel.ostype" => fails(1, format!("sysctl: permission denied on key \"{key}\"")),
        // As Ubuntu 24.04 in a container.
        Some(_) if key == "kernel.version" => {
            let stderr = format!("sysctl: setting key \"{key}\", ignoring: Read-only file system\n");
            Output { stderr: stderr.into_bytes(), ..done() }
        }
        Some(old) if old.parse::<i64>().is_ok() && value.parse::<i64>().is_err() => {
            fails(255, format!("sysctl: setting key \"{key}\": Invalid argument"))
        }
        Some(old) => {
            value.clone_into(old);
            done()
        }
    }
}

fn load(world: &mut World, name: &str) -> Output {
    let name = name.replace('-', "_");
    if !MODULES.contains(&name.as_str()) {
        return fails(1, format!("modprobe: FATAL: Module {name} not found in directory /lib/modules/6.1.0-37-amd64"));
    }
    let install = format!("install {name} /bin/false");
    let files = world.files.names("/etc/modprobe.d");
    let texts = files.iter().filter_map(|f| world.files.text(&format!("/etc/modprobe.d/{f}")));
    if texts.into_iter().any(|text| text.lines().any(|l| l == install)) {
        return fails(
            1,
            "modprobe: ERROR: ../libkmod/libkmod-module.c:1084 command_do() Error running install command",
        );
    }
    world.files.put(&format!("/sys/module/{name}/refcnt"), "0\n");
    world.debian.modules.insert(name);
    done()
}

/// What an initramfs is made from, as far as anybody changes it.
fn sources(world: &World) -> String {
    let files = world.files.names("/etc/modprobe.d");
    files.iter().filter_map(|f| world.files.text(&format!("/etc/modprobe.d/{f}"))).collect()
}

/// What GRUB will hand over: the variables of `/etc/default/grub` and of the files beside it, in order.
fn grub(world: &World) -> String {
    let mut files = vec!["/etc/default/grub".to_owned()];
    let more = world.files.names("/etc/default/grub.d").into_iter().filter(|f| f.ends_with(".cfg"));
    files.extend(more.map(|f| format!("/etc/default/grub.d/{f}")));
    let mut line = String::new();
    for text in files.iter().filter_map(|f| world.files.text(f)) {
        for value in text.lines().filter_map(|l| l.strip_prefix("GRUB_CMDLINE_LINUX_DEFAULT=")) {
            line = value.trim_matches('"').replace("$GRUB_CMDLINE_LINUX_DEFAULT", &line);
        }
    }
    format!("BOOT_IMAGE=/boot/vmlinuz root=UUID=1 ro {line}")
}

/// What a boot does: the new command line counts, modules are loaded as the files say, parameters are set from theirs.
pub(in crate::sim) fn boot(world: &mut World) {
    if !world.debian.next_cmdline.is_empty() {
        let line = format!("{}\n", world.debian.next_cmdline);
        world.files.put("/proc/cmdline", line);
    }
    for module in std::mem::take(&mut world.debian.modules) {
        world.files.unlink(&format!("/sys/module/{module}"));
    }
    let lines = |world: &World, dir: &str| -> Vec<String> {
        let files = world.files.names(dir);
        let texts = files.iter().filter_map(|f| world.files.text(&format!("{dir}/{f}")));
        texts
            .flat_map(|t| t.lines().map(|l| l.trim().to_owned()).collect::<Vec<_>>())
            .filter(|l| !l.starts_with('#'))
            .collect()
    };
    for module in lines(world, "/etc/modules-load.d").into_iter().filter(|l| !l.is_empty()) {
        let _said = load(world, &module);
    }
    world.sysctls.extend(parameters());
    for setting in lines(world, "/etc/sysctl.d") {
        let _said = set(world, &setting.replace(" = ", "="));
    }
    world.debian.timers.clear();
    let units: Vec<String> = world.debian.running.keys().cloned().collect();
    for unit in units {
        let enabled = super::systemd::unit(world, &unit).file_state == "enabled";
        world.debian.running.remove(&unit);
        if enabled {
            let _said = super::systemd::start(world, &unit);
        }
    }
}
