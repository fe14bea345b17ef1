//! [`SecurityGroup`]: rules under one name, for many guests.
use super::{
    named,
    rule::{self, GROUP, Rule},
};
use crate::{
    Pve,
    client::{
        Params, Reader,
        call::{Call, path},
    },
    http::Method,
    resource::{
        definition::{NameId, Row, checked_id, commented, row, rows, text},
        mark,
    },
};
use homelab_core::{Apply, Claim, Failure, Field, Look, Owner, Resource, Site, outputs};
use serde::Serialize;
use std::collections::BTreeMap;

const LIST: &str = "/cluster/firewall/groups";

/// Rules that many firewalls share: [`Rule::group`]. They are exactly the declared ones, in their order. Needs `Sys.Modify` on `/`.
#[derive(Clone, Debug, Serialize)]
pub struct SecurityGroup {
    name: String,
    #[serde(skip)]
    site: Site<Pve>,
    rules: Vec<Rule>,
    comment: Field<String>,
}

/// What can be observed of a security group.
#[derive(Clone, Debug, Serialize)]
pub struct SecurityGroupState {
    /// Its name.
    pub name: String,
    /// Its rules, in order.
    pub rules: Vec<BTreeMap<String, String>>,
    /// What it is for.
    pub comment: Option<String>,
    #[serde(skip)]
    owner: Owner,
}

outputs!(
    /// What others need to know of a security group.
    SecurityGroupOutputs of SecurityGroupState {
        /// Its name.
        name: String,
    }
);

impl SecurityGroup {
    /// A group of this name, with these rules; names are in lower case.
    ///
    /// # Panics
    /// When it is no name of a group: 2 to 18 letters, digits, `-` and `_`.
    #[must_use]
    #[track_caller]
    pub fn named(site: Site<Pve>, name: &str, rules: impl IntoIterator<Item = Rule>) -> SecurityGroup {
        let name = checked_id("security group", name, 18).to_ascii_lowercase();
        SecurityGroup { name, site, rules: rules.into_iter().collect(), comment: Field::Unmanaged }
    }

    /// What it is for; our mark stands behind it.
    #[must_use]
    pub fn comment(self, text: impl Into<String>) -> SecurityGroup {
        SecurityGroup { comment: commented(text), ..self }
    }
}

fn place(name: &str) -> String {
    path(&[&"cluster", &"firewall", &"groups", &name])
}

async fn state(row: &Row, reader: &Reader) -> Result<SecurityGroupState, Failure> {
    let (comment, mark) = text(row, "comment").map(|comment| mark::split_comment(&comment)).unwrap_or_default();
    let name = text(row, "group").unwrap_or_default();
    let rules = rule::list(reader, &place(&name)).await?.iter().map(rule::shown).collect();
    Ok(SecurityGroupState { name, rules, comment, owner: mark.map_or(Owner::Unmarked, Owner::Marked) })
}

impl Resource for SecurityGroup {
    const KIND: &'static str = "proxmox/security-group";
    type Provider = Pve;
    type State = SecurityGroupState;
    type Id = NameId;
    type Outputs = SecurityGroupOutputs;

    fn name(&self) -> &str {
        &self.name
    }
    fn site(&self) -> Site<Pve> {
        self.site
    }
    fn claims(&self) -> Vec<Claim> {
        vec![Claim::new(GROUP, &self.name).within(self.site.name())]
    }
    fn uses(&self) -> Vec<Claim> {
        named(self.site, &self.rules)
    }
    async fn read(&self, cx: &Look<'_, Pve>) -> Result<Option<SecurityGroupState>, Failure> {
        Self::find(&NameId { name: self.name.clone() }, cx).await
    }
    async fn find(id: &NameId, cx: &Look<'_, Pve>) -> Result<Option<SecurityGroupState>, Failure> {
        match row(cx, "the security groups", LIST, "group", &id.name).await? {
            Some(row) => state(&row, cx).await.map(Some),
            None => Ok(None),
        }
    }
    async fn survey(cx: &Look<'_, Pve>) -> Result<Vec<SecurityGroupState>, Failure> {
        let mut all = vec![];
        for row in rows(cx, "the security groups", LIST).await?.iter() {
            all.push(state(row, cx).await?);
        }
        Ok(all)
    }
    fn id(state: &SecurityGroupState) -> NameId {
        NameId { name: state.name.clone() }
    }
    fn planned_id(&self) -> Option<NameId> {
        Some(NameId { name: self.name.clone() })
    }
    fn owner(state: &SecurityGroupState) -> Owner {
        state.owner.clone()
    }
    async fn apply(&self, _: Option<&SecurityGroupState>, cx: &Apply<'_, Pve>) -> Result<(), Failure> {
        let before = row(cx, "the security groups", LIST, "group", &self.name).await?;
        let is = before.as_ref().and_then(|row| text(row, "comment"));
        let comment = mark::of_field(&self.comment, is.clone(), cx.mark());
        if before.is_none() || is.as_deref() != Some(&comment) {
            // A comment is changed by giving the group its own name anew.
            let params = Params::new().set("group", &self.name).set("comment", comment);
            let params = params.maybe("rename", before.is_some().then_some(&self.name));
            let call = Call::new(Method::Post, "set", format!("security group {}", self.name), LIST);
            cx.write(cx.permit(), call.with(params)).await?;
        }
        rule::settle(cx, &place(&self.name), &self.rules).await
    }
    async fn delete(state: &SecurityGroupState, cx: &Apply<'_, Pve>) -> Result<(), Failure> {
        if row(cx, "the security groups", LIST, "group", &state.name).await?.is_some() {
            // Only an empty one can go.
            rule::settle(cx, &place(&state.name), &[]).await?;
            let object = format!("security group {}", state.name);
            cx.write(cx.permit(), Call::new(Method::Delete, "remove", object, place(&state.name))).await?;
        }
        Ok(())
    }
}
