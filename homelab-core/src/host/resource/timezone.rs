//! The time zone.
use super::{
    kept::{Kept, Place, forget, lives_on_a_machine},
    whole::put,
};
use crate::{
    Apply, Failure, Look, NoOutputs, Provider, Resource,
    host::{Action, Host, HostPath, Hosts, HostsReader, Query, Spot, Stat, probe},
    plan::Note,
};
use futures_util::future::try_join;
use serde::{Deserialize, Serialize};

/// The time zone, by its name in the tz database: `Europe/Berlin`. When it goes, the zone is the one that it was before.
#[derive(Clone, Debug, Serialize)]
pub struct Timezone {
    #[serde(skip)]
    host: Host,
    #[serde(skip)]
    name: String,
    zone: String,
}

impl Timezone {
    /// A zone.
    ///
    /// # Panics
    /// On what cannot be the name of a zone.
    #[must_use]
    #[track_caller]
    pub fn on(host: impl Into<Host>, zone: &str) -> Self {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"+-_/".contains(&b);
        assert!(
            !zone.is_empty() && zone.bytes().all(plain) && !zone.starts_with('/'),
            "`{}` is no time zone: it looks like `Europe/Berlin`",
            zone.escape_debug()
        );
        Timezone { host: host.into(), name: "timezone".into(), zone: zone.to_owned() }
    }

    /// The file that is the zone.
    fn file(&self) -> Query<Option<Stat>> {
        probe::stat(HostPath::at(&format!("{ZONES}{}", self.zone)))
    }

    fn unknown(&self) -> String {
        format!("the machine knows no time zone {}", self.zone)
    }
}

const LIST: &str = "`timedatectl list-timezones` there shows all; the package `tzdata` brings them";

const ZONES: &str = "/usr/share/zoneinfo/";

fn etc(name: &str) -> HostPath {
    HostPath::at(&format!("/etc/{name}"))
}

/// How the zone was before us.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Before {
    link: Option<String>,
    file: Option<String>,
}

/// What is seen of the time zone.
#[derive(Clone, Debug, Serialize)]
pub struct TimezoneState {
    /// The zone.
    pub zone: Option<String>,
    #[serde(skip)]
    place: Place,
    #[serde(skip)]
    kept: Option<Kept<Before>>,
}

async fn there(spot: &Spot, cx: &HostsReader) -> Result<Before, Failure> {
    let link = cx.ask(spot, probe::read_link(etc("localtime")));
    let (link, file) = try_join(link, cx.ask(spot, probe::read(etc("timezone")))).await?;
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Ok(Before { link: link.map(text), file: file.map(text) })
}

async fn look(place: &Place, cx: &HostsReader) -> Result<Option<TimezoneState>, Failure> {
    let (kept, there) = try_join(Kept::recall(Timezone::KIND, place, cx), there(&place.spot, cx)).await?;
    let zone = there.link.and_then(|link| Some(link.split_once("zoneinfo/")?.1.to_owned()));
    Ok(kept.is_some().then(|| TimezoneState { zone, place: place.clone(), kept }))
}

impl Resource for Timezone {
    const KIND: &'static str = "host/timezone";
    type Outputs = NoOutputs;
    lives_on_a_machine!(TimezoneState);

    async fn inspect(&self, now: Option<&TimezoneState>, cx: &Look<'_, Hosts>) -> Result<Vec<Note>, Failure> {
        let differs = now.is_none_or(|now| now.zone.as_ref() != Some(&self.zone));
        let Some(spot) = self.host.spot(cx).filter(|_| differs) else { return Ok(vec![]) };
        let known = cx.ask(&spot, self.file()).await?.is_some();
        // What comes before it may bring the zones.
        Ok((!known && cx.is_first()).then(|| Note::refused(self.unknown()).hint(LIST)).into_iter().collect())
    }

    async fn apply(&self, now: Option<&TimezoneState>, cx: &Apply<'_, Hosts>) -> Result<(), Failure> {
        let spot = self.host.spot_now(cx)?;
        if cx.reader().ask(&spot, self.file()).await?.is_none() {
            return Err(Failure::new(self.unknown()).hint(LIST));
        }
        let before = match now.and_then(|now| now.kept.clone()) {
            Some(kept) => kept.before,
            None => there(&spot, &cx.reader()).await?,
        };
        let mut actions = vec![Kept::new(cx.mark(), before.clone()).write(Self::KIND, &self.name)];
        actions.push(Action::Link { path: etc("localtime"), to: format!("{ZONES}{}", self.zone).into_bytes() });
        // Debian's own file beside the link, where it is (from Debian 13 on it is not).
        actions.extend(before.file.map(|_| put(&etc("timezone"), format!("{}\n", self.zone), 0o644)));
        cx.carry_out(cx.permit(), &spot, actions).await
    }

    async fn delete(state: &TimezoneState, cx: &Apply<'_, Hosts>) -> Result<(), Failure> {
        let mut actions = vec![];
        if let Some(before) = state.kept.as_ref().map(|kept| &kept.before) {
            actions.push(match &before.link {
                Some(to) => Action::Link { path: etc("localtime"), to: to.clone().into_bytes() },
                None => Action::Remove(etc("localtime")),
            });
            actions.extend(before.file.as_ref().map(|text| put(&etc("timezone"), text.as_str(), 0o644)));
        }
        actions.push(forget(Self::KIND, &state.place.name));
        cx.carry_out(cx.permit(), &state.place.spot, actions).await
    }
}
