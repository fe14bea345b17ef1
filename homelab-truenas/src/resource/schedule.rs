//! When something is done, and how long what it makes is kept.
use serde::Serialize;
use std::fmt;

/// A schedule as cron has it, in the NAS's own time zone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Schedule {
    minute: String,
    hour: String,
    dom: String,
    month: String,
    dow: String,
}

/// A day of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Day {
    /// Monday.
    Monday,
    /// Tuesday.
    Tuesday,
    /// Wednesday.
    Wednesday,
    /// Thursday.
    Thursday,
    /// Friday.
    Friday,
    /// Saturday.
    Saturday,
    /// Sunday.
    Sunday,
}

impl Day {
    /// 1 to 7: `0` would be Sunday as well, and would be read back as it was written.
    const fn number(self) -> u8 {
        self as u8 + 1
    }
}

impl Schedule {
    fn of(minute: impl fmt::Display, hour: impl fmt::Display, dom: &str, dow: impl fmt::Display) -> Schedule {
        Schedule {
            minute: minute.to_string(),
            hour: hour.to_string(),
            dom: dom.to_owned(),
            month: "*".to_owned(),
            dow: dow.to_string(),
        }
    }
    /// Every hour, at this minute.
    ///
    /// # Panics
    /// When there is no such minute.
    #[must_use]
    #[track_caller]
    pub fn hourly(minute: u8) -> Schedule {
        assert!(minute < 60, "an hour has the minutes 0 to 59");
        Schedule::of(minute, "*", "*", "*")
    }
    /// Every day at this time.
    ///
    /// # Panics
    /// When there is no such time.
    #[must_use]
    #[track_caller]
    pub fn daily(hour: u8, minute: u8) -> Schedule {
        checked(hour, minute);
        Schedule::of(minute, hour, "*", "*")
    }
    /// Once a week.
    ///
    /// # Panics
    /// When there is no such time.
    #[must_use]
    #[track_caller]
    pub fn weekly(day: Day, hour: u8, minute: u8) -> Schedule {
        checked(hour, minute);
        Schedule::of(minute, hour, "*", day.number())
    }
    /// Once a month, on a day that every month has.
    ///
    /// # Panics
    /// When there is no such time, or the day is beyond the 28th.
    #[must_use]
    #[track_caller]
    pub fn monthly(day: u8, hour: u8, minute: u8) -> Schedule {
        checked(hour, minute);
        assert!((1..=28).contains(&day), "every month has the days 1 to 28");
        Schedule::of(minute, hour, &day.to_string(), "*")
    }

    /// The fields as a line of crontab: for messages and tests.
    #[must_use]
    pub fn line(&self) -> String {
        format!("{} {} {} {} {}", self.minute, self.hour, self.dom, self.month, self.dow)
    }
}

#[track_caller]
fn checked(hour: u8, minute: u8) {
    assert!(hour < 24 && minute < 60, "a day has the times 0:00 to 23:59");
}

/// A schedule that the API answers, with numbers as they are written here: `00` and `0` are the same minute.
pub(crate) fn plain(value: &mut serde_json::Value) {
    let Some(fields) = value.as_object_mut() else { return };
    for (_, field) in fields.iter_mut() {
        if let Some(number) = field.as_str().and_then(|text| text.parse::<u8>().ok()) {
            *field = number.to_string().into();
        }
    }
}

/// How long something is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Keep {
    lifetime_value: u32,
    lifetime_unit: Unit,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
enum Unit {
    Hour,
    Day,
    Week,
    Month,
    Year,
}

macro_rules! keep {
    ($($(#[$doc:meta])* $name:ident = $unit:ident;)*) => {
        impl Keep {
            $($(#[$doc])*
            ///
            /// # Panics
            /// On zero; in a constant that is a compile error.
            #[must_use]
            #[track_caller]
            pub const fn $name(n: u32) -> Keep {
                assert!(n > 0, "what is kept for no time at all is not worth making");
                Keep { lifetime_value: n, lifetime_unit: Unit::$unit }
            })*
        }
    };
}
keep! {
    /// So many hours.
    hours = Hour;
    /// So many days.
    days = Day;
    /// So many weeks.
    weeks = Week;
    /// So many months.
    months = Month;
    /// So many years.
    years = Year;
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn schedules_are_written_as_cron_has_them() {
        assert_eq!(Schedule::hourly(5).line(), "5 * * * *");
        assert_eq!(Schedule::weekly(Day::Sunday, 3, 0).line(), "0 3 * * 7");
        assert_eq!(Schedule::monthly(1, 4, 30).line(), "30 4 1 * *");
    }

    #[test]
    fn a_schedule_is_read_back_as_it_was_written() {
        let mut answer = json!({"minute": "00", "hour": "03", "dom": "*", "month": "*", "dow": "7"});
        plain(&mut answer);
        assert_eq!(answer, serde_json::to_value(Schedule::weekly(Day::Sunday, 3, 0)).unwrap());
    }
}
