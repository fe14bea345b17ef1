//! `dig` on the Pi itself: Pi-hole on port 53, Unbound behind it on its own.
use super::{
    Sim,
    simulator::Away,
    upstream::{Found, plain},
};
use crate::{
    dns::{Answer, Question, Via},
    unbound::ADDRESS,
};
use hickory_proto::op::{Message, ResponseCode};
use homelab_core::host::Output;
use std::time::Duration;

/// What dig(1) ends with when nobody answers.
const NO_SERVER: u8 = 9;

/// An answer, as far as it is printed.
struct Shown {
    code: ResponseCode,
    authentic: bool,
    addresses: Vec<String>,
    why: Option<u16>,
}

impl Sim {
    /// Carries out a call of `dig`; nothing if it is none that is understood.
    pub(crate) fn dig(&self, words: &[&str]) -> Option<Output> {
        let port = words.iter().position(|word| *word == "-p").and_then(|at| words.get(at + 1))?;
        let [.., name, "A"] = words else { return None };
        let question = Question::a(name).ok()?;
        let shown = if *port == ADDRESS.port().to_string() { self.unbound(&question) } else { self.pihole(&question) };
        let Some(shown) = shown else {
            let text = ";; connection timed out; no servers could be reached\n";
            return Some(Output { status: NO_SERVER, stdout: text.into(), stderr: vec![] });
        };
        let text = if words.contains(&"+short") {
            shown.addresses.iter().fold(String::new(), |text, ip| text + ip + "\n")
        } else {
            let ad = if shown.authentic { " ad" } else { "" };
            let code = match shown.code {
                ResponseCode::NoError => "NOERROR",
                ResponseCode::ServFail => "SERVFAIL",
                ResponseCode::NXDomain => "NXDOMAIN",
                _ => "REFUSED",
            };
            let why = shown.why.map_or_else(String::new, |why| format!("; EDE: {why}\n"));
            let count = shown.addresses.len();
            format!(
                ";; ->>HEADER<<- opcode: QUERY, status: {code}, id: 1\n;; flags: qr rd ra{ad}; QUERY: 1, ANSWER: {count}\n{why}"
            )
        };
        Some(Output { status: 0, stdout: text.into(), stderr: vec![] })
    }

    fn pihole(&self, question: &Question) -> Option<Shown> {
        let message = question.message(1).ok()?;
        let bytes = match self.resolve(Via::Udp, &message) {
            Ok(answer) => answer?,
            Err(Away) => return None,
        };
        let answer = Answer::of(&Message::from_vec(&bytes).ok()?, Duration::ZERO);
        let addresses = answer.addresses.iter().map(ToString::to_string).collect();
        let why = answer.extended.first().map(|e| e.code);
        Some(Shown { code: answer.code, authentic: answer.authentic, addresses, why })
    }

    /// Unbound, which goes on when Pi-hole does not.
    fn unbound(&self, question: &Question) -> Option<Shown> {
        let name = question.name().to_ascii_lowercase();
        let upstream = self.world().upstream;
        let found = upstream.resolve(&name, hickory_proto::rr::RecordType::A, false);
        let shown = |code, addresses, why| Shown {
            code,
            authentic: upstream.validates && upstream.signed.contains(&name),
            addresses,
            why,
        };
        match found {
            Found::Silence => None,
            Found::Disbelieved(why) => {
                Some(Shown { authentic: false, ..shown(ResponseCode::ServFail, vec![], Some(why)) })
            }
            Found::Answer(code, records) => {
                let address = |record: &hickory_proto::rr::Record| match &record.data {
                    hickory_proto::rr::RData::A(a) => Some(a.0.to_string()),
                    hickory_proto::rr::RData::CNAME(target) => Some(format!("{}.", plain(&target.0))),
                    _ => None,
                };
                Some(shown(code, records.iter().filter_map(address).collect(), None))
            }
        }
    }
}
