//! The file `.env` of a stack: values that Compose fills into its file.
//!
//! Written with single quotes, in which nothing is interpreted but `\'`. Source: Docker's documentation of `.env` files, "Syntax".

/// One line of the file.
///
/// # Errors
/// When no line can hold the value.
pub(super) fn line(name: &str, value: &str) -> Result<String, String> {
    if value.ends_with('\\') || value.contains("\\'") || value.contains('\0') {
        return Err(format!(
            "the value of {name} cannot be written into an .env file: a backslash before its end or a quote"
        ));
    }
    Ok(format!("{name}='{}'\n", value.replace('\'', "\\'")))
}

/// The values of a file that was written here; what somebody else added too, as far as it is a line of its own.
pub(crate) fn read(text: &str) -> Vec<(String, String)> {
    let mut found = vec![];
    let mut rest = text;
    while let Some((name, behind)) = rest.split_once('=') {
        let name = name.rsplit('\n').next().unwrap_or(name).trim().to_owned();
        let (value, after) = match behind.strip_prefix('\'') {
            Some(quoted) => {
                let end = quoted
                    .char_indices()
                    .find(|(at, c)| *c == '\'' && !quoted[..*at].ends_with('\\'))
                    .map_or(quoted.len(), |(at, _)| at);
                (quoted[..end].replace("\\'", "'"), quoted.get(end + 1..).unwrap_or(""))
            }
            None => {
                let end = behind.find('\n').unwrap_or(behind.len());
                (behind[..end].trim().to_owned(), &behind[end..])
            }
        };
        found.push((name, value));
        rest = after;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_again() {
        let values =
            [("A", "plain"), ("B", "it's $HOME and \"quotes\""), ("C", "two\nlines"), ("D", ""), ("E", "a=b #c")];
        let text: String = values.iter().map(|(name, value)| line(name, value).unwrap()).collect();
        let found = read(&text);
        assert_eq!(found.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect::<Vec<_>>(), values);
    }

    #[test]
    fn lines_by_other_hands_are_read_too() {
        assert_eq!(
            read("# comment\nTZ=Europe/Berlin\nX = y\n"),
            [("TZ".to_owned(), "Europe/Berlin".to_owned()), ("X".to_owned(), "y".to_owned())]
        );
    }

    #[test]
    fn a_value_that_no_line_can_hold_is_refused() {
        assert!(line("A", "ends with \\").is_err());
        assert!(line("A", "a\\'b").is_err());
        assert!(line("A", "c:\\dir").is_ok());
    }
}
