//! The same on a real Debian, whose address is in `HOMELAB_MACHINE`: run by hand, `cargo test -p homelab-core --test host real -- --ignored`.
use homelab_core::{
    Lab, Providers, ResourceExt,
    host::{
        AuthorizedKeys, Computer, Cron, GitCheckout, Group, HOSTS, Hostname, Hosts, Locale, Mount, Nftables, Package,
        Packages, RootLogin, Service, Ssh, SshHardening, Sudoers, Sysctl, Timezone, UnitFile, User,
    },
    plan::{Goal, Wishes},
    testing::{Bench, Traffic, World},
    units::Network,
};
use std::net::Ipv4Addr;

/// A machine that is there; its calls are not counted.
#[derive(Default)]
struct Real(Traffic);

impl World for Real {
    fn providers(&self) -> Providers {
        Providers::default().with(HOSTS, Hosts::of(Ssh))
    }
    fn traffic(&self) -> &Traffic {
        &self.0
    }
    fn inventory(&self) -> String {
        String::new()
    }
}

const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIvJPbVJ0aQxHWbhLxuhZUAGPnzyo/5n0mL8wVvKVHiE me@laptop";
const APP: &str = "[Service]\nExecStart=/bin/sleep infinity\n[Install]\nWantedBy=multi-user.target\n";
const RULES: &str = "chain input {\n type filter hook input priority filter; policy drop;\n ct state established,related accept\n iif lo accept\n tcp dport 22 accept\n}";
const SHUT: &str = "chain input {\n type filter hook input priority filter; policy drop;\n ct state established,related accept\n tcp dport 80 accept\n}";

fn lab<T>(declare: impl FnOnce(&mut Lab, homelab_core::Handle<Computer>) -> T) -> Lab {
    let address: Ipv4Addr = std::env::var("HOMELAB_MACHINE").unwrap().parse().unwrap();
    let [a, b, c, d] = address.octets();
    let mut lab = Lab::named("home");
    let web = lab.add(Computer::named("web", Network::new("real", [a, b, c, 0], 24).host(d.into())));
    declare(&mut lab, web);
    lab
}

fn whole() -> Lab {
    lab(|lab, web| {
        lab.add(Hostname::on(web, "www"));
        lab.add(Timezone::on(web, "Europe/Berlin"));
        lab.add(Locale::on(web, "en_US.UTF-8"));
        let tools = lab.add(Packages::on(web, ["curl", "git", "less"]));
        lab.add(Package::on(web, "jq").held());
        lab.add(Package::on(web, "htop"));
        let media = lab.add(Group::on(web, "media").gid(3000));
        let deploy = lab.add(User::on(web, "deploy").shell("/bin/bash").groups(["sudo", "media"]).after(media));
        lab.add(AuthorizedKeys::on(web, "deploy", [KEY]).after(deploy));
        lab.add(Sudoers::on(web, "deploy", "deploy ALL=(ALL) NOPASSWD: ALL"));
        lab.add(SshHardening::on(web).max_auth_tries(4));
        lab.add(Nftables::on(web, "filter", RULES));
        let unit = lab.add(UnitFile::on(web, "app.service", APP));
        lab.add(Service::on(web, "app").restart_on(unit.digest()));
        lab.add(UnitFile::drop_in(web, "cron.service", "nice", "[Service]\nNice=5\n"));
        lab.add(Sysctl::on(web, "net.ipv4.ip_forward", 1));
        lab.add(Mount::on(web, "/srv/my media").from("tmpfs").kind("tmpfs").options("size=1m"));
        lab.add(Cron::on(web, "backup", "@daily", "date +%F"));
        if let Ok(url) = std::env::var("HOMELAB_GIT") {
            lab.add(GitCheckout::on(web, "/opt/site", &url, "v1").after(tools));
        }
    })
}

fn deploy() -> Wishes {
    Wishes::new(Goal::Deploy)
}

#[tokio::test]
#[ignore = "needs a Debian that may be changed"]
async fn a_real_debian_is_made_found_right_and_left_as_it_was() {
    let bench = Bench::new(Real::default());
    let run = bench.deploy(whole()).await;
    assert!(run.is_success(), "{}", run.story());
    let plan = bench.plan(whole(), &deploy()).await;
    assert!(plan.is_noop(), "{plan}");
    for (bad, said) in [
        (lab(|lab, web| lab.add(SshHardening::on(web).root_login(RootLogin::Never))), "refuses the login"),
        (lab(|lab, web| lab.add(Nftables::on(web, "filter", SHUT))), "a new login"),
        (lab(|lab, web| lab.add(Package::on(web, "no-such-package-at-all"))), "Unable to locate package"),
        (lab(|lab, web| lab.add(Sudoers::on(web, "bad", "nonsense here"))), "syntax error"),
    ] {
        let other = Bench::new(Real::default());
        let mut wishes = deploy();
        wishes.adopt = true;
        let story = other.run(bad, &wishes).await.story();
        assert!(story.contains(said), "{story}");
    }
    let run = bench.deploy(whole()).await;
    assert!(run.is_success(), "{}", run.story());
    let run = bench.destroy(whole()).await;
    assert!(run.is_success(), "{}", run.story());
}
