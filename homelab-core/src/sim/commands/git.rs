//! git, and what is downloaded.
use super::{Call, done, fails, options, says};
use crate::{
    host::{Action, Content, HostPath, Output},
    sim::world::World,
};

/// Where a checkout keeps what it knows: the origin, and the commit that is checked out.
fn of(path: &str, what: &str) -> String {
    format!("{path}/.git/{what}")
}

pub(super) fn run(world: &mut World, call: &Call<'_>) -> Output {
    if !world.packages.contains_key("git") {
        return fails(127, "git: not found");
    }
    let args = call.args();
    match args.as_slice() {
        ["clone", "--quiet", "--no-checkout", "--", url, path] => {
            if world.files.is_there(path) && !world.files.names(path).is_empty() {
                return fails(
                    128,
                    format!("fatal: destination path '{path}' already exists and is not an empty directory."),
                );
            }
            if !world.debian.repositories.contains_key(*url) {
                return fails(128, format!("fatal: repository '{url}' not found"));
            }
            world.files.put(&of(path, "url"), *url);
            fetch(world, path)
        }
        ["-c", "safe.directory=*", "-C", path, rest @ ..] => inside(world, path, rest),
        _ => fails(129, "git: this is not understood"),
    }
}

fn fetch(world: &mut World, path: &str) -> Output {
    let url = world.files.text(&of(path, "url")).unwrap_or_default();
    let Some(refs) = world.debian.repositories.get(&url) else {
        return fails(128, format!("fatal: repository '{url}' not found"));
    };
    let text: String = refs.iter().map(|(name, commit)| format!("{name} {commit}\n")).collect();
    world.files.put(&of(path, "refs"), text);
    done()
}

fn inside(world: &mut World, path: &str, words: &[&str]) -> Output {
    if !world.files.is_there(&of(path, "url")) {
        return fails(128, "fatal: not a git repository (or any of the parent directories): .git");
    }
    let refs = world.files.text(&of(path, "refs")).unwrap_or_default();
    let commit = |name: &str| {
        refs.lines()
            .filter_map(|l| l.split_once(' '))
            .find(|(n, c)| *n == name || *c == name)
            .map(|(_, c)| c.to_owned())
    };
    match words {
        ["remote", "get-url", "origin"] => {
            says(format!("{}\n", world.files.text(&of(path, "url")).unwrap_or_default()))
        }
        ["remote", "set-url", "origin", url] => {
            world.files.put(&of(path, "url"), *url);
            done()
        }
        ["fetch", ..] => fetch(world, path),
        ["rev-parse", "HEAD"] => match world.files.text(&of(path, "HEAD")) {
            Some(head) => says(format!("{head}\n")),
            None => fails(128, "fatal: ambiguous argument 'HEAD': unknown revision"),
        },
        ["rev-parse", "--verify", "--quiet", name] => {
            let name = name.trim_end_matches("^{commit}");
            // Branches are those that do not look like a version.
            let found = match name.strip_prefix("refs/remotes/origin/") {
                Some(branch) => commit(branch).filter(|_| !branch.starts_with('v')),
                None => commit(name).filter(|_| name.starts_with('v') || name.len() == 40),
            };
            found.map_or_else(|| fails(1, ""), |commit| says(format!("{commit}\n")))
        }
        ["status", "--porcelain"] => {
            let tracked = world.files.text(&format!("{path}/README"));
            let head = world.files.text(&of(path, "HEAD"));
            says(if head.is_some() && tracked != head.map(|h| format!("{h}\n")) { " M README\n" } else { "" })
        }
        ["checkout", "--quiet", "--detach", commit] => {
            world.files.put(&of(path, "HEAD"), *commit);
            world.files.put(&format!("{path}/README"), format!("{commit}\n"));
            done()
        }
        _ => fails(129, "git: this is not understood"),
    }
}

pub(super) fn curl(world: &mut World, call: &Call<'_>) -> Output {
    if !world.packages.contains_key("curl") {
        return fails(127, "curl: not found");
    }
    let args = call.args();
    let (flags, urls) = options(&args, &["--output"]);
    let Some((_, to)) = flags.iter().find(|(f, _)| *f == "--output") else { return fails(2, "curl: no --output") };
    match urls.first().and_then(|url| world.debian.downloads.get(*url)).cloned() {
        Some(text) => {
            world.files.put(to, text);
            done()
        }
        None => fails(22, "curl: (22) The requested URL returned error: 404"),
    }
}

pub(super) fn sha256sum(world: &World, call: &Call<'_>) -> Output {
    let text = String::from_utf8_lossy(call.stdin).into_owned();
    for line in text.lines() {
        let Some((sum, path)) = line.split_once("  ") else {
            return fails(1, "sha256sum: no properly formatted lines");
        };
        let Some(bytes) = world.files.bytes(path) else { return fails(1, format!("sha256sum: {path}: No such file")) };
        if Content::from(bytes).sha256() != sum {
            return Output {
                status: 1,
                stdout: format!("{path}: FAILED\n").into_bytes(),
                stderr: b"sha256sum: WARNING: 1 computed checksum did NOT match\n".to_vec(),
            };
        }
    }
    done()
}

/// `tar --to-stdout` of one member; an archive is text here, each file after a line with its name.
pub(super) fn untar(world: &mut World, archive: &str, member: &str, to: &str) -> Output {
    let text = world.files.text(archive).unwrap_or_default();
    let head = format!("== {member}\n");
    match text.split_once(&head) {
        Some((_, rest)) => {
            let file = rest.split("== ").next().unwrap_or_default().to_owned();
            world.files.put(to, file);
            done()
        }
        None => fails(2, format!("tar: {member}: Not found in archive")),
    }
}

pub(super) fn mv(world: &mut World, from: &str, to: &str) -> Output {
    let Some(bytes) = world.files.bytes(from) else {
        return fails(1, format!("mv: cannot stat '{from}': No such file or directory"));
    };
    world.files.put_as(to, bytes, 0o755);
    if let Ok(path) = HostPath::new(from) {
        let _gone = world.files.root(&Action::Remove(path));
    }
    done()
}
