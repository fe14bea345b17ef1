//! Programs that are downloaded, and checked against what they must be.
use super::{
    kept::{Kept, Place, forget, lives_on_a_machine},
    whole::foreign,
};
use crate::{
    Apply, Failure, Look, Provider, Resource,
    host::{Action, Command, Host, HostPath, Hosts, HostsReader, Ownership, probe},
    outputs,
    plan::Note,
};
use futures_util::future::try_join;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How long a download may take.
const WITHIN: Duration = Duration::from_secs(600);

/// A program that is no package: downloaded by the machine itself, checked against its SHA-256 before anything is done with it, and put
/// in place in one step. With [`member`](Binary::member) it is taken out of a `.tar.gz`. The machine needs `curl`.
///
/// ```
/// # use homelab_core::{Lab, host::{Binary, Computer}, units::Network};
/// # const LAN: Network = Network::new("LAN", [192, 168, 0, 0], 24);
/// # let mut lab = Lab::named("home");
/// # let web = lab.add(Computer::named("web", LAN.host(11)));
/// # const SHA256: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
/// let url = "https://github.com/prometheus/node_exporter/releases/download/v1.9.1/node_exporter-1.9.1.linux-amd64.tar.gz";
/// let exporter = Binary::on(web, "/usr/local/bin/node_exporter", url, SHA256);
/// lab.add(exporter.member("node_exporter-1.9.1.linux-amd64/node_exporter"));
/// ```
#[derive(Clone, Debug, Serialize)]
pub struct Binary {
    #[serde(skip)]
    host: Host,
    #[serde(skip)]
    name: String,
    url: String,
    sha256: String,
    member: String,
    intact: bool,
}

impl Binary {
    /// A program at a path, where it is downloaded from, and the SHA-256 of what is downloaded there.
    ///
    /// # Panics
    /// On a path that is not absolute, on an address that is none, and on what is no SHA-256.
    #[must_use]
    #[track_caller]
    pub fn on(host: impl Into<Host>, path: &str, url: &str, sha256: &str) -> Self {
        let fine = path.starts_with('/') && !path.ends_with('/') && !path.contains(char::is_control);
        assert!(fine, "`{}` is no place for a program: a path from `/` on", path.escape_debug());
        let scheme = url.starts_with("https://") || url.starts_with("http://");
        assert!(
            scheme && !url.contains(char::is_whitespace),
            "`{}` is no address to download from",
            url.escape_debug()
        );
        let hex = sha256.len() == 64 && sha256.bytes().all(|b| b.is_ascii_hexdigit());
        assert!(hex, "`{}` is no SHA-256: 64 hexadecimal digits", sha256.escape_debug());
        Binary {
            host: host.into(),
            name: path.to_owned(),
            url: url.to_owned(),
            sha256: sha256.to_ascii_lowercase(),
            member: String::new(),
            intact: true,
        }
    }

    /// The file in the `.tar.gz` that is downloaded.
    #[must_use]
    #[track_caller]
    pub fn member(mut self, member: &str) -> Self {
        assert!(
            !member.starts_with('-') && !member.contains(char::is_control),
            "`{}` is no file",
            member.escape_debug()
        );
        member.clone_into(&mut self.member);
        self
    }
}

/// What was put in place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Fetched {
    url: String,
    sha256: String,
    member: String,
    file: Option<String>,
}

/// What is seen of a program.
#[derive(Clone, Debug, Serialize)]
pub struct BinaryState {
    /// Where it was downloaded from.
    pub url: String,
    /// The SHA-256 of what was downloaded.
    pub sha256: String,
    /// Which file of it.
    pub member: String,
    /// Whether it is in place, may be run, and is still what was downloaded.
    pub intact: bool,
    #[serde(skip)]
    place: Place,
    #[serde(skip)]
    kept: Option<Kept<Fetched>>,
}

outputs!(
    /// What is known of a program.
    BinaryOutputs of BinaryState {
        /// The SHA-256 of what was downloaded: what restarts on it gives it to `restart_on`.
        sha256: String,
    }
);

fn path(name: &str) -> HostPath {
    HostPath::at(name)
}

async fn look(place: &Place, cx: &HostsReader) -> Result<Option<BinaryState>, Failure> {
    let stat = cx.ask(&place.spot, probe::digest(path(&place.name)));
    let (kept, stat) = try_join(Kept::<Fetched>::recall(Binary::KIND, place, cx), stat).await?;
    let Some(kept) = kept else { return Ok(None) };
    let was = kept.before.clone();
    Ok(Some(BinaryState {
        intact: was.file.is_some() && stat.is_some_and(|stat| stat.sha256 == was.file && stat.mode == 0o755),
        url: was.url,
        sha256: was.sha256,
        member: was.member,
        place: place.clone(),
        kept: Some(kept),
    }))
}

impl Resource for Binary {
    const KIND: &'static str = "host/binary";
    type Outputs = BinaryOutputs;
    lives_on_a_machine!(BinaryState);

    async fn inspect(&self, now: Option<&BinaryState>, cx: &Look<'_, Hosts>) -> Result<Vec<Note>, Failure> {
        let Some(spot) = self.host.spot(cx).filter(|_| now.is_none()) else { return Ok(vec![]) };
        let mut notes = vec![];
        for path in [self.name.clone()] {
            let there = cx.ask(&spot, probe::stat(HostPath::at(&path))).await?;
            notes.extend(there.map(|_| foreign(&path)));
        }
        Ok(notes)
    }

    async fn apply(&self, _: Option<&BinaryState>, cx: &Apply<'_, Hosts>) -> Result<(), Failure> {
        let spot = self.host.spot_now(cx)?;
        let was =
            |file| Fetched { url: self.url.clone(), sha256: self.sha256.clone(), member: self.member.clone(), file };
        let beside = |what: &str| format!("{}.homelab-{what}", self.name);
        let (archive, new) = (beside("download"), beside("new"));
        let download =
            Command::new("curl").args(["--fail", "--silent", "--show-error", "--location", "--output", &archive]);
        let check = Command::new("sha256sum").args(["--check", "--quiet", "--strict", "-"]);
        let unpack = if self.member.is_empty() {
            Command::new("cp").args(["--", &archive, &new])
        } else {
            // To standard output, so that nothing of the archive decides where something is written.
            let script = "tar --extract --gzip --to-stdout --file \"$1\" -- \"$2\" >\"$3\"";
            Command::new("sh").args(["-c", script, "sh", &archive, &self.member, &new])
        };
        let actions = [
            Kept::new(cx.mark(), was(None)).write(Self::KIND, &self.name),
            Action::Run(download.args(["--", &self.url]).within(WITHIN)),
            Action::Run(check.stdin(format!("{}  {archive}\n", self.sha256))),
            Action::Run(unpack),
            Action::SetMode { path: path(&new), mode: 0o755 },
            Action::SetOwner { path: path(&new), owner: Ownership::root() },
            Action::Run(Command::new("mv").args(["--force", "--", &new, &self.name])),
            Action::Remove(path(&archive)),
        ];
        if let Err(failure) = cx.carry_out(cx.permit(), &spot, actions).await {
            let tidy = [Action::Remove(path(&archive)), Action::Remove(path(&new))];
            cx.carry_out(cx.permit(), &spot, tidy).await?;
            let hint = if failure.message.contains("sha256sum") {
                "what was downloaded is not what the code says: is the checksum that of this very file?"
            } else {
                "can the machine reach the address, and is the package `curl` there?"
            };
            return Err(if failure.hint.is_none() { failure.hint(hint) } else { failure });
        }
        let file = cx.reader().ask(&spot, probe::digest(path(&self.name))).await?.and_then(|stat| stat.sha256);
        cx.carry_out(cx.permit(), &spot, [Kept::new(cx.mark(), was(file)).write(Self::KIND, &self.name)]).await
    }

    async fn delete(state: &BinaryState, cx: &Apply<'_, Hosts>) -> Result<(), Failure> {
        let name = &state.place.name;
        let actions = [Action::Remove(path(name)), forget(Self::KIND, name)];
        cx.carry_out(cx.permit(), &state.place.spot, actions).await
    }
}
