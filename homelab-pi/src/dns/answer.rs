//! One answer, as far as a lab asks for it.
use super::EDE;
use hickory_proto::{
    op::{Message, ResponseCode},
    rr::{
        RData, RecordType,
        rdata::opt::{EdnsCode, EdnsOption},
    },
};
use std::{fmt, net::IpAddr, time::Duration};

/// An extended error (RFC 8914): why an answer is as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extended {
    /// The code: 15 is "blocked", 6 "DNSSEC bogus", 7 "signature expired", 8 "signature not yet valid", 23 "network error".
    pub code: u16,
    /// What the server says besides.
    pub text: String,
}

impl Extended {
    /// Blocked by the server's own lists.
    pub const BLOCKED: u16 = 15;
    /// Signatures do not fit.
    pub const BOGUS: u16 = 6;
    /// Signatures were valid once: the zone is stale, or the server's clock is ahead.
    pub const EXPIRED: u16 = 7;
    /// Signatures will be valid: the server's clock is behind.
    pub const NOT_YET_VALID: u16 = 8;
}

impl fmt::Display for Extended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self.code {
            Extended::BOGUS => "DNSSEC bogus",
            Extended::EXPIRED => "signature expired",
            Extended::NOT_YET_VALID => "signature not yet valid",
            9 => "DNSKEY missing",
            10 => "RRSIGs missing",
            14 => "not ready",
            Extended::BLOCKED => "blocked",
            22 => "no reachable authority",
            23 => "network error",
            _ => "",
        };
        match (word, self.text.as_str()) {
            ("", "") => write!(f, "EDE {}", self.code),
            (word, "") => f.write_str(word),
            ("", text) => write!(f, "EDE {}: {text}", self.code),
            (word, text) => write!(f, "{word}: {text}"),
        }
    }
}

/// What a server answered.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The response code.
    pub code: ResponseCode,
    /// Validated by the server (AD).
    pub authentic: bool,
    /// The addresses, in the order of the answer.
    pub addresses: Vec<IpAddr>,
    /// The shortest time to live of the answer, in seconds; nothing when it is empty.
    pub ttl: Option<u32>,
    /// Whether there are signatures with it.
    pub has_signatures: bool,
    /// The first text (TXT) of the answer.
    pub text: Option<String>,
    /// How many records the answer has.
    pub records: usize,
    /// Why it is as it is.
    pub extended: Vec<Extended>,
    /// How long it took, with all repetitions.
    pub took: Duration,
}

impl Answer {
    pub(crate) fn of(message: &Message, took: Duration) -> Answer {
        let answers = &message.answers;
        let extended = message.edns.iter().flat_map(|edns| edns.options().get_all(EdnsCode::from(EDE)));
        Answer {
            code: message.metadata.response_code,
            authentic: message.metadata.authentic_data,
            addresses: answers.iter().filter_map(|record| address(&record.data)).collect(),
            ttl: answers.iter().map(|record| record.ttl).min(),
            has_signatures: answers.iter().any(|record| record.record_type() == RecordType::RRSIG),
            text: answers.iter().find_map(|record| text(&record.data)),
            records: answers.len(),
            extended: extended.filter_map(parse).collect(),
            took,
        }
    }

    /// Whether there is an answer in it: NOERROR with at least one record.
    #[must_use]
    pub fn is_there(&self) -> bool {
        self.code == ResponseCode::NoError && self.records > 0
    }

    /// The extended error of this code.
    #[must_use]
    pub fn extended(&self, code: u16) -> Option<&Extended> {
        self.extended.iter().find(|e| e.code == code)
    }

    /// Whether it looks blocked by Pi-hole: `0.0.0.0` or `::` with a short life, or an extended error that says so. The first
    /// blocked answer after a change of the lists carries no extended error (pi-notes section 12), so that alone is not asked for.
    #[must_use]
    pub fn is_blocked(&self) -> bool {
        let nowhere = !self.addresses.is_empty() && self.addresses.iter().all(IpAddr::is_unspecified);
        self.extended(Extended::BLOCKED).is_some() || (nowhere && self.ttl.is_some_and(|ttl| ttl <= BLOCK_TTL))
    }
}

/// The life of a blocked answer is 2 s unless `dns.blockTTL` says another.
const BLOCK_TTL: u32 = 60;

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", word(self.code))?;
        let shown: Vec<String> = self.addresses.iter().map(ToString::to_string).collect();
        if !shown.is_empty() {
            write!(f, " {}", shown.join(" "))?;
        } else if self.code == ResponseCode::NoError {
            f.write_str(if self.records == 0 { " without a record" } else { " without an address" })?;
        }
        let why: Vec<String> = self.extended.iter().map(ToString::to_string).collect();
        if !why.is_empty() {
            write!(f, " ({})", why.join("; "))?;
        }
        Ok(())
    }
}

/// The code as operators write it.
fn word(code: ResponseCode) -> String {
    match code {
        ResponseCode::NoError => "NOERROR".into(),
        ResponseCode::FormErr => "FORMERR".into(),
        ResponseCode::ServFail => "SERVFAIL".into(),
        ResponseCode::NXDomain => "NXDOMAIN".into(),
        ResponseCode::NotImp => "NOTIMP".into(),
        ResponseCode::Refused => "REFUSED".into(),
        other => other.to_string(),
    }
}

fn address(data: &RData) -> Option<IpAddr> {
    match data {
        RData::A(a) => Some(IpAddr::V4(a.0)),
        RData::AAAA(a) => Some(IpAddr::V6(a.0)),
        _ => None,
    }
}

fn text(data: &RData) -> Option<String> {
    match data {
        RData::TXT(text) => Some(text.txt_data.iter().map(|part| String::from_utf8_lossy(part)).collect()),
        _ => None,
    }
}

fn parse(option: &EdnsOption) -> Option<Extended> {
    let EdnsOption::Unknown(_, bytes) = option else { return None };
    let (code, text) = bytes.split_first_chunk::<2>()?;
    Some(Extended { code: u16::from_be_bytes(*code), text: String::from_utf8_lossy(text).into_owned() })
}
