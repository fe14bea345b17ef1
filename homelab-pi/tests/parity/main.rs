//! Replays what a real Pi-hole (FTL 6.4.1) answered (`tests/data/pihole-6.4.1.jsonl`, measured data), by its API and by DNS, against
//! the simulator, in process and with paused time. Every step must be the same, or be listed in [`KNOWN`] with its reason; a listed
//! step that no longer differs fails too, so the list only shrinks.
mod masks;
mod player;
mod question;

use homelab_pi::sim::pihole::{Sim, Upstream, World};
use player::{PASSWORD, Player};
use serde_json::{Value, json};

/// Steps that differ: scenario, step, and why.
const KNOWN: &[(&str, u64, &str)] = &[];

/// The recorded one, and the names of the Unbound behind it.
fn world() -> World {
    let upstream = Upstream::default()
        .with("ok.corp-x.net", "A", "192.0.2.7")
        .with("ok.corp-x.net", "AAAA", "2001:db8::7")
        .with("txt.corp-x.net", "TXT", "hello")
        .with("ads.corp-x.net", "A", "192.0.2.66")
        .with("ads.corp-x.net", "AAAA", "2001:db8::66")
        .with("cdn.corp-x.net", "A", "192.0.2.67")
        .with("priv.corp-x.net", "A", "192.168.7.7")
        .with("mail.corp-x.net", "MX", "10 ok.corp-x.net.")
        .with("zero.corp-x.net", "A", "0.0.0.0")
        .with("_sip._tcp.corp-x.net", "SRV", "1 2 5060 ok.corp-x.net.")
        .refused("refuse-x.net");
    World::new()
        .password(PASSWORD)
        .set("dns.port", 5453)
        .set("dns.upstreams", json!(["127.0.0.1#5335"]))
        .set("dns.hosts", json!(["192.168.0.53 pihole.lan"]))
        .force("dns.blockTTL", 2)
        .upstream(upstream)
}

/// Every leaf that differs, as field, wanted, got.
fn differences(want: &Value, got: &Value, path: String) -> Vec<String> {
    match (want, got) {
        (Value::Object(want), Value::Object(got)) => {
            let mut keys: Vec<&String> = want.keys().chain(got.keys()).collect();
            keys.sort_unstable();
            keys.dedup();
            let absent = json!("(absent)");
            let get = |map: &serde_json::Map<String, Value>, key: &str| map.get(key).unwrap_or(&absent).clone();
            keys.into_iter()
                .flat_map(|key| differences(&get(want, key), &get(got, key), format!("{path}.{key}")))
                .collect()
        }
        (Value::Array(want), Value::Array(got)) if want.len() == got.len() => {
            let pairs = want.iter().zip(got).enumerate();
            pairs.flat_map(|(n, (want, got))| differences(want, got, format!("{path}[{n}]"))).collect()
        }
        _ if want == got => vec![],
        _ => vec![format!("{path}\n    want {want}\n    got  {got}")],
    }
}

#[tokio::test(start_paused = true)]
async fn the_simulator_answers_as_the_recorded_pi_hole_did() {
    let lines: Vec<Value> = include_str!("../data/pihole-6.4.1.jsonl")
        .lines()
        .map(|line| serde_json::from_str(line).expect("the recording is JSON"))
        .collect();
    assert!(lines.len() > 300, "the recording is whole");
    let sim = Sim::new(world());
    let mut player = Player::new(sim);
    let (mut scenario, mut wrong, mut seen) = (String::new(), vec![], vec![]);
    for line in &lines {
        let (name, n) = (line["scenario"].as_str().unwrap_or_default(), line["n"].as_u64().unwrap_or_default());
        if name != scenario {
            player.cleanup().await;
            scenario = name.to_owned();
        }
        let got = player.play(&line["step"]).await;
        let found = differences(&line["got"], &got, String::new());
        let known = KNOWN.iter().any(|(scenario, step, _)| *scenario == name && *step == n);
        if known && found.is_empty() {
            wrong.push(format!("{name} {n} is listed as different and is not"));
        } else if known {
            seen.push((name, n));
        } else {
            wrong.extend(found.into_iter().map(|d| format!("{name} {n} {}: {d}", line["step"])));
        }
    }
    assert!(wrong.is_empty(), "{} differences:\n{}", wrong.len(), wrong.join("\n"));
    assert_eq!(seen.len(), KNOWN.len(), "a listed step is not in the recording");
}

#[test]
fn a_difference_is_found_wherever_it_is() {
    let want = json!({ "a": [1, { "b": "x" }], "c": null });
    assert_eq!(differences(&want, &want, String::new()), Vec::<String>::new());
    let got = json!({ "a": [1, { "b": "y" }], "d": 1 });
    let found: Vec<String> = differences(&want, &got, String::new());
    let fields: Vec<&str> = found.iter().filter_map(|d| d.lines().next()).collect();
    assert_eq!(fields, [".a[1].b", ".c", ".d"]);
}
