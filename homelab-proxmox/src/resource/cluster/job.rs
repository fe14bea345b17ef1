//! What is done on the machines of nodes: what they say of themselves, how one lets another in, and `pvecm`, which runs as a unit of its
//! own, so that it comes to its end when the connection does not.
use crate::client::Reader;
use homelab_core::{
    Failure, Nature, Permit,
    host::{Action, Batch, Command, Content, HostPath, Hosts, Output, Spot, probe},
};
use serde_json::Value;
use std::{net::IpAddr, time::Duration};
use tokio::time::{Instant, sleep};

/// The unit in which `pvecm` runs.
const UNIT: &str = "homelab-cluster.service";
/// How long it may run.
const WITHIN: Duration = Duration::from_secs(600);
/// The pause between two looks at it.
const PAUSE: Duration = Duration::from_secs(2);
/// The public half of the key by which root of a node logs in to others; a node has one from its installation on.
const KEY: &str = "/root/.ssh/id_rsa.pub";
/// Whom root of a machine knows.
const KNOWN: &str = "/root/.ssh/known_hosts";
/// Who may log in as root to the nodes of a cluster, and to any other machine.
pub(super) const NODES: &str = "/etc/pve/priv/authorized_keys";
pub(super) const ELSEWHERE: &str = "/root/.ssh/authorized_keys";

/// What a node's machine says of itself: the files that the cluster's file system shows of its own state.
pub(super) struct Standing {
    pub(super) node: String,
    /// The cluster that it is in.
    pub(super) cluster: Option<String>,
    /// The numbers of the guests that it knows.
    pub(super) guests: Vec<String>,
}

/// root of the machine at an address.
pub(super) fn root_at(address: IpAddr) -> Spot {
    Spot::at(address).login("root")
}

fn hosts(reader: &Reader) -> Result<Hosts, Failure> {
    reader.machines().ok_or_else(|| {
        Failure::unusable(
            "no token may form a cluster, only root on the nodes, and nobody said how these are logged in to",
        )
        .hint("give root's login by a key, over SSH, to whoever runs this")
    })
}

/// What is in files that need not be there.
async fn texts<const N: usize>(reader: &Reader, spot: &Spot, paths: [&str; N]) -> Result<[Option<String>; N], Failure> {
    let mut batch = Batch::new();
    let slots = paths.map(|path| batch.ask(probe::read(HostPath::at(path))));
    let replies = hosts(reader)?.ask(spot, &batch).await?;
    let mut texts = [const { None }; N];
    for (text, slot) in texts.iter_mut().zip(&slots) {
        *text = slot.of(&replies)?.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    }
    Ok(texts)
}

/// What a machine says of itself.
pub(super) async fn standing(reader: &Reader, spot: &Spot) -> Result<Standing, Failure> {
    let [members, guests] = texts(reader, spot, ["/etc/pve/.members", "/etc/pve/.vmlist"]).await?;
    let parsed = |text: Option<String>| text.and_then(|text| serde_json::from_str::<Value>(&text).ok());
    let members = parsed(members).unwrap_or_default();
    let Some(node) = members.get("nodename").and_then(Value::as_str) else {
        return Err(Failure::new(format!("{spot} is no node of Proxmox VE: it has no /etc/pve/.members"))
            .hint("give the address of the node, or start its service pve-cluster"));
    };
    let cluster = members.get("cluster").and_then(|cluster| cluster.get("name")?.as_str());
    let guests = parsed(guests).and_then(|list| list.get("ids")?.as_object().cloned()).unwrap_or_default();
    let guests = guests.into_iter().map(|(id, _)| id).collect();
    Ok(Standing { node: node.to_owned(), cluster: cluster.map(str::to_owned), guests })
}

/// Has root of one machine be able to log in to another, which `pvecm` needs: the other lets its key in, and it knows the other.
pub(super) async fn introduce(
    reader: &Reader,
    permit: &Permit,
    from: &Spot,
    to: &Spot,
    allowed: &str,
) -> Result<(), Failure> {
    let [key, known] = texts(reader, from, [KEY, KNOWN]).await?;
    let [keys, host] = texts(reader, to, [allowed, "/etc/ssh/ssh_host_ed25519_key.pub"]).await?;
    let missing = |path: &str, spot: &Spot| {
        Failure::new(format!("{spot} has no {path}"))
            .hint("`pvecm updatecerts` on a node makes its key; sshd makes its own when it starts")
    };
    let key = key.ok_or_else(|| missing(KEY, from))?;
    let host = host.ok_or_else(|| missing("/etc/ssh/ssh_host_ed25519_key.pub", to))?;
    let host: Vec<&str> = host.split_whitespace().take(2).collect();
    let line = format!("{} {}", to.address, host.join(" "));
    for (spot, path, there, line) in [(to, allowed, keys, key.trim()), (from, KNOWN, known, line.as_str())] {
        let home = there.is_none().then(|| path.rsplit_once('/')).flatten().map(|(home, _)| HostPath::at(home));
        let home = home.map(|path| Action::MakeDir { path, mode: 0o700, owner: None });
        let there = there.unwrap_or_default();
        if there.lines().any(|known| known.trim() == line) {
            continue;
        }
        let gap = if there.is_empty() || there.ends_with('\n') { "" } else { "\n" };
        let content = Content::from(format!("{there}{gap}{line}\n"));
        let write = Action::Write { path: HostPath::at(path), content, mode: 0o600, owner: None };
        hosts(reader)?.carry_out(permit, spot, home.into_iter().chain([write])).await?;
    }
    Ok(())
}

/// Starts `pvecm` with these arguments.
pub(super) async fn start(reader: &Reader, permit: &Permit, spot: &Spot, words: &[String]) -> Result<(), Failure> {
    let mut batch = Batch::new();
    // One that failed before keeps its name until then; mostly there is none.
    batch.run(permit, Command::new("systemctl").args(["reset-failed", UNIT]));
    // ssh-copy-id wants to know where root is at home.
    let unit = format!("--unit={UNIT}");
    let run = Command::new("systemd-run").args(["--quiet", unit.as_str(), "--setenv=HOME=/root", "pvecm"]);
    batch.run(permit, run.args(words));
    batch.barrier();
    hosts(reader)?.all(permit, spot, &batch).await
}

async fn says(reader: &Reader, spot: &Spot, command: Command) -> Result<String, Failure> {
    let mut batch = Batch::new();
    let slot = batch.ask(probe::command(command));
    let Output { stdout, .. } = slot.of(&hosts(reader)?.ask(spot, &batch).await?)?;
    Ok(String::from_utf8_lossy(&stdout).trim().to_owned())
}

/// Whether it still runs (`Ok(false)`), or has ended; an error, if it has failed.
async fn has_ended(reader: &Reader, spot: &Spot) -> Result<bool, Failure> {
    let show = Command::new("systemctl").args(["show", "--property=ActiveState", "--value", UNIT]);
    let state = says(reader, spot, show).await?;
    if state != "failed" {
        return Ok(state == "inactive");
    }
    let unit = format!("--unit={UNIT}");
    let journal = Command::new("journalctl").args(["--lines=20", "--output=cat", "--no-pager", unit.as_str()]);
    let said = says(reader, spot, journal).await?;
    let lines: Vec<&str> =
        said.lines().map(|line| line.trim().trim_start_matches("* ")).filter(|line| !line.is_empty()).collect();
    Err(Failure::new(format!("`pvecm` on {spot} failed: {}", lines.join("; ")))
        .hint(format!("`journalctl --unit={UNIT}` there has all that it said")))
}

/// Waits until what an earlier run began is at its end, however that is.
pub(in crate::resource) async fn ended(reader: &Reader, spot: &Spot) -> Result<(), Failure> {
    let began = Instant::now();
    while began.elapsed() < WITHIN {
        match has_ended(reader, spot).await {
            Ok(false) => sleep(PAUSE).await,
            // Its network, or the machine itself, may be away for a while.
            Err(failure) if failure.nature == Nature::Passing => sleep(PAUSE).await,
            _ => return Ok(()),
        }
    }
    Err(Failure::stuck(format!("`pvecm`, which an earlier run started on {spot}, does not end")).hint(format!(
        "look at it there: `journalctl --unit={UNIT}`, and stop it if it hangs: `systemctl stop {UNIT}`"
    )))
}

/// Waits until the cluster is as it was to become. Its API may be away meanwhile.
pub(super) async fn becomes<F: Future<Output = Result<bool, Failure>>>(
    reader: &Reader,
    spot: &Spot,
    what: &str,
    mut is: impl FnMut() -> F,
) -> Result<(), Failure> {
    let began = Instant::now();
    loop {
        match is().await {
            Ok(true) => return Ok(()),
            Err(failure) if failure.nature != Nature::Passing => return Err(failure),
            _ if began.elapsed() >= WITHIN => {
                return Err(Failure::stuck(format!("{what} does not come to its end within {} s", WITHIN.as_secs()))
                    .hint(format!("look at {spot}: `journalctl --unit={UNIT}`, `pvecm status`; then run again")));
            }
            Ok(false) | Err(_) => {}
        }
        match has_ended(reader, spot).await {
            Err(failure) if failure.nature != Nature::Passing => return Err(failure),
            _ => sleep(PAUSE).await,
        }
    }
}
