//! What the definitions of a cluster send, to the letter, and that both releases know it.
use crate::fixture::{DIN, LAN, PVE, cluster};
use homelab_core::{
    Lab, Secret,
    testing::{Bench, World as _},
    units::SizeUnits,
};
use homelab_proxmox::{
    Vm,
    http::{Method, Request},
    resource::{
        Access, BackupJob, ClusterFirewall, Group, GuestFirewall, IpSet, Keep, Nic, NodeFirewall, Pool, Realm, Role,
        Rule, SecurityGroup, Storage, Token, User, Verdict,
    },
    sim::{Release, check_request},
    testing::SimWorld,
};

const EXPORTER: Secret = Secret::named("EXPORTER_TOKEN");

/// One of each definition; another time, with something else in each.
fn lab(again: bool) -> Lab {
    let mut lab = Lab::named("home");
    let words = if again { "Again." } else { "" };
    let guest =
        Vm::blank().on(DIN).id(301).named("g301").disk(1.gib()).nic(Nic::at(LAN.host(9)).firewall(true)).stopped();
    let guest = lab.add(guest);
    let storage = lab.add(Storage::dir(PVE, "backups", "/srv/backups").content(if again {
        vec!["backup", "iso"]
    } else {
        vec!["backup"]
    }));
    let pool = lab.add(Pool::named(PVE, "services").comment(words).guests([guest.vmid()]));
    let role =
        lab.add(Role::named(PVE, "Watcher", if again { vec!["VM.Audit", "Sys.Audit"] } else { vec!["VM.Audit"] }));
    let group = lab.add(Group::named(PVE, "watchers").comment(words));
    let user = lab.add(User::named(PVE, "prometheus@pve").comment(words).groups([group.name()]));
    lab.add(Access::of_group(PVE, group.name(), role.name()).on("/vms"));
    let token = Token::of(PVE, user.name(), "exporter", EXPORTER);
    lab.add(if again { token.with_all_rights() } else { token });
    lab.add(
        Realm::openid(PVE, "authentik", "https://auth.example/", "pve")
            .option("autocreate", if again { "1" } else { "0" }),
    );
    let job = BackupJob::to(PVE, "nightly", storage.name()).pool(pool.name()).keep(Keep::last(3).daily(7));
    lab.add(if again { job.at("sat 03:00") } else { job.at("02:30") });
    let management = lab.add(IpSet::management(PVE).with("192.168.0.0/24").comment(words));
    let rules = [Rule::accept().tcp("443"), Rule::accept().tcp("80")];
    lab.add(SecurityGroup::named(PVE, "web", rules.into_iter().skip(usize::from(again))).comment(words));
    lab.add(GuestFirewall::of(guest).rules([Rule::group("web"), Rule::accept().service("SSH").from("+management")]));
    lab.add(NodeFirewall::of(DIN, [Rule::accept().service("Ping")]));
    lab.add(ClusterFirewall::on(PVE, management.name()).incoming(if again { Verdict::Reject } else { Verdict::Drop }));
    lab
}

/// Everything that was sent while this lab was made, changed and taken away.
async fn sent(release: Release) -> Vec<Request> {
    let mut bench = Bench::new(SimWorld::new(PVE, cluster().release(release)));
    // One after the other, so that the order is that of the code.
    bench.parallel = 1;
    for run in [bench.deploy(lab(false)).await, bench.deploy(lab(true)).await, bench.destroy(lab(true)).await] {
        assert!(run.is_success(), "{}", run.story());
    }
    assert!(bench.world.inventory().is_empty(), "{}", bench.world.inventory());
    bench.world.requests()
}

fn shown(request: &Request) -> String {
    let head = format!("{} {}", request.method.as_str(), request.path);
    request.params.iter().fold(head, |text, (key, value)| format!("{text}\n    {key}={value}"))
}

#[tokio::test(start_paused = true)]
async fn every_definition_sends_exactly_this_and_both_releases_know_it() {
    let requests = [sent(Release::V9_2).await, sent(Release::V8_4).await];
    for (release, requests) in [Release::V9_2, Release::V8_4].into_iter().zip(&requests) {
        let wrong: Vec<_> = requests.iter().filter_map(|request| check_request(release, request).err()).collect();
        assert!(wrong.is_empty(), "{release:?}:\n{}", wrong.join("\n"));
    }
    let definitions = |request: &&Request| request.method != Method::Get && !request.path.ends_with("/qemu");
    let writes: Vec<String> = requests[0].iter().filter(definitions).map(shown).collect();
    let digests =
        |text: &str| regex_lite::Regex::new("digest=[0-9a-f]{40}").unwrap().replace_all(text, "digest=..").into_owned();
    insta::assert_snapshot!(digests(&writes.join("\n")));
}
