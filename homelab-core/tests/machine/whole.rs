//! What a machine is set up with: packages of its own distribution, accounts, services, settings, its door.
use crate::real::Real;
use homelab_core::{
    Lab, ResourceExt,
    host::{
        AuthorizedKeys, Cron, GitCheckout, Group, Hostname, Locale, Mount, Nftables, Package, Packages, RootLogin,
        Service, SshHardening, Sudoers, Sysctl, Timezone, UnitFile, User,
    },
    plan::{Goal, Wishes},
    testing::Bench,
};

const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIvJPbVJ0aQxHWbhLxuhZUAGPnzyo/5n0mL8wVvKVHiE me@laptop";
const APP: &str = "[Service]\nExecStart=/bin/sleep infinity\n[Install]\nWantedBy=multi-user.target\n";
const RULES: &str = "chain input {\n type filter hook input priority filter; policy drop;\n ct state established,related accept\n iif lo accept\n tcp dport 22 accept\n}";
const SHUT: &str = "chain input {\n type filter hook input priority filter; policy drop;\n ct state established,related accept\n tcp dport 80 accept\n}";

/// A repository for the machine to check out.
const REPOSITORY: &str = "rm -rf /srv/origin && git init -q /srv/origin && cd /srv/origin && \
    for n in 0 1; do echo $n >page; git add page; git -c user.name=me -c user.email=me@home commit -qm $n; git tag v$n; done";

fn whole(real: &Real, filters: bool) -> Lab {
    real.lab(|lab, web| {
        lab.add(Hostname::on(web, "www"));
        lab.add(Timezone::on(web, "Europe/Berlin"));
        lab.add(Locale::on(web, "en_US.UTF-8"));
        lab.add(Packages::on(web, ["curl", "less"]));
        lab.add(Package::on(web, "jq").held());
        lab.add(Package::on(web, "htop"));
        let media = lab.add(Group::on(web, "media").gid(3000));
        let deploy = lab.add(User::on(web, "deploy").shell("/bin/bash").groups(["sudo", "media"]).after(media));
        lab.add(AuthorizedKeys::on(web, "deploy", [KEY]).after(deploy));
        lab.add(Sudoers::on(web, "deploy", "deploy ALL=(ALL) NOPASSWD: ALL"));
        lab.add(SshHardening::on(web).max_auth_tries(4));
        if filters {
            lab.add(Nftables::on(web, "filter", RULES));
        }
        let unit = lab.add(UnitFile::on(web, "app.service", APP));
        lab.add(Service::on(web, "app").restart_on(unit.digest()));
        lab.add(UnitFile::drop_in(web, "cron.service", "nice", "[Service]\nNice=5\n"));
        lab.add(Sysctl::on(web, "net.ipv4.ip_forward", 1));
        lab.add(Mount::on(web, "/srv/my media").from("tmpfs").kind("tmpfs").options("size=1m"));
        lab.add(Cron::on(web, "backup", "@daily", "date +%F"));
        lab.add(GitCheckout::on(web, "/opt/site", "file:///srv/origin", "v1"));
    })
}

/// What somebody does by hand, and what the plan names then.
const MEDDLING: [(&str, &str); 7] = [
    ("systemctl stop app", "host/service/web/app"),
    ("apt-get remove -qq -y htop >/dev/null", "host/package/web/htop"),
    ("apt-mark -qq unhold jq", "host/package/web/jq"),
    ("usermod -s /bin/sh deploy", "host/user/web/deploy"),
    ("rm /etc/cron.d/backup", "host/cron/web/backup"),
    ("umount '/srv/my media'", "host/mount/web/srv/my media"),
    ("git -C /opt/site checkout -q v0", "host/git-checkout/web/opt/site"),
];

#[tokio::test]
async fn a_real_machine_is_set_up_found_right_repaired_and_left_as_it_was() {
    let Some((real, _turn)) = Real::alone().await else { return };
    // Not every kernel that CI runs on has them.
    let filters = real.somebody("nft list tables >/dev/null 2>&1 && echo yes || echo no").await == "yes";
    real.somebody(REPOSITORY).await;
    let bench = Bench::new(real.clone());
    let deploy = Wishes::new(Goal::Deploy);
    let run = bench.deploy(whole(&real, filters)).await;
    assert!(run.is_success(), "{}", run.story());
    let plan = bench.plan(whole(&real, filters), &deploy).await;
    assert!(plan.is_noop(), "{plan}");

    for (by_hand, named) in MEDDLING {
        real.somebody(by_hand).await;
        let plan = bench.plan(whole(&real, filters), &deploy).await.to_string();
        assert!(plan.contains(named), "{by_hand}: {plan}");
    }
    let run = bench.deploy(whole(&real, filters)).await;
    assert!(run.is_success(), "{}", run.story());
    let plan = bench.plan(whole(&real, filters), &deploy).await;
    assert!(plan.is_noop(), "{plan}");
    real.somebody("systemctl is-active -q app && command -v htop && mountpoint -q '/srv/my media'").await;

    let mut refused = vec![
        (real.lab(|lab, web| lab.add(SshHardening::on(web).root_login(RootLogin::Never))), "refuses the login"),
        (real.lab(|lab, web| lab.add(Package::on(web, "no-such-package-at-all"))), "Unable to locate package"),
        (real.lab(|lab, web| lab.add(Sudoers::on(web, "bad", "nonsense here"))), "syntax error"),
    ];
    if filters {
        refused.push((real.lab(|lab, web| lab.add(Nftables::on(web, "filter", SHUT))), "a new login"));
    }
    for (bad, said) in refused {
        let mut wishes = deploy.clone();
        wishes.adopt = true;
        let story = Bench::new(real.clone()).run(bad, &wishes).await.story();
        assert!(story.contains(said), "{story}");
    }
    let run = bench.deploy(whole(&real, filters)).await;
    assert!(run.is_success(), "{}", run.story());
    let run = bench.destroy(whole(&real, filters)).await;
    assert!(run.is_success(), "{}", run.story());
    real.somebody("! command -v jq && ! id deploy && ! systemctl cat app && test ! -e /opt/site && ! mountpoint -q '/srv/my media'")
        .await;
}
