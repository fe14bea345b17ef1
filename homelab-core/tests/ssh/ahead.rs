//! What many parts of one message begin with is put in place by one process, and each part is as it would be by itself.
use super::{
    local::Local,
    script::{root, shells},
};
use homelab_core::{
    Permit,
    host::{Action, Batch, HostPath, Machine, Ownership, Reply},
};
use std::{collections::BTreeSet, fs, os::unix::fs::PermissionsExt, path::Path};

const PARTS: usize = 12;

fn write(path: HostPath, content: &str, mode: u32) -> Action {
    Action::Write { path, content: content.into(), mode, owner: Some(Ownership::root()) }
}

/// A note and a file in each part, all behind barriers.
fn parts(root: &HostPath) -> Batch {
    let permit = Permit::for_tests();
    let mut joined = Batch::new();
    for n in 0..PARTS {
        let mut part = Batch::new();
        let mode = [0o600, 0o644, 0o640, 0o4755][n % 4];
        for action in [
            write(root.join(format!("note {n}")).unwrap(), &format!("it's the \"note\" {n}\n"), 0o600),
            write(root.join(format!("file\n{n}")).unwrap(), &format!("content {n}"), mode),
            Action::Link { path: root.join(format!("link-{n}")).unwrap(), to: b"file".to_vec() },
        ] {
            part.act(&permit, action);
            part.barrier();
        }
        joined.join(&part);
    }
    joined
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

fn worked(replies: &[Reply]) -> Vec<bool> {
    replies.iter().map(Result::is_ok).collect()
}

#[tokio::test]
async fn many_texts_are_there_with_mode_and_content_and_nothing_is_left_beside_with_and_without_perl() {
    for (machine, _tools) in shells() {
        let (dir, root) = root();
        for _again in 0..2 {
            let replies = machine.run(&parts(&root)).await.unwrap();
            assert_eq!(worked(&replies), [true; 3 * PARTS], "{replies:?}");
            assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 3 * PARTS);
            for n in 0..PARTS {
                let (note, file) = (dir.path().join(format!("note {n}")), dir.path().join(format!("file\n{n}")));
                assert_eq!(fs::read_to_string(&note).unwrap(), format!("it's the \"note\" {n}\n"));
                assert_eq!(fs::read_to_string(&file).unwrap(), format!("content {n}"));
                assert_eq!((mode(&note), mode(&file)), (0o600, [0o600, 0o644, 0o640, 0o4755][n % 4]));
            }
        }
    }
}

#[tokio::test]
async fn a_part_whose_note_cannot_be_written_ends_there_and_the_others_do_not() {
    for (machine, _tools) in shells() {
        let (dir, root) = root();
        fs::create_dir(dir.path().join("note 3")).unwrap();
        fs::create_dir(dir.path().join("file\n5")).unwrap();
        let replies = machine.run(&parts(&root)).await.unwrap();
        let mut expected = [true; 3 * PARTS];
        expected[3 * 3..3 * 4].fill(false);
        expected[3 * 5 + 1..3 * 6].fill(false);
        assert_eq!(worked(&replies), expected, "{replies:?}");
        for n in [3 * 3, 3 * 5 + 1] {
            let why = replies[n].as_ref().unwrap_err().to_string();
            assert!(why.contains("is a directory"), "each is told of its own: {why}");
        }
        assert!(!dir.path().join("file\n3").exists(), "nothing is done without its note");
        let names: BTreeSet<_> = fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert!(names.iter().all(|name| !name.to_string_lossy().starts_with(".homelab")), "{names:?}");
    }
}

#[tokio::test]
async fn where_there_is_perl_no_file_costs_a_process_of_its_own() {
    if !Path::new("/usr/bin/perl").exists() {
        return;
    }
    let (tools, (dir, root)) = (tempfile::tempdir().unwrap(), root());
    let mv = tools.path().join("mv");
    fs::write(&mv, "#!/bin/sh\nexit 1\n").unwrap();
    fs::set_permissions(&mv, PermissionsExt::from_mode(0o755)).unwrap();
    let path = Some(format!("{}:/usr/bin:/bin", tools.path().display()).into());
    let machine = Local { path, ..Local::new(&["/bin/sh", "-c"]) };
    let replies = machine.run(&parts(&root)).await.unwrap();
    assert_eq!(worked(&replies), [true; 3 * PARTS], "{replies:?}");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 3 * PARTS);
}
