//! [`HaRule`]: where guests are kept running, on release 9.
use super::super::{NameId, Place, Row, checked_id, commented, in_declared_order, row, rows, text, words};
use super::{has_rules, preferred, unknown};
use crate::{
    Pve,
    client::{Params, Reader},
    resource::{Node, mark},
};
use homelab_core::{Apply, Claim, Failure, Field, Input, Look, NoOutputs, Output, Owner, Resource, Site, plan::Note};
use serde::Serialize;
use std::collections::BTreeMap;

const LIST: &str = "/cluster/ha/rules";
const WHAT: &str = "rule of high availability";

/// Where guests are kept running: on some nodes, together, or apart. Release 9 only: release 8 has [`HaGroup`](super::HaGroup)
/// instead, which the plan says.
///
/// Needs `Sys.Console` on `/`.
#[derive(Clone, Debug, Serialize)]
pub struct HaRule {
    name: String,
    #[serde(skip)]
    site: Site<Pve>,
    kind: &'static str,
    resources: Vec<Input<String>>,
    nodes: Option<Vec<String>>,
    strict: Option<bool>,
    affinity: Option<&'static str>,
    comment: Field<String>,
    enabled: bool,
}

/// What can be observed of a rule.
#[derive(Clone, Debug, Serialize)]
pub struct HaRuleState {
    /// Its name.
    pub name: String,
    /// `node-affinity` or `resource-affinity`.
    pub kind: String,
    /// The guests: the declared ones that are in it first, in their order, then others by name.
    pub resources: Vec<String>,
    /// The nodes, each with its priority behind a colon unless that is 0; sorted.
    pub nodes: Vec<String>,
    /// Whether guests run on these nodes alone.
    pub strict: bool,
    /// Whether guests are drawn together (`positive`) or kept apart (`negative`).
    pub affinity: String,
    /// What it is for.
    pub comment: Option<String>,
    /// Whether it holds.
    pub enabled: bool,
    #[serde(skip)]
    owner: Owner,
}

impl HaRule {
    /// These guests run on these nodes, each with how much it is preferred: the highest number wins, 0 is the least.
    ///
    /// # Panics
    /// When it is no name of a rule: a letter, then letters, digits, `-` and `_`, 2 to 50.
    #[must_use]
    #[track_caller]
    pub fn nodes(
        site: Site<Pve>,
        name: &str,
        guests: impl IntoIterator<Item = Output<String>>,
        nodes: impl IntoIterator<Item = (Node, u32)>,
    ) -> HaRule {
        let rule = HaRule::new(site, name, "node-affinity", guests);
        HaRule { nodes: Some(preferred(nodes)), strict: Some(false), ..rule }
    }

    /// These guests run on the same node.
    ///
    /// # Panics
    /// As [`nodes`](Self::nodes).
    #[must_use]
    #[track_caller]
    pub fn together(site: Site<Pve>, name: &str, guests: impl IntoIterator<Item = Output<String>>) -> HaRule {
        HaRule { affinity: Some("positive"), ..HaRule::new(site, name, "resource-affinity", guests) }
    }

    /// Each of these guests runs on a node of its own.
    ///
    /// # Panics
    /// As [`nodes`](Self::nodes).
    #[must_use]
    #[track_caller]
    pub fn apart(site: Site<Pve>, name: &str, guests: impl IntoIterator<Item = Output<String>>) -> HaRule {
        HaRule { affinity: Some("negative"), ..HaRule::new(site, name, "resource-affinity", guests) }
    }

    #[track_caller]
    fn new(
        site: Site<Pve>,
        name: &str,
        kind: &'static str,
        guests: impl IntoIterator<Item = Output<String>>,
    ) -> HaRule {
        HaRule {
            name: checked_id(WHAT, name, 50),
            site,
            kind,
            resources: guests.into_iter().map(Input::From).collect(),
            nodes: None,
            strict: None,
            affinity: None,
            comment: Field::Unmanaged,
            enabled: true,
        }
    }

    /// On these nodes alone: guests stay off when none of them is there. Of rules about nodes.
    #[must_use]
    pub fn strict(self) -> HaRule {
        HaRule { strict: self.strict.map(|_| true), ..self }
    }

    /// What it is for; our mark stands behind it.
    #[must_use]
    pub fn comment(self, text: impl Into<String>) -> HaRule {
        HaRule { comment: commented(text), ..self }
    }

    /// Switched off.
    #[must_use]
    pub fn disabled(self) -> HaRule {
        HaRule { enabled: false, ..self }
    }
}

fn state(row: &Row) -> HaRuleState {
    let (comment, mark) = text(row, "comment").map(|comment| mark::split_comment(&comment)).unwrap_or_default();
    let on = |key: &str| text(row, key).is_some_and(|on| on != "0");
    HaRuleState {
        name: text(row, "rule").unwrap_or_default(),
        kind: text(row, "type").unwrap_or_default(),
        resources: words(row, "resources"),
        nodes: words(row, "nodes"),
        strict: on("strict"),
        affinity: text(row, "affinity").unwrap_or_else(|| "positive".to_owned()),
        comment,
        enabled: !on("disable"),
        owner: mark.map_or(Owner::Unmarked, Owner::Marked),
    }
}

async fn rule(reader: &Reader, name: &str) -> Result<Option<Row>, Failure> {
    // Release 8 has no such listing.
    if has_rules(reader).await? { row(reader, "the rules", LIST, "rule", name).await } else { Ok(None) }
}

fn place(name: &str) -> Place<'_> {
    Place { what: WHAT, name, list: LIST, key: "rule" }
}

impl Resource for HaRule {
    const KIND: &'static str = "proxmox/ha-rule";
    const REPLACE_ON: &'static [&'static str] = &["kind"];
    type Provider = Pve;
    type State = HaRuleState;
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
    async fn read(&self, cx: &Look<'_, Pve>) -> Result<Option<HaRuleState>, Failure> {
        let Some(mut state) = Self::find(&NameId { name: self.name.clone() }, cx).await? else { return Ok(None) };
        in_declared_order(&mut state.resources, self.resources.iter().filter_map(|sid| cx.get(sid)));
        Ok(Some(state))
    }
    async fn inspect(&self, _: Option<&HaRuleState>, cx: &Look<'_, Pve>) -> Result<Vec<Note>, Failure> {
        if !has_rules(cx).await? {
            let note = Note::refused("this release of Proxmox VE has no rules of high availability");
            return Ok(vec![note.hint("say on which nodes guests run by an `HaGroup` and `HaResource::group`")]);
        }
        unknown(cx, self.nodes.as_deref().unwrap_or_default()).await
    }
    async fn find(id: &NameId, cx: &Look<'_, Pve>) -> Result<Option<HaRuleState>, Failure> {
        Ok(rule(cx, &id.name).await?.as_ref().map(state))
    }
    async fn survey(cx: &Look<'_, Pve>) -> Result<Vec<HaRuleState>, Failure> {
        if !has_rules(cx).await? {
            return Ok(vec![]);
        }
        Ok(rows(cx, "the rules", LIST).await?.iter().map(state).collect())
    }
    fn id(state: &HaRuleState) -> NameId {
        NameId { name: state.name.clone() }
    }
    fn planned_id(&self) -> Option<NameId> {
        Some(NameId { name: self.name.clone() })
    }
    fn owner(state: &HaRuleState) -> Owner {
        state.owner.clone()
    }
    async fn apply(&self, _: Option<&HaRuleState>, cx: &Apply<'_, Pve>) -> Result<(), Failure> {
        let mut before = rule(cx, &self.name).await?;
        let now = before.as_ref().map(state);
        let mut sids: Vec<String> = self.resources.iter().map(|sid| cx.get(sid)).collect::<Result<_, _>>()?;
        sids.sort_unstable();
        let comment = mark::of_field(&self.comment, before.as_ref().and_then(|row| text(row, "comment")), cx.mark());
        let mut wanted = BTreeMap::from([("comment", Some(comment))]);
        if now.as_ref().is_none_or(|now| now.resources != sids) {
            wanted.insert("resources", Some(sids.join(",")));
        }
        if let Some(nodes) = self.nodes.as_ref().filter(|nodes| now.as_ref().is_none_or(|now| now.nodes != **nodes)) {
            wanted.insert("nodes", Some(nodes.join(",")));
        }
        if let Some(strict) = self.strict.filter(|strict| now.as_ref().map_or(*strict, |now| now.strict != *strict)) {
            wanted.insert("strict", Some(u8::from(strict).to_string()));
        }
        wanted.extend(self.affinity.map(|affinity| ("affinity", Some(affinity.to_owned()))));
        if now.as_ref().map_or(!self.enabled, |now| now.enabled != self.enabled) {
            wanted.insert("disable", Some(u8::from(!self.enabled).to_string()));
        }
        // The kind is given with a change too, though it does not change: what else may be given follows from it.
        wanted.insert("type", Some(self.kind.to_owned()));
        if let Some(row) = &mut before {
            row.remove("type");
        }
        place(&self.name).write(cx, before.as_ref(), &BTreeMap::new(), &wanted).await
    }
    async fn delete(state: &HaRuleState, cx: &Apply<'_, Pve>) -> Result<(), Failure> {
        if !has_rules(cx).await? {
            return Ok(());
        }
        place(&state.name).remove(cx, Params::new()).await
    }
}
