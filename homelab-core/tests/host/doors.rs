//! Changes that could lock everybody out.
use super::bench::{lab, room};
use homelab_core::{
    Lab,
    host::{Nftables, RootLogin, SshHardening},
    sim::Room,
    testing::{Bench, Declare, Fault, Fixture, World, conformance_every},
};

const FILE: &str = "/etc/ssh/sshd_config.d/00-homelab.conf";

fn ssh(change: impl FnOnce(SshHardening) -> SshHardening) -> Lab {
    lab(|lab, web| lab.add(change(SshHardening::on(web))))
}

#[tokio::test(start_paused = true)]
async fn ssh_hardening_survives_everything() {
    let edits: [(&str, &Declare<'_>); 2] = [
        ("max_auth_tries", &|| ssh(|s| s.max_auth_tries(3))),
        ("allow_users", &|| ssh(|s| s.allow_users(["root", "me"]))),
    ];
    conformance_every(7, &Fixture { world: &room, lab: &|| ssh(|s| s), edits: &edits }).await;
}

#[tokio::test(start_paused = true)]
async fn passwords_are_off_in_what_sshd_runs_with_whatever_other_files_say() {
    let bench = Bench::new(room());
    let web = bench.world.machine("web");
    web.somebody_writes("/etc/ssh/sshd_config.d/50-cloud-init.conf", "PasswordAuthentication yes\n");
    let run = bench.deploy(ssh(|s| s)).await;
    assert!(run.is_success(), "{}", run.story());
    let said = web.somebody_runs(&["/usr/sbin/sshd", "-T"]).text();
    assert!(said.contains("passwordauthentication no") && said.contains("pubkeyauthentication yes"), "{said}");
    assert!(bench.world.inventory().contains("\"passwordauthentication\": \"no\""), "sshd has read its files again");
}

#[tokio::test(start_paused = true)]
async fn a_change_that_would_lock_us_out_is_taken_back_at_once() {
    let bench = Bench::new(room());
    assert!(bench.deploy(ssh(|s| s)).await.is_success());
    let before = bench.world.inventory();
    for bad in [ssh(|s| s.root_login(RootLogin::Never)), ssh(|s| s.allow_users(["somebody"]))] {
        let run = bench.deploy(bad).await;
        assert!(run.story().contains("a new login to 192.168.0.11 failed"), "{}", run.story());
        assert!(run.story().contains("refuses the login of `root`"), "{}", run.story());
        assert_eq!(bench.world.inventory(), before);
        assert!(bench.world.machine("web").lets_in("root"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_mistake_is_found_by_sshd_itself_and_taken_back() {
    let bench = Bench::new(room());
    let before = bench.world.inventory();
    let run = bench.deploy(ssh(|s| s.set("NoSuchWord", "yes"))).await;
    assert!(run.story().contains("Bad configuration option: nosuchword"), "{}", run.story());
    let kept = |line: &&str| !line.contains("homelab-ssh-hardening");
    let after = bench.world.inventory();
    assert_eq!(after.lines().filter(kept).collect::<Vec<_>>(), before.lines().collect::<Vec<_>>());
}

/// The world after a run was killed at each of its calls.
async fn killed_at_each_call(check: impl Fn(&Room)) {
    for call in 0.. {
        let bench = Bench::new(room());
        bench.world.fail(call, Fault::Kill);
        let run = bench.deploy(ssh(|s| s.root_login(RootLogin::Never))).await;
        if !matches!(run, homelab_core::testing::Run::Killed) {
            assert!(call > 6, "{}", run.story());
            return;
        }
        bench.world.heal();
        check(&bench.world);
    }
}

#[tokio::test(start_paused = true)]
async fn whenever_we_are_killed_the_machine_lets_us_in_again_by_itself() {
    killed_at_each_call(|room| {
        let web = room.machine("web");
        web.pass(91);
        assert!(web.lets_in("root"));
        assert_eq!(web.text(FILE), None);
        assert!(!room.inventory().contains("timer "));
    })
    .await;
}

const OPEN: &str = "chain input {\n type filter hook input priority filter; policy drop;\n tcp dport 22 accept\n}";
const MORE: &str =
    "chain input {\n type filter hook input priority filter; policy drop;\n tcp dport { 22, 80 } accept\n}";
const SHUT: &str = "chain input {\n type filter hook input priority filter; policy drop;\n tcp dport 80 accept\n}";

fn rules(table: &'static str) -> impl Fn() -> Lab {
    move || lab(|lab, web| lab.add(Nftables::on(web, "filter", table)))
}

#[tokio::test(start_paused = true)]
async fn firewall_rules_survive_everything() {
    conformance_every(7, &Fixture { world: &room, lab: &rules(OPEN), edits: &[("rules", &rules(MORE))] }).await;
}

#[tokio::test(start_paused = true)]
async fn firewall_rules_that_let_no_new_connection_in_are_taken_back() {
    let bench = Bench::new(room());
    assert!(bench.deploy(rules(OPEN)()).await.is_success());
    let before = bench.world.inventory();
    let run = bench.deploy(rules(SHUT)()).await;
    assert!(run.story().contains("a new login to 192.168.0.11 failed"), "{}", run.story());
    assert_eq!(bench.world.inventory(), before);
    assert!(!bench.world.machine("web").firewall_is_shut());
}

#[tokio::test(start_paused = true)]
async fn a_mistake_in_firewall_rules_is_found_before_they_count() {
    let bench = Bench::new(room());
    let run = bench.deploy(rules("chain input {\n}\n}\nnonsense {")()).await;
    assert!(run.story().contains("syntax error"), "{}", run.story());
    assert!(!bench.world.machine("web").firewall_is_shut());
}
