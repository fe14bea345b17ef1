//! Values that the server would refuse, refused where they are written.
use crate::api::Tags;
use homelab_core::{Field, units::Size};

/// A host name as the server takes it: labels of letters, digits and `-`, joined by dots.
#[track_caller]
pub(crate) fn host_name(name: String) -> String {
    let label = |label: &str| {
        let inner = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        !label.is_empty() && label.bytes().all(inner) && !label.starts_with('-') && !label.ends_with('-')
    };
    let fits = name.len() <= 255 && name.split('.').all(label) && !name.bytes().all(|byte| byte.is_ascii_digit());
    assert!(fits, "`{name}` is no name of a host: use letters, digits and `-`, and a dot between parts");
    name
}

/// Memory, which the server counts in MiB.
#[track_caller]
pub(crate) fn whole_mib(size: Size) -> u64 {
    match size.whole_mib() {
        Some(mib) if mib >= 16 => mib,
        _ => panic!("memory is a whole number of MiB, at least 16: {size} is not"),
    }
}

/// Tags as the server keeps them: in lower case, once each, sorted.
#[track_caller]
pub(crate) fn tag_list<T: AsRef<str>>(tags: impl IntoIterator<Item = T>) -> Field<Vec<String>> {
    let mut set = Tags::default();
    for tag in tags {
        if let Err(error) = set.insert(tag.as_ref()) {
            panic!("{error}");
        }
    }
    if set.is_empty() { Field::Cleared } else { Field::Set(set.iter().map(str::to_owned).collect()) }
}

/// The tags that are declared, if any are.
pub(crate) fn declared_tags(tags: &Field<Vec<String>>) -> Option<Tags> {
    match tags {
        Field::Unmanaged => None,
        Field::Cleared => Some(Tags::default()),
        Field::Set(tags) => {
            let mut set = Tags::default();
            for tag in tags {
                // They were checked when they were declared.
                let _ = set.insert(tag);
            }
            Some(set)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_hosts() {
        for name in ["web", "ubuntu-24.04", "a.b-c.d1", "4u"] {
            assert_eq!(host_name(name.to_owned()), name);
        }
        for name in ["", "my vm", "web_1", "-web", "web-", "a..b", "201"] {
            assert!(std::panic::catch_unwind(|| host_name(name.to_owned())).is_err(), "{name}");
        }
    }

    #[test]
    fn tags_are_kept_as_the_server_keeps_them() {
        assert_eq!(tag_list(["Web", "ubuntu", "web"]).as_set().unwrap(), &["ubuntu", "web"]);
        assert!(matches!(tag_list::<&str>([]), Field::Cleared));
        assert_eq!(declared_tags(&tag_list(["b", "a"])).unwrap().to_string(), "a;b");
    }
}
