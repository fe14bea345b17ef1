//! The provider: what is read, written and followed at one NAS.
use super::{
    NasReader,
    job::{Known, Noted},
};
use crate::{
    Error, Result,
    error::{Cause, is_busy},
    resource,
    rpc::{Call, First, Install, Installed, Keys, Progress, Refusal, Rpc, RpcError, Watch},
};
use homelab_core::{Apply, Begun, Failure, Kind, Permit, Provider};
use serde_json::Value;
use std::{ops::Deref, sync::Arc, time::Duration};
use tokio::time::{Instant, sleep};

/// How long a call that the NAS refused because it was busy is tried again.
const BUSY_LIMIT: Duration = Duration::from_secs(60);
/// The pause between two attempts.
const BUSY_PAUSE: Duration = Duration::from_secs(2);

/// One TrueNAS. Cloning is cheap.
///
/// It is a [`NasReader`] that remembers nothing, and it writes: every method that changes something takes the [`Permit`] of an
/// agreed plan.
#[derive(Clone)]
pub struct Nas {
    reader: NasReader,
}

impl Deref for Nas {
    type Target = NasReader;
    fn deref(&self) -> &NasReader {
        &self.reader
    }
}

impl Nas {
    /// A NAS that is reached this way. Nothing is sent yet.
    #[must_use]
    pub fn over(rpc: Arc<dyn Rpc>) -> Self {
        Nas { reader: NasReader::fresh_on(rpc) }
    }

    /// A call that changes something at once: not for jobs.
    ///
    /// # Errors
    /// When it cannot be sent, is refused, or its answer is lost ([`Error::may_have_happened`]).
    pub async fn write(&self, permit: &Permit, method: &str, params: Vec<Value>) -> Result<Value> {
        self.send(Some(permit), &Call::new(method, params)).await.map_err(|error| Error::new(method, error))
    }

    /// A call that starts a job, and its result. `watch` hears how far it is. The job is found again by the call's id if the
    /// connection breaks, so it is never started twice.
    ///
    /// # Errors
    /// As [`write`](Nas::write), and when the job fails, is stopped or goes on for too long.
    pub async fn job(&self, permit: &Permit, call: &Call, watch: &mut (dyn FnMut(&Progress) + Send)) -> Result<Value> {
        // Before the call: a short job ends before anybody could listen.
        let news = self.rpc.news();
        let message = Known::Message(call.id.clone());
        let boot = if self.rpc.keeps_ids() { String::new() } else { self.boot().await? };
        let known = match self.send(Some(permit), call).await {
            Ok(Value::Number(_)) if self.rpc.keeps_ids() => message,
            Ok(Value::Number(id)) => {
                let number = id.as_i64().ok_or_else(|| Error::new(&call.method, Cause::Answer(id.to_string())))?;
                Known::Number(number, boot)
            }
            // Where there is nothing to wait for it answers at once.
            Ok(result) => return Ok(result),
            Err(lost @ RpcError::Lost { .. }) if self.rpc.keeps_ids() => match self.job_of(&message).await? {
                Some(_) => message,
                None => return Err(Error::new(&call.method, lost)),
            },
            Err(error) => return Err(Error::new(&call.method, error)),
        };
        self.follow(&call.method, &known, news, watch).await
    }

    /// Sets up a NAS that has no key yet ([`Rpc::set_up`]).
    ///
    /// # Errors
    /// When it does not answer yet, or refuses.
    pub async fn set_up(&self, permit: &Permit, first: &First) -> Result<Keys> {
        self.rpc.set_up(permit, first).await.map_err(|error| Error::new("set up", error))
    }

    /// Drives the installer of a NAS that has no system yet ([`Rpc::install`]).
    ///
    /// # Errors
    /// When it refuses.
    pub async fn install(&self, permit: &Permit, wish: &Install, watch: &mut Watch<'_>) -> Result<Installed> {
        self.rpc.install(permit, wish, watch).await.map_err(|error| Error::new("install", error))
    }

    /// Any call by hand, and the result of its job if it is one. Without a permit only what reads.
    pub(crate) async fn by_hand(&self, permit: Option<&Permit>, call: &Call) -> Result<Value> {
        let news = self.rpc.news();
        let answer = self.send(permit, call).await.map_err(|error| Error::new(&call.method, error))?;
        let number = answer.as_i64().filter(|_| !self.rpc.keeps_ids());
        let known = match number {
            Some(number) => Known::Number(number, self.boot().await?),
            None => Known::Message(call.id.clone()),
        };
        if !answer.is_number() || self.job_of(&known).await?.is_none() {
            return Ok(answer);
        }
        self.follow(&call.method, &known, news, &mut |_| {}).await
    }

    /// Sends once, and again only while the NAS refuses for being busy, which did nothing.
    async fn send(&self, permit: Option<&Permit>, call: &Call) -> Result<Value, RpcError> {
        if call.params.iter().any(is_blotted) {
            let reason = "a secret that was read blotted out would be written".to_owned();
            return Err(RpcError::Refused(Refusal { reason, ..Refusal::default() }));
        }
        let began = Instant::now();
        loop {
            let sent = match permit {
                Some(permit) => self.rpc.write(permit, call).await,
                None => self.rpc.call(call).await,
            };
            match sent {
                Err(RpcError::Refused(refusal)) if is_busy(&refusal) && began.elapsed() < BUSY_LIMIT => {}
                other => return other,
            }
            sleep(BUSY_PAUSE).await;
        }
    }
}

/// Whether a value holds what the NAS shows in the place of a secret (notes section 2).
fn is_blotted(value: &Value) -> bool {
    match value {
        Value::String(text) => text == "********",
        Value::Array(list) => list.iter().any(is_blotted),
        Value::Object(map) => map.values().any(is_blotted),
        _ => false,
    }
}

/// Starts a job, after writing down how it is found again, and follows it to its end; a person sees how far it is.
///
/// # Errors
/// As [`Nas::job`], and when the journal cannot be written.
pub async fn work(cx: &Apply<'_, Nas>, method: &str, params: Vec<Value>) -> Result<Value, Failure> {
    let call = Call::new(method, params);
    cx.note(Noted::of(&call)).await?;
    let mut watch = |progress: &Progress| {
        let percent = progress.percent.map(|percent| percent.clamp(0.0, 100.0) as u8);
        let words = progress.description.as_deref().filter(|words| !words.is_empty()).unwrap_or(method);
        cx.progress(words, percent);
    };
    Ok(cx.job(cx.permit(), &call, &mut watch).await?)
}

impl Provider for Nas {
    type Reader = NasReader;

    fn reader(&self) -> NasReader {
        self.reader.remembering()
    }

    fn kinds() -> Vec<Kind<Nas>> {
        resource::kinds()
    }

    /// Waits for the job that was noted. One that the NAS does not remember any more is over.
    async fn settle(&self, begun: &Begun<'_>) -> Result<(), Failure> {
        let Some(noted) = begun.task.and_then(Noted::read) else { return Ok(()) };
        let known = match self.rpc.keeps_ids() {
            true => Known::Message(noted.message),
            // Then it is one that does the same; a second one would only wait for it.
            false => Known::Working(noted.method.clone()),
        };
        match self.job_of(&known).await {
            Ok(Some(_)) => self.ended(&noted.method, &known).await,
            Ok(None) => Ok(()),
            Err(error) if error.is_absent() => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}
