//! What a resource's author is handed: [`Look`] for reading, [`Apply`] for writing.
use crate::{
    Failure, Permit, Secret, Text,
    facts::Facts,
    kind::{Looking, Writing},
    ledger::Entry,
    output::Input,
    resource::Mark,
    secret::{SecretValue, Secrets},
    site::{Provider, Providers, Readers, Site},
    tree::{self, Tree},
};
use async_trait::async_trait;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use std::{ops::Deref, time::Duration};

/// What both sides know: the facts so far, the secrets, and the mark of the resource at hand.
#[derive(Clone, Copy)]
pub(crate) struct Known<'a> {
    pub(crate) facts: &'a Facts,
    pub(crate) secrets: &'a Secrets,
    pub(crate) mark: &'a Mark,
    /// How the ledger knows the thing.
    pub(crate) id: Option<&'a Value>,
    /// What was let go of under this key and can be taken in again.
    pub(crate) left: Option<&'a Entry>,
    /// Whether nothing comes before it but what it lives in.
    pub(crate) first: bool,
}

/// What was let go of and can be taken in again ([`Resource::OUTLIVES`](crate::Resource::OUTLIVES)).
#[derive(Clone, Debug)]
pub struct Left<I> {
    /// What it is found by.
    pub id: I,
    /// The data in it, as it was last seen.
    pub data: Vec<String>,
}

impl Known<'_> {
    fn left<I: DeserializeOwned>(&self) -> Option<Left<I>> {
        let Entry { id, data, .. } = self.left?;
        Some(Left { id: serde_json::from_value(id.clone()).ok()?, data: data.clone() })
    }

    fn text(&self, text: &Text) -> Result<Option<SecretValue>, Failure> {
        let tree = tree::spec(text).map_err(|e| Failure::new(e.to_string()))?;
        let tree = tree.resolve(&|r| self.facts.lookup(r));
        let mut out = String::new();
        let parts = match tree.as_ref() {
            Tree::Format(parts) => parts.as_slice(),
            whole => std::slice::from_ref(whole),
        };
        for part in parts {
            match part {
                Tree::Ref(_) => return Ok(None),
                Tree::Secret(name) => out.push_str(self.secrets.to_use(name)?.expose()),
                plain => out.push_str(&plain.to_string()),
            }
        }
        Ok(Some(SecretValue::from(out)))
    }

    /// A specification as plain data, or `None` while something in it is not known.
    fn filled(&self, tree: Result<Tree, tree::TreeError>) -> Result<Option<Value>, Failure> {
        let tree = tree.map_err(|e| Failure::new(e.to_string()))?;
        self.plain(tree.resolve(&|r| self.facts.lookup(r)).as_ref())
    }

    fn plain(&self, tree: &Tree) -> Result<Option<Value>, Failure> {
        Ok(Some(match tree {
            Tree::Ref(_) | Tree::Unknown(_) => return Ok(None),
            Tree::Null => Value::Null,
            Tree::Bool(yes) => Value::Bool(*yes),
            Tree::Int(n) => u64::try_from(*n)
                .map(Value::from)
                .or_else(|_| i64::try_from(*n).map(Value::from))
                .map_err(|_| Failure::new(format!("{n} in {} is beyond what can be sent", self.mark.key)))?,
            Tree::Float(n) => Value::from(*n),
            Tree::Text(text) => Value::from(text.as_ref()),
            Tree::Secret(name) => Value::from(self.secrets.to_use(name)?.expose()),
            Tree::Format(parts) => {
                let mut out = String::new();
                for part in parts {
                    match self.plain(part)? {
                        None => return Ok(None),
                        Some(Value::String(text)) => out.push_str(&text),
                        Some(other) => out.push_str(&other.to_string()),
                    }
                }
                Value::from(out)
            }
            Tree::List(items) => {
                match items.iter().map(|item| self.plain(item)).collect::<Result<Option<Vec<_>>, _>>()? {
                    Some(items) => Value::Array(items),
                    None => return Ok(None),
                }
            }
            Tree::Map(map) => {
                let mut fields = serde_json::Map::new();
                for (key, value) in map.iter() {
                    match self.plain(value)? {
                        Some(value) => fields.insert(key.to_owned(), value),
                        None => return Ok(None),
                    };
                }
                Value::Object(fields)
            }
        }))
    }
}

/// What may be touched while looking: the provider's [`Reader`](Provider::Reader), which has no way to write.
pub struct Look<'a, P: Provider> {
    reader: &'a P::Reader,
    others: &'a Readers,
    known: Known<'a>,
}

impl<P: Provider> Deref for Look<'_, P> {
    type Target = P::Reader;
    fn deref(&self) -> &P::Reader {
        self.reader
    }
}

impl<'a, P: Provider> Look<'a, P> {
    /// # Errors
    /// When the lab names a site that nobody connected.
    pub(crate) fn new(site: &str, cx: Looking<'a>) -> Result<Self, Failure> {
        Ok(Look { reader: cx.readers.get::<P>(site)?, others: cx.readers, known: cx.known })
    }

    /// The reading side of another site, for a thing that is made with the help of two systems.
    ///
    /// # Errors
    /// When that site is not connected.
    pub fn at<Q: Provider>(&self, site: Site<Q>) -> Result<&'a Q::Reader, Failure> {
        self.others.get::<Q>(site.name())
    }

    /// The value of an input, or `None` while the resource that it comes from does not exist.
    #[must_use]
    pub fn get<T: DeserializeOwned + Clone>(&self, input: &Input<T>) -> Option<T> {
        self.known.facts.input(input)
    }

    /// Text with its holes filled, or `None` while one cannot be. It may hold a secret, so it does not print.
    ///
    /// # Errors
    /// When a secret in it is not configured.
    pub fn text(&self, text: &Text) -> Result<Option<SecretValue>, Failure> {
        self.known.text(text)
    }

    /// The value of a secret that was [kept](Apply::keep) by a deploy. Nothing means that it has to be made anew, even if what it
    /// opens is there.
    #[must_use]
    pub fn kept(&self, secret: &Secret) -> Option<SecretValue> {
        self.known.secrets.kept(secret)
    }

    /// How long ago a secret was kept; nothing if it was not.
    #[must_use]
    pub fn age(&self, secret: &Secret) -> Option<Duration> {
        self.known.secrets.age(secret)
    }

    /// A specification, or a part of one, as plain data: inputs by their values, what is not managed left out. `None` while
    /// something in it is not known.
    ///
    /// # Errors
    /// When a secret in it is not configured.
    pub fn filled(&self, spec: &impl Serialize) -> Result<Option<Value>, Failure> {
        self.known.filled(tree::spec(spec))
    }

    /// What the ledger knows this resource's thing by ([`Resource::id`](crate::Resource::id)): for kinds whose things have no place
    /// of their own, so that one whose mark somebody wiped off is found all the same, and none is made beside it.
    #[must_use]
    pub fn known_id<I: DeserializeOwned>(&self) -> Option<I> {
        self.known.id.and_then(|id| serde_json::from_value(id.clone()).ok())
    }

    /// What this lab let go of under the same key, or had when somebody else did, of a kind that
    /// [outlives](crate::Resource::OUTLIVES) its deletion.
    #[must_use]
    pub fn left<I: DeserializeOwned>(&self) -> Option<Left<I>> {
        self.known.left()
    }

    /// The mark that this resource's thing should bear.
    #[must_use]
    pub fn mark(&self) -> &Mark {
        self.known.mark
    }

    /// Whether nothing of the lab comes before this resource but what it lives in: what is missing there now, nothing will have
    /// brought by the time that its turn comes. Only [`inspect`](crate::Resource::inspect) is told.
    #[must_use]
    pub fn is_first(&self) -> bool {
        self.known.first
    }
}

/// Where an effect reports to while it works.
#[async_trait]
pub(crate) trait StepLog: Send + Sync {
    async fn note(&self, task: Value) -> Result<(), Failure>;
    fn progress(&self, message: &str, percent: Option<u8>);
    fn warn(&self, message: &str);
    fn release_shared(&self);
}

/// What may be touched while writing: the provider itself, and the [`Permit`] that its writing methods ask for.
pub struct Apply<'a, P: Provider> {
    provider: &'a P,
    others: &'a Providers,
    permit: &'a Permit,
    known: Known<'a>,
    log: &'a dyn StepLog,
}

impl<P: Provider> Deref for Apply<'_, P> {
    type Target = P;
    fn deref(&self) -> &P {
        self.provider
    }
}

impl<'a, P: Provider> Apply<'a, P> {
    pub(crate) fn new(provider: &'a P, cx: &Writing<'a>) -> Self {
        Apply { provider, others: cx.providers, permit: cx.permit, known: cx.known, log: cx.log }
    }

    /// Another site, for a thing that is made with the help of two systems.
    ///
    /// # Errors
    /// When that site is not connected.
    pub fn at<Q: Provider>(&self, site: Site<Q>) -> Result<&'a Q, Failure> {
        self.others.get(site)
    }

    /// The proof that the provider's writing methods ask for.
    #[must_use]
    pub fn permit(&self) -> &Permit {
        self.permit
    }

    /// The value of an input.
    ///
    /// # Errors
    /// When it is not known, which means that the resource it comes from has no such value.
    pub fn get<T: DeserializeOwned + Clone>(&self, input: &Input<T>) -> Result<T, Failure> {
        self.known.facts.input(input).ok_or_else(|| not_known(&self.known.mark.key))
    }

    /// Text with its holes filled. It may hold a secret, so it does not print.
    ///
    /// # Errors
    /// When a hole cannot be filled, or a secret is not configured.
    pub fn text(&self, text: &Text) -> Result<SecretValue, Failure> {
        self.known.text(text)?.ok_or_else(|| not_known(&self.known.mark.key))
    }

    /// The value of a secret.
    ///
    /// # Errors
    /// When it is not configured; the message names it.
    pub fn secret(&self, secret: &Secret) -> Result<SecretValue, Failure> {
        Ok(self.known.secrets.to_use(&secret.to_string())?)
    }

    /// Keeps a secret that was made just now and is shown only once (an API key, a token): encrypted and durable before this
    /// returns. From then on it is never printed, and [`secret`](Apply::secret) finds it, in this run and in later ones. It goes with
    /// this resource when that is deleted.
    ///
    /// # Errors
    /// When it cannot be written; what it opens should then be taken back, for nobody will know it again.
    pub fn keep(&self, secret: &Secret, value: SecretValue) -> Result<(), Failure> {
        let key = &self.known.mark.key;
        let made = self.known.secrets.keep_all([(secret.name(), &value)], Some(key))?;
        if let Some(warning) = self.known.secrets.new_identity().filter(|_| made) {
            self.warn(warning);
        }
        Ok(())
    }

    /// Removes a secret that was kept, durably; that it is not there is fine. Takes the name, because what is deleted has no code any
    /// more. Those that the resource itself kept are removed when it is gone, without this.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn forget(&self, name: &str) -> Result<(), Failure> {
        self.known.secrets.forget_named(name)?;
        Ok(())
    }

    /// The value that was [kept](Apply::keep), by this run or an earlier one, and nothing else: what the environment says is
    /// no proof that the key was made.
    #[must_use]
    pub fn kept(&self, secret: &Secret) -> Option<SecretValue> {
        self.known.secrets.kept(secret)
    }

    /// A specification, or a part of one, as plain data for a request: inputs and secrets by their values, what is not managed
    /// left out. It may hold secrets: it is for the wire and for nothing else.
    ///
    /// # Errors
    /// When a value in it is not known, or a secret is not configured.
    pub fn filled(&self, spec: &impl Serialize) -> Result<Value, Failure> {
        self.known.filled(tree::spec(spec))?.ok_or_else(|| not_known(&self.known.mark.key))
    }

    /// What this lab let go of under the same key, or had when somebody else did, of a kind that
    /// [outlives](crate::Resource::OUTLIVES) its deletion.
    #[must_use]
    pub fn left<I: DeserializeOwned>(&self) -> Option<Left<I>> {
        self.known.left()
    }

    /// The mark that the thing must bear.
    #[must_use]
    pub fn mark(&self) -> &Mark {
        self.known.mark
    }

    /// Writes down, durably, that the provider is working on something for us (a task's id), so that a run after a crash
    /// waits for it before it looks. Call it as soon as the id is known.
    ///
    /// # Errors
    /// When the journal cannot be written; stop then.
    pub async fn note(&self, task: impl Into<Value> + Send) -> Result<(), Failure> {
        self.log.note(task.into()).await
    }

    pub(crate) fn log(&self) -> &'a dyn StepLog {
        self.log
    }

    /// Says what is being done or waited for, and how far it is if that is known.
    pub fn progress(&self, message: impl AsRef<str>, percent: Option<u8>) {
        self.log.progress(message.as_ref(), percent);
    }

    /// Gives back the locks that this step holds together with others ([`Lock::shared`](crate::Lock::shared)), before the step
    /// ends: what is left to do, such as waiting until a guest is up, loads nothing that they guard. Should the step be tried
    /// again it does not get them back.
    pub fn release_shared(&self) {
        self.log.release_shared();
    }

    /// Says something that a person should know although it worked.
    pub fn warn(&self, message: impl AsRef<str>) {
        self.log.warn(message.as_ref());
    }
}

fn not_known(key: &str) -> Failure {
    Failure::new(format!("{key} needs a value that is not known although what it comes from is done"))
        .hint("the resource it comes from has that field empty; `why` shows where it is used")
}
