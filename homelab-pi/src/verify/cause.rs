//! Telling apart what all looks like "names do not resolve": a wrong clock, a dead upstream, signatures that do not fit.
//!
//! A pure function of what was seen. What tells them apart is the same question with checking disabled (+cd): a validator that
//! does not believe a name still has it; one whose upstream is dead has nothing either way.
use crate::dns::{Answer, DnsError, Extended, ResponseCode};
use serde::Serialize;

/// From here on a wrong clock breaks signatures of the usual kind: zones sign with an hour's grace.
const CLOCK_BREAKS: u64 = 15 * 60;

/// Why names resolve, or not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// Names resolve, and bad signatures are refused.
    Validates,
    /// Names resolve, and bad signatures are believed.
    BelievesEverything,
    /// Names resolve; whether bad signatures are refused could not be seen, for the test's name is not there at all.
    Unproven,
    /// The clock is wrong, so every signature is out of its time.
    WrongClock,
    /// Nothing comes from upstream.
    DeadUpstream,
    /// What comes from upstream does not fit its signatures, and the clock is not to blame.
    Bogus,
    /// What comes from upstream is not believed, and the clock could not be read: it may be either.
    BogusOrClock,
}

/// One reply, reduced to what the decision needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Reply {
    /// An answer: records, or a truthful "there is none".
    There,
    /// SERVFAIL, with the codes of its extended errors.
    Failed(Vec<u16>),
    /// REFUSED, silence, a closed port.
    Nothing,
}

impl Reply {
    pub(super) fn of(asked: &Result<Answer, DnsError>) -> Reply {
        match asked {
            Ok(answer) => match answer.code {
                ResponseCode::NoError | ResponseCode::NXDomain => Reply::There,
                ResponseCode::ServFail => Reply::Failed(answer.extended.iter().map(|e| e.code).collect()),
                _ => Reply::Nothing,
            },
            Err(_) => Reply::Nothing,
        }
    }

    fn says(&self, codes: &[u16]) -> bool {
        matches!(self, Reply::Failed(found) if found.iter().any(|code| codes.contains(code)))
    }
}

/// What was seen of two names, each asked with and without validation.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    /// A name whose signatures are good.
    pub(super) signed: Reply,
    pub(super) signed_unchecked: Reply,
    /// A name whose signatures are bad on purpose.
    pub(super) bogus: Reply,
    pub(super) bogus_unchecked: Reply,
    /// How far the clock is off, in seconds, if it could be read.
    pub(super) clock_off: Option<u64>,
}

pub(super) fn cause(seen: &Seen) -> Cause {
    if seen.signed == Reply::There {
        return match (&seen.bogus, &seen.bogus_unchecked) {
            (Reply::There, _) => Cause::BelievesEverything,
            (_, Reply::There) => Cause::Validates,
            _ => Cause::Unproven,
        };
    }
    // A validator that will not hand out the data even unchecked still says why it does not believe it.
    let disbelieved = seen.signed.says(&[Extended::BOGUS, Extended::EXPIRED, Extended::NOT_YET_VALID]);
    if seen.signed_unchecked != Reply::There && !disbelieved {
        return Cause::DeadUpstream;
    }
    match seen.clock_off {
        Some(off) if off >= CLOCK_BREAKS => Cause::WrongClock,
        Some(_) => Cause::Bogus,
        None if seen.signed.says(&[Extended::EXPIRED, Extended::NOT_YET_VALID]) => Cause::WrongClock,
        None => Cause::BogusOrClock,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(signed: Reply, unchecked: Reply, clock_off: Option<u64>) -> Cause {
        let bogus = Reply::Failed(vec![6]);
        cause(&Seen { signed, signed_unchecked: unchecked, bogus, bogus_unchecked: Reply::There, clock_off })
    }

    #[test]
    fn a_wrong_clock_a_dead_upstream_and_bad_signatures_are_told_apart() {
        use Reply::{Failed, Nothing, There};
        for (signed, unchecked, clock, wanted) in [
            (There, There, None, Cause::Validates),
            (Failed(vec![6]), There, Some(3_000_000), Cause::WrongClock),
            (Failed(vec![7]), There, None, Cause::WrongClock),
            (Failed(vec![8]), There, None, Cause::WrongClock),
            (Failed(vec![7]), There, Some(1), Cause::Bogus),
            (Failed(vec![6]), There, None, Cause::BogusOrClock),
            (Failed(vec![]), There, Some(0), Cause::Bogus),
            (Nothing, Nothing, None, Cause::DeadUpstream),
            (Nothing, Nothing, Some(3_000_000), Cause::DeadUpstream),
            (Failed(vec![22]), Failed(vec![22]), Some(0), Cause::DeadUpstream),
            (Failed(vec![]), Nothing, Some(0), Cause::DeadUpstream),
        ] {
            assert_eq!(seen(signed.clone(), unchecked.clone(), clock), wanted, "{signed:?} {unchecked:?} {clock:?}");
        }
    }

    #[test]
    fn a_resolver_that_believes_bad_signatures_is_not_called_healthy() {
        let bogus = |bogus, bogus_unchecked| {
            let signed = Reply::There;
            cause(&Seen { signed: signed.clone(), signed_unchecked: signed, bogus, bogus_unchecked, clock_off: None })
        };
        assert_eq!(bogus(Reply::There, Reply::There), Cause::BelievesEverything);
        assert_eq!(bogus(Reply::Failed(vec![22]), Reply::Failed(vec![22])), Cause::Unproven);
    }
}
