//! Making a pool, importing it, changing it, exporting it.
use super::{
    Pool, PoolId, PoolOutputs, PoolState,
    again::Coming,
    moves::{Move, moves},
    pools,
    review::{told, warnings},
    shelf::{Found, Shelf, Trouble},
};
use crate::{
    Nas,
    resource::{
        dataset::{Listed, datasets},
        encryption::Encryption,
        mark,
    },
    topology::{DiskName, Layout, Role, Vdev},
    work,
};
use homelab_core::{
    Apply, Claim, Failure, Lock, Look, Owner, Resource, Site,
    plan::{Action, Change, Note},
};
use serde_json::{Map, Value, json};
use std::time::Duration;

impl Resource for Pool {
    const KIND: &'static str = "truenas/pool";
    const PROTECTED: bool = true;
    // Its deletion is an export.
    const OUTLIVES: bool = true;
    type Provider = Nas;
    type State = PoolState;
    type Id = PoolId;
    type Outputs = PoolOutputs;

    fn name(&self) -> &str {
        &self.name
    }
    fn site(&self) -> Site<Nas> {
        self.site
    }
    fn claims(&self) -> Vec<Claim> {
        let site = self.site.name();
        self.disks().map(|disk| Claim::new("disk", disk).within(site)).collect()
    }
    fn locks(&self) -> Vec<Lock> {
        // `pool.create` has one global lock with a queue of five (truenas-notes section 4).
        vec![Lock::exclusive(format!("{}/pools", self.site.name()))]
    }
    fn estimate(&self, action: Action) -> Duration {
        Duration::from_secs(if action == Action::Create { 30 } else { 5 })
    }
    fn review(&self, now: Option<&PoolState>, action: Action, changes: &[Change]) -> Vec<Note> {
        let mut notes = if action == Action::Create { warnings(self) } else { vec![] };
        notes.extend(self.judged(now, action, changes));
        notes
    }
    async fn inspect(&self, now: Option<&PoolState>, cx: &Look<'_, Nas>) -> Result<Vec<Note>, Failure> {
        let Some(shelf) = Shelf::read(cx).await? else { return Ok(vec![]) };
        let coming = match now {
            Some(_) => Coming::Made,
            None => self.coming(cx.left(), &shelf, cx).await?,
        };
        Ok(self.inspected(now, &shelf, coming))
    }
    async fn read(&self, cx: &Look<'_, Nas>) -> Result<Option<PoolState>, Failure> {
        let Some(all) = pools(cx).await? else { return Ok(None) };
        let by_guid = all.iter().find(|row| self.import.as_deref() == Some(&row.guid));
        let Some(row) = by_guid.or_else(|| all.iter().find(|row| row.name == self.pool)) else { return Ok(None) };
        Ok(Some(PoolState::of(row, cx, &self.vdevs).await?))
    }
    async fn find(id: &PoolId, cx: &Look<'_, Nas>) -> Result<Option<PoolState>, Failure> {
        let Some(all) = pools(cx).await? else { return Ok(None) };
        let same = |row: &&super::Listed| id.guid.as_ref().map_or(row.name == id.name, |guid| row.guid == *guid);
        let Some(row) = all.iter().find(same) else { return Ok(None) };
        Ok(Some(PoolState::of(row, cx, &Default::default()).await?))
    }
    async fn survey(cx: &Look<'_, Nas>) -> Result<Vec<PoolState>, Failure> {
        let mut ours = vec![];
        for row in pools(cx).await?.iter().flat_map(|rows| rows.iter()) {
            let state = PoolState::of(row, cx, &Default::default()).await?;
            if matches!(&state.owner, Owner::Marked(mark) if mark.key.starts_with(Self::KIND)) {
                ours.push(state);
            }
        }
        Ok(ours)
    }
    fn id(state: &PoolState) -> PoolId {
        PoolId { name: state.name.clone(), guid: Some(state.guid.clone()) }
    }
    fn planned_id(&self) -> Option<PoolId> {
        Some(PoolId { name: self.pool.clone(), guid: self.import.clone() })
    }
    fn owner(state: &PoolState) -> Owner {
        state.owner.clone()
    }
    fn data(state: &PoolState) -> Vec<String> {
        state.lost()
    }
    async fn apply(&self, now: Option<&PoolState>, cx: &Apply<'_, Nas>) -> Result<(), Failure> {
        match now {
            Some(now) => self.changed(now, cx).await?,
            None => {
                let shelf = shelf(cx).await?;
                match self.coming(cx.left(), &shelf, cx).await? {
                    Coming::Made => self.made(cx, &shelf).await?,
                    Coming::Imported(guid, _) => self.imported(&guid, cx).await?,
                    Coming::Refused(notes) => return Err(forbidden(notes)),
                }
            }
        }
        if let Some(encryption) = self.encryption.filter(|_| now.is_none_or(|now| !now.unlocked)) {
            self.open(&encryption, cx).await?;
        }
        if let Some(now) = now
            && let Some(on) = self.autotrim.filter(|on| *on != now.autotrim)
        {
            work(cx, "pool.update", vec![now.id.into(), json!({"autotrim": if on { "ON" } else { "OFF" }})]).await?;
        }
        if now.is_none_or(|now| now.owner != Owner::Marked(cx.mark().clone())) {
            let mark = json!([{"key": mark::PROPERTY, "value": mark::value(cx.mark())}]);
            let params = vec![json!(self.pool), json!({"user_properties_update": mark})];
            cx.write(cx.permit(), "pool.dataset.update", params).await?;
        }
        Ok(())
    }
    /// Exports it. Nothing in this crate wipes a disk.
    async fn delete(state: &PoolState, cx: &Apply<'_, Nas>) -> Result<(), Failure> {
        let options = json!({"destroy": false, "cascade": false, "restart_services": false});
        work(cx, "pool.export", vec![state.id.into(), options]).await?;
        Ok(())
    }
}

fn refused(trouble: Trouble) -> Failure {
    Failure::new(trouble.what).hint(trouble.hint)
}

fn forbidden(notes: Vec<Note>) -> Failure {
    let what: Vec<&str> = notes.iter().map(|note| note.text.as_str()).collect();
    let failure = Failure::new(what.join("; "));
    match notes.iter().find_map(|note| note.hint.clone()) {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

async fn shelf(cx: &Apply<'_, Nas>) -> Result<Shelf, Failure> {
    // Asked anew each time: kernel names are good for the next call and not for longer.
    Shelf::read(cx).await?.ok_or_else(|| Failure::passing("the NAS does not answer").hint("run again when it is up"))
}

impl Pool {
    async fn made(&self, cx: &Apply<'_, Nas>, shelf: &Shelf) -> Result<(), Failure> {
        let mut body = Map::new();
        body.insert("name".into(), self.pool.as_str().into());
        let (topology, paths) = topology(shelf, &self.vdevs, |_, _| true)?;
        body.insert("topology".into(), topology);
        if paths {
            body.insert("allow_duplicate_serials".into(), true.into());
        }
        if let Some(encryption) = &self.encryption {
            body.insert("encryption".into(), true.into());
            body.insert("encryption_options".into(), encryption.options(&cx.secret(encryption.secret())?)?);
        }
        let made = work(cx, "pool.create", vec![body.into()]).await?;
        if let (Some(on), Some(id)) = (self.autotrim, made.get("id").and_then(Value::as_u64)) {
            work(cx, "pool.update", vec![id.into(), json!({"autotrim": if on { "ON" } else { "OFF" }})]).await?;
        }
        Ok(())
    }

    /// Takes it in. One that somebody else has marked since this lab let go of it is put back.
    async fn imported(&self, guid: &str, cx: &Apply<'_, Nas>) -> Result<(), Failure> {
        work(cx, "pool.import_pool", vec![json!({"guid": guid, "name": self.pool})]).await?;
        if self.import.is_some() {
            return Ok(());
        }
        let all = pools(cx).await?;
        let Some(row) = all.iter().flat_map(|all| all.iter()).find(|row| row.guid == guid) else { return Ok(()) };
        let state = PoolState::of(row, cx, &self.vdevs).await?;
        match &state.owner {
            Owner::Marked(mark) if mark != cx.mark() => {
                <Pool as Resource>::delete(&state, cx).await?;
                Err(Failure::new(format!(
                    "pool {}, guid {guid}, belongs to {mark} by now: it is exported again",
                    self.pool
                ))
                .hint(format!("if it is to be this lab's, say so: `.import({guid})`")))
            }
            _ => Ok(()),
        }
    }

    /// Unlocks its root dataset, if that is locked.
    async fn open(&self, encryption: &Encryption, cx: &Apply<'_, Nas>) -> Result<(), Failure> {
        let all = datasets(cx).await?;
        let is_locked = |all: &[_]| all.iter().any(|row: &Listed| row.id == self.pool && row.locked);
        if all.is_some_and(|all| is_locked(&all)) {
            encryption.unlock(&self.pool, cx).await?;
        }
        Ok(())
    }

    async fn changed(&self, now: &PoolState, cx: &Apply<'_, Nas>) -> Result<(), Failure> {
        let steps = moves(&now.vdevs, &self.vdevs).map_err(|never| Failure::new(never.what).hint(never.hint))?;
        for step in steps {
            cx.progress(told(&step), None);
            let shelf = shelf(cx).await?;
            let take = |disk: &DiskName| shelf.blank(disk).map_err(refused);
            let duplicate = |disk: &Found| shelf.has_paths(disk);
            match &step {
                Move::Add { key } => {
                    let held = now.vdevs.get(key).map(|vdev| vdev.disks.clone()).unwrap_or_default();
                    let (rows, paths) =
                        topology(&shelf, &self.vdevs, |name, disk| name == key && !held.contains(disk))?;
                    let mut body = json!({"topology": rows});
                    if paths {
                        body["allow_duplicate_serials"] = true.into();
                    }
                    work(cx, "pool.update", vec![now.id.into(), body]).await?;
                }
                Move::Attach { target, disk, .. } => {
                    let found = take(disk)?;
                    let mut body = json!({"target_vdev": target, "new_disk": found.name});
                    if duplicate(found) {
                        body["allow_duplicate_serials"] = true.into();
                    }
                    work(cx, "pool.attach", vec![now.id.into(), body]).await?;
                }
                Move::Replace { leaf, new, .. } => {
                    // Here the identifier is wanted, and not the kernel's name (truenas-notes section 6).
                    let found = take(new)?;
                    let identity = found.identity().ok_or_else(|| {
                        Failure::new(format!("disk {new} has no identity of its own"))
                            .hint("give the virtual disk a `serial=` on the host")
                    })?;
                    work(cx, "pool.replace", vec![now.id.into(), json!({"label": leaf, "disk": identity})]).await?;
                }
                Move::Detach { leaf, .. } => {
                    cx.write(cx.permit(), "pool.detach", vec![now.id.into(), json!({"label": leaf})]).await?;
                }
                Move::Remove { guid, .. } => {
                    work(cx, "pool.remove", vec![now.id.into(), json!({"label": guid})]).await?;
                }
            }
        }
        Ok(())
    }
}

/// The vdevs in the API's form, with the disks that `wanted` lets through, and whether any of them shows on several paths.
fn topology(
    shelf: &Shelf,
    vdevs: &std::collections::BTreeMap<String, Vdev>,
    wanted: impl Fn(&str, &DiskName) -> bool,
) -> Result<(Value, bool), Failure> {
    let mut rows: Map<String, Value> = Map::new();
    let mut paths = false;
    for (key, vdev) in vdevs {
        let mut names = vec![];
        for disk in vdev.disks.iter().filter(|disk| wanted(key, disk)) {
            let found = shelf.blank(disk).map_err(refused)?;
            paths |= shelf.has_paths(found);
            names.push(json!(found.name));
        }
        if names.is_empty() {
            continue;
        }
        // What is read as `spare` is written as `spares`.
        if vdev.role() == Role::Spare {
            rows.insert("spares".into(), names.into());
            continue;
        }
        let mut row = json!({"type": vdev.layout.word(), "disks": names});
        if let Layout::Draid { data, spares, .. } = vdev.layout {
            row["draid_data_disks"] = data.into();
            row["draid_spare_disks"] = spares.into();
        }
        let list = rows.entry(vdev.role().word()).or_insert_with(|| json!([]));
        if let Some(list) = list.as_array_mut() {
            list.push(row);
        }
    }
    Ok((rows.into(), paths))
}
