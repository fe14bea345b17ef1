//! Unbound without Pi-hole before it: asked from here where it can be reached, else by `dig` on the Pi, for it listens on
//! loopback only.
use crate::dns::{DnsError, Prober, Question, ResponseCode};
use homelab_core::host::Command;
use std::net::SocketAddr;

/// What Unbound says of a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Direct {
    /// The response code, as operators write it.
    pub(super) code: String,
    /// Validated.
    pub(super) authentic: bool,
    /// Codes of extended errors.
    pub(super) why: Vec<u16>,
}

pub(super) async fn ask(prober: &Prober, question: &Question) -> Result<Direct, DnsError> {
    let answer = prober.ask(&question.clone().signed()).await?;
    let code = match answer.code {
        ResponseCode::NoError => "NOERROR".to_owned(),
        ResponseCode::ServFail => "SERVFAIL".to_owned(),
        other => other.to_string(),
    };
    Ok(Direct { code, authentic: answer.authentic, why: answer.extended.iter().map(|e| e.code).collect() })
}

/// The question as a command on the Pi.
pub(super) fn dig(at: SocketAddr, question: &Question) -> Command {
    Command::new("dig")
        .args([format!("@{}", at.ip()), "-p".into(), at.port().to_string()])
        .args(["+dnssec", "+time=1", "+tries=2", "+nocookie"])
        .args([question.name(), "A".into()])
}

/// What `dig` said.
pub(super) fn read(text: &str) -> Option<Direct> {
    let header = text.lines().find(|line| line.contains("->>HEADER<<-"))?;
    let code = header.split("status: ").nth(1)?.split(',').next()?.trim().to_owned();
    let flags = text.lines().find_map(|line| line.trim_start().strip_prefix(";; flags:"))?;
    let flags = flags.split(';').next().unwrap_or_default();
    let ede = text.lines().filter_map(|line| line.trim().strip_prefix("; EDE: "));
    let why = ede.filter_map(|rest| rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()).collect();
    Some(Direct { code, authentic: flags.split_whitespace().any(|flag| flag == "ad"), why })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_dig_says_is_read() {
        let good =
            ";; ->>HEADER<<- opcode: QUERY, status: NOERROR, id: 1\n;; flags: qr rd ra ad; QUERY: 1, ANSWER: 2\n";
        assert_eq!(read(good).unwrap(), Direct { code: "NOERROR".into(), authentic: true, why: vec![] });
        let bad = ";; ->>HEADER<<- opcode: QUERY, status: SERVFAIL, id: 1\n;; flags: qr rd ra; QUERY: 1, ANSWER: 0\n\
                   ; EDE: 7 (Signature Expired): (validation failure)\n";
        assert_eq!(read(bad).unwrap(), Direct { code: "SERVFAIL".into(), authentic: false, why: vec![7] });
        assert_eq!(read(";; connection timed out; no servers could be reached"), None);
        let command = dig("127.0.0.1:5335".parse().unwrap(), &Question::a("example.com").unwrap()).to_string();
        assert!(command.contains("@127.0.0.1 -p 5335 +dnssec"), "{command}");
    }
}
