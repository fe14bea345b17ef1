//! [`Realm`]: where users come from.
use super::{NameId, checked_id, commented, row, rows, text};
use crate::{
    Pve,
    client::{
        Params, Reader,
        call::{Call, path},
    },
    http::Method,
    resource::mark,
};
use homelab_core::{Apply, Claim, Failure, Field, Look, Owner, Resource, Secret, Site, outputs};
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;

const LIST: &str = "/access/domains";
const WHAT: &str = "realm";
/// Options that are secrets, or come with the realm itself.
const NOT_SHOWN: [&str; 6] = ["client-key", "password", "comment", "type", "digest", "realm"];

/// A directory or an identity provider whose users may log in: LDAP, Active Directory, OpenID Connect.
///
/// ```
/// # use homelab_core::{Lab, Secret, Site};
/// # use homelab_proxmox::{Pve, resource::Realm};
/// # const PVE: Site<Pve> = Site::named("pve");
/// # let mut lab = Lab::named("home");
/// const KEY: Secret = Secret::named("PVE_OPENID_KEY");
/// lab.add(Realm::openid(PVE, "authentik", "https://auth.example/application/o/pve/", "pve").secret(KEY).option("autocreate", "1"));
/// ```
///
/// What is not said is as the server, or somebody's hand, has it. The realms `pam` and `pve` are always there and cannot be declared.
/// Users of a realm stay when it goes, and cannot log in. Needs `Realm.Allocate` on `/access/realm`.
#[derive(Clone, Debug, Serialize)]
pub struct Realm {
    name: String,
    #[serde(skip)]
    site: Site<Pve>,
    kind: &'static str,
    options: BTreeMap<String, String>,
    comment: Field<String>,
    secret: Option<Secret>,
}

/// What can be observed of a realm.
#[derive(Clone, Debug, Serialize)]
pub struct RealmState {
    /// Its name, which stands behind the `@` of its users.
    pub name: String,
    /// `ldap`, `ad` or `openid`.
    pub kind: String,
    /// Its options, but for secrets.
    pub options: BTreeMap<String, String>,
    /// What it is for.
    pub comment: Option<String>,
    #[serde(skip)]
    owner: Owner,
}

outputs!(
    /// What others need to know of a realm.
    RealmOutputs of RealmState {
        /// Its name.
        name: String,
    }
);

impl Realm {
    #[track_caller]
    fn new(site: Site<Pve>, name: &str, kind: &'static str, options: &[(&str, &str)]) -> Realm {
        let name = checked_id(WHAT, name, 32);
        assert!(!["pam", "pve"].contains(&name.as_str()), "the realm `{name}` is always there");
        let options = options.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        Realm { name, site, kind, options, comment: Field::Unmanaged, secret: None }
    }

    /// An LDAP directory: its server, where in it users are (`ou=people,dc=home,dc=example`) and which attribute is the login (`uid`).
    ///
    /// # Panics
    /// When it is no name of a realm.
    #[must_use]
    #[track_caller]
    pub fn ldap(site: Site<Pve>, name: &str, server: &str, base: &str, attribute: &str) -> Realm {
        Realm::new(site, name, "ldap", &[("server1", server), ("base_dn", base), ("user_attr", attribute)])
    }

    /// An Active Directory: its server and its domain.
    ///
    /// # Panics
    /// When it is no name of a realm.
    #[must_use]
    #[track_caller]
    pub fn active_directory(site: Site<Pve>, name: &str, server: &str, domain: &str) -> Realm {
        Realm::new(site, name, "ad", &[("server1", server), ("domain", domain)])
    }

    /// An OpenID provider: its address, and the client that Proxmox VE is there.
    ///
    /// # Panics
    /// When it is no name of a realm.
    #[must_use]
    #[track_caller]
    pub fn openid(site: Site<Pve>, name: &str, issuer: &str, client: &str) -> Realm {
        Realm::new(site, name, "openid", &[("issuer-url", issuer), ("client-id", client)])
    }

    /// Any other option, by its name in the API: `mode` (`ldaps`), `port`, `bind_dn`, `autocreate`, `username-claim` (which cannot be
    /// changed once it is set), `default`.
    ///
    /// # Panics
    /// When it is a secret, or has a method of its own.
    #[must_use]
    #[track_caller]
    pub fn option(mut self, key: &str, value: impl Into<String>) -> Realm {
        assert!(!NOT_SHOWN.contains(&key), "`{key}` has a method of its own");
        self.options.insert(key.to_owned(), value.into());
        self
    }

    /// What it logs in with itself: the password of `bind_dn`, or the key of the OpenID client. Given when the realm is made and with
    /// each change; a change of the secret alone is not seen.
    #[must_use]
    pub fn secret(self, secret: Secret) -> Realm {
        Realm { secret: Some(secret), ..self }
    }

    /// What it is for; our mark stands behind it.
    #[must_use]
    pub fn comment(self, text: impl Into<String>) -> Realm {
        Realm { comment: commented(text), ..self }
    }
}

async fn state(reader: &Reader, name: &str) -> Result<Option<RealmState>, Failure> {
    let Some(line) = row(reader, "the realms", LIST, "realm", name).await? else { return Ok(None) };
    let all: std::sync::Arc<Value> = reader.once(Call::get("read", format!("realm {name}"), place(name))).await?;
    let Some(all) = all.as_object() else { return Ok(None) };
    let shown = all.keys().filter(|key| !NOT_SHOWN.contains(&key.as_str()));
    let options = shown.filter_map(|key| Some((key.clone(), text(all, key)?))).collect();
    let (comment, mark) = text(&line, "comment").map(|comment| mark::split_comment(&comment)).unwrap_or_default();
    Ok(Some(RealmState {
        name: name.to_owned(),
        kind: text(&line, "type").unwrap_or_default(),
        options,
        comment,
        owner: mark.map_or(Owner::Unmarked, Owner::Marked),
    }))
}

fn place(name: &str) -> String {
    path(&[&"access", &"domains", &name])
}

impl Resource for Realm {
    const KIND: &'static str = "proxmox/realm";
    const REPLACE_ON: &'static [&'static str] = &["kind"];
    const WRITE_ONLY: &'static [&'static str] = &["secret"];
    type Provider = Pve;
    type State = RealmState;
    type Id = NameId;
    type Outputs = RealmOutputs;

    fn name(&self) -> &str {
        &self.name
    }
    fn site(&self) -> Site<Pve> {
        self.site
    }
    fn claims(&self) -> Vec<Claim> {
        vec![Claim::new(WHAT, &self.name).within(self.site.name())]
    }
    async fn read(&self, cx: &Look<'_, Pve>) -> Result<Option<RealmState>, Failure> {
        state(cx, &self.name).await
    }
    async fn find(id: &NameId, cx: &Look<'_, Pve>) -> Result<Option<RealmState>, Failure> {
        state(cx, &id.name).await
    }
    async fn survey(cx: &Look<'_, Pve>) -> Result<Vec<RealmState>, Failure> {
        let mut all = vec![];
        for row in rows(cx, "the realms", LIST).await?.iter() {
            if mark::of_comment(text(row, "comment").as_deref()).is_some() {
                all.extend(state(cx, &text(row, "realm").unwrap_or_default()).await?);
            }
        }
        Ok(all)
    }
    fn id(state: &RealmState) -> NameId {
        NameId { name: state.name.clone() }
    }
    fn planned_id(&self) -> Option<NameId> {
        Some(NameId { name: self.name.clone() })
    }
    fn owner(state: &RealmState) -> Owner {
        state.owner.clone()
    }
    async fn apply(&self, now: Option<&RealmState>, cx: &Apply<'_, Pve>) -> Result<(), Failure> {
        let comment = mark::of_field(&self.comment, now.and_then(|now| now.comment.clone()), cx.mark());
        let is = |key: &String| now.and_then(|now| now.options.get(key));
        let params = self
            .options
            .iter()
            .filter(|(key, value)| is(key) != Some(value))
            .fold(Params::new().set("comment", comment), |params, (key, value)| params.set(key, value));
        let params = match &self.secret {
            Some(secret) => {
                let key = if self.kind == "openid" { "client-key" } else { "password" };
                params.set(key, cx.secret(secret)?.expose())
            }
            None => params,
        };
        let object = format!("realm {}", self.name);
        let call = match now {
            None => Call::new(Method::Post, "create", object, LIST)
                .with(params.set("realm", &self.name).set("type", self.kind)),
            Some(_) => Call::new(Method::Put, "change", object, place(&self.name)).with(params),
        };
        cx.write(cx.permit(), call).await?;
        Ok(())
    }
    async fn delete(state: &RealmState, cx: &Apply<'_, Pve>) -> Result<(), Failure> {
        if row(cx, WHAT, LIST, "realm", &state.name).await?.is_some() {
            let call = Call::new(Method::Delete, "remove", format!("realm {}", state.name), place(&state.name));
            cx.write(cx.permit(), call).await?;
        }
        Ok(())
    }
}
