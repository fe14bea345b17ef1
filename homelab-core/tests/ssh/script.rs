//! The script of a batch, run by the shells of this machine: dash, busybox, whatever `sh` is.
use super::local::Local;
use homelab_core::{
    Permit,
    host::{Action, Batch, Command, FileKind, Gather, HostPath, Machine, NoAnswer, Ownership, Start, probe},
};
use std::{
    os::unix::{ffi::OsStrExt, fs::PermissionsExt},
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

pub(crate) fn root() -> (tempfile::TempDir, HostPath) {
    let dir = tempfile::tempdir().unwrap();
    let path = HostPath::new(dir.path().as_os_str().as_bytes()).unwrap();
    (dir, path)
}

/// dash and, where it is installed, busybox, whose own tools then stand before all others.
pub(crate) fn shells() -> Vec<(Local, Option<tempfile::TempDir>)> {
    let mut shells =
        vec![(Local::new(&["sh", "-c"]), None), (Local { stdin: true, ..Local::new(&["sh", "-c"]) }, None)];
    if std::process::Command::new("busybox").arg("true").status().is_ok_and(|s| s.success()) {
        for stdin in [false, true] {
            let tools = tempfile::tempdir().unwrap();
            let install = ["--install", "-s", tools.path().to_str().unwrap()];
            std::process::Command::new("busybox").args(install).status().unwrap();
            let path = Some(tools.path().to_owned());
            shells.push((Local { path, stdin, ..Local::new(&["/usr/bin/busybox", "sh", "-c"]) }, Some(tools)));
        }
    }
    shells
}

fn awkward() -> Vec<Vec<u8>> {
    let mut names: Vec<Vec<u8>> = [
        "a b",
        "it's",
        "\"q\"",
        "new\nline",
        "back\\slash",
        "-rf",
        "*",
        "$HOME`id`",
        "\u{fc}",
        ".hidden",
        "..two",
        "!x",
    ]
    .map(|s| s.as_bytes().to_vec())
    .into();
    names.push(b"\xff\xfe\x81\x88".to_vec());
    names.push(vec![b'x'; 200]);
    names
}

#[tokio::test]
async fn awkward_names_are_written_read_listed_and_removed() {
    let permit = Permit::for_tests();
    for (machine, _tools) in shells() {
        let (_dir, root) = root();
        for (n, name) in awkward().into_iter().enumerate() {
            let path = root.join(&name).unwrap();
            let content = format!("contents {n}\n");
            let mut batch = Batch::new();
            let write = batch.act(
                &permit,
                Action::Write { path: path.clone(), content: content.as_str().into(), mode: 0o640, owner: None },
            );
            let stat = batch.ask(probe::digest(path.clone()));
            let read = batch.ask(probe::read(path.clone()));
            let list = batch.ask(probe::list(root.clone()));
            let remove = batch.act(&permit, Action::Remove(path.clone()));
            let gone = batch.ask(probe::stat(path.clone()));
            let replies = machine.run(&batch).await.unwrap();
            write.of(&replies).unwrap();
            let stat = stat.of(&replies).unwrap().unwrap();
            assert_eq!((stat.kind, stat.mode, stat.size), (FileKind::File, 0o640, Some(content.len() as u64)));
            assert_eq!(stat.sha256.unwrap(), homelab_core::host::Content::from(content.as_str()).sha256());
            assert_eq!(read.of(&replies).unwrap().unwrap(), content.as_bytes());
            let names: Vec<_> = list.of(&replies).unwrap().unwrap().into_iter().map(|e| e.name).collect();
            assert_eq!(names, [name]);
            remove.of(&replies).unwrap();
            assert_eq!(gone.of(&replies).unwrap(), None);
        }
    }
}

#[tokio::test]
async fn contents_of_every_size_arrive_byte_for_byte() {
    let permit = Permit::for_tests();
    for (machine, _tools) in shells() {
        let (dir, root) = root();
        let mut batch = Batch::new();
        let mut expected = vec![];
        for size in [0, 1, 4096, 65535, 65536, 65537, 300_000, 10 << 20] {
            let bytes: Vec<u8> = (0..size).map(|n: usize| (n * 7 + n / 251) as u8).collect();
            let path = root.join(format!("{size}")).unwrap();
            let slot =
                batch.act(&permit, Action::Write { path, content: bytes.clone().into(), mode: 0o600, owner: None });
            expected.push((size, bytes, slot));
        }
        let replies = machine.run(&batch).await.unwrap();
        for (size, bytes, slot) in expected {
            slot.of(&replies).unwrap();
            assert!(std::fs::read(dir.path().join(size.to_string())).unwrap() == bytes, "{size} bytes");
        }
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 8, "nothing is left beside");
    }
}

#[tokio::test]
async fn many_files_are_read_by_one_process_and_told_apart_whatever_is_in_them() {
    for (machine, _tools) in shells() {
        let (dir, root) = root();
        let contents = [&b""[..], b"\n", b"no end", b"5 1 1\n5 1 1\n", &[0, 0xff, b'\n'], &[7; 100_000], b"x\n"];
        let mut names = awkward();
        names.truncate(contents.len());
        for (name, content) in names.iter().zip(contents) {
            std::fs::write(dir.path().join(std::ffi::OsStr::from_bytes(name)), content).unwrap();
        }
        std::os::unix::fs::symlink("a b", dir.path().join("link")).unwrap();
        let mut batch = Batch::new();
        let slots: Vec<_> = names.iter().map(|name| batch.ask(probe::read(root.join(name).unwrap()))).collect();
        let link = batch.ask(probe::read(root.join("link").unwrap()));
        let none = batch.ask(probe::read(root.join("none").unwrap()));
        let directory = batch.ask(probe::read(root.clone()));
        let kernel = batch.ask(probe::read(HostPath::at("/proc/sys/kernel/ostype")));
        let replies = machine.run(&batch).await.unwrap();
        for (slot, content) in slots.iter().zip(contents) {
            assert!(slot.of(&replies).unwrap().unwrap() == content, "{replies:?}");
        }
        assert_eq!(link.of(&replies).unwrap().unwrap(), b"");
        assert_eq!(none.of(&replies).unwrap(), None);
        assert!(directory.of(&replies).unwrap_err().to_string().contains("no regular file"));
        assert_eq!(kernel.of(&replies).unwrap().unwrap(), b"Linux\n");
    }
}

#[tokio::test]
async fn an_item_that_fails_leaves_the_others_and_their_contents_alone() {
    let permit = Permit::for_tests();
    for (machine, _tools) in shells() {
        let (dir, root) = root();
        let write = |batch: &mut Batch, name: &str, bytes: usize| {
            let path = root.join(name).unwrap();
            batch.act(&permit, Action::Write { path, content: vec![b'x'; bytes].into(), mode: 0o644, owner: None })
        };
        std::fs::create_dir(dir.path().join("dir")).unwrap();
        let mut batch = Batch::new();
        let slots = [
            write(&mut batch, "before", 10),
            write(&mut batch, "missing/file", 70_000),
            write(&mut batch, "dir", 100),
            write(&mut batch, "after", 70_000),
        ];
        let read = batch.ask(probe::read(root.join("dir").unwrap()));
        let last = write(&mut batch, "last", 3);
        let replies = machine.run(&batch).await.unwrap();
        let worked: Vec<bool> = slots.iter().map(|s| s.of(&replies).is_ok()).collect();
        assert_eq!(worked, [true, false, false, true], "{replies:?}");
        assert!(read.of(&replies).unwrap_err().to_string().ends_with("not a regular file"));
        last.of(&replies).unwrap();
        assert_eq!(std::fs::read(dir.path().join("after")).unwrap().len(), 70_000);
        let why = slots[2].of(&replies).unwrap_err();
        assert!(why.to_string().starts_with("writing /"), "{why}");
    }
}

#[tokio::test]
async fn behind_a_barrier_that_fails_nothing_is_begun() {
    let permit = Permit::for_tests();
    for (machine, _tools) in shells() {
        let (dir, root) = root();
        let mut batch = Batch::new();
        let first = batch.run(&permit, Command::new("false"));
        let second = batch.run(&permit, Command::new("sh").args(["-c", "exit 3"]));
        batch.barrier();
        let third = batch.act(&permit, Action::MakeDir { path: root.join("x").unwrap(), mode: 0o755, owner: None });
        let replies = machine.run(&batch).await.unwrap();
        assert_eq!(first.of(&replies).unwrap().status, 1);
        assert_eq!(second.of(&replies).unwrap().status, 3);
        let why = third.of(&replies).unwrap_err();
        assert!(matches!(&why, NoAnswer::Skipped { barrier, .. } if barrier == "running `sh -c \"exit 3\"`"), "{why}");
        assert!(!dir.path().join("x").exists());
    }
}

#[tokio::test]
async fn what_was_joined_into_one_message_fails_apart_and_its_contents_stay_its_own() {
    let permit = Permit::for_tests();
    for (machine, _tools) in shells() {
        let (dir, root) = root();
        let at = |name: &str| root.join(name).unwrap();
        let steps = |first: Action, name: &str| {
            let mut batch = Batch::new();
            batch.act(&permit, first);
            batch.barrier();
            for (n, size) in [(0, 70_000), (1, 40)] {
                let (path, content) = (at(&format!("{name}-{n}")), vec![0; size].into());
                batch.act(&permit, Action::Write { path, content, mode: 0o644, owner: None });
                batch.barrier();
            }
            batch.ask(probe::stat(at(&format!("{name}-1"))));
            batch
        };
        let fine = || Action::MakeDir { path: at("dir"), mode: 0o755, owner: None };
        let mut joined = Batch::new();
        for batch in [
            steps(fine(), "a"),
            steps(Action::Remove(at("dir")), "b"),
            steps(fine(), "c"),
            steps(Action::RemoveAll(HostPath::at("/")), "d"),
            steps(fine(), "e"),
        ] {
            joined.join(&batch);
        }
        let replies = machine.run(&joined).await.unwrap();
        let worked: Vec<bool> = replies.iter().map(Result::is_ok).collect();
        let (all, none) = ([true; 4], [false; 4]);
        assert_eq!(worked, [all, none, all, none, all].concat(), "{replies:?}");
        let why = replies[5].as_ref().unwrap_err().to_string();
        assert!(why.contains("b-0") && why.contains("because removing"), "{why}");
        assert!(replies[13].as_ref().unwrap_err().to_string().contains("d-0"), "each is told of its own");
        let sizes =
            ["a", "c", "e"].map(|n| [0, 1].map(|i| std::fs::read(dir.path().join(format!("{n}-{i}"))).unwrap().len()));
        assert_eq!(sizes, [[70_000, 40]; 3]);
        assert!(!dir.path().join("b-0").exists() && !dir.path().join("d-0").exists());
    }
}

#[tokio::test]
async fn short_texts_of_any_bytes_arrive_with_their_mode_and_owner_without_a_process_each() {
    let permit = Permit::for_tests();
    let every: Vec<u8> = (1..=255).collect();
    let texts = [vec![], b"\n\n".to_vec(), b"%s\\n'$(id)`".to_vec(), every.clone(), every.repeat(32), every.repeat(33)];
    for (machine, _tools) in shells() {
        let (dir, root) = root();
        let mut batch = Batch::new();
        for (n, text) in texts.iter().enumerate() {
            for mode in [0o600, 0o644, 0o640, 0o755, 0o4711, 0o444] {
                let (path, content) = (root.join(format!("{n}-{mode:o}")).unwrap(), text.clone().into());
                batch.act(&permit, Action::Write { path, content, mode, owner: None });
            }
        }
        let replies = machine.run(&batch).await.unwrap();
        assert!(replies.iter().all(Result::is_ok), "{replies:?}");
        let left = std::fs::read_dir(dir.path()).unwrap().count();
        assert_eq!(left, texts.len() * 6, "nothing is left beside");
        for (n, text) in texts.iter().enumerate() {
            for mode in [0o600, 0o644, 0o640, 0o755, 0o4711, 0o444] {
                let file = dir.path().join(format!("{n}-{mode:o}"));
                assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o7777, mode, "{mode:o}");
                assert!(std::fs::read(&file).unwrap() == *text, "{n}");
            }
        }
    }
}

#[tokio::test]
async fn commands_have_their_arguments_variables_input_and_directory() {
    let permit = Permit::for_tests();
    for (machine, _tools) in shells() {
        let (_dir, root) = root();
        let mut batch = Batch::new();
        let show = "printf '%s|' \"$0\" \"$1\" \"$SECRET\" \"$(pwd -P)\"; cat; echo oops >&2; exit 7";
        let command = Command::new("sh")
            .args(["-c", show, "it's", "a\nb"])
            .env("SECRET", "pass'word\n")
            .stdin(vec![b'i'; 70_000])
            .dir(root.clone());
        let slot = batch.run(&permit, command);
        let lazy = batch.run(&permit, Command::new("true").stdin(vec![0; 100_000]));
        let nothing = batch.run(&permit, Command::new("cat"));
        let slow = batch.run(&permit, Command::new("sleep").arg("10").within(Duration::from_secs(1)));
        let missing = batch.run(&permit, Command::new("no-such-program"));
        let replies = machine.run(&batch).await.unwrap();
        let output = slot.of(&replies).unwrap();
        let mut expected = format!("it's|a\nb|pass'word\n|{root}|").into_bytes();
        expected.extend([b'i'; 70_000]);
        assert!(output.stdout == expected, "{:?}", String::from_utf8_lossy(&output.stdout[..100]));
        assert_eq!((output.status, output.stderr.as_slice()), (7, &b"oops\n"[..]));
        assert!(lazy.of(&replies).unwrap().is_success());
        assert_eq!(nothing.of(&replies).unwrap().stdout, b"");
        assert!([124, 143].contains(&slow.of(&replies).unwrap().status));
        assert_eq!(missing.of(&replies).unwrap().status, 127);
    }
}

#[tokio::test]
async fn links_directories_modes_and_owners_are_set_and_seen() {
    let permit = Permit::for_tests();
    for (machine, _tools) in shells() {
        let (dir, root) = root();
        let at = |name: &str| root.join(name).unwrap();
        let me = std::fs::metadata(dir.path()).map(|m| std::os::unix::fs::MetadataExt::uid(&m)).unwrap().to_string();
        let owner = Some(Ownership::of(me.clone(), me));
        let mut batch = Batch::new();
        batch.act(&permit, Action::MakeDir { path: at("d/e"), mode: 0o750, owner });
        batch.act(&permit, Action::Link { path: at("l"), to: b"d".to_vec() });
        batch.act(&permit, Action::Link { path: at("l"), to: b"d/e".to_vec() });
        batch.act(&permit, Action::Write { path: at("d/e/f"), content: "1".into(), mode: 0o4755, owner: None });
        batch.act(&permit, Action::SetMode { path: at("d/e/f"), mode: 0o400 });
        let link = batch.ask(probe::read_link(at("l")));
        let no_link = batch.ask(probe::read_link(at("d")));
        let stats = ["d", "d/e", "l", "d/e/f", "none"].map(|name| batch.ask(probe::digest(at(name))));
        batch.act(&permit, Action::Write { path: at("l"), content: "file now".into(), mode: 0o644, owner: None });
        let file = batch.ask(probe::read(at("l")));
        batch.act(&permit, Action::RemoveAll(at("d")));
        let gone = batch.ask(probe::list(at("d")));
        let replies = machine.run(&batch).await.unwrap();
        replies.iter().for_each(|r| assert!(r.is_ok(), "{r:?}"));
        assert_eq!(link.of(&replies).unwrap().unwrap(), b"d/e");
        assert_eq!(no_link.of(&replies).unwrap(), None);
        let seen = stats.map(|s| s.of(&replies).unwrap().map(|s| (s.kind, s.mode, s.sha256.is_some())));
        assert_eq!(
            seen,
            [
                Some((FileKind::Dir, 0o755, false)),
                Some((FileKind::Dir, 0o750, false)),
                Some((FileKind::Link, 0o777, false)),
                Some((FileKind::File, 0o400, true)),
                None
            ]
        );
        assert_eq!(file.of(&replies).unwrap().unwrap(), b"file now");
        assert_eq!(gone.of(&replies).unwrap(), None);
    }
}

#[tokio::test]
async fn users_groups_packages_and_the_system_are_seen() {
    let machine = Local::new(&["sh", "-c"]);
    let mut batch = Batch::new();
    let root = batch.ask(probe::user("root"));
    let nobody = batch.ask(probe::user("no-such-user"));
    let number = batch.ask(probe::user("0"));
    let group = batch.ask(probe::group("root"));
    let system = batch.ask(probe::system());
    let domain = batch.ask(probe::sysctl("kernel.ostype"));
    let slashes = batch.ask(probe::sysctl("net/ipv4/conf/no.such/forwarding"));
    let bad = batch.ask(probe::user("-x"));
    let replies = machine.run(&batch).await.unwrap();
    let root = root.of(&replies).unwrap().unwrap();
    assert_eq!((root.uid, root.home.as_str()), (0, "/root"));
    assert_eq!(nobody.of(&replies).unwrap(), None);
    assert_eq!(number.of(&replies).unwrap(), None, "a number is no name");
    assert_eq!(group.of(&replies).unwrap().unwrap().gid, 0);
    let system = system.of(&replies).unwrap();
    assert_eq!(system.kernel, "Linux");
    assert!(system.boot_id.len() == 36 && system.clock > 1_700_000_000 && system.os.contains_key("ID"), "{system:?}");
    assert_eq!(domain.of(&replies).unwrap().unwrap(), "Linux");
    assert_eq!(slashes.of(&replies).unwrap(), None);
    assert_eq!(bad.of(&replies).unwrap_err().to_string(), "looking up the user -x: `-x` is no name");
}

#[tokio::test]
async fn debian_tells_of_its_packages() {
    if !std::path::Path::new("/usr/bin/dpkg-query").exists() {
        return;
    }
    let machine = Local::new(&["sh", "-c"]);
    let mut batch = Batch::new();
    let dpkg = batch.ask(probe::package("dpkg"));
    let none = batch.ask(probe::package("no-such-package"));
    let policy = batch.ask(probe::policy("dpkg"));
    let unknown = batch.ask(probe::policy("no-such-package"));
    let replies = machine.run(&batch).await.unwrap();
    let dpkg = dpkg.of(&replies).unwrap().unwrap();
    assert!(dpkg.installed && !dpkg.held && !dpkg.version.is_empty(), "{dpkg:?}");
    assert_eq!(none.of(&replies).unwrap(), None);
    assert_eq!(policy.of(&replies).unwrap().unwrap().installed, Some(dpkg.version));
    assert_eq!(unknown.of(&replies).unwrap(), None);
}

#[tokio::test]
async fn what_many_ask_at_once_travels_in_one_message() {
    let machine = Arc::new(Local::new(&["sh", "-c"]));
    let look = Gather::of(machine.clone());
    let (dir, root) = root();
    std::fs::write(dir.path().join("7"), "seven").unwrap();
    let ask = |n: usize| look.ask(probe::digest(root.join(n.to_string()).unwrap()));
    let seen = futures_util::future::join_all((0..1000).map(ask)).await;
    assert_eq!(seen.iter().filter(|s| s.as_ref().unwrap().is_some()).count(), 1);
    assert_eq!(machine.runs.load(Ordering::Relaxed), 1);
    // What is known already is not asked again.
    assert!(ask(7).await.unwrap().is_some());
    assert_eq!(machine.runs.load(Ordering::Relaxed), 1);
    // One who gives up takes nobody with them.
    let (gone, stays) = (look.ask(probe::user("root")), look.ask(probe::user("daemon")));
    let gone = tokio::time::timeout(Duration::ZERO, gone);
    let (_, stays) = tokio::join!(gone, stays);
    assert_eq!(stays.unwrap().unwrap().name, "daemon");
    drop(std::fs::set_permissions(dir.path(), PermissionsExt::from_mode(0o700)));
}

#[tokio::test]
async fn only_what_is_public_is_an_argument_of_a_process() {
    use homelab_core::host::Script;
    let permit = Permit::for_tests();
    let command = |batch: &Batch| {
        let script = Script::of(batch, super::local::boundary());
        String::from_utf8(script.command(Start::default()).0).unwrap()
    };
    let mut asks = Batch::new();
    asks.ask(probe::read(HostPath::at("/etc/fstab")));
    assert!(command(&asks).contains("/etc/fstab"), "what only asks arrives with the request");
    let mut secret = Batch::new();
    secret.ask(probe::command(Command::new("check").env("TOKEN", "s3cret")));
    let mut write = Batch::new();
    write.act(&permit, Action::Write { path: HostPath::at("/k"), content: "s3cret".into(), mode: 0o600, owner: None });
    for batch in [secret, write] {
        let command = command(&batch);
        assert!(command.len() < 100 && !command.contains("s3cret"), "{command}");
        assert!(!format!("{batch:?}").contains("s3cret"));
    }
    let script = Script::of(&asks, super::local::boundary());
    assert!(
        script.command(Start { sudo: true, ..Start::default() }).0.starts_with(b"exec sudo -n -H -- sh -c 'eval "),
        "sudo logs its arguments"
    );
}
