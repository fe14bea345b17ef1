//! Small programs, and as much of a shell as our own scripts need.
use super::{Call, done, fails};
use crate::{
    host::{Action, HostPath, Output},
    sim::world::World,
};

pub(super) fn run(world: &mut World, program: &str, call: &Call<'_>) -> Option<Output> {
    let args = call.args();
    Some(match (program, args.as_slice()) {
        ("mv", ["--force", "--", from, to]) => super::git::mv(world, from, to),
        ("sh", ["-c", script, "sh", archive, member, to]) if script.starts_with("tar ") => {
            super::git::untar(world, archive, member, to)
        }
        ("cp", ["-p" | "--", from, to]) => match world.files.bytes(from) {
            None => fails(1, format!("cp: cannot stat '{from}': No such file or directory")),
            Some(bytes) => {
                let mode = world.files.mode(from);
                world.files.put_as(to, bytes, mode);
                done()
            }
        },
        ("find", [dir, "-depth", "-type", "d", "-empty", "-delete"]) => {
            if !world.files.is_there(dir) {
                return Some(fails(1, format!("find: '{dir}': No such file or directory")));
            }
            without_empty(world, dir);
            done()
        }
        ("rm", ["-f", paths @ ..]) => {
            paths.iter().for_each(|path| world.files.unlink(path));
            done()
        }
        ("rmdir", [path]) => rmdir(world, path),
        ("rmdir", ["--ignore-fail-on-non-empty", "--", path]) => {
            if world.files.names(path).is_empty() {
                rmdir(world, path)
            } else {
                done()
            }
        }
        ("sh", [path]) => {
            let Some(script) = world.files.text(path) else {
                return Some(fails(2, format!("sh: 0: cannot open {path}: No such file")));
            };
            let mut last = done();
            for line in script.lines() {
                last = super::run(world, &Call::plain(&line.split_whitespace().collect::<Vec<_>>()))?;
            }
            last
        }
        _ => return None,
    })
}

fn rmdir(world: &mut World, path: &str) -> Output {
    let failed = |why: &str| fails(1, format!("rmdir: failed to remove '{path}': {why}"));
    let Ok(at) = HostPath::new(path) else { return failed("No such file or directory") };
    if !world.files.is_there(path) {
        return failed("No such file or directory");
    }
    if !world.files.names(path).is_empty() {
        return failed("Directory not empty");
    }
    match world.files.root(&Action::RemoveAll(at)) {
        Ok(()) => done(),
        Err(why) => fails(1, why),
    }
}

/// Removes the directories that are empty, or are when those in them are removed.
fn without_empty(world: &mut World, dir: &str) {
    for name in world.files.names(dir) {
        let path = format!("{dir}/{name}");
        if world.files.is_dir(&path) {
            without_empty(world, &path);
        }
    }
    if world.files.names(dir).is_empty() {
        rmdir(world, dir);
    }
}
