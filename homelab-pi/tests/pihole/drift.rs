//! What others change, what is not ours, and what cannot be.
use crate::{ADS, PIHOLE, bench, lab, one};
use homelab_core::{
    Lab,
    plan::{Goal, Wishes},
};
use homelab_pi::{
    dns::Question,
    pihole::{BlockList, ClientGroup, DnsRecord, DomainRule, Setting},
};
use serde_json::json;
use std::net::IpAddr;

fn ip(last: u8) -> IpAddr {
    IpAddr::from([192, 168, 0, last])
}

fn record(last: u8) -> Lab {
    one(DnsRecord::on(PIHOLE, "nas.lan", ip(last)))
}

#[tokio::test(start_paused = true)]
async fn a_record_that_is_deployed_resolves_and_follows_its_address() {
    let bench = bench();
    let ask = async |name: &str| bench.world.prober().ask(&Question::a(name).unwrap()).await.unwrap().addresses;
    assert!(bench.deploy(record(13)).await.is_success());
    assert_eq!(ask("nas.lan").await, [ip(13)]);
    assert!(bench.deploy(record(14)).await.is_success());
    assert_eq!(ask("NAS.lan").await, [ip(14)]);
    assert!(bench.destroy(record(14)).await.is_success());
    assert!(ask("nas.lan").await.is_empty());
    assert_eq!(ask("pihole.lan").await, [ip(53)], "what was there before stays");
}

#[tokio::test(start_paused = true)]
async fn what_is_changed_in_the_web_page_is_shown_and_brought_back() {
    let bench = bench();
    let declared = || {
        lab(|lab| {
            lab.add(DnsRecord::on(PIHOLE, "nas.lan", ip(13)));
            lab.add(DomainRule::deny(PIHOLE, "ads.corp-x.net").comment("TV"));
            lab.add(Setting::on(PIHOLE, "dns.rateLimit.count", 5000));
        })
    };
    assert!(bench.deploy(declared()).await.is_success());
    bench.world.sim().change(|world| {
        world.config["dns"]["hosts"] = json!(["192.168.0.53 pihole.lan", "192.168.0.66 nas.lan other.lan"]);
        world.config["dns"]["rateLimit"]["count"] = json!(7);
        world.domains[0].enabled = false;
    });
    let plan = bench.plan(declared(), &Wishes::new(Goal::Deploy)).await.to_string();
    for part in ["192.168.0.66", "enabled: false -> true", "value: 7 -> 5000"] {
        assert!(plan.contains(part), "{part} is not in\n{plan}");
    }
    let run = bench.deploy(declared()).await;
    assert!(run.is_success(), "{}", run.story());
    let world = bench.world.sim().world();
    let hosts = world.lines("dns.hosts");
    assert!(hosts.contains(&"192.168.0.66 other.lan"), "a person's other names stay: {hosts:?}");
    assert!(hosts.contains(&"192.168.0.13 nas.lan") && hosts.len() == 3, "{hosts:?}");
}

#[tokio::test(start_paused = true)]
async fn nothing_that_somebody_else_made_or_set_is_taken_over_silently() {
    let bench = bench();
    bench.world.sim().change(|world| {
        world.config["dns"]["hosts"] = json!(["192.168.0.66 nas.lan"]);
        world.config["dns"]["rateLimit"]["count"] = json!(7);
        world.groups.push(homelab_pi::sim::pihole::Group { id: 9, name: "kids".into(), comment: None, enabled: true });
    });
    let declared = || {
        lab(|lab| {
            lab.add(DnsRecord::on(PIHOLE, "nas.lan", ip(13)));
            lab.add(Setting::on(PIHOLE, "dns.rateLimit.count", 5000));
            lab.add(Setting::on(PIHOLE, "dns.cache.size", 10_000));
            lab.add(ClientGroup::on(PIHOLE, "kids"));
        })
    };
    let plan = bench.plan(declared(), &Wishes::new(Goal::Deploy)).await;
    let refused: Vec<&str> =
        plan.items.iter().filter(|item| item.refusals().next().is_some()).map(|item| item.key.as_str()).collect();
    // A setting that nobody has touched has nothing to be taken over.
    assert_eq!(
        refused,
        ["pi/dns-record/pihole/nas.lan", "pi/setting/pihole/dns.rateLimit.count", "pi/client-group/pihole/kids",]
    );
    let run = bench.run(declared(), &Wishes { adopt: true, ..Wishes::new(Goal::Deploy) }).await;
    assert!(run.is_success(), "{}", run.story());
    assert_eq!(bench.world.sim().world().setting("dns.rateLimit.count"), 5000);
}

#[tokio::test(start_paused = true)]
async fn a_list_that_cannot_be_had_fails_with_its_address_and_blocks_nothing_else() {
    let bench = bench();
    let run = bench
        .deploy(lab(|lab| {
            lab.add(BlockList::on(PIHOLE, ADS));
            lab.add(BlockList::on(PIHOLE, "https://gone.example-x.net/hosts"));
        }))
        .await;
    assert!(run.story().contains("https://gone.example-x.net/hosts cannot be loaded"), "{}", run.story());
    let world = bench.world.sim().world();
    let loaded: Vec<(u8, usize)> = world.lists.iter().map(|list| (list.status, list.domains.len())).collect();
    assert!(loaded.contains(&(1, 2)) || loaded.contains(&(2, 2)), "{loaded:?}");
    let blocked = bench.world.prober().ask(&Question::a("ads.corp-x.net").unwrap()).await.unwrap();
    assert!(blocked.is_blocked(), "{blocked}");
}

#[tokio::test(start_paused = true)]
async fn ten_lists_are_loaded_in_one_or_two_goes() {
    let bench = bench();
    let addresses: Vec<String> = (0..10).map(|n| format!("https://lists.example-x.net/{n}.txt")).collect();
    let known = addresses.clone();
    bench.world.sim().change(move |world| {
        world.web.extend(known.into_iter().map(|address| (address, vec!["x.corp-x.net".to_owned()])));
    });
    let run = bench
        .deploy(lab(|lab| {
            addresses.iter().for_each(|a| {
                lab.add(BlockList::on(PIHOLE, a));
            })
        }))
        .await;
    assert!(run.is_success(), "{}", run.story());
    let loads = bench.world.log().iter().filter(|call| *call == "POST /action/gravity").count();
    assert!(loads <= 3, "{loads} times");
}

#[tokio::test(start_paused = true)]
async fn a_forced_and_an_unknown_setting_are_found_before_anything_is_touched() {
    let bench = bench();
    bench.world.sim().change(|world| world.forced.push("dns.blockTTL".into()));
    let plan = bench.plan(one(Setting::on(PIHOLE, "dns.blockTTL", 9)), &Wishes::new(Goal::Deploy)).await;
    assert!(plan.to_string().contains("forces this setting"), "{plan}");
    let run = bench.deploy(one(Setting::on(PIHOLE, "dns.nosuch", 9))).await;
    assert!(run.story().contains("knows no setting `dns.nosuch`"), "{}", run.story());
    assert_eq!(homelab_core::testing::World::writes(&bench.world), 0);
}

#[tokio::test(start_paused = true)]
async fn two_resources_that_want_one_name_are_an_error_of_the_code() {
    let built = lab(|lab| {
        lab.add(DnsRecord::on(PIHOLE, "nas.lan", ip(13)));
        lab.add(homelab_pi::pihole::Cname::on(PIHOLE, "nas.lan", "din.lan"));
    })
    .build();
    assert!(built.err().expect("two of one name").to_string().contains("nas.lan"));
}
