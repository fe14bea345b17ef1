//! [`SnapshotTask`]: snapshots of a dataset at set times, kept for a while.
use crate::{
    Nas,
    resource::{
        Dataset, Fields,
        dataset::{Parent, Within},
        row::{Entry, Row, RowOutputs},
        schedule::{Keep, Schedule, plain},
    },
};
use homelab_core::{AnyHandle, Diagnostic, Edge, Graph, Resource, Site, Text};
use serde::Serialize;

/// Snapshots of a dataset.
///
/// ```
/// # use homelab_core::{Lab, Site};
/// # use homelab_truenas::{Nas, Dataset, Pool, resource::{Keep, Schedule, SnapshotTask}, topology::NasDisks};
/// # const NAS: Site<Nas> = Site::named("nas");
/// # let mut lab = Lab::named("home");
/// # let fast = lab.add(Pool::named("fast").on(NAS).mirror(NAS.disks(["A", "B"])));
/// let databases = lab.add(Dataset::of(fast, "databases"));
/// lab.add(SnapshotTask::of(databases, Schedule::hourly(0), Keep::days(2)));
/// ```
pub type SnapshotTask = Entry<Snapshots>;

/// What a snapshot task is.
#[derive(Clone, Debug, Serialize)]
pub struct Snapshots {
    dataset: Text,
    recursive: bool,
    naming_schema: String,
    schedule: Schedule,
    #[serde(flatten)]
    keep: Keep,
    allow_empty: bool,
    enabled: bool,
    #[serde(skip)]
    name: String,
    #[serde(skip)]
    within: Within,
}

impl SnapshotTask {
    /// Snapshots of this dataset, or of the root dataset of a pool.
    #[must_use]
    pub fn of(dataset: impl Parent, schedule: Schedule, keep: Keep) -> SnapshotTask {
        let within = dataset.within();
        let name = "snapshots".to_owned();
        Entry(Snapshots {
            dataset: within.dataset.clone(),
            recursive: false,
            naming_schema: "auto-%Y-%m-%d_%H-%M".to_owned(),
            schedule,
            keep,
            allow_empty: true,
            enabled: true,
            name,
            within,
        })
    }
    /// Also of everything in it.
    #[must_use]
    pub fn recursive(mut self) -> SnapshotTask {
        self.0.recursive = true;
        self
    }
    /// Called this in the lab and in the names of the snapshots, where a dataset has several tasks: `hourly` gives
    /// `hourly-2026-01-31_12-00`.
    ///
    /// # Panics
    /// On anything but letters, digits and `-`.
    #[must_use]
    #[track_caller]
    pub fn named(mut self, name: impl Into<String>) -> SnapshotTask {
        let name = name.into();
        let fine = |c: char| c.is_ascii_alphanumeric() || c == '-';
        assert!(
            !name.is_empty() && name.chars().all(fine),
            "`{name}` is no name for snapshots: letters, digits and `-`"
        );
        self.0.naming_schema = format!("{name}-%Y-%m-%d_%H-%M");
        self.0.name = name;
        self
    }
    /// None is made when nothing has changed since the last one.
    #[must_use]
    pub fn only_if_changed(mut self) -> SnapshotTask {
        self.0.allow_empty = false;
        self
    }
}

impl Row for Snapshots {
    const KIND: &'static str = "truenas/snapshots";
    const TABLE: &'static str = "pool.snapshottask";
    /// A task has no name (truenas-notes section 9); the names of its snapshots tell it from others.
    const KEY: &'static [&'static str] = &["dataset", "naming_schema"];
    type Outputs = RowOutputs;

    fn name(&self) -> &str {
        &self.name
    }
    fn site(&self) -> Site<Nas> {
        self.within.site
    }
    fn lives_in(&self) -> Option<AnyHandle> {
        Some(self.within.handle)
    }
    fn key(&self) -> impl Serialize + Send {
        (&self.dataset, &self.naming_schema)
    }
    fn observed(mut row: Fields) -> Fields {
        row.get_mut("schedule").into_iter().for_each(plain);
        row
    }
}

/// A rule for a lab: every dataset has snapshots, its own or those of what it lies in, or is listed here as one that needs none.
///
/// ```
/// # use homelab_core::{Diagnostic, Graph, Lab};
/// # use homelab_truenas::resource::every_dataset_has_snapshots;
/// # let mut lab = Lab::named("home");
/// fn snapshots(graph: &Graph) -> Vec<Diagnostic> {
///     every_dataset_has_snapshots(graph, &["truenas/dataset/nas/fast/scratch"])
/// }
/// lab.check(snapshots);
/// ```
#[must_use]
pub fn every_dataset_has_snapshots(graph: &Graph, except: &[&str]) -> Vec<Diagnostic> {
    let tasks = || graph.resources().filter(|r| r.kind() == Snapshots::KIND);
    let covered = |key: &str| {
        tasks().any(|task| {
            task.needs().iter().any(|(parent, edge)| {
                let recursive = task.spec().get("recursive") == Some(&homelab_core::Tree::Bool(true));
                *edge == Edge::Within && (*parent == key || (recursive && lies_in(graph, key, parent)))
            })
        })
    };
    let datasets = graph.resources().filter(|r| r.kind() == Dataset::KIND);
    let bare = datasets.filter(|r| !except.contains(&r.key()) && !covered(r.key()));
    bare.map(|r| {
        Diagnostic::error(
            "this dataset has no snapshots: add a `SnapshotTask` for it, or list it as one that needs none",
        )
        .at(r.key(), r.declared_at())
    })
    .collect()
}

/// Whether a resource lies in another, however deep.
fn lies_in(graph: &Graph, key: &str, outer: &str) -> bool {
    let mut at = key.to_owned();
    while let Some(resource) = graph.resource(&at) {
        let Some((parent, _)) = resource.needs().into_iter().find(|(_, edge)| *edge == Edge::Within) else {
            return false;
        };
        if parent == outer {
            return true;
        }
        at = parent.to_owned();
    }
    false
}
