//! Keeps secrets out of everything that is shown or kept: reports, the journal, errors, panics.
use crate::secret::SecretValue;
use serde_json::Value;
use std::{
    borrow::Cow,
    fmt::{self, Write},
    sync::{Arc, PoisonError, RwLock},
};
use zeroize::Zeroizing;

/// Knows every value that was handed out and puts `***` in its place, in any text: also where it is percent-encoded,
/// base64 (alone, or inside of something longer, such as `user:password`), escaped for JSON, Rust's `Debug` or a
/// shell's single quotes; and, of a value of several lines, each longer line by itself.
///
/// What it cannot find: values under [`MIN`](Redactor::MIN) bytes (`admin`, `1234`), which would riddle every text with
/// stars; a value that is cut in the middle, so give it whole texts; and encodings other than these. Clones share what
/// they know. Until there is something to know, it costs one look.
#[derive(Clone, Default)]
pub struct Redactor(Arc<RwLock<Vec<Zeroizing<String>>>>);

impl Redactor {
    /// The length in bytes below which a value is not searched for.
    pub const MIN: usize = 6;
    /// The length in bytes below which one line of a value of several is not searched for alone.
    const MIN_LINE: usize = 12;
    const STARS: &str = "***";

    /// Remembers a value, from now on and for all clones.
    pub fn learn(&self, value: &SecretValue) {
        // A file's last line end is not part of what is used.
        let value = value.expose().trim();
        if value.len() < Self::MIN {
            return;
        }
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if known.iter().any(|k| k.as_str() == value) {
            return;
        }
        let lines = value.lines().map(str::trim).filter(|line| line.len() >= Self::MIN_LINE && *line != value);
        for text in std::iter::once(value).chain(lines) {
            for form in forms(text) {
                if form.len() >= Self::MIN && !known.contains(&form) {
                    known.push(form);
                }
            }
        }
    }

    /// The text without secrets; borrowed when there was none in it.
    #[must_use]
    pub fn redact<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let mut found: Vec<(usize, usize)> = vec![];
        for form in known.iter() {
            let mut from = 0;
            while let Some(at) = text[from..].find(form.as_str()) {
                let start = from + at;
                found.push((start, start + form.len()));
                // On by one character only: a value may overlap with itself.
                from = start + text[start..].chars().next().map_or(1, char::len_utf8);
            }
        }
        if found.is_empty() {
            return Cow::Borrowed(text);
        }
        found.sort_unstable();
        let mut clean = String::with_capacity(text.len());
        let mut shown = 0;
        for (start, end) in found {
            // Values that overlap are one hole.
            if start >= shown {
                clean.push_str(&text[shown..start]);
                clean.push_str(Self::STARS);
            }
            shown = shown.max(end);
        }
        clean.push_str(&text[shown..]);
        Cow::Owned(clean)
    }

    /// [`redact`](Redactor::redact) in place.
    pub fn clean(&self, text: &mut String) {
        if let Cow::Owned(clean) = self.redact(text) {
            *text = clean;
        }
    }

    /// The same for every text inside of a JSON value, and for the names of its fields.
    pub fn clean_value(&self, value: &mut Value) {
        match value {
            Value::String(text) => self.clean(text),
            Value::Array(items) => items.iter_mut().for_each(|item| self.clean_value(item)),
            Value::Object(fields) => {
                if fields.keys().any(|name| matches!(self.redact(name), Cow::Owned(_))) {
                    let old = std::mem::take(fields);
                    fields.extend(old.into_iter().map(|(name, field)| (self.redact(&name).into_owned(), field)));
                }
                fields.values_mut().for_each(|field| self.clean_value(field));
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
}

/// Never what it knows.
impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Redactor")
    }
}

/// The ways in which a value turns up in texts.
fn forms(value: &str) -> Vec<Zeroizing<String>> {
    let json = Value::from(value).to_string();
    let debug = format!("{value:?}");
    let mut forms = vec![
        value.to_owned(),
        json[1..json.len() - 1].to_owned(),
        debug[1..debug.len() - 1].to_owned(),
        value.replace('\'', "'\\''"),
        percent(value, b"-._~", false, |hex, byte| write!(hex, "%{byte:02X}")),
        percent(value, b"-._~", false, |hex, byte| write!(hex, "%{byte:02x}")),
        // As forms are encoded.
        percent(value, b"-._*", true, |hex, byte| write!(hex, "%{byte:02X}")),
    ];
    for alphabet in [b"+/", b"-_"] {
        forms.push(base64(value.as_bytes(), *alphabet));
        forms.extend((0..3).map(|shift| base64_inside(value.as_bytes(), shift, *alphabet)));
    }
    forms.into_iter().map(Zeroizing::new).collect()
}

/// Everything but letters, digits and the bytes of `plain` as `%2F`.
fn percent(value: &str, plain: &[u8], plus: bool, hex: impl Fn(&mut String, u8) -> fmt::Result) -> String {
    let mut text = String::new();
    for byte in value.bytes() {
        match byte {
            b' ' if plus => text.push('+'),
            _ if byte.is_ascii_alphanumeric() || plain.contains(&byte) => text.push(byte.into()),
            _ => hex(&mut text, byte).expect("a String takes everything"),
        }
    }
    text
}

/// Base64 without padding; the alphabets differ in their last two characters.
fn base64(bytes: &[u8], last: [u8; 2]) -> String {
    let digit = |six: u32| match six as u8 {
        n @ 0..26 => b'A' + n,
        n @ 26..52 => b'a' + (n - 26),
        n @ 52..62 => b'0' + (n - 52),
        n => last[usize::from(n - 62)],
    };
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let bits = group.iter().fold(0u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - group.len()));
        for n in 0..=group.len() {
            text.push(char::from(digit(bits >> (18 - 6 * n) & 63)));
        }
    }
    text
}

/// The digits that depend on nothing but these bytes, when `shift` others come before them in their group of three.
fn base64_inside(bytes: &[u8], shift: usize, last: [u8; 2]) -> String {
    let padded = [&[0; 2][..shift], bytes].concat();
    let text = base64(&padded, last);
    let from = (8 * shift).div_ceil(6);
    let to = 8 * padded.len() / 6;
    text[from..to].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn knowing(values: &[&str]) -> Redactor {
        let redactor = Redactor::default();
        values.iter().for_each(|value| redactor.learn(&(*value).into()));
        redactor
    }

    #[test]
    fn base64_is_what_rfc_4648_says() {
        for (plain, encoded) in
            [("", ""), ("f", "Zg"), ("fo", "Zm8"), ("foo", "Zm9v"), ("foob", "Zm9vYg"), ("foobar", "Zm9vYmFy")]
        {
            assert_eq!(base64(plain.as_bytes(), *b"+/"), encoded);
        }
        assert_eq!(base64(&[0xfb, 0xff], *b"+/"), "+/8");
        assert_eq!(base64(&[0xfb, 0xff], *b"-_"), "-_8");
    }

    #[test]
    fn a_value_is_found_in_every_encoding_that_we_use() {
        let secret = "pä\"ss w/rd'+\\x";
        let redactor = knowing(&[secret]);
        for text in [
            secret.to_owned(),
            json!({ "key": secret }).to_string(),
            format!("{secret:?}"),
            "p%C3%A4%22ss%20w%2Frd%27%2B%5Cx".to_owned(),
            "p%c3%a4%22ss%20w%2frd%27%2b%5cx".to_owned(),
            "p%C3%A4%22ss+w%2Frd%27%2B%5Cx".to_owned(),
            base64(secret.as_bytes(), *b"+/"),
            secret.replace('\'', "'\\''"),
        ] {
            let clean = redactor.redact(&format!("before {text} after")).into_owned();
            assert!(clean.starts_with("before ") && clean.ends_with(" after") && clean.contains("***"), "{clean}");
            assert!(!clean.contains("w/rd") && !clean.contains("%C3"), "{clean}");
        }
    }

    #[test]
    fn basic_authentication_is_redacted_whatever_the_user_is_called() {
        let redactor = knowing(&["correct horse"]);
        for user in ["a", "ab", "abc", "root@pam"] {
            let header = base64(format!("{user}:correct horse").as_bytes(), *b"+/");
            assert!(redactor.redact(&header).contains("***"), "{header}");
        }
    }

    #[test]
    fn each_long_line_of_a_private_key_is_redacted_by_itself() {
        let redactor = knowing(&["-----BEGIN KEY-----\nb3BlbnNzaC1rZXktdjEAAAAA\nend\n"]);
        assert_eq!(redactor.redact("line 2: b3BlbnNzaC1rZXktdjEAAAAA"), "line 2: ***");
        assert_eq!(redactor.redact("the end"), "the end");
    }

    #[test]
    fn overlapping_values_leave_nothing_of_either() {
        let redactor = knowing(&["abcdefgh", "efghijkl", "aaaaaa"]);
        assert_eq!(redactor.redact("<abcdefghijkl> <aaaaaaaaa>"), "<***> <***>");
    }

    #[test]
    fn short_values_are_not_searched_for_and_clean_text_is_not_copied() {
        let redactor = knowing(&["admin", "", "   \n   "]);
        assert!(matches!(redactor.redact("admin   \n   "), Cow::Borrowed(_)));
        assert_eq!(format!("{:?}", knowing(&["s3cret-value"])), "Redactor");
    }

    #[test]
    fn json_is_cleaned_to_its_leaves_and_names() {
        let mut value = json!({"s3cret-value": 1, "list": ["a s3cret-value", {"x": "s3cret-value"}], "n": 7});
        knowing(&["s3cret-value"]).clean_value(&mut value);
        assert_eq!(value, json!({"***": 1, "list": ["a ***", {"x": "***"}], "n": 7}));
    }

    proptest! {
        #[test]
        fn no_value_survives_in_any_text(secret in "\\PC{6,12}", before in "\\PC{0,9}", after in "\\PC{0,9}") {
            prop_assume!(secret.trim().len() >= Redactor::MIN && !"***".contains(&secret));
            let redactor = knowing(&[&secret]);
            let clean = redactor.redact(&format!("{before}{secret}{after}")).into_owned();
            // Stars may join what stood beside them into the value again, but only of a value that has stars.
            prop_assert!(secret.contains('*') || !clean.contains(&secret));
            let inside = base64(format!("{before}{secret}{after}").as_bytes(), *b"+/");
            prop_assert!(redactor.redact(&inside).contains("***"));
        }
    }
}
