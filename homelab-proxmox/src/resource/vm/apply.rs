//! Bringing a guest to what is declared, from wherever it is: not there, half made, running with something else.
//!
//! What is still to be done is written in the guest's own notes (`unfinished`) in the same call that makes it necessary, and
//! taken out when it is done: so a run that was cut anywhere is finished by the next.
use super::{
    Spec, VmState,
    edits::{Around, Making, Memo, change},
    ready,
    review::{MAKING, RESTART, needs_restart},
};
use crate::{
    Error, Pve,
    api::{
        DiskSize, VolumeId,
        qemu::{Change, MoveOptions, QemuConfig, Slot},
    },
    resource::{
        changes::Edits,
        work::{self, At, done},
    },
};
use homelab_core::{Apply, Failure, Field, Output, units::Size};
use std::{sync::Arc, time::Duration};

impl Spec {
    pub(super) async fn apply(&self, now: Option<&VmState>, cx: &Apply<'_, Pve>) -> Result<(), Failure> {
        let before = now.and_then(|now| now.unfinished.as_deref());
        let making = now.is_none() || before == Some(MAKING);
        let around = self.around(cx, making)?;
        let (mut at, stranger) = match now {
            Some(now) => (At::vm(now.vmid, &now.node), None),
            // Asked while it is made, so that silence, which takes longest to hear, costs no time.
            None => {
                let (at, stranger) = tokio::join!(self.make(cx, &around), self.stranger(cx));
                (at?, Some(stranger))
            }
        };
        let mut config = work::unlocked(cx, &at).await?;
        if at.node != self.node.name {
            self.migrate(cx, &mut at, &config).await?;
            config = work::unlocked(cx, &at).await?;
        }
        let running = work::is_up(cx, &at).await?;
        let edits = self.edits(&config, &around);
        let slots: Vec<Slot> = config.disks.keys().copied().collect();
        let restart = running && self.running && edits.fields.iter().any(|field| needs_restart(field, &slots));
        let todo = match before {
            _ if making => Some(MAKING),
            Some(RESTART) if running => Some(RESTART),
            _ => (restart && self.terms.restarts).then_some(RESTART),
        };
        let sent = edits.keys();
        self.configure(cx, &at, &config, edits, Memo { unfinished: todo, ..Memo::default() }).await?;
        if running && !restart && before != Some(RESTART) {
            self.nothing_waits(cx, &at, &sent).await?;
        }
        self.grow_and_move(cx, &at).await?;
        // Nothing is copied any more: others may, while this one starts.
        cx.release_shared();
        if making && self.running && !running {
            let stranger = match stranger {
                Some(stranger) => stranger,
                None => self.stranger(cx).await,
            };
            stranger.map_or(Ok(()), Err)?;
        }
        self.power(cx, &at, todo == Some(RESTART) || (making && restart)).await?;
        if todo.is_some() {
            let config = cx.config(&at.node, at.vmid).await?;
            // A key that is known already was pinned: another one is nothing to be taken over silently.
            let key = if making && self.running { ready::host_key(cx, &at, &config).await } else { None };
            let memo = Memo { host_key: key.as_deref(), ..Memo::default() };
            self.configure(cx, &at, &config, Edits::default(), memo).await?;
        }
        Ok(())
    }

    fn around<'a>(&self, cx: &'a Apply<'_, Pve>, making: bool) -> Result<Around<'a>, Failure> {
        let resolvers = match &self.resolvers {
            Field::Set(servers) => Some(servers.iter().map(|server| cx.get(server)).collect::<Result<_, _>>()?),
            Field::Cleared | Field::Unmanaged => None,
        };
        let medium = |wanted: &Field<Output<VolumeId>>| match wanted.as_set() {
            Some(volume) => cx.get(&(*volume).into()).map(Some),
            None => Ok(None),
        };
        let media = self.media(making);
        let media = media.iter().map(|(slot, wanted)| Ok((*slot, medium(wanted)?)));
        let media = media.collect::<Result<_, Failure>>()?;
        let making = match (making, &self.password) {
            (false, _) => None,
            (true, None) => Some(Making { password: None }),
            (true, Some(secret)) => Some(Making { password: Some(cx.secret(secret)?) }),
        };
        Ok(Around { mark: cx.mark(), media, resolvers, making })
    }

    /// Sends what differs, and the notes with what is still to be done.
    async fn configure(
        &self,
        cx: &Apply<'_, Pve>,
        at: &At,
        config: &QemuConfig,
        mut edits: Edits,
        memo: Memo<'_>,
    ) -> Result<(), Failure> {
        let description = self.mark_notes(at.vmid, config, cx.mark(), memo);
        if config.description.as_ref() != Some(&description) {
            edits.set.push(("description".to_owned(), description.to_string()));
        }
        if edits.is_empty() {
            return Ok(());
        }
        let change = change(&edits, config.digest.as_deref());
        if edits.allocates {
            return done(cx, "configures it", cx.reconfigure(cx.permit(), &at.node, at.vmid, &change).await).await;
        }
        match cx.configure(cx.permit(), &at.node, at.vmid, &change).await {
            // It is taken down as pending all the same, and the next stop applies it (pve-notes section 14).
            Err(error) if is_hotplug_problem(&error) => Err(self.waits(cx, at, &error.to_string()).await?),
            done => Ok(done?),
        }
    }

    /// A running guest may keep a change waiting for its next start that was expected to be taken at once. A restart that the
    /// plan did not show is not done: the next plan will show it.
    async fn nothing_waits(&self, cx: &Apply<'_, Pve>, at: &At, sent: &[String]) -> Result<(), Failure> {
        if !self.terms.restarts || sent.is_empty() {
            return Ok(());
        }
        // What somebody else left waiting is theirs to restart for.
        let pending = cx.pending(&at.node, at.vmid).await?.into_iter().map(|option| option.key);
        let ours: Vec<String> = pending.filter(|key| sent.contains(key)).collect();
        if ours.is_empty() {
            return Ok(());
        }
        Err(self.waits(cx, at, &format!("{} cannot be changed while it runs", ours.join(", "))).await?)
    }

    async fn waits(&self, cx: &Apply<'_, Pve>, at: &At, why: &str) -> Result<Failure, Failure> {
        let config = cx.config(&at.node, at.vmid).await?;
        let description =
            self.mark_notes(at.vmid, &config, cx.mark(), Memo { unfinished: Some(RESTART), ..Memo::default() });
        let change = Change::new().set("description", description).if_still(config.digest.as_deref());
        cx.configure(cx.permit(), &at.node, at.vmid, &change).await?;
        Ok(Failure::new(format!("{} waits for a restart that the plan did not show: {why}", self.name))
            .hint("run again: the plan then shows the restart"))
    }

    async fn grow_and_move(&self, cx: &Apply<'_, Pve>, at: &At) -> Result<(), Failure> {
        let mut config: Arc<QemuConfig> = cx.config(&at.node, at.vmid).await?;
        for (slot, disk) in self.disks.iter().filter_map(|(slot, disk)| Some((*slot, disk.as_set()?))) {
            let Some(is) = config.disks.get(&slot).cloned() else { continue };
            let size = is.size.map_or(Size::ZERO, |size| Size::bytes(size.as_bytes()));
            if disk.size < size {
                return Err(Failure::new(format!("{slot} of {} has {size} and shall have {}", self.name, disk.size))
                    .hint(format!("a disk cannot shrink: declare {size} or more, or a smaller disk on its template")));
            }
            if disk.size > size {
                let (wanted, digest) = (DiskSize::bytes(disk.size.as_bytes()), config.digest.as_deref());
                let task = cx.resize(cx.permit(), &at.node, at.vmid, slot, wanted, digest).await;
                done(cx, &format!("grows {slot} to {}", disk.size), task).await?;
                config = cx.config(&at.node, at.vmid).await?;
            }
            if let Some(storage) = disk.storage.filter(|storage| is.source.storage() != Some(storage)) {
                let options = MoveOptions { disk: slot, storage: storage.to_owned(), format: None, delete: true };
                let task = cx.move_disk(cx.permit(), &at.node, at.vmid, &options, config.digest.as_deref()).await;
                done(cx, &format!("moves {slot} to {storage}"), task).await?;
                config = cx.config(&at.node, at.vmid).await?;
            }
        }
        Ok(())
    }

    /// Starts or stops the guest, or both, and waits until it is up.
    async fn power(&self, cx: &Apply<'_, Pve>, at: &At, restart: bool) -> Result<(), Failure> {
        let mut running = work::is_up(cx, at).await?;
        if running && (restart || !self.running) {
            let seconds = Duration::from(self.terms.shutdown_within).as_secs();
            work::shut_down(cx, at, u32::try_from(seconds).unwrap_or(u32::MAX)).await?;
            running = false;
        }
        if !self.running {
            return Ok(());
        }
        if !running {
            work::start(cx, at).await?;
        }
        self.ready(cx, at).await
    }
}

/// "hotplug problem - ..": the server could not change a running guest.
fn is_hotplug_problem(error: &Error) -> bool {
    error.parameters().is_some_and(|errors| errors.values().any(|text| text.contains("hotplug problem")))
}
