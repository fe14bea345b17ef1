//! The commands that a Pi is sent, as NixOS would carry them out.
use super::{Flaw, SimPi, pi::Card};
use crate::deploy::{GOES_BACK_AFTER, MARK, PROFILE, ROLLBACK};
use homelab_core::host::Output;
use std::{fmt::Write, time::Duration};

/// A card of 32 GB with a system on it.
const DISK: &str = "Filesystem     1024-blocks    Used Available Capacity Mounted on\n\
                    /dev/mmcblk0p2    30544764 3804112  25427408      14% /\n";

fn says(status: u8, stdout: impl Into<Vec<u8>>, stderr: &str) -> Option<Output> {
    Some(Output { status, stdout: stdout.into(), stderr: stderr.into() })
}

/// Carries out a command; nothing if it is none of a Pi's own.
pub(super) fn run(pi: &SimPi, argv: &[String], input: &[u8]) -> Option<Output> {
    let line = argv.join(" ");
    if pi.card().cut.is_some_and(|words| line.contains(words)) {
        pi.card().cut = None;
        pi.lose_power();
        return says(255, "", "the machine is gone");
    }
    let words: Vec<&str> = argv.iter().map(String::as_str).collect();
    if words.first() == Some(&"dig") {
        return pi.pihole().dig(&words);
    }
    let mut card = pi.card();
    let done = match words.as_slice() {
        ["readlink", "-f", paths @ ..] => {
            let all = paths.iter().map(|p| resolve(&card, p));
            says(0, all.fold(String::new(), |out, p| out + &p + "\n"), "")
        }
        ["cat", path] => cat(&card, path),
        ["systemctl", "is-active", _] => match card.goes_back {
            Some(_) => says(0, "active\n", ""),
            None => says(3, "inactive\n", ""),
        },
        ["systemctl", "restart", unit] if unit.starts_with(ROLLBACK) => match card.goes_back {
            Some(_) => {
                card.arm(GOES_BACK_AFTER);
                says(0, "", "")
            }
            None => says(5, "", "Failed to restart homelab-rollback.timer: Unit homelab-rollback.timer not found."),
        },
        ["systemctl", "stop", unit] if unit.starts_with(ROLLBACK) => {
            card.disarm();
            says(0, "", "")
        }
        ["systemd-run", options @ .., program, verb] if options[0].ends_with(ROLLBACK) => {
            match (card.goes_back, program.strip_suffix("/bin/switch-to-configuration"), *verb) {
                (None, Some(PROFILE), "test") => {
                    let after = options.iter().find_map(|option| option.strip_prefix("--on-active=")?.parse().ok());
                    card.arm(Duration::from_secs(after?));
                    says(0, "", "Running timer as unit: homelab-rollback.timer\n")
                }
                _ => says(1, "", "Failed to start transient timer unit: it exists already\n"),
            }
        }
        ["systemd-run", .., program, verb] | [program, verb] if program.ends_with("/bin/switch-to-configuration") => {
            let system = resolve(&card, program.trim_end_matches("/bin/switch-to-configuration"));
            switch(&mut card, &system, verb)
        }
        ["sh", "-c", _, "sh", system] => says(u8::from(card.current != *system), "", ""),
        ["nix-env", "--profile", PROFILE, "--set", system] => match card.store.contains_key(*system) {
            true => {
                if card.profile() != *system {
                    card.generations.push((*system).to_owned());
                    card.default = card.generations.len() - 1;
                }
                says(0, "", "")
            }
            false => says(1, "", "error: path does not exist in the store\n"),
        },
        ["nix-env", "--profile", PROFILE, "--switch-generation", number] => {
            card.default = number.parse::<usize>().ok()?.checked_sub(1).filter(|n| *n < card.generations.len())?;
            says(0, "", "")
        }
        ["nix-env", "--profile", PROFILE, "--list-generations"] => {
            let mut out = String::new();
            for n in 0..card.generations.len() {
                let current = if n == card.default { "(current)" } else { "" };
                let _ = writeln!(out, "{:>4}   2026-01-01 00:00:{n:02}   {current}", n + 1);
            }
            says(0, out, "")
        }
        ["install", .., path] => {
            card.files.insert((*path).to_owned(), String::from_utf8_lossy(input).into_owned());
            says(0, "", "")
        }
        ["rm", "-f", MARK] => {
            card.files.remove(MARK);
            says(0, "", "")
        }
        ["systemctl", "list-units", "--failed", ..] => match card.running().flaw {
            Flaw::NoNames => says(0, "pihole-ftl.service loaded failed failed Pi-hole FTL\n", ""),
            _ => says(0, "", ""),
        },
        ["df", "-P", "/"] => says(0, DISK, ""),
        ["sh", "-c", script] if script.contains("in0_lcrit_alarm") => says(0, "0\n", ""),
        _ => return None,
    };
    pi.save(&card);
    done
}

/// Where a path of the store, the profile or the running system leads.
fn resolve(card: &Card, path: &str) -> String {
    let own = |system: &str, rest: &str| {
        let boot = card.store.get(system).map(|s| &s.boot);
        match (rest, boot) {
            ("", _) => system.to_owned(),
            ("/kernel", Some(boot)) => boot.kernel.clone(),
            ("/initrd", Some(boot)) => boot.initrd.clone(),
            ("/dtbs", Some(boot)) => boot.dtbs.clone(),
            _ => format!("{system}{rest}"),
        }
    };
    let link = |path: &str| {
        let (number, rest) = path.strip_prefix(PROFILE)?.strip_prefix('-')?.split_once("-link")?;
        let n = number.parse::<usize>().ok()?.checked_sub(1)?;
        Some(own(card.generations.get(n)?, rest))
    };
    if let Some(found) = link(path) {
        return found;
    }
    if let Some(rest) = path.strip_prefix("/run/current-system") {
        return own(&card.current, rest);
    }
    if let Some(rest) = path.strip_prefix(PROFILE) {
        return own(card.profile(), rest);
    }
    match card.store.keys().find_map(|system| Some((system, path.strip_prefix(system.as_str())?))) {
        Some((system, rest)) => own(system, rest),
        None => path.to_owned(),
    }
}

fn cat(card: &Card, path: &str) -> Option<Output> {
    if let Some(text) = card.files.get(path) {
        return says(0, text.as_str(), "");
    }
    let text = match path {
        "/run/current-system/etc/homelab/pi.json" => Some(card.running().description.to_string()),
        "/boot/extlinux/extlinux.conf" => {
            Some(format!("DEFAULT nixos-default\nLABEL nixos-default\n  APPEND init={}/init\n", card.loader))
        }
        params => resolve(card, params)
            .strip_suffix("/kernel-params")
            .and_then(|system| card.store.get(system))
            .map(|stored| stored.boot.params.clone()),
    };
    match text {
        Some(text) => says(0, text, ""),
        None => says(1, "", "cat: No such file or directory\n"),
    }
}

fn switch(card: &mut Card, system: &str, verb: &str) -> Option<Output> {
    let Some(stored) = card.store.get(system) else { return says(127, "", "no such system\n") };
    match (verb, stored.flaw) {
        ("boot", _) => card.loader = system.to_owned(),
        ("test", Flaw::NoActivation) => {
            return says(4, "", "warning: the following units failed: pihole-ftl.service\n");
        }
        ("test", _) => card.current = system.to_owned(),
        _ => return says(1, "", "usage: switch-to-configuration switch|boot|test\n"),
    }
    says(0, "activating the configuration...\n", "")
}
