//! [`Replication`]: the disks of a guest are copied to another node again and again.
use super::{Place, Row, commented, row, rows, text};
use crate::{
    Pve,
    client::{Params, Reader},
    resource::{Node, mark},
};
use homelab_core::{Apply, Claim, Failure, Field, Input, Look, NoOutputs, Output, Owner, Resource, Site, plan::Note};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, time::Duration};
use tokio::time::{Instant, sleep};

const LIST: &str = "/cluster/replication";
const WHAT: &str = "replication job";
/// How long a job that is taken away may stay in the list: the node looks at its jobs once a minute, and then removes the copies.
const REMOVAL_LIMIT: Duration = Duration::from_secs(600);
/// The pause between two looks.
const PAUSE: Duration = Duration::from_secs(10);

/// A job that copies the disks of a guest to another node, at set times: what changed since the last time is sent.
///
/// ```
/// # use homelab_core::{Lab, Site};
/// # use homelab_proxmox::{Node, Pve, Vm, resource::Replication};
/// # const PVE: Site<Pve> = Site::named("pve");
/// # const DIN: Node = Node::of(PVE, "din");
/// # const GROGU: Node = Node::of(PVE, "grogu");
/// # let mut lab = Lab::named("home");
/// # let web = lab.add(Vm::blank().on(DIN).id(201).named("web"));
/// lab.add(Replication::of("web", web.vmid(), GROGU).every("*/30"));
/// ```
///
/// All disks of the guest must be on ZFS, on a storage that both nodes have; the job itself says so when it runs, the API does not.
/// When the job goes, the copies on the other node go with it. Needs `VM.Replicate` on the guest, on release 8
/// `Datastore.Allocate` on `/storage` (pve-notes section 4).
#[derive(Clone, Debug, Serialize)]
pub struct Replication {
    #[serde(skip)]
    name: String,
    #[serde(skip)]
    site: Site<Pve>,
    guest: Input<u32>,
    target: String,
    schedule: String,
    rate: Field<u32>,
    comment: Field<String>,
    enabled: bool,
    /// What is wanted is never on its way out.
    removing: bool,
}

impl Replication {
    /// The disks of this guest are copied to this node, every 15 minutes unless [said otherwise](Self::every).
    #[must_use]
    pub fn of(name: impl Into<String>, guest: Output<u32>, to: Node) -> Replication {
        Replication {
            name: name.into(),
            site: to.site(),
            guest: Input::From(guest),
            target: to.name().to_owned(),
            schedule: "*/15".to_owned(),
            rate: Field::Unmanaged,
            comment: Field::Unmanaged,
            enabled: true,
            removing: false,
        }
    }

    /// When, as a calendar event of Proxmox VE: `*/30` is every half hour, `02:30` once a day.
    #[must_use]
    pub fn every(self, schedule: impl Into<String>) -> Replication {
        Replication { schedule: schedule.into(), ..self }
    }

    /// At most so many MiB a second; 0 takes the limit away.
    #[must_use]
    pub fn at_most(self, mib_per_second: u32) -> Replication {
        Replication { rate: if mib_per_second == 0 { Field::Cleared } else { Field::Set(mib_per_second) }, ..self }
    }

    /// What it is for; our mark stands behind it.
    #[must_use]
    pub fn comment(self, text: impl Into<String>) -> Replication {
        Replication { comment: commented(text), ..self }
    }

    /// Switched off.
    #[must_use]
    pub fn disabled(self) -> Replication {
        Replication { enabled: false, ..self }
    }
}

/// What a replication job is found by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplicationId {
    /// The guest's number, a dash, and the number of the job among those of the guest.
    pub id: String,
}

/// What can be observed of a replication job.
#[derive(Clone, Debug, Serialize)]
pub struct ReplicationState {
    /// The guest's number, a dash, and the number of the job among those of the guest.
    pub id: String,
    /// The guest whose disks are copied.
    pub guest: u32,
    /// The node that they are copied to.
    pub target: String,
    /// When.
    pub schedule: String,
    /// At most so many MiB a second; nothing if there is no limit.
    pub rate: Option<u32>,
    /// What it is for.
    pub comment: Option<String>,
    /// Whether it runs.
    pub enabled: bool,
    /// Whether it was taken away, and the copies are still being removed.
    pub removing: bool,
    #[serde(skip)]
    owner: Owner,
}

impl ReplicationState {
    fn of(row: &Row) -> ReplicationState {
        let (comment, mark) = text(row, "comment").map(|comment| mark::split_comment(&comment)).unwrap_or_default();
        let id = text(row, "id").unwrap_or_default();
        let guest = id.split('-').next().and_then(|guest| guest.parse().ok()).unwrap_or_default();
        ReplicationState {
            guest,
            target: text(row, "target").unwrap_or_default(),
            schedule: text(row, "schedule").unwrap_or_else(|| "*/15".to_owned()),
            rate: text(row, "rate").and_then(|rate| rate.parse::<f64>().ok()).map(|rate| rate as u32),
            comment,
            enabled: text(row, "disable").is_none_or(|off| off == "0"),
            removing: row.contains_key("remove_job"),
            owner: mark.map_or(Owner::Unmarked, Owner::Marked),
            id,
        }
    }
}

async fn all(reader: &Reader) -> Result<Vec<ReplicationState>, Failure> {
    Ok(rows(reader, "the replication jobs", LIST).await?.iter().map(ReplicationState::of).collect())
}

async fn job(reader: &Reader, id: &str) -> Result<Option<Row>, Failure> {
    row(reader, "the replication jobs", LIST, "id", id).await
}

/// Waits until a job that was taken away is gone.
async fn gone(cx: &Apply<'_, Pve>, id: &str) -> Result<(), Failure> {
    let began = Instant::now();
    while job(cx, id).await?.is_some() {
        if began.elapsed() >= REMOVAL_LIMIT {
            return Err(Failure::passing(format!("replication job {id} is still being removed after {} minutes", REMOVAL_LIMIT.as_secs() / 60))
                .hint("its copies are removed by the guest's node when it next looks at its jobs: both nodes must be up; then run again"));
        }
        sleep(PAUSE).await;
    }
    Ok(())
}

fn place(id: &str) -> Place<'_> {
    Place { what: WHAT, name: id, list: LIST, key: "id" }
}

impl Resource for Replication {
    const KIND: &'static str = "proxmox/replication";
    const REPLACE_ON: &'static [&'static str] = &["guest", "target"];
    type Provider = Pve;
    type State = ReplicationState;
    type Id = ReplicationId;
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
    async fn read(&self, cx: &Look<'_, Pve>) -> Result<Option<ReplicationState>, Failure> {
        let all = all(cx).await?;
        let ours = all.iter().find(|job| job.owner == Owner::Marked(cx.mark().clone()));
        let guest = cx.get(&self.guest);
        let same = || all.iter().find(|job| Some(job.guest) == guest && job.target == self.target);
        Ok(ours.or_else(same).cloned())
    }
    async fn inspect(&self, _: Option<&ReplicationState>, cx: &Look<'_, Pve>) -> Result<Vec<Note>, Failure> {
        let mut notes = Vec::new();
        if !cx.resources().await?.nodes().any(|(node, _)| node == self.target) {
            notes.push(
                Note::refused(format!("there is no node {} in this cluster", self.target))
                    .hint("only nodes of one cluster copy to each other"),
            );
        }
        Ok(notes)
    }
    async fn find(id: &ReplicationId, cx: &Look<'_, Pve>) -> Result<Option<ReplicationState>, Failure> {
        Ok(job(cx, &id.id).await?.as_ref().map(ReplicationState::of))
    }
    async fn survey(cx: &Look<'_, Pve>) -> Result<Vec<ReplicationState>, Failure> {
        all(cx).await
    }
    fn id(state: &ReplicationState) -> ReplicationId {
        ReplicationId { id: state.id.clone() }
    }
    fn owner(state: &ReplicationState) -> Owner {
        state.owner.clone()
    }
    async fn apply(&self, now: Option<&ReplicationState>, cx: &Apply<'_, Pve>) -> Result<(), Failure> {
        let guest = cx.get(&self.guest)?;
        let id = match now {
            Some(now) => now.id.clone(),
            None => {
                let all = all(cx).await?;
                let free = (0..).find(|n| all.iter().all(|job| job.id != format!("{guest}-{n}")));
                format!("{guest}-{}", free.unwrap_or(0))
            }
        };
        if now.is_some_and(|now| now.removing) {
            gone(cx, &id).await?;
        }
        let before = job(cx, &id).await?;
        let is = ReplicationState::of;
        let comment = mark::of_field(&self.comment, before.as_ref().and_then(|row| text(row, "comment")), cx.mark());
        let mut wanted = BTreeMap::from([("comment", Some(comment))]);
        if before.as_ref().is_none_or(|row| is(row).schedule != self.schedule) {
            wanted.insert("schedule", Some(self.schedule.clone()));
        }
        match &self.rate {
            Field::Set(rate) if before.as_ref().is_none_or(|row| is(row).rate != Some(*rate)) => {
                wanted.insert("rate", Some(rate.to_string()));
            }
            Field::Cleared => drop(wanted.insert("rate", None)),
            _ => {}
        }
        if before.as_ref().map_or(!self.enabled, |row| is(row).enabled != self.enabled) {
            wanted.insert("disable", Some(u8::from(!self.enabled).to_string()));
        }
        let fixed = BTreeMap::from([("type", "local".to_owned()), ("target", self.target.clone())]);
        place(&id).write(cx, before.as_ref(), &fixed, &wanted).await
    }
    async fn delete(state: &ReplicationState, cx: &Apply<'_, Pve>) -> Result<(), Failure> {
        // The copies go first, which the node does; only then another job may have the number.
        place(&state.id).remove(cx, Params::new()).await?;
        gone(cx, &state.id).await
    }
}
