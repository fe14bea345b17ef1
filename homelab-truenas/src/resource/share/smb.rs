//! [`SmbShare`]: a directory for Windows, macOS and everybody else with a user and a password.
use crate::{
    Nas,
    resource::{
        dataset::{Parent, Within},
        release,
        row::{Entry, Fields, Row, RowState, ShareOutputs},
        share::old_smb,
    },
};
use homelab_core::{
    AnyHandle, Claim, Failure, Look, Site, Text,
    plan::Note,
    units::{HostAddr, Network, Size},
};
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// A share over SMB.
///
/// A client needs a user with SMB and a password ([`User::smb`](crate::resource::User)). The share starts the service.
pub type SmbShare = Entry<Smb>;

/// A share without a name.
#[derive(Clone, Debug)]
pub struct SmbShareOf(Within);

/// What an SMB share is.
#[derive(Clone, Debug, Serialize)]
pub struct Smb {
    name: String,
    path: Text,
    purpose: &'static str,
    enabled: bool,
    readonly: bool,
    browsable: bool,
    comment: Option<String>,
    access_based_share_enumeration: Option<bool>,
    options: BTreeMap<&'static str, Value>,
    #[serde(skip)]
    at: Option<HostAddr>,
    #[serde(skip)]
    within: Within,
}

impl SmbShare {
    /// What lies in this dataset.
    #[must_use]
    pub fn of(dataset: impl Parent) -> SmbShareOf {
        SmbShareOf(dataset.within())
    }
}

impl SmbShareOf {
    /// Under this name: at most 80 characters, none of `\ / [ ] : | < > + = ; , * ? " %`, and not `global`, `printers` or `homes`.
    ///
    /// # Panics
    /// On other names.
    #[must_use]
    #[track_caller]
    pub fn named(self, name: impl Into<String>) -> SmbShare {
        let name = name.into();
        let reserved = ["global", "printers", "homes", "ipc$", "admin$"].contains(&name.to_lowercase().as_str());
        let fine = |c: char| !c.is_control() && !"\\/[]:|<>+=;,*?\"%".contains(c);
        assert!(
            !name.is_empty() && name.chars().count() <= 80 && name.chars().all(fine) && !reserved,
            "`{name}` is no name for an SMB share"
        );
        Entry(Smb {
            name,
            path: self.0.path.clone(),
            purpose: "DEFAULT_SHARE",
            enabled: true,
            readonly: false,
            browsable: true,
            comment: None,
            access_based_share_enumeration: None,
            options: BTreeMap::new(),
            at: None,
            within: self.0,
        })
    }
}

impl SmbShare {
    /// For Time Machine, with the most that all Macs together may take.
    #[must_use]
    pub fn time_machine(mut self, quota: Size) -> SmbShare {
        self.0.purpose = "TIMEMACHINE_SHARE";
        // In bytes: the schema's limit is 100 TiB of them.
        self.0.options.insert("timemachine_quota", quota.as_bytes().into());
        self
    }
    /// For files that NFS clients use at the same time.
    #[must_use]
    pub fn multiprotocol(mut self) -> SmbShare {
        self.0.purpose = "MULTIPROTOCOL_SHARE";
        self
    }
    /// A dataset of its own for each user.
    #[must_use]
    pub fn private_datasets(mut self) -> SmbShare {
        self.0.purpose = "PRIVATE_DATASETS_SHARE";
        self
    }
    /// What is written cannot be changed after this many seconds: 60 to 15 552 000.
    ///
    /// # Panics
    /// On other numbers.
    #[must_use]
    #[track_caller]
    pub fn time_locked(mut self, grace_seconds: u32) -> SmbShare {
        assert!(
            (60..=15_552_000).contains(&grace_seconds),
            "the time until a file is locked is 60 seconds to 180 days"
        );
        self.0.purpose = "TIME_LOCKED_SHARE";
        self.0.options.insert("grace_period", grace_seconds.into());
        self
    }
    /// Only for clients on these networks.
    #[must_use]
    pub fn for_networks(mut self, networks: impl IntoIterator<Item = Network>) -> SmbShare {
        let allowed: BTreeSet<String> = networks.into_iter().map(|network| network.to_string()).collect();
        self.0.options.insert("hostsallow", json!(allowed));
        self
    }
    /// Nobody can write.
    #[must_use]
    pub fn read_only(mut self) -> SmbShare {
        self.0.readonly = true;
        self
    }
    /// Not shown when somebody lists the NAS's shares.
    #[must_use]
    pub fn hidden(mut self) -> SmbShare {
        self.0.browsable = false;
        self
    }
    /// Shows each user only what he may read.
    #[must_use]
    pub fn lists_only_readable(mut self) -> SmbShare {
        self.0.access_based_share_enumeration = Some(true);
        self
    }
    /// Words for people.
    #[must_use]
    pub fn comment(mut self, comment: impl Into<String>) -> SmbShare {
        self.0.comment = Some(comment.into());
        self
    }
    /// The address at which clients find it.
    #[must_use]
    pub fn at(mut self, address: HostAddr) -> SmbShare {
        self.0.at = Some(address);
        self
    }
}

impl Row for Smb {
    const KIND: &'static str = "truenas/smb";
    const TABLE: &'static str = "sharing.smb";
    const KEY: &'static [&'static str] = &["name"];
    const MARK: Option<&'static str> = Some("comment");
    const SERVICE: Option<&'static str> = Some("cifs");
    const HAS_OLD_WORDS: bool = true;
    type Outputs = ShareOutputs;

    fn name(&self) -> &str {
        &self.name
    }
    fn site(&self) -> Site<Nas> {
        self.within.site
    }
    fn lives_in(&self) -> Option<AnyHandle> {
        Some(self.within.handle)
    }
    fn claims(&self) -> Vec<Claim> {
        vec![Claim::new("SMB share", self.name.to_lowercase()).within(self.within.site.name())]
    }
    fn key(&self) -> impl Serialize + Send {
        (&self.name,)
    }
    fn address(&self, row: &Fields) -> Option<String> {
        Some(format!("//{}/{}", self.at?.ip(), row.get("name")?.as_str()?))
    }
    async fn inspect(&self, _: Option<&RowState>, cx: &Look<'_, Nas>) -> Result<Vec<Note>, Failure> {
        let note = || {
            Note::refused("TrueNAS before 25.10 has one time for all files to be locked after, and it cannot be set")
                .hint("update the NAS to 25.10, or share this without `.time_locked()`")
        };
        let is_set = self.options.contains_key("grace_period");
        Ok((is_set && release::is_old(cx).await? == Some(true)).then(note).into_iter().collect())
    }
    fn in_old_words(body: Fields) -> Fields {
        old_smb::write(body)
    }
    /// Options go with their purpose and never without it (truenas-notes section 12).
    fn body(&self, mut spec: Fields, now: Option<&RowState>) -> Fields {
        if spec.contains_key("options") || spec.contains_key("purpose") {
            // An update replaces all options: those that are not declared are sent as they are.
            let same = now.filter(|now| now.text("purpose") == self.purpose);
            let mut options = same.and_then(|now| now.fields.get("options").cloned()).unwrap_or_else(|| json!({}));
            for (name, value) in &self.options {
                options[*name] = value.clone();
            }
            options["purpose"] = self.purpose.into();
            spec.insert("purpose".into(), self.purpose.into());
            spec.insert("options".into(), options);
        }
        spec
    }
    fn observed(row: Fields) -> Fields {
        let mut row = old_smb::read(row);
        if let Some(options) = row.get_mut("options").and_then(Value::as_object_mut) {
            options.remove("purpose");
        }
        row
    }
}
