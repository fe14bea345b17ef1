//! How a lab's sites are reached: for real with credentials from outside, or in the sandbox without any.
use crate::{
    Failure,
    secret::{Secret, Secrets},
    site::{Boxed, Provider, Providers, Site},
    verb::{Said, Verb, VerbInfo, Words},
};
use std::{
    any::{Any, TypeId},
    collections::HashMap,
    future::Future,
    path::{Path, PathBuf},
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
};

/// A connection that is being made. Boxed where it is written: the code of a future is made where it is boxed, which would else be
/// every lab that connects, at each of its builds.
pub type Connecting<'a, P> = Pin<Box<dyn Future<Output = Result<P, Failure>> + Send + 'a>>;

/// The way to one site. Provider crates have one each; a lab gives it the addresses.
pub trait Connect: Send + Sync + 'static {
    /// What it connects to.
    type Provider: Provider;

    /// The credentials that it can work with, the preferred first: each is a set of secrets that belong together.
    fn credentials(&self) -> Vec<Vec<Secret>>;

    /// The beginnings of code that `new` can print for resources of such a site.
    fn scaffolds(&self) -> &'static [Scaffold] {
        &[]
    }

    /// Verbs that it adds to the command line.
    fn verbs(&self) -> &'static [Verb<Self::Provider>] {
        &[]
    }

    /// Other ways to say what the command line has already.
    fn spelled_out(&self) -> &'static [Spelling] {
        &[]
    }

    /// Reaches the real thing. No call that changes anything is made.
    ///
    /// # Errors
    /// When it cannot be reached, is not trusted, or refuses the credentials.
    fn live(&self, secrets: &Secrets) -> impl Future<Output = Result<Self::Provider, Failure>> + Send;

    /// Reaches a simulated one, which lives below the sandbox's directory across runs.
    ///
    /// # Errors
    /// When it cannot be started.
    fn sandbox(&self, sandbox: &Sandbox) -> impl Future<Output = Result<Self::Provider, Failure>> + Send;
}

/// The beginning of a module that declares a resource.
#[derive(Clone, Copy, Debug)]
pub struct Scaffold {
    /// What it declares, in one word: `vm`.
    pub what: &'static str,
    /// The code. `NAME` stands for the resource's name, `IDENT` for the name as an identifier of Rust.
    pub code: &'static str,
}

/// Two words of the command line that stand for a deploy of a part: `node configure din` for `deploy --only node/din`.
#[derive(Clone, Copy, Debug)]
pub struct Spelling {
    /// The two words.
    pub words: [&'static str; 2],
    /// What it does, in one line without a full stop.
    pub about: &'static str,
    /// What is selected without a name behind them, or with `--all`; a name is put behind it and a slash.
    pub part: &'static str,
}

/// What the simulated sites of one run share.
#[derive(Clone)]
pub struct Sandbox {
    dir: PathBuf,
    shared: Arc<Mutex<HashMap<TypeId, Arc<dyn Any + Send + Sync>>>>,
}

impl Sandbox {
    /// A sandbox that keeps its worlds in `dir`.
    #[must_use]
    pub fn new(dir: PathBuf) -> Self {
        Sandbox { dir, shared: Arc::default() }
    }

    /// Where the simulated worlds are kept across runs.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Something that several simulators have in common, made by whoever asks first: the network that joins them.
    pub fn shared<T: Send + Sync + 'static>(&self, make: impl FnOnce() -> T) -> Arc<T> {
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        let any = shared.entry(TypeId::of::<T>()).or_insert_with(|| Arc::new(make()));
        Arc::clone(any).downcast().unwrap_or_else(|_| unreachable!("the map is keyed by the type"))
    }
}

/// Whether a run is about the real thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Simulated systems on this machine.
    Sandbox,
    /// The real thing.
    Live,
}

impl Mode {
    /// The word for people and for directories: `sandbox`, `live`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Mode::Sandbox => "sandbox",
            Mode::Live => "live",
        }
    }
}

/// The ways to all sites of a lab.
#[derive(Default)]
pub struct Sites(Vec<Box<dyn AnyConnect>>);

impl Sites {
    /// No sites.
    #[must_use]
    pub fn new() -> Self {
        Sites::default()
    }

    /// These and one more.
    #[must_use]
    pub fn with<C: Connect>(mut self, site: Site<C::Provider>, connect: C) -> Self {
        self.0.push(Box::new(Way { site, connect }));
        self
    }

    /// The sandbox rule: with no credential configured at all everything runs in the sandbox; with any it is live, and then
    /// every site must have all of a set.
    ///
    /// # Errors
    /// When something is configured and something is missing; every missing one is named.
    pub fn mode(&self, secrets: &Secrets) -> Result<Mode, Failure> {
        let any = self.0.iter().flat_map(|w| w.credentials()).flatten().any(|s| secrets.has(&s));
        if !any {
            return Ok(Mode::Sandbox);
        }
        self.complete(secrets)?;
        Ok(Mode::Live)
    }

    /// Whether every site has a whole set of credentials.
    ///
    /// # Errors
    /// Naming everything that is missing, for each site the set that was begun and lacks the least, else the usual one.
    pub fn complete(&self, secrets: &Secrets) -> Result<(), Failure> {
        let missing: Vec<String> = self
            .missing(secrets)
            .map(|(site, lacks)| {
                let lacks: Vec<String> = lacks.iter().map(Secret::to_string).collect();
                format!("site `{site}` lacks {}", lacks.join(" and "))
            })
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        Err(Failure::new(format!("the credentials are not complete: {}", missing.join("; "))).hint(
            "set them in the environment, in the file .env, or with `secret set NAME`; or run with `--sandbox`, which needs none",
        ))
    }

    /// What is missing, for each site the set that was begun and lacks the least, else the usual one.
    pub(crate) fn missing<'a>(
        &'a self,
        secrets: &'a Secrets,
    ) -> impl Iterator<Item = (&'static str, Vec<Secret>)> + 'a {
        self.0.iter().filter_map(|way| {
            let lacks = |set: Vec<Secret>| set.into_iter().filter(|s| !secrets.has(s)).collect::<Vec<_>>();
            let sets = way.credentials();
            let begun = sets.iter().filter(|set| set.iter().any(|secret| secrets.has(secret)));
            // Where nothing is set at all, the usual way is named, which is the first.
            let least = begun.cloned().map(lacks).min_by_key(Vec::len).or_else(|| sets.first().cloned().map(lacks))?;
            (!least.is_empty()).then(|| (way.name(), least))
        })
    }

    /// Every credential that any site can work with.
    pub(crate) fn credentials(&self) -> impl Iterator<Item = Secret> + '_ {
        self.0.iter().flat_map(|way| way.credentials()).flatten()
    }

    /// The beginnings of code that the sites offer.
    pub fn scaffolds(&self) -> impl Iterator<Item = &'static Scaffold> {
        self.0.iter().flat_map(|w| w.scaffolds())
    }

    /// The verbs that the sites bring.
    pub(crate) fn verbs(&self) -> impl Iterator<Item = VerbInfo> {
        self.0.iter().flat_map(|w| w.verbs())
    }

    /// Other ways to say things.
    pub(crate) fn spelled_out(&self) -> impl Iterator<Item = &'static Spelling> {
        self.0.iter().flat_map(|w| w.spelled_out())
    }

    /// Runs one of them.
    pub(crate) async fn run_verb(&self, verb: &VerbInfo, providers: &Providers, words: Words) -> Result<Said, Failure> {
        let way = self.0.iter().find(|w| w.name() == verb.site);
        let way = way.ok_or_else(|| Failure::new(format!("there is no site `{}`", verb.site)))?;
        way.run_verb(verb, providers, words).await
    }

    /// Connects every site.
    ///
    /// # Errors
    /// The first site that cannot be reached.
    pub async fn connect(&self, mode: Mode, secrets: &Secrets, sandbox: &Sandbox) -> Result<Providers, Failure> {
        let mut providers = Providers::default();
        for way in &self.0 {
            providers = way.connect(mode, secrets, sandbox, providers).await?;
        }
        Ok(providers)
    }
}

trait AnyConnect: Send + Sync {
    fn name(&self) -> &'static str;
    fn credentials(&self) -> Vec<Vec<Secret>>;
    fn scaffolds(&self) -> &'static [Scaffold];
    fn verbs(&self) -> Vec<VerbInfo>;
    fn spelled_out(&self) -> &'static [Spelling];
    fn run_verb<'a>(
        &'a self,
        verb: &'a VerbInfo,
        providers: &'a Providers,
        words: Words,
    ) -> Boxed<'a, Result<Said, Failure>>;
    fn connect<'a>(
        &'a self,
        mode: Mode,
        secrets: &'a Secrets,
        sandbox: &'a Sandbox,
        providers: Providers,
    ) -> Boxed<'a, Result<Providers, Failure>>;
}

struct Way<C: Connect> {
    site: Site<C::Provider>,
    connect: C,
}

impl<C: Connect> AnyConnect for Way<C> {
    fn name(&self) -> &'static str {
        self.site.name()
    }
    fn credentials(&self) -> Vec<Vec<Secret>> {
        self.connect.credentials()
    }
    fn scaffolds(&self) -> &'static [Scaffold] {
        self.connect.scaffolds()
    }
    fn spelled_out(&self) -> &'static [Spelling] {
        self.connect.spelled_out()
    }
    fn verbs(&self) -> Vec<VerbInfo> {
        self.connect.verbs().iter().map(|verb| verb.info(self.site.name())).collect()
    }
    fn run_verb<'a>(
        &'a self,
        verb: &'a VerbInfo,
        providers: &'a Providers,
        words: Words,
    ) -> Boxed<'a, Result<Said, Failure>> {
        Box::pin(async move {
            let found = self.connect.verbs().iter().find(|own| own.name == verb.name && own.domain == verb.domain);
            let found =
                found.ok_or_else(|| Failure::new(format!("site `{}` has no verb `{}`", verb.site, verb.name)))?;
            (found.run)(providers.get(self.site)?, words).await
        })
    }
    fn connect<'a>(
        &'a self,
        mode: Mode,
        secrets: &'a Secrets,
        sandbox: &'a Sandbox,
        providers: Providers,
    ) -> Boxed<'a, Result<Providers, Failure>> {
        Box::pin(async move {
            let provider = match mode {
                Mode::Live => self.connect.live(secrets).await?,
                Mode::Sandbox => self.connect.sandbox(sandbox).await?,
            };
            Ok(providers.with(self.site, provider))
        })
    }
}
