//! [`Token`]: what a program shows in place of a password.
use super::{Row, admin, commented, text};
use crate::{
    Pve,
    api::FromScalar,
    client::{
        Params, Reader,
        call::{Call, path},
    },
    http::Method,
    resource::mark,
};
use homelab_core::{
    Apply, Claim, Failure, Field, Input, Look, Owner, Resource, Secret, SecretValue, Site, outputs, plan::Note,
    units::parse_rfc3339,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::time::UNIX_EPOCH;

const ACL: &str = "/access/acl";

/// An API token of a user: its secret is shown once, when it is made, and kept in the lab's encrypted store.
///
/// ```
/// # use homelab_core::{Lab, Secret, Site};
/// # use homelab_proxmox::{Pve, resource::{Access, Token, User}};
/// # const PVE: Site<Pve> = Site::named("pve");
/// const EXPORTER: Secret = Secret::named("EXPORTER_TOKEN");
/// # let mut lab = Lab::named("home");
/// let user = lab.add(User::named(PVE, "prometheus@pve"));
/// lab.add(Access::of(PVE, user.name(), "PVEAuditor").on("/"));
/// let token = lab.add(Token::of(PVE, user.name(), "exporter", EXPORTER));
/// lab.add(Access::of(PVE, token.id(), "PVEAuditor").on("/").named("exporter"));
/// ```
///
/// It may do what both it and its user are allowed. One whose secret the store does not have is made anew, with the rights that it had.
/// That of this program itself is never taken back, nor is one by which the last beside root gives rights. Needs `User.Modify` on
/// `/access/groups`.
#[derive(Clone, Debug, Serialize)]
pub struct Token {
    name: String,
    #[serde(skip)]
    site: Site<Pve>,
    user: Input<String>,
    separated: bool,
    expires: Option<u64>,
    comment: Field<String>,
    /// Always to be so.
    kept: bool,
    #[serde(skip)]
    secret: Secret,
}

/// What a token is found by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenId {
    /// `NAME@REALM`.
    pub user: String,
    /// Its name among those of the user.
    pub name: String,
}

impl TokenId {
    fn full(&self) -> String {
        format!("{}!{}", self.user, self.name)
    }

    fn path(&self) -> String {
        path(&[&"access", &"users", &self.user, &"token", &self.name])
    }
}

/// What can be observed of a token.
#[derive(Clone, Debug, Serialize)]
pub struct TokenState {
    /// Its name among those of the user.
    pub name: String,
    /// `NAME@REALM!TOKEN`.
    pub id: String,
    /// `NAME@REALM`.
    pub user: String,
    /// Whether it has rights of its own, and only those that its user has too.
    pub separated: bool,
    /// When it ends, in seconds since 1970; 0 is never.
    pub expires: u64,
    /// What it is for.
    pub comment: Option<String>,
    /// Whether its secret is known.
    pub kept: bool,
    #[serde(skip)]
    owner: Owner,
}

outputs!(
    /// What others need to know of a token.
    TokenOutputs of TokenState {
        /// `NAME@REALM!TOKEN`.
        id: String,
    }
);

impl Token {
    /// A token of this user (`ada@pve`) under this name, whose secret is kept as this one.
    ///
    /// # Panics
    /// When it is no name of a token.
    #[must_use]
    #[track_caller]
    pub fn of(site: Site<Pve>, user: impl Into<Input<String>>, name: &str, secret: Secret) -> Token {
        let name = super::checked("token", name);
        Token {
            name,
            site,
            user: user.into(),
            separated: true,
            expires: Some(0),
            comment: Field::Unmanaged,
            kept: true,
            secret,
        }
    }

    /// With all the rights of its user, in place of rights of its own.
    #[must_use]
    pub fn with_all_rights(self) -> Token {
        Token { separated: false, ..self }
    }

    /// Until this moment: `2027-01-01T00:00:00Z`.
    ///
    /// # Panics
    /// When it is no moment.
    #[must_use]
    #[track_caller]
    pub fn until(self, moment: &str) -> Token {
        let since = parse_rfc3339(moment).and_then(|moment| moment.duration_since(UNIX_EPOCH).ok());
        let Some(since) = since else { panic!("`{moment}` is no moment: write 2027-01-01T00:00:00Z") };
        Token { expires: Some(since.as_secs()), ..self }
    }

    /// What it is for; our mark stands behind it.
    #[must_use]
    pub fn comment(self, text: impl Into<String>) -> Token {
        Token { comment: commented(text), ..self }
    }

    fn params(&self, comment: String) -> Params {
        Params::new().flag("privsep", self.separated).maybe("expire", self.expires).set("comment", comment)
    }

    /// Makes it, and keeps its secret; without that it is taken back, for nobody would know it again.
    async fn make(&self, cx: &Apply<'_, Pve>, id: &TokenId, comment: String) -> Result<(), Failure> {
        let object = format!("token {}", id.full());
        let call = Call::new(Method::Post, "create", &object, id.path()).with(self.params(comment));
        let made = cx.write(cx.permit(), call).await?;
        let Some(secret) = made.get("value").and_then(String::from_scalar) else {
            return Err(Failure::new(format!("the answer has no secret of {object}")));
        };
        match cx.keep(&self.secret, SecretValue::from(secret)) {
            Ok(()) => Ok(()),
            Err(failure) => {
                cx.write(cx.permit(), Call::new(Method::Delete, "take back", object, id.path())).await?;
                Err(failure)
            }
        }
    }
}

/// The rights that a token has of its own, which go when it goes.
async fn rights(reader: &Reader, id: &str) -> Result<Vec<Params>, Failure> {
    let lines = super::rows(reader, "the access list", ACL).await?;
    let own = lines.iter().filter(|row| text(row, "ugid").as_deref() == Some(id));
    let line = |row: &Row| {
        let params = Params::new().set("path", text(row, "path")?).set("roles", text(row, "roleid")?).set("tokens", id);
        Some(params.flag("propagate", text(row, "propagate").is_some_and(|on| on != "0")))
    };
    Ok(own.filter_map(line).collect())
}

fn state(row: &Row, id: &TokenId) -> TokenState {
    let (comment, mark) = text(row, "comment").map(|comment| mark::split_comment(&comment)).unwrap_or_default();
    TokenState {
        name: id.name.clone(),
        id: id.full(),
        user: id.user.clone(),
        separated: text(row, "privsep").is_none_or(|on| on != "0"),
        expires: row.get("expire").and_then(u64::from_scalar).unwrap_or(0),
        comment,
        kept: false,
        owner: mark.map_or(Owner::Unmarked, Owner::Marked),
    }
}

/// All tokens of all users.
async fn all(reader: &Reader) -> Result<Vec<TokenState>, Failure> {
    let users = super::users_in_full(reader).await?;
    let mut all = vec![];
    for row in users.iter() {
        let user = text(row, "userid").unwrap_or_default();
        for token in row.get("tokens").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_object) {
            let name = text(token, "tokenid").unwrap_or_default();
            all.push(state(token, &TokenId { user: user.clone(), name }));
        }
    }
    Ok(all)
}

impl Resource for Token {
    const KIND: &'static str = "proxmox/token";
    const REPLACE_ON: &'static [&'static str] = &["user"];
    type Provider = Pve;
    type State = TokenState;
    type Id = TokenId;
    type Outputs = TokenOutputs;

    fn name(&self) -> &str {
        &self.name
    }
    fn site(&self) -> Site<Pve> {
        self.site
    }
    fn claims(&self) -> Vec<Claim> {
        vec![Claim::secret(&self.secret)]
    }
    async fn read(&self, cx: &Look<'_, Pve>) -> Result<Option<TokenState>, Failure> {
        let Some(user) = cx.get(&self.user) else { return Ok(None) };
        let found = Self::find(&TokenId { user, name: self.name.clone() }, cx).await?;
        Ok(found.map(|state| TokenState { kept: cx.kept(&self.secret).is_some(), ..state }))
    }
    async fn inspect(&self, now: Option<&TokenState>, cx: &Look<'_, Pve>) -> Result<Vec<Note>, Failure> {
        let ours = now.filter(|now| !now.kept && cx.token() == Some(now.id.as_str()));
        let note = |now: &TokenState| {
            Note::refused(format!("{} is the token that this program works with, and would be made anew", now.id)).hint(
                "its secret is not one that a deploy has kept: `token rotate` renews the lab's own token; give this one another name",
            )
        };
        Ok(ours.map(note).into_iter().collect())
    }
    async fn find(id: &TokenId, cx: &Look<'_, Pve>) -> Result<Option<TokenState>, Failure> {
        let full = id.full();
        Ok(all(cx).await?.into_iter().find(|token| token.id == full))
    }
    async fn survey(cx: &Look<'_, Pve>) -> Result<Vec<TokenState>, Failure> {
        all(cx).await
    }
    fn id(state: &TokenState) -> TokenId {
        TokenId { user: state.user.clone(), name: state.name.clone() }
    }
    fn owner(state: &TokenState) -> Owner {
        state.owner.clone()
    }
    async fn apply(&self, now: Option<&TokenState>, cx: &Apply<'_, Pve>) -> Result<(), Failure> {
        let id = TokenId { user: cx.get(&self.user)?, name: self.name.clone() };
        let is = now.and_then(|now| now.comment.clone());
        let comment = mark::of_field(&self.comment, is, cx.mark());
        let object = format!("token {}", id.full());
        match now {
            None => self.make(cx, &id, comment).await,
            Some(_) if cx.kept(&self.secret).is_some() => {
                let call = Call::new(Method::Put, "change", object, id.path()).with(self.params(comment));
                cx.write(cx.permit(), call).await?;
                Ok(())
            }
            // It is there, and nobody knows its secret: its answer was lost, or the store.
            Some(_) => {
                let rights = rights(cx, &id.full()).await?;
                cx.write(cx.permit(), Call::new(Method::Delete, "take back", object, id.path())).await?;
                self.make(cx, &id, comment).await?;
                for right in rights {
                    let object = format!("access of {}", id.full());
                    cx.write(cx.permit(), Call::new(Method::Put, "set", object, ACL).with(right)).await?;
                }
                Ok(())
            }
        }
    }
    async fn delete(state: &TokenState, cx: &Apply<'_, Pve>) -> Result<(), Failure> {
        if cx.token() == Some(state.id.as_str()) {
            return Err(Failure::new(format!("{} is the token that this program works with", state.id))
                .hint("work with another one for this run, or `state forget` it"));
        }
        if Self::is_last(cx, state).await? {
            return Err(admin::refused(&state.id));
        }
        let id = Self::id(state);
        if Self::is_there(cx, &id).await? {
            let call = Call::new(Method::Delete, "take back", format!("token {}", id.full()), id.path());
            cx.write(cx.permit(), call).await?;
        }
        Ok(())
    }
}

impl Token {
    /// Whether nobody but root may give rights once this is gone. One without rights of its own has those of its user, who may have no
    /// other way in.
    async fn is_last(reader: &Reader, state: &TokenState) -> Result<bool, Failure> {
        if state.separated {
            return admin::is_last(reader, &state.id).await;
        }
        let others = all(reader).await?.iter().any(|other| other.user == state.user && other.id != state.id);
        Ok(!others && admin::is_last(reader, &state.user).await?)
    }

    async fn is_there(reader: &Reader, id: &TokenId) -> Result<bool, Failure> {
        let full = id.full();
        Ok(all(reader).await?.iter().any(|token| token.id == full))
    }
}
