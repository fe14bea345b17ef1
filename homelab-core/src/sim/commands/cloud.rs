//! cloud-init, and what systemd and sshd do when a machine has no identity yet.
use super::{Call, done, fails, says};
use crate::{
    host::{
        Action, HostPath, Output,
        content::sha256,
        facts::{Group, User},
    },
    sim::{Computer, world::World},
};

const STATE: &str = "/var/lib/cloud";
const INSTANCE: &str = "/var/lib/cloud/instance";
const LOG: &str = "/var/log/cloud-init.log";

pub(super) fn run(world: &mut World, call: &Call<'_>) -> Output {
    match call.args().as_slice() {
        ["status", "--wait", ..] => match world.files.is_there(INSTANCE) {
            true if world.debian.failing.contains("cloud-init") => Output { status: 1, ..says("status: error\n") },
            true => says("status: done\n"),
            false => says("status: not run\n"),
        },
        ["clean", flags @ ..] => {
            let _gone = world.files.root(&Action::RemoveAll(HostPath::at(STATE)));
            if flags.contains(&"--logs") {
                world.files.unlink(LOG);
            }
            done()
        }
        _ => fails(2, "cloud-init: error: this is not understood"),
    }
}

/// A boot with cloud-init: for a machine that it has not seen, it makes the user, the keys and the name; what has no identity gets one.
pub(in crate::sim) fn wake(world: &mut World, id: &str, instance: &str, computer: &Computer) {
    let digest = |what: &str| sha256(format!("{id} {what}").as_bytes());
    if world.files.text("/etc/machine-id").is_none_or(|text| text.trim().is_empty()) {
        world.files.put("/etc/machine-id", format!("{}\n", &digest("machine-id")[..32]));
    }
    if world.files.text(INSTANCE).as_deref() == Some(instance) {
        return;
    }
    let login = &computer.login;
    world.files.put(INSTANCE, instance);
    world.files.put(LOG, format!("ran for {login}\n"));
    let name = computer.name.clone();
    world.files.put("/etc/hostname", format!("{name}\n"));
    world.debian.hostname = Some(name);
    let public = format!("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI{}", &digest("host key")[..43]);
    world.files.put("/etc/ssh/ssh_host_ed25519_key.pub", format!("{public}\n"));
    world.files.put("/etc/ssh/ssh_host_ed25519_key", format!("private half of {public}\n"));
    let home = if login == "root" { "/root".to_owned() } else { format!("/home/{login}") };
    if !world.users.contains_key(login) {
        let gid = 1000 + world.users.values().filter(|user| user.uid >= 1000).count() as u32;
        let group = Group { name: login.clone(), gid, members: vec![] };
        world.groups.entry(login.clone()).or_insert(group);
        let (comment, shell) = (String::new(), "/bin/bash".to_owned());
        let user = User { name: login.clone(), uid: gid, gid, comment, home: home.clone(), shell };
        world.users.insert(login.clone(), user);
    }
    if !computer.authorized_keys.is_empty() {
        let keys: String = computer.authorized_keys.iter().map(|key| format!("{key}\n")).collect();
        world.files.put(&format!("{home}/.ssh/authorized_keys"), keys);
    }
}
