//! How a call is refused, in the two forms that TrueNAS knows (notes section 3).
use super::check::{Bad, Complaint};
use crate::rpc::{self, Refusal};
use serde_json::{Value, json};

/// Wrong arguments.
pub(super) const EINVAL: i64 = 22;
/// It is there already.
pub(super) const EEXIST: i64 = 17;
/// It is not there.
pub(super) const ENOENT: i64 = 2;

/// A refusal.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Fail {
    code: i64,
    errno: i64,
    errname: String,
    reason: String,
    extra: Vec<(Option<String>, String, i64)>,
}

impl Fail {
    /// A parameter that makes no sense to the method, in the words of its plugin: `pool_create.topology`.
    pub(super) fn invalid(attribute: &str, reason: impl Into<String>) -> Fail {
        Fail::about(attribute, reason, EINVAL)
    }

    /// The same with another number.
    pub(super) fn about(attribute: &str, reason: impl Into<String>, errno: i64) -> Fail {
        let reason = reason.into();
        let extra = vec![(Some(attribute.into()), reason.clone(), errno)];
        Fail { code: -32602, errno: EINVAL, errname: "EINVAL".into(), reason, extra }
    }

    /// What is asked for is not there.
    pub(super) fn missing(what: &str, id: &Value) -> Fail {
        let id = id.as_str().map_or_else(|| id.to_string(), str::to_owned);
        let reason = format!("{what} {id} does not exist");
        let extra = vec![(None, reason.clone(), ENOENT)];
        Fail { code: -32602, errno: ENOENT, errname: "ENOENT".into(), reason, extra }
    }

    /// The method failed.
    pub(super) fn call(errname: &str, reason: impl Into<String>) -> Fail {
        let errno = match errname {
            "EPERM" => 1,
            "ENOENT" => ENOENT,
            "EAGAIN" => 11,
            "EACCES" => 13,
            "EFAULT" => 14,
            "EBUSY" => 16,
            "EEXIST" => EEXIST,
            "EINVAL" => EINVAL,
            "ENOSPC" => 28,
            "ENOTEMPTY" => 39,
            "ETIMEDOUT" => 110,
            "ENOTAUTHENTICATED" => 207,
            "ENOMETHOD" => 201,
            _ => EINVAL,
        };
        Fail { code: -32001, errno, errname: errname.into(), reason: reason.into(), extra: vec![] }
    }

    /// The envelope of the call is wrong.
    pub(super) fn protocol(code: i64, reason: impl Into<String>) -> Fail {
        Fail { code, errno: EINVAL, errname: "EINVAL".into(), reason: reason.into(), extra: vec![] }
    }

    /// The same as a failed call.
    pub(super) fn into_call(self) -> Fail {
        Fail { code: -32001, extra: vec![], ..self }
    }

    /// The error object of JSON-RPC.
    pub(super) fn to_json(&self) -> Value {
        let message = match self.code {
            -32602 => "Invalid params",
            -32601 => "Method does not exist",
            -32600 => "Invalid Request",
            -32700 => "Parse error",
            -32000 => "Too many concurrent calls",
            _ => "Method call error",
        };
        let data = json!({"error": self.errno, "errname": self.errname, "reason": self.reason, "trace": null, "extra": self.extra()});
        json!({"code": self.code, "message": message, "data": data})
    }

    fn extra(&self) -> Value {
        if self.extra.is_empty() { Value::Null } else { json!(self.extra) }
    }

    /// The same inside a job that failed.
    pub(super) fn to_exc_info(&self) -> Value {
        let kind = if self.code == -32602 { json!("VALIDATION") } else { Value::Null };
        json!({"repr": self.reason, "type": kind, "errno": self.errno, "extra": self.extra()})
    }

    /// In words, as a job has it: `[EINVAL] pool_create.topology: ...`.
    pub(super) fn words(&self) -> String {
        if self.extra.is_empty() {
            return format!("[{}] {}", self.errname, self.reason);
        }
        let line = |(attribute, text, _): &(Option<String>, String, i64)| match attribute {
            Some(attribute) => format!("[EINVAL] {attribute}: {text}"),
            None => format!("[{}] {text}", self.errname),
        };
        self.extra.iter().map(line).collect::<Vec<_>>().join("\n")
    }

    /// As the client sees it.
    pub(super) fn to_refusal(&self) -> Refusal {
        let complaint = |(attribute, message, errno): &(Option<String>, String, i64)| rpc::Complaint {
            attribute: attribute.clone().unwrap_or_default(),
            message: message.clone(),
            errno: *errno,
        };
        Refusal {
            code: self.code,
            errname: self.errname.clone(),
            reason: self.reason.clone(),
            complaints: self.extra.iter().map(complaint).collect(),
        }
    }
}

impl From<Bad> for Fail {
    fn from(bad: Bad) -> Fail {
        let all = match bad {
            Bad::Crash(reason) => return Fail::call("EINVAL", reason),
            Bad::Params(all) => all,
        };
        let extra: Vec<_> =
            all.into_iter().map(|(attribute, text): Complaint| (Some(attribute), text, EINVAL)).collect();
        let reason = extra
            .iter()
            .map(|(at, text, _)| format!("[EINVAL] {}: {text}", at.as_deref().unwrap_or("")))
            .collect::<Vec<_>>();
        Fail { code: -32602, errno: EINVAL, errname: "EINVAL".into(), reason: reason.join("\n"), extra }
    }
}
