//! The verification of a Pi against the simulator: what is healthy, what is broken, and that one is told from the other.
use hickory_proto::{
    op::Message,
    rr::{RData, RecordType, rdata::TXT},
};
use homelab_core::{
    Failure, Site,
    host::{Batch, Machine as _, Output, Reply},
    sim::SimMachine,
};
use homelab_pi::{
    dns::{Prober, Sockets, Via, Wire},
    pihole::{Dashboard, Health, Pihole},
    sim::pihole::{Upstream, World},
    testing::PiholeWorld,
    verify::{Inside, Probe, Report, Verdict, Verify},
};
use serde_json::json;
use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};
use tokio::time::{Instant, sleep};

const SITE: Site<Pihole> = Site::named("pihole");
const ADS: &str = "https://lists.example-x.net/hosts.txt";
/// The clock of a fresh simulated machine.
const CLOCK: u64 = 1_750_000_000;

fn world(upstream: Upstream) -> PiholeWorld {
    let world = World::new()
        .set("dns.upstreams", json!(["127.0.0.1#5335"]))
        .set("dns.hosts", json!(["192.168.0.53 pihole.lan"]))
        .web(ADS, &["ads.corp-x.net"])
        .upstream(upstream.with("ads.corp-x.net", "A", "192.0.2.66"));
    let world = PiholeWorld::new(SITE, world);
    world.sim().change(|world| {
        world.lists.push(homelab_pi::sim::pihole::List {
            id: 5,
            address: ADS.into(),
            kind: "block".into(),
            comment: None,
            groups: vec![0],
            enabled: true,
            dates: (1, 1),
            updated: CLOCK - 3600,
            status: 1,
            domains: vec!["ads.corp-x.net".into()],
        });
    });
    world
}

/// A Pi on which nothing is wrong.
fn machine() -> SimMachine {
    let machine = SimMachine::new("pihole");
    machine.on_command(|argv, _| {
        let said = |text: &str| Some(Output { status: 0, stdout: text.into(), stderr: vec![] });
        match argv.first().map(String::as_str) {
            Some("systemctl") => said(""),
            Some("df") => said("Filesystem 1024-blocks Used Available Capacity Mounted on\n/dev/mmcblk0p2 3 1 2 41% /"),
            Some("sh") => said("0"),
            Some("dig") => said(
                ";; ->>HEADER<<- opcode: QUERY, status: NOERROR, id: 1\n;; flags: qr rd ra ad; QUERY: 1, ANSWER: 2\n",
            ),
            _ => None,
        }
    });
    machine
}

fn verify(world: &PiholeWorld) -> Verify {
    verify_over(world.prober(), world)
}

fn verify_over(dns: Prober, world: &PiholeWorld) -> Verify {
    Verify::with(dns)
        .local("pihole.lan", [IpAddr::from([192, 168, 0, 53])])
        .blocked("ads.corp-x.net")
        .api(Arc::new(world.client()))
        .clock(|| CLOCK)
}

fn failed(report: &Report) -> Vec<Probe> {
    report.failures().map(|(probe, ..)| probe).collect()
}

#[tokio::test(start_paused = true)]
async fn a_healthy_pi_passes_every_probe() {
    let world = world(Upstream::default());
    let report = verify(&world).machine(Arc::new(machine())).run().await;
    let passed = report.checks.iter().filter(|c| matches!(c.verdict, Verdict::Passed { .. })).count();
    assert_eq!(passed, 14, "{report}");
    assert!(report.is_healthy() && report.answers() && report.to_string().ends_with(": healthy, in 0 ms"), "{report}");
}

/// A wire on which everything takes a millisecond.
struct Lan(PiholeWorld);

#[async_trait::async_trait]
impl Wire for Lan {
    async fn exchange(&self, at: SocketAddr, via: Via, message: &[u8]) -> io::Result<Vec<u8>> {
        sleep(Duration::from_millis(if via == Via::Tcp { 2 } else { 1 })).await;
        self.0.sim().exchange(at, via, message).await
    }
}

/// A login that takes ten round trips: TCP, the two banners, keys, the proof of ours, a channel, and what is asked.
struct Login(SimMachine);

#[async_trait::async_trait]
impl Inside for Login {
    async fn ask(&self, batch: &Batch) -> Result<Vec<Reply>, Failure> {
        sleep(Duration::from_millis(10)).await;
        self.0.run(batch).await.map_err(|e| Failure::new(e.to_string()))
    }
    fn is_pinned(&self) -> bool {
        true
    }
}

/// A web page four round trips away: a connection, a login, what is asked, and the connections beside it.
struct Page(Pihole);

#[async_trait::async_trait]
impl Dashboard for Page {
    async fn health(&self) -> Result<Health, Failure> {
        sleep(Duration::from_millis(4)).await;
        self.0.health().await
    }
}

#[tokio::test(start_paused = true)]
async fn a_healthy_pi_a_millisecond_away_is_verified_in_far_less_than_a_second() {
    let world = world(Upstream::default());
    let began = Instant::now();
    let dns = Prober::over(Arc::new(Lan(world.clone())), homelab_pi::testing::SERVER);
    let report = Verify::with(dns).blocked("ads.corp-x.net").clock(|| CLOCK).run().await;
    assert!(report.is_healthy(), "{report}");
    // Two for the name that is asked twice, and twenty for the median: by the simulated clock, not this machine's.
    assert_eq!(began.elapsed(), Duration::from_millis(22));
    let began = Instant::now();
    let dns = Prober::over(Arc::new(Lan(world.clone())), homelab_pi::testing::SERVER);
    let verify = verify_over(dns, &world).within(Arc::new(Login(machine()))).api(Arc::new(Page(world.client())));
    let report = verify.run().await;
    let passed = report.checks.iter().filter(|c| matches!(c.verdict, Verdict::Passed { .. })).count();
    assert_eq!(passed, 14, "{report}");
    // The login and Pi-hole's API are asked meanwhile.
    assert_eq!(began.elapsed(), Duration::from_millis(22));
}

#[tokio::test(start_paused = true)]
async fn a_wrong_clock_a_dead_upstream_and_bad_signatures_have_different_reasons() {
    let reason = |report: &Report, probe| match report.verdict(probe) {
        Some(Verdict::Failed { reason, .. }) => reason.clone(),
        other => format!("{other:?}"),
    };
    let dead = world(Upstream { alive: false, ..Upstream::default() });
    let report = verify(&dead).run().await;
    assert!(reason(&report, Probe::Public).contains("nothing comes from upstream"), "{report}");
    assert!(!report.answers() && !failed(&report).contains(&Probe::Dnssec), "{report}");

    let signed = Upstream::default().signed("example.com");
    let late = world(Upstream { clock_off: 90_000_000, ..signed.clone() });
    let report = verify(&late).run().await;
    assert!(reason(&report, Probe::Public).contains("the clock is wrong"), "{report}");
    assert!(reason(&report, Probe::Dnssec).contains("the clock is wrong"), "{report}");

    let hijacked = world(signed.bogus("internetsociety.org").bogus("example.com"));
    let report = verify(&hijacked).machine(Arc::new(machine())).run().await;
    assert!(reason(&report, Probe::Public).contains("the clock is not to blame"), "{report}");
    assert!(matches!(report.verdict(Probe::Clock), Some(Verdict::Passed { .. })), "{report}");

    let trusting = world(Upstream { validates: false, ..Upstream::default() });
    let report = verify(&trusting).run().await;
    assert_eq!(failed(&report), [Probe::Dnssec], "{report}");
    assert!(reason(&report, Probe::Dnssec).contains("whose signatures are bad, resolves"), "{report}");
}

#[tokio::test(start_paused = true)]
async fn each_fault_is_found_by_its_own_probe_with_a_fix() {
    let world = world(Upstream::default());
    type Breaks = fn(&mut World);
    let faults: [(Breaks, &[Probe]); 5] = [
        (|w| (w.lists[0].status, w.lists[0].domains) = (4, vec![]), &[Probe::Blocked, Probe::Lists]),
        (|w| w.config["dns"]["hosts"] = json!(["192.168.0.54 pihole.lan"]), &[Probe::Local]),
        (|w| w.config["dns"]["blocking"]["active"] = json!(false), &[Probe::Blocked, Probe::Api]),
        (|w| w.lists[0].updated = CLOCK - 9 * 24 * 3600, &[Probe::Lists]),
        (|w| w.lists.clear(), &[Probe::Blocked, Probe::Lists]),
    ];
    for (fault, probes) in faults {
        let before = world.sim().world();
        world.sim().change(fault);
        let report = verify(&world).run().await;
        assert_eq!(failed(&report), probes, "{report}");
        assert!(report.failures().all(|(_, reason, fix)| !reason.is_empty() && !fix.is_empty()));
        world.sim().change(|w| *w = before);
    }
    world.sim().set_down(true);
    let report = verify(&world).run().await;
    assert_eq!(failed(&report), [Probe::Port, Probe::Api], "{report}");
}

#[tokio::test(start_paused = true)]
async fn what_is_wrong_on_the_pi_itself_is_found_too() {
    let world = world(Upstream::default());
    let machine = machine();
    machine.pass(600);
    machine.on_command(|argv, _| {
        let said = |text: &str| Some(Output { status: 0, stdout: text.into(), stderr: vec![] });
        match argv.first().map(String::as_str) {
            Some("systemctl") => said("unbound.service loaded failed failed Unbound"),
            Some("sh") => said("1"),
            Some("dig") => Some(Output { status: 9, stdout: vec![], stderr: b"connection refused".to_vec() }),
            _ => None,
        }
    });
    let report = verify(&world).machine(Arc::new(machine)).run().await;
    assert_eq!(failed(&report), [Probe::Clock, Probe::Unbound, Probe::Units, Probe::Power], "{report}");
    assert!(report.answers(), "names are answered all the same: {report}");
}

#[tokio::test]
async fn a_closed_port_is_told_from_silence() {
    let free = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let dns = Prober::over(Arc::new(Sockets), free).patience(Duration::from_millis(300), 1);
    let report = Verify::with(dns).run().await;
    assert!(
        matches!(report.verdict(Probe::Port), Some(Verdict::Failed { reason, .. }) if reason.contains("nothing listens"))
    );
}

/// A port that another program was quicker to take: it resolves what everybody resolves, and nothing of ours.
struct Taken(PiholeWorld);

#[async_trait::async_trait]
impl Wire for Taken {
    async fn exchange(&self, at: SocketAddr, via: Via, message: &[u8]) -> io::Result<Vec<u8>> {
        let answer = self.0.sim().exchange(at, via, message).await?;
        let mut told = Message::from_vec(&answer).unwrap();
        for record in told.answers.iter_mut().filter(|record| record.record_type() == RecordType::TXT) {
            record.data = RData::TXT(TXT::new(vec!["dnsmasq-2.90".to_owned()]));
        }
        Ok(told.to_vec().unwrap())
    }
}

#[tokio::test(start_paused = true)]
async fn a_port_that_another_program_has_taken_is_told_by_its_name_with_what_finds_it() {
    let world = world(Upstream::default());
    world.sim().change(|w| w.config["dns"]["hosts"] = json!([]));
    let dns = Prober::over(Arc::new(Taken(world)), homelab_pi::testing::SERVER);
    let machine = machine();
    machine.on_command(|argv, _| {
        let failed = "pihole-ftl.service loaded failed failed Pi-hole FTL";
        let output = Output { status: 0, stdout: failed.into(), stderr: vec![] };
        argv.first().is_some_and(|program| program == "systemctl").then_some(output)
    });
    let local = ("pihole.lan", [IpAddr::from([192, 168, 0, 53])]);
    let report = Verify::with(dns).local(local.0, local.1).machine(Arc::new(machine)).clock(|| CLOCK).run().await;
    let Some(Verdict::Warned { reason, fix }) = report.verdict(Probe::Port) else { panic!("{report}") };
    assert!(reason.contains("`dnsmasq-2.90`") && fix.contains("ss -lunpt"), "{report}");
    let failed = failed(&report);
    assert!(failed.contains(&Probe::Local) && failed.contains(&Probe::Units), "{report}");
}

#[tokio::test]
async fn a_port_that_something_mute_holds_is_told_from_one_that_answers() {
    let mute = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let at = mute.local_addr().unwrap();
    let _tcp = tokio::net::TcpListener::bind(at).await.unwrap();
    let dns = Prober::over(Arc::new(Sockets), at).patience(Duration::from_millis(100), 1);
    let report = Verify::with(dns).run().await;
    let Some(Verdict::Failed { fix, .. }) = report.verdict(Probe::Port) else { panic!("{report}") };
    assert!(fix.contains("whether something else holds the port"), "{report}");
}

/// A Pi that shows another host key than it did.
struct Changed;

#[async_trait::async_trait]
impl Inside for Changed {
    async fn ask(&self, _: &Batch) -> Result<Vec<Reply>, Failure> {
        let shown = Failure::new("192.168.0.53 shows another host key than before");
        Err(shown.hint("if its card was written anew, forget the old key: `ssh-keygen -R 192.168.0.53`"))
    }
    fn is_pinned(&self) -> bool {
        true
    }
}

#[tokio::test(start_paused = true)]
async fn another_host_key_is_the_first_thing_that_is_told_and_what_the_pi_would_say_is_not_asked() {
    let world = world(Upstream::default());
    let report = verify(&world).within(Arc::new(Changed)).run().await;
    assert_eq!(failed(&report), [Probe::Login], "{report}");
    let (_, reason, fix) = report.failures().next().unwrap();
    assert!(reason.contains("another host key") && fix.contains("ssh-keygen -R"), "{report}");
    assert!(matches!(report.verdict(Probe::Clock), Some(Verdict::Skipped { .. })), "{report}");
    assert!(report.answers(), "names are answered all the same");
}
