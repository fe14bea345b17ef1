//! apt-get, apt-mark and dpkg.
use super::{Call, done, fails, options, says, systemd};
use crate::{
    host::{
        Output,
        facts::{Group, Package},
    },
    sim::{debian::stock, world::World},
};

const LOCK: &str = "/var/lib/dpkg/lock-frontend";

/// apt-get, as it is in Debian 12: what it refuses without a terminal and `-y`, it refuses here.
pub(super) fn get(world: &mut World, call: &Call<'_>) -> Output {
    let args = call.args();
    let (flags, words) = options(&args, &["-o", "-t"]);
    let has = |flag: &str| flags.iter().any(|(f, _)| *f == flag);
    let Some((verb, names)) = words.split_first() else { return fails(100, "E: No command given") };
    if let Some((by, calls)) = world.debian.apt_held.take() {
        let said = format!(
            "E: Could not get lock {LOCK}. It is held by process {by}\nE: Unable to acquire the dpkg frontend lock ({LOCK}), is another process using it?"
        );
        if calls > 1 {
            world.debian.apt_held = Some((by, calls - 1));
        }
        return fails(100, said);
    }
    if *verb == "update" {
        return update(world);
    }
    if *verb == "clean" {
        return done();
    }
    if world.debian.dpkg_broken {
        return fails(
            100,
            "E: dpkg was interrupted, you must manually run 'dpkg --configure -a' to correct the problem. ",
        );
    }
    if world.debian.disk.is_some() {
        return fails(100, "E: You don't have enough free space in /var/cache/apt/archives/.");
    }
    if !has("-y") && !has("-qq") {
        return fails(1, "Do you want to continue? [Y/n] Abort.");
    }
    if call.var("DEBIAN_FRONTEND") != Some("noninteractive") {
        return fails(100, "debconf: unable to initialize frontend: Dialog");
    }
    let output = match *verb {
        "install" => install(world, names, &has),
        "remove" | "purge" => remove(world, names, *verb == "purge", &has),
        other => fails(100, format!("E: Invalid operation {other}")),
    };
    if output.status == 0 {
        post_invoke(world);
    }
    output
}

/// What would be installed, as apt knows it now.
pub(in crate::sim) fn candidate(world: &World, name: &str) -> Option<String> {
    let own = || stock(name).filter(|_| world.debian.lists).map(|offer| offer.version.to_owned());
    world.candidates.get(name).cloned().or_else(own)
}

/// Who has no subscription gets nothing from here.
const SUBSCRIBERS: &str = "https://enterprise.proxmox.com/";

fn unauthorized(what: &str) -> String {
    let uri = what.split_whitespace().find(|word| word.starts_with("https:")).unwrap_or(what);
    format!("E: Failed to fetch {uri}/dists  401  Unauthorized")
}

/// Runs what apt's configuration wants to be run after dpkg (apt.conf(5), `DPkg::Post-Invoke`).
fn post_invoke(world: &mut World) {
    let dir = "/etc/apt/apt.conf.d";
    for file in world.files.names(dir) {
        let text = world.files.text(&format!("{dir}/{file}")).unwrap_or_default();
        let hooks = text.lines().filter(|line| line.starts_with("DPkg::Post-Invoke"));
        for hook in hooks.filter_map(|line| line.split('"').nth(1)) {
            let words = super::basic::words(hook.trim_end_matches(" || true"));
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let _said = super::run(world, &Call::plain(&words));
        }
    }
}

fn update(world: &mut World) -> Output {
    let dir = "/etc/apt/sources.list.d";
    let mut troubles = vec![];
    for file in world.files.names(dir).into_iter().filter(|f| f.ends_with(".list")) {
        let text = world.files.text(&format!("{dir}/{file}")).unwrap_or_default();
        let paid = |line: &&str| line.starts_with("deb ") && line.contains(SUBSCRIBERS);
        troubles.extend(text.lines().filter(paid).map(unauthorized));
    }
    for file in world.files.names(dir).into_iter().filter(|f| f.ends_with(".sources")) {
        let text = world.files.text(&format!("{dir}/{file}")).unwrap_or_default();
        let field = |name: &str| {
            let line = text.lines().find_map(|l| l.strip_prefix(name)?.strip_prefix(':'));
            line.map(str::trim).unwrap_or_default().to_owned()
        };
        if ["Types", "URIs", "Suites"].iter().any(|f| field(f).is_empty()) {
            troubles.push(format!("E: Malformed entry 1 in sources file {dir}/{file} (Suite)"));
            continue;
        }
        if ["no", "false"].contains(&field("Enabled").as_str()) {
            continue;
        }
        let (uri, suite, key) = (field("URIs"), field("Suites"), field("Signed-By"));
        if uri.contains(SUBSCRIBERS) {
            troubles.push(unauthorized(&uri));
            continue;
        }
        let Some(packages) = world.debian.remotes.get(&uri) else {
            troubles.push(format!("E: The repository '{uri} {suite} Release' does not have a Release file."));
            continue;
        };
        if !world.files.is_there(&key) {
            troubles.push(format!("E: The repository '{uri} {suite} InRelease' is not signed."));
            continue;
        }
        world.candidates.extend(packages.clone());
    }
    world.debian.lists = true;
    if troubles.is_empty() { says("Reading package lists...\n") } else { fails(100, troubles.join("\n")) }
}

fn install(world: &mut World, words: &[&str], has: &dyn Fn(&str) -> bool) -> Output {
    let mut chosen = vec![];
    for word in words {
        let (name, wanted) = word.split_once('=').map_or((*word, None), |(n, v)| (n, Some(v)));
        let there = world.packages.get(name).filter(|p| p.installed).cloned();
        let Some(offered) = candidate(world, name).or_else(|| there.as_ref().map(|p| p.version.clone())) else {
            return fails(100, format!("E: Unable to locate package {name}"));
        };
        let known = |version: &str| {
            version == offered || there.as_ref().is_some_and(|p| p.version == version) || is_older(world, name, version)
        };
        let version = match wanted {
            Some(version) if known(version) => version.to_owned(),
            Some(version) => return fails(100, format!("E: Version '{version}' for '{name}' was not found")),
            None => offered,
        };
        if let Some(there) = &there {
            if there.version != version && there.held && !has("--allow-change-held-packages") {
                return fails(
                    100,
                    "E: Held packages were changed and -y was used without --allow-change-held-packages.",
                );
            }
            let down = is_older(world, name, &version) && !is_older(world, name, &there.version);
            if down && there.version != version && !has("--allow-downgrades") {
                return fails(100, "E: Packages were downgraded and -y was used without --allow-downgrades.");
            }
        }
        chosen.push((name.to_owned(), version, there.is_some_and(|p| p.held)));
    }
    for (name, version, held) in chosen {
        set_up(world, &name, &version, held);
    }
    done()
}

/// Whether the repositories have this version beside a newer one.
fn is_older(world: &World, name: &str, version: &str) -> bool {
    world.debian.older.get(name).is_some_and(|all| all.iter().any(|v| v == version))
}

/// Unpacks and configures a package: its files, its units, its group.
pub(in crate::sim) fn set_up(world: &mut World, name: &str, version: &str, held: bool) {
    let fresh = !world.packages.get(name).is_some_and(|p| p.installed);
    let package = Package {
        name: name.into(),
        version: version.into(),
        architecture: "amd64".into(),
        installed: true,
        held,
        status: if held { "hi " } else { "ii " }.into(),
    };
    world.packages.insert(name.into(), package);
    let Some(offer) = stock(name).filter(|_| fresh) else { return };
    for gone in offer.conflicts {
        take_down(world, gone);
    }
    for (path, text) in offer.files {
        if !world.files.is_there(path) {
            let mode = if text.starts_with("#!") { 0o755 } else { 0o644 };
            world.files.put_as(path, *text, mode);
        }
    }
    if let Some((group, gid)) = offer.group {
        world.groups.entry(group.into()).or_insert(Group { name: group.into(), gid, members: vec![] });
    }
    for (unit, text, started) in offer.units {
        world.files.put(&format!("/usr/lib/systemd/system/{unit}"), *text);
        if *started {
            systemd::enable(world, unit);
            systemd::start(world, unit);
        }
    }
}

/// Removes a package: its units with it; what it made beside them stays, as on Debian.
fn take_down(world: &mut World, name: &str) {
    world.packages.remove(name);
    let Some(offer) = stock(name) else { return };
    for (unit, ..) in offer.units {
        systemd::stop(world, unit);
        systemd::disable(world, unit);
        world.files.unlink(&format!("/usr/lib/systemd/system/{unit}"));
        world.debian.running.remove(*unit);
    }
    if let Some((group, _)) = offer.group {
        world.groups.remove(group);
    }
    for (path, _) in offer.files {
        world.files.unlink(path);
    }
}

fn remove(world: &mut World, names: &[&str], purge: bool, has: &dyn Fn(&str) -> bool) -> Output {
    let _ = purge;
    for name in names {
        match world.packages.get(*name) {
            None if candidate(world, name).is_none() => {
                return fails(100, format!("E: Unable to locate package {name}"));
            }
            Some(p) if p.held && !has("--allow-change-held-packages") => {
                return fails(
                    100,
                    "E: Held packages were changed and -y was used without --allow-change-held-packages.",
                );
            }
            _ => {}
        }
    }
    names.iter().for_each(|name| take_down(world, name));
    done()
}

pub(super) fn mark(world: &mut World, call: &Call<'_>) -> Output {
    let args = call.args();
    let Some((verb, names)) = args.split_first() else { return fails(100, "E: No command given") };
    let held = match *verb {
        "hold" => true,
        "unhold" => false,
        other => return fails(100, format!("E: Invalid operation {other}")),
    };
    for name in names {
        let Some(package) = world.packages.get_mut(*name) else {
            return fails(100, format!("E: Unable to locate package {name}"));
        };
        package.held = held;
        package.status = if held { "hi " } else { "ii " }.into();
    }
    done()
}

pub(super) fn dpkg(world: &mut World, call: &Call<'_>) -> Output {
    match call.args().as_slice() {
        ["--configure", "-a", ..] => {
            world.debian.dpkg_broken = false;
            done()
        }
        ["--print-architecture"] => says("amd64\n"),
        _ => fails(2, "dpkg: error: unknown option"),
    }
}
