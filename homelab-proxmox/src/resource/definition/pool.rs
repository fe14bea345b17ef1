//! [`Pool`]: guests and storages together, so that rights can be given for all of them.
use super::{NameId, Place, Row, checked, commented, in_declared_order, row, rows, text};
use crate::{
    Pve,
    client::{Params, Reader, call::Call},
    http::Method,
    resource::mark,
};
use homelab_core::{Apply, Claim, Failure, Field, Input, Look, Output, Owner, Resource, Site, outputs};
use serde::Serialize;
use std::collections::BTreeSet;

const LIST: &str = "/pools";
const WHAT: &str = "pool";

/// A pool of guests.
///
/// ```
/// # use homelab_core::{Lab, Site};
/// # use homelab_proxmox::{Node, Pve, Vm, resource::Pool};
/// # const PVE: Site<Pve> = Site::named("pve");
/// # const DIN: Node = Node::of(PVE, "din");
/// # let mut lab = Lab::named("home");
/// # let web = lab.add(Vm::blank().on(DIN).id(201).named("web"));
/// lab.add(Pool::named(PVE, "services").comment("What people use.").guests([web.vmid()]));
/// ```
///
/// Its members are exactly the declared ones, once any are; guests stay when it goes. Needs `Pool.Allocate` on `/pool`.
#[derive(Clone, Debug, Serialize)]
pub struct Pool {
    name: String,
    #[serde(skip)]
    site: Site<Pve>,
    comment: Field<String>,
    guests: Option<Vec<Input<u32>>>,
}

/// What can be observed of a pool.
#[derive(Clone, Debug, Serialize)]
pub struct PoolState {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub comment: Option<String>,
    /// Its guests: the declared ones that are in it first, in their order, then others by number.
    pub guests: Vec<u32>,
    #[serde(skip)]
    owner: Owner,
}

outputs!(
    /// What others need to know of a pool.
    PoolOutputs of PoolState {
        /// Its name.
        name: String,
    }
);

impl Pool {
    /// A pool of this name.
    ///
    /// # Panics
    /// When it is no name of a pool.
    #[must_use]
    #[track_caller]
    pub fn named(site: Site<Pve>, name: &str) -> Pool {
        Pool { name: checked(WHAT, name), site, comment: Field::Unmanaged, guests: None }
    }

    /// What it is for; our mark stands behind it.
    #[must_use]
    pub fn comment(self, text: impl Into<String>) -> Pool {
        Pool { comment: commented(text), ..self }
    }

    /// Its guests, by their numbers; a guest is in one pool at most.
    #[must_use]
    pub fn guests(self, guests: impl IntoIterator<Item = Output<u32>>) -> Pool {
        Pool { guests: Some(guests.into_iter().map(Input::From).collect()), ..self }
    }

    fn at<'a>(name: &'a str) -> Place<'a> {
        Place { what: WHAT, name, list: LIST, key: "poolid" }
    }
}

/// The guests of a pool: the listing of everything names each guest's.
async fn members(reader: &Reader, name: &str) -> Result<BTreeSet<u32>, Failure> {
    let all = reader.resources().await?;
    Ok(all.guests().filter(|guest| guest.pool.as_deref() == Some(name)).map(|guest| guest.vmid).collect())
}

async fn state(row: &Row, reader: &Reader) -> Result<PoolState, Failure> {
    let name = text(row, "poolid").unwrap_or_default();
    let (comment, mark) = text(row, "comment").map(|comment| mark::split_comment(&comment)).unwrap_or_default();
    let guests = members(reader, &name).await?.into_iter().collect();
    Ok(PoolState { name, comment, guests, owner: mark.map_or(Owner::Unmarked, Owner::Marked) })
}

impl Resource for Pool {
    const KIND: &'static str = "proxmox/pool";
    type Provider = Pve;
    type State = PoolState;
    type Id = NameId;
    type Outputs = PoolOutputs;

    fn name(&self) -> &str {
        &self.name
    }
    fn site(&self) -> Site<Pve> {
        self.site
    }
    fn claims(&self) -> Vec<Claim> {
        vec![Claim::new(WHAT, &self.name).within(self.site.name())]
    }
    async fn read(&self, cx: &Look<'_, Pve>) -> Result<Option<PoolState>, Failure> {
        let Some(mut state) = Self::find(&NameId { name: self.name.clone() }, cx).await? else { return Ok(None) };
        in_declared_order(&mut state.guests, self.guests.iter().flatten().filter_map(|guest| cx.get(guest)));
        Ok(Some(state))
    }
    async fn find(id: &NameId, cx: &Look<'_, Pve>) -> Result<Option<PoolState>, Failure> {
        match row(cx, "the pools", LIST, "poolid", &id.name).await? {
            Some(row) => state(&row, cx).await.map(Some),
            None => Ok(None),
        }
    }
    async fn survey(cx: &Look<'_, Pve>) -> Result<Vec<PoolState>, Failure> {
        let mut states = Vec::new();
        for row in rows(cx, "the pools", LIST).await?.iter() {
            states.push(state(row, cx).await?);
        }
        Ok(states)
    }
    fn id(state: &PoolState) -> NameId {
        NameId { name: state.name.clone() }
    }
    fn planned_id(&self) -> Option<NameId> {
        Some(NameId { name: self.name.clone() })
    }
    fn owner(state: &PoolState) -> Owner {
        state.owner.clone()
    }
    async fn apply(&self, _: Option<&PoolState>, cx: &Apply<'_, Pve>) -> Result<(), Failure> {
        let before = row(cx, WHAT, LIST, "poolid", &self.name).await?;
        let is = before.as_ref().and_then(|row| text(row, "comment"));
        let comment = Some(mark::of_field(&self.comment, is, cx.mark()));
        Self::at(&self.name).write(cx, before.as_ref(), &[].into(), &[("comment", comment)].into()).await?;
        let Some(guests) = &self.guests else { return Ok(()) };
        let wanted: BTreeSet<u32> = guests.iter().map(|guest| cx.get(guest)).collect::<Result<_, _>>()?;
        let now = members(cx, &self.name).await?;
        let list = |all: Vec<&u32>| all.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
        for (vms, gone) in
            [(wanted.difference(&now).collect::<Vec<_>>(), false), (now.difference(&wanted).collect(), true)]
        {
            if !vms.is_empty() {
                // A guest that is in another pool is moved.
                let params = Params::new().set("vms", list(vms)).flag(if gone { "delete" } else { "allow-move" }, true);
                let call = Call::new(Method::Put, "change", format!("pool {}", self.name), Self::at(&self.name).path());
                cx.write(cx.permit(), call.with(params)).await?;
            }
        }
        Ok(())
    }
    async fn delete(state: &PoolState, cx: &Apply<'_, Pve>) -> Result<(), Failure> {
        let members = members(cx, &state.name).await?;
        if !members.is_empty() {
            // Only an empty one can go; its guests stay.
            let list = members.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
            let call = Call::new(Method::Put, "empty", format!("pool {}", state.name), Self::at(&state.name).path());
            cx.write(cx.permit(), call.with(Params::new().set("vms", list).flag("delete", true))).await?;
        }
        Self::at(&state.name).remove(cx, Params::new()).await
    }
}
