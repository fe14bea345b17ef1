//! Rows of Pi-hole's lists, as its API has them.
use homelab_core::Mark;
use serde::Deserialize;

/// An allowed or denied domain.
#[derive(Clone, Debug, Deserialize)]
pub struct DomainRow {
    /// The domain, or the regular expression.
    pub domain: String,
    /// `allow` or `deny`.
    #[serde(rename = "type")]
    pub kind: String,
    /// `exact` or `regex`.
    #[serde(rename = "kind")]
    pub form: String,
    /// What a person or a lab wrote beside it.
    pub comment: Option<String>,
    /// The numbers of its groups.
    pub groups: Vec<u32>,
    /// Whether it counts.
    pub enabled: bool,
}

/// A list of domains.
#[derive(Clone, Debug, Deserialize)]
pub struct ListRow {
    /// Where it comes from.
    pub address: String,
    /// `block` or `allow`.
    #[serde(rename = "type")]
    pub kind: String,
    /// What a person or a lab wrote beside it.
    pub comment: Option<String>,
    /// The numbers of its groups.
    pub groups: Vec<u32>,
    /// Whether it counts.
    pub enabled: bool,
    /// 0: not loaded yet, 1: loaded, 2: unchanged, 3: not to be had, the copy of before is used, 4: not to be had, and no copy.
    pub status: u8,
    /// How many domains it has.
    pub number: u64,
}

/// A group of clients.
#[derive(Clone, Debug, Deserialize)]
pub struct GroupRow {
    /// Its number.
    pub id: u32,
    /// Its name.
    pub name: String,
    /// What a person or a lab wrote beside it.
    pub comment: Option<String>,
    /// Whether its rules count.
    pub enabled: bool,
}

/// A client that is in groups.
#[derive(Clone, Debug, Deserialize)]
pub struct ClientRow {
    /// An address, a network, a MAC or a name.
    pub client: String,
    /// What a person or a lab wrote beside it.
    pub comment: Option<String>,
    /// The numbers of its groups.
    pub groups: Vec<u32>,
}

/// A comment that holds a person's words and a lab's mark: `malware lists [home: pi/blocklist/..]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Marked {
    /// The words.
    pub words: String,
    /// The mark.
    pub mark: Option<Mark>,
}

impl Marked {
    /// What a comment says.
    #[must_use]
    pub fn read(comment: Option<&str>) -> Marked {
        let comment = comment.unwrap_or_default();
        // A key may hold brackets itself: a mark begins with a lab's name and the domain.
        let found = comment.strip_suffix(']').and_then(|rest| {
            rest.rmatch_indices('[').find_map(|(at, _)| {
                let (lab, key) = rest[at + 1..].split_once(": ")?;
                let is_lab = !lab.is_empty() && lab.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
                let mark = Mark { lab: lab.to_owned(), key: key.to_owned() };
                (is_lab && key.starts_with("pi/")).then(|| (rest[..at].trim_end().to_owned(), mark))
            })
        });
        match found {
            Some((words, mark)) => Marked { words, mark: Some(mark) },
            None => Marked { words: comment.to_owned(), mark: None },
        }
    }

    /// The comment.
    #[must_use]
    pub fn write(words: &str, mark: &Mark) -> String {
        let mark = format!("[{}: {}]", mark.lab, mark.key);
        if words.is_empty() { mark } else { format!("{words} {mark}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comment_holds_words_and_a_mark_and_gives_both_back() {
        for key in [
            "pi/blocklist/pihole/https://lists.example/hosts",
            "pi/domain-rule/pihole/deny/regex/(^|\\.)ads[0-9]\\.net$",
        ] {
            let mark = Mark { lab: "home".into(), key: key.into() };
            for words in ["", "ads of the TV", "see [1]"] {
                let read = Marked::read(Some(&Marked::write(words, &mark)));
                assert_eq!(read, Marked { words: words.into(), mark: Some(mark.clone()) });
            }
        }
        assert_eq!(Marked::read(Some("mine [sic]")), Marked { words: "mine [sic]".into(), mark: None });
        assert_eq!(Marked::read(None), Marked::default());
    }
}
