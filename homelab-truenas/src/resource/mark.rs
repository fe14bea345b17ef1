//! Our mark on a thing: a last line of whatever text it has for people, or a user property of a dataset.
use homelab_core::{Mark, Owner};

/// The user property that marks a dataset. ZFS keeps it with the dataset, whatever happens to the NAS's configuration.
pub(crate) const PROPERTY: &str = "homelab:mark";
const PREFIX: &str = "homelab: ";

/// The mark as the value of a property: `home truenas/dataset/nas/bulk/media`.
pub(crate) fn value(mark: &Mark) -> String {
    format!("{} {}", mark.lab, mark.key)
}

/// Reads it.
pub(crate) fn parse(value: &str) -> Option<Mark> {
    let (lab, key) = value.trim().split_once(' ')?;
    Some(Mark { lab: lab.to_owned(), key: key.to_owned() })
}

/// A comment with the mark after it: `Films. homelab: home truenas/nfs/nas/bulk/media/storage`.
pub(crate) fn signed(comment: &str, mark: &Mark) -> String {
    let mark = format!("{PREFIX}{}", value(mark));
    if comment.is_empty() { mark } else { format!("{comment} {mark}") }
}

/// A comment without the mark, and whose mark it bears.
pub(crate) fn read(comment: &str) -> (&str, Owner) {
    let at = comment.rfind(PREFIX);
    match at.and_then(|at| Some((at, parse(&comment[at + PREFIX.len()..])?))) {
        Some((at, mark)) => (comment[..at].trim_end(), Owner::Marked(mark)),
        None => (comment, Owner::Unmarked),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_read_back_and_the_comment_stays() {
        let mark = Mark { lab: "home".into(), key: "truenas/nfs/nas/bulk/media/storage".into() };
        for comment in ["", "Films", "homelab: is a word"] {
            let signed = signed(comment, &mark);
            assert_eq!(read(&signed), (comment, Owner::Marked(mark.clone())));
        }
        assert_eq!(read("by hand"), ("by hand", Owner::Unmarked));
    }
}
