//! Sealing a machine: what is its own is taken away, and what is left is looked at.
//!
//! Cloud-init takes a machine for a new one when it finds nothing of an earlier run; sshd and systemd make keys and a machine id when
//! there are none (machine-id(5): an empty file is filled at the next boot). A template that keeps any of it hands it to every clone.
use crate::{
    Failure, Permit,
    host::{Action, Batch, Command, Content, FileKind, HostPath, Hosts, Ownership, Slot, Spot, probe},
};

const SSH: &str = "/etc/ssh";
const NOTES: &str = "/var/lib/misc";
const LISTS: &str = "/var/lib/apt/lists";
const MACHINE_ID: &str = "/etc/machine-id";
/// A file of its own on some systems, a link to the other on most.
const DBUS_ID: &str = "/var/lib/dbus/machine-id";
/// What cloud-init has written of the network; it writes anew on a clone, but on one without an address of its own not everywhere.
const NETWORK: [&str; 2] = ["/etc/netplan/50-cloud-init.yaml", "/etc/network/interfaces.d/50-cloud-init"];
/// What cloud-init remembers of the machine that it has set up.
const INSTANCE: &str = "/var/lib/cloud/instance";

/// What is left of a file: its contents, owner and mode.
type Left = (Content, Ownership, u32);

/// What is on the machine that is its own.
struct Own {
    /// Who may log in, with what is there for each, and what is left of it without our key.
    keys: Vec<(HostPath, Option<Left>)>,
    /// Files to be removed: host keys, our notes.
    files: Vec<HostPath>,
    dbus: bool,
}

/// Takes away what is the machine's own, and makes sure that it is gone. All of it over the connection that is open: no other login is
/// possible any more once the key is out.
pub(super) async fn seal(hosts: &Hosts, at: &Spot, key: &str, login: &str, permit: &Permit) -> Result<(), Failure> {
    let own = look(hosts, at, key, login).await?;
    let root = || Some(Ownership::root());
    let mut actions = vec![];
    for (path, left) in &own.keys {
        actions.push(match left {
            Some((content, owner, mode)) => {
                Action::Write { path: path.clone(), content: content.clone(), mode: *mode, owner: Some(owner.clone()) }
            }
            None => Action::Remove(path.clone()),
        });
    }
    actions.push(Action::Run(Command::new("apt-get").arg("clean")));
    actions.push(Action::RemoveAll(HostPath::at(LISTS)));
    actions.push(Action::MakeDir { path: HostPath::at(LISTS), mode: 0o755, owner: root() });
    actions.push(Action::Run(Command::new("cloud-init").args(["clean", "--logs", "--seed"])));
    actions.extend(NETWORK.map(|path| Action::Remove(HostPath::at(path))));
    actions.extend(own.files.iter().cloned().map(Action::Remove));
    let empty = Content::from("");
    actions.push(Action::Write { path: HostPath::at(MACHINE_ID), content: empty, mode: 0o444, owner: root() });
    if own.dbus {
        actions.push(Action::Link { path: HostPath::at(DBUS_ID), to: MACHINE_ID.into() });
    }
    hosts.carry_out(permit, at, actions).await?;
    is_sealed(hosts, at, key, login).await
}

async fn look(hosts: &Hosts, at: &Spot, key: &str, login: &str) -> Result<Own, Failure> {
    let mut batch = Batch::new();
    let homes = homes(login).map(|path| {
        let (stat, text) = (batch.ask(probe::stat(path.clone())), batch.ask(probe::read(path.clone())));
        (path, stat, text)
    });
    let ssh = batch.ask(probe::list(HostPath::at(SSH)));
    let notes = batch.ask(probe::list(HostPath::at(NOTES)));
    let dbus = batch.ask(probe::stat(HostPath::at(DBUS_ID)));
    let replies = hosts.ask(at, &batch).await?;
    let mut own = Own { keys: vec![], files: vec![], dbus: false };
    for (path, stat, text) in homes {
        let (Some(stat), Some(text)) = (stat.of(&replies)?, text.of(&replies)?) else { continue };
        let text = String::from_utf8_lossy(&text).into_owned();
        let left: String =
            text.lines().filter(|line| !line.contains(material(key))).map(|l| format!("{l}\n")).collect();
        if left != text {
            let owner = Ownership::of(stat.owner, stat.group);
            own.keys.push((path, (!left.trim().is_empty()).then(|| (Content::from(left), owner, stat.mode))));
        }
    }
    let named = |dir: &str, list: Slot<Option<Vec<crate::host::Entry>>>, fits: fn(&str) -> bool| {
        let list = list.of(&replies)?.unwrap_or_default();
        let names = list.iter().map(|entry| String::from_utf8_lossy(&entry.name).into_owned());
        let paths = names.filter(|name| fits(name)).map(|name| HostPath::at(&format!("{dir}/{name}")));
        Ok::<_, Failure>(paths.collect::<Vec<_>>())
    };
    own.files = named(SSH, ssh, is_host_key)?;
    own.files.extend(named(NOTES, notes, is_note)?);
    own.dbus = dbus.of(&replies)?.is_some_and(|stat| stat.kind == FileKind::File);
    Ok(own)
}

/// Looks whether anything is left.
async fn is_sealed(hosts: &Hosts, at: &Spot, key: &str, login: &str) -> Result<(), Failure> {
    let mut batch = Batch::new();
    let homes = homes(login).map(|path| (path.to_string(), batch.ask(probe::read(path))));
    let lists = [(SSH, is_host_key as fn(&str) -> bool), (NOTES, is_note), (LISTS, |_| true)]
        .map(|(dir, fits)| (dir, fits, batch.ask(probe::list(HostPath::at(dir)))));
    let id = batch.ask(probe::read(HostPath::at(MACHINE_ID)));
    let instance = batch.ask(probe::stat(HostPath::at(INSTANCE)));
    let replies = hosts.ask(at, &batch).await?;
    let mut left = vec![];
    for (path, text) in homes {
        let text = text.of(&replies)?.unwrap_or_default();
        if String::from_utf8_lossy(&text).contains(material(key)) {
            left.push(format!("{path} has the key that it was made with"));
        }
    }
    for (dir, fits, list) in lists {
        let list = list.of(&replies)?.unwrap_or_default();
        let names = list.iter().map(|entry| String::from_utf8_lossy(&entry.name).into_owned());
        left.extend(names.filter(|name| fits(name)).map(|name| format!("{dir}/{name} is there")));
    }
    if id.of(&replies)?.is_none_or(|id| !id.is_empty()) {
        left.push(format!("{MACHINE_ID} is not empty"));
    }
    if instance.of(&replies)?.is_some() {
        left.push(format!("{INSTANCE} is there: cloud-init was not cleaned"));
    }
    if left.is_empty() {
        return Ok(());
    }
    Err(Failure::new(format!("it is not sealed, and every clone would have it: {}", left.join("; ")))
        .hint("nothing was converted; what writes these while the machine is sealed has to be stopped in the recipe"))
}

/// Where keys of those who log in may be: cloud-init puts one for its user into root's file too, with a word of refusal.
fn homes(login: &str) -> [HostPath; 2] {
    let home = if login == "root" { "/root".to_owned() } else { format!("/home/{login}") };
    [HostPath::at(&format!("{home}/.ssh/authorized_keys")), HostPath::at("/root/.ssh/authorized_keys")]
}

/// The key itself, without its type and its comment.
fn material(key: &str) -> &str {
    key.split_whitespace().nth(1).unwrap_or(key)
}

fn is_host_key(name: &str) -> bool {
    name.starts_with("ssh_host_")
}

fn is_note(name: &str) -> bool {
    name.starts_with("homelab-")
}
