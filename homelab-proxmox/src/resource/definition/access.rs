//! [`Access`]: who has which role where.
use super::{Row, admin, rows, text};
use crate::{
    Pve,
    client::{Params, Reader, call::Call},
    http::Method,
};
use homelab_core::{
    Apply, Claim, Failure, Input, Look, NoOutputs, Resource, Site,
    plan::{Action, Change, Note},
};
use serde::{Deserialize, Serialize};

const LIST: &str = "/access/acl";

/// A line of the access list: a user, or a token of a user, has a role on a path and below it.
///
/// It bears no mark. A line by which this program itself has its rights is never removed. Needs `Permissions.Modify` on the path.
#[derive(Clone, Debug, Serialize)]
pub struct Access {
    #[serde(skip)]
    name: String,
    #[serde(skip)]
    site: Site<Pve>,
    who: Input<String>,
    group: bool,
    role: Input<String>,
    path: String,
    propagate: bool,
}

/// What a line is found by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessId {
    /// `NAME@REALM`, or `NAME@REALM!TOKEN`.
    pub who: String,
    /// The role.
    pub role: String,
    /// The path.
    pub path: String,
    /// Whether it is of a group.
    #[serde(default)]
    pub group: bool,
}

/// What can be observed of a line.
#[derive(Clone, Debug, Serialize)]
pub struct AccessState {
    /// `NAME@REALM`, `NAME@REALM!TOKEN`, or a group's name.
    pub who: String,
    /// Whether that is a group.
    pub group: bool,
    /// The role.
    pub role: String,
    /// The path.
    pub path: String,
    /// Whether it holds below the path too.
    pub propagate: bool,
    /// Whether this program has its rights by it.
    #[serde(skip)]
    ours: bool,
}

/// Access that has no path yet.
#[derive(Clone, Debug)]
#[must_use = "access is given on a path: `.on(\"/vms\")`"]
pub struct AccessOf {
    site: Site<Pve>,
    who: Input<String>,
    group: bool,
    role: Input<String>,
}

impl Access {
    /// This user (`ada@pve`, `ada@pve!laptop`) shall have this role (`PVEAuditor`, or the name of a [`Role`](super::Role)).
    pub fn of(site: Site<Pve>, who: impl Into<Input<String>>, role: impl Into<Input<String>>) -> AccessOf {
        AccessOf { site, who: who.into(), group: false, role: role.into() }
    }

    /// All users of this [`Group`](super::Group) shall have this role.
    pub fn of_group(site: Site<Pve>, group: impl Into<Input<String>>, role: impl Into<Input<String>>) -> AccessOf {
        AccessOf { site, who: group.into(), group: true, role: role.into() }
    }

    /// Under this name in the lab, where two lines would have the same one: what is known only later is not a part of it.
    #[must_use]
    pub fn named(self, name: impl Into<String>) -> Access {
        Access { name: name.into(), ..self }
    }

    /// On this path alone, not below it.
    #[must_use]
    pub fn not_below(self) -> Access {
        Access { propagate: false, ..self }
    }

    async fn set(cx: &Apply<'_, Pve>, id: &AccessId, propagate: bool, delete: bool) -> Result<(), Failure> {
        let kind = match id.who.contains('!') {
            _ if id.group => "groups",
            true => "tokens",
            false => "users",
        };
        let params = Params::new().set("path", &id.path).set("roles", &id.role).set(kind, &id.who);
        let params = params.flag("propagate", propagate).switch("delete", delete);
        let object = format!("access of {} to {}", id.who, id.path);
        cx.write(cx.permit(), Call::new(Method::Put, "set", object, LIST).with(params)).await?;
        Ok(())
    }
}

impl AccessOf {
    /// On this path: `/`, `/vms/201`, `/storage/local`, `/pool/services`.
    ///
    /// # Panics
    /// When it does not begin with a slash.
    #[must_use]
    #[track_caller]
    pub fn on(self, path: &str) -> Access {
        assert!(path.starts_with('/'), "`{path}` is no path of the access list: it begins with a slash");
        let part = |input: &Input<String>| match input {
            Input::Known(text) => text.clone(),
            Input::From(_) => String::new(),
        };
        let parts = [part(&self.who), part(&self.role), path.to_owned()];
        let name = parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(":");
        let AccessOf { site, who, group, role } = self;
        Access { name, site, who, group, role, path: path.to_owned(), propagate: true }
    }
}

fn state(row: &Row, ours: &str) -> Option<AccessState> {
    let who = text(row, "ugid")?;
    let kind = text(row, "type")?;
    let group = kind == "group";
    let mine = who == ours || who.split_once('!').is_some_and(|(user, _)| user == ours);
    Some(AccessState {
        role: text(row, "roleid")?,
        path: text(row, "path")?,
        propagate: text(row, "propagate").is_some_and(|text| text != "0"),
        ours: mine,
        who,
        group,
    })
}

async fn all(reader: &Reader) -> Result<Vec<AccessState>, Failure> {
    Ok(rows(reader, "the access list", LIST).await?.iter().filter_map(|row| state(row, reader.user())).collect())
}

impl Resource for Access {
    const KIND: &'static str = "proxmox/access";
    const REPLACE_ON: &'static [&'static str] = &["who", "group", "role", "path"];
    type Provider = Pve;
    type State = AccessState;
    type Id = AccessId;
    type Outputs = NoOutputs;

    fn name(&self) -> &str {
        &self.name
    }
    fn site(&self) -> Site<Pve> {
        self.site
    }
    fn claims(&self) -> Vec<Claim> {
        vec![Claim::new("access", &self.name).within(self.site.name())]
    }
    fn review(&self, now: Option<&AccessState>, action: Action, _: &[Change]) -> Vec<Note> {
        let ours = now.is_some_and(|now| now.ours) && matches!(action, Action::Delete | Action::Replace);
        let note = Note::refused("this program has its own rights by it")
            .hint("work as another user for this run, or leave it");
        ours.then_some(note).into_iter().collect()
    }
    async fn read(&self, cx: &Look<'_, Pve>) -> Result<Option<AccessState>, Failure> {
        let (Some(who), Some(role)) = (cx.get(&self.who), cx.get(&self.role)) else { return Ok(None) };
        Self::find(&AccessId { who, role, path: self.path.clone(), group: self.group }, cx).await
    }
    async fn find(id: &AccessId, cx: &Look<'_, Pve>) -> Result<Option<AccessState>, Failure> {
        let found = all(cx).await?;
        Ok(found
            .into_iter()
            .find(|line| line.who == id.who && line.role == id.role && line.path == id.path && line.group == id.group))
    }
    fn id(state: &AccessState) -> AccessId {
        AccessId { who: state.who.clone(), role: state.role.clone(), path: state.path.clone(), group: state.group }
    }
    async fn apply(&self, _: Option<&AccessState>, cx: &Apply<'_, Pve>) -> Result<(), Failure> {
        let id =
            AccessId { who: cx.get(&self.who)?, role: cx.get(&self.role)?, path: self.path.clone(), group: self.group };
        Access::set(cx, &id, self.propagate, false).await
    }
    async fn delete(state: &AccessState, cx: &Apply<'_, Pve>) -> Result<(), Failure> {
        if state.ours {
            return Err(Failure::new(format!("this program has its own rights on {} by it", state.path))
                .hint("work as another user for this run, or `state forget` it"));
        }
        let who = if state.group { format!("@{}", state.who) } else { state.who.clone() };
        if state.path == "/" && admin::is_last(cx, &who).await? {
            return Err(admin::refused(&who));
        }
        Access::set(cx, &Self::id(state), state.propagate, true).await
    }
}
