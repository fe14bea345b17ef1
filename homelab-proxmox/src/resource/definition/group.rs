//! [`Group`]: users together, so that rights can be given to all of them.
use super::{NameId, Place, Row, checked, commented, row, rows, text};
use crate::{Pve, client::Params, resource::mark};
use homelab_core::{Apply, Claim, Failure, Field, Look, Owner, Resource, Site, outputs};
use serde::Serialize;

const LIST: &str = "/access/groups";
const WHAT: &str = "group";

/// A group of users: who is in it is said by each [`User`](super::User::groups), what it may do by [`Access`](super::Access::of_group).
///
/// Needs `Group.Allocate` on `/access/groups`.
#[derive(Clone, Debug, Serialize)]
pub struct Group {
    name: String,
    #[serde(skip)]
    site: Site<Pve>,
    comment: Field<String>,
}

/// What can be observed of a group.
#[derive(Clone, Debug, Serialize)]
pub struct GroupState {
    /// Its name.
    pub name: String,
    /// Who they are.
    pub comment: Option<String>,
    #[serde(skip)]
    owner: Owner,
}

outputs!(
    /// What others need to know of a group.
    GroupOutputs of GroupState {
        /// Its name.
        name: String,
    }
);

impl Group {
    /// A group of this name.
    ///
    /// # Panics
    /// When it is no name of a group.
    #[must_use]
    #[track_caller]
    pub fn named(site: Site<Pve>, name: &str) -> Group {
        Group { name: checked(WHAT, name), site, comment: Field::Unmanaged }
    }

    /// Who they are; our mark stands behind it.
    #[must_use]
    pub fn comment(self, text: impl Into<String>) -> Group {
        Group { comment: commented(text), ..self }
    }

    fn at<'a>(name: &'a str) -> Place<'a> {
        Place { what: WHAT, name, list: LIST, key: "groupid" }
    }
}

fn state(row: &Row) -> GroupState {
    let (comment, mark) = text(row, "comment").map(|comment| mark::split_comment(&comment)).unwrap_or_default();
    let name = text(row, "groupid").unwrap_or_default();
    GroupState { name, comment, owner: mark.map_or(Owner::Unmarked, Owner::Marked) }
}

impl Resource for Group {
    const KIND: &'static str = "proxmox/group";
    type Provider = Pve;
    type State = GroupState;
    type Id = NameId;
    type Outputs = GroupOutputs;

    fn name(&self) -> &str {
        &self.name
    }
    fn site(&self) -> Site<Pve> {
        self.site
    }
    fn claims(&self) -> Vec<Claim> {
        vec![Claim::new(WHAT, &self.name).within(self.site.name())]
    }
    async fn read(&self, cx: &Look<'_, Pve>) -> Result<Option<GroupState>, Failure> {
        Self::find(&NameId { name: self.name.clone() }, cx).await
    }
    async fn find(id: &NameId, cx: &Look<'_, Pve>) -> Result<Option<GroupState>, Failure> {
        Ok(row(cx, "the groups", LIST, "groupid", &id.name).await?.as_ref().map(state))
    }
    async fn survey(cx: &Look<'_, Pve>) -> Result<Vec<GroupState>, Failure> {
        Ok(rows(cx, "the groups", LIST).await?.iter().map(state).collect())
    }
    fn id(state: &GroupState) -> NameId {
        NameId { name: state.name.clone() }
    }
    fn planned_id(&self) -> Option<NameId> {
        Some(NameId { name: self.name.clone() })
    }
    fn owner(state: &GroupState) -> Owner {
        state.owner.clone()
    }
    async fn apply(&self, _: Option<&GroupState>, cx: &Apply<'_, Pve>) -> Result<(), Failure> {
        let before = row(cx, WHAT, LIST, "groupid", &self.name).await?;
        let is = before.as_ref().and_then(|row| text(row, "comment"));
        let comment = Some(mark::of_field(&self.comment, is, cx.mark()));
        Self::at(&self.name).write(cx, before.as_ref(), &[].into(), &[("comment", comment)].into()).await
    }
    async fn delete(state: &GroupState, cx: &Apply<'_, Pve>) -> Result<(), Failure> {
        Self::at(&state.name).remove(cx, Params::new()).await
    }
}
