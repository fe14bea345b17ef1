//! [`Initiators`]: who may connect.
use crate::{
    Nas,
    resource::row::{Entry, Row, RowOutputs, at_site},
};
use homelab_core::Site;
use serde::Serialize;
use std::collections::BTreeSet;

/// The clients that may connect, by their names (`iqn...`).
pub type Initiators = Entry<InitiatorsRow>;

/// Clients without a NAS.
#[derive(Clone, Debug)]
pub struct InitiatorsOf(String);

/// What a group of initiators is.
#[derive(Clone, Debug, Serialize)]
pub struct InitiatorsRow {
    initiators: BTreeSet<String>,
    comment: Option<String>,
    #[serde(skip)]
    name: String,
    #[serde(skip)]
    site: Site<Nas>,
}

impl Initiators {
    /// The group of this name in the lab.
    #[must_use]
    pub fn named(name: impl Into<String>) -> InitiatorsOf {
        InitiatorsOf(name.into())
    }
}

impl InitiatorsOf {
    /// These clients, on this NAS.
    ///
    /// # Panics
    /// With no client at all, which the NAS takes as everybody.
    #[must_use]
    #[track_caller]
    pub fn on<S: Into<String>>(self, site: Site<Nas>, clients: impl IntoIterator<Item = S>) -> Initiators {
        let initiators: BTreeSet<String> = clients.into_iter().map(Into::into).collect();
        assert!(!initiators.is_empty(), "a group of nobody would be one of everybody: name the clients");
        Entry(InitiatorsRow { initiators, comment: None, name: at_site(site, self.0), site })
    }
}

impl Row for InitiatorsRow {
    const KIND: &'static str = "truenas/initiators";
    const TABLE: &'static str = "iscsi.initiator";
    const KEY: &'static [&'static str] = &["initiators"];
    const MARK: Option<&'static str> = Some("comment");
    type Outputs = RowOutputs;

    fn name(&self) -> &str {
        &self.name
    }
    fn site(&self) -> Site<Nas> {
        self.site
    }
    fn key(&self) -> impl Serialize + Send {
        (&self.initiators,)
    }
}
