//! A stack of containers.
use super::{
    DockerHost, env,
    file::ComposeFile,
    look::{Applied, Before, COMPOSE, ENV, Found, RUNNING, STACKS, StackState, compose, dir, observe, path},
};
use crate::{
    Apply, Claim, Failure, Look, Resource, Text,
    host::{
        Action, Batch, Command, Content, Host, HostPath, Hosts, HostsReader, Ownership, Place, Spot,
        resource::kept::{Kept, forget, lives_on_a_machine},
    },
    outputs,
    plan::{self, Change, Note},
};
use serde::Serialize;
use std::{collections::BTreeMap, time::Duration};

/// The kind, for notes.
pub(super) const KIND: &str = ComposeStack::KIND;
/// How long services are waited for until they run and are healthy, unless it is said otherwise.
const WAIT: Duration = Duration::from_secs(300);
/// What Docker itself may take beside that: images have to be fetched.
const FETCH: Duration = Duration::from_secs(1800);
/// What a plan says of a value that it must not show.
const AS_DECLARED: &str = "as declared";
/// How many of a failed service's last lines are shown.
const LINES: &str = "20";

/// A stack of containers, by Docker Compose: its file, its values, its configuration, up and healthy.
///
/// The files are in `/opt/stacks/NAME`. Values go into `.env`, from which Compose fills `${NAME}` in its file; a secret among them is
/// shown, compared and remembered as a hash only. Services that have left the file are removed. When the stack goes its containers
/// and networks go; its volumes stay.
///
/// ```
/// # use homelab_core::{Lab, Secret, host::{ComposeStack, Computer}, units::Network};
/// # const LAN: Network = Network::new("LAN", [192, 168, 0, 0], 24);
/// # let mut lab = Lab::named("home");
/// # let media = lab.add(Computer::named("media", LAN.host(20)));
/// lab.add(
///     ComposeStack::on(media, "web", "services:\n  web:\n    image: nginx:1.29\n    ports: ['80:80']\n")
///         .env("TZ", "Europe/Berlin")
///         .env("TOKEN", Secret::named("WEB_TOKEN"))
///         .file("site/index.html", "hello\n"),
/// );
/// ```
#[derive(Clone, Debug, Serialize)]
pub struct ComposeStack {
    #[serde(skip)]
    host: Host,
    #[serde(skip)]
    name: String,
    compose: String,
    env: BTreeMap<String, Text>,
    files: BTreeMap<String, Text>,
    /// Values that hold secrets, and files that do: they are not compared in the open.
    secret_env: BTreeMap<String, Text>,
    secret_files: BTreeMap<String, Text>,
    secrets: BTreeMap<String, &'static str>,
    more: Vec<String>,
    services: BTreeMap<String, &'static str>,
    orphans: Vec<String>,
    applied: bool,
    #[serde(skip)]
    wait: Duration,
    #[serde(skip)]
    plain: BTreeMap<String, String>,
}

impl ComposeStack {
    /// A stack of this name, with this Compose file: `include_str!("web.yaml")`.
    ///
    /// # Panics
    /// When the name is no project's name (lower case letters, digits, `-` and `_`), or the text is no Compose file.
    #[must_use]
    #[track_caller]
    pub fn on(host: impl Into<DockerHost>, name: &str, file: &str) -> Self {
        let odd = |b: u8| !(b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_');
        assert!(
            !name.is_empty() && !name.bytes().any(odd) && name.as_bytes()[0].is_ascii_alphanumeric(),
            "`{name}` is no name for a stack: lower case letters, digits, `-` and `_`"
        );
        let parsed = match ComposeFile::parse(file, &BTreeMap::new()) {
            Ok(parsed) => parsed,
            Err(why) => panic!("the Compose file of the stack {name} cannot be used: {why}"),
        };
        ComposeStack {
            host: host.into().0,
            name: name.to_owned(),
            compose: file.to_owned(),
            env: BTreeMap::new(),
            files: BTreeMap::new(),
            secret_env: BTreeMap::new(),
            secret_files: BTreeMap::new(),
            secrets: BTreeMap::new(),
            more: vec![],
            services: parsed.services.keys().map(|service| (service.clone(), RUNNING)).collect(),
            orphans: vec![],
            applied: true,
            wait: WAIT,
            plain: BTreeMap::new(),
        }
    }

    /// A value that the Compose file uses as `${NAME}`: text, an output of another resource, or a secret.
    ///
    /// # Panics
    /// When the name is no variable's name.
    #[must_use]
    #[track_caller]
    pub fn env(mut self, name: &str, value: impl Into<Text>) -> Self {
        let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
        assert!(!name.is_empty() && name.bytes().all(word), "`{name}` cannot be the name of a variable");
        let value = value.into();
        self.plain.extend(value.literal().map(|value| (name.to_owned(), value)));
        self.env.remove(name);
        if value.has_secret() {
            self.secrets.insert(name.to_owned(), AS_DECLARED);
            self.secret_env.insert(name.to_owned(), value);
        } else {
            self.env.insert(name.to_owned(), value);
        }
        self
    }

    /// A file beside the Compose file, for services to mount: `.file("prometheus.yml", text![..])`. When it changes the services are
    /// made anew, because Compose does not watch what is mounted.
    ///
    /// # Panics
    /// When the path is not below the stack's directory, or is one of those that Compose reads.
    #[must_use]
    #[track_caller]
    pub fn file(mut self, path: &str, content: impl Into<Text>) -> Self {
        let outside = path.split('/').any(|part| part.is_empty() || part == "." || part == "..");
        assert!(!outside && path != COMPOSE && path != ENV, "`{path}` is no path for a file of a stack");
        let content = content.into();
        self.files.remove(path);
        if content.has_secret() {
            self.secrets.insert(path.to_owned(), AS_DECLARED);
            self.secret_files.insert(path.to_owned(), content);
        } else {
            self.files.insert(path.to_owned(), content);
        }
        self
    }

    /// How long the services may take until they run and are healthy, after their images are there: five minutes without.
    #[must_use]
    pub fn within(mut self, time: Duration) -> Self {
        self.wait = time;
        self
    }

    fn parsed(&self) -> ComposeFile {
        ComposeFile::parse(&self.compose, &self.plain).unwrap_or_default()
    }

    /// The names of all files.
    fn names(&self) -> impl Iterator<Item = &str> {
        let others = self.files.keys().chain(self.secret_files.keys()).map(String::as_str);
        [COMPOSE, ENV].into_iter().chain(others)
    }

    /// All files with their contents, now that everything they need is known.
    fn contents(&self, cx: &Apply<'_, Hosts>) -> Result<BTreeMap<String, Content>, Failure> {
        let mut dotenv = String::new();
        for (name, text) in self.env.iter().chain(&self.secret_env) {
            dotenv.push_str(&env::line(name, cx.text(text)?.expose()).map_err(Failure::new)?);
        }
        let mut files = BTreeMap::from([
            (COMPOSE.to_owned(), Content::from(self.compose.as_str())),
            (ENV.to_owned(), dotenv.into()),
        ]);
        for (name, text) in self.files.iter().chain(&self.secret_files) {
            files.insert(name.clone(), Content::from(&cx.text(text)?));
        }
        Ok(files)
    }

    /// What was found, as what was declared is compared with it.
    fn state(&self, found: Found, place: Place, cx: &Look<'_, Hosts>) -> Result<StackState, Failure> {
        let mut there: BTreeMap<String, String> = env::read(&found.text(ENV).unwrap_or_default()).into_iter().collect();
        let mut secrets = BTreeMap::new();
        let values = self.secret_env.iter().map(|(name, text)| (name, text, there.get(name).cloned()));
        let files = self.secret_files.iter().map(|(name, text)| (name, text, found.text(name)));
        for (name, text, now) in values.chain(files) {
            let known = cx.text(text)?;
            let stands = match now {
                None => "missing",
                Some(now) if known.is_some_and(|known| known.expose() == now) => AS_DECLARED,
                Some(_) => "something else",
            };
            secrets.insert(name.clone(), stands.to_owned());
        }
        there.retain(|name, _| !self.secret_env.contains_key(name));
        let more = there.keys().filter(|name| !self.env.contains_key(*name)).cloned().collect();
        there.retain(|name, _| self.env.contains_key(name));
        let mut state = StackState::of(found, place);
        state.files.retain(|name, _| self.files.contains_key(name));
        state.orphans = state.services.keys().filter(|s| !self.services.contains_key(*s)).cloned().collect();
        Ok(StackState { env: there, secrets, more, ..state })
    }

    /// What the services say that did not come up.
    async fn complaints(&self, spot: &Spot, cx: &Apply<'_, Hosts>) -> Vec<String> {
        let place = Place { spot: spot.clone(), name: self.name.clone() };
        let Ok(found) = observe(&place, std::iter::empty(), &crate::Provider::reader(&**cx)).await else {
            return vec![];
        };
        let mut batch = Batch::new();
        let ill: Vec<_> = found.services.iter().filter(|(_, how)| *how != RUNNING).collect();
        let slots: Vec<_> = ill
            .iter()
            .map(|(service, _)| {
                let logs = compose(&self.name).args(["logs", "--no-color", "--tail", LINES, service.as_str()]);
                batch.ask(crate::host::probe::command(logs))
            })
            .collect();
        let Ok(replies) = cx.ask(spot, &batch).await else { return vec![] };
        let mut lines = vec![];
        for ((service, how), slot) in ill.iter().zip(slots) {
            lines.push(format!("{service}: {how}"));
            let said = slot.of(&replies).map(|output| output.text()).unwrap_or_default();
            lines.extend(said.lines().map(str::to_owned));
        }
        lines
    }
}

outputs!(
    /// What is known of a stack.
    StackOutputs of StackState {
        /// Its directory on the machine.
        directory: String,
    }
);

/// By what the machine remembers, without what was declared.
async fn look(place: &Place, cx: &HostsReader) -> Result<Option<StackState>, Failure> {
    let found = observe(place, std::iter::empty(), cx).await?;
    Ok(found.kept.is_some().then(|| StackState::of(found, place.clone())))
}

impl Resource for ComposeStack {
    const KIND: &'static str = "host/stack";
    const WRITE_ONLY: &'static [&'static str] = &["secret_env", "secret_files"];
    type Outputs = StackOutputs;
    lives_on_a_machine!(StackState, own read);

    fn claims(&self) -> Vec<Claim> {
        let file = self.parsed();
        let ports = file.services.values().flat_map(|service| &service.ports);
        ports.map(|(port, protocol)| Claim::new("port", format!("{port}/{protocol}")).on(self.host.machine())).collect()
    }

    fn estimate(&self, _: plan::Action) -> Duration {
        Duration::from_secs(60)
    }

    fn review(&self, _: Option<&StackState>, action: plan::Action, changes: &[Change]) -> Vec<Note> {
        if action == plan::Action::Delete {
            return vec![Note::info("its containers and networks go, its volumes stay")];
        }
        let mut notes = vec![];
        let file = self.parsed();
        for (name, _) in file.variables.iter().filter(|(_, has_default)| !**has_default) {
            if !self.env.contains_key(name) && !self.secret_env.contains_key(name) {
                notes.push(
                    Note::refused(format!("its Compose file uses ${{{name}}}, which has no value"))
                        .hint(format!("give it one with `.env(\"{name}\", ..)`, or a default: `${{{name}:-..}}`")),
                );
            }
        }
        for (service, image) in file.services.iter().map(|(name, s)| (name, s.image.as_str())) {
            let tag = image.rsplit('/').next().unwrap_or(image).split_once(':').map(|(_, tag)| tag);
            if !image.is_empty() && !image.contains('@') && matches!(tag, None | Some("latest")) {
                notes.push(
                    Note::info(format!("{service} runs whatever `{image}` is when it is fetched"))
                        .hint("name a version: the same code then runs the same program"),
                );
            }
        }
        if changes.iter().any(|c| c.top() == "files" || c.top() == "secrets") && action == plan::Action::Update {
            notes.push(Note::new(plan::NoteKind::Downtime, "its services are made anew, for what they have mounted"));
        }
        notes
    }

    async fn read(&self, cx: &Look<'_, Hosts>) -> Result<Option<StackState>, Failure> {
        let Some(spot) = self.host.spot(cx) else { return Ok(None) };
        let place = Place { spot, name: self.name.clone() };
        let found = observe(&place, self.names(), cx).await?;
        if !found.is_there() {
            return Ok(None);
        }
        self.state(found, place, cx).map(Some)
    }

    async fn apply(&self, now: Option<&StackState>, cx: &Apply<'_, Hosts>) -> Result<(), Failure> {
        let (spot, stack) = (self.host.spot_now(cx)?, self.name.as_str());
        let files = self.contents(cx)?;
        let wanted = Applied::of(files.iter().map(|(name, content)| (name.as_str(), content.expose())));
        let before = now.and_then(|now| now.kept.as_ref()).map(|kept| kept.before.clone()).unwrap_or_default();
        let note = |files: Vec<String>, applied| Kept::new(cx.mark(), Before { files, applied }).write(KIND, stack);
        let names: Vec<String> = files.keys().cloned().collect();
        let gone: Vec<&String> = before.files.iter().filter(|file| !files.contains_key(*file)).collect();
        let all = names.iter().chain(gone.iter().copied()).cloned().collect();

        // The note is first, so that whatever is there is known to be ours, and says last what the containers were started with.
        let root = || Some(Ownership::root());
        let mut actions = vec![note(all, before.applied.clone())];
        let mut dirs: Vec<HostPath> = vec![HostPath::new(dir(stack))?];
        for file in &names {
            let parents = file.match_indices('/').map(|(at, _)| path(stack, &file[..at]));
            dirs.extend(parents.collect::<Result<Vec<_>, _>>()?);
        }
        dirs.sort();
        dirs.dedup();
        for (n, path) in dirs.into_iter().enumerate() {
            // Nobody but root gets in; but a file that a service has mounted is read by whoever that runs as.
            actions.push(Action::MakeDir { path, mode: if n == 0 { 0o700 } else { 0o755 }, owner: root() });
        }
        for (name, content) in &files {
            let mode = if name == ENV { 0o600 } else { 0o644 };
            actions.push(Action::Write { path: path(stack, name)?, content: content.clone(), mode, owner: root() });
        }
        let run = || compose(stack).args(["--project-directory", &dir(stack)]);
        actions.push(Action::Run(run().args(["config", "--quiet"])));
        let seconds = self.wait.as_secs().max(1).to_string();
        let mut up =
            run().args(["up", "--detach", "--quiet-pull", "--remove-orphans", "--wait", "--wait-timeout", &seconds]);
        if before.applied.as_ref().is_some_and(|applied| applied.mounted != wanted.mounted) {
            up = up.arg("--force-recreate");
        }
        actions.push(Action::Run(up.within(FETCH + self.wait)));
        for file in gone {
            actions.push(Action::Remove(path(stack, file)?));
        }
        actions.push(note(names, Some(wanted)));
        cx.progress("fetches its images, and waits until its services run", None);
        match cx.carry_out(cx.permit(), &spot, actions).await {
            Err(failure) => Err(failure.detail(self.complaints(&spot, cx).await)),
            Ok(()) => Ok(()),
        }
    }

    async fn delete(state: &StackState, cx: &Apply<'_, Hosts>) -> Result<(), Failure> {
        let Place { spot, name: stack } = &state.place;
        let mut actions = vec![];
        if state.has_docker {
            actions.push(Action::Run(compose(stack).args(["down", "--remove-orphans"])));
        }
        let files = state.kept.iter().flat_map(|kept| &kept.before.files);
        for file in files {
            actions.push(Action::Remove(path(stack, file)?));
        }
        if state.has_directory {
            // What a service has put there stays, and its directory with it.
            let empty = Command::new("find").args([&dir(stack), "-depth", "-type", "d", "-empty", "-delete"]);
            let all = Command::new("rmdir").args(["--ignore-fail-on-non-empty", "--", STACKS]);
            actions.extend([Action::Run(empty), Action::Run(all)]);
        }
        actions.push(forget(KIND, stack));
        cx.carry_out(cx.permit(), spot, actions).await
    }
}
