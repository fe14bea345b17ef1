//! [`Role`]: privileges together.
use super::{NameId, Place, Row, checked, row, text, words};
use crate::{Pve, client::Params};
use homelab_core::{Apply, Claim, Failure, Look, Resource, Site, outputs, plan::Note};
use serde::Serialize;

const LIST: &str = "/access/roles";
const WHAT: &str = "role";

/// A role: what whoever has it may do where it is given.
///
/// ```
/// # use homelab_core::{Lab, Site};
/// # use homelab_proxmox::{Pve, resource::{Access, Role, User}};
/// # const PVE: Site<Pve> = Site::named("pve");
/// # let mut lab = Lab::named("home");
/// let role = lab.add(Role::named(PVE, "Watcher", ["VM.Audit", "Sys.Audit"]));
/// let user = lab.add(User::named(PVE, "prometheus@pve").comment("The exporter."));
/// lab.add(Access::of(PVE, user.name(), role.name()).on("/"));
/// ```
///
/// Releases differ in what privileges there are: one that this release does not know is refused at plan. It bears no mark. Needs
/// `Sys.Modify` on `/access`.
#[derive(Clone, Debug, Serialize)]
pub struct Role {
    name: String,
    #[serde(skip)]
    site: Site<Pve>,
    privileges: Vec<String>,
}

/// What can be observed of a role.
#[derive(Clone, Debug, Serialize)]
pub struct RoleState {
    /// Its name.
    pub name: String,
    /// What it allows, sorted.
    pub privileges: Vec<String>,
}

outputs!(
    /// What others need to know of a role.
    RoleOutputs of RoleState {
        /// Its name.
        name: String,
    }
);

impl Role {
    /// A role of this name with these privileges.
    ///
    /// # Panics
    /// When it is no name of a role, or begins with `PVE`, which is the server's own.
    #[must_use]
    #[track_caller]
    pub fn named<P: Into<String>>(site: Site<Pve>, name: &str, privileges: impl IntoIterator<Item = P>) -> Role {
        assert!(
            !name.starts_with("PVE"),
            "roles whose names begin with PVE are Proxmox VE's own: call `{name}` otherwise"
        );
        let mut privileges: Vec<String> = privileges.into_iter().map(Into::into).collect();
        privileges.sort_unstable();
        privileges.dedup();
        Role { name: checked(WHAT, name), site, privileges }
    }

    fn at<'a>(name: &'a str) -> Place<'a> {
        Place { what: WHAT, name, list: LIST, key: "roleid" }
    }
}

fn state(row: &Row) -> RoleState {
    RoleState { name: text(row, "roleid").unwrap_or_default(), privileges: words(row, "privs") }
}

impl Resource for Role {
    const KIND: &'static str = "proxmox/role";
    type Provider = Pve;
    type State = RoleState;
    type Id = NameId;
    type Outputs = RoleOutputs;

    fn name(&self) -> &str {
        &self.name
    }
    fn site(&self) -> Site<Pve> {
        self.site
    }
    fn claims(&self) -> Vec<Claim> {
        vec![Claim::new(WHAT, &self.name).within(self.site.name())]
    }
    async fn read(&self, cx: &Look<'_, Pve>) -> Result<Option<RoleState>, Failure> {
        Self::find(&NameId { name: self.name.clone() }, cx).await
    }
    async fn inspect(&self, now: Option<&RoleState>, cx: &Look<'_, Pve>) -> Result<Vec<Note>, Failure> {
        if now.is_some_and(|now| now.privileges == self.privileges) {
            return Ok(vec![]);
        }
        // The administrator has all that there are.
        let Some(all) = row(cx, "the roles", LIST, "roleid", "Administrator").await? else { return Ok(vec![]) };
        let known = words(&all, "privs");
        let unknown: Vec<&str> =
            self.privileges.iter().filter(|one| !known.contains(one)).map(String::as_str).collect();
        if unknown.is_empty() {
            return Ok(vec![]);
        }
        Ok(vec![
            Note::refused(format!("this release of Proxmox VE has no privilege {}", unknown.join(", ")))
                .hint("8 has VM.Monitor where 9 has VM.GuestAgent.*; `pveum role list` shows those that there are"),
        ])
    }
    async fn find(id: &NameId, cx: &Look<'_, Pve>) -> Result<Option<RoleState>, Failure> {
        Ok(row(cx, "the roles", LIST, "roleid", &id.name).await?.as_ref().map(state))
    }
    fn id(state: &RoleState) -> NameId {
        NameId { name: state.name.clone() }
    }
    fn planned_id(&self) -> Option<NameId> {
        Some(NameId { name: self.name.clone() })
    }
    async fn apply(&self, _: Option<&RoleState>, cx: &Apply<'_, Pve>) -> Result<(), Failure> {
        let before = row(cx, WHAT, LIST, "roleid", &self.name).await?;
        let wanted = [("privs", Some(self.privileges.join(",")))].into();
        let same = before.as_ref().is_some_and(|before| words(before, "privs") == self.privileges);
        if same { Ok(()) } else { Self::at(&self.name).write(cx, before.as_ref(), &[].into(), &wanted).await }
    }
    async fn delete(state: &RoleState, cx: &Apply<'_, Pve>) -> Result<(), Failure> {
        Self::at(&state.name).remove(cx, Params::new()).await
    }
}
