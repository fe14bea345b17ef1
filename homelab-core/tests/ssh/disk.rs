//! File systems that refuse: full, and read-only. In a mount namespace of its own, where this system allows one.
use super::local::Local;
use homelab_core::{
    Failure, Permit,
    host::{Action, Batch, HostPath, Machine, probe},
};
use std::{path::Path, process::Command};

/// A file system of 128 KiB on `/mnt`, that only the batch sees: dash and busybox.
const SMALL: [&[&str]; 2] = [
    &[
        "/usr/bin/unshare",
        "-mr",
        "/bin/sh",
        "-c",
        "/bin/mount -t tmpfs -o size=128k none /mnt && exec /bin/sh -c \"$0\"",
    ],
    &[
        "/usr/bin/unshare",
        "-mr",
        "/bin/sh",
        "-c",
        "/bin/mount -t tmpfs -o size=128k none /mnt && exec /usr/bin/busybox sh -c \"$0\"",
    ],
];
/// The same, and nothing can be written to it.
const READ_ONLY: &[&str] =
    &["/usr/bin/unshare", "-mr", "/bin/sh", "-c", "/bin/mount -t tmpfs -o ro none /mnt && exec /bin/sh -c \"$0\""];

/// Whether this system lets anybody have such a thing.
fn possible(shell: &[&str]) -> bool {
    let tried = Command::new(shell[0]).args(&shell[1..]).arg("true").status();
    tried.is_ok_and(|status| status.success())
        && (!shell[4].contains("busybox") || Path::new("/usr/bin/busybox").exists())
}

fn write(name: &str, size: usize, byte: u8) -> Action {
    let path = HostPath::at(&format!("/mnt/{name}"));
    Action::Write { path, content: vec![byte; size].into(), mode: 0o644, owner: None }
}

fn said(failure: Failure) -> (String, String) {
    (failure.message, failure.hint.unwrap_or_default())
}

#[tokio::test]
async fn a_full_disk_leaves_the_old_file_and_nothing_beside_it_and_says_so() {
    let permit = Permit::for_tests();
    for shell in SMALL.into_iter().filter(|shell| possible(shell)) {
        let mut batch = Batch::new();
        let old = batch.act(&permit, write("f", 5, b'o'));
        let filled = batch.act(&permit, write("fill", 122_000, b'x'));
        let text = batch.act(&permit, write("f", 8000, b'n'));
        let bytes = batch.act(&permit, write("f", 8000, 0));
        let long = batch.act(&permit, write("g", 300_000, 0));
        let read = batch.ask(probe::read(HostPath::at("/mnt/f")));
        let list = batch.ask(probe::list(HostPath::at("/mnt")));
        let replies = Local::new(shell).run(&batch).await.unwrap();
        old.of(&replies).unwrap();
        filled.of(&replies).unwrap();
        for refused in [text, bytes, long] {
            let (message, hint) = said(refused.of(&replies).unwrap_err().into());
            assert!(message.contains("No space left on device"), "{message}");
            assert_eq!(hint, "make room on the machine's file system, or give its disk more");
        }
        assert_eq!(read.of(&replies).unwrap().unwrap(), b"ooooo", "the old one stays");
        let names: Vec<_> = list.of(&replies).unwrap().unwrap().into_iter().map(|e| e.name).collect();
        assert_eq!(names, [b"f".to_vec(), b"fill".to_vec()]);
    }
}

#[tokio::test]
async fn a_read_only_file_system_is_named_with_the_way_out() {
    if !possible(READ_ONLY) {
        return;
    }
    let permit = Permit::for_tests();
    let mut batch = Batch::new();
    let slots = [
        batch.act(&permit, write("text", 5, b'x')),
        batch.act(&permit, write("bytes", 5, 0)),
        batch.act(&permit, Action::MakeDir { path: HostPath::at("/mnt/dir"), mode: 0o755, owner: None }),
        batch.act(&permit, Action::Link { path: HostPath::at("/mnt/link"), to: b"x".to_vec() }),
    ];
    let replies = Local::new(READ_ONLY).run(&batch).await.unwrap();
    for slot in slots {
        let (message, hint) = said(slot.of(&replies).unwrap_err().into());
        assert!(message.contains("Read-only file system") && hint.contains("remount it"), "{message}: {hint}");
    }
}
