//! Debian packages: one, or many that are installed in one go.
use super::kept::{Kept, Place, lives_on_a_machine};
use crate::{
    Apply, Failure, Look, NoOutputs, Resource,
    host::{Host, Hosts, HostsReader, apt::Request, facts, probe},
    plan::Note,
};
use futures_util::future::{try_join, try_join_all};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How a package should be.
#[derive(Clone, Debug, Serialize)]
struct Wanted {
    installed: bool,
    version: Option<String>,
    held: Option<bool>,
}

/// How a package was before us.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Before {
    version: Option<String>,
    held: bool,
}

/// What is seen of a package.
#[derive(Clone, Debug, Serialize)]
pub struct PackageView {
    /// Whether it is installed and configured.
    pub installed: bool,
    /// The version.
    pub version: Option<String>,
    /// Whether apt keeps it at its version.
    pub held: bool,
}

impl PackageView {
    fn of(package: Option<facts::Package>) -> Self {
        let there = package.filter(|p| p.installed);
        PackageView {
            installed: there.is_some(),
            held: there.as_ref().is_some_and(|p| p.held),
            version: there.map(|p| p.version),
        }
    }
    fn before(&self) -> Before {
        Before { version: self.version.clone(), held: self.held }
    }
}

impl Wanted {
    const PLAIN: Wanted = Wanted { installed: true, version: None, held: None };

    /// What apt has to do for it.
    fn request(&self, name: &str, now: &PackageView, request: &mut Request) {
        if !self.installed {
            if now.installed {
                request.remove.push(name.to_owned());
            }
            return;
        }
        match &self.version {
            Some(version) if now.version.as_ref() != Some(version) => request.install.push(format!("{name}={version}")),
            None if !now.installed => request.install.push(name.to_owned()),
            _ => {}
        }
        // What was held and moved is held no more.
        match self.held {
            Some(true) => request.hold.push(name.to_owned()),
            Some(false) if now.held => request.unhold.push(name.to_owned()),
            _ => {}
        }
    }
}

/// Brings back how it was before us.
fn undo(name: &str, before: &Before, now: &PackageView, request: &mut Request) {
    match (&before.version, now.installed) {
        (None, true) => request.remove.push(name.to_owned()),
        (Some(_), false) => request.install.push(name.to_owned()),
        _ => {}
    }
    if before.version.is_some() && before.held != now.held {
        if before.held { &mut request.hold } else { &mut request.unhold }.push(name.to_owned());
    }
}

#[track_caller]
fn checked(name: &str) -> String {
    let odd = |b: u8| !(b.is_ascii_lowercase() || b.is_ascii_digit() || b"+-.:".contains(&b));
    assert!(
        name.len() > 1 && !name.bytes().any(odd) && !name.starts_with(['-', '+', '.', ':']),
        "`{name}` is no name of a Debian package: lower case letters, digits, `+`, `-` and `.`"
    );
    name.to_owned()
}

async fn seen(name: &str, at: &Place, cx: &HostsReader) -> Result<PackageView, Failure> {
    Ok(PackageView::of(cx.ask(&at.spot, probe::package(name)).await?))
}

/// A Debian package. Installed without what it merely recommends; a configuration file that somebody changed stays as it is.
///
/// When it goes, a package that was not there before is removed (what it was configured with and what came along with it stays), and
/// one that was there before stays.
///
/// ```
/// # use homelab_core::{Lab, host::{Computer, Package}, units::Network};
/// # const LAN: Network = Network::new("LAN", [192, 168, 0, 0], 24);
/// # let mut lab = Lab::named("home");
/// # let web = lab.add(Computer::named("web", LAN.host(11)));
/// lab.add(Package::on(web, "curl"));
/// lab.add(Package::on(web, "prometheus-node-exporter").version("1.5.0-1+b6").held());
/// lab.add(Package::absent(web, "nano"));
/// ```
#[derive(Clone, Debug, Serialize)]
pub struct Package {
    #[serde(skip)]
    host: Host,
    #[serde(skip)]
    name: String,
    #[serde(flatten)]
    wanted: Wanted,
}

impl Package {
    /// A package that is installed.
    ///
    /// # Panics
    /// On what is no name of a package.
    #[must_use]
    #[track_caller]
    pub fn on(host: impl Into<Host>, name: &str) -> Self {
        Package { host: host.into(), name: checked(name), wanted: Wanted::PLAIN }
    }

    /// A package that is not installed.
    ///
    /// # Panics
    /// On what is no name of a package.
    #[must_use]
    #[track_caller]
    pub fn absent(host: impl Into<Host>, name: &str) -> Self {
        Package { wanted: Wanted { installed: false, ..Wanted::PLAIN }, ..Package::on(host, name) }
    }

    /// Exactly this version, whether that is up or down from what is there.
    #[must_use]
    pub fn version(mut self, version: &str) -> Self {
        self.wanted.version = Some(version.to_owned());
        self
    }

    /// Kept at its version by `apt upgrade`.
    #[must_use]
    pub fn held(mut self) -> Self {
        self.wanted.held = Some(true);
        self
    }
}

/// What is seen of a package.
#[derive(Clone, Debug, Serialize)]
pub struct PackageState {
    /// How it is.
    #[serde(flatten)]
    pub view: PackageView,
    #[serde(skip)]
    place: Place,
    #[serde(skip)]
    kept: Option<Kept<Before>>,
}

async fn look(place: &Place, cx: &HostsReader) -> Result<Option<PackageState>, Failure> {
    let (kept, view) = try_join(Kept::recall(Package::KIND, place, cx), seen(&place.name, place, cx)).await?;
    Ok(kept.is_some().then(|| PackageState { view, place: place.clone(), kept }))
}

impl Resource for Package {
    const KIND: &'static str = "host/package";
    type Outputs = NoOutputs;
    lives_on_a_machine!(PackageState);

    async fn inspect(&self, now: Option<&PackageState>, cx: &Look<'_, Hosts>) -> Result<Vec<Note>, Failure> {
        let Some(spot) = self.host.spot(cx).filter(|_| now.is_none()) else { return Ok(vec![]) };
        let there = PackageView::of(cx.ask(&spot, probe::package(&self.name)).await?).version;
        let note = |version| Note::info(format!("{version} is installed already, and stays when this goes"));
        Ok(there.map(note).into_iter().collect())
    }

    async fn apply(&self, now: Option<&PackageState>, cx: &Apply<'_, Hosts>) -> Result<(), Failure> {
        let place = Place { spot: self.host.spot_now(cx)?, name: self.name.clone() };
        let view = match now {
            Some(now) => now.view.clone(),
            None => seen(&self.name, &place, &crate::Provider::reader(&**cx)).await?,
        };
        let before = now.and_then(|n| n.kept.clone()).map_or_else(|| view.before(), |kept| kept.before);
        let mut request = Request::default();
        request.prepare.push(Kept::new(cx.mark(), before).write(Self::KIND, &self.name));
        self.wanted.request(&self.name, &view, &mut request);
        cx.apt(cx.permit(), &place.spot, request, &|said| cx.progress(said, None)).await
    }

    async fn delete(state: &PackageState, cx: &Apply<'_, Hosts>) -> Result<(), Failure> {
        let name = &state.place.name;
        let mut request = Request::default();
        if let Some(kept) = &state.kept {
            undo(name, &kept.before, &state.view, &mut request);
        }
        request.finish.push(super::kept::forget(Self::KIND, name));
        cx.apt(cx.permit(), &state.place.spot, request, &|said| cx.progress(said, None)).await
    }
}

/// Many packages that are installed in one run of apt.
///
/// ```
/// # use homelab_core::{Lab, host::{Computer, Packages}, units::Network};
/// # const LAN: Network = Network::new("LAN", [192, 168, 0, 0], 24);
/// # let mut lab = Lab::named("home");
/// # let web = lab.add(Computer::named("web", LAN.host(11)));
/// lab.add(Packages::on(web, ["curl", "git", "htop"]));
/// ```
#[derive(Clone, Debug, Serialize)]
pub struct Packages {
    #[serde(skip)]
    host: Host,
    #[serde(skip)]
    name: String,
    names: Vec<String>,
    packages: BTreeMap<String, Wanted>,
}

impl Packages {
    /// Packages that are installed.
    ///
    /// # Panics
    /// On what is no name of a package.
    #[must_use]
    #[track_caller]
    pub fn on<'n>(host: impl Into<Host>, names: impl IntoIterator<Item = &'n str>) -> Self {
        let mut packages = BTreeMap::new();
        for name in names {
            packages.insert(checked(name), Wanted::PLAIN);
        }
        Packages { host: host.into(), name: "packages".into(), names: packages.keys().cloned().collect(), packages }
    }

    /// A name for this set, where a machine has several. Without, it is `packages`.
    #[must_use]
    pub fn named(mut self, name: &str) -> Self {
        name.clone_into(&mut self.name);
        self
    }
}

/// What is seen of a set of packages.
#[derive(Clone, Debug, Serialize)]
pub struct PackagesState {
    /// Which packages are in the set.
    pub names: Vec<String>,
    /// How each is.
    pub packages: BTreeMap<String, PackageView>,
    #[serde(skip)]
    place: Place,
    #[serde(skip)]
    kept: Option<Kept<BTreeMap<String, Before>>>,
}

async fn views<'n>(
    names: impl Iterator<Item = &'n String>,
    place: &Place,
    cx: &HostsReader,
) -> Result<BTreeMap<String, PackageView>, Failure> {
    let asked = names.map(|name| async move { Ok::<_, Failure>((name.clone(), seen(name, place, cx).await?)) });
    Ok(try_join_all(asked).await?.into_iter().collect())
}

impl Packages {
    async fn see(&self, place: &Place, cx: &HostsReader) -> Result<Option<PackagesState>, Failure> {
        // Those of the code are asked for before it is known which ones are remembered, so that one message is enough.
        let kept = Kept::recall(Self::KIND, place, cx);
        let (kept, packages) = try_join(kept, views(self.packages.keys(), place, cx)).await?;
        state(place, kept, packages, cx).await
    }
}

async fn state(
    place: &Place,
    kept: Option<Kept<BTreeMap<String, Before>>>,
    mut packages: BTreeMap<String, PackageView>,
    cx: &HostsReader,
) -> Result<Option<PackagesState>, Failure> {
    let Some(kept) = kept else { return Ok(None) };
    let more = kept.before.keys().filter(|name| !packages.contains_key(*name)).collect::<Vec<_>>();
    let more = views(more.into_iter(), place, cx).await?;
    packages.extend(more);
    let names = kept.before.keys().cloned().collect();
    Ok(Some(PackagesState { names, packages, place: place.clone(), kept: Some(kept) }))
}

impl Resource for Packages {
    const KIND: &'static str = "host/packages";
    type Provider = Hosts;
    type State = PackagesState;
    type Id = Place;
    type Outputs = NoOutputs;

    fn name(&self) -> &str {
        &self.name
    }
    fn site(&self) -> crate::Site<Hosts> {
        crate::host::HOSTS
    }
    fn lives_in(&self) -> Option<crate::AnyHandle> {
        Some(self.host.machine())
    }
    async fn read(&self, cx: &Look<'_, Hosts>) -> Result<Option<PackagesState>, Failure> {
        match self.host.spot(cx) {
            Some(spot) => self.see(&Place { spot, name: self.name.clone() }, cx).await,
            None => Ok(None),
        }
    }
    async fn find(place: &Place, cx: &Look<'_, Hosts>) -> Result<Option<PackagesState>, Failure> {
        let kept = Kept::recall(Self::KIND, place, cx).await?;
        state(place, kept, BTreeMap::new(), cx).await
    }
    fn id(state: &PackagesState) -> Place {
        state.place.clone()
    }
    fn owner(state: &PackagesState) -> crate::Owner {
        super::kept::owner(state.kept.as_ref())
    }

    async fn apply(&self, now: Option<&PackagesState>, cx: &Apply<'_, Hosts>) -> Result<(), Failure> {
        let place = Place { spot: self.host.spot_now(cx)?, name: self.name.clone() };
        let mut there = now.map(|n| n.packages.clone()).unwrap_or_default();
        let unseen: Vec<&String> = self.names.iter().filter(|name| !there.contains_key(*name)).collect();
        there.extend(views(unseen.into_iter(), &place, &crate::Provider::reader(&**cx)).await?);
        let old = now.and_then(|n| n.kept.clone()).map(|kept| kept.before).unwrap_or_default();
        let mut request = Request::default();
        let mut before = BTreeMap::new();
        for (name, wanted) in &self.packages {
            let view = &there[name];
            before.insert(name.clone(), old.get(name).cloned().unwrap_or_else(|| view.before()));
            wanted.request(name, view, &mut request);
        }
        // What has left the set is noted until it is gone.
        let mut until_gone = before.clone();
        for (name, was) in old.iter().filter(|(name, _)| !self.packages.contains_key(*name)) {
            undo(name, was, &there[name], &mut request);
            until_gone.insert(name.clone(), was.clone());
        }
        request.prepare.push(Kept::new(cx.mark(), until_gone).write(Self::KIND, &self.name));
        request.finish.push(Kept::new(cx.mark(), before).write(Self::KIND, &self.name));
        cx.apt(cx.permit(), &place.spot, request, &|said| cx.progress(said, None)).await
    }

    async fn delete(state: &PackagesState, cx: &Apply<'_, Hosts>) -> Result<(), Failure> {
        let mut request = Request::default();
        for (name, before) in state.kept.iter().flat_map(|kept| &kept.before) {
            undo(name, before, &state.packages[name], &mut request);
        }
        request.finish.push(super::kept::forget(Self::KIND, &state.place.name));
        cx.apt(cx.permit(), &state.place.spot, request, &|said| cx.progress(said, None)).await
    }
}
