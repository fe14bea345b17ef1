//! [`HaResource`]: a guest that the cluster keeps running.
use super::super::{NameId, Place, Row, commented, rows, text};
use super::has_rules;
use crate::{
    Pve,
    api::GuestKind,
    client::{Params, Reader},
    resource::mark,
};
use homelab_core::{Apply, Claim, Failure, Field, Input, Look, Output, Owner, Resource, Site, outputs, plan::Note};
use serde::Serialize;
use std::collections::BTreeMap;

const LIST: &str = "/cluster/ha/resources";
const WHAT: &str = "resource of high availability";

/// A guest that the cluster keeps running: when its node fails, another one starts it.
///
/// ```
/// # use homelab_core::{Lab, Site};
/// # use homelab_proxmox::{Node, Pve, Vm, resource::{HaResource, HaRule}};
/// # const PVE: Site<Pve> = Site::named("pve");
/// # const DIN: Node = Node::of(PVE, "din");
/// # const GROGU: Node = Node::of(PVE, "grogu");
/// # let mut lab = Lab::named("home");
/// # let web = lab.add(Vm::blank().on(DIN).id(201).named("web"));
/// let web = lab.add(HaResource::of(PVE, "web", web.vmid()));
/// lab.add(HaRule::nodes(PVE, "web-on-din", [web.sid()], [(DIN, 2), (GROGU, 1)]));
/// ```
///
/// Its disks must be where the other node reaches them: on shared storage, or copied by a [`Replication`](super::super::Replication).
/// Two nodes alone have no quorum when one fails, and then nothing is started: a third vote is needed. The guest runs on when the
/// definition goes. Needs `Sys.Console` on `/`.
#[derive(Clone, Debug, Serialize)]
pub struct HaResource {
    #[serde(skip)]
    name: String,
    #[serde(skip)]
    site: Site<Pve>,
    guest: Input<u32>,
    group: Option<Input<String>>,
    wanted: Option<&'static str>,
    max_restart: Option<u32>,
    max_relocate: Option<u32>,
    comment: Field<String>,
}

/// What can be observed of a resource of high availability.
#[derive(Clone, Debug, Serialize)]
pub struct HaResourceState {
    /// What it is called: `vm:201`, `ct:204`.
    pub sid: String,
    /// The guest's number.
    pub guest: u32,
    /// Its group, on release 8.
    pub group: Option<String>,
    /// What the cluster does with it: `started`, `stopped`, `disabled`, `ignored`.
    pub wanted: String,
    /// How often it is started again on its node.
    pub max_restart: u32,
    /// How often it is started on another one.
    pub max_relocate: u32,
    /// What it is for.
    pub comment: Option<String>,
    #[serde(skip)]
    owner: Owner,
}

outputs!(
    /// What others need to know of a resource of high availability.
    HaResourceOutputs of HaResourceState {
        /// What rules call it: `vm:201`.
        sid: String,
    }
);

impl HaResource {
    /// This guest is kept running. That a guest which is declared as stopped is not started: [`stopped`](Self::stopped).
    #[must_use]
    pub fn of(site: Site<Pve>, name: impl Into<String>, guest: Output<u32>) -> HaResource {
        HaResource {
            name: name.into(),
            site,
            guest: Input::From(guest),
            group: None,
            wanted: None,
            max_restart: None,
            max_relocate: None,
            comment: Field::Unmanaged,
        }
    }

    /// On the nodes of this [`HaGroup`](super::HaGroup). Release 8 only.
    #[must_use]
    pub fn group(self, group: impl Into<Input<String>>) -> HaResource {
        HaResource { group: Some(group.into()), ..self }
    }

    /// It is started, and kept so.
    #[must_use]
    pub fn started(self) -> HaResource {
        HaResource { wanted: Some("started"), ..self }
    }

    /// It is shut down, and moved away from a node that fails all the same.
    #[must_use]
    pub fn stopped(self) -> HaResource {
        HaResource { wanted: Some("stopped"), ..self }
    }

    /// The cluster leaves it alone.
    #[must_use]
    pub fn ignored(self) -> HaResource {
        HaResource { wanted: Some("ignored"), ..self }
    }

    /// How often it is started again on its node when that fails: 1 unless somebody set another.
    #[must_use]
    pub fn restarts(self, most: u32) -> HaResource {
        HaResource { max_restart: Some(most), ..self }
    }

    /// How often it is then started on another one: 1 unless somebody set another.
    #[must_use]
    pub fn relocations(self, most: u32) -> HaResource {
        HaResource { max_relocate: Some(most), ..self }
    }

    /// What it is for; our mark stands behind it.
    #[must_use]
    pub fn comment(self, text: impl Into<String>) -> HaResource {
        HaResource { comment: commented(text), ..self }
    }
}

fn state(row: &Row) -> HaResourceState {
    let (comment, mark) = text(row, "comment").map(|comment| mark::split_comment(&comment)).unwrap_or_default();
    let sid = text(row, "sid").unwrap_or_default();
    let number = |key: &str| text(row, key).and_then(|text| text.parse().ok()).unwrap_or(1);
    HaResourceState {
        guest: sid.split(':').nth(1).and_then(|guest| guest.parse().ok()).unwrap_or_default(),
        group: text(row, "group"),
        wanted: text(row, "state").unwrap_or_else(|| "started".to_owned()),
        max_restart: number("max_restart"),
        max_relocate: number("max_relocate"),
        comment,
        owner: mark.map_or(Owner::Unmarked, Owner::Marked),
        sid,
    }
}

async fn of_guest(reader: &Reader, guest: u32) -> Result<Option<Row>, Failure> {
    let all = rows(reader, "the resources of high availability", LIST).await?;
    Ok(all.iter().find(|row| state(row).guest == guest).cloned())
}

fn place(sid: &str) -> Place<'_> {
    Place { what: WHAT, name: sid, list: LIST, key: "sid" }
}

impl Resource for HaResource {
    const KIND: &'static str = "proxmox/ha-resource";
    const REPLACE_ON: &'static [&'static str] = &["guest"];
    type Provider = Pve;
    type State = HaResourceState;
    type Id = NameId;
    type Outputs = HaResourceOutputs;

    fn name(&self) -> &str {
        &self.name
    }
    fn site(&self) -> Site<Pve> {
        self.site
    }
    fn claims(&self) -> Vec<Claim> {
        vec![Claim::new(WHAT, &self.name).within(self.site.name())]
    }
    async fn read(&self, cx: &Look<'_, Pve>) -> Result<Option<HaResourceState>, Failure> {
        let Some(guest) = cx.get(&self.guest) else { return Ok(None) };
        Ok(of_guest(cx, guest).await?.as_ref().map(state))
    }
    async fn inspect(&self, _: Option<&HaResourceState>, cx: &Look<'_, Pve>) -> Result<Vec<Note>, Failure> {
        let mut notes = Vec::new();
        if self.group.is_some() && has_rules(cx).await? {
            notes.push(
                Note::refused("this release of Proxmox VE has no groups of high availability")
                    .hint("say by an `HaRule` on which nodes it runs"),
            );
        }
        if cx.resources().await?.nodes().count() < 3 {
            notes.push(
                Note::info(
                    "fewer than three nodes: when one fails, nothing is started elsewhere unless a QDevice votes too",
                )
                .hint("`pvecm qdevice setup ADDRESS` on a node, with `corosync-qnetd` on a third machine"),
            );
        }
        Ok(notes)
    }
    async fn find(id: &NameId, cx: &Look<'_, Pve>) -> Result<Option<HaResourceState>, Failure> {
        let all = rows(cx, "the resources of high availability", LIST).await?;
        Ok(all.iter().map(state).find(|state| state.sid == id.name))
    }
    async fn survey(cx: &Look<'_, Pve>) -> Result<Vec<HaResourceState>, Failure> {
        Ok(rows(cx, "the resources of high availability", LIST).await?.iter().map(state).collect())
    }
    fn id(state: &HaResourceState) -> NameId {
        NameId { name: state.sid.clone() }
    }
    fn owner(state: &HaResourceState) -> Owner {
        state.owner.clone()
    }
    async fn apply(&self, _: Option<&HaResourceState>, cx: &Apply<'_, Pve>) -> Result<(), Failure> {
        let guest = cx.get(&self.guest)?;
        let before = of_guest(cx, guest).await?;
        let container = cx.guest(guest).await?.is_some_and(|guest| guest.kind == GuestKind::Lxc);
        let sid = format!("{}:{guest}", if container { "ct" } else { "vm" });
        let comment = mark::of_field(&self.comment, before.as_ref().and_then(|row| text(row, "comment")), cx.mark());
        let mut wanted = BTreeMap::from([("comment", Some(comment))]);
        if let Some(group) = &self.group {
            wanted.insert("group", Some(cx.get(group)?));
        }
        wanted.extend(self.wanted.map(|wanted| ("state", Some(wanted.to_owned()))));
        for (key, most) in [("max_restart", self.max_restart), ("max_relocate", self.max_relocate)] {
            wanted.extend(most.map(|most| (key, Some(most.to_string()))));
        }
        place(&sid).write(cx, before.as_ref(), &BTreeMap::new(), &wanted).await
    }
    async fn delete(state: &HaResourceState, cx: &Apply<'_, Pve>) -> Result<(), Failure> {
        place(&state.sid).remove(cx, Params::new()).await
    }
}
