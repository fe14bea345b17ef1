//! Replays what a running Proxmox VE 8.4.21 answered (`tests/data/recorded-8.4.21.jsonl`, measured data) against the
//! simulator, in process and with paused time. Every trusted step must be the same, or be listed in [`KNOWN`] with its
//! reason; a listed step that no longer differs fails too, so the list only shrinks.
mod normal;
mod player;

use homelab_proxmox::sim::{Pace, Release, Sim, World};
use player::{Line, Player};
use serde_json::Value;

/// Steps that differ: scenario, step, and why.
const KNOWN: &[(&str, u64, &str)] = &[("power-real-guest", 22, RESIZED), ("power-real-guest", 25, RESIZED)];

const RESIZED: &str = "follows step 19, of low trust: the recorded machine could not grow a running guest's disk (its \
                       image was locked by the stand-in for QEMU); a real node grows it, and so does the simulator";

/// The administrator's token that the replay uses.
const ADMIN: &str = "root@pam!parity";
const SECRET: &str = "00000000-1111-2222-3333-444444444444";

fn scenarios() -> Vec<Vec<Line>> {
    let mut groups: Vec<Vec<Line>> = Vec::new();
    for text in include_str!("../data/recorded-8.4.21.jsonl").lines() {
        let line = Line::read(text);
        match groups.last_mut() {
            Some(group) if group[0].scenario == line.scenario => group.push(line),
            _ => groups.push(vec![line]),
        }
    }
    groups
}

/// What a scenario's steps differ in: step, field, wanted, got.
async fn replay(sim: &Sim, lines: &[Line]) -> Vec<(u64, String)> {
    let mut player = Player::new(sim.clone(), lines, ADMIN, SECRET);
    let mut found = Vec::new();
    for line in lines.iter().filter(|line| !line.cleanup) {
        let got = player.play(line).await;
        if line.trusted
            && let Some(want) = &line.answer
        {
            for (field, want, got) in differences(want, &got, String::new()) {
                found.push((
                    line.step,
                    format!("{} {} {field}\n    want {want}\n    got  {got}", line.method, line.path),
                ));
            }
        }
    }
    for line in lines.iter().filter(|line| line.cleanup) {
        player.play(line).await;
    }
    found
}

/// Every leaf that differs, as field, wanted, got.
fn differences(want: &Value, got: &Value, path: String) -> Vec<(String, String, String)> {
    let here = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
    match (want, got) {
        (Value::Object(want), Value::Object(got)) => {
            let mut keys: Vec<&String> = want.keys().chain(got.keys()).collect();
            keys.sort_unstable();
            keys.dedup();
            let absent = Value::String("(absent)".to_owned());
            keys.into_iter()
                .flat_map(|key| match (want.get(key), got.get(key)) {
                    (Some(want), Some(got)) => differences(want, got, here(key)),
                    (want, got) => {
                        let text = |value: Option<&Value>| value.unwrap_or(&absent).to_string();
                        vec![(here(key), text(want), text(got))]
                    }
                })
                .collect()
        }
        (Value::Array(want), Value::Array(got)) if want.len() == got.len() => want
            .iter()
            .zip(got)
            .enumerate()
            .flat_map(|(n, (want, got))| differences(want, got, format!("{path}[{n}]")))
            .collect(),
        _ if want == got => Vec::new(),
        _ => vec![(path, want.to_string(), got.to_string())],
    }
}

#[tokio::test(start_paused = true)]
async fn every_trusted_step_of_the_recording_is_answered_alike_or_listed_with_its_reason() {
    let only = std::env::var("PARITY_ONLY").unwrap_or_default();
    let world = World::parity().release(Release::V8_4).pace(Pace::scaled(0.2)).with_token(ADMIN, SECRET);
    let sim = Sim::new(world);
    let (mut problems, mut steps) = (String::new(), 0);
    for lines in scenarios().iter().filter(|lines| lines[0].scenario.contains(&only) || lines[0].area == only) {
        let name = lines[0].scenario.clone();
        let found = replay(&sim, lines).await;
        steps += lines.iter().filter(|line| line.trusted && line.answer.is_some()).count();
        for (step, text) in &found {
            if !KNOWN.iter().any(|(scenario, known, _)| *scenario == name && known == step) {
                problems.push_str(&format!("{name} {step} {text}\n"));
            }
        }
        for (scenario, step, reason) in KNOWN.iter().filter(|(scenario, ..)| *scenario == name) {
            if !found.iter().any(|(differs, _)| differs == step) {
                problems.push_str(&format!("{scenario} {step} no longer differs: take it off the list ({reason})\n"));
            }
        }
    }
    assert!(problems.is_empty(), "of {steps} trusted steps these differ:\n{problems}");
    assert!(steps > 0, "nothing was replayed");
}
