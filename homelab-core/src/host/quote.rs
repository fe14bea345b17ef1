//! Quoting for POSIX shells: any bytes but NUL, whatever they mean to a shell.

/// Appends a word that every POSIX shell reads as exactly these bytes. NULs, which no word can hold, must be refused before.
pub(crate) fn quote(script: &mut Vec<u8>, word: &[u8]) {
    let plain = |b: &u8| b.is_ascii_alphanumeric() || b"/._-+:@%,".contains(b);
    if !word.is_empty() && word.iter().all(plain) {
        script.extend_from_slice(word);
        return;
    }
    script.push(b'\'');
    for byte in word {
        match byte {
            b'\'' => script.extend_from_slice(b"'\\''"),
            byte => script.push(*byte),
        }
    }
    script.push(b'\'');
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::process::Command;

    fn quoted(word: &[u8]) -> Vec<u8> {
        let mut script = vec![];
        quote(&mut script, word);
        script
    }

    #[test]
    fn plain_words_stay_plain_and_others_are_quoted() {
        assert_eq!(quoted(b"/etc/fstab"), b"/etc/fstab");
        assert_eq!(quoted(b""), b"''");
        assert_eq!(quoted(b"it's"), b"'it'\\''s'");
        assert_eq!(quoted(b"~x"), b"'~x'");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn a_shell_reads_back_what_was_quoted(words in prop::collection::vec(prop::collection::vec(1u8.., 0..9), 1..40)) {
            use std::os::unix::ffi::OsStringExt;
            let mut script = b"printf '%s\\0'".to_vec();
            for word in &words {
                script.push(b' ');
                quote(&mut script, word);
            }
            let out = Command::new("sh").arg("-c").arg(std::ffi::OsString::from_vec(script)).output().unwrap();
            let mut expected = words.join(&0);
            expected.push(0);
            prop_assert_eq!(out.stdout, expected);
        }
    }
}
