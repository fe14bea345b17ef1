//! Secrets out of other tools' files: variables of Ansible in YAML, or lines `NAME=value`.
use crate::{SecretValue, env, secret::is_name};
use std::collections::BTreeMap;
use yaml_rust2::{
    parser::{Event, MarkedEventReceiver, Parser, Tag},
    scanner::Marker,
};
use zeroize::Zeroizing;

/// What is wrong with a file. Never shows a value.
#[derive(Debug)]
pub(super) struct Wrong {
    pub(super) message: String,
    pub(super) hint: &'static str,
}

const SHAPE: &str = "write one `name: value` or NAME=value a line";

fn wrong(message: impl Into<String>, hint: &'static str) -> Wrong {
    Wrong { message: message.into(), hint }
}

/// The secrets of a file, by name.
pub(super) fn parse(text: &str) -> Result<Vec<(String, SecretValue)>, Wrong> {
    if text.starts_with("$ANSIBLE_VAULT;") {
        return Err(wrong(
            "it is encrypted by Ansible",
            "decrypt it on the way: `ansible-vault view FILE | lab secret import -`",
        ));
    }
    let found = if is_yaml(text) { yaml(text)? } else { dotenv(text)? };
    let odd = found.keys().find(|name| !is_name(name));
    match odd {
        Some(name) => Err(wrong(
            format!("`{name}` cannot be the name of a secret"),
            "names are made of letters, digits and `_`; rename it, or set it with `secret set`",
        )),
        None if found.is_empty() => Err(wrong("there is no secret in it", SHAPE)),
        None => Ok(found.into_iter().map(|(name, value)| (name, value.as_str().into())).collect()),
    }
}

/// By the first line that says anything.
fn is_yaml(text: &str) -> bool {
    let lines = text.lines().map(str::trim);
    let first = lines.filter(|line| !line.is_empty() && !line.starts_with('#')).find(|line| *line != "---");
    let colon_first =
        |line: &str| line.find(':').is_some_and(|colon| line.find('=').is_none_or(|equals| colon < equals));
    text.trim_start().starts_with("---") || first.is_some_and(colon_first)
}

fn dotenv(text: &str) -> Result<BTreeMap<String, Zeroizing<String>>, Wrong> {
    let variables = env::parse(text).map_err(|line| {
        wrong(
            format!("line {line} is not an assignment NAME=value"),
            "put a value with spaces, quotes, `#` or `$` in single quotes, and close them",
        )
    })?;
    Ok(variables.into_iter().filter(|(_, value)| !value.is_empty()).collect())
}

fn yaml(text: &str) -> Result<BTreeMap<String, Zeroizing<String>>, Wrong> {
    let mut reader = Reader::default();
    // Its own words could quote what it did not understand.
    Parser::new_from_str(text)
        .load(&mut reader, false)
        .map_err(|e| wrong(format!("line {} is not YAML", e.marker().line()), SHAPE))?;
    match reader.wrong {
        Some(wrong) => Err(wrong),
        None => Ok(reader.found),
    }
}

/// Collects the scalars of nested maps: what is written, not what YAML thinks it means (`0042` is no number here).
#[derive(Default)]
struct Reader {
    /// The names of the maps around, each with the key that waits for its value.
    path: Vec<Option<String>>,
    found: BTreeMap<String, Zeroizing<String>>,
    wrong: Option<Wrong>,
}

impl Reader {
    fn name(&self) -> String {
        self.path.iter().flatten().map(String::as_str).collect::<Vec<_>>().join("_")
    }

    fn scalar(&mut self, text: String, tag: Option<&Tag>, line: usize) {
        let text = Zeroizing::new(text);
        let name = self.name();
        match self.path.last_mut() {
            // An empty document.
            None if text.is_empty() || text.as_str() == "~" => {}
            None => self.wrong = Some(wrong(format!("line {line} is not `name: value`"), SHAPE)),
            Some(key @ None) => *key = Some(text.to_string()),
            Some(key) => {
                *key = None;
                if tag.is_some_and(|tag| tag.suffix == "vault") {
                    self.wrong = Some(wrong(
                        format!("{name} is encrypted by Ansible by itself"),
                        "decrypt it with `ansible localhost -m debug -a var=NAME -e @FILE`, and pipe it to `secret set`",
                    ));
                } else if !text.is_empty() {
                    self.found.insert(name, text);
                }
            }
        }
    }

    fn ended(&mut self) {
        self.path.pop();
        if let Some(key) = self.path.last_mut() {
            *key = None;
        }
    }
}

impl MarkedEventReceiver for Reader {
    fn on_event(&mut self, event: Event, at: Marker) {
        if self.wrong.is_some() {
            return;
        }
        match event {
            Event::Scalar(text, _, _, tag) => self.scalar(text, tag.as_ref(), at.line()),
            Event::MappingStart(..) if matches!(self.path.last(), Some(None)) => {
                self.wrong = Some(wrong(format!("line {} has a name that is no text", at.line()), SHAPE));
            }
            Event::MappingStart(..) => self.path.push(None),
            Event::MappingEnd => self.ended(),
            Event::SequenceStart(..) | Event::Alias(_) => {
                let name = self.name();
                self.wrong = Some(wrong(format!("line {}: `{name}` is a list, not one value", at.line()), SHAPE));
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<(String, String)>, String> {
        let found = parse(text).map_err(|wrong| wrong.message)?;
        Ok(found.into_iter().map(|(name, value)| (name, value.expose().to_owned())).collect())
    }

    #[test]
    fn variables_of_ansible_are_read_as_they_are_written() {
        let text = "---\n# of the nas\nnas_token: \"1-abc=\"\npin: 0042\nport: 8006\nempty: ''\nproxmox:\n  token: s3:cret\n  \
                    key: |\n    -----BEGIN\n    abc\nlast: 'it''s'\n";
        let expected = [
            ("last", "it's"),
            ("nas_token", "1-abc="),
            ("pin", "0042"),
            ("port", "8006"),
            ("proxmox_key", "-----BEGIN\nabc\n"),
            ("proxmox_token", "s3:cret"),
        ];
        assert_eq!(read(text).unwrap(), expected.map(|(n, v)| (n.to_owned(), v.to_owned())));
    }

    #[test]
    fn lines_of_a_dotenv_are_read() {
        let text = "# mine\nexport TOKEN='a b:c'\nURL=https://din:8006\nEMPTY=\n";
        let expected = [("TOKEN", "a b:c"), ("URL", "https://din:8006")];
        assert_eq!(read(text).unwrap(), expected.map(|(n, v)| (n.to_owned(), v.to_owned())));
    }

    #[test]
    fn what_cannot_be_taken_is_told_without_a_value() {
        for (text, message) in [
            ("$ANSIBLE_VAULT;1.1;AES256\n6162\n", "it is encrypted by Ansible"),
            ("", "there is no secret in it"),
            ("---\n", "there is no secret in it"),
            ("a: 1\nkeys:\n  - s3cret\n", "line 3: `keys` is a list, not one value"),
            ("a: 1\nb: [s3cret]\n", "line 2: `b` is a list, not one value"),
            ("a: 1\nb: [s3cret\n", "line 3 is not YAML"),
            ("a: 1\nb: \"s3cret\n", "line 2 is not YAML"),
            ("my-key: s3cret\n", "`my-key` cannot be the name of a secret"),
            ("a: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n", "a is encrypted by Ansible by itself"),
            ("A=1\ns3cret\n", "line 2 is not an assignment NAME=value"),
            ("---\njust s3cret text\n", "line 2 is not `name: value`"),
        ] {
            assert_eq!(read(text).unwrap_err(), message, "{text}");
        }
    }
}
