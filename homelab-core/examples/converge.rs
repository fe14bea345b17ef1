//! A lab of machines that are all alike: 50 files, 10 directories, 10 packages, 10 links, 5 users, 10 settings, 5 cron files on each.
//! What `bench/machines` times, beside other tools that bring about the same.
//!
//! `BENCH_HOSTS=127.0.1.1,127.0.1.2 converge --live deploy --yes`; how they are logged in to is what `~/.ssh/config` says.
use homelab_core::{
    Lab, ResourceExt, Sites, cli,
    host::{Computer, Directory, File, HOSTS, Link, Packages, Ssh, User},
    units::Network,
};
use std::{env, net::Ipv4Addr, process::ExitCode};

const PACKAGES: [&str; 10] =
    ["bash", "coreutils", "findutils", "grep", "gzip", "login", "passwd", "sed", "tar", "util-linux"];

fn file(i: u32) -> String {
    let peers: String = (0..4).map(|p| format!("peer.{p} = svc{}:{}\n", (i + p) % 50, 8000 + (i + p) % 50)).collect();
    let (port, workers) = (8000 + i, i % 4 + 1);
    format!(
        "# managed by bench\n[service]\nname = svc{i}\nport = {port}\nworkers = {workers}\n{peers}log = /var/log/svc{i}.log\n"
    )
}

fn machine(lab: &mut Lab, name: &'static str, address: Ipv4Addr) {
    let [a, b, c, d] = address.octets();
    let host = lab.add(Computer::named(name, Network::new("bench", [a, b, c, 0], 24).host(u32::from(d))));
    let base = lab.add(Directory::on(host, "/srv/bench"));
    let dirs: Vec<_> = (0..10).map(|i| lab.add(Directory::on(host, &format!("/srv/bench/d{i}")).after(base))).collect();
    for (i, dir) in (0..50).zip(dirs.iter().cycle()) {
        lab.add(File::on(host, &format!("/srv/bench/d{}/svc{i}.conf", i % 10), file(i)).after(*dir));
    }
    lab.add(Packages::on(host, PACKAGES));
    for (i, dir) in dirs.iter().enumerate() {
        let to = format!("/srv/bench/d{i}/svc{i}.conf");
        lab.add(Link::on(host, &format!("/srv/bench/d{i}/current"), &to).after(*dir));
    }
    for i in 0..5 {
        lab.add(User::on(host, &format!("bench{i}")).uid(4200 + i).shell("/bin/sh"));
    }
    let settings: String = (0..10).map(|i| format!("net.bench.k{i} = {}\n", i * 7)).collect();
    lab.add(File::on(host, "/etc/sysctl.d/99-bench.conf", settings));
    for i in 0..5 {
        lab.add(File::on(host, &format!("/etc/cron.d/bench{i}"), format!("{i} 3 * * * root /bin/true # bench{i}\n")));
    }
}

fn lab() -> Lab {
    let mut lab = Lab::named("bench");
    let hosts = env::var("BENCH_HOSTS").unwrap_or_default();
    for (n, host) in hosts.split(',').filter(|h| !h.is_empty()).enumerate() {
        let address = host.parse().expect("BENCH_HOSTS holds addresses");
        machine(&mut lab, format!("h{}", n + 1).leak(), address);
    }
    lab
}

fn main() -> ExitCode {
    cli::run(lab, || Sites::new().with(HOSTS, Ssh))
}
