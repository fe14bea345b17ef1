//! One question.
use super::PAYLOAD;
use hickory_proto::{
    op::{Edns, Message, MessageType, OpCode, Query},
    rr::{DNSClass, Name, RecordType},
};
use std::{fmt, str::FromStr};

/// A name and a type, and how they are asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    name: Name,
    kind: RecordType,
    class: DNSClass,
    signatures: bool,
    unchecked: bool,
}

/// A name that DNS cannot carry.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{name}` is no name of DNS: {reason}")]
pub struct BadName {
    name: String,
    reason: String,
}

impl Question {
    /// The addresses (IPv4) of a name.
    ///
    /// # Errors
    /// When it is no name of DNS: a label over 63 octets, say.
    pub fn a(name: &str) -> Result<Question, BadName> {
        Question::of(name, RecordType::A)
    }

    /// Any type of a name. The name is taken as absolute, with or without a dot at its end.
    ///
    /// # Errors
    /// As [`a`](Question::a).
    pub fn of(name: &str, kind: RecordType) -> Result<Question, BadName> {
        let bad = |reason: String| BadName { name: name.to_owned(), reason };
        let mut parsed = Name::from_str(name).map_err(|e| bad(e.to_string()))?;
        parsed.set_fqdn(true);
        Ok(Question { name: parsed, kind, class: DNSClass::IN, signatures: false, unchecked: false })
    }

    /// Which program answers: `version.bind`, of the class CH, which FTL and dnsmasq tell (pi-notes section 12) and others mostly keep to
    /// themselves.
    ///
    /// # Errors
    /// Never: it is a good name.
    pub fn version() -> Result<Question, BadName> {
        Ok(Question { class: DNSClass::CH, ..Question::of("version.bind", RecordType::TXT)? })
    }

    /// The same, and its signatures (DO), so that a validating server says whether it could validate.
    #[must_use]
    pub fn signed(mut self) -> Question {
        self.signatures = true;
        self
    }

    /// The same, whatever validation says (CD): what is there although it is not believed.
    #[must_use]
    pub fn unchecked(mut self) -> Question {
        self.unchecked = true;
        self
    }

    /// The name, without the dot at its end.
    #[must_use]
    pub fn name(&self) -> String {
        let text = self.name.to_ascii();
        text.strip_suffix('.').filter(|rest| !rest.is_empty()).map_or(text.clone(), str::to_owned)
    }

    /// The message.
    ///
    /// # Errors
    /// When the library cannot encode it.
    pub(crate) fn message(&self, id: u16) -> Result<Vec<u8>, BadName> {
        let mut message = Message::new(id, MessageType::Query, OpCode::Query);
        message.metadata.recursion_desired = true;
        message.metadata.checking_disabled = self.unchecked;
        let mut query = Query::query(self.name.clone(), self.kind);
        query.set_query_class(self.class);
        message.add_query(query);
        let mut edns = Edns::new();
        edns.set_max_payload(PAYLOAD).set_dnssec_ok(self.signatures);
        message.set_edns(edns);
        message.to_vec().map_err(|e| BadName { name: self.name(), reason: e.to_string() })
    }

    /// Whether a message answers this question.
    pub(super) fn is_answered_by(&self, message: &Message) -> bool {
        message.metadata.message_type == MessageType::Response
            && message.queries.first().is_none_or(|q| q.name() == &self.name && q.query_type() == self.kind)
    }
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}{}", self.name(), self.kind, if self.unchecked { " +cd" } else { "" })
    }
}
