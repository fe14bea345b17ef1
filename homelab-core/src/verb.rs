//! Verbs that a site's crate adds to the command line: `truenas call`, `status truenas`.
use crate::{Failure, Graph, Permit, Provider, SecretValue, Secrets};
use serde_json::Value;
use std::{future::Future, pin::Pin, sync::Arc};
use tokio::sync::mpsc::UnboundedSender;

/// A verb of a kind of site. [`Connect::verbs`](crate::Connect::verbs) lists them.
///
/// Those called `status` and `verify` are run by the command line's own verbs of these names, for every site that has them; any other
/// is run as `DOMAIN NAME WORDS`.
#[derive(Debug)]
pub struct Verb<P> {
    /// What it is about, in one word: `truenas`.
    pub domain: &'static str,
    /// Its name: `call`.
    pub name: &'static str,
    /// What it does, in one line without a full stop.
    pub about: &'static str,
    /// What may follow it, for the help: `METHOD [JSON]...`. Flags come last in it (`[--show]`); the verb finds those that
    /// were given among its words.
    pub words: &'static str,
    /// Does it.
    pub run: fn(&P, Words) -> Doing<'_>,
}

impl<P> Clone for Verb<P> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<P> Copy for Verb<P> {}

/// A verb under way.
pub type Doing<'a> = Pin<Box<dyn Future<Output = Result<Said, Failure>> + Send + 'a>>;

/// What followed a verb, and what it may work with.
pub struct Words {
    words: Vec<String>,
    permit: Option<Permit>,
    secrets: Secrets,
    graph: Arc<Graph>,
    said: UnboundedSender<String>,
}

impl Words {
    pub(crate) fn new(
        words: Vec<String>,
        agreed: bool,
        secrets: Secrets,
        graph: Arc<Graph>,
        said: UnboundedSender<String>,
    ) -> Self {
        Words { words, permit: agreed.then(Permit::granted), secrets, graph, said }
    }

    /// Says how far it is, to a person who waits: at once, and beside the result.
    pub fn say(&self, line: impl Into<String>) {
        // Nobody may be there to hear it any more.
        let _ = self.said.send(line.into());
    }

    /// The secrets of the run.
    #[must_use]
    pub fn secrets(&self) -> &Secrets {
        &self.secrets
    }

    /// The lab.
    #[must_use]
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// The words themselves.
    #[must_use]
    pub fn words(&self) -> &[String] {
        &self.words
    }

    /// The proof that a person agreed to a change, with `--yes`.
    ///
    /// # Errors
    /// When he did not.
    pub fn permit(&self) -> Result<&Permit, Failure> {
        self.permit.as_ref().ok_or_else(|| {
            Failure::unusable("this may change something, and nobody agreed to that")
                .hint("add `--yes`, or read instead")
        })
    }
}

/// What a verb has to say.
#[derive(Clone, Debug, Default)]
pub struct Said {
    /// For people, a line each.
    pub lines: Vec<String>,
    /// The same for programs.
    pub value: Value,
    /// What is not as it should be, a line each; with any the command ends with 4.
    pub wrong: Vec<String>,
    /// A secret that a person asked to see: printed as it is, and nowhere else.
    pub reveal: Option<SecretValue>,
}

/// A verb whose provider's type is forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct VerbInfo {
    pub(crate) site: &'static str,
    pub(crate) domain: &'static str,
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) words: &'static str,
}

impl<P: Provider> Verb<P> {
    pub(crate) fn info(&self, site: &'static str) -> VerbInfo {
        VerbInfo { site, domain: self.domain, name: self.name, about: self.about, words: self.words }
    }
}
