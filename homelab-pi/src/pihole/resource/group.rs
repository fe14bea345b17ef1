//! A group of clients: who is in it has its lists and rules.
use super::{Appliance, BEHIND, Behind, one_at_a_time};
use crate::pihole::{ClientRow, GroupRow, Marked, Pihole, client::part, http::Method, reader::rows};
use homelab_core::{Apply, Claim, Failure, Input, Lock, Look, Mark, Owner, Resource, Site, outputs};
use serde::{Deserialize, Serialize};
use serde_json::json;

/// The group that everybody is in who is in no other.
const DEFAULT: u32 = 0;

/// A group, and the clients in it. A client in it keeps the groups that others gave it.
#[derive(Debug, Serialize)]
pub struct ClientGroup {
    #[serde(skip)]
    key: String,
    #[serde(skip)]
    site: Site<Pihole>,
    #[serde(rename = "name")]
    group: String,
    comment: String,
    enabled: bool,
    clients: Vec<Input<String>>,
    #[serde(skip_serializing_if = "Behind::is_nothing")]
    behind: Behind,
}

impl ClientGroup {
    /// A group of this name, with nobody in it yet.
    ///
    /// # Panics
    /// When the name is empty, or that of the group that is always there.
    #[must_use]
    #[track_caller]
    pub fn on(pihole: impl Into<Appliance>, name: &str) -> ClientGroup {
        assert!(!name.is_empty() && name != "Default", "`{name}` is no name for a group of one's own");
        let on = pihole.into();
        ClientGroup {
            key: on.name(name),
            site: on.site(),
            group: name.to_owned(),
            comment: String::new(),
            enabled: true,
            clients: vec![],
            behind: Behind::of(on),
        }
    }

    /// This client is in it: an address, a network (`192.168.0.64/28`), a MAC, or an interface (`:eth0`). A MAC holds where
    /// addresses change.
    #[must_use]
    pub fn client(mut self, client: impl Into<Input<String>>) -> ClientGroup {
        self.clients.push(client.into());
        self
    }

    /// With these words beside it in the web page.
    #[must_use]
    pub fn comment(mut self, words: impl Into<String>) -> ClientGroup {
        self.comment = words.into();
        self
    }

    /// There, and its rules without effect.
    #[must_use]
    pub fn disabled(mut self) -> ClientGroup {
        self.enabled = false;
        self
    }
}

/// A group as it was seen.
#[derive(Debug, Serialize)]
pub struct ClientGroupState {
    /// Its name.
    pub name: String,
    /// The words beside it.
    pub comment: String,
    /// Whether its rules count.
    pub enabled: bool,
    /// Who is in it.
    pub clients: Vec<String>,
    #[serde(skip)]
    mark: Option<Mark>,
}
outputs!(
    /// What a group is known by.
    ClientGroupOutputs of ClientGroupState {
        /// Its name, for lists and rules.
        name: String,
    }
);

/// How a group is found again.
#[derive(Debug, Serialize, Deserialize)]
pub struct GroupId {
    name: String,
}

async fn state(name: &str, cx: &Look<'_, Pihole>) -> Result<Option<ClientGroupState>, Failure> {
    let Some(row) = cx.groups().await?.iter().find(|row| row.name == name) else { return Ok(None) };
    let Marked { words, mark } = Marked::read(row.comment.as_deref());
    let clients = cx.clients().await?.iter().filter(|client| client.groups.contains(&row.id));
    Ok(Some(ClientGroupState {
        name: row.name.clone(),
        comment: words,
        enabled: row.enabled,
        clients: clients.map(|client| client.client.clone()).collect(),
        mark,
    }))
}

impl Resource for ClientGroup {
    const KIND: &'static str = "pi/client-group";
    const WRITE_ONLY: &'static [&'static str] = BEHIND;
    type Provider = Pihole;
    type State = ClientGroupState;
    type Id = GroupId;
    type Outputs = ClientGroupOutputs;

    fn name(&self) -> &str {
        &self.key
    }
    fn site(&self) -> Site<Pihole> {
        self.site
    }
    fn claims(&self) -> Vec<Claim> {
        vec![Claim::new("group", &self.group).within(self.site.name())]
    }
    fn locks(&self) -> Vec<Lock> {
        // A client may be in several groups.
        one_at_a_time(self.site)
    }

    async fn read(&self, cx: &Look<'_, Pihole>) -> Result<Option<ClientGroupState>, Failure> {
        if !self.behind.is_open(cx) {
            return Ok(None);
        }
        let Some(mut state) = state(&self.group, cx).await? else { return Ok(None) };
        let declared: Vec<Option<String>> = self.clients.iter().map(|client| cx.get(client)).collect();
        state.clients.sort_by_key(|c| declared.iter().position(|d| d.as_ref() == Some(c)).unwrap_or(usize::MAX));
        Ok(Some(state))
    }

    async fn find(id: &GroupId, cx: &Look<'_, Pihole>) -> Result<Option<ClientGroupState>, Failure> {
        state(&id.name, cx).await
    }

    async fn survey(cx: &Look<'_, Pihole>) -> Result<Vec<ClientGroupState>, Failure> {
        let mut found = vec![];
        for row in cx.groups().await? {
            found.extend(state(&row.name, cx).await?.filter(|state| state.mark.is_some()));
        }
        Ok(found)
    }

    fn id(state: &ClientGroupState) -> GroupId {
        GroupId { name: state.name.clone() }
    }
    fn planned_id(&self) -> Option<GroupId> {
        Some(GroupId { name: self.group.clone() })
    }
    fn owner(state: &ClientGroupState) -> Owner {
        state.mark.clone().map_or(Owner::Unmarked, Owner::Marked)
    }

    async fn apply(&self, now: Option<&ClientGroupState>, cx: &Apply<'_, Pihole>) -> Result<(), Failure> {
        let clients: Vec<String> = self.clients.iter().map(|client| cx.get(client)).collect::<Result<_, _>>()?;
        let comment = Marked::write(&self.comment, cx.mark());
        let body = json!({ "name": self.group, "comment": comment, "enabled": self.enabled });
        if now.is_none() {
            cx.write(cx.permit(), Method::Post, "/groups", Some(body)).await?;
        } else {
            cx.write(cx.permit(), Method::Put, &format!("/groups/{}", part(&self.group)), Some(body)).await?;
        }
        let groups = rows::<GroupRow>(cx, "groups").await?;
        let id = groups.iter().find(|row| row.name == self.group).map(|row| row.id).ok_or_else(|| {
            Failure::passing(format!("the group `{}` was made and is not there", self.group))
                .hint("somebody deleted it at the same time; run again")
        })?;
        members(cx, id, &clients).await
    }

    async fn delete(state: &ClientGroupState, cx: &Apply<'_, Pihole>) -> Result<(), Failure> {
        let groups = rows::<GroupRow>(cx, "groups").await?;
        let Some(row) = groups.iter().find(|row| row.name == state.name) else { return Ok(()) };
        members(cx, row.id, &[]).await?;
        cx.write(cx.permit(), Method::Delete, &format!("/groups/{}", part(&state.name)), None).await.map(drop)
    }
}

/// Puts these clients into the group and takes the others out. A client that is in no group any more and that nobody else wrote
/// anything about was made for this, and goes.
async fn members(cx: &Apply<'_, Pihole>, group: u32, wanted: &[String]) -> Result<(), Failure> {
    let clients = rows::<ClientRow>(cx, "clients").await?;
    for client in wanted {
        match clients.iter().find(|row| row.client.eq_ignore_ascii_case(client)) {
            None => {
                let comment = Marked::write("", cx.mark());
                let body = json!({ "client": client, "comment": comment, "groups": [DEFAULT, group] });
                cx.write(cx.permit(), Method::Post, "/clients", Some(body)).await?;
            }
            Some(row) if !row.groups.contains(&group) => {
                let groups: Vec<u32> = row.groups.iter().copied().chain([group]).collect();
                put(cx, row, &groups).await?;
            }
            Some(_) => {}
        }
    }
    for row in clients.iter().filter(|row| row.groups.contains(&group)) {
        if wanted.iter().any(|client| client.eq_ignore_ascii_case(&row.client)) {
            continue;
        }
        let rest: Vec<u32> = row.groups.iter().copied().filter(|id| *id != group).collect();
        let is_made_for_this = rest.iter().all(|id| *id == DEFAULT)
            && Marked::read(row.comment.as_deref()) == Marked { words: String::new(), mark: Some(cx.mark().clone()) };
        if is_made_for_this {
            cx.write(cx.permit(), Method::Delete, &format!("/clients/{}", part(&row.client)), None).await?;
        } else {
            put(cx, row, &rest).await?;
        }
    }
    Ok(())
}

async fn put(cx: &Apply<'_, Pihole>, row: &ClientRow, groups: &[u32]) -> Result<(), Failure> {
    let body = json!({ "comment": row.comment, "groups": groups });
    cx.write(cx.permit(), Method::Put, &format!("/clients/{}", part(&row.client)), Some(body)).await.map(drop)
}
