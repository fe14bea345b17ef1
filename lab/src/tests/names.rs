//! A deploy in the sandbox ends with names that resolve: the Pi's name server answers on loopback, over UDP and TCP, by its sockets.
use crate::{net, pi};
use homelab_core::{
    Connect as _, Sandbox, Secrets,
    cli::{self, Exit, Outside},
    env::Env,
};
use homelab_pi::{
    PiSite, Pis,
    dns::{Extended, Prober, Question, RecordType, ResponseCode, Via},
};
use std::{
    fs,
    io::{self, Write},
    net::IpAddr,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Vec<u8>>>);

impl Write for Heard {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[track_caller]
fn must(dir: &Path, args: &[&str]) -> String {
    let heard = Heard::default();
    let env = [("HOMELAB_STATE", dir.to_str().unwrap()), ("HOMELAB_SANDBOX_PACE", "0")];
    let outside = Outside {
        args: ["lab", "--sandbox"].iter().chain(args).map(Into::into).collect(),
        env: Ok(Env::from_pairs(env)),
        dir: dir.to_owned(),
        stdin: Box::new(io::empty()),
        stdout: Box::new(heard.clone()),
        stderr: Box::new(heard.clone()),
        can_answer: false,
        stdout_is_terminal: false,
        ask_hidden: |_| Ok(String::new()),
        terminal: None,
        interrupt: None,
        secrets: Secrets::none(),
    };
    let exit = cli::run_in(&crate::lab, &crate::sites, outside);
    let text = String::from_utf8_lossy(&heard.0.lock().unwrap()).into_owned();
    assert_eq!(exit, Exit::Done, "{args:?}:\n{text}");
    text
}

/// The directory in which the sandbox keeps its worlds: that of the name server.
fn worlds(dir: &Path) -> PathBuf {
    let mut open = vec![dir.to_owned()];
    while let Some(dir) = open.pop() {
        for entry in fs::read_dir(&dir).unwrap().flatten().map(|entry| entry.path()).filter(|path| path.is_dir()) {
            if entry.file_name().is_some_and(|name| name == "pihole-192.168.0.53") {
                return dir;
            }
            open.push(entry);
        }
    }
    panic!("there is no name server below {}", dir.display())
}

/// The name server of the sandbox that was left there, as the next run finds it.
async fn left_in(dir: &Path) -> (Pis, Prober) {
    let site = PiSite::of([pi::pihole()]);
    let pis = site.sandbox(&Sandbox::new(worlds(dir))).await.unwrap();
    let prober = pis.prober(&pi::pihole());
    (pis, prober)
}

fn full(name: &str) -> String {
    format!("{}.lan", name.replace(" (", "-").replace(')', ""))
}

#[tokio::test]
async fn after_a_deploy_every_host_of_the_lab_resolves_over_udp_and_tcp() {
    let dir = tempfile::tempdir().unwrap();
    let deployed = dir.path().to_owned();
    tokio::task::spawn_blocking(move || must(&deployed, &["deploy", "--only", "pi", "--yes"])).await.unwrap();
    let (_serving, dns) = left_in(dir.path()).await;
    for (name, host) in net::HOSTS {
        for via in [Via::Udp, Via::Tcp] {
            let answer = dns.ask_over(via, &Question::a(&full(name)).unwrap()).await.unwrap();
            assert_eq!(answer.addresses, [host.ip()], "{name} over {}", via.word());
        }
    }
    for (alias, host) in [("proxmox.lan", net::GROGU), ("nas.lan", net::NAS)] {
        let answer = dns.ask(&Question::a(alias).unwrap()).await.unwrap();
        assert_eq!(answer.addresses, [IpAddr::from(host)], "{alias}");
    }
    let nobody = dns.ask(&Question::a("nobody.lan").unwrap()).await.unwrap();
    assert_eq!(nobody.code, ResponseCode::NXDomain);
    let aaaa = dns.ask(&Question::of("grogu.lan", RecordType::AAAA).unwrap()).await.unwrap();
    assert!(aaaa.addresses.is_empty() && aaaa.code == ResponseCode::NoError, "{aaaa}");
    // The first blocked answer does not say why, the second does: as a real one was seen to do.
    let ad = Question::a("ad.doubleclick.net").unwrap();
    for via in [Via::Udp, Via::Tcp] {
        dns.ask_over(via, &ad).await.unwrap();
        let answer = dns.ask_over(via, &ad).await.unwrap();
        assert!(answer.is_blocked() && answer.extended(Extended::BLOCKED).is_some(), "{answer}");
    }
    assert!(dns.ask(&Question::a("example.com").unwrap()).await.unwrap().is_there());
}

#[test]
fn the_pi_is_verified_in_full_and_the_run_after_says_the_same() {
    let dir = tempfile::tempdir().unwrap();
    must(dir.path(), &["deploy", "--only", "pi", "--yes"]);
    let first = must(dir.path(), &["verify", "pi"]);
    assert_eq!(first.matches("\nok    ").count() + usize::from(first.starts_with("ok    ")), 14, "{first}");
    let verdicts = |text: &str| -> Vec<String> {
        text.lines().filter_map(|line| Some(line.get(..15)?.to_owned())).filter(|line| line.starts_with("ok")).collect()
    };
    assert_eq!(verdicts(&must(dir.path(), &["verify", "pi"])), verdicts(&first));
    must(dir.path(), &["plan", "--only", "pi", "--detailed-exitcode"]);
}
