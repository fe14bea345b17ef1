//! [`IpSet`]: addresses under one name.
use super::rule::SET;
use crate::{
    Pve,
    client::{
        Params, Reader,
        call::{Call, path},
    },
    http::Method,
    resource::{
        definition::{NameId, Row, checked_id, commented, in_declared_order, row, rows, text},
        mark,
    },
};
use homelab_core::{Apply, Claim, Failure, Field, Look, Owner, Resource, Site, Text, outputs};
use serde::Serialize;
use std::{collections::BTreeSet, sync::Arc};

const LIST: &str = "/cluster/firewall/ipset";

/// A set of addresses that rules name with a plus before it: `+admins`.
///
/// The set `management` is special: the firewall lets it reach the nodes' web interface and SSH, whatever the rules say
/// ([`IpSet::management`]). Its entries are exactly the declared ones. Needs `Sys.Modify` on `/`.
#[derive(Clone, Debug, Serialize)]
pub struct IpSet {
    name: String,
    #[serde(skip)]
    site: Site<Pve>,
    addresses: Vec<Text>,
    comment: Field<String>,
}

/// What can be observed of a set of addresses.
#[derive(Clone, Debug, Serialize)]
pub struct IpSetState {
    /// Its name.
    pub name: String,
    /// Its addresses and networks.
    pub addresses: Vec<String>,
    /// What it is for.
    pub comment: Option<String>,
    #[serde(skip)]
    owner: Owner,
}

outputs!(
    /// What others need to know of a set.
    IpSetOutputs of IpSetState {
        /// Its name.
        name: String,
    }
);

impl IpSet {
    /// A set of this name; names are in lower case.
    ///
    /// # Panics
    /// When it is no name of a set.
    #[must_use]
    #[track_caller]
    pub fn named(site: Site<Pve>, name: &str) -> IpSet {
        let name = checked_id("set of addresses", name, 64).to_ascii_lowercase();
        IpSet { name, site, addresses: vec![], comment: Field::Unmanaged }
    }

    /// Who may always reach the nodes: what keeps the firewall from locking its author out.
    #[must_use]
    pub fn management(site: Site<Pve>) -> IpSet {
        IpSet::named(site, "management")
    }

    /// One more address or network: `192.168.0.7`, `192.168.20.0/24`, a guest's `ip()`.
    #[must_use]
    pub fn with(mut self, address: impl Into<Text>) -> IpSet {
        self.addresses.push(address.into());
        self
    }

    /// What it is for; our mark stands behind it.
    #[must_use]
    pub fn comment(self, text: impl Into<String>) -> IpSet {
        IpSet { comment: commented(text), ..self }
    }
}

fn place(name: &str) -> String {
    path(&[&"cluster", &"firewall", &"ipset", &name])
}

async fn entries(reader: &Reader, name: &str) -> Result<Vec<String>, Failure> {
    let rows: Arc<Vec<Row>> = reader.once(Call::get("list", format!("set {name}"), place(name))).await?;
    let shown = |row: &Row| {
        let not = text(row, "nomatch").is_some_and(|on| on != "0");
        Some(format!("{}{}", if not { "!" } else { "" }, text(row, "cidr")?))
    };
    Ok(rows.iter().filter_map(shown).collect())
}

async fn state(row: &Row, reader: &Reader) -> Result<IpSetState, Failure> {
    let (comment, mark) = text(row, "comment").map(|comment| mark::split_comment(&comment)).unwrap_or_default();
    let name = text(row, "name").unwrap_or_default();
    let addresses = entries(reader, &name).await?;
    Ok(IpSetState { name, addresses, comment, owner: mark.map_or(Owner::Unmarked, Owner::Marked) })
}

impl Resource for IpSet {
    const KIND: &'static str = "proxmox/ip-set";
    type Provider = Pve;
    type State = IpSetState;
    type Id = NameId;
    type Outputs = IpSetOutputs;

    fn name(&self) -> &str {
        &self.name
    }
    fn site(&self) -> Site<Pve> {
        self.site
    }
    fn claims(&self) -> Vec<Claim> {
        vec![Claim::new(SET, &self.name).within(self.site.name())]
    }
    async fn read(&self, cx: &Look<'_, Pve>) -> Result<Option<IpSetState>, Failure> {
        let Some(mut state) = Self::find(&NameId { name: self.name.clone() }, cx).await? else { return Ok(None) };
        let declared: Vec<_> = self.addresses.iter().map(|text| cx.text(text)).collect::<Result<_, _>>()?;
        let declared = declared.into_iter().flatten().map(|text| text.expose().to_owned());
        in_declared_order(&mut state.addresses, declared);
        Ok(Some(state))
    }
    async fn find(id: &NameId, cx: &Look<'_, Pve>) -> Result<Option<IpSetState>, Failure> {
        match row(cx, "the sets of addresses", LIST, "name", &id.name).await? {
            Some(row) => state(&row, cx).await.map(Some),
            None => Ok(None),
        }
    }
    async fn survey(cx: &Look<'_, Pve>) -> Result<Vec<IpSetState>, Failure> {
        let mut all = vec![];
        for row in rows(cx, "the sets of addresses", LIST).await?.iter() {
            all.push(state(row, cx).await?);
        }
        Ok(all)
    }
    fn id(state: &IpSetState) -> NameId {
        NameId { name: state.name.clone() }
    }
    fn planned_id(&self) -> Option<NameId> {
        Some(NameId { name: self.name.clone() })
    }
    fn owner(state: &IpSetState) -> Owner {
        state.owner.clone()
    }
    async fn apply(&self, now: Option<&IpSetState>, cx: &Apply<'_, Pve>) -> Result<(), Failure> {
        let object = format!("set {}", self.name);
        let before = row(cx, "the sets of addresses", LIST, "name", &self.name).await?.map(|row| text(&row, "comment"));
        let comment = mark::of_field(&self.comment, before.clone().flatten(), cx.mark());
        if before.as_ref().is_none_or(|before| before.as_deref() != Some(&comment)) {
            // A comment is changed by giving the set its own name anew.
            let rename = now.is_some() || before.is_some();
            let params = Params::new().set("name", &self.name).set("comment", comment);
            let params = params.maybe("rename", rename.then_some(&self.name));
            cx.write(cx.permit(), Call::new(Method::Post, "set", &object, LIST).with(params)).await?;
        }
        let wanted = self.addresses.iter().map(|text| Ok(cx.text(text)?.expose().to_owned()));
        let wanted: BTreeSet<String> = wanted.collect::<Result<_, Failure>>()?;
        let is: BTreeSet<String> = entries(cx, &self.name).await?.into_iter().collect();
        for address in wanted.difference(&is) {
            let (not, cidr) = address.strip_prefix('!').map_or((false, address.as_str()), |cidr| (true, cidr));
            let params = Params::new().set("cidr", cidr).switch("nomatch", not);
            cx.write(cx.permit(), Call::new(Method::Post, "add to", &object, place(&self.name)).with(params)).await?;
        }
        for address in is.difference(&wanted) {
            let at = format!("{}{}", place(&self.name), path(&[&address.trim_start_matches('!')]));
            cx.write(cx.permit(), Call::new(Method::Delete, "remove from", &object, at)).await?;
        }
        Ok(())
    }
    async fn delete(state: &IpSetState, cx: &Apply<'_, Pve>) -> Result<(), Failure> {
        if row(cx, "the sets of addresses", LIST, "name", &state.name).await?.is_some() {
            let call = Call::new(Method::Delete, "remove", format!("set {}", state.name), place(&state.name));
            cx.write(cx.permit(), call.with(Params::new().flag("force", true))).await?;
        }
        Ok(())
    }
}
