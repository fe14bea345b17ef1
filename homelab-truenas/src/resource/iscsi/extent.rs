//! [`Extent`]: a volume that is offered.
use crate::{
    Nas,
    resource::{
        Zvol,
        row::{Entry, Row, RowOutputs},
    },
};
use homelab_core::{AnyHandle, Handle, Output, Site};
use serde::Serialize;
use serde_json::{Value, json};

/// A volume that is offered over iSCSI.
pub type Extent = Entry<ExtentRow>;

/// An extent without a name.
#[derive(Clone, Copy, Debug)]
pub struct ExtentOf(Handle<Zvol>);

/// What an extent is.
#[derive(Clone, Debug, Serialize)]
pub struct ExtentRow {
    name: String,
    #[serde(rename = "type")]
    kind: &'static str,
    disk: Output<String>,
    blocksize: u32,
    rpm: &'static str,
    ro: bool,
    enabled: bool,
    comment: Option<String>,
    #[serde(skip)]
    zvol: Handle<Zvol>,
}

impl Extent {
    /// Of this volume.
    #[must_use]
    pub const fn of(zvol: Handle<Zvol>) -> ExtentOf {
        ExtentOf(zvol)
    }
    /// Nobody can write.
    #[must_use]
    pub fn read_only(mut self) -> Extent {
        self.0.ro = true;
        self
    }
    /// With logical blocks of 512 bytes instead of 4096: for old systems that start from it.
    #[must_use]
    pub fn small_blocks(mut self) -> Extent {
        self.0.blocksize = 512;
        self
    }
}

impl ExtentOf {
    /// Under this name, at most 64 characters.
    ///
    /// # Panics
    /// On longer names.
    #[must_use]
    #[track_caller]
    pub fn named(self, name: impl Into<String>) -> Extent {
        let name = name.into();
        assert!((1..=64).contains(&name.len()), "the name of an extent has 1 to 64 characters");
        Entry(ExtentRow {
            name,
            kind: "DISK",
            disk: self.0.device(),
            blocksize: 4096,
            rpm: "SSD",
            ro: false,
            enabled: true,
            comment: None,
            zvol: self.0,
        })
    }
}

impl Row for ExtentRow {
    const KIND: &'static str = "truenas/extent";
    const TABLE: &'static str = "iscsi.extent";
    const KEY: &'static [&'static str] = &["name"];
    const MARK: Option<&'static str> = Some("comment");
    type Outputs = RowOutputs;

    fn name(&self) -> &str {
        &self.name
    }
    fn site(&self) -> Site<Nas> {
        self.zvol.site()
    }
    fn lives_in(&self) -> Option<AnyHandle> {
        Some(self.zvol.into())
    }
    fn key(&self) -> impl Serialize + Send {
        (&self.name,)
    }
    /// Its file is left, if it is one, and one in use is refused (truenas-notes section 8).
    fn deleting() -> Vec<Value> {
        vec![json!(false), json!(false)]
    }
}
