//! A small provider, as another lab's author would write it: jars with a number on a shelf, and labels that bear no marks.
use homelab_core::{
    AnyHandle, Apply, Connect, Failure, Handle, Input, Kind, Look, Mark, NoOutputs, Owner, Provider, Resource, Sandbox,
    Scaffold, Secret, Secrets, Site, outputs,
    plan::{Action, Change, Note},
};
use serde::Serialize;
use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard},
};

pub(crate) const PANTRY: Site<Pantry> = Site::named("pantry");
pub(crate) const USER: Secret = Secret::named("PANTRY_USER");
pub(crate) const TOKEN: Secret = Secret::named("PANTRY_TOKEN").or("OLD_PANTRY_TOKEN");
/// A secret that jars are sealed with.
pub(crate) const SEAL: Secret = Secret::named("SEAL");

type Trick = Arc<dyn Fn() + Send + Sync>;

/// What stands in the pantry, and what is to go wrong there.
#[derive(Default)]
pub(crate) struct Shelves {
    pub(crate) jars: BTreeMap<String, JarState>,
    pub(crate) labels: BTreeMap<String, LabelState>,
    pub(crate) keys: BTreeMap<String, KeyState>,
    /// Making, changing or deleting a jar of this name fails so.
    pub(crate) failing: HashMap<String, Failure>,
    /// Looking fails so.
    pub(crate) blind: Option<Failure>,
    /// What happens while a jar of this name is made.
    pub(crate) tricks: HashMap<String, Trick>,
    /// Making a jar of this name never ends.
    pub(crate) endless: Option<String>,
    /// A jar of this name says this while it is made.
    pub(crate) sayings: HashMap<String, String>,
    pub(crate) writes: usize,
}

/// The connection; clones are the same pantry.
#[derive(Clone, Default)]
pub(crate) struct Pantry(Arc<Mutex<Shelves>>);

impl Pantry {
    pub(crate) fn shelves(&self) -> MutexGuard<'_, Shelves> {
        self.0.lock().unwrap()
    }
    fn look(&self) -> Result<MutexGuard<'_, Shelves>, Failure> {
        let shelves = self.shelves();
        match &shelves.blind {
            Some(failure) => Err(failure.clone()),
            None => Ok(shelves),
        }
    }
}

impl Provider for Pantry {
    type Reader = Pantry;
    fn reader(&self) -> Pantry {
        self.clone()
    }
    fn kinds() -> Vec<Kind<Self>> {
        vec![Kind::of::<Jar>(), Kind::of::<Label>(), Kind::of::<Key>()]
    }
}

impl Connect for Pantry {
    type Provider = Pantry;
    fn credentials(&self) -> Vec<Vec<Secret>> {
        vec![vec![USER, TOKEN]]
    }
    fn scaffolds(&self) -> &'static [Scaffold] {
        &[Scaffold { what: "jar", code: "pub fn IDENT(lab: &mut Lab) {\n    lab.add(Jar::named(\"NAME\"));\n}\n" }]
    }
    async fn live(&self, secrets: &Secrets) -> Result<Pantry, Failure> {
        secrets.resolve(&TOKEN)?;
        self.sandboxed()
    }
    async fn sandbox(&self, _: &Sandbox) -> Result<Pantry, Failure> {
        self.sandboxed()
    }
}

impl Pantry {
    fn sandboxed(&self) -> Result<Pantry, Failure> {
        // Waits of the toy world cost no time.
        tokio::time::pause();
        Ok(self.clone())
    }
}

/// A jar with a number on it.
#[derive(Clone, Serialize)]
pub(crate) struct Jar {
    #[serde(skip)]
    name: &'static str,
    number: Input<u32>,
    glass: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seal: Option<Secret>,
    #[serde(skip)]
    inside: Option<AnyHandle>,
    #[serde(skip)]
    shelf: Option<u8>,
}

impl Jar {
    pub(crate) fn named(name: &'static str) -> Jar {
        Jar { name, number: 1.into(), glass: "clear", note: None, seal: None, inside: None, shelf: None }
    }
    pub(crate) fn number(mut self, number: impl Into<Input<u32>>) -> Self {
        self.number = number.into();
        self
    }
    pub(crate) fn glass(mut self, glass: &'static str) -> Self {
        self.glass = glass;
        self
    }
    pub(crate) fn note(mut self, note: &'static str) -> Self {
        self.note = Some(note);
        self
    }
    pub(crate) fn sealed(mut self) -> Self {
        self.seal = Some(SEAL);
        self
    }
    pub(crate) fn inside(mut self, jar: Handle<Jar>) -> Self {
        self.inside = Some(jar.into());
        self
    }
    pub(crate) fn on_shelf(mut self, shelf: u8) -> Self {
        self.shelf = Some(shelf);
        self
    }
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct JarState {
    pub(crate) number: u32,
    pub(crate) glass: String,
    pub(crate) note: Option<String>,
    pub(crate) serial: u32,
    #[serde(skip)]
    pub(crate) name: String,
    #[serde(skip)]
    pub(crate) mark: Option<Mark>,
    #[serde(skip)]
    pub(crate) contents: Vec<String>,
}

outputs!(
    /// What a jar is known by.
    JarOutputs of JarState {
        /// Its number.
        number: u32,
        /// Where it was made.
        serial: u32,
    }
);

impl Resource for Jar {
    const KIND: &'static str = "toy/jar";
    const REPLACE_ON: &'static [&'static str] = &["glass"];
    const WRITE_ONLY: &'static [&'static str] = &["seal"];
    type Provider = Pantry;
    type State = JarState;
    type Id = (String, u32);
    type Outputs = JarOutputs;

    fn name(&self) -> &str {
        self.name
    }
    fn site(&self) -> Site<Pantry> {
        PANTRY
    }
    fn claims(&self) -> Vec<homelab_core::Claim> {
        self.shelf.iter().map(|s| homelab_core::Claim::new("shelf", s)).collect()
    }
    fn lives_in(&self) -> Option<AnyHandle> {
        self.inside
    }
    fn review(&self, _: Option<&JarState>, action: Action, changes: &[Change]) -> Vec<Note> {
        let moved = action == Action::Update && changes.iter().any(|c| c.top() == "number");
        if moved { vec![Note::reboot("the jar is opened for a moment")] } else { vec![] }
    }
    async fn read(&self, cx: &Look<'_, Pantry>) -> Result<Option<JarState>, Failure> {
        Ok(cx.look()?.jars.get(self.name).cloned())
    }
    async fn find((name, serial): &Self::Id, cx: &Look<'_, Pantry>) -> Result<Option<JarState>, Failure> {
        Ok(cx.look()?.jars.get(name).filter(|jar| jar.serial == *serial).cloned())
    }
    async fn survey(cx: &Look<'_, Pantry>) -> Result<Vec<JarState>, Failure> {
        Ok(cx.look()?.jars.values().filter(|j| j.mark.is_some()).cloned().collect())
    }
    fn id(state: &JarState) -> Self::Id {
        (state.name.clone(), state.serial)
    }
    fn owner(state: &JarState) -> Owner {
        state.mark.clone().map_or(Owner::Unmarked, Owner::Marked)
    }
    fn data(state: &JarState) -> Vec<String> {
        state.contents.clone()
    }
    async fn apply(&self, now: Option<&JarState>, cx: &Apply<'_, Pantry>) -> Result<(), Failure> {
        let number = cx.get(&self.number)?;
        if self.seal.is_some() {
            cx.secret(&SEAL)?;
        }
        let (trick, endless, saying) = {
            let shelves = cx.shelves();
            let endless = shelves.endless.as_deref() == Some(self.name);
            (shelves.tricks.get(self.name).cloned(), endless, shelves.sayings.get(self.name).cloned())
        };
        if let Some(saying) = saying {
            cx.progress(saying, Some(50));
        }
        if let Some(trick) = trick {
            trick();
            tokio::time::sleep(std::time::Duration::from_secs(2)).await;
        }
        if endless {
            std::future::pending::<()>().await;
        }
        let mut shelves = cx.shelves();
        shelves.writes += 1;
        if let Some(failure) = shelves.failing.get(self.name) {
            return Err(failure.clone());
        }
        let serial = now.map_or(700 + self.name.len() as u32, |now| now.serial);
        let jar = JarState {
            number,
            glass: self.glass.into(),
            note: self.note.map(Into::into),
            serial,
            name: self.name.into(),
            mark: Some(cx.mark().clone()),
            contents: now.map(|n| n.contents.clone()).unwrap_or_default(),
        };
        shelves.jars.insert(self.name.into(), jar);
        Ok(())
    }
    async fn delete(state: &JarState, cx: &Apply<'_, Pantry>) -> Result<(), Failure> {
        let mut shelves = cx.shelves();
        shelves.writes += 1;
        if let Some(failure) = shelves.failing.get(&state.name) {
            return Err(failure.clone());
        }
        shelves.jars.remove(&state.name);
        Ok(())
    }
}

/// A label, which can bear no mark.
#[derive(Clone, Serialize)]
pub(crate) struct Label {
    #[serde(skip)]
    pub(crate) name: &'static str,
    pub(crate) text: &'static str,
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct LabelState {
    pub(crate) text: String,
    #[serde(skip)]
    pub(crate) name: String,
}

impl Resource for Label {
    const KIND: &'static str = "toy/label";
    type Provider = Pantry;
    type State = LabelState;
    type Id = String;
    type Outputs = NoOutputs;

    fn name(&self) -> &str {
        self.name
    }
    fn site(&self) -> Site<Pantry> {
        PANTRY
    }
    async fn read(&self, cx: &Look<'_, Pantry>) -> Result<Option<LabelState>, Failure> {
        Ok(cx.look()?.labels.get(self.name).cloned())
    }
    async fn find(id: &String, cx: &Look<'_, Pantry>) -> Result<Option<LabelState>, Failure> {
        Ok(cx.look()?.labels.get(id).cloned())
    }
    fn id(state: &LabelState) -> String {
        state.name.clone()
    }
    async fn apply(&self, _: Option<&LabelState>, cx: &Apply<'_, Pantry>) -> Result<(), Failure> {
        let label = LabelState { text: self.text.into(), name: self.name.into() };
        cx.shelves().labels.insert(self.name.into(), label);
        Ok(())
    }
    async fn delete(state: &LabelState, cx: &Apply<'_, Pantry>) -> Result<(), Failure> {
        cx.shelves().labels.remove(&state.name);
        Ok(())
    }
}

/// What a key opens with, which is shown once: when it is made.
pub(crate) const CODE: Secret = Secret::named("CODE");

/// A key to the pantry.
#[derive(Clone, Serialize)]
pub(crate) struct Key {
    #[serde(skip)]
    pub(crate) name: &'static str,
    is_known: bool,
}

impl Key {
    pub(crate) fn named(name: &'static str) -> Key {
        Key { name, is_known: true }
    }
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct KeyState {
    #[serde(skip)]
    pub(crate) name: String,
    #[serde(skip)]
    pub(crate) code: String,
    is_known: bool,
}

impl Resource for Key {
    const KIND: &'static str = "toy/key";
    type Provider = Pantry;
    type State = KeyState;
    type Id = String;
    type Outputs = NoOutputs;

    fn name(&self) -> &str {
        self.name
    }
    fn site(&self) -> Site<Pantry> {
        PANTRY
    }
    async fn read(&self, cx: &Look<'_, Pantry>) -> Result<Option<KeyState>, Failure> {
        let there = cx.look()?.keys.get(self.name).cloned();
        Ok(there.map(|key| KeyState { is_known: cx.kept(&CODE).is_some(), ..key }))
    }
    async fn find(id: &String, cx: &Look<'_, Pantry>) -> Result<Option<KeyState>, Failure> {
        Ok(cx.look()?.keys.get(id).cloned())
    }
    fn id(state: &KeyState) -> String {
        state.name.clone()
    }
    async fn apply(&self, _: Option<&KeyState>, cx: &Apply<'_, Pantry>) -> Result<(), Failure> {
        let code = {
            let mut shelves = cx.shelves();
            shelves.writes += 1;
            let code = format!("c0de-{:05}", shelves.writes);
            let key = KeyState { name: self.name.into(), code: code.clone(), is_known: false };
            shelves.keys.insert(self.name.into(), key);
            code
        };
        cx.keep(&CODE, code.as_str().into())?;
        cx.progress(format!("it is kept: {code}"), None);
        Ok(())
    }
    async fn delete(state: &KeyState, cx: &Apply<'_, Pantry>) -> Result<(), Failure> {
        cx.shelves().keys.remove(&state.name);
        Ok(())
    }
}
