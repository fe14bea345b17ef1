//! How long, and when.
use super::{UnitError, serde_as_text};
use std::{
    fmt,
    ops::{Add, Mul},
    str::FromStr,
    time::{Duration, SystemTime},
};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// The units in which a span prints, in milliseconds.
const UNITS: [(u64, &str); 5] = [(DAY, "d"), (HOUR, "h"), (MINUTE, "m"), (SECOND, "s"), (1, "ms")];
const SECOND: u64 = 1_000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// How long something takes or lasts, in whole milliseconds.
///
/// ```
/// use homelab_core::units::{Span, TimeUnits};
/// const PATIENCE: Span = Span::minutes(5);
/// assert_eq!(5.minutes(), PATIENCE);
/// assert_eq!(90.seconds().to_string(), "1m 30s");
/// assert_eq!("90d".parse(), Ok(90.days()));
/// std::thread::sleep(1.millis().into());
/// ```
///
/// Prints, and serialises, as `1d 2h 3m 4s 5ms` without the parts that are nothing, and reads that back, with or
/// without the spaces. A day has 24 hours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span(u64);

macro_rules! constructors {
    ($($(#[$doc:meta])* $name:ident = $unit:expr;)*) => {
        impl Span {
            $($(#[$doc])*
            ///
            /// # Panics
            /// Beyond 500 million years; in a constant that is a compile error.
            #[must_use]
            #[track_caller]
            pub const fn $name(n: u64) -> Span {
                match n.checked_mul($unit) {
                    Some(millis) => Span(millis),
                    None => panic!("a span is at most 500 million years"),
                }
            })*
        }

        /// Spans as one says them: `30.seconds()`, `90.days()`. For constants there is [`Span::seconds`] and its like.
        pub trait TimeUnits {
            $($(#[$doc])*
            ///
            /// # Panics
            /// Beyond 500 million years.
            #[must_use]
            #[track_caller]
            fn $name(self) -> Span;)*
        }

        impl TimeUnits for u64 {
            $(#[track_caller]
            fn $name(self) -> Span {
                Span::$name(self)
            })*
        }
    };
}
constructors! {
    /// So many thousandths of a second.
    millis = 1;
    /// So many seconds.
    seconds = SECOND;
    /// So many minutes.
    minutes = MINUTE;
    /// So many hours.
    hours = HOUR;
    /// So many days of 24 hours.
    days = DAY;
}

impl Span {
    /// How many milliseconds.
    #[must_use]
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// How many whole seconds.
    #[must_use]
    pub const fn as_seconds(self) -> u64 {
        self.0 / SECOND
    }
}

impl From<Span> for Duration {
    fn from(span: Span) -> Duration {
        Duration::from_millis(span.0)
    }
}
/// Parts of a millisecond are dropped.
impl From<Duration> for Span {
    fn from(duration: Duration) -> Span {
        Span(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
    }
}
impl Add for Span {
    type Output = Span;
    fn add(self, other: Span) -> Span {
        Span(self.0.saturating_add(other.0))
    }
}
impl Mul<u64> for Span {
    type Output = Span;
    fn mul(self, times: u64) -> Span {
        Span(self.0.saturating_mul(times))
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            return f.pad("0s");
        }
        let mut rest = self.0;
        let mut parts = vec![];
        for (unit, name) in UNITS {
            if rest >= unit {
                parts.push(format!("{}{name}", rest / unit));
                rest %= unit;
            }
        }
        f.pad(&parts.join(" "))
    }
}

impl FromStr for Span {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Span, UnitError> {
        let error = |why| UnitError::new("a span of time", text, why);
        let mut rest = text.trim();
        let mut millis = 0u64;
        if rest.is_empty() {
            return Err(error("it is empty"));
        }
        while !rest.is_empty() {
            let (number, after) = rest.split_at(rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len()));
            let (unit, after) = after.split_at(after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len()));
            let (unit, _) =
                UNITS.iter().find(|(_, name)| *name == unit).ok_or_else(|| error("its units are d, h, m, s and ms"))?;
            let number: u64 = number.parse().map_err(|_| error("a number is missing or far too large"))?;
            let sum = number.checked_mul(*unit).and_then(|part| millis.checked_add(part));
            millis = sum.ok_or_else(|| error("it is far too long"))?;
            rest = after.trim_start();
        }
        Ok(Span(millis))
    }
}
serde_as_text!(Span);

/// This moment as RFC 3339 in UTC, to the second: `2026-11-22T19:02:00Z`.
#[must_use]
pub fn now() -> String {
    rfc3339(SystemTime::now())
}

/// A moment as RFC 3339 in UTC, to the second. What is beyond the year 9999 prints as `unknown`.
#[must_use]
pub fn rfc3339(moment: SystemTime) -> String {
    let whole = OffsetDateTime::from(moment).truncate_to_second();
    whole.format(&Rfc3339).unwrap_or_else(|_| "unknown".to_owned())
}

/// The moment that an RFC 3339 text names, in any time zone.
#[must_use]
pub fn parse_rfc3339(text: &str) -> Option<SystemTime> {
    OffsetDateTime::parse(text, &Rfc3339).ok().map(SystemTime::from)
}

/// An RFC 3339 text in UTC as people read it, `2026-11-22 19:02 UTC`; any other text as it is.
#[must_use]
pub fn to_the_minute(text: &str) -> String {
    match (parse_rfc3339(text), text.split_once('T')) {
        (Some(_), Some((date, time))) if time.ends_with('Z') => format!("{date} {} UTC", &time[..5]),
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn spans_print_as_people_say_them() {
        for (span, text) in [
            (Span::default(), "0s"),
            (90.seconds(), "1m 30s"),
            (5.minutes(), "5m"),
            (90.days(), "90d"),
            (25.hours() + 1.millis(), "1d 1h 1ms"),
            (Duration::from_micros(2_500_999).into(), "2s 500ms"),
        ] {
            assert_eq!(span.to_string(), text);
        }
        assert_eq!("1m30s".parse(), Ok(90.seconds()));
        assert_eq!(" 1h  5ms ".parse(), Ok(1.hours() + 5.millis()));
        assert!(5.minutes() > 200.seconds());
        assert_eq!(30.seconds() * 4, 2.minutes());
    }

    #[test]
    fn what_is_no_span_says_why() {
        for (text, why) in [
            ("", "empty"),
            ("s", "number is missing"),
            ("5", "units are"),
            ("5 minutes", "units are"),
            ("-5s", "units are"),
            ("99999999999999999999s", "too large"),
            ("999999999999999999d", "too long"),
        ] {
            assert!(text.parse::<Span>().unwrap_err().to_string().contains(why), "{text}");
        }
    }

    #[test]
    fn moments_are_written_in_utc_to_the_second() {
        let moment = SystemTime::UNIX_EPOCH + Duration::from_millis(1_795_374_120_900);
        assert_eq!(rfc3339(moment), "2026-11-22T19:02:00Z");
        assert_eq!(parse_rfc3339("2026-11-22T20:02:00+01:00"), Some(moment - Duration::from_millis(900)));
        assert_eq!(to_the_minute("2026-11-22T19:02:00Z"), "2026-11-22 19:02 UTC");
        assert_eq!(to_the_minute("yesterday"), "yesterday");
        assert!(parse_rfc3339(&now()).is_some());
    }

    proptest! {
        #[test]
        fn what_is_printed_is_read_back(millis: u64) {
            let span = Span::millis(millis);
            prop_assert_eq!(span.to_string().parse(), Ok(span));
            prop_assert_eq!(span.to_string().replace(' ', "").parse(), Ok(span));
            prop_assert_eq!(serde_json::from_str::<Span>(&serde_json::to_string(&span).unwrap()).unwrap(), span);
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in "\\PC{0,20}") {
            let _ = text.parse::<Span>();
            let _ = to_the_minute(&text);
        }
    }
}
