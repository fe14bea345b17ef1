//! Schedules in cron's words.
use serde_json::{Map, Value};

const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const DAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
/// The fields, what stands for one that is left out, and their range.
const FIELDS: [(&str, &str, u32, u32); 5] =
    [("minute", "00", 0, 59), ("hour", "*", 0, 23), ("dom", "*", 1, 31), ("month", "*", 1, 12), ("dow", "*", 0, 7)];

/// What is wrong with a schedule. An empty field means any.
pub(super) fn wrong(fields: &Map<String, Value>) -> Option<String> {
    let text =
        |name: &str, default: &'static str| fields.get(name).and_then(Value::as_str).unwrap_or(default).to_owned();
    let all: Vec<String> = FIELDS.iter().map(|(name, default, ..)| text(name, default)).collect();
    for (field, (name, _, least, most)) in all.iter().zip(FIELDS) {
        let names: &[&str] = match name {
            "month" => &MONTHS,
            "dow" => &DAYS,
            _ => &[],
        };
        if let Err(why) = field_of(field, names, least, most) {
            let why =
                why.map_or_else(|| format!("[{} ] is not acceptable, out of range", all.join(" ")), str::to_owned);
            return Some(format!("Value error, Please ensure fields match cron syntax - {why}"));
        }
    }
    None
}

fn field_of(field: &str, names: &[&str], least: u32, most: u32) -> Result<(), Option<&'static str>> {
    if field.trim().is_empty() {
        return Ok(());
    }
    let number = |text: &str| {
        let by_name = names.iter().position(|name| name.eq_ignore_ascii_case(text));
        let number = match by_name {
            Some(n) => n as u32 + u32::from(names.len() == 12),
            None => text.parse::<u32>().map_err(|_| None)?,
        };
        if (least..=most).contains(&number) { Ok(number) } else { Err(None) }
    };
    // A step belongs to the whole field: `1,2/6` is not cron.
    let (values, step) = field.split_once('/').map_or((field, None), |(values, step)| (values, Some(step)));
    if let Some(step) = step {
        if values.contains(',') || (values != "*" && !values.contains('-')) {
            return Err(Some("Only range or `*` are allowed before `/`"));
        }
        if step.parse::<u32>().map_or(true, |step| step == 0) {
            return Err(None);
        }
    }
    for part in values.split(',') {
        if part == "*" {
            continue;
        }
        match part.split_once('-') {
            Some((from, to)) => {
                number(from)?;
                number(to)?;
            }
            None => {
                number(part)?;
            }
        }
    }
    Ok(())
}
