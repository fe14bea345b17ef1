//! Carrying out a change of a node's network: staged, loaded once, proven over new connections, and else taken back by the node.
use super::{
    steps::{Step, after, dangerous},
    watchdog::{BACK_AFTER, Watchdog},
};
use crate::{
    Pve,
    api::{GuestKind, Interfaces},
    client::{Params, Reader, call::path},
    resource::work::done,
};
use homelab_core::{Apply, Failure, Nature, host::Spot};
use serde_json::Value;
use std::{net::IpAddr, time::Duration};
use tokio::time::{Instant, sleep, timeout};

/// How long loading may take until the node is looked for all the same.
const LOAD_WITHIN: Duration = Duration::from_secs(60);
/// How long one try to reach the node may take.
const TRY_WITHIN: Duration = Duration::from_secs(10);
/// The pause between two tries.
const PAUSE: Duration = Duration::from_secs(2);
/// What is left until the watchdog when the tries to prove the new network end: time for what was begun to end.
const MARGIN: Duration = Duration::from_secs(20);
/// How long the node may take to come back after the watchdog.
const COMES_BACK: Duration = Duration::from_secs(90);

/// A node, and where it is logged in to.
pub(super) struct At<'a> {
    pub(super) node: &'a str,
    pub(super) spot: Option<&'a Spot>,
}

impl At<'_> {
    pub(super) fn address(&self) -> Option<IpAddr> {
        self.spot.map(|spot| spot.address)
    }

    /// Brings a node's network to what `wanted` makes of it.
    pub(super) async fn change(
        &self,
        cx: &Apply<'_, Pve>,
        wanted: impl Fn(&Interfaces) -> Vec<Step>,
    ) -> Result<(), Failure> {
        let mut dog = self.watchdog(cx).await?;
        if let Some(dog) = &dog
            && dog.is_pending().await?
        {
            cx.progress("takes back what an earlier run left unconfirmed", None);
            dog.take_back(cx.permit()).await?;
        }
        if cx.interfaces(self.node).await?.staged.is_some() {
            if !cx.staging().contains(self.node) {
                return Err(foreign(self.node));
            }
            cx.unstage(cx.permit(), self.node).await?;
        }
        let there = cx.interfaces(self.node).await?;
        let steps = wanted(&there);
        if steps.is_empty() {
            return Ok(());
        }
        for step in &steps {
            if let Step::Remove(name) = step
                && let Some(failure) = in_use(cx, self.node, name).await?
            {
                return Err(failure);
            }
        }
        let danger = dangerous(&there, &steps, self.address());
        if danger.is_empty() {
            // Without danger nobody has to watch.
            dog = None;
        } else if dog.is_none() {
            return Err(unwatched(self.node, &danger, self.spot));
        }
        cx.note(self.node).await?;
        cx.staging().insert(self.node.to_owned());
        let staged = self.stage(cx, &there, &steps).await;
        let loaded = match (staged, &dog) {
            (Err(failure), _) => Err(failure),
            (Ok(()), None) => done(cx, "loads the network", cx.reload_network(cx.permit(), self.node).await).await,
            (Ok(()), Some(dog)) => self.load_watched(cx, dog).await,
        };
        if let Err(failure) = loaded {
            // What was staged is ours to take away; if it was loaded already there is nothing any more.
            if let Ok(there) = cx.interfaces(self.node).await
                && (there.staged.is_none() || cx.unstage(cx.permit(), self.node).await.is_ok())
            {
                cx.staging().remove(self.node);
            }
            return Err(failure);
        }
        cx.staging().remove(self.node);
        Ok(())
    }

    /// The watchdog, if the node can be logged in to.
    async fn watchdog<'r>(&'r self, cx: &'r Reader) -> Result<Option<Watchdog<'r>>, Failure> {
        let Some(dog) = Watchdog::at(cx, self.spot) else { return Ok(None) };
        match dog.is_pending().await {
            Ok(_) => Ok(Some(dog)),
            Err(failure) if failure.nature == Nature::Passing => Err(failure),
            Err(_) => Ok(None),
        }
    }

    async fn stage(&self, cx: &Apply<'_, Pve>, there: &Interfaces, steps: &[Step]) -> Result<(), Failure> {
        for step in steps {
            cx.progress(format!("stages {}", step.name()), None);
            match step {
                Step::Remove(name) => cx.stage_removal(cx.permit(), self.node, name).await?,
                Step::Change(name, params) => cx.stage_change(cx.permit(), self.node, name, params.clone()).await?,
                Step::Make(name, params) => cx.stage_new(cx.permit(), self.node, name, params.clone()).await?,
            }
        }
        // Whatever is staged is loaded, also what somebody else has staged in the meantime.
        let (expected, staged) = (after(there, steps), cx.interfaces(self.node).await?);
        let ours = |name: &String| steps.iter().any(|step| step.name() == name);
        let names = expected.all.keys().chain(staged.all.keys());
        match names.filter(|name| !ours(name)).find(|name| expected.all.get(*name) != staged.all.get(*name)) {
            Some(name) => Err(Failure::new(format!("somebody else changes {name} of {} at this moment", self.node))
                .hint("nothing was loaded; run again when they are done")),
            None => Ok(()),
        }
    }

    async fn load_watched(&self, cx: &Apply<'_, Pve>, dog: &Watchdog<'_>) -> Result<(), Failure> {
        dog.arm(cx.permit()).await?;
        let armed = Instant::now();
        let load = async { done(cx, "loads the network", cx.reload_network(cx.permit(), self.node).await).await };
        match timeout(LOAD_WITHIN, load).await {
            // The answer may be lost on the way, for this is the way. Whether the node is reached is what counts.
            Ok(Err(failure)) if failure.nature != Nature::Passing => {
                dog.take_back(cx.permit()).await?;
                return Err(failure);
            }
            _ => cx.progress("looks for the node over its new network", None),
        }
        let mut unloaded = false;
        while armed.elapsed() + MARGIN < BACK_AFTER {
            match self.reached(cx, dog).await {
                Some(Reached::Loaded) => match timeout(TRY_WITHIN, dog.disarm(cx.permit())).await {
                    Ok(Ok(())) => return Ok(()),
                    Ok(Err(failure)) if failure.nature != Nature::Passing => return Err(failure),
                    _ => {}
                },
                Some(Reached::Staged) if armed.elapsed() > LOAD_WITHIN => {
                    unloaded = true;
                    break;
                }
                _ => {}
            }
            sleep(PAUSE).await;
        }
        if unloaded {
            dog.disarm(cx.permit()).await?;
            return Err(Failure::passing(format!("{} has not loaded what was staged", self.node)));
        }
        cx.progress(format!("{} cannot be reached: waits until it puts its old network back", self.node), None);
        while armed.elapsed() < BACK_AFTER + COMES_BACK {
            sleep(PAUSE).await;
            if armed.elapsed() > BACK_AFTER && self.reached(cx, dog).await.is_some() {
                return Err(Failure::rolled_back(format!(
                    "{} could not be reached over its new network, and has put its old one back",
                    self.node
                ))
                .hint("look at ports, VLANs and addresses: is the cable where the code has it, and does the switch carry the VLAN?"));
            }
        }
        Err(Failure::stuck(format!("{} does not answer since its network was changed", self.node))
            .hint("at its console: `sh /var/lib/misc/homelab-network.sh` puts the old network back; then run again"))
    }

    /// Whether the node is reached, over the API and by a new login, and what it has loaded then.
    async fn reached(&self, cx: &Reader, dog: &Watchdog<'_>) -> Option<Reached> {
        let look = async {
            let there = cx.interfaces(self.node).await.ok()?;
            dog.is_pending().await.ok()?;
            Some(if there.staged.is_some() { Reached::Staged } else { Reached::Loaded })
        };
        timeout(TRY_WITHIN, look).await.ok().flatten()
    }
}

enum Reached {
    Staged,
    Loaded,
}

/// What is said of changes that somebody else has staged.
pub(super) fn foreign(node: &str) -> Failure {
    Failure::new(format!(
        "changes of the network of {node} are staged that are not ours, and loading would load them too"
    ))
    .hint(format!(
        "load them in the web interface, or throw them away: `proxmox call DELETE /nodes/{node}/network --yes`"
    ))
}

/// What is said of a dangerous change that nobody would take back.
pub(super) fn unwatched(node: &str, danger: &[String], spot: Option<&Spot>) -> Failure {
    let why = match spot {
        Some(spot) => format!("root cannot log in at {spot}"),
        None => "nobody said where it is logged in to".to_owned(),
    };
    Failure::new(format!("{node} is reached by {}, and could not take the change back: {why}", danger.join(" and ")))
        .hint("let root in with a key, and say where: `NodeNetwork::of(..).watched_at(..)`")
}

/// Why a bridge cannot go: guests are plugged into it, whether they run or not.
pub(super) async fn in_use(cx: &Reader, node: &str, bridge: &str) -> Result<Option<Failure>, Failure> {
    let mut users = vec![];
    for guest in cx.resources().await?.guests().filter(|guest| guest.node == node) {
        let kind = match guest.kind {
            GuestKind::Qemu => "qemu",
            GuestKind::Lxc => "lxc",
        };
        let config = cx.get(&path(&[&"nodes", &node, &kind, &guest.vmid, &"config"]), Params::new()).await?;
        let plugged = config.as_object().into_iter().flatten().any(|(key, value)| {
            let on = |text: &str| text.split(',').any(|part| part.strip_prefix("bridge=") == Some(bridge));
            key.starts_with("net") && Value::as_str(value).is_some_and(on)
        });
        if plugged {
            // The listing knows a new guest's name only after some seconds.
            let own = ["name", "hostname"].iter().find_map(|key| config.get(*key)?.as_str());
            users.push(own.map_or(guest.vmid.to_string(), |name| format!("{name} ({})", guest.vmid)));
        }
    }
    Ok((!users.is_empty()).then(|| {
        Failure::new(format!("{bridge} of {node} cannot go: guests are plugged into it: {}", users.join(", ")))
            .hint("plug them into another bridge first, or delete them")
    }))
}
