//! Symbolic links.
use super::{
    kept::{Kept, Place, forget, lives_on_a_machine},
    was::Was,
};
use crate::{
    Apply, Failure, NoOutputs, Resource,
    host::{Action, Host, HostPath, Hosts, HostsReader, probe},
};
use futures_util::future::try_join3;
use serde::Serialize;

/// A symbolic link. What was in its place before is put back when it goes.
///
/// ```
/// # use homelab_core::{Lab, host::{Computer, Link}, units::Network};
/// # const LAN: Network = Network::new("LAN", [192, 168, 0, 0], 24);
/// # let mut lab = Lab::named("home");
/// # let web = lab.add(Computer::named("web", LAN.host(11)));
/// lab.add(Link::on(web, "/etc/localtime", "/usr/share/zoneinfo/Europe/Berlin"));
/// ```
#[derive(Clone, Debug, Serialize)]
pub struct Link {
    #[serde(skip)]
    host: Host,
    #[serde(skip)]
    name: String,
    to: String,
}

impl Link {
    /// A link at a path that points to another, which may be relative and need not be there.
    ///
    /// # Panics
    /// When the path is not absolute, or the other is empty or has a NUL.
    #[must_use]
    #[track_caller]
    pub fn on(host: impl Into<Host>, path: &str, to: &str) -> Self {
        let _absolute = HostPath::at(path);
        assert!(!to.is_empty() && !to.contains('\0'), "the link {path} cannot point to `{}`", to.escape_debug());
        Link { host: host.into(), name: path.to_owned(), to: to.to_owned() }
    }
}

/// What is seen of a link.
#[derive(Clone, Debug, Serialize)]
pub struct LinkState {
    /// Where it points; nothing if it is not there, or something else is.
    pub to: Option<String>,
    #[serde(skip)]
    place: Place,
    #[serde(skip)]
    kept: Option<Kept<Was>>,
}

async fn look(place: &Place, cx: &HostsReader) -> Result<Option<LinkState>, Failure> {
    let path = HostPath::new(place.name.as_bytes())?;
    let (stat, to) = (cx.ask(&place.spot, probe::stat(path.clone())), cx.ask(&place.spot, probe::read_link(path)));
    let (kept, stat, to) = try_join3(Kept::recall(Link::KIND, place, cx), stat, to).await?;
    let to = to.map(|to| String::from_utf8_lossy(&to).into_owned());
    Ok((stat.is_some() || kept.is_some()).then(|| LinkState { to, place: place.clone(), kept }))
}

impl Resource for Link {
    const KIND: &'static str = "host/link";
    const COMMON: bool = true;
    type Outputs = NoOutputs;
    lives_on_a_machine!(LinkState);

    async fn apply(&self, now: Option<&LinkState>, cx: &Apply<'_, Hosts>) -> Result<(), Failure> {
        let (spot, path) = (self.host.spot_now(cx)?, HostPath::new(self.name.as_bytes())?);
        let note = Was::note(now.and_then(|now| now.kept.as_ref()), &spot, &path, cx).await?;
        let link = Action::Link { path, to: self.to.clone().into_bytes() };
        cx.carry_out(cx.permit(), &spot, [note.write(Self::KIND, &self.name), link]).await
    }

    async fn delete(state: &LinkState, cx: &Apply<'_, Hosts>) -> Result<(), Failure> {
        let Place { spot, name } = &state.place;
        let was = state.kept.as_ref().map_or(&Was::Nothing, |kept| &kept.before);
        let actions = was.put_back(&HostPath::new(name.as_bytes())?, false).into_iter();
        cx.carry_out(cx.permit(), spot, actions.chain([forget(Self::KIND, name)])).await
    }
}
