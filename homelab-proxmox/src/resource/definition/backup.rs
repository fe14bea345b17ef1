//! [`BackupJob`]: the cluster backs guests up at set times.
use super::{NameId, Place, Row, Storage, commented, in_declared_order, keep::Keep, row, rows, text, words};
use crate::{Pve, client::Params, resource::mark};
use homelab_core::{Apply, Claim, Failure, Field, Input, Look, NoOutputs, Output, Owner, Resource, Site, plan::Note};
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;

const LIST: &str = "/cluster/backup";
const WHAT: &str = "backup job";

/// How a guest is backed up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BackupMode {
    /// While it runs; what its agent can hold still is held still.
    Snapshot,
    /// It is held still for some seconds.
    Suspend,
    /// It is shut down, and started again.
    Stop,
}

impl BackupMode {
    const fn word(self) -> &'static str {
        match self {
            BackupMode::Snapshot => "snapshot",
            BackupMode::Suspend => "suspend",
            BackupMode::Stop => "stop",
        }
    }
}

/// A job that backs guests up to a storage, at set times, and keeps some of the backups.
///
/// ```
/// # use homelab_core::{Lab, Site};
/// # use homelab_proxmox::{Pve, resource::{BackupJob, Keep, Storage}};
/// # const PVE: Site<Pve> = Site::named("pve");
/// # let mut lab = Lab::named("home");
/// # let nas = lab.add(Storage::dir(PVE, "backups", "/srv/backups").content(["backup"]));
/// lab.add(BackupJob::to(PVE, "nightly", nas.name()).all().at("02:30").keep(Keep::last(3).daily(7).weekly(4)));
/// ```
///
/// Nothing that it has backed up goes with it. Needs `Sys.Modify` on `/`, and `Datastore.AllocateSpace` on the storage when it runs.
#[derive(Clone, Debug, Serialize)]
pub struct BackupJob {
    name: String,
    #[serde(skip)]
    site: Site<Pve>,
    storage: Input<String>,
    schedule: String,
    all: bool,
    guests: Option<Vec<Input<u32>>>,
    except: Option<Vec<Input<u32>>>,
    pool: Option<Input<String>>,
    mode: Option<&'static str>,
    keep: Option<Keep>,
    node: Field<String>,
    naming: Field<String>,
    comment: Field<String>,
    enabled: bool,
}

/// A backup job that has no guests yet.
#[derive(Clone, Debug)]
#[must_use = "a job backs something up: `.all()`, `.guests([..])` or `.pool(..)`"]
pub struct BackupTo {
    site: Site<Pve>,
    name: String,
    storage: Input<String>,
}

impl BackupTo {
    /// All guests, those that are made later too.
    #[must_use]
    pub fn all(self) -> BackupJob {
        BackupJob { all: true, except: Some(vec![]), ..self.of_nothing() }
    }

    /// All guests but these.
    #[must_use]
    pub fn all_but(self, guests: impl IntoIterator<Item = Output<u32>>) -> BackupJob {
        let except = Some(guests.into_iter().map(Input::From).collect());
        BackupJob { all: true, except, ..self.of_nothing() }
    }

    /// These guests.
    #[must_use]
    pub fn guests(self, guests: impl IntoIterator<Item = Output<u32>>) -> BackupJob {
        BackupJob { guests: Some(guests.into_iter().map(Input::From).collect()), ..self.of_nothing() }
    }

    /// The guests of a [`Pool`](super::Pool).
    #[must_use]
    pub fn pool(self, pool: impl Into<Input<String>>) -> BackupJob {
        BackupJob { pool: Some(pool.into()), ..self.of_nothing() }
    }

    fn of_nothing(self) -> BackupJob {
        let BackupTo { site, name, storage } = self;
        BackupJob {
            name,
            site,
            storage,
            schedule: "02:00".to_owned(),
            all: false,
            guests: None,
            except: None,
            pool: None,
            mode: None,
            keep: None,
            node: Field::Unmanaged,
            naming: Field::Unmanaged,
            comment: Field::Unmanaged,
            enabled: true,
        }
    }
}

impl BackupJob {
    /// A job of this name, to this storage.
    ///
    /// # Panics
    /// When it is no name of a job: a letter, then letters, digits, `-` and `_`, 2 to 50.
    #[track_caller]
    pub fn to(site: Site<Pve>, name: &str, storage: impl Into<Input<String>>) -> BackupTo {
        BackupTo { site, name: super::checked_id(WHAT, name, 50), storage: storage.into() }
    }

    /// When it runs, as a calendar event of Proxmox VE: `02:30`, `sat 03:00`, `mon..fri 22:15`; 02:00 every day without this.
    #[must_use]
    pub fn at(self, schedule: impl Into<String>) -> BackupJob {
        BackupJob { schedule: schedule.into(), ..self }
    }

    /// How guests are backed up: while they run, unless said otherwise.
    #[must_use]
    pub fn mode(self, mode: BackupMode) -> BackupJob {
        BackupJob { mode: Some(mode.word()), ..self }
    }

    /// Which backups stay. Without this the storage's own rule holds, which keeps all unless somebody set another.
    #[must_use]
    pub fn keep(self, keep: Keep) -> BackupJob {
        BackupJob { keep: Some(keep), ..self }
    }

    /// Only of guests that are on this node.
    #[must_use]
    pub fn on(self, node: crate::Node) -> BackupJob {
        BackupJob { node: Field::Set(node.name().to_owned()), ..self }
    }

    /// What a backup's notes say, with `{{guestname}}`, `{{node}}`, `{{vmid}}` and `{{cluster}}` filled in.
    #[must_use]
    pub fn notes(self, template: impl Into<String>) -> BackupJob {
        BackupJob { naming: Field::Set(template.into()), ..self }
    }

    /// What it is for; our mark stands behind it.
    #[must_use]
    pub fn comment(self, text: impl Into<String>) -> BackupJob {
        BackupJob { comment: commented(text), ..self }
    }

    /// Switched off.
    #[must_use]
    pub fn disabled(self) -> BackupJob {
        BackupJob { enabled: false, ..self }
    }

    fn at_place<'a>(name: &'a str) -> Place<'a> {
        Place { what: WHAT, name, list: LIST, key: "id" }
    }
}

/// What can be observed of a backup job.
#[derive(Clone, Debug, Serialize)]
pub struct BackupJobState {
    /// Its name.
    pub name: String,
    /// Where the backups go.
    pub storage: Option<String>,
    /// When it runs.
    pub schedule: Option<String>,
    /// Whether it is of all guests.
    pub all: bool,
    /// The guests that it names.
    pub guests: Vec<u32>,
    /// The guests that it leaves out of all.
    pub except: Vec<u32>,
    /// The pool whose guests it is of.
    pub pool: Option<String>,
    /// How it backs up.
    pub mode: String,
    /// Which backups stay; nothing where the storage says it.
    pub keep: Option<Keep>,
    /// The node that it is of.
    pub node: Option<String>,
    /// What the notes of backups are made from.
    pub naming: Option<String>,
    /// What it is for.
    pub comment: Option<String>,
    /// Whether it runs.
    pub enabled: bool,
    #[serde(skip)]
    owner: Owner,
}

fn numbers(row: &Row, key: &str) -> Vec<u32> {
    let mut all: Vec<u32> = words(row, key).iter().filter_map(|word| word.parse().ok()).collect();
    all.sort_unstable();
    all
}

fn list(numbers: &[u32]) -> String {
    numbers.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}

impl BackupJobState {
    fn of(row: &Row) -> BackupJobState {
        let (comment, mark) = text(row, "comment").map(|comment| mark::split_comment(&comment)).unwrap_or_default();
        BackupJobState {
            name: text(row, "id").unwrap_or_default(),
            storage: text(row, "storage"),
            schedule: text(row, "schedule"),
            all: text(row, "all").is_some_and(|all| all != "0"),
            guests: numbers(row, "vmid"),
            except: numbers(row, "exclude"),
            pool: text(row, "pool"),
            mode: text(row, "mode").unwrap_or_else(|| "snapshot".to_owned()),
            keep: row.get("prune-backups").and_then(Keep::read),
            node: text(row, "node"),
            naming: text(row, "notes-template"),
            comment,
            enabled: text(row, "enabled").is_none_or(|on| on != "0"),
            owner: mark.map_or(Owner::Unmarked, Owner::Marked),
        }
    }
}

/// The job as it is listed, with what is kept as text.
async fn job(reader: &crate::client::Reader, name: &str) -> Result<Option<Row>, Failure> {
    let row = row(reader, "the backup jobs", LIST, "id", name).await?;
    Ok(row.map(|mut row| {
        if let Some(keep) = row.get("prune-backups").and_then(Keep::read) {
            row.insert("prune-backups".to_owned(), Value::from(keep.text()));
        }
        row
    }))
}

impl Resource for BackupJob {
    const KIND: &'static str = "proxmox/backup-job";
    type Provider = Pve;
    type State = BackupJobState;
    type Id = NameId;
    type Outputs = NoOutputs;

    fn name(&self) -> &str {
        &self.name
    }
    fn site(&self) -> Site<Pve> {
        self.site
    }
    fn claims(&self) -> Vec<Claim> {
        vec![Claim::new(WHAT, &self.name).within(self.site.name())]
    }
    fn uses(&self) -> Vec<Claim> {
        match &self.storage {
            Input::Known(name) => vec![Storage::claim(self.site, name)],
            Input::From(_) => vec![],
        }
    }
    async fn read(&self, cx: &Look<'_, Pve>) -> Result<Option<BackupJobState>, Failure> {
        let Some(mut state) = Self::find(&NameId { name: self.name.clone() }, cx).await? else { return Ok(None) };
        in_declared_order(&mut state.guests, self.guests.iter().flatten().filter_map(|guest| cx.get(guest)));
        in_declared_order(&mut state.except, self.except.iter().flatten().filter_map(|guest| cx.get(guest)));
        Ok(Some(state))
    }
    async fn inspect(&self, _: Option<&BackupJobState>, cx: &Look<'_, Pve>) -> Result<Vec<Note>, Failure> {
        let Some(storage) = cx.get(&self.storage) else { return Ok(vec![]) };
        let there = row(cx, "the cluster's storages", "/storage", "storage", &storage).await?;
        if there.is_none_or(|there| words(&there, "content").iter().any(|word| word == "backup")) {
            return Ok(vec![]);
        }
        Ok(vec![
            Note::refused(format!("storage {storage} does not hold backups"))
                .hint("let it: `Storage::content([.., \"backup\"])`, or `pvesm set` by hand"),
        ])
    }
    async fn find(id: &NameId, cx: &Look<'_, Pve>) -> Result<Option<BackupJobState>, Failure> {
        Ok(job(cx, &id.name).await?.as_ref().map(BackupJobState::of))
    }
    async fn survey(cx: &Look<'_, Pve>) -> Result<Vec<BackupJobState>, Failure> {
        Ok(rows(cx, "the backup jobs", LIST).await?.iter().map(BackupJobState::of).collect())
    }
    fn id(state: &BackupJobState) -> NameId {
        NameId { name: state.name.clone() }
    }
    fn planned_id(&self) -> Option<NameId> {
        Some(NameId { name: self.name.clone() })
    }
    fn owner(state: &BackupJobState) -> Owner {
        state.owner.clone()
    }
    async fn apply(&self, _: Option<&BackupJobState>, cx: &Apply<'_, Pve>) -> Result<(), Failure> {
        let mut before = job(cx, &self.name).await?;
        let numbers = |guests: &[Input<u32>]| {
            let mut all: Vec<u32> = guests.iter().map(|guest| cx.get(guest)).collect::<Result<_, _>>()?;
            all.sort_unstable();
            Ok::<_, Failure>(Some(list(&all)).filter(|list| !list.is_empty()))
        };
        let comment = mark::of_field(&self.comment, before.as_ref().and_then(|row| text(row, "comment")), cx.mark());
        let mut wanted = BTreeMap::from([
            ("storage", Some(cx.get(&self.storage)?)),
            ("schedule", Some(self.schedule.clone())),
            ("enabled", Some(u8::from(self.enabled).to_string())),
            ("comment", Some(comment)),
        ]);
        if self.all {
            wanted.insert("all", Some("1".to_owned()));
        }
        if let Some(except) = &self.except {
            wanted.insert("exclude", numbers(except)?);
        }
        if let Some(guests) = &self.guests {
            wanted.insert("vmid", numbers(guests)?);
        }
        if let Some(pool) = &self.pool {
            wanted.insert("pool", Some(cx.get(pool)?));
        }
        if let Some(mode) = &self.mode {
            wanted.insert("mode", Some((*mode).to_owned()));
        }
        if let Some(keep) = &self.keep {
            wanted.insert("prune-backups", Some(keep.text()));
        }
        for (key, field) in [("node", &self.node), ("notes-template", &self.naming)] {
            if let Field::Set(value) = field {
                wanted.insert(key, Some(value.clone()));
            }
        }
        if let (Some(before), Some(naming)) = (&mut before, wanted.get("notes-template"))
            && text(before, "notes-template") != *naming
        {
            // The one is taken only together with the other.
            before.remove("storage");
        }
        Self::at_place(&self.name).write(cx, before.as_ref(), &BTreeMap::new(), &wanted).await
    }
    async fn delete(state: &BackupJobState, cx: &Apply<'_, Pve>) -> Result<(), Failure> {
        Self::at_place(&state.name).remove(cx, Params::new()).await
    }
}
