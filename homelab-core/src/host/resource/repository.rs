//! Repositories of Debian packages beyond the distribution's own.
use super::{
    kept::{Kept, Place, lives_on_a_machine},
    whole::{Whole, put},
};
use crate::{
    Apply, Failure, NoOutputs, Resource,
    host::{Action, Content, Host, HostPath, Hosts, HostsReader, apt::Request, probe},
};
use futures_util::future::try_join;
use serde::Serialize;

/// A repository of Debian packages with the key that signs it, as a deb822 file (sources.list(5)). Its package lists are fetched when
/// it comes or changes; a repository that cannot be fetched, or is signed by another key, is an error then.
///
/// ```
/// # use homelab_core::{Lab, ResourceExt, host::{AptRepository, Computer, Package}, units::Network};
/// # const LAN: Network = Network::new("LAN", [192, 168, 0, 0], 24);
/// # let mut lab = Lab::named("home");
/// # let web = lab.add(Computer::named("web", LAN.host(11)));
/// # const KEY: &str = "-----BEGIN PGP PUBLIC KEY BLOCK-----\n";
/// let docker = AptRepository::on(web, "docker", "https://download.docker.com/linux/debian", "bookworm", KEY).components(["stable"]);
/// let docker = lab.add(docker);
/// lab.add(Package::on(web, "docker-ce").after(docker));
/// ```
#[derive(Clone, Debug, Serialize)]
pub struct AptRepository {
    #[serde(skip)]
    host: Host,
    #[serde(skip)]
    name: String,
    #[serde(skip)]
    key: Content,
    uris: String,
    suites: String,
    components: String,
    architectures: String,
    signed_by: String,
}

impl AptRepository {
    /// A repository: its address, its suite (`bookworm`, or `stable`, or a path that ends in `/`), and the public key that signs it,
    /// in ASCII armour.
    ///
    /// # Panics
    /// On a name of other characters than letters, digits, `-` and `_`, on an address that is none, and on what is no public key.
    #[must_use]
    #[track_caller]
    pub fn on(host: impl Into<Host>, name: &str, uri: &str, suite: &str, key: &str) -> Self {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_".contains(&b);
        assert!(
            !name.is_empty() && name.bytes().all(plain),
            "`{name}` is no name for a repository: letters, digits, `-`, `_`"
        );
        assert!(
            ["http://", "https://", "file:"].iter().any(|scheme| uri.starts_with(scheme)) && !has_space(uri),
            "`{uri}` is no address of a repository"
        );
        assert!(!suite.is_empty() && !has_space(suite), "`{suite}` is no suite of a repository");
        assert!(
            key.trim_start().starts_with("-----BEGIN PGP PUBLIC KEY BLOCK-----"),
            "the key of the repository `{name}` is no public key in ASCII armour; `gpg --armor --export` makes one"
        );
        let key = Content::from(key);
        AptRepository {
            host: host.into(),
            name: name.to_owned(),
            uris: uri.to_owned(),
            suites: suite.to_owned(),
            components: String::new(),
            architectures: String::new(),
            signed_by: key.sha256(),
            key,
        }
    }

    /// Its components: `main`, `stable`.
    #[must_use]
    pub fn components<'c>(mut self, components: impl IntoIterator<Item = &'c str>) -> Self {
        self.components = components.into_iter().collect::<Vec<_>>().join(" ");
        self
    }

    /// The architectures that are fetched: `amd64`. Without, the machine's own.
    #[must_use]
    pub fn architectures<'c>(mut self, architectures: impl IntoIterator<Item = &'c str>) -> Self {
        self.architectures = architectures.into_iter().collect::<Vec<_>>().join(" ");
        self
    }

    fn text(&self) -> String {
        let mut text = format!("Types: deb\nURIs: {}\nSuites: {}\n", self.uris, self.suites);
        for (field, value) in [("Components", &self.components), ("Architectures", &self.architectures)] {
            if !value.is_empty() {
                text.push_str(&format!("{field}: {value}\n"));
            }
        }
        text.push_str(&format!("Signed-By: {}\n", key_path(&self.name)));
        text
    }
}

fn has_space(text: &str) -> bool {
    text.contains(char::is_whitespace)
}

fn path(name: &str) -> HostPath {
    HostPath::at(&format!("/etc/apt/sources.list.d/{name}.sources"))
}
fn key_path(name: &str) -> HostPath {
    // Beside, not in `trusted.gpg.d`: a key there would vouch for every repository.
    HostPath::at(&format!("/etc/apt/keyrings/{name}.asc"))
}

/// What is seen of a repository.
#[derive(Clone, Debug, Serialize)]
pub struct AptRepositoryState {
    /// Its address.
    pub uris: String,
    /// Its suite.
    pub suites: String,
    /// Its components.
    pub components: String,
    /// The architectures that are fetched.
    pub architectures: String,
    /// The SHA-256 of the key's file; nothing if there is none.
    pub signed_by: Option<String>,
    #[serde(skip)]
    whole: Whole,
    #[serde(skip)]
    place: Place,
    #[serde(skip)]
    kept: Option<Kept<Option<String>>>,
}

async fn look(place: &Place, cx: &HostsReader) -> Result<Option<AptRepositoryState>, Failure> {
    let path = path(&place.name);
    let key = cx.ask(&place.spot, probe::digest(key_path(&place.name)));
    let (whole, key) = try_join(Whole::look(AptRepository::KIND, place, &path, cx), key).await?;
    let Some(whole) = whole else { return Ok(None) };
    let text = whole.text.clone().unwrap_or_default();
    let field = |name: &str| {
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        value.map(str::trim).unwrap_or_default().to_owned()
    };
    // A key that is there and is not the one that is named vouches for nothing.
    let named = field("Signed-By") == key_path(&place.name).to_string();
    Ok(Some(AptRepositoryState {
        uris: field("URIs"),
        suites: field("Suites"),
        components: field("Components"),
        architectures: field("Architectures"),
        signed_by: key.and_then(|key| key.sha256).filter(|_| named),
        kept: whole.kept.clone(),
        whole,
        place: place.clone(),
    }))
}

impl Resource for AptRepository {
    const KIND: &'static str = "host/apt-repository";
    type Outputs = NoOutputs;
    lives_on_a_machine!(AptRepositoryState);

    async fn apply(&self, now: Option<&AptRepositoryState>, cx: &Apply<'_, Hosts>) -> Result<(), Failure> {
        let spot = self.host.spot_now(cx)?;
        let names = (Self::KIND, self.name.as_str());
        let whole = now.map(|now| &now.whole);
        let mut request = Request { update: true, ..Request::default() };
        request.prepare.push(Whole::note(whole, cx.mark()).write(names.0, names.1));
        request.prepare.push(Action::MakeDir { path: HostPath::at("/etc/apt/keyrings"), mode: 0o755, owner: None });
        request.prepare.push(put(&key_path(&self.name), self.key.clone(), 0o644));
        request.prepare.push(put(&path(&self.name), self.text(), 0o644));
        cx.apt(cx.permit(), &spot, request, &|said| cx.progress(said, None)).await
    }

    async fn delete(state: &AptRepositoryState, cx: &Apply<'_, Hosts>) -> Result<(), Failure> {
        let name = &state.place.name;
        let undo = state.whole.undo((Self::KIND, name), &path(name), 0o644);
        let actions = undo.into_iter().chain([Action::Remove(key_path(name))]);
        cx.carry_out(cx.permit(), &state.place.spot, actions).await
    }
}
