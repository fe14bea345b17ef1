//! A container that is entered by `pct exec` on its node: a `pct` of this test, which starts what it is told as lxc-attach does.
use super::{
    local::Local,
    sshd::{Sshd, wanted},
};
use homelab_core::{
    Permit,
    host::{Action, Batch, Command, HostPath, Machine, Spot, Start, probe},
    ssh::{SshError, SshMachine},
};
use std::{fs, io::Write, os::unix::fs::PermissionsExt, path::Path, process::Stdio};

/// What a node says of containers: 202 runs, 203 is off, and there are no others.
const PCT: &str = r#"#!/bin/sh
[ "$1 $2" = "enter 202" ] && { read -r line && echo "202 was told: $line"; tty; exit; }
[ "$1 $3" = "exec --" ] || { echo "400 wrong arguments: $*" >&2; exit 255; }
case $2 in
202) shift 3; echo entered >>"${0%/*}/log"; exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root container=lxc "$@";;
203) echo 'lxc-attach: 203: ../src/lxc/attach.c: get_attach_context: 406 Connection refused - Failed to get init pid' >&2
echo 'lxc-attach: 203: ../src/lxc/attach.c: lxc_attach: 1470 Connection refused - Failed to get attach context' >&2; exit 1;;
*) echo "Configuration file 'nodes/din/lxc/$2.conf' does not exist" >&2; exit 2;;
esac
"#;

/// The `PATH` of a node.
fn node(dir: &Path) -> String {
    let pct = dir.join("pct");
    fs::write(&pct, PCT).unwrap();
    fs::set_permissions(&pct, PermissionsExt::from_mode(0o755)).unwrap();
    format!("{}:/usr/sbin:/usr/bin:/sbin:/bin", dir.display())
}

fn write(path: &HostPath, content: &[u8]) -> (Batch, Vec<u8>) {
    let mut batch = Batch::new();
    let permit = Permit::for_tests();
    batch
        .act(&permit, Action::Write { path: path.clone(), content: content.to_vec().into(), mode: 0o640, owner: None });
    batch.run(&permit, Command::new("sh").args(["-c", "cat; printf %s \"$container\""]).stdin("it's \"$HOME\" `id`\n"));
    batch.ask(probe::read(path.clone()));
    (batch, content.to_vec())
}

#[tokio::test]
async fn a_script_is_run_in_a_container_with_all_its_contents_whatever_is_in_them() {
    let dir = tempfile::tempdir().unwrap();
    let start = Start { container: Some(202), ..Start::default() };
    let machine = Local { start, path: Some(node(dir.path()).into()), ..Local::new(&["/bin/sh", "-c"]) };
    for content in [&b"a'b\"c\\d $HOME `id` !x\n"[..], &[0, 0xff, b'\n'], &[7; 100_000]] {
        let path = HostPath::at(dir.path().to_str().unwrap()).join("it's \"a\" $file\n").unwrap();
        let (batch, content) = write(&path, content);
        let replies = machine.run(&batch).await.unwrap();
        let said = format!("{:?}", replies[1].as_ref().unwrap());
        assert_eq!(replies.len(), 3);
        assert!(said.contains("status: 0"), "{said}");
        let mut again = Batch::new();
        let (read, said) =
            (again.ask(probe::read(path)), again.ask(probe::command(Command::new("printenv").arg("container"))));
        let replies = machine.run(&again).await.unwrap();
        assert!(read.of(&replies).unwrap().unwrap() == content);
        assert_eq!(said.of(&replies).unwrap().stdout, b"lxc\n");
    }
    assert_eq!(fs::read_to_string(dir.path().join("log")).unwrap().lines().count(), 6, "one message each");
}

#[tokio::test]
async fn a_container_is_entered_over_the_ssh_of_its_node_and_one_that_is_off_or_elsewhere_is_told() {
    if !wanted() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    fs::set_permissions(dir.path(), PermissionsExt::from_mode(0o755)).unwrap();
    let sshd = Sshd::with(&format!("SetEnv PATH={}\n", node(dir.path())));
    let container = |number| SshMachine::within(sshd.target().container(number), sshd.around());
    let path = HostPath::at(dir.path().to_str().unwrap()).join("file").unwrap();
    let (batch, content) = write(&path, b"hello\n");
    container(202).run(&batch).await.unwrap();
    assert_eq!(fs::read(dir.path().join("file")).unwrap(), content);
    assert_eq!(fs::read_to_string(dir.path().join("log")).unwrap(), "entered\n");
    let off = container(203).run(&batch).await.unwrap_err();
    assert!(matches!(off, SshError::ContainerOff { container: 203, .. }), "{off}");
    assert_eq!(off.to_string(), "container 203 does not run on 127.0.0.1");
    let elsewhere = container(204).run(&batch).await.unwrap_err();
    assert_eq!(
        elsewhere.to_string(),
        "there is no container 204 on 127.0.0.1: Configuration file 'nodes/din/lxc/204.conf' does not exist"
    );
    assert!(elsewhere.hint().contains("`pct list`"), "{}", elsewhere.hint());
}

#[test]
fn a_terminal_in_a_container_is_opened_over_the_ssh_of_its_node() {
    if !wanted() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    fs::set_permissions(dir.path(), PermissionsExt::from_mode(0o755)).unwrap();
    let sshd = Sshd::with(&format!("SetEnv PATH={}\n", node(dir.path())));
    let home = sshd.home();
    let home = home.display();
    let config = format!(
        "Host *\nPort {}\nIdentityFile {home}/.ssh/id_ed25519\nUserKnownHostsFile {home}/.ssh/known_hosts\n",
        sshd.port
    );
    sshd.write(".ssh/config", &config);
    // Twice `-t` is a terminal although ours is none.
    for login in [Some("root".to_owned()), None] {
        let spot = Spot { login, container: Some(202), ..Spot::at([127, 0, 0, 1].into()) };
        let mut ssh = std::process::Command::new("ssh");
        ssh.arg("-F").arg(sshd.home().join(".ssh/config")).args(["-o", "BatchMode=yes", "-t"]).args(spot.terminal());
        let mut ssh = ssh.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        ssh.stdin.take().unwrap().write_all(b"hello\n").unwrap();
        let said = ssh.wait_with_output().unwrap();
        let text = String::from_utf8_lossy(&said.stdout);
        assert!(
            said.status.success() && text.contains("202 was told: hello") && text.contains("/dev/pts/"),
            "{said:?}"
        );
    }
}
