//! [`Permissions`]: whom a dataset's files belong to, and who may do what with them.
use super::{Dataset, Group, User};
use crate::{Nas, NasReader, work};
use homelab_core::{AnyHandle, Apply, Failure, Handle, Input, Look, NoOutputs, Resource, Site, Text};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Owner, group, mode and ACL of the directory that a dataset is mounted at. What lies in it already is left as it is.
///
/// ```
/// # use homelab_core::{Handle, Lab};
/// # use homelab_truenas::resource::{Access, Dataset, Group, Permissions, User};
/// # fn declare(lab: &mut Lab, media: Handle<Dataset>, jellyfin: Handle<User>, family: Handle<Group>) {
/// lab.add(Permissions::of(media).owner(jellyfin).group(family).mode(0o770));
/// # }
/// ```
///
/// When they leave the code they stay as they are: to open a directory by forgetting it would be the wrong way round.
#[derive(Debug, Serialize)]
pub struct Permissions {
    path: Text,
    uid: Option<Input<u32>>,
    gid: Option<Input<u32>>,
    mode: Option<String>,
    acl: Option<Vec<Ace>>,
    #[serde(skip)]
    dataset: Handle<Dataset>,
}

/// What somebody may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Access {
    /// Everything, also giving rights to others.
    FullControl,
    /// Reading, writing, deleting.
    Modify,
    /// Reading.
    Read,
    /// Passing through to what lies below.
    Traverse,
}

/// An entry of an ACL: who, and what. It counts for what is made below, too.
#[derive(Clone, Debug, Serialize)]
struct Ace {
    tag: &'static str,
    id: Option<Input<u32>>,
    access: Access,
}

impl Permissions {
    /// Of this dataset.
    #[must_use]
    pub fn of(dataset: Handle<Dataset>) -> Permissions {
        Permissions { path: dataset.path().into(), uid: None, gid: None, mode: None, acl: None, dataset }
    }
    /// It belongs to this user.
    #[must_use]
    pub fn owner(mut self, user: Handle<User>) -> Self {
        self.uid = Some(user.uid().into());
        self
    }
    /// It belongs to this group.
    #[must_use]
    pub fn group(mut self, group: Handle<Group>) -> Self {
        self.gid = Some(group.gid().into());
        self
    }
    /// Its mode: `0o770`.
    ///
    /// # Panics
    /// Beyond `0o7777`, and together with an ACL, which is the finer of the two.
    #[must_use]
    #[track_caller]
    pub fn mode(mut self, mode: u32) -> Self {
        assert!(mode <= 0o7777, "a mode is at most 0o7777");
        assert!(self.acl.is_none(), "a mode would undo the ACL: declare one of the two");
        self.mode = Some(format!("{mode:03o}"));
        self
    }
    /// The owner, the group and everybody else may do this; the dataset has NFS 4 ACLs ([`Dataset::nfs4_acls`]).
    ///
    /// # Panics
    /// Together with a mode.
    #[must_use]
    #[track_caller]
    pub fn acl(mut self, owner: Access, group: Access, everybody: Option<Access>) -> Self {
        assert!(self.mode.is_none(), "a mode would undo the ACL: declare one of the two");
        let entry = |tag, access| Ace { tag, id: None, access };
        let all =
            [Some(entry("owner@", owner)), Some(entry("group@", group)), everybody.map(|a| entry("everyone@", a))];
        self.acl = Some(all.into_iter().flatten().collect());
        self
    }
    /// This user may also do this.
    ///
    /// # Panics
    /// Before [`acl`](Permissions::acl).
    #[must_use]
    #[track_caller]
    pub fn allow_user(self, user: Handle<User>, access: Access) -> Self {
        self.allow("USER", user.uid().into(), access)
    }
    /// This group may also do this.
    ///
    /// # Panics
    /// Before [`acl`](Permissions::acl).
    #[must_use]
    #[track_caller]
    pub fn allow_group(self, group: Handle<Group>, access: Access) -> Self {
        self.allow("GROUP", group.gid().into(), access)
    }
    #[track_caller]
    fn allow(mut self, tag: &'static str, id: Input<u32>, access: Access) -> Self {
        let Some(acl) = &mut self.acl else {
            panic!("say with `.acl(..)` first what owner, group and everybody may do")
        };
        acl.push(Ace { tag, id: Some(id), access });
        self
    }
}

/// Permissions as they were observed.
#[derive(Clone, Debug, Serialize)]
pub struct PermissionsState {
    path: String,
    uid: u32,
    gid: u32,
    mode: String,
    acl: Option<Vec<AceState>>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
struct AceState {
    tag: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<u32>,
    access: Value,
}

#[derive(Deserialize)]
struct Stat {
    mode: u32,
    uid: u32,
    gid: u32,
    #[serde(default)]
    acl: bool,
}

impl Permissions {
    async fn look(&self, path: &str, nas: &NasReader) -> Result<Option<PermissionsState>, Failure> {
        let stat = match nas.once::<Stat>("filesystem.stat", vec![json!(path)]).await {
            Err(error) if error.is_missing() => return Ok(None),
            other => other?,
        };
        let Some(stat) = stat else { return Ok(None) };
        let acl = match &self.acl {
            Some(_) if stat.acl => acl(path, nas).await?,
            _ => None,
        };
        // As a dataset is made: nobody has said anything yet.
        let fresh = stat.uid == 0 && stat.gid == 0 && stat.mode & 0o7777 == 0o755 && !stat.acl;
        Ok((!fresh).then(|| PermissionsState {
            path: path.to_owned(),
            uid: stat.uid,
            gid: stat.gid,
            mode: format!("{:03o}", stat.mode & 0o7777),
            acl,
        }))
    }
}

/// The ACL of a path, each entry with the word for its rights where there is one.
async fn acl(path: &str, nas: &NasReader) -> Result<Option<Vec<AceState>>, Failure> {
    let params = vec![json!(path), json!(true), json!(false)];
    let answer = nas.once::<Value>("filesystem.getacl", params).await?;
    let entries = answer.as_ref().and_then(|answer| answer.get("acl")?.as_array());
    Ok(entries.map(|entries| {
        let entry = |entry: &Value| AceState {
            tag: entry.get("tag").and_then(Value::as_str).unwrap_or_default().to_owned(),
            // Who has no number has -1 (truenas-notes section 8).
            id: entry.get("id").and_then(Value::as_i64).and_then(|id| id.try_into().ok()),
            access: entry.get("perms").map(|p| p.get("BASIC").unwrap_or(p).clone()).unwrap_or_default(),
        };
        entries.iter().map(entry).collect()
    }))
}

impl Resource for Permissions {
    const KIND: &'static str = "truenas/permissions";
    type Provider = Nas;
    type State = PermissionsState;
    type Id = String;
    type Outputs = NoOutputs;

    fn name(&self) -> &str {
        "permissions"
    }
    fn site(&self) -> Site<Nas> {
        self.dataset.site()
    }
    fn lives_in(&self) -> Option<AnyHandle> {
        Some(self.dataset.into())
    }
    async fn read(&self, cx: &Look<'_, Nas>) -> Result<Option<PermissionsState>, Failure> {
        match cx.text(&self.path)? {
            Some(path) => self.look(path.expose(), cx).await,
            None => Ok(None),
        }
    }
    /// Without code they are left as they are.
    async fn find(_: &String, _: &Look<'_, Nas>) -> Result<Option<PermissionsState>, Failure> {
        Ok(None)
    }
    fn id(state: &PermissionsState) -> String {
        state.path.clone()
    }
    async fn apply(&self, _: Option<&PermissionsState>, cx: &Apply<'_, Nas>) -> Result<(), Failure> {
        let path = cx.text(&self.path)?.expose().to_owned();
        let mut body = json!({"path": path});
        if let Some(uid) = &self.uid {
            body["uid"] = cx.get(uid)?.into();
        }
        if let Some(gid) = &self.gid {
            body["gid"] = cx.get(gid)?.into();
        }
        let Some(acl) = &self.acl else {
            if let Some(mode) = &self.mode {
                body["mode"] = mode.as_str().into();
            }
            work(cx, "filesystem.setperm", vec![body]).await?;
            return Ok(());
        };
        let entry = |ace: &Ace| {
            let id = ace.id.as_ref().map(|id| cx.get(id)).transpose()?;
            Ok(json!({
                "tag": ace.tag, "id": id, "type": "ALLOW", "perms": {"BASIC": ace.access}, "flags": {"BASIC": "INHERIT"},
            }))
        };
        body["dacl"] = acl.iter().map(entry).collect::<Result<Vec<Value>, Failure>>()?.into();
        body["acltype"] = "NFS4".into();
        work(cx, "filesystem.setacl", vec![body]).await?;
        Ok(())
    }
    async fn delete(_: &PermissionsState, _: &Apply<'_, Nas>) -> Result<(), Failure> {
        Ok(())
    }
}
