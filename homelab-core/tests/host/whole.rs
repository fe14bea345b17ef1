//! A whole machine: everything at once, then drift in each part, repair, and gone without a trace.
use super::bench::{lab, room};
use homelab_core::{
    Lab, ResourceExt,
    host::{
        AptRepository, AuthorizedKeys, Cron, Group, Hostname, Initramfs, KernelCommandLine, KernelModule, Locale,
        ModuleRules, Mount, Nftables, Package, Packages, Service, SshHardening, Sudoers, Sysctl, TimeSync, Timezone,
        UnitFile, User,
    },
    plan::{Goal, Wishes},
    sim::{Room, SimMachine},
    testing::{Bench, World},
};

const KEY: &str = "-----BEGIN PGP PUBLIC KEY BLOCK-----\nmQ\n-----END PGP PUBLIC KEY BLOCK-----\n";
const DOCKER: &str = "https://download.docker.com/linux/debian";
const PUBLIC: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOURS me@laptop";
const APP: &str = "[Service]\nExecStart=/opt/app\n[Install]\nWantedBy=multi-user.target\n";
const RULES: &str = "chain input {\n type filter hook input priority filter; policy drop;\n tcp dport 22 accept\n}";

fn shop() -> Room {
    let room = room();
    let web = room.machine("web");
    web.somebody_runs(&["hostname", "debian"]);
    web.publish(DOCKER, &[("docker-ce", "5:28.3.0-1")]);
    room
}

fn whole() -> Lab {
    lab(|lab, web| {
        lab.add(Hostname::on(web, "www"));
        lab.add(Timezone::on(web, "Europe/Berlin"));
        lab.add(Locale::on(web, "en_US.UTF-8"));
        lab.add(TimeSync::on(web, ["192.168.0.1"]));
        let tools = lab.add(Packages::on(web, ["curl", "git", "htop", "nfs-common"]));
        let docker = lab.add(AptRepository::on(web, "docker", DOCKER, "bookworm", KEY).components(["stable"]));
        lab.add(Package::on(web, "docker-ce").after(docker));
        lab.add(Package::absent(web, "nano"));
        let media = lab.add(Group::on(web, "media").gid(3000));
        let deploy = lab.add(User::on(web, "deploy").shell("/bin/bash").groups(["sudo", "media"]).after(media));
        lab.add(AuthorizedKeys::on(web, "deploy", [PUBLIC]).after(deploy));
        lab.add(Sudoers::on(web, "deploy", "deploy ALL=(ALL) NOPASSWD: ALL"));
        lab.add(SshHardening::on(web).max_auth_tries(4));
        lab.add(Nftables::on(web, "filter", RULES));
        let unit = lab.add(UnitFile::on(web, "app.service", APP));
        lab.add(Service::on(web, "app").restart_on(unit.digest()));
        lab.add(Sysctl::on(web, "net.ipv4.ip_forward", 1));
        lab.add(KernelModule::on(web, "wireguard"));
        let rules = lab.add(ModuleRules::on(web, "vfio").blacklist("nouveau"));
        lab.add(Initramfs::on(web).rebuilt_on(rules.digest()));
        lab.add(KernelCommandLine::on(web, ["iommu=pt"]));
        lab.add(Mount::on(web, "/media").from("nas:/mnt/tank/media").automount().after(tools));
        lab.add(Cron::on(web, "backup", "@daily", "/usr/local/bin/backup"));
    })
}

fn deploy() -> Wishes {
    Wishes::new(Goal::Deploy)
}

#[tokio::test(start_paused = true)]
async fn a_whole_machine_is_made_found_right_in_few_messages_and_gone_without_a_trace() {
    let bench = Bench::new(shop());
    let before = bench.world.inventory();
    let run = bench.deploy(whole()).await;
    assert!(run.is_success(), "{}", run.story());

    let (calls, writes) = (bench.world.calls(), bench.world.writes());
    assert!(bench.plan(whole(), &deploy()).await.is_noop());
    // One message for the machine itself and all that is on it, one for what is restarted or rebuilt on something else.
    assert_eq!((bench.world.calls() - calls, bench.world.writes() - writes), (2, 0));

    let run = bench.destroy(whole()).await;
    assert!(run.is_success(), "{}", run.story());
    let after = bench.world.inventory();
    let only = |a: &str, b: &str| {
        let b: Vec<&str> = b.lines().collect();
        a.lines().filter(|l| !b.contains(l)).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(only(&after, &before), Vec::<String>::new(), "left over");
    assert_eq!(only(&before, &after), Vec::<String>::new(), "missing");
}

/// What somebody does, and what the plan says then.
type Meddling = (&'static str, fn(&SimMachine), &'static str);

const MEDDLING: [Meddling; 20] = [
    ("hostname", |m| drop(m.somebody_runs(&["hostname", "other"])), "running: other -> www"),
    ("timezone", |m| m.somebody_removes("/etc/localtime"), "zone: Europe/Berlin"),
    ("locale", |m| m.somebody_writes("/etc/default/locale", "LANG=C\n"), "lang: C -> en_US.UTF-8"),
    ("time servers", |m| m.somebody_removes("/etc/systemd/timesyncd.conf.d/homelab.conf"), "servers: "),
    ("a package of a set", |m| m.purge("htop"), "packages.htop.installed: false -> true"),
    ("a package", |m| m.purge("docker-ce"), "installed: false -> true"),
    ("an unwanted package", |m| m.install("nano", "7.2-1+deb12u1"), "installed: true -> false"),
    ("a repository", |m| m.somebody_writes("/etc/apt/keyrings/docker.asc", "another"), "signed_by: "),
    ("a group's member", |m| drop(m.somebody_runs(&["gpasswd", "--delete", "deploy", "media"])), "groups.media: "),
    (
        "a user's shell",
        |m| drop(m.somebody_runs(&["usermod", "--shell", "/bin/sh", "deploy"])),
        "shell: /bin/sh -> /bin/bash",
    ),
    ("keys", |m| m.somebody_writes("/home/deploy/.ssh/authorized_keys", ""), "keys.ssh-ed25519"),
    ("sudo rules", |m| m.somebody_writes("/etc/sudoers.d/deploy", "deploy ALL=(ALL) ALL\n"), "rules: "),
    (
        "sshd",
        |m| m.somebody_removes("/etc/ssh/sshd_config.d/00-homelab.conf"),
        "settings.passwordauthentication: yes -> no",
    ),
    (
        "the firewall",
        |m| drop(m.somebody_runs(&["nft", "delete", "table", "inet", "homelab_filter"])),
        "loaded: false -> true",
    ),
    (
        "a unit",
        |m| m.somebody_writes("/etc/systemd/system/app.service", "[Service]\nExecStart=/bin/sh\n"),
        "+ExecStart=/opt/app",
    ),
    ("a service", |m| drop(m.somebody_runs(&["systemctl", "stop", "app"])), "running: false -> true"),
    ("a kernel parameter", |m| drop(m.somebody_runs(&["sysctl", "-w", "net.ipv4.ip_forward=0"])), "value: 0 -> 1"),
    ("a module", |m| drop(m.somebody_runs(&["modprobe", "-r", "wireguard"])), "loaded: false -> true"),
    (
        "arguments of the kernel",
        |m| m.somebody_removes("/etc/default/grub.d/90-homelab.cfg"),
        "configured: false -> true",
    ),
    ("a mount", |m| drop(m.somebody_runs(&["systemctl", "disable", "media.automount"])), "enabled: false -> true"),
];

#[tokio::test(start_paused = true)]
async fn what_somebody_changes_is_shown_and_repaired() {
    let bench = Bench::new(shop());
    let run = bench.deploy(whole()).await;
    assert!(run.is_success(), "{}", run.story());
    let right = bench.world.inventory();
    for (what, meddle, shown) in MEDDLING {
        meddle(&bench.world.machine("web"));
        let plan = bench.plan(whole(), &deploy()).await;
        assert!(plan.to_string().contains(shown), "{what}: {plan}");
        let run = bench.deploy(whole()).await;
        assert!(run.is_success(), "{what}: {}", run.story());
        assert!(bench.plan(whole(), &deploy()).await.is_noop(), "{what}");
        assert_eq!(bench.world.inventory(), right, "{what}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_machine_that_has_booted_anew_is_as_it_was() {
    let bench = Bench::new(shop());
    assert!(bench.deploy(whole()).await.is_success());
    bench.world.machine("web").reboot();
    let plan = bench.plan(whole(), &deploy()).await;
    assert!(plan.is_noop(), "{plan}");
}
