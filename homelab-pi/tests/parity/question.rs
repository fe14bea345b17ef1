//! The questions of the recording, and what it keeps of their answers.
use hickory_proto::{
    op::{Edns, Message, MessageType, OpCode, Query},
    rr::{
        DNSClass, Name, RData, Record, RecordType,
        rdata::opt::{EdnsCode, EdnsOption},
    },
};
use serde_json::{Value, json};
use std::str::FromStr as _;

/// The question of a step.
pub(crate) fn query(step: &Value) -> Vec<u8> {
    let (name, kind) = step["dns"].as_str().unwrap_or_default().rsplit_once(' ').expect("a name and a type");
    let mut name = Name::from_str(name).expect("a name");
    name.set_fqdn(true);
    let mut query = Query::query(name, RecordType::from_str(kind).expect("a type"));
    if step["class"] == "CH" {
        query.set_query_class(DNSClass::CH);
    }
    let mut message = Message::new(7, MessageType::Query, OpCode::Query);
    message.metadata.recursion_desired = step["rd"] != false;
    message.metadata.authentic_data = step["ad"] == true;
    message.metadata.checking_disabled = step["cd"] == true;
    message.add_query(query);
    let size = step["edns"].as_u64().unwrap_or(1232);
    if size > 0 {
        let mut edns = Edns::new();
        edns.set_max_payload(u16::try_from(size).expect("a size")).set_dnssec_ok(step["do"] == true);
        message.set_edns(edns);
    }
    message.to_vec().expect("a message")
}

/// An answer as the recording keeps it.
pub(crate) fn decoded(message: &Message, step: &Value) -> Value {
    let ttl = step["ttl"] == true;
    let row = |record: &Record| {
        let life = if ttl { json!(record.ttl) } else { json!("<ttl>") };
        json!([plain(&record.name), record.record_type().to_string(), life, data(&record.data)])
    };
    let mut answer: Vec<Value> = message.answers.iter().map(row).collect();
    answer.sort_by_key(|row| (row[1] != "CNAME", row.to_string()));
    let meta = &message.metadata;
    let flags = [
        ("qr", meta.message_type == MessageType::Response),
        ("aa", meta.authoritative && ttl),
        ("tc", meta.truncation),
        ("rd", meta.recursion_desired),
        ("ra", meta.recursion_available),
        ("ad", meta.authentic_data),
        ("cd", meta.checking_disabled),
    ];
    let flags: Vec<&str> = flags.into_iter().filter(|(_, set)| *set).map(|(name, _)| name).collect();
    let edns = message.edns.as_ref().map(|edns| {
        let ede = edns.options().get_all(EdnsCode::from(15)).into_iter().filter_map(|option| match option {
            EdnsOption::Unknown(_, bytes) => {
                Some(json!([u16::from_be_bytes([bytes[0], bytes[1]]), String::from_utf8_lossy(&bytes[2..])]))
            }
            _ => None,
        });
        json!({ "udp": edns.max_payload(), "do": edns.flags().dnssec_ok, "ede": ede.collect::<Vec<_>>() })
    });
    let rcode = match u16::from(meta.response_code) {
        0 => "NOERROR",
        2 => "SERVFAIL",
        3 => "NXDOMAIN",
        4 => "NOTIMP",
        5 => "REFUSED",
        _ => "other",
    };
    let authority: Vec<String> = message.authorities.iter().map(|r| r.record_type().to_string()).collect();
    json!({ "answer": answer, "authority": authority, "edns": edns, "flags": flags, "rcode": rcode })
}

fn plain(name: &Name) -> String {
    name.to_ascii().trim_end_matches('.').to_ascii_lowercase()
}

fn data(data: &RData) -> String {
    match data {
        RData::CNAME(name) => plain(&name.0),
        RData::PTR(name) => plain(&name.0),
        RData::MX(mx) => format!("{} {}", mx.preference, plain(&mx.exchange)),
        RData::SRV(srv) => format!("{} {} {} {}", srv.priority, srv.weight, srv.port, plain(&srv.target)),
        RData::TXT(txt) => {
            let texts: Vec<String> =
                txt.txt_data.iter().map(|t| format!("\"{}\"", String::from_utf8_lossy(t))).collect();
            texts.join(" ")
        }
        other => other.to_string(),
    }
}
