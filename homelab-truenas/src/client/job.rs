//! Following a job to its end, whatever happens to the connection.
use super::NasReader;
use crate::{
    Error, Result,
    error::Cause,
    rpc::{Call, Complaint, ExcInfo, Job, Progress, Refusal, RpcError},
};
use homelab_core::Failure;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::broadcast,
    time::{Instant, sleep},
};

/// How long a job is followed: widening a RAIDZ or a first replication takes days, but nobody waits for them in a deploy.
const LIMIT: Duration = Duration::from_secs(6 * 3600);
/// How long a NAS that goes away while a job runs is waited for.
const RESTART: Duration = Duration::from_secs(600);
/// How often a job is asked for although news of it come by themselves: some get lost (notes section 4).
const NET: Duration = Duration::from_secs(5);
/// The first pause between two questions where news come: while they do, nothing is asked.
const LISTENING: Duration = Duration::from_secs(1);
/// The first pause between two questions where no news come; each further one is half as long again, up to [`NET`].
const FIRST_PAUSE: Duration = Duration::from_millis(250);

/// What the journal keeps of a job before it is started.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Noted {
    /// The method.
    pub(super) method: String,
    /// The id of the message that starts it.
    pub(super) message: String,
}

impl Noted {
    pub(super) fn of(call: &Call) -> Value {
        json!(Noted { method: call.method.clone(), message: call.id.clone() })
    }

    pub(super) fn read(note: &Value) -> Option<Noted> {
        serde_json::from_value(note.clone()).ok()
    }
}

/// How a job is known: by the message that started it, or, where that is not kept, by its number, which starts anew with each boot and
/// with each start of the middleware: so the boot goes with it.
pub(super) enum Known {
    Message(String),
    Number(i64, String),
    /// Any that is at this method.
    Working(String),
}

impl Known {
    fn filter(&self) -> Value {
        match self {
            Known::Message(id) => json!([["message_ids", "rin", id]]),
            Known::Number(id, _) => json!([["id", "=", id]]),
            Known::Working(method) => json!([["method", "=", method], ["state", "in", ["WAITING", "RUNNING"]]]),
        }
    }

    fn is(&self, job: &Job) -> bool {
        match self {
            Known::Message(id) => job.message_ids.iter().any(|one| one == id),
            Known::Number(id, _) => job.id == *id,
            Known::Working(method) => job.method == *method && !job.has_ended(),
        }
    }
}

pub(super) type News = Option<broadcast::Receiver<Arc<Value>>>;

impl NasReader {
    /// What a job finds that changes nothing. It is started anew if its answer is lost, and not asked for while there is no NAS.
    pub(crate) async fn search<T: DeserializeOwned>(&self, method: &str) -> Result<Option<T>> {
        let call = Call::new(method, vec![]);
        let news = self.rpc.news();
        let answer = match self.rpc.call(&call).await {
            Ok(answer) => answer,
            Err(RpcError::Absent { .. }) => return Ok(None),
            Err(_) => self.read(method, vec![]).await?,
        };
        let number = answer.as_i64().ok_or_else(|| Error::new(method, Cause::Answer(answer.to_string())))?;
        let known = Known::Number(number, self.boot().await?);
        let found = self.follow(method, &known, news, &mut |_| {}).await?;
        serde_json::from_value(found).map(Some).map_err(|e| Error::new(method, Cause::Answer(e.to_string())))
    }

    /// What this boot of the NAS is known by.
    pub(super) async fn boot(&self) -> Result<String> {
        const METHOD: &str = "system.boot_id";
        let answer = self.read(METHOD, vec![]).await?;
        answer.as_str().map(str::to_owned).ok_or_else(|| Error::new(METHOD, Cause::Answer(answer.to_string())))
    }

    /// Whether a job that was found is the one that was started, and not another one that has got its number since.
    async fn is_same(&self, method: &str, known: &Known, job: &Job) -> Result<bool> {
        match known {
            Known::Number(_, boot) => Ok(job.method == method && self.boot().await? == *boot),
            Known::Message(_) | Known::Working(_) => Ok(true),
        }
    }

    /// The job that is known so, if the NAS remembers it.
    pub(super) async fn job_of(&self, known: &Known) -> Result<Option<Job>> {
        // Without the option, what a job resulted in is blotted out.
        let params = vec![known.filter(), json!({"extra": {"raw_result": true}})];
        let answer = self.read("core.get_jobs", params).await?;
        let jobs: Vec<Job> =
            serde_json::from_value(answer).map_err(|e| Error::new("core.get_jobs", Cause::Answer(e.to_string())))?;
        Ok(jobs.into_iter().next())
    }

    /// Follows a job to its end; gives its result.
    pub(super) async fn follow(
        &self,
        method: &str,
        known: &Known,
        mut news: News,
        watch: &mut (dyn FnMut(&Progress) + Send),
    ) -> Result<Value> {
        let failed = |cause: Cause| Error::new(method, cause);
        let mut down: Option<Instant> = None;
        let (began, mut pause) = (Instant::now(), if news.is_some() { LISTENING } else { FIRST_PAUSE });
        loop {
            let heard = tokio::select! {
                job = next(&mut news, known) => Some(job),
                () = sleep(pause) => None,
            };
            if let Some(job) = heard.filter(|job| !job.has_ended()) {
                watch(&job.progress);
                continue;
            }
            // News carry a blotted result, so the end is asked for too.
            let asked = self.job_of(known).await;
            let is_down =
                asked.as_ref().is_err_and(|error| matches!(error.cause(), Cause::Rpc(RpcError::Unreached { .. })));
            // It answered when the job was started: it restarts, and then tells what became of the job.
            if is_down && down.get_or_insert_with(Instant::now).elapsed() < RESTART {
                continue;
            }
            down = None;
            let Some(job) = asked? else { return Err(failed(Cause::Forgotten)) };
            if !self.is_same(method, known, &job).await? {
                return Err(failed(Cause::Forgotten));
            }
            match job.state.as_str() {
                "SUCCESS" => return Ok(job.result),
                "FAILED" => return Err(failed(Cause::Job(refusal(job)))),
                "ABORTED" => return Err(failed(Cause::Aborted)),
                _ if began.elapsed() >= LIMIT => return Err(failed(Cause::Slow(LIMIT.as_secs()))),
                _ => watch(&job.progress),
            }
            pause = NET.min(pause * 3 / 2);
        }
    }

    /// Waits for the end of a job, however it ends.
    pub(super) async fn ended(&self, method: &str, known: &Known) -> Result<(), Failure> {
        match self.follow(method, known, self.rpc.news(), &mut |_| {}).await {
            Err(error) if matches!(error.cause(), Cause::Job(_) | Cause::Aborted | Cause::Forgotten) => Ok(()),
            other => Ok(other.map(|_| ())?),
        }
    }
}

/// The next news of a job. Never, if there are none or no more.
async fn next(news: &mut News, known: &Known) -> Job {
    while let Some(receiver) = news {
        match receiver.recv().await {
            Ok(row) => match Job::deserialize(&*row) {
                Ok(job) if known.is(&job) => return job,
                _ => {}
            },
            // What was missed the net catches.
            Err(broadcast::error::RecvError::Lagged(_)) => {}
            Err(broadcast::error::RecvError::Closed) => *news = None,
        }
    }
    std::future::pending().await
}

/// Why a job failed, in the form of a refused call.
fn refusal(job: Job) -> Refusal {
    let ExcInfo { kind, errno, extra } = job.exc_info.unwrap_or_default();
    let is_validation = kind.as_deref() == Some("VALIDATION");
    Refusal {
        code: if is_validation { -32602 } else { -32001 },
        errname: errno.map_or_else(String::new, errname),
        reason: job.error.unwrap_or_default(),
        complaints: if is_validation { complaints(&extra) } else { vec![] },
    }
}

/// `[[attribute, message, errno], ...]`.
pub(crate) fn complaints(extra: &Value) -> Vec<Complaint> {
    let rows = extra.as_array().into_iter().flatten().filter_map(Value::as_array);
    let complaint = |row: &Vec<Value>| Complaint {
        attribute: row.first().and_then(Value::as_str).unwrap_or_default().to_owned(),
        message: row.get(1).and_then(Value::as_str).unwrap_or_default().to_owned(),
        errno: row.get(2).and_then(Value::as_i64).unwrap_or_default(),
    };
    rows.map(complaint).collect()
}

/// The names of the numbers that matter.
fn errname(errno: i64) -> String {
    let name = match errno {
        1 => "EPERM",
        2 => "ENOENT",
        11 => "EAGAIN",
        13 => "EACCES",
        14 => "EFAULT",
        16 => "EBUSY",
        17 => "EEXIST",
        22 => "EINVAL",
        28 => "ENOSPC",
        39 => "ENOTEMPTY",
        110 => "ETIMEDOUT",
        other => return format!("errno {other}"),
    };
    name.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_job_complains_about_reads_like_a_refused_call() {
        let row = json!({"id": 7, "method": "pool.create", "state": "FAILED", "error": "[EINVAL] pool_create.topology: too few", "exc_info":
            {"type": "VALIDATION", "errno": 22, "extra": [["pool_create.topology", "too few", 22]]}});
        let told = refusal(serde_json::from_value(row).expect("it is a job"));
        assert_eq!((told.code, told.complaints.len(), told.to_string().as_str()), (-32602, 1, "topology: too few"));
        let row = json!({"id": 8, "state": "FAILED", "error": "pool is busy", "exc_info": {"type": "CallError", "errno": 16, "extra": [1]}});
        let told = refusal(serde_json::from_value(row).expect("it is a job"));
        assert_eq!((told.code, told.errname.as_str(), told.to_string().as_str()), (-32001, "EBUSY", "pool is busy"));
    }
}
