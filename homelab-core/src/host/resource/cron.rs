//! Commands that cron runs.
use super::{
    kept::{Kept, Place, lives_on_a_machine},
    whole::Whole,
};
use crate::{
    Apply, Failure, NoOutputs, Resource,
    host::{Host, HostPath, Hosts, HostsReader},
};
use serde::Serialize;

/// A command that cron runs, in a file of its own below `/etc/cron.d`.
///
/// ```
/// # use homelab_core::{Lab, host::{Computer, Cron}, units::Network};
/// # const LAN: Network = Network::new("LAN", [192, 168, 0, 0], 24);
/// # let mut lab = Lab::named("home");
/// # let web = lab.add(Computer::named("web", LAN.host(11)));
/// lab.add(Cron::on(web, "backup", "0 3 * * *", "/usr/local/bin/backup --quiet"));
/// ```
#[derive(Clone, Debug, Serialize)]
pub struct Cron {
    #[serde(skip)]
    host: Host,
    #[serde(skip)]
    name: String,
    schedule: String,
    user: String,
    command: String,
}

const WORDS: [&str; 8] = ["@reboot", "@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly"];
/// The fields of a schedule: the lowest value, the highest, and names (crontab(5)).
const FIELDS: [(u32, u32, &[&str]); 5] = [
    (0, 59, &[]),
    (0, 23, &[]),
    (1, 31, &[]),
    (1, 12, &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]),
    (0, 7, &["sun", "mon", "tue", "wed", "thu", "fri", "sat"]),
];

/// Whether cron understands a field: `*`, `*/5`, `1-5`, `mon,wed`, `0-30/10`.
fn is_field(text: &str, (low, high, names): (u32, u32, &[&str])) -> bool {
    let number = |text: &str| text.parse::<u32>().is_ok_and(|n| (low..=high).contains(&n));
    let one = |text: &str| number(text) || names.contains(&text.to_ascii_lowercase().as_str());
    text.split(',').all(|part| {
        let (range, step) = part.split_once('/').map_or((part, None), |(range, step)| (range, Some(step)));
        let ranged = range == "*" || range.split_once('-').map_or(one(range), |(from, to)| one(from) && one(to));
        let stepped = step.is_none_or(|step| step.parse::<u32>().is_ok_and(|n| n > 0));
        ranged && stepped && (step.is_none() || range == "*" || range.contains('-'))
    })
}

fn is_schedule(text: &str) -> bool {
    let fields: Vec<&str> = text.split_whitespace().collect();
    WORDS.contains(&text) || fields.len() == 5 && fields.iter().zip(FIELDS).all(|(text, field)| is_field(text, field))
}

impl Cron {
    /// A schedule (crontab(5)) and a command, which root runs.
    ///
    /// # Panics
    /// On a name that cron would not read (with a dot, for one), on what is no schedule, and on a command of several lines.
    #[must_use]
    #[track_caller]
    pub fn on(host: impl Into<Host>, name: &str, schedule: &str, command: &str) -> Self {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_".contains(&b);
        assert!(
            !name.is_empty() && name.bytes().all(plain),
            "cron reads no file that is called `{}`",
            name.escape_debug()
        );
        assert!(
            is_schedule(schedule),
            "`{}` is no schedule of cron: five fields, or `@daily`",
            schedule.escape_debug()
        );
        assert!(
            !command.trim().is_empty() && !command.contains(['\n', '\0']),
            "the command of `{name}` is not one line"
        );
        Cron {
            host: host.into(),
            name: name.to_owned(),
            schedule: schedule.split_whitespace().collect::<Vec<_>>().join(" "),
            user: "root".into(),
            command: command.trim().to_owned(),
        }
    }

    /// Who runs it.
    #[must_use]
    #[track_caller]
    pub fn user(mut self, user: &str) -> Self {
        self.user = super::group::account_name(user);
        self
    }
}

fn path(name: &str) -> HostPath {
    HostPath::at(&format!("/etc/cron.d/{name}"))
}

/// What is seen of such a command.
#[derive(Clone, Debug, Serialize)]
pub struct CronState {
    /// The schedule.
    pub schedule: String,
    /// Who runs it.
    pub user: String,
    /// The command.
    pub command: String,
    #[serde(skip)]
    whole: Whole,
    #[serde(skip)]
    place: Place,
    #[serde(skip)]
    kept: Option<Kept<Option<String>>>,
}

/// A line's schedule, user and command; a `%` ends a command for cron unless it is escaped.
fn parts(text: &str) -> (String, String, String) {
    let lines: Vec<&str> = text.lines().filter(|l| !l.starts_with('#') && !l.trim().is_empty()).collect();
    let [line] = lines.as_slice() else { return (String::new(), String::new(), text.to_owned()) };
    let words = if line.starts_with('@') { 1 } else { 5 };
    let mut rest = *line;
    let mut fields = vec![];
    for _ in 0..=words {
        let (word, more) = rest.trim_start().split_once(char::is_whitespace).unwrap_or((rest.trim(), ""));
        fields.push(word.to_owned());
        rest = more;
    }
    let user = fields.pop().unwrap_or_default();
    (fields.join(" "), user, rest.trim().replace("\\%", "%"))
}

async fn look(place: &Place, cx: &HostsReader) -> Result<Option<CronState>, Failure> {
    let whole = Whole::look(Cron::KIND, place, &path(&place.name), cx).await?;
    Ok(whole.map(|whole| {
        let (schedule, user, command) = parts(whole.text.as_deref().unwrap_or_default());
        CronState { schedule, user, command, kept: whole.kept.clone(), whole, place: place.clone() }
    }))
}

impl Resource for Cron {
    const KIND: &'static str = "host/cron";
    type Outputs = NoOutputs;
    lives_on_a_machine!(CronState);

    async fn apply(&self, now: Option<&CronState>, cx: &Apply<'_, Hosts>) -> Result<(), Failure> {
        let text = format!("{} {} {}\n", self.schedule, self.user, self.command.replace('%', "\\%"));
        let names = (Self::KIND, self.name.as_str());
        let write = Whole::write(now.map(|now| &now.whole), cx.mark(), names, &path(&self.name), &text, 0o644);
        cx.carry_out(cx.permit(), &self.host.spot_now(cx)?, write).await
    }

    async fn delete(state: &CronState, cx: &Apply<'_, Hosts>) -> Result<(), Failure> {
        let name = &state.place.name;
        let undo = state.whole.undo((Self::KIND, name), &path(name), 0o644);
        cx.carry_out(cx.permit(), &state.place.spot, undo).await
    }
}

#[cfg(test)]
mod tests {
    use super::{is_schedule, parts};

    #[test]
    fn schedules_are_understood_as_cron_does() {
        for good in ["* * * * *", "*/5 0-6 1,15 jan-mar mon", "0 3 * * *", "@daily", "0-30/10 * * * 7"] {
            assert!(is_schedule(good), "{good}");
        }
        for bad in ["", "* * * *", "60 * * * *", "@often", "*/0 * * * *", "5/2 * * * *", "* * * * * *", "a * * * *"] {
            assert!(!is_schedule(bad), "{bad}");
        }
    }

    #[test]
    fn a_line_is_taken_apart_as_it_was_put_together() {
        assert_eq!(parts("0 3 * * * root date +\\%s\n"), ("0 3 * * *".into(), "root".into(), "date +%s".into()));
        assert_eq!(parts("@daily me a  b\n"), ("@daily".into(), "me".into(), "a  b".into()));
    }
}
