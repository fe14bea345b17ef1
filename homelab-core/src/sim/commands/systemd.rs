//! systemctl, journalctl and systemd-run. The unit files are the truth; what is remembered is what runs.
use super::{Call, done, fails, options, says};
use crate::{
    host::{Action, HostPath, Output, facts::Unit},
    sim::world::World,
};

const ETC: &str = "/etc/systemd/system";
const PLACES: [&str; 3] = [ETC, "/run/systemd/system", "/usr/lib/systemd/system"];

/// A unit's file and all that it says, drop-ins included.
struct Defined {
    path: String,
    text: String,
    masked: bool,
}

fn defined(world: &World, name: &str) -> Option<Defined> {
    let path = PLACES.iter().map(|dir| format!("{dir}/{name}")).find(|path| world.files.is_there(path))?;
    if world.files.target(&path).as_deref() == Some("/dev/null") {
        return Some(Defined { path, text: String::new(), masked: true });
    }
    let mut text = world.files.text(&path)?;
    for dir in PLACES {
        for file in world.files.names(&format!("{dir}/{name}.d")).into_iter().filter(|f| f.ends_with(".conf")) {
            text.push_str(&world.files.text(&format!("{dir}/{name}.d/{file}")).unwrap_or_default());
        }
    }
    Some(Defined { path, text, masked: false })
}

/// The last value of a field, as systemd takes it for most.
fn field(text: &str, name: &str) -> Option<String> {
    text.lines().rev().find_map(|l| l.trim().strip_prefix(name)?.strip_prefix('=')).map(|v| v.trim().to_owned())
}

/// What is wrong with a unit's files.
fn bad(name: &str, text: &str) -> Option<String> {
    let odd = |line: &&str| {
        let line = line.trim();
        !(line.is_empty() || line.starts_with(['#', ';', '[']) || line.contains('='))
    };
    if let Some(line) = text.lines().find(odd) {
        return Some(format!("{name}: Missing '=', ignoring line: {line}"));
    }
    let needs = match name.rsplit('.').next()? {
        "service" => "ExecStart",
        "mount" => "What",
        "automount" => "Where",
        _ => return None,
    };
    field(text, needs).is_none().then(|| format!("{name}: Service has no {needs}=. Refusing."))
}

fn wants(world: &World, name: &str) -> Vec<String> {
    let dirs = world.files.names(ETC);
    let dirs = dirs.iter().filter(|d| d.ends_with(".wants") || d.ends_with(".requires"));
    dirs.map(|d| format!("{ETC}/{d}/{name}")).filter(|path| world.files.is_there(path)).collect()
}

/// A unit, as `systemctl show` has it.
pub(in crate::sim) fn unit(world: &World, name: &str) -> Unit {
    let running = world.debian.running.get(name);
    let found = defined(world, name);
    let active = running.map_or("inactive", |r| r.active.as_str());
    let load = match &found {
        None => "not-found",
        Some(f) if f.masked => "masked",
        Some(f) if bad(name, &f.text).is_some() => "bad-setting",
        Some(_) => "loaded",
    };
    let file_state = match &found {
        None => "",
        Some(f) if f.masked => "masked",
        Some(_) if !wants(world, name).is_empty() => "enabled",
        Some(f) if f.text.contains("[Install]") => "disabled",
        Some(_) => "static",
    };
    let oneshot = found.as_ref().is_some_and(|f| field(&f.text, "Type").as_deref() == Some("oneshot"));
    Unit {
        name: name.into(),
        load: load.into(),
        active: active.into(),
        sub: match (active, name.rsplit('.').next()) {
            ("active", Some("timer" | "automount")) => "waiting",
            ("active", Some("mount")) => "mounted",
            ("active", _) if oneshot => "exited",
            ("active", _) => "running",
            ("failed", _) => "failed",
            _ => "dead",
        }
        .into(),
        file_state: file_state.into(),
        needs_reload: running.zip(found.as_ref()).is_some_and(|(r, f)| r.digest != f.text),
        fragment: found.map(|f| f.path).unwrap_or_default(),
        main_pid: running
            .filter(|r| r.active == "active" && name.ends_with(".service") && !oneshot)
            .map(|r| 1000 + r.starts),
        result: if active == "failed" { "exit-code" } else { "success" }.into(),
    }
}

fn missing(name: &str, verb: &str) -> Output {
    fails(5, format!("Failed to {verb} {name}: Unit {name} not found."))
}

/// Starts a unit, or says why not.
pub(in crate::sim) fn start(world: &mut World, name: &str) -> Output {
    let Some(found) = defined(world, name) else { return missing(name, "start") };
    if found.masked {
        return fails(1, format!("Failed to start {name}: Unit {name} is masked."));
    }
    if let Some(why) = bad(name, &found.text) {
        world.debian.journal.entry(name.into()).or_default().push(why);
        return fails(1, format!("Failed to start {name}: Unit {name} has a bad unit file setting."));
    }
    let source = field(&found.text, "What").unwrap_or_default();
    let program = field(&found.text, "ExecStart").unwrap_or_default();
    let mut broken = world.debian.failing.contains(name) || program == "/bin/false";
    let said = if world.debian.unreachable.contains(&source) {
        broken = true;
        format!("mount.nfs: Connection refused for {source}")
    } else if name == "nftables.service" {
        match super::checks::load(world) {
            Ok(()) => String::new(),
            Err(why) => {
                broken = true;
                why
            }
        }
    } else {
        format!("{program}: it does not work")
    };
    if name == "ssh.service" {
        if let Err(why) = super::checks::sshd_config(world) {
            broken = true;
            world.debian.journal.entry(name.into()).or_default().push(why);
        } else {
            super::checks::take_up(world);
        }
    }
    let place = field(&found.text, "Where").and_then(|place| HostPath::new(place.replace("%%", "%")).ok());
    if let Some(path) = place.filter(|place| !world.files.is_there(&place.to_string())) {
        let _made = world.files.root(&Action::MakeDir { path, mode: 0o755, owner: None });
    }
    let running = world.debian.running.entry(name.into()).or_default();
    running.starts += 1;
    running.active = if broken { "failed" } else { "active" }.into();
    running.digest = found.text.clone();
    if !broken {
        return done();
    }
    let journal = world.debian.journal.entry(name.into()).or_default();
    journal.push(said);
    journal.push(format!("{name}: Failed with result 'exit-code'."));
    // A service that is of the simple type has been started once its program runs; that it then fails, nobody waits for.
    let waits = !name.ends_with(".service") || field(&found.text, "Type").is_some();
    if waits {
        return fails(
            1,
            format!(
                "Job for {name} failed because the control process exited with error code.\nSee \"systemctl status {name}\" and \"journalctl -xeu {name}\" for details."
            ),
        );
    }
    done()
}

pub(in crate::sim) fn stop(world: &mut World, name: &str) -> Output {
    let known = world.debian.running.contains_key(name) || world.debian.timers.contains_key(name);
    if !known && defined(world, name).is_none() {
        return fails(5, format!("Failed to stop {name}: Unit {name} not loaded."));
    }
    if let Some(running) = world.debian.running.get_mut(name) {
        running.active = "inactive".into();
    }
    world.debian.timers.remove(name);
    done()
}

pub(in crate::sim) fn enable(world: &mut World, name: &str) -> Output {
    let Some(found) = defined(world, name) else {
        return fails(1, format!("Failed to enable unit: Unit file {name} does not exist."));
    };
    if found.masked {
        return fails(1, format!("Failed to enable unit: Unit file {} is masked.", found.path));
    }
    for (kind, ending) in [("WantedBy", "wants"), ("RequiredBy", "requires")] {
        for target in field(&found.text, kind).unwrap_or_default().split_whitespace() {
            world.files.link(&format!("{ETC}/{target}.{ending}/{name}"), &found.path);
        }
    }
    done()
}

pub(in crate::sim) fn disable(world: &mut World, name: &str) {
    for link in wants(world, name) {
        world.files.unlink(&link);
        let dir = link.rsplit_once('/').map_or("", |(dir, _)| dir).to_owned();
        if world.files.names(&dir).is_empty() {
            world.files.unlink(&dir);
        }
    }
}

pub(super) fn ctl(world: &mut World, call: &Call<'_>) -> Output {
    let args = call.args();
    let (flags, words) = options(&args, &[]);
    let now = flags.iter().any(|(f, _)| *f == "--now");
    let Some((verb, names)) = words.split_first() else { return fails(1, "Too few arguments.") };
    if *verb == "daemon-reload" {
        let names: Vec<String> = world.debian.running.keys().cloned().collect();
        for name in names {
            let text = defined(world, &name).map(|f| f.text);
            match (text, world.debian.running.get_mut(&name)) {
                (Some(text), Some(running)) => running.digest = text,
                (None, Some(running)) if running.active != "active" => {
                    world.debian.running.remove(&name);
                }
                _ => {}
            }
        }
        return done();
    }
    if *verb == "reboot" {
        world.reboot();
        return done();
    }
    if names.is_empty() {
        return fails(1, "Too few arguments.");
    }
    for name in names {
        let name = &full(name);
        let output = one(world, verb, name, now);
        if output.status != 0 {
            return output;
        }
    }
    done()
}

fn full(name: &str) -> String {
    if name.contains('.') { name.to_owned() } else { format!("{name}.service") }
}

fn one(world: &mut World, verb: &str, name: &str, now: bool) -> Output {
    let is_active = world.debian.running.get(name).is_some_and(|r| r.active == "active");
    match verb {
        "start" if is_active => done(),
        "start" | "restart" => start(world, name),
        "try-restart" | "try-reload-or-restart" if !is_active => done(),
        "reload" if !is_active => fails(1, format!("{name} is not active, cannot reload.")),
        "reload" | "reload-or-restart" | "try-restart" | "try-reload-or-restart" => start(world, name),
        "stop" => stop(world, name),
        "enable" | "reenable" => {
            let enabled = enable(world, name);
            if enabled.status == 0 && now { start(world, name) } else { enabled }
        }
        "disable" => {
            if defined(world, name).is_none() {
                return fails(1, format!("Failed to disable unit: Unit file {name} does not exist."));
            }
            disable(world, name);
            if now { stop(world, name) } else { done() }
        }
        "mask" => {
            let path = format!("{ETC}/{name}");
            if world.files.is_there(&path) && world.files.target(&path).is_none() {
                return fails(1, format!("Failed to mask unit: File '{path}' already exists."));
            }
            world.files.link(&path, "/dev/null");
            if now { stop(world, name) } else { done() }
        }
        "unmask" => {
            let path = format!("{ETC}/{name}");
            if world.files.target(&path).as_deref() == Some("/dev/null") {
                world.files.unlink(&path);
            }
            done()
        }
        "reset-failed" => {
            if let Some(running) = world.debian.running.get_mut(name).filter(|r| r.active == "failed") {
                running.active = "inactive".into();
            }
            done()
        }
        "is-active" => match world.debian.running.get(name) {
            Some(running) if running.active == "active" => says("active\n"),
            running => {
                let word = running.map_or("inactive", |r| r.active.as_str());
                Output { status: 3, stdout: format!("{word}\n").into_bytes(), stderr: vec![] }
            }
        },
        other => fails(1, format!("Unknown command verb {other}.")),
    }
}

pub(super) fn journal(world: &mut World, call: &Call<'_>) -> Output {
    let args = call.args();
    let (flags, _) = options(&args, &["-u", "-n", "-o", "--unit", "--lines"]);
    let value = |names: [&str; 2]| flags.iter().find(|(f, _)| names.contains(f)).map(|(_, v)| *v);
    let Some(unit) = value(["-u", "--unit"]) else { return done() };
    let lines = world.debian.journal.get(unit).cloned().unwrap_or_default();
    let count = value(["-n", "--lines"]).and_then(|n| n.parse().ok()).unwrap_or(lines.len());
    says(lines[lines.len().saturating_sub(count)..].iter().map(|l| format!("{l}\n")).collect::<String>())
}

/// systemd-run with a timer: it is remembered, and runs when the clock gets there.
pub(super) fn later(world: &mut World, call: &Call<'_>) -> Output {
    let args = call.args();
    let split = args.iter().position(|a| !a.starts_with('-')).unwrap_or(args.len());
    let (flags, _) = options(&args[..split], &[]);
    let value = |name: &str| flags.iter().find(|(f, _)| *f == name).map(|(_, v)| *v);
    let (Some(unit), Some(after)) = (value("--unit"), value("--on-active").and_then(|s| s.parse::<u64>().ok())) else {
        return fails(1, "systemd-run: this is not understood");
    };
    let unit = format!("{unit}.timer");
    if world.debian.timers.contains_key(&unit) {
        return fails(
            1,
            format!("Failed to start transient timer unit: Unit {unit} was already loaded or has a fragment file."),
        );
    }
    let argv = args[split..].iter().map(|a| (*a).to_owned()).collect();
    world.debian.timers.insert(unit, (world.clock + after, argv));
    done()
}
