//! [`HaGroup`]: the nodes on which guests are kept running, on release 8.
use super::super::{NameId, Place, Row, checked_id, commented, row, rows, text, words};
use super::{has_rules, preferred, unknown};
use crate::{
    Pve,
    client::{Params, Reader},
    resource::{Node, mark},
};
use homelab_core::{Apply, Claim, Failure, Field, Look, Owner, Resource, Site, outputs, plan::Note};
use serde::Serialize;
use std::collections::BTreeMap;

const LIST: &str = "/cluster/ha/groups";
const WHAT: &str = "group of high availability";

/// The nodes on which guests are kept running. Release 8 only: release 9 has [`HaRule`](super::HaRule) instead, which the plan says.
///
/// Needs `Sys.Console` on `/`.
#[derive(Clone, Debug, Serialize)]
pub struct HaGroup {
    name: String,
    #[serde(skip)]
    site: Site<Pve>,
    nodes: Vec<String>,
    restricted: bool,
    failback: bool,
    comment: Field<String>,
}

/// What can be observed of a group.
#[derive(Clone, Debug, Serialize)]
pub struct HaGroupState {
    /// Its name.
    pub name: String,
    /// Its nodes, each with its priority behind a colon unless that is 0; sorted.
    pub nodes: Vec<String>,
    /// Whether guests run on these nodes alone.
    pub restricted: bool,
    /// Whether guests go back to the node that is preferred.
    pub failback: bool,
    /// What it is for.
    pub comment: Option<String>,
    #[serde(skip)]
    owner: Owner,
}

outputs!(
    /// What others need to know of a group.
    HaGroupOutputs of HaGroupState {
        /// Its name.
        name: String,
    }
);

impl HaGroup {
    /// A group of these nodes, each with how much it is preferred: the highest number wins, 0 is the least.
    ///
    /// # Panics
    /// When it is no name of a group: a letter, then letters, digits, `-` and `_`, 2 to 50.
    #[must_use]
    #[track_caller]
    pub fn named(site: Site<Pve>, name: &str, nodes: impl IntoIterator<Item = (Node, u32)>) -> HaGroup {
        let (name, nodes) = (checked_id(WHAT, name, 50), preferred(nodes));
        HaGroup { name, site, nodes, restricted: false, failback: true, comment: Field::Unmanaged }
    }

    /// On these nodes alone: guests stay off when none of them is there.
    #[must_use]
    pub fn restricted(self) -> HaGroup {
        HaGroup { restricted: true, ..self }
    }

    /// Guests stay where they were taken to when a node that is preferred comes back.
    #[must_use]
    pub fn no_failback(self) -> HaGroup {
        HaGroup { failback: false, ..self }
    }

    /// What it is for; our mark stands behind it.
    #[must_use]
    pub fn comment(self, text: impl Into<String>) -> HaGroup {
        HaGroup { comment: commented(text), ..self }
    }
}

fn state(row: &Row) -> HaGroupState {
    let (comment, mark) = text(row, "comment").map(|comment| mark::split_comment(&comment)).unwrap_or_default();
    let on = |key: &str| text(row, key).is_some_and(|on| on != "0");
    HaGroupState {
        name: text(row, "group").unwrap_or_default(),
        nodes: words(row, "nodes"),
        restricted: on("restricted"),
        failback: !on("nofailback"),
        comment,
        owner: mark.map_or(Owner::Unmarked, Owner::Marked),
    }
}

async fn group(reader: &Reader, name: &str) -> Result<Option<Row>, Failure> {
    // Release 9 fails where groups were listed.
    if has_rules(reader).await? { Ok(None) } else { row(reader, "the groups", LIST, "group", name).await }
}

fn place(name: &str) -> Place<'_> {
    Place { what: WHAT, name, list: LIST, key: "group" }
}

impl Resource for HaGroup {
    const KIND: &'static str = "proxmox/ha-group";
    type Provider = Pve;
    type State = HaGroupState;
    type Id = NameId;
    type Outputs = HaGroupOutputs;

    fn name(&self) -> &str {
        &self.name
    }
    fn site(&self) -> Site<Pve> {
        self.site
    }
    fn claims(&self) -> Vec<Claim> {
        vec![Claim::new(WHAT, &self.name).within(self.site.name())]
    }
    async fn read(&self, cx: &Look<'_, Pve>) -> Result<Option<HaGroupState>, Failure> {
        Self::find(&NameId { name: self.name.clone() }, cx).await
    }
    async fn inspect(&self, _: Option<&HaGroupState>, cx: &Look<'_, Pve>) -> Result<Vec<Note>, Failure> {
        if has_rules(cx).await? {
            let note = Note::refused("this release of Proxmox VE has no groups of high availability");
            return Ok(vec![note.hint("say it by an `HaRule`: release 9 made rules of the groups that there were")]);
        }
        unknown(cx, &self.nodes).await
    }
    async fn find(id: &NameId, cx: &Look<'_, Pve>) -> Result<Option<HaGroupState>, Failure> {
        Ok(group(cx, &id.name).await?.as_ref().map(state))
    }
    async fn survey(cx: &Look<'_, Pve>) -> Result<Vec<HaGroupState>, Failure> {
        if has_rules(cx).await? {
            return Ok(vec![]);
        }
        Ok(rows(cx, "the groups", LIST).await?.iter().map(state).collect())
    }
    fn id(state: &HaGroupState) -> NameId {
        NameId { name: state.name.clone() }
    }
    fn planned_id(&self) -> Option<NameId> {
        Some(NameId { name: self.name.clone() })
    }
    fn owner(state: &HaGroupState) -> Owner {
        state.owner.clone()
    }
    async fn apply(&self, _: Option<&HaGroupState>, cx: &Apply<'_, Pve>) -> Result<(), Failure> {
        let before = group(cx, &self.name).await?;
        let now = before.as_ref().map(state);
        let comment = mark::of_field(&self.comment, before.as_ref().and_then(|row| text(row, "comment")), cx.mark());
        let mut wanted = BTreeMap::from([("comment", Some(comment))]);
        if now.as_ref().is_none_or(|now| now.nodes != self.nodes) {
            wanted.insert("nodes", Some(self.nodes.join(",")));
        }
        if now.as_ref().map_or(self.restricted, |now| now.restricted != self.restricted) {
            wanted.insert("restricted", Some(u8::from(self.restricted).to_string()));
        }
        if now.as_ref().map_or(!self.failback, |now| now.failback != self.failback) {
            wanted.insert("nofailback", Some(u8::from(!self.failback).to_string()));
        }
        place(&self.name).write(cx, before.as_ref(), &BTreeMap::new(), &wanted).await
    }
    async fn delete(state: &HaGroupState, cx: &Apply<'_, Pve>) -> Result<(), Failure> {
        if has_rules(cx).await? {
            return Ok(());
        }
        place(&state.name).remove(cx, Params::new()).await
    }
}
