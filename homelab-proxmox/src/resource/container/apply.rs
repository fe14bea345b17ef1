//! Bringing a container to what is declared, from wherever it is: not there, half made, running with something else.
//!
//! What is still to be done is written in its own notes (`unfinished`), and taken out when it is done: a run that was cut anywhere
//! is finished by the next.
use super::{
    ContainerState, Spec,
    review::{MAKING, RESTART, needs_restart},
    state::detached,
};
use crate::{
    Pve,
    api::{DiskSize, lxc::LxcConfig, qemu::Change},
    resource::{
        changes::Edits,
        mark::Notes,
        work::{self, At, done},
    },
};
use homelab_core::{Apply, Failure, Field};
use std::{net::IpAddr, time::Duration};

impl Spec {
    pub(super) async fn apply(&self, now: Option<&ContainerState>, cx: &Apply<'_, Pve>) -> Result<(), Failure> {
        let before = now.and_then(|now| now.unfinished.as_deref());
        let making = now.is_none() || before == Some(MAKING);
        let resolvers = self.known_resolvers(cx)?;
        let (mut at, stranger) = match now {
            Some(now) => (At::container(now.vmid, &now.node), None),
            None => {
                let (at, stranger) = tokio::join!(self.make(cx, resolvers.as_deref()), self.stranger(cx));
                (at?, Some(stranger))
            }
        };
        let mut config = work::unlocked_container(cx, &at).await?;
        if at.node != self.node.name {
            let task = cx.migrate_container(cx.permit(), &at.node, at.vmid, self.node.name).await;
            done(cx, &format!("moves it to {}", self.node.name), task).await?;
            at.node = self.node.name.to_owned();
            config = work::unlocked_container(cx, &at).await?;
        }
        let running = work::is_up(cx, &at).await?;
        let edits = self.edits(&config, cx.mark(), resolvers.as_deref());
        let mounted: Vec<String> = config.mounts.values().filter_map(|mount| mount.path.clone()).collect();
        let waits = |field: &String| needs_restart(field, mounted.iter().map(String::as_str));
        let moves = !self.moves(&config).is_empty();
        let restart = running && self.running && (moves || edits.fields.iter().any(waits));
        let todo = match before {
            _ if making => Some(MAKING),
            Some(RESTART) if running => Some(RESTART),
            _ => (restart && self.terms.restarts).then_some(RESTART),
        };
        self.configure(cx, &at, &config, edits, todo).await?;
        self.grow(cx, &at).await?;
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
        // Which number a mount got is known only now, and so is which of them hold no data.
        let config = cx.container_config(&at.node, at.vmid).await?;
        self.configure(cx, &at, &config, Edits::default(), None).await
    }

    fn known_resolvers(&self, cx: &Apply<'_, Pve>) -> Result<Option<Vec<IpAddr>>, Failure> {
        match &self.resolvers {
            Field::Set(servers) => servers.iter().map(|server| cx.get(server)).collect::<Result<_, _>>().map(Some),
            Field::Cleared | Field::Unmanaged => Ok(None),
        }
    }

    async fn stranger(&self, cx: &Apply<'_, Pve>) -> Option<Failure> {
        work::stranger(cx, &self.name, self.fixed()?).await
    }

    /// Makes the container, marked as ours and as unfinished.
    async fn make(&self, cx: &Apply<'_, Pve>, resolvers: Option<&[IpAddr]>) -> Result<At, Failure> {
        let template: String = cx.get(&self.template.volume.into())?;
        let password = self.password.as_ref().map(|secret| cx.secret(secret)).transpose()?;
        let nothing = LxcConfig::default();
        let options = self.creation(self.edits(&nothing, cx.mark(), resolvers), &template);
        let options = options.maybe("password", password.as_ref().map(|password| password.expose().to_owned()));
        let node = self.node.name;
        let make = |vmid| {
            let description = self.mark_notes(vmid, &nothing, cx.mark(), Some(MAKING));
            cx.create_container(cx.permit(), node, vmid, options.clone().set("description", description))
        };
        let (vmid, task) = work::numbered(cx, self.vmid, self.node, make).await?;
        done(cx, "creates it", Ok(task)).await?;
        Ok(At::container(vmid, node))
    }

    /// Sends what differs, and the notes with what is still to be done.
    async fn configure(
        &self,
        cx: &Apply<'_, Pve>,
        at: &At,
        config: &LxcConfig,
        mut edits: Edits,
        todo: Option<&str>,
    ) -> Result<(), Failure> {
        let description = self.mark_notes(at.vmid, config, cx.mark(), todo);
        if config.description.as_ref() != Some(&description) {
            edits.set.push(("description".to_owned(), description.to_string()));
        }
        let gone = detached(config, &Notes::read(config.description.as_ref(), at.vmid));
        edits.delete.extend(gone.into_iter().map(|number| format!("unused{number}")));
        if edits.is_empty() {
            return Ok(());
        }
        let change: Change = edits.change(config.digest.as_deref());
        Ok(cx.configure_container(cx.permit(), &at.node, at.vmid, &change).await?)
    }

    async fn grow(&self, cx: &Apply<'_, Pve>, at: &At) -> Result<(), Failure> {
        let mut config = cx.container_config(&at.node, at.vmid).await?;
        for (volume, wanted, is) in self.growth(&config) {
            if wanted < is {
                return Err(Failure::new(format!("{volume} of {} has {is} and shall have {wanted}", self.name))
                    .hint(format!("a volume cannot shrink: declare {is} or more")));
            }
            let (size, digest) = (DiskSize::bytes(wanted.as_bytes()), config.digest.as_deref());
            let task = cx.resize_container(cx.permit(), &at.node, at.vmid, &volume, size, digest).await;
            done(cx, &format!("grows {volume} to {wanted}"), task).await?;
            config = cx.container_config(&at.node, at.vmid).await?;
        }
        Ok(())
    }

    /// Starts or stops the container, or both, moves volumes while it is off, and waits until it is up.
    async fn power(&self, cx: &Apply<'_, Pve>, at: &At, restart: bool) -> Result<(), Failure> {
        let mut running = work::is_up(cx, at).await?;
        if running && (restart || !self.running) {
            let seconds = Duration::from(self.terms.shutdown_within).as_secs();
            work::shut_down(cx, at, u32::try_from(seconds).unwrap_or(u32::MAX)).await?;
            running = false;
        }
        if !running {
            let config = cx.container_config(&at.node, at.vmid).await?;
            for (volume, storage) in self.moves(&config) {
                let task = cx.move_volume(cx.permit(), &at.node, at.vmid, &volume, storage, None).await;
                done(cx, &format!("moves {volume} to {storage}"), task).await?;
            }
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
