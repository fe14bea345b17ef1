//! The probes that ask for names.
use super::{
    cause::{Cause, Reply, Seen, cause},
    direct::{self, Direct},
    report::Verdict,
    run::{Budget, Verify},
};
use crate::dns::{Answer, DnsError, Extended, Question, RecordType, Via};
use futures_util::future::join_all;
use std::{net::IpAddr, time::Duration};
use tokio::join;

type Asked = Result<Answer, DnsError>;
/// An answer, and the one without validation where that says more.
type Twice = (Asked, Option<Asked>);

/// How many warm questions the median is taken of.
const SAMPLES: usize = 20;

/// What to do when it may be the clock or the signatures.
const EITHER: &str = "look at the clock first (`timedatectl` on the Pi), then at the trust anchor (`unbound-anchor -v`); with access \
                      to the Pi itself the two are told apart";

/// Everything that was asked.
pub(super) struct Names {
    udp: Asked,
    tcp: Asked,
    /// What the program that answers calls itself, if it tells.
    program: Option<String>,
    public: Asked,
    local: Vec<(String, Vec<IpAddr>, Asked)>,
    blocked: Option<(Asked, Asked)>,
    signed: Twice,
    bogus: Twice,
    /// Unbound's own word on the signed name, if it can be asked from here.
    pub(super) direct: Option<Result<Direct, DnsError>>,
    warm: Vec<Duration>,
}

pub(super) async fn ask(verify: &Verify) -> Names {
    let dns = &verify.dns;
    // Every server answers this one by itself.
    let own = |via| async move { dns.ask_over(via, &Question::a("localhost")?).await };
    let ask = |name: &str, unchecked: bool| {
        let question = Question::a(name);
        async move {
            let question = question?;
            dns.ask(&if unchecked { question.unchecked() } else { question }).await
        }
    };
    let local = verify.local.iter().map(|(name, wanted)| async move {
        let kind = if wanted.iter().any(IpAddr::is_ipv4) { RecordType::A } else { RecordType::AAAA };
        let asked = match Question::of(name, kind) {
            Ok(question) => dns.ask(&question).await,
            Err(bad) => Err(bad.into()),
        };
        (name.clone(), wanted.clone(), asked)
    });
    let blocked = async {
        let name = verify.blocked.as_deref()?;
        // The first blocked answer after a change of the lists does not say that it is one (pi-notes section 12).
        let first = ask(name, false).await;
        Some((first, ask(name, false).await))
    };
    let direct = async {
        let prober = verify.unbound.as_ref()?;
        Some(match Question::a(&verify.signed) {
            Ok(question) => direct::ask(prober, &question).await,
            Err(bad) => Err(bad.into()),
        })
    };
    let twice = async |name: &str| -> Twice {
        let first = ask(name, false).await;
        let more = if Reply::of(&first) == Reply::There { None } else { Some(ask(name, true).await) };
        (first, more)
    };
    let program = async { dns.ask(&Question::version().ok()?).await.ok()?.text };
    let (udp, tcp, program, public, local, blocked, signed, bogus, direct) = join!(
        own(Via::Udp),
        own(Via::Tcp),
        program,
        ask(&verify.public, false),
        join_all(local),
        blocked,
        twice(&verify.signed),
        twice(&verify.bogus),
        direct,
    );
    let mut warm = vec![];
    if public.as_ref().is_ok_and(Answer::is_there) {
        for _ in 0..SAMPLES {
            match ask(&verify.public, false).await {
                Ok(answer) => warm.push(answer.took),
                Err(_) => break,
            }
        }
    }
    Names { udp, tcp, program, public, local, blocked, signed, bogus, direct, warm }
}

impl Names {
    /// Whether nobody answers at all, so that further questions say nothing new.
    pub(super) fn is_silent(&self) -> bool {
        self.udp.is_err() && self.tcp.is_err()
    }

    pub(super) fn cause(&self, clock_off: Option<u64>) -> Cause {
        let mut signed = Reply::of(&self.signed.0);
        // Pi-hole loses the code of Unbound's extended error on the way: where Unbound can be asked itself, its word counts.
        if let (Reply::Failed(codes), Some(Ok(direct))) = (&mut signed, &self.direct) {
            codes.extend(&direct.why);
        }
        cause(&Seen {
            signed,
            signed_unchecked: unchecked(&self.signed),
            bogus: Reply::of(&self.bogus.0),
            bogus_unchecked: unchecked(&self.bogus),
            clock_off,
        })
    }

    pub(super) fn port(&self) -> Verdict {
        let fix = "look at `systemctl status pihole-ftl` on the Pi, whether something else holds the port (`ss -lunpt sport = :53`), \
                   and whether its firewall lets 53 through";
        match (&self.udp, &self.tcp) {
            // Both are dnsmasq at heart, and only one says that it is Pi-hole's.
            (Ok(_), Ok(_)) => match &self.program {
                Some(other) if !other.contains("pi-hole") => Verdict::warned(
                    format!("answers over UDP and TCP, but it is `{other}` that does, and no Pi-hole"),
                    fix,
                ),
                _ => Verdict::passed("answers over UDP and TCP"),
            },
            (Err(e), Ok(_)) | (Ok(_), Err(e)) => Verdict::failed(e.to_string(), fix),
            (Err(udp), Err(_)) => Verdict::failed(format!("{udp}, and nothing over TCP either"), fix),
        }
    }

    pub(super) fn public(&self, verify: &Verify, cause: &Cause) -> Verdict {
        let name = &verify.public;
        let said = match &self.public {
            Ok(answer) if answer.is_blocked() => {
                return Verdict::failed(
                    format!("`{name}` is blocked: {answer}"),
                    "allow it, or verify with another public name: `.public(..)`",
                );
            }
            Ok(answer) if answer.is_there() => return Verdict::passed(format!("{name}: {answer}")),
            Ok(answer) => answer.to_string(),
            Err(e) => e.to_string(),
        };
        let (why, fix) = match cause {
            Cause::DeadUpstream => (
                "nothing comes from upstream",
                "look at Unbound (`systemctl status unbound`), and whether the Pi reaches the internet on port 53: some \
                 providers block or hijack it, then forward over TLS",
            ),
            Cause::WrongClock => (
                "signatures are out of their time, for the clock is wrong",
                "set the clock first: `timedatectl timesync-status` on the Pi; time servers must be given by address",
            ),
            Cause::Bogus => (
                "signatures do not fit, and the clock is not to blame",
                "somebody on the way changes answers, or the trust anchor is old: `unbound-anchor -v` on the Pi, and ask another network",
            ),
            Cause::BogusOrClock => ("signatures are not believed, and the clock could not be read", EITHER),
            _ => ("other names resolve", "look at that name itself, or verify with another: `.public(..)`"),
        };
        Verdict::failed(format!("`{name}` does not resolve ({said}): {why}"), fix)
    }

    pub(super) fn local(&self) -> Verdict {
        let wrong = self.local.iter().find_map(|(name, wanted, asked)| match asked {
            Ok(answer) => {
                let missing = wanted.iter().find(|ip| comparable(ip, answer) && !answer.addresses.contains(ip))?;
                Some(format!("`{name}` should be {missing} and is {answer}"))
            }
            Err(e) => Some(format!("`{name}`: {e}")),
        });
        match wrong {
            Some(reason) => Verdict::failed(
                reason,
                "`deploy` brings the records back; somebody may have changed them in the web page",
            ),
            None if self.local.is_empty() => Verdict::skipped("no local name is given"),
            None => Verdict::passed(format!("{} as they should be", self.local.len())),
        }
    }

    pub(super) fn blocked(&self, verify: &Verify) -> Verdict {
        let (Some((first, second)), Some(name)) = (&self.blocked, &verify.blocked) else {
            return Verdict::skipped("no name that should be blocked is given");
        };
        let fix =
            "is blocking on and are the lists loaded (see the probes api and lists)? Is the name on a list at all?";
        match (first, second) {
            (_, Ok(answer)) | (Ok(answer), _) if answer.is_blocked() => {
                let why = answer.extended(Extended::BLOCKED).map_or("the address says so".into(), ToString::to_string);
                Verdict::passed(format!("{name}: {why}"))
            }
            (_, Ok(answer)) => Verdict::failed(format!("`{name}` is not blocked: {answer}"), fix),
            (_, Err(e)) => Verdict::failed(format!("`{name}`: {e}"), fix),
        }
    }

    pub(super) fn dnssec(&self, verify: &Verify, cause: &Cause) -> Verdict {
        match cause {
            Cause::Validates => Verdict::passed(format!("{} is believed, {} is not", verify.signed, verify.bogus)),
            Cause::BelievesEverything => Verdict::failed(
                format!("`{}`, whose signatures are bad, resolves", verify.bogus),
                "nobody validates: Unbound needs its trust anchor (`auto-trust-anchor-file`), and Pi-hole must ask Unbound only",
            ),
            Cause::Unproven => Verdict::warned(
                format!(
                    "`{}` is not there even unchecked, so whether bad signatures are refused is not known",
                    verify.bogus
                ),
                "try again later, or give another name with bad signatures: `.bogus(..)`",
            ),
            Cause::DeadUpstream => Verdict::skipped("nothing comes from upstream"),
            Cause::WrongClock => Verdict::failed(
                format!("`{}` is not believed: the clock is wrong", verify.signed),
                "set the clock: `timedatectl timesync-status` on the Pi; time servers must be given by address",
            ),
            Cause::BogusOrClock => {
                Verdict::failed(format!("`{}` is not believed, and the clock could not be read", verify.signed), EITHER)
            }
            Cause::Bogus => Verdict::failed(
                format!(
                    "`{}` is not believed, although its signatures are good and the clock is not to blame",
                    verify.signed
                ),
                "somebody on the way changes answers, or the trust anchor is old: `unbound-anchor -v` on the Pi",
            ),
        }
    }

    pub(super) fn latency(&self, budget: Budget) -> Verdict {
        let (Ok(cold), false) = (&self.public, self.warm.is_empty()) else {
            return Verdict::skipped("no public name resolves");
        };
        let mut sorted = self.warm.clone();
        sorted.sort_unstable();
        let median = sorted[sorted.len() / 2];
        let seen = format!(
            "first {:.1} ms, then {:.1} ms (median of {})",
            cold.took.as_secs_f64() * 1e3,
            median.as_secs_f64() * 1e3,
            sorted.len()
        );
        if cold.took <= budget.cold && median <= budget.warm {
            return Verdict::passed(seen);
        }
        let (cold, warm) = (budget.cold.as_millis(), budget.warm.as_millis());
        Verdict::warned(
            format!("{seen}; expected are {cold} ms and {warm} ms"),
            "is this machine on a slow network (Wi-Fi, VPN)? Else look at the load of the Pi and its way to the internet",
        )
    }
}

fn unchecked((first, more): &Twice) -> Reply {
    Reply::of(more.as_ref().unwrap_or(first))
}

/// An answer of IPv4 says nothing about an address of IPv6.
fn comparable(ip: &IpAddr, answer: &Answer) -> bool {
    answer.addresses.is_empty() || answer.addresses.iter().any(|found| found.is_ipv4() == ip.is_ipv4())
}

/// What is to be said of Unbound, whoever asked it.
pub(super) fn unbound(direct: Option<Result<Direct, String>>, cause: &Cause) -> Verdict {
    match direct {
        None => Verdict::skipped("Unbound cannot be asked from here"),
        Some(Err(e)) => Verdict::failed(
            format!("Unbound does not answer: {e}"),
            "`systemctl status unbound` and `unbound-checkconf` on the Pi; Pi-hole itself is not to blame",
        ),
        Some(Ok(direct)) if direct.code == "NOERROR" && direct.authentic => match cause {
            Cause::DeadUpstream => Verdict::failed(
                "Unbound answers and Pi-hole does not pass it on",
                "Pi-hole's upstream must be Unbound alone: `dns.upstreams` = 127.0.0.1#5335; then restart pihole-ftl",
            ),
            _ => Verdict::passed("answers, and has validated"),
        },
        Some(Ok(direct)) if direct.code == "NOERROR" => Verdict::failed(
            "Unbound answers, but has not validated",
            "it needs its trust anchor: `auto-trust-anchor-file` in its configuration",
        ),
        Some(Ok(direct)) => {
            let codes: Vec<String> =
                direct.why.iter().map(|code| Extended { code: *code, text: String::new() }.to_string()).collect();
            let why = if codes.is_empty() { String::new() } else { format!(" ({})", codes.join(", ")) };
            Verdict::failed(
                format!("Unbound says {}{why}", direct.code),
                "Pi-hole is not to blame: `unbound-control lookup` and the log of unbound on the Pi",
            )
        }
    }
}
