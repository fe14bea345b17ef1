//! Answers: the envelope `{"data": ...}`, and the refusals with their text from body or reason phrase.
use super::Refusal;
use crate::{api::FromScalar, error::Cause, http::Response};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::BTreeMap;

/// What stood in an answer that is no refusal.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Answer {
    /// The answer proper.
    pub(crate) data: Value,
    /// How many there are, where only some are listed (task logs).
    pub(crate) total: Option<u64>,
    /// The staged changes of a node's network, a diff text.
    pub(crate) changes: Option<String>,
}

impl Answer {
    pub(crate) fn read(response: Response) -> Result<Answer, Cause> {
        if !(200..300).contains(&response.status) {
            return Err(refusal(&response).into());
        }
        let garbage = || {
            let start: String = String::from_utf8_lossy(&response.body).chars().take(80).collect();
            Cause::Answer(format!("expected JSON with `data`, got {} `{start}`", response.content_type))
        };
        let body: Value = serde_json::from_slice(&response.body).map_err(|_| garbage())?;
        let Value::Object(mut body) = body else { return Err(garbage()) };
        let Some(data) = body.remove("data") else { return Err(garbage()) };
        let total = body.get("total").and_then(u64::from_scalar);
        let changes = body.get("changes").and_then(String::from_scalar);
        Ok(Answer { data, total, changes })
    }

    /// The data as a `T`.
    pub(crate) fn decode<T: DeserializeOwned>(self) -> Result<T, Cause> {
        serde_json::from_value(self.data).map_err(|error| Cause::Answer(error.to_string()))
    }
}

/// Reads why a call was refused: the body's `message` has all lines, the reason phrase only the first, but before 8.4 it
/// was the only one (pve-notes section 5).
fn refusal(response: &Response) -> Refusal {
    let body: Value = serde_json::from_slice(&response.body).unwrap_or_default();
    let message = body.get("message").and_then(String::from_scalar).unwrap_or_default();
    let message = [message.trim(), response.reason.trim()].into_iter().find(|text| !text.is_empty());
    let errors = body.get("errors").and_then(Value::as_object);
    let parameters = errors.into_iter().flatten().map(|(name, text)| {
        let text = String::from_scalar(text).unwrap_or_else(|| text.to_string());
        (name.clone(), text.trim().to_owned())
    });
    Refusal {
        status: response.status,
        message: message.unwrap_or("the server gave no reason").to_owned(),
        parameters: parameters.collect::<BTreeMap<_, _>>(),
    }
}
