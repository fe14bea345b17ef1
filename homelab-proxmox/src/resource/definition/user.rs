//! [`User`]: who may be given rights.
use super::{NameId, Place, Row, commented, in_declared_order, text, users_in_full, words};
use crate::{Pve, client::Params, resource::mark};
use homelab_core::{
    Apply, Claim, Failure, Field, Input, Look, Owner, Resource, Secret, Site, outputs,
    plan::{Action, Change, Note},
};
use serde::Serialize;

const LIST: &str = "/access/users";
const WHAT: &str = "user";

/// A user, `NAME@REALM`. What it may do is said by [`Access`](super::Access).
///
/// The user that this program itself works as is never switched off or deleted. Needs `User.Modify` on `/access/groups` and
/// `Realm.AllocateUser` on the realm.
#[derive(Clone, Debug, Serialize)]
pub struct User {
    name: String,
    #[serde(skip)]
    site: Site<Pve>,
    comment: Field<String>,
    email: Field<String>,
    groups: Option<Vec<Input<String>>>,
    enabled: bool,
    password: Option<Secret>,
}

/// What can be observed of a user.
#[derive(Clone, Debug, Serialize)]
pub struct UserState {
    /// `NAME@REALM`.
    pub name: String,
    /// Who it is.
    pub comment: Option<String>,
    /// Where it gets its mail.
    pub email: Option<String>,
    /// The groups that it is in.
    pub groups: Vec<String>,
    /// Whether it may log in.
    pub enabled: bool,
    /// Whether it is the one that this program works as.
    #[serde(skip)]
    ours: bool,
    #[serde(skip)]
    owner: Owner,
}

outputs!(
    /// What others need to know of a user.
    UserOutputs of UserState {
        /// `NAME@REALM`.
        name: String,
    }
);

impl User {
    /// The user of this name, with its realm: `prometheus@pve`.
    ///
    /// # Panics
    /// When it has no realm.
    #[must_use]
    #[track_caller]
    pub fn named(site: Site<Pve>, name: &str) -> User {
        let fits = name.rsplit_once('@').is_some_and(|(name, realm)| {
            let plain = |byte: u8| byte.is_ascii_graphic() && !b":/!".contains(&byte);
            !name.is_empty()
                && name.bytes().all(plain)
                && realm.len() > 1
                && realm.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
        });
        assert!(fits, "`{name}` is no user: write NAME@REALM, `prometheus@pve`");
        let (comment, email) = (Field::Unmanaged, Field::Unmanaged);
        User { name: name.to_owned(), site, comment, email, groups: None, enabled: true, password: None }
    }

    /// Who it is; our mark stands behind it.
    #[must_use]
    pub fn comment(self, text: impl Into<String>) -> User {
        User { comment: commented(text), ..self }
    }

    /// Where it gets its mail.
    #[must_use]
    pub fn email(self, address: impl Into<String>) -> User {
        User { email: Field::Set(address.into()), ..self }
    }

    /// The groups that it is in, and no others.
    #[must_use]
    pub fn groups<G: Into<Input<String>>>(self, groups: impl IntoIterator<Item = G>) -> User {
        User { groups: Some(groups.into_iter().map(Into::into).collect()), ..self }
    }

    /// Its password, given when it is made (in the realm `pve` only) and not seen afterwards. A user for tokens needs none.
    #[must_use]
    pub fn password(self, secret: Secret) -> User {
        User { password: Some(secret), ..self }
    }

    /// Switched off.
    #[must_use]
    pub fn disabled(self) -> User {
        User { enabled: false, ..self }
    }

    fn at<'a>(name: &'a str) -> Place<'a> {
        Place { what: WHAT, name, list: LIST, key: "userid" }
    }
}

fn state(row: &Row, ours: &str) -> UserState {
    let (comment, mark) = text(row, "comment").map(|comment| mark::split_comment(&comment)).unwrap_or_default();
    let name = text(row, "userid").unwrap_or_default();
    UserState {
        comment,
        email: text(row, "email"),
        groups: words(row, "groups"),
        enabled: text(row, "enable").is_none_or(|text| text != "0"),
        ours: name == ours,
        owner: mark.map_or(Owner::Unmarked, Owner::Marked),
        name,
    }
}

impl Resource for User {
    const KIND: &'static str = "proxmox/user";
    const WRITE_ONLY: &'static [&'static str] = &["password"];
    type Provider = Pve;
    type State = UserState;
    type Id = NameId;
    type Outputs = UserOutputs;

    fn name(&self) -> &str {
        &self.name
    }
    fn site(&self) -> Site<Pve> {
        self.site
    }
    fn claims(&self) -> Vec<Claim> {
        vec![Claim::new(WHAT, &self.name).within(self.site.name())]
    }
    fn review(&self, now: Option<&UserState>, action: Action, _: &[Change]) -> Vec<Note> {
        let ours = now.is_some_and(|now| now.ours) && (action == Action::Delete || !self.enabled);
        let note = Note::refused(format!("{} is the user that this program works as", self.name))
            .hint("work as another user for this run, or leave it");
        ours.then_some(note).into_iter().collect()
    }
    async fn read(&self, cx: &Look<'_, Pve>) -> Result<Option<UserState>, Failure> {
        let Some(mut state) = Self::find(&NameId { name: self.name.clone() }, cx).await? else { return Ok(None) };
        in_declared_order(&mut state.groups, self.groups.iter().flatten().filter_map(|group| cx.get(group)));
        Ok(Some(state))
    }
    async fn find(id: &NameId, cx: &Look<'_, Pve>) -> Result<Option<UserState>, Failure> {
        let all = users_in_full(cx).await?;
        let row = all.iter().find(|row| text(row, "userid").as_deref() == Some(&id.name));
        Ok(row.map(|row| state(row, cx.user())))
    }
    async fn survey(cx: &Look<'_, Pve>) -> Result<Vec<UserState>, Failure> {
        Ok(users_in_full(cx).await?.iter().map(|row| state(row, cx.user())).collect())
    }
    fn id(state: &UserState) -> NameId {
        NameId { name: state.name.clone() }
    }
    fn planned_id(&self) -> Option<NameId> {
        Some(NameId { name: self.name.clone() })
    }
    fn owner(state: &UserState) -> Owner {
        state.owner.clone()
    }
    async fn apply(&self, _: Option<&UserState>, cx: &Apply<'_, Pve>) -> Result<(), Failure> {
        let all = users_in_full(cx).await?;
        let before = all.iter().find(|row| text(row, "userid").as_deref() == Some(&self.name)).cloned();
        let now = before.as_ref().map(|row| state(row, cx.user()));
        let mut fixed = std::collections::BTreeMap::new();
        if let Some(password) = &self.password {
            fixed.insert("password", cx.secret(password)?.expose().to_owned());
        }
        let is = before.as_ref().and_then(|row| text(row, "comment"));
        let mut wanted =
            std::collections::BTreeMap::from([("comment", Some(mark::of_field(&self.comment, is, cx.mark())))]);
        if let Field::Set(email) = &self.email {
            wanted.insert("email", Some(email.clone()));
        }
        if let Some(groups) = &self.groups {
            let mut groups: Vec<String> = groups.iter().map(|group| cx.get(group)).collect::<Result<_, _>>()?;
            groups.sort_unstable();
            let same = before.as_ref().is_some_and(|before| words(before, "groups") == groups);
            // None at all is said by an empty list: there is nothing to delete.
            wanted.extend((!same).then(|| ("groups", Some(groups.join(",")))));
        }
        if now.as_ref().map_or(!self.enabled, |now| now.enabled != self.enabled) {
            wanted.insert("enable", Some(u8::from(self.enabled).to_string()));
        }
        Self::at(&self.name).write(cx, before.as_ref(), &fixed, &wanted).await
    }
    async fn delete(state: &UserState, cx: &Apply<'_, Pve>) -> Result<(), Failure> {
        if state.ours {
            return Err(Failure::new(format!("{} is the user that this program works as", state.name))
                .hint("work as another user for this run, or `state forget` it"));
        }
        Self::at(&state.name).remove(cx, Params::new()).await
    }
}
