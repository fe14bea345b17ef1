//! The reading side: every read of the API, remembered or fresh.
use crate::{
    Error, Result,
    error::{Cause, is_busy},
    rpc::{Call, Rpc, RpcError},
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::{
    any::{Any, TypeId},
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{
    sync::OnceCell,
    time::{Instant, sleep},
};

/// How long a read is tried again while the middleware is being restarted.
const PATIENCE: Duration = Duration::from_secs(90);
/// The first pause between two attempts; each further one is half as long again.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
/// The longest.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Reads from a NAS. Cloning is cheap, and clones share what they remember.
///
/// The reader of one look asks each question once: callers that ask at the same time wait for the same answer, so a wave of reads
/// costs one listing for each kind. It sees the world as it was when asked first. The reader that a [`Nas`](crate::Nas) itself is
/// remembers nothing.
///
/// Reads give `None` while there is no NAS: then nothing of it exists.
#[derive(Clone)]
pub struct NasReader {
    pub(crate) rpc: Arc<dyn Rpc>,
    memory: Option<Arc<Memory>>,
}

type Remembered = Arc<OnceCell<Option<Arc<dyn Any + Send + Sync>>>>;

/// Answers by question and type.
#[derive(Default)]
struct Memory(Mutex<HashMap<(String, TypeId), Remembered>>);

impl NasReader {
    pub(crate) fn fresh_on(rpc: Arc<dyn Rpc>) -> Self {
        NasReader { rpc, memory: None }
    }

    pub(crate) fn remembering(&self) -> Self {
        NasReader { rpc: Arc::clone(&self.rpc), memory: Some(Arc::default()) }
    }

    /// Everything of one kind, asked once a look: `query::<ShareRow>("sharing.nfs.query")`.
    ///
    /// # Errors
    /// When the NAS cannot be asked, or answers with something else.
    pub async fn query<T: DeserializeOwned + Send + Sync + 'static>(
        &self,
        method: &str,
    ) -> Result<Option<Arc<Vec<T>>>> {
        self.once(method, vec![]).await
    }

    /// Any read, asked once a look.
    ///
    /// # Errors
    /// As [`query`](NasReader::query).
    pub async fn once<T: DeserializeOwned + Send + Sync + 'static>(
        &self,
        method: &str,
        params: Vec<Value>,
    ) -> Result<Option<Arc<T>>> {
        let Some(memory) = &self.memory else { return Ok(self.fresh(method, params).await?.map(Arc::new)) };
        let question = format!("{method} {}", Value::Array(params.clone()));
        let cell = {
            let mut cells = memory.0.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(cells.entry((question, TypeId::of::<T>())).or_default())
        };
        let read = async || {
            let answer = self.fresh::<T>(method, params).await?;
            Ok::<_, Error>(answer.map(|answer| Arc::new(answer) as Arc<dyn Any + Send + Sync>))
        };
        let answer = cell.get_or_try_init(read).await?;
        Ok(answer.clone().map(|answer| match answer.downcast() {
            Ok(answer) => answer,
            Err(_) => unreachable!("answers are remembered by their type"),
        }))
    }

    /// Any read, not remembered.
    ///
    /// # Errors
    /// As [`query`](NasReader::query).
    pub async fn fresh<T: DeserializeOwned>(&self, method: &str, params: Vec<Value>) -> Result<Option<T>> {
        let answer = match self.read(method, params).await {
            Err(error) if error.is_absent() => return Ok(None),
            other => other?,
        };
        let decoded = serde_json::from_value(answer);
        decoded.map(Some).map_err(|e| Error::new(method, Cause::Answer(e.to_string())))
    }

    /// The configuration as the NAS saves it: a tar archive with its database and what decrypts the secrets in that. It holds secrets.
    ///
    /// # Errors
    /// When the NAS cannot be asked, or refuses, as it does to all but full administrators.
    pub async fn saved_config(&self) -> Result<Vec<u8>> {
        const METHOD: &str = "core.download";
        let options = json!({"secretseed": true, "pool_keys": false, "root_authorized_keys": true});
        let answer = self.read(METHOD, vec![json!("config.save"), json!([options]), json!("config.tar")]).await?;
        let path = answer.get(1).and_then(Value::as_str);
        let path = path.ok_or_else(|| Error::new(METHOD, Cause::Answer("it has no path".into())))?;
        self.rpc.download(path).await.map_err(|error| Error::new("config.save", error))
    }

    /// Sends a call that only reads, and sends it again while the NAS is being restarted.
    pub(crate) async fn read(&self, method: &str, params: Vec<Value>) -> Result<Value> {
        let (began, mut pause) = (Instant::now(), FIRST_PAUSE);
        loop {
            match self.rpc.call(&Call::new(method, params.clone())).await {
                Ok(answer) => return Ok(answer),
                Err(error) if !may_pass(&error) || began.elapsed() >= PATIENCE => {
                    return Err(Error::new(method, error));
                }
                Err(_) => {}
            }
            sleep(pause).await;
            pause = LONGEST_PAUSE.min(pause * 3 / 2);
        }
    }
}

/// Whether asking again makes sense. One that never answered is not waited for: the address may be wrong.
fn may_pass(error: &RpcError) -> bool {
    match error {
        RpcError::Lost { .. } => true,
        RpcError::Refused(refusal) => is_busy(refusal),
        _ => false,
    }
}
