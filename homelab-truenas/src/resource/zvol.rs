//! [`Zvol`]: a block device in a pool, for iSCSI and virtual machines.
use super::{
    dataset::{
        Compression, DatasetId, Listed, Parent, Properties, Property, Sync, Within, datasets, destroy, is_name, sent,
        users,
    },
    mark,
};
use crate::{Nas, topology::capacity::about};
use homelab_core::{
    AnyHandle, Apply, Failure, Lock, Look, Owner, Resource, Site, Text, outputs,
    plan::{Action, Change, Note},
    text,
    units::Size,
};
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// A block device.
///
/// It grows and never shrinks; its block size and whether it is sparse are set when it is made. It is protected.
#[derive(Debug, Serialize)]
pub struct Zvol {
    dataset: Text,
    size: Size,
    block_size: Option<Size>,
    sparse: Option<bool>,
    properties: Properties,
    #[serde(skip)]
    name: String,
    #[serde(skip)]
    within: Within,
}

impl Zvol {
    /// The device of this name in a pool or dataset, of this size.
    ///
    /// # Panics
    /// On a name that ZFS does not take, and on a size that is no multiple of 128 KiB.
    #[must_use]
    #[track_caller]
    pub fn of(within: impl Parent, name: impl Into<String>, size: Size) -> Zvol {
        let (within, name) = (within.within(), name.into());
        assert!(
            is_name(&name),
            "`{name}` is no name of a volume: letters, digits, `_`, `-`, `.` and `:`, a letter or digit first"
        );
        assert!(
            size.as_bytes() > 0 && size.as_bytes().is_multiple_of(128 << 10),
            "the size of a volume is a multiple of its block size; multiples of 128 KiB suit all"
        );
        let dataset = text![within.dataset.clone(), "/", name.clone()];
        Zvol { dataset, size, block_size: None, sparse: None, properties: Properties::new(), name, within }
    }
    /// The size of its blocks: 4 KiB to 128 KiB, a power of two. Set when it is made.
    ///
    /// # Panics
    /// On other sizes.
    #[must_use]
    #[track_caller]
    pub fn block_size(mut self, size: Size) -> Self {
        let bytes = size.as_bytes();
        assert!(
            bytes.is_power_of_two() && (4096..=128 << 10).contains(&bytes),
            "a block size is 4 KiB to 128 KiB, a power of two"
        );
        self.block_size = Some(size);
        self
    }
    /// Takes room only as it is written to. Set when it is made.
    #[must_use]
    pub fn sparse(mut self) -> Self {
        self.sparse = Some(true);
        self
    }
    /// How hard it is compressed.
    #[must_use]
    pub fn compression(mut self, compression: Compression) -> Self {
        self.properties.insert("compression", compression.into());
        self
    }
    /// When a durable write counts as done.
    #[must_use]
    pub fn sync(mut self, sync: Sync) -> Self {
        self.properties.insert("sync", sync.into());
        self
    }
}

/// A volume as it is observed.
#[derive(Clone, Debug, Serialize)]
pub struct ZvolState {
    /// Its whole name: `fast/vm`.
    pub dataset: String,
    /// What an iSCSI extent is made of: `zvol/fast/vm`.
    pub device: String,
    size: Size,
    block_size: Option<Size>,
    sparse: bool,
    properties: BTreeMap<&'static str, String>,
    #[serde(skip)]
    used: Size,
    #[serde(skip)]
    used_by: Vec<String>,
    #[serde(skip)]
    owner: Owner,
}

outputs!(
    /// What a volume is known by.
    ZvolOutputs of ZvolState {
        /// Its whole name: `fast/vm`.
        dataset: String,
        /// What an iSCSI extent is made of: `zvol/fast/vm`.
        device: String,
    }
);

impl ZvolState {
    fn of(row: &Listed, used_by: Vec<String>) -> ZvolState {
        ZvolState {
            device: format!("zvol/{}", row.id),
            size: row.size("volsize").unwrap_or_default(),
            block_size: row.size("volblocksize"),
            sparse: row.size("refreservation").is_none(),
            properties: ["compression", "sync"]
                .into_iter()
                .filter_map(|name| Some((name, row.spelled(name)?)))
                .collect(),
            used: row.size("used").unwrap_or_default(),
            used_by,
            owner: row.owner(),
            dataset: row.id.clone(),
        }
    }
}

impl Resource for Zvol {
    const KIND: &'static str = "truenas/zvol";
    const PROTECTED: bool = true;
    type Provider = Nas;
    type State = ZvolState;
    type Id = DatasetId;
    type Outputs = ZvolOutputs;

    fn name(&self) -> &str {
        &self.name
    }
    fn site(&self) -> Site<Nas> {
        self.within.site
    }
    fn lives_in(&self) -> Option<AnyHandle> {
        Some(self.within.handle)
    }
    fn locks(&self) -> Vec<Lock> {
        vec![Lock::shared(format!("{}/datasets", self.within.site.name()), 4)]
    }
    fn review(&self, now: Option<&ZvolState>, action: Action, changes: &[Change]) -> Vec<Note> {
        let Some(now) = now else { return vec![] };
        let mut notes = vec![];
        if action == Action::Delete {
            notes.extend(now.used_by.iter().map(|user| Note::info(format!("{user} goes with it"))));
        }
        if now.size > self.size {
            notes.push(
                Note::refused(format!("a volume cannot shrink, from {} to {}", now.size, self.size))
                    .hint("make another one and copy what is in this one, or put the old size back into the code"),
            );
        }
        let fixed = changes.iter().map(Change::top).filter(|field| ["block_size", "sparse", "dataset"].contains(field));
        notes.extend(fixed.map(|field| {
            Note::refused(format!("{field} of a volume is set when it is made and cannot be changed"))
                .hint("make another one and copy what is in this one")
        }));
        notes
    }
    async fn read(&self, cx: &Look<'_, Nas>) -> Result<Option<ZvolState>, Failure> {
        let Some(all) = datasets(cx).await? else { return Ok(None) };
        let named = cx.filled(&self.dataset)?;
        let row = all.iter().find(|row| named.as_ref() == Some(&json!(row.id)));
        let Some(row) = row else { return Ok(None) };
        if row.kind != "VOLUME" {
            return Err(Failure::new(format!("{} is a file system and not a volume", row.id))
                .hint("give the volume another name, or declare it as a `Dataset`"));
        }
        Ok(Some(ZvolState::of(row, users::of(&row.id, cx).await?)))
    }
    async fn find(id: &DatasetId, cx: &Look<'_, Nas>) -> Result<Option<ZvolState>, Failure> {
        let Some(all) = datasets(cx).await? else { return Ok(None) };
        let Some(row) = all.iter().find(|row| row.id == id.dataset && row.kind == "VOLUME") else { return Ok(None) };
        Ok(Some(ZvolState::of(row, users::with_clients(&row.id, cx).await?)))
    }
    fn id(state: &ZvolState) -> DatasetId {
        DatasetId::named(&state.dataset)
    }
    fn owner(state: &ZvolState) -> Owner {
        state.owner.clone()
    }
    fn data(state: &ZvolState) -> Vec<String> {
        let what = format!("volume {}: {}", state.dataset, about(state.used));
        [what].into_iter().chain(state.used_by.clone()).collect()
    }
    async fn apply(&self, now: Option<&ZvolState>, cx: &Apply<'_, Nas>) -> Result<(), Failure> {
        let name = cx.text(&self.dataset)?.expose().to_owned();
        let mark = json!([{"key": mark::PROPERTY, "value": mark::value(cx.mark())}]);
        let mut body = Map::new();
        for (property, want) in &self.properties {
            let have = now.and_then(|now| now.properties.get(property));
            if !matches!(want, Property::Set(value) if have == Some(value)) {
                body.insert((*property).to_owned(), sent(property, want));
            }
        }
        if now.is_none_or(|now| now.size != self.size) {
            body.insert("volsize".into(), self.size.as_bytes().into());
        }
        let Some(now) = now else {
            body.insert("name".into(), name.into());
            body.insert("type".into(), "VOLUME".into());
            body.insert("user_properties".into(), mark);
            body.extend(self.sparse.map(|sparse| ("sparse".to_owned(), Value::Bool(sparse))));
            body.extend(
                self.block_size.map(|size| ("volblocksize".to_owned(), format!("{}K", size.as_bytes() >> 10).into())),
            );
            cx.write(cx.permit(), "pool.dataset.create", vec![body.into()]).await?;
            return Ok(());
        };
        if now.owner != Owner::Marked(cx.mark().clone()) {
            body.insert("user_properties_update".into(), mark);
        }
        if !body.is_empty() {
            cx.write(cx.permit(), "pool.dataset.update", vec![name.into(), body.into()]).await?;
        }
        Ok(())
    }
    async fn delete(state: &ZvolState, cx: &Apply<'_, Nas>) -> Result<(), Failure> {
        destroy(cx, &state.dataset).await
    }
}
