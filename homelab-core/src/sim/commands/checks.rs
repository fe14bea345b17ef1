//! Programs that read a configuration and say what is wrong with it: visudo, sshd, nft.
use super::{Call, done, fails, says};
use crate::{host::Output, sim::world::World};
use std::collections::BTreeMap;

/// What sshd knows, with the values that it has unless it is told otherwise (sshd_config(5), OpenSSH 9.2).
const SSHD: [(&str, &str); 17] = [
    ("allowagentforwarding", "yes"),
    ("allowgroups", ""),
    ("allowtcpforwarding", "yes"),
    ("allowusers", ""),
    ("clientaliveinterval", "0"),
    ("kbdinteractiveauthentication", "yes"),
    ("logingracetime", "120"),
    ("maxauthtries", "6"),
    ("passwordauthentication", "yes"),
    ("permitemptypasswords", "no"),
    ("permitrootlogin", "without-password"),
    ("port", "22"),
    ("printmotd", "yes"),
    ("pubkeyauthentication", "yes"),
    ("subsystem", ""),
    ("usepam", "no"),
    ("x11forwarding", "no"),
];

pub(super) fn run(world: &mut World, program: &str, call: &Call<'_>) -> Output {
    let args = call.args();
    if program == "sshd" && !call.argv[0].starts_with('/') {
        return fails(255, "sshd re-exec requires execution with an absolute path");
    }
    match (program, args.as_slice()) {
        ("visudo", ["-cf", "-"]) => sudoers(&String::from_utf8_lossy(call.stdin)),
        ("sshd", ["-t"]) => match sshd_config(world) {
            Ok(_) => done(),
            Err(why) => fails(255, why),
        },
        ("sshd", ["-T"]) => match sshd_config(world) {
            Ok(config) => says(config.iter().map(|(k, v)| format!("{k} {v}\n")).collect::<String>()),
            Err(why) => fails(255, why),
        },
        // A certificate of tests says when it ends, in a line before it.
        ("openssl", ["x509", "-noout", "-checkend", seconds, "-in", path]) => {
            let text = world.files.text(path).unwrap_or_default();
            let ends = text.lines().find_map(|l| l.strip_prefix("ends "));
            let ends: u64 = ends.and_then(|e| e.parse().ok()).unwrap_or(0);
            let after: u64 = seconds.parse().unwrap_or(0);
            if ends > world.clock + after { done() } else { fails(1, "Certificate will expire") }
        }
        ("openssl", ["pkey", "-noout", "-check"]) => {
            match String::from_utf8_lossy(call.stdin).contains("PRIVATE KEY") {
                true => done(),
                false => fails(1, "Could not read key from <stdin>"),
            }
        }
        ("nft", ["-c", "-f", path] | ["-f", path]) => match world.files.text(path) {
            None => fails(1, format!("Error: Could not open file \"{path}\": No such file or directory")),
            Some(text) => match tables(world, &text) {
                Err(why) => fails(1, why),
                Ok(tables) => {
                    if args[0] == "-f" {
                        world.debian.nft = tables;
                    }
                    done()
                }
            },
        },
        ("nft", ["list", "table", family, name]) => match world.debian.nft.get(&format!("{family} {name}")) {
            Some(text) => says(text.clone()),
            None => fails(1, "Error: No such file or directory"),
        },
        ("nft", ["delete", "table", family, name]) => match world.debian.nft.remove(&format!("{family} {name}")) {
            Some(_) => done(),
            None => fails(1, "Error: Could not process rule: No such file or directory"),
        },
        _ => fails(1, format!("{program}: this is not understood")),
    }
}

fn sudoers(text: &str) -> Output {
    let fine = |line: &str| {
        let line = line.trim();
        line.is_empty()
            || line.starts_with(['#', '@'])
            || line.starts_with("Defaults")
            || (line.contains('=') && line.split_whitespace().count() >= 2)
    };
    match text.lines().position(|line| !fine(line)) {
        Some(n) => fails(1, format!("stdin:{}:1: syntax error\n", n + 1)),
        None if !text.is_empty() && !text.ends_with('\n') => fails(1, "stdin:1:1: syntax error\n"),
        None => says("stdin: parsed OK\n"),
    }
}

/// What sshd would run with: of each word the first value counts, files of a directory in the order of their names.
pub(super) fn sshd_config(world: &World) -> Result<BTreeMap<String, String>, String> {
    let mut config = BTreeMap::new();
    read(world, "/etc/ssh/sshd_config", &mut config)?;
    for (word, value) in SSHD {
        config.entry(word.into()).or_insert_with(|| value.to_owned());
    }
    Ok(config)
}

fn read(world: &World, path: &str, config: &mut BTreeMap<String, String>) -> Result<(), String> {
    let Some(text) = world.files.text(path) else { return Ok(()) };
    for (n, line) in text.lines().enumerate() {
        let line = line.trim();
        let Some((word, value)) = line.split_once(char::is_whitespace).filter(|_| !line.starts_with('#')) else {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            return Err(format!("{path} line {}: Missing argument.", n + 1));
        };
        let (word, value) = (word.to_ascii_lowercase(), value.trim());
        if word == "include" {
            let dir = value.trim_end_matches("/*.conf");
            for file in world.files.names(dir).into_iter().filter(|f| f.ends_with(".conf")) {
                read(world, &format!("{dir}/{file}"), config)?;
            }
            continue;
        }
        let Some((_, before)) = SSHD.iter().find(|(w, _)| *w == word) else {
            return Err(format!("{path}: line {}: Bad configuration option: {word}", n + 1));
        };
        let choice = ["yes", "no"].contains(before);
        if choice && !["yes", "no"].contains(&value) {
            return Err(format!("{path} line {}: unsupported option \"{value}\".", n + 1));
        }
        let value = if value == "prohibit-password" { "without-password" } else { value };
        config.entry(word).or_insert_with(|| value.to_owned());
    }
    Ok(())
}

/// sshd has read its files again.
pub(super) fn take_up(world: &mut World) {
    if let Ok(config) = sshd_config(world) {
        world.debian.sshd = config;
    }
}

/// Whether sshd lets a login in that has the right key, by the configuration that it runs with.
pub(in crate::sim) fn lets_in(world: &World, login: &str) -> bool {
    let value = |word: &str| world.debian.sshd.get(word).map_or("", String::as_str);
    let allowed = value("allowusers");
    value("pubkeyauthentication") != "no"
        && (login != "root" || value("permitrootlogin") != "no")
        && (allowed.is_empty() || allowed.split_whitespace().any(|u| u == login))
}

/// The tables that there are once a file has been loaded.
fn tables(world: &World, text: &str) -> Result<BTreeMap<String, String>, String> {
    let mut tables = world.debian.nft.clone();
    let wrong = |n: usize, word: &str| {
        format!("/etc/nftables.conf:{}:1-{}: Error: syntax error, unexpected {word}", n + 1, word.len())
    };
    let mut open: Option<(String, i32)> = None;
    for (n, line) in text.lines().enumerate() {
        let line = line.split('#').next().unwrap_or_default().trim();
        let count = |c| i32::try_from(line.matches(c).count()).unwrap_or(0);
        let words: Vec<&str> = line.split_whitespace().collect();
        if let Some((table, depth)) = &mut open {
            *depth += count('{') - count('}');
            if *depth > 0 {
                tables.entry(table.clone()).or_default().push_str(&format!("{line}\n"));
            } else {
                open = None;
            }
            continue;
        }
        match words.as_slice() {
            [] => {}
            ["flush", "ruleset"] => tables.clear(),
            ["table", family, name] => drop(tables.entry(format!("{family} {name}")).or_default()),
            ["delete", "table", family, name] => {
                if tables.remove(&format!("{family} {name}")).is_none() {
                    return Err("Error: Could not process rule: No such file or directory".into());
                }
            }
            ["table", family, name, "{"] => open = Some((format!("{family} {name}"), 1)),
            [word, ..] => return Err(wrong(n, word)),
        }
        if let Some((table, _)) = &open {
            tables.entry(table.clone()).or_default();
        }
    }
    if open.is_some() { Err(wrong(text.lines().count(), "end of file")) } else { Ok(tables) }
}

/// nftables has read its file.
pub(super) fn load(world: &mut World) -> Result<(), String> {
    let text = world.files.text("/etc/nftables.conf").unwrap_or_default();
    world.debian.nft = tables(world, &text)?;
    Ok(())
}

/// Whether the rules that run let SSH in.
pub(in crate::sim) fn lets_ssh_through(world: &World) -> bool {
    let lets = |rules: &String| {
        !rules.contains("policy drop") || ["dport 22", "dport ssh", " 22,"].iter().any(|p| rules.contains(p))
    };
    world.debian.nft.values().all(lets)
}
