//! Patterns for host names, as ssh_config(5) and known_hosts have them: `*`, `?`, and `!` for what is excluded.

/// Whether a name matches a list: at least one pattern, and none that is negated.
pub(super) fn matches<'p>(patterns: impl IntoIterator<Item = &'p str>, name: &str) -> bool {
    let mut found = false;
    for pattern in patterns {
        match pattern.strip_prefix('!') {
            Some(not) if glob(not.as_bytes(), name.as_bytes()) => return false,
            Some(_) => {}
            None => found |= glob(pattern.as_bytes(), name.as_bytes()),
        }
    }
    found
}

/// One pattern, without regard to the case of ASCII letters.
pub(super) fn glob(pattern: &[u8], name: &[u8]) -> bool {
    // Where to go on when what follows the last `*` does not match: one byte further.
    let (mut p, mut n, mut star) = (0, 0, None);
    while n < name.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, n));
                p += 1;
            }
            Some(c) if *c == b'?' || c.eq_ignore_ascii_case(&name[n]) => (p, n) = (p + 1, n + 1),
            _ => match star {
                Some((at, from)) => {
                    star = Some((at, from + 1));
                    (p, n) = (at + 1, from + 1);
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|c| *c == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_and_question_marks_match_and_negations_exclude() {
        for (patterns, name, expected) in [
            ("*", "web", true),
            ("*.lan", "web.lan", true),
            ("*.lan", "web.lan.example", false),
            ("192.168.?.1*", "192.168.7.10", true),
            ("192.168.?.1", "192.168.77.1", false),
            ("WEB", "web", true),
            ("*,!web", "web", false),
            ("!web", "nas", false),
            ("a*b*c", "aXbXbc", true),
            ("", "x", false),
        ] {
            assert_eq!(matches(patterns.split(','), name), expected, "{patterns} {name}");
        }
    }
}
