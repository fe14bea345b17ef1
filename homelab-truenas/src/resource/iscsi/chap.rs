//! [`Chap`]: a login for clients of iSCSI.
use crate::{
    Nas,
    resource::row::{Entry, Fields, Row, RowOutputs, RowState, at_site},
};
use homelab_core::{Apply, Claim, Failure, Look, Secret, Site, plan::Note};
use serde::Serialize;
use serde_json::Value;
use std::ops::RangeInclusive;

/// How many characters a secret has.
const LENGTH: RangeInclusive<usize> = 12..=16;

/// A login for clients of iSCSI: a target that [asks for it](crate::resource::Target::chap) lets in who knows the secret.
///
/// The NAS takes secrets of 12 to 16 characters, without a blank at either end (`plugins/iscsi_/auth.py` of the middleware); another one is
/// refused when the login is planned, or, where a run makes the secret itself, before anything is sent. A secret cannot be read back: another one is set by giving the login another user.
pub type Chap = Entry<ChapRow>;

/// A login without a NAS.
#[derive(Clone, Debug)]
pub struct ChapOf(String);

/// What a login is.
#[derive(Clone, Debug, Serialize)]
pub struct ChapRow {
    /// The number by which targets name it.
    pub(super) tag: u32,
    user: String,
    secret: Secret,
    #[serde(skip)]
    name: String,
    #[serde(skip)]
    pub(super) site: Site<Nas>,
}

impl Chap {
    /// The login of this user.
    #[must_use]
    pub fn user(user: impl Into<String>) -> ChapOf {
        ChapOf(user.into())
    }

    /// The number by which targets name it.
    #[must_use]
    pub fn tag(&self) -> u32 {
        self.0.tag
    }
}

impl ChapOf {
    /// On this NAS, under this number, which no other login there has.
    #[must_use]
    pub fn on(self, site: Site<Nas>, tag: u32, secret: Secret) -> Chap {
        Entry(ChapRow { name: at_site(site, &self.0), tag, user: self.0, secret, site })
    }
}

impl Row for ChapRow {
    const KIND: &'static str = "truenas/chap";
    const TABLE: &'static str = "iscsi.auth";
    const KEY: &'static [&'static str] = &["tag", "user"];
    const REPLACE_ON: &'static [&'static str] = &["user"];
    const WRITE_ONLY: &'static [&'static str] = &["secret"];
    const HIDDEN: &'static [&'static str] = &["secret", "peersecret"];
    type Outputs = RowOutputs;

    fn name(&self) -> &str {
        &self.name
    }
    fn site(&self) -> Site<Nas> {
        self.site
    }
    fn key(&self) -> impl Serialize + Send {
        (self.tag, &self.user)
    }
    fn claims(&self) -> Vec<Claim> {
        vec![Claim::new("chap tag", self.tag).within(self.site.name())]
    }
    /// Only of one that is to be made: what is there already has been taken.
    async fn inspect(&self, now: Option<&RowState>, cx: &Look<'_, Nas>) -> Result<Vec<Note>, Failure> {
        // One that is not set is told for all secrets at once.
        let Some(Ok(Some(Value::String(value)))) = now.is_none().then(|| cx.filled(&self.secret)) else {
            return Ok(vec![]);
        };
        Ok(self.unfit(&value).map(|(what, hint)| Note::refused(what).hint(hint)).into_iter().collect())
    }
    async fn create_only(&self, cx: &Apply<'_, Nas>) -> Result<Fields, Failure> {
        match self.unfit(cx.secret(&self.secret)?.expose()) {
            Some((what, hint)) => Err(Failure::unusable(what).hint(hint)),
            None => Ok(Fields::new()),
        }
    }
}

impl ChapRow {
    /// Why the NAS would not take this secret, and what to do.
    fn unfit(&self, value: &str) -> Option<(String, String)> {
        let (least, most) = (LENGTH.start(), LENGTH.end());
        let what = match value.chars().count() {
            n if !LENGTH.contains(&n) => format!("has {n} characters, and a login of iSCSI has {least} to {most}"),
            _ if value.trim() != value => "begins or ends with a blank, which a login of iSCSI cannot".to_owned(),
            _ => return None,
        };
        Some((format!("{} {what}", self.secret), format!("set another one: `openssl rand -hex 8` makes one of {most}")))
    }
}
