//! [`Target`]: a name under which extents are offered, and [`Lun`]: one of them.
use super::{Extent, Initiators, Portal};
use crate::{
    Nas,
    resource::{
        Fields,
        row::{Entry, Row, RowOutputs, at_site},
    },
};
use homelab_core::{Handle, Output, Site};
use serde::Serialize;
use serde_json::{Value, json};

/// A name under which extents are offered.
pub type Target = Entry<TargetRow>;

/// A target that is offered nowhere yet.
#[derive(Clone, Debug)]
pub struct TargetOf(String);

/// What a target is.
#[derive(Clone, Debug, Serialize)]
pub struct TargetRow {
    #[serde(rename = "name")]
    target: String,
    mode: &'static str,
    groups: Vec<Group>,
    #[serde(skip)]
    name: String,
    #[serde(skip)]
    site: Site<Nas>,
}

#[derive(Clone, Debug, Serialize)]
struct Group {
    portal: Output<u64>,
    initiator: Output<u64>,
    authmethod: &'static str,
    auth: Option<u32>,
}

impl Target {
    /// The target of this name: lower case letters, digits, `.`, `-` and `:`; the NAS puts its own name in front.
    ///
    /// # Panics
    /// On other names.
    #[must_use]
    #[track_caller]
    pub fn named(name: impl Into<String>) -> TargetOf {
        let name = name.into();
        let fine = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || ".-:".contains(c);
        assert!(
            !name.is_empty() && name.len() <= 120 && name.chars().all(fine),
            "`{name}` is no name of a target: lower case letters, digits, `.`, `-` and `:`"
        );
        TargetOf(name)
    }
}

impl Target {
    /// Lets in only who knows the secret of the login with this number ([`Chap::tag`](crate::resource::Chap::tag)), which has to be there
    /// first.
    #[must_use]
    pub fn chap(mut self, tag: u32) -> Target {
        for group in &mut self.0.groups {
            (group.authmethod, group.auth) = ("CHAP", Some(tag));
        }
        self
    }
}

impl TargetOf {
    /// At this portal, for these clients.
    #[must_use]
    pub fn at(self, portal: Handle<Portal>, clients: Handle<Initiators>) -> Target {
        let site = portal.site();
        let group = Group { portal: portal.id(), initiator: clients.id(), authmethod: "NONE", auth: None };
        Entry(TargetRow { name: at_site(site, &self.0), target: self.0, mode: "ISCSI", groups: vec![group], site })
    }
}

impl Row for TargetRow {
    const KIND: &'static str = "truenas/target";
    const TABLE: &'static str = "iscsi.target";
    const KEY: &'static [&'static str] = &["name"];
    type Outputs = RowOutputs;

    fn name(&self) -> &str {
        &self.name
    }
    fn site(&self) -> Site<Nas> {
        self.site
    }
    fn key(&self) -> impl Serialize + Send {
        (&self.target,)
    }
    fn observed(mut row: Fields) -> Fields {
        let groups = row.get_mut("groups").and_then(Value::as_array_mut);
        groups.into_iter().flatten().filter_map(Value::as_object_mut).for_each(|group| {
            group.retain(|key, value| {
                ["portal", "initiator", "authmethod"].contains(&key.as_str()) || (key == "auth" && !value.is_null())
            });
        });
        row
    }
    /// One in use is refused, and its extents stay.
    fn deleting() -> Vec<Value> {
        vec![json!(false), json!(false)]
    }
}

/// An extent as a numbered unit of a target.
pub type Lun = Entry<LunRow>;

/// What a unit is.
#[derive(Clone, Debug, Serialize)]
pub struct LunRow {
    target: Output<u64>,
    extent: Output<u64>,
    lunid: u32,
    #[serde(skip)]
    name: String,
    #[serde(skip)]
    site: Site<Nas>,
}

impl Lun {
    /// The unit of this name in the lab: an extent under a number in a target; clients see number 0 first.
    ///
    /// It does not live in its target: a target with units is not deleted, so they go before it.
    #[must_use]
    pub fn named(name: impl AsRef<str>, target: Handle<Target>, lunid: u32, extent: Handle<Extent>) -> Lun {
        let site = target.site();
        Entry(LunRow { target: target.id(), extent: extent.id(), lunid, name: at_site(site, name), site })
    }
}

impl Row for LunRow {
    const KIND: &'static str = "truenas/lun";
    const TABLE: &'static str = "iscsi.targetextent";
    const KEY: &'static [&'static str] = &["target", "lunid"];
    const WHOLE: bool = true;
    type Outputs = RowOutputs;

    fn name(&self) -> &str {
        &self.name
    }
    fn site(&self) -> Site<Nas> {
        self.site
    }
    fn key(&self) -> impl Serialize + Send {
        (self.target, self.lunid)
    }
    fn deleting() -> Vec<Value> {
        vec![json!(false)]
    }
}
