//! Groups.
use super::kept::{Kept, Place, forget, lives_on_a_machine};
use crate::{
    Apply, Claim, Failure, NoOutputs, Provider, Resource,
    host::{Action, Command, Host, Hosts, HostsReader, probe},
};
use futures_util::future::try_join;
use serde::Serialize;

/// A group. One that was there before stays when this goes.
///
/// ```
/// # use homelab_core::{Lab, host::{Computer, Group}, units::Network};
/// # const LAN: Network = Network::new("LAN", [192, 168, 0, 0], 24);
/// # let mut lab = Lab::named("home");
/// # let web = lab.add(Computer::named("web", LAN.host(11)));
/// lab.add(Group::on(web, "media").gid(3000));
/// ```
#[derive(Clone, Debug, Serialize)]
pub struct Group {
    #[serde(skip)]
    host: Host,
    #[serde(skip)]
    name: String,
    gid: Option<u32>,
    exists: bool,
    #[serde(skip)]
    system: bool,
}

/// What shadow's programs take for a name (useradd(8)), and no more.
#[track_caller]
pub(super) fn account_name(name: &str) -> String {
    let first = |b: u8| b.is_ascii_lowercase() || b == b'_';
    let plain = |b: u8| first(b) || b.is_ascii_digit() || b == b'-';
    let fine = name.len() <= 32 && name.bytes().next().is_some_and(first) && name.bytes().all(plain);
    assert!(
        fine,
        "`{}` is no name of a user or group: lower case letters, digits, `-`, `_`, at most 32",
        name.escape_debug()
    );
    name.to_owned()
}

impl Group {
    /// A group of this name.
    ///
    /// # Panics
    /// On what is no name of a group.
    #[must_use]
    #[track_caller]
    pub fn on(host: impl Into<Host>, name: &str) -> Self {
        Group { host: host.into(), name: account_name(name), gid: None, exists: true, system: false }
    }

    /// Its number. Without, the machine chooses one.
    #[must_use]
    pub fn gid(mut self, gid: u32) -> Self {
        self.gid = Some(gid);
        self
    }

    /// A number of those for services, below 1000, if the machine chooses it.
    #[must_use]
    pub fn system(mut self) -> Self {
        self.system = true;
        self
    }
}

/// What is seen of a group.
#[derive(Clone, Debug, Serialize)]
pub struct GroupState {
    /// Its number.
    pub gid: Option<u32>,
    /// Whether it is there.
    pub exists: bool,
    #[serde(skip)]
    place: Place,
    #[serde(skip)]
    kept: Option<Kept<Option<u32>>>,
}

async fn look(place: &Place, cx: &HostsReader) -> Result<Option<GroupState>, Failure> {
    let group = cx.ask(&place.spot, probe::group(&place.name));
    let (kept, group) = try_join(Kept::recall(Group::KIND, place, cx), group).await?;
    let gid = group.map(|g| g.gid);
    Ok(kept.is_some().then(|| GroupState { gid, exists: gid.is_some(), place: place.clone(), kept }))
}

impl Resource for Group {
    const KIND: &'static str = "host/group";
    type Outputs = NoOutputs;
    lives_on_a_machine!(GroupState);

    fn claims(&self) -> Vec<Claim> {
        let claim = |gid| Claim::new("gid", gid).within(self.host.scope());
        self.gid.map(claim).into_iter().collect()
    }

    async fn apply(&self, now: Option<&GroupState>, cx: &Apply<'_, Hosts>) -> Result<(), Failure> {
        let spot = self.host.spot_now(cx)?;
        let there = match now {
            Some(now) => now.gid,
            None => cx.reader().ask(&spot, probe::group(&self.name)).await?.map(|g| g.gid),
        };
        let before = now.and_then(|n| n.kept.clone()).map_or(there, |kept| kept.before);
        let mut actions = vec![Kept::new(cx.mark(), before).write(Self::KIND, &self.name)];
        let mut command = Command::new(if there.is_some() { "groupmod" } else { "groupadd" });
        if let Some(gid) = self.gid {
            command = command.arg("--gid").arg(gid.to_string());
        }
        if self.system && there.is_none() {
            command = command.arg("--system");
        }
        if there.is_none() || self.gid.is_some_and(|gid| Some(gid) != there) {
            actions.push(Action::Run(command.arg(&self.name)));
        }
        cx.carry_out(cx.permit(), &spot, actions).await
    }

    async fn delete(state: &GroupState, cx: &Apply<'_, Hosts>) -> Result<(), Failure> {
        let name = &state.place.name;
        let before = state.kept.as_ref().and_then(|kept| kept.before);
        let undo = match before {
            None if state.exists => Some(Command::new("groupdel").arg(name)),
            Some(gid) if state.gid.is_some_and(|now| now != gid) => {
                Some(Command::new("groupmod").arg("--gid").arg(gid.to_string()).arg(name))
            }
            _ => None,
        };
        let actions = undo.map(Action::Run).into_iter().chain([forget(Self::KIND, name)]);
        cx.carry_out(cx.permit(), &state.place.spot, actions).await
    }
}
