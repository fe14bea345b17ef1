//! Files.
use super::{
    kept::{Kept, Place, forget, lives_on_a_machine},
    was::{Was, octal, owner_of, ownership},
};
use crate::{
    Apply, Failure, Look, Resource, Text,
    host::{Action, Command, Content, FileKind, Host, HostPath, Hosts, HostsReader, content::sha256, probe},
    outputs,
};
use futures_util::future::try_join;
use serde::Serialize;

/// The longest text that a plan compares line by line, in bytes; longer ones are compared by their hash.
const SHOWN: usize = 64 * 1024;
/// What a plan says of a content that it must not show.
const AS_DECLARED: &str = "as declared";

/// A file with a content of ours. It replaces what is there in one step, after a check if it has one; what was there before is kept
/// and put back when this goes.
///
/// A content that holds a secret is shown, compared and remembered as a hash only.
///
/// ```
/// # use homelab_core::{Lab, Secret, text, host::{Command, Computer, File}, units::Network};
/// # const LAN: Network = Network::new("LAN", [192, 168, 0, 0], 24);
/// # const TOKEN: Secret = Secret::named("TOKEN");
/// # let mut lab = Lab::named("home");
/// # let web = lab.add(Computer::named("web", LAN.host(11)));
/// lab.add(File::on(web, "/etc/motd", "welcome\n"));
/// lab.add(File::on(web, "/etc/app.env", text!["TOKEN=", TOKEN, "\n"]).mode(0o600));
/// lab.add(File::on(web, "/etc/app.json", "{}\n").validate(Command::new("jq").args([".", "%s"])));
/// ```
#[derive(Clone, Debug, Serialize)]
pub struct File {
    #[serde(skip)]
    host: Host,
    #[serde(skip)]
    name: String,
    #[serde(skip)]
    path: HostPath,
    content: Option<Text>,
    /// The content, where it must not be compared in the open.
    template: Option<Text>,
    secret: Option<&'static str>,
    digest: Option<String>,
    mode: String,
    owner: String,
    #[serde(skip)]
    bytes: Option<Content>,
    #[serde(skip)]
    permissions: u32,
    #[serde(skip)]
    check: Option<Command>,
}

impl File {
    /// A file with this text, mode 0644, of root.
    ///
    /// # Panics
    /// When the path is not absolute.
    #[must_use]
    #[track_caller]
    pub fn on(host: impl Into<Host>, path: &str, content: impl Into<Text>) -> Self {
        let text = content.into();
        let file = File::empty(host.into(), path);
        match text.literal() {
            Some(plain) if plain.len() > SHOWN => File::with_bytes(file, plain.into_bytes()),
            _ if text.has_secret() => File { template: Some(text), secret: Some(AS_DECLARED), ..file },
            _ => File { content: Some(text), ..file },
        }
    }

    /// The same with any bytes: `include_bytes!("logo.png")`.
    ///
    /// # Panics
    /// When the path is not absolute.
    #[must_use]
    #[track_caller]
    pub fn of_bytes(host: impl Into<Host>, path: &str, content: impl Into<Vec<u8>>) -> Self {
        File::with_bytes(File::empty(host.into(), path), content.into())
    }

    #[track_caller]
    fn empty(host: Host, path: &str) -> Self {
        File {
            host,
            name: path.to_owned(),
            path: HostPath::at(path),
            content: None,
            template: None,
            secret: None,
            digest: None,
            mode: octal(0o644),
            owner: "root:root".into(),
            bytes: None,
            permissions: 0o644,
            check: None,
        }
    }

    fn with_bytes(self, bytes: Vec<u8>) -> Self {
        File { digest: Some(sha256(&bytes)), bytes: Some(bytes.into()), ..self }
    }

    /// Its permissions.
    ///
    /// # Panics
    /// Above `0o7777`.
    #[must_use]
    #[track_caller]
    pub fn mode(mut self, mode: u32) -> Self {
        assert!(mode <= 0o7777, "{mode:o} is no mode: it has at most four octal digits");
        self.mode = octal(mode);
        self.permissions = mode;
        self
    }

    /// Whose it is. Both must exist by then: declare them, and say `.after(user)`.
    #[must_use]
    pub fn owner(mut self, user: &str, group: &str) -> Self {
        self.owner = format!("{user}:{group}");
        self
    }

    /// A command that must find nothing wrong with the content before it replaces what is there. It reads it on its standard
    /// input; an argument `%s` stands for a file that can be read once: `sshd -t -f %s`.
    #[must_use]
    pub fn validate(mut self, check: Command) -> Self {
        self.check = Some(check);
        self
    }

    /// The whole content, if it can be told.
    fn wanted(&self, cx: &Look<'_, Hosts>) -> Result<Option<Content>, Failure> {
        match (&self.bytes, self.content.as_ref().or(self.template.as_ref())) {
            (Some(bytes), _) => Ok(Some(bytes.clone())),
            (None, Some(text)) => Ok(cx.text(text)?.map(|text| Content::from(&text))),
            (None, None) => Ok(None),
        }
    }
}

/// What is seen of a file.
#[derive(Clone, Debug, Serialize)]
pub struct FileState {
    /// Its text, if it is text and not too long, and may be seen.
    pub content: Option<String>,
    /// How a content stands that must not be seen.
    pub secret: Option<String>,
    /// The SHA-256 of its content; what is there instead if it is no file.
    pub digest: String,
    /// Its permissions: `0644`.
    pub mode: String,
    /// Whose it is: `root:root`.
    pub owner: String,
    #[serde(skip)]
    place: Place,
    #[serde(skip)]
    kept: Option<Kept<Was>>,
}

outputs!(
    /// What is known of a file.
    FileOutputs of FileState {
        /// The SHA-256 of its content: what is to happen when the file changes depends on it.
        digest: String,
    }
);

fn is_hash(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit())
}

/// What is at the path: by its hash, not its content.
async fn look(place: &Place, cx: &HostsReader) -> Result<Option<FileState>, Failure> {
    let path = HostPath::new(place.name.as_bytes())?;
    let stat = cx.ask(&place.spot, probe::digest(path));
    let (kept, stat) = try_join(Kept::recall(File::KIND, place, cx), stat).await?;
    let Some(stat) = stat else {
        // The note is written first; what it is of may be missing.
        return Ok(kept.map(|kept| FileState {
            content: None,
            secret: None,
            digest: "missing".into(),
            mode: String::new(),
            owner: String::new(),
            place: place.clone(),
            kept: Some(kept),
        }));
    };
    let what = match stat.kind {
        FileKind::File => stat.sha256.clone().unwrap_or_default(),
        FileKind::Dir => "a directory".into(),
        FileKind::Link => "a link".into(),
        FileKind::Other => "a device".into(),
    };
    Ok(Some(FileState {
        content: None,
        secret: None,
        digest: what,
        mode: octal(stat.mode),
        owner: owner_of(&stat),
        place: place.clone(),
        kept,
    }))
}

impl Resource for File {
    const KIND: &'static str = "host/file";
    const COMMON: bool = true;
    const WRITE_ONLY: &'static [&'static str] = &["template"];
    const DERIVED: &'static [&'static str] = &["digest"];
    type Outputs = FileOutputs;
    lives_on_a_machine!(FileState, own read);

    async fn read(&self, cx: &Look<'_, Hosts>) -> Result<Option<FileState>, Failure> {
        let Some(spot) = self.host.spot(cx) else { return Ok(None) };
        let place = Place { spot, name: self.name.clone() };
        let Some(mut state) = look(&place, cx).await? else { return Ok(None) };
        let wanted = self.wanted(cx)?;
        let same = wanted.as_ref().is_some_and(|w| w.sha256() == state.digest);
        if self.secret.is_some() {
            state.secret = Some(if same { AS_DECLARED.into() } else { format!("sha256 {}", state.digest) });
        } else if same {
            state.content = wanted.and_then(|w| String::from_utf8(w.expose().to_vec()).ok());
        } else if self.content.is_some() && is_hash(&state.digest) {
            // Only what differs is fetched, to show how.
            let there = cx.ask(&place.spot, probe::read(self.path.clone())).await?;
            let text = there.filter(|b| b.len() <= SHOWN).and_then(|b| String::from_utf8(b).ok());
            state.content = Some(text.unwrap_or_else(|| format!("sha256 {}", state.digest)));
        } else if self.content.is_some() {
            state.content = Some(state.digest.clone());
        }
        Ok(Some(state))
    }

    async fn apply(&self, now: Option<&FileState>, cx: &Apply<'_, Hosts>) -> Result<(), Failure> {
        let spot = self.host.spot_now(cx)?;
        let content = match (&self.bytes, self.content.as_ref().or(self.template.as_ref())) {
            (Some(bytes), _) => bytes.clone(),
            (None, Some(text)) => Content::from(&cx.text(text)?),
            (None, None) => Content::from(""),
        };
        if now.is_some_and(|now| now.digest == "a directory") {
            return Err(Failure::new(format!("{} on {spot} is a directory, and was to be a file", self.path))
                .hint("move it away by hand, or choose another path"));
        }
        let note = Was::note(now.and_then(|now| now.kept.as_ref()), &spot, &self.path, cx).await?;
        let check = self.check.as_ref().map(|check| {
            let check = check.naming("%s", "/dev/stdin").stdin(content.clone());
            Action::Run(check)
        });
        let write = Action::Write {
            path: self.path.clone(),
            content,
            mode: self.permissions,
            owner: Some(ownership(&self.owner)),
        };
        let actions = check.into_iter().chain([note.write(Self::KIND, &self.name), write]);
        cx.carry_out(cx.permit(), &spot, actions).await
    }

    async fn delete(state: &FileState, cx: &Apply<'_, Hosts>) -> Result<(), Failure> {
        let Place { spot, name } = &state.place;
        let path = HostPath::new(name.as_bytes())?;
        let was = state.kept.as_ref().map_or(&Was::Nothing, |kept| &kept.before);
        let actions = was.put_back(&path, false).into_iter().chain([forget(Self::KIND, name)]);
        cx.carry_out(cx.permit(), spot, actions).await
    }
}
