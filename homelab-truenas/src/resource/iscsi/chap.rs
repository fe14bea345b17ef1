//! [`Chap`]: a login for clients of iSCSI.
use crate::{
    Nas,
    resource::row::{Entry, Row, RowOutputs, at_site},
};
use homelab_core::{Claim, Secret, Site};
use serde::Serialize;

/// A login for clients of iSCSI: a target that [asks for it](crate::resource::Target::chap) lets in who knows the secret.
///
/// The NAS takes secrets of 12 to 16 characters. A secret cannot be read back: another one is set by giving the login another user.
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
}
