//! A server made of a function, which remembers what it was asked.
use async_trait::async_trait;
use homelab_proxmox::{
    Pve,
    client::Credential,
    http::{Http, Request, Response, TransportError},
};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};

pub(crate) type Reply = Result<Response, TransportError>;
type Answering = dyn Fn(usize, &Request) -> Reply + Send + Sync;

pub(crate) struct Fake {
    answer: Box<Answering>,
    sent: Mutex<Vec<Request>>,
}

impl Fake {
    /// Answers the request number `n` (from 0) with what `answer` says.
    pub(crate) fn new(answer: impl Fn(usize, &Request) -> Reply + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Fake { answer: Box::new(answer), sent: Mutex::default() })
    }

    /// Gives these answers, one after the other, and the last for ever.
    pub(crate) fn script(replies: impl IntoIterator<Item = fn() -> Reply>) -> Arc<Self> {
        let replies: Vec<_> = replies.into_iter().collect();
        Fake::new(move |n, _| replies[n.min(replies.len() - 1)]())
    }

    pub(crate) fn sent(&self) -> Vec<Request> {
        self.sent.lock().unwrap().clone()
    }

    pub(crate) fn count(&self) -> usize {
        self.sent.lock().unwrap().len()
    }

    /// A client of this server with a token.
    pub(crate) fn pve(self: &Arc<Self>) -> Pve {
        Pve::seeded(
            Arc::clone(self) as Arc<dyn Http>,
            Credential::token("root@pam!terraform", "secret-of-the-token"),
            1,
        )
    }
}

#[async_trait]
impl Http for Fake {
    async fn send(&self, request: Request) -> Reply {
        let n = {
            let mut sent = self.sent.lock().unwrap();
            sent.push(request.clone());
            sent.len() - 1
        };
        // As over a socket, others get their turn before the answer comes.
        tokio::task::yield_now().await;
        (self.answer)(n, &request)
    }
}

fn respond(status: u16, reason: &str, body: Value) -> Reply {
    let content_type = "application/json;charset=UTF-8".to_owned();
    Ok(Response { status, reason: reason.to_owned(), content_type, body: body.to_string().into_bytes() })
}

pub(crate) fn data(data: Value) -> Reply {
    respond(200, "OK", json!({ "data": data }))
}

/// A refusal as releases before 8.4 write it: only the reason phrase says why.
pub(crate) fn refused(status: u16, reason: &str) -> Reply {
    respond(status, reason, json!({ "data": null }))
}

/// A refusal of parameters.
pub(crate) fn invalid(errors: Value) -> Reply {
    let reason = "Parameter verification failed.";
    respond(400, reason, json!({ "data": null, "message": format!("{reason}\n"), "errors": errors }))
}

pub(crate) fn unreached() -> Reply {
    Err(TransportError::Unreached {
        host: "din:8006".to_owned(),
        reason: "Connection refused (os error 111)".to_owned(),
    })
}

pub(crate) fn lost() -> Reply {
    Err(TransportError::Lost { host: "din:8006".to_owned(), reason: "connection closed".to_owned() })
}

pub(crate) const UPID: &str = "UPID:din:0003B2C1:00A1B2C3:6650A1B2:qmclone:9000:root@pam!terraform:";

pub(crate) fn started() -> Reply {
    data(json!(UPID))
}
