//! What is beyond a simulated Pi-hole: a validating resolver and the world's names, scripted.
use hickory_proto::{
    op::ResponseCode,
    rr::{Name, RData, Record, RecordType},
};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    str::FromStr as _,
};

/// How long a name may be remembered, in seconds.
const TTL: u32 = 300;
/// A clock that is so wrong that no signature is in its time, in seconds.
const CLOCK_BREAKS: u64 = 15 * 60;
/// How many names may stand for others in one answer.
const CHAIN: usize = 8;

/// One record: its type and its data, as in a zone file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rr {
    /// `A`, `TXT`, ..
    pub kind: String,
    /// `192.0.2.7`, `10 mail.example.`, ..
    pub data: String,
}

/// The resolver and the names that it finds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Upstream {
    /// Whether it reaches anything.
    pub alive: bool,
    /// How far the Pi's clock is off, in seconds.
    pub clock_off: u64,
    /// Whether it validates.
    pub validates: bool,
    /// Names and their records.
    pub names: BTreeMap<String, Vec<Rr>>,
    /// Names that are signed, and well.
    pub signed: BTreeSet<String>,
    /// Names whose signatures do not fit.
    pub bogus: BTreeSet<String>,
    /// Zones that it refuses to answer for.
    pub refused: BTreeSet<String>,
}

impl Default for Upstream {
    /// The names that a verification asks for, and no others.
    fn default() -> Self {
        Upstream {
            alive: true,
            clock_off: 0,
            validates: true,
            names: BTreeMap::new(),
            signed: BTreeSet::new(),
            bogus: BTreeSet::new(),
            refused: BTreeSet::new(),
        }
        .with("example.com", "A", "192.0.2.80")
        .with("internetsociety.org", "A", "192.0.2.81")
        .signed("internetsociety.org")
        .with("dnssec-failed.org", "A", "192.0.2.82")
        .bogus("dnssec-failed.org")
    }
}

/// What it answers.
pub(super) enum Found {
    /// Records, or none.
    Answer(ResponseCode, Vec<Record>),
    /// It does not believe what it has; with the code of the extended error.
    Disbelieved(u16),
    /// Nothing.
    Silence,
}

impl Upstream {
    /// With one more record.
    #[must_use]
    pub fn with(mut self, name: &str, kind: &str, data: &str) -> Upstream {
        let rr = Rr { kind: kind.to_owned(), data: data.to_owned() };
        self.names.entry(name.to_owned()).or_default().push(rr);
        self
    }

    /// This name is signed, and well.
    #[must_use]
    pub fn signed(mut self, name: &str) -> Upstream {
        self.signed.insert(name.to_owned());
        self
    }

    /// The signatures of this name do not fit.
    #[must_use]
    pub fn bogus(mut self, name: &str) -> Upstream {
        self.bogus.insert(name.to_owned());
        self
    }

    /// It refuses to answer for this zone.
    #[must_use]
    pub fn refused(mut self, zone: &str) -> Upstream {
        self.refused.insert(zone.to_owned());
        self
    }

    pub(super) fn resolve(&self, name: &str, kind: RecordType, unchecked: bool) -> Found {
        if !self.alive {
            return Found::Silence;
        }
        if self.refused.iter().any(|zone| is_within(name, zone)) {
            return Found::Answer(ResponseCode::Refused, vec![]);
        }
        if self.validates && !unchecked {
            let out_of_time =
                self.clock_off >= CLOCK_BREAKS && (self.signed.contains(name) || self.bogus.contains(name));
            if out_of_time {
                return Found::Disbelieved(7);
            }
            if self.bogus.contains(name) {
                return Found::Disbelieved(6);
            }
        }
        let mut found = vec![];
        let mut at = name.to_owned();
        for _ in 0..CHAIN {
            let Some(records) = self.names.get(&at) else { break };
            let of = |wanted: RecordType| {
                let at = at.clone();
                records.iter().filter_map(move |rr| record(&at, TTL, rr)).filter(move |r| r.record_type() == wanted)
            };
            let direct: Vec<Record> = of(kind).collect();
            if let (true, Some(alias)) = (direct.is_empty(), of(RecordType::CNAME).next()) {
                let RData::CNAME(target) = &alias.data else { break };
                at = plain(&target.0);
                found.push(alias);
                continue;
            }
            found.extend(direct);
            break;
        }
        // A name is there if anything is at it, or below it.
        let exists = self.names.contains_key(name) || self.names.keys().any(|other| is_within(other, name));
        Found::Answer(if exists { ResponseCode::NoError } else { ResponseCode::NXDomain }, found)
    }
}

/// A record, unless its data make no sense.
pub(super) fn record(name: &str, ttl: u32, rr: &Rr) -> Option<Record> {
    let kind = RecordType::from_str(&rr.kind).ok()?;
    let mut owner = Name::from_str(name).ok()?;
    owner.set_fqdn(true);
    Some(Record::from_rdata(owner, ttl, RData::try_from_str(kind, &rr.data).ok()?))
}

/// A name as text, in lower case and without the dot at its end.
pub(super) fn plain(name: &Name) -> String {
    let text = name.to_ascii().to_ascii_lowercase();
    text.strip_suffix('.').map_or(text.clone(), str::to_owned)
}

/// Whether a name is that zone, or in it.
pub(super) fn is_within(name: &str, zone: &str) -> bool {
    name == zone || name.strip_suffix(zone).is_some_and(|rest| rest.ends_with('.'))
}
