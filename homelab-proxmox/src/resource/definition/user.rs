//! [`User`]: who may be given rights.
use super::{NameId, Place, Row, row, rows, text};
use crate::{Pve, client::Params, resource::mark};
use homelab_core::{
    Apply, Claim, Failure, Field, Look, Owner, Resource, Secret, Site, outputs,
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
        User { name: name.to_owned(), site, comment, email, enabled: true, password: None }
    }

    /// Who it is; our mark stands behind it.
    #[must_use]
    pub fn comment(self, text: impl Into<String>) -> User {
        let text = text.into().trim().to_owned();
        User { comment: if text.is_empty() { Field::Cleared } else { Field::Set(text) }, ..self }
    }

    /// Where it gets its mail.
    #[must_use]
    pub fn email(self, address: impl Into<String>) -> User {
        User { email: Field::Set(address.into()), ..self }
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
        Self::find(&NameId { name: self.name.clone() }, cx).await
    }
    async fn find(id: &NameId, cx: &Look<'_, Pve>) -> Result<Option<UserState>, Failure> {
        let row = row(cx, "the users", LIST, "userid", &id.name).await?;
        Ok(row.map(|row| state(&row, cx.user())))
    }
    async fn survey(cx: &Look<'_, Pve>) -> Result<Vec<UserState>, Failure> {
        Ok(rows(cx, "the users", LIST).await?.iter().map(|row| state(row, cx.user())).collect())
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
        let before = row(cx, WHAT, LIST, "userid", &self.name).await?;
        let now = before.as_ref().map(|row| state(row, cx.user()));
        let mut fixed = std::collections::BTreeMap::new();
        if let Some(password) = &self.password {
            fixed.insert("password", cx.secret(password)?.expose().to_owned());
        }
        let comment = match &self.comment {
            Field::Set(text) => text.clone(),
            Field::Cleared => String::new(),
            Field::Unmanaged => now.as_ref().and_then(|now| now.comment.clone()).unwrap_or_default(),
        };
        let mut wanted = std::collections::BTreeMap::from([("comment", Some(mark::comment(&comment, cx.mark())))]);
        if let Field::Set(email) = &self.email {
            wanted.insert("email", Some(email.clone()));
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
