//! Verbs that a site's crate adds to the command line: `truenas call`, `status truenas`.
use crate::{Failure, Permit, Provider};
use serde_json::Value;
use std::{future::Future, pin::Pin};

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
    /// What may follow it, for the help: `METHOD [JSON]...`.
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

/// What followed a verb.
#[derive(Debug)]
pub struct Words {
    words: Vec<String>,
    permit: Option<Permit>,
}

impl Words {
    pub(crate) fn new(words: Vec<String>, agreed: bool) -> Self {
        Words { words, permit: agreed.then(Permit::granted) }
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
