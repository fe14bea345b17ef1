//! [`Replication`]: snapshots of datasets, sent to another pool or another machine.
use crate::{
    Nas, NasReader,
    resource::{
        Fields, SshConnection,
        dataset::{Parent, Within, datasets},
        row::{Entry, Row, RowOutputs, RowState, at_site, by_id},
        schedule::{Keep, Schedule, plain},
        task::SnapshotTask,
    },
    topology::capacity::about,
};
use homelab_core::{Apply, Failure, Handle, Input, Look, Output, Site, Text, plan::Note, units::Size};
use serde::Serialize;
use serde_json::Value;

/// Snapshots that are sent elsewhere.
///
/// ```
/// # use homelab_core::{Lab, Site, units::Network};
/// # use homelab_truenas::{Nas, Dataset, Pool, topology::NasDisks};
/// # use homelab_truenas::resource::{Keep, Replication, Schedule, Service, SnapshotTask, SshConnection, SshKey};
/// # const NAS: Site<Nas> = Site::named("nas");
/// # const BACKUP: Site<Nas> = Site::named("backup");
/// # const STORAGE: Network = Network::new("storage", [10, 10, 10, 0], 24);
/// # let mut lab = Lab::named("home");
/// # let fast = lab.add(Pool::named("fast").on(NAS).mirror(NAS.disks(["A", "B"])));
/// # let tank = lab.add(Pool::named("tank").on(BACKUP).mirror(BACKUP.disks(["C", "D"])));
/// # let databases = lab.add(Dataset::of(fast, "databases"));
/// # let hourly = lab.add(SnapshotTask::of(databases, Schedule::hourly(0), Keep::days(2)));
/// let ssh = lab.add(Service::ssh().on(BACKUP));
/// let key = lab.add(SshKey::named("replication").on(NAS));
/// let link = lab.add(SshConnection::named("backup").from(key, "replication", STORAGE.host(14), ssh.host_key()));
/// lab.add(Replication::named("databases").of(databases, hourly).to(link, tank).keep(Keep::months(3)));
/// ```
///
/// The NAS that holds the task dials. What is at the far end under the target's name and does not come from here is never
/// overwritten.
pub type Replication = Entry<ReplicationRow>;

/// A replication without a source.
#[derive(Clone, Debug)]
pub struct ReplicationOf(String);

/// A replication without a target.
#[derive(Clone, Debug)]
pub struct ReplicationTo {
    name: String,
    source: Within,
    task: Output<u64>,
}

/// What a replication is.
#[derive(Clone, Debug, Serialize)]
pub struct ReplicationRow {
    #[serde(rename = "name")]
    task_name: String,
    direction: &'static str,
    transport: &'static str,
    ssh_credentials: Option<Output<u64>>,
    source_datasets: Vec<Text>,
    target_dataset: Text,
    recursive: bool,
    properties: bool,
    periodic_snapshot_tasks: Vec<Output<u64>>,
    auto: bool,
    schedule: Option<Schedule>,
    retention_policy: &'static str,
    #[serde(flatten)]
    keep: Option<Keep>,
    readonly: &'static str,
    allow_from_scratch: bool,
    sudo: Option<bool>,
    compression: Option<&'static str>,
    enabled: bool,
    #[serde(skip)]
    room: Input<u64>,
    #[serde(skip)]
    name: String,
    #[serde(skip)]
    site: Site<Nas>,
}

impl Replication {
    /// The replication of this name.
    #[must_use]
    pub fn named(name: impl Into<String>) -> ReplicationOf {
        ReplicationOf(name.into())
    }
    /// How long snapshots are kept at the target. Without it, as long as at the source.
    #[must_use]
    pub fn keep(mut self, keep: Keep) -> Replication {
        (self.0.retention_policy, self.0.keep) = ("CUSTOM", Some(keep));
        self
    }
    /// Also what lies in the dataset.
    #[must_use]
    pub fn recursive(mut self) -> Replication {
        self.0.recursive = true;
        self
    }
    /// At times of its own, and not after each snapshot.
    #[must_use]
    pub fn at(mut self, schedule: Schedule) -> Replication {
        self.0.schedule = Some(schedule);
        self
    }
    /// The far end's user runs `zfs` with sudo.
    #[must_use]
    pub fn sudo(mut self) -> Replication {
        self.0.sudo = Some(true);
        self
    }
    /// Compressed on the way: for slow links. The far end needs `lz4c`.
    #[must_use]
    pub fn compressed(mut self) -> Replication {
        self.0.compression = Some("LZ4");
        self
    }
}

impl ReplicationOf {
    /// Of this dataset: the snapshots of this task, sent as soon as they are made.
    #[must_use]
    pub fn of(self, dataset: impl Parent, task: Handle<SnapshotTask>) -> ReplicationTo {
        ReplicationTo { name: self.0, source: dataset.within(), task: task.id() }
    }
}

impl ReplicationTo {
    /// To a dataset of the same name below this pool or dataset, on the machine that the connection leads to.
    ///
    /// # Panics
    /// When the connection is one of another NAS than the source.
    #[must_use]
    #[track_caller]
    pub fn to(self, link: Handle<SshConnection>, target: impl Parent) -> Replication {
        let target = target.within();
        assert!(
            link.site().name() == self.source.site.name(),
            "the connection is one of `{}`, and the dataset is on `{}`, which has to dial",
            link.site().name(),
            self.source.site.name()
        );
        let at = homelab_core::text![target.dataset.clone(), "/", self.name.clone()];
        self.sent("SSH", Some(link.id()), at, target.room)
    }
    /// To a dataset of the same name below another pool or dataset of the same NAS.
    ///
    /// # Panics
    /// When the target is on another NAS.
    #[must_use]
    #[track_caller]
    pub fn to_here(self, target: impl Parent) -> Replication {
        let target = target.within();
        assert!(
            target.site.name() == self.source.site.name(),
            "the target is on `{}`: `.to(connection, target)` goes to another NAS",
            target.site.name()
        );
        let at = homelab_core::text![target.dataset.clone(), "/", self.name.clone()];
        self.sent("LOCAL", None, at, target.room)
    }

    fn sent(self, transport: &'static str, link: Option<Output<u64>>, target: Text, room: Output<u64>) -> Replication {
        let site = self.source.site;
        Entry(ReplicationRow {
            name: at_site(site, &self.name),
            task_name: self.name,
            direction: "PUSH",
            transport,
            ssh_credentials: link,
            source_datasets: vec![self.source.dataset],
            target_dataset: target,
            recursive: false,
            properties: true,
            periodic_snapshot_tasks: vec![self.task],
            auto: true,
            schedule: None,
            retention_policy: "SOURCE",
            keep: None,
            readonly: "SET",
            // Would destroy whatever is at the target and does not match.
            allow_from_scratch: false,
            sudo: None,
            compression: None,
            enabled: true,
            room: room.into(),
            site,
        })
    }
}

impl Row for ReplicationRow {
    const KIND: &'static str = "truenas/replication";
    const TABLE: &'static str = "replication";
    const KEY: &'static [&'static str] = &["name"];
    type Outputs = RowOutputs;

    fn name(&self) -> &str {
        &self.name
    }
    fn site(&self) -> Site<Nas> {
        self.site
    }
    fn key(&self) -> impl Serialize + Send {
        (&self.task_name,)
    }
    /// Credentials and tasks come as objects and go as numbers.
    fn observed(row: Fields) -> Fields {
        let mut row = by_id(row, &["ssh_credentials", "periodic_snapshot_tasks"]);
        row.get_mut("schedule").into_iter().for_each(plain);
        row
    }
    /// How it went last, and whether what is sent can fit.
    async fn inspect(&self, now: Option<&RowState>, cx: &Look<'_, Nas>) -> Result<Vec<Note>, Failure> {
        let mut notes: Vec<Note> = now.and_then(went).into_iter().collect();
        let source = match self.source_datasets.first() {
            Some(source) => cx.filled(source)?,
            None => None,
        };
        if let Some(used) = used(source.as_ref(), cx).await? {
            notes.push(Note::info(format!("the source holds {}", about(used))));
            // What has arrived already takes no room any more.
            let room = cx.get(&self.room).map(Size::bytes).filter(|_| now.is_none());
            notes.extend(
                room.filter(|room| *room < used)
                    .map(|room| self.too_much(used, room))
                    .map(|(what, hint)| Note::refused(what).hint(hint)),
            );
        }
        Ok(notes)
    }
    /// The target may have been made, or filled, since it was planned.
    async fn create_only(&self, cx: &Apply<'_, Nas>) -> Result<Fields, Failure> {
        let source = match self.source_datasets.first() {
            Some(source) => Some(cx.filled(source)?),
            None => None,
        };
        let room = Size::bytes(cx.get(&self.room)?);
        match used(source.as_ref(), cx).await? {
            Some(used) if room < used => {
                let (what, hint) = self.too_much(used, room);
                Err(Failure::new(what).hint(hint))
            }
            _ => Ok(Fields::new()),
        }
    }
}

/// How much a dataset holds.
async fn used(dataset: Option<&Value>, nas: &NasReader) -> Result<Option<Size>, Failure> {
    let name = dataset.and_then(Value::as_str);
    let rows = datasets(nas).await?;
    let row = rows.iter().flat_map(|rows| rows.iter()).find(|row| Some(row.id.as_str()) == name);
    Ok(row.and_then(|row| row.size("used")))
}

impl ReplicationRow {
    /// What does not fit, and what helps.
    fn too_much(&self, used: Size, room: Size) -> (String, &'static str) {
        let what = format!(
            "replication {}: the source holds {}, and at its target only {} are free",
            self.task_name,
            about(used),
            about(room)
        );
        (what, "make room at the target, or replicate less")
    }
}

/// How it went last.
fn went(now: &RowState) -> Option<Note> {
    let word = now.news.get("state").and_then(Value::as_str)?;
    let error = now.news.get("error").and_then(Value::as_str).unwrap_or_default();
    let last = now.news.get("last_snapshot").and_then(Value::as_str);
    Some(match (word, last) {
        ("ERROR", _) => Note::info(format!("it failed the last time: {error}")),
        (_, Some(last)) => Note::info(format!("the last snapshot that arrived is {last}")),
        _ => Note::info("nothing has arrived at the target yet"),
    })
}
