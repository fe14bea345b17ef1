//! What every kind must survive, with an edit for every field that can be declared.
use crate::{ADS, MALWARE, PIHOLE, lab, one, world};
use homelab_core::testing::{Declare, Fixture, conformance_every};
use homelab_pi::pihole::{BlockList, ClientGroup, Cname, DnsGate, DnsRecord, DomainRule, Setting};
use std::net::{IpAddr, Ipv6Addr};

type Edit<'a> = (&'a str, &'a Declare<'a>);

/// At which calls faults strike; `.ci/run` does all.
fn every() -> usize {
    std::env::var("HOMELAB_SWEEP_EVERY").ok().and_then(|n| n.parse().ok()).unwrap_or(11)
}

async fn survives(base: &Declare<'_>, edits: &[Edit<'_>]) {
    conformance_every(every(), &Fixture { world: &world, lab: base, edits }).await;
}

fn ip(last: u8) -> IpAddr {
    IpAddr::from([192, 168, 0, last])
}

#[tokio::test(start_paused = true)]
async fn a_record_changes_its_address_and_gets_another() {
    let base = || one(DnsRecord::on(PIHOLE, "nas.lan", ip(13)));
    let moved = || one(DnsRecord::on(PIHOLE, "nas.lan", ip(14)));
    let both = || {
        let v6 = IpAddr::from(Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 0x13));
        one(DnsRecord::on(PIHOLE, "nas.lan", ip(13)).also(v6))
    };
    survives(&base, &[("address", &moved), ("both", &both)]).await;
}

#[tokio::test(start_paused = true)]
async fn another_name_changes_its_target_and_its_life() {
    let with = |alias: fn(Cname) -> Cname| {
        lab(|lab| {
            let record = lab.add(DnsRecord::on(PIHOLE, "nas.lan", ip(13)));
            lab.add(alias(Cname::on(PIHOLE, "files.lan", record.name())));
        })
    };
    let other = || {
        lab(|lab| {
            lab.add(DnsRecord::on(PIHOLE, "nas.lan", ip(13)));
            let other = lab.add(DnsRecord::on(PIHOLE, "nas2.lan", ip(14)));
            lab.add(Cname::on(PIHOLE, "files.lan", other.name()));
        })
    };
    survives(&|| with(|c| c), &[("life", &|| with(|c| c.ttl(77))), ("target", &other)]).await;
}

#[tokio::test(start_paused = true)]
async fn a_list_is_loaded_when_it_is_made_and_takes_its_fields_in_place() {
    let with = |list: fn(BlockList) -> BlockList| one(list(BlockList::on(PIHOLE, ADS)));
    let grouped = || {
        lab(|lab| {
            let kids = lab.add(ClientGroup::on(PIHOLE, "kids"));
            lab.add(BlockList::on(PIHOLE, ADS).groups([kids.name()]));
        })
    };
    let allow = || one(BlockList::allow(PIHOLE, MALWARE));
    survives(
        &|| with(|l| l),
        &[
            ("words", &|| with(|l| l.comment("ads of the TV"))),
            ("off", &|| with(BlockList::disabled)),
            ("groups", &grouped),
            ("another, that allows", &allow),
        ],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_rule_takes_its_fields_in_place() {
    let with = |rule: fn(DomainRule) -> DomainRule| one(rule(DomainRule::deny(PIHOLE, "ads.corp-x.net")));
    let grouped = || {
        lab(|lab| {
            let kids = lab.add(ClientGroup::on(PIHOLE, "kids"));
            lab.add(DomainRule::deny(PIHOLE, "ads.corp-x.net").groups([kids.name()]));
        })
    };
    let regex = || one(DomainRule::deny_regex(PIHOLE, r"(^|\.)ads[0-9]*\.corp-x\.net$"));
    let allow = || one(DomainRule::allow(PIHOLE, "ads.corp-x.net"));
    survives(
        &|| with(|r| r),
        &[
            ("words", &|| with(|r| r.comment("of the TV"))),
            ("off", &|| with(DomainRule::disabled)),
            ("groups", &grouped),
            ("an expression", &regex),
            ("allowed", &allow),
        ],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_group_takes_its_clients_in_place() {
    let with =
        |group: fn(ClientGroup) -> ClientGroup| one(group(ClientGroup::on(PIHOLE, "kids").client("192.168.0.77")));
    survives(
        &|| with(|g| g),
        &[
            ("one more", &|| with(|g| g.client("192.168.0.78"))),
            ("words", &|| with(|g| g.comment("tablets"))),
            ("off", &|| with(ClientGroup::disabled)),
            ("another client", &|| one(ClientGroup::on(PIHOLE, "kids").client("AA:BB:CC:DD:EE:FF"))),
        ],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_setting_is_set_and_goes_back_to_its_default() {
    let with = |count: u32| one(Setting::on(PIHOLE, "dns.rateLimit.count", count));
    let restarting = || one(Setting::on(PIHOLE, "dns.cache.size", 20_000));
    survives(&|| with(5000), &[("value", &|| with(6000)), ("one that restarts", &restarting)]).await;
}

#[tokio::test(start_paused = true)]
async fn a_gate_and_what_is_behind_it() {
    let with = |public: &'static str| {
        lab(move |lab| {
            let gate = lab.add(DnsGate::of(PIHOLE).public(public).local("pihole.lan", ip(53)));
            lab.add(DnsRecord::on(PIHOLE.behind(gate), "nas.lan", ip(13)));
        })
    };
    survives(&|| with("example.com"), &[]).await;
}
