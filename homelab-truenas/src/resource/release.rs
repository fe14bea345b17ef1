//! Which release of TrueNAS it is, where that makes a difference.
use crate::NasReader;
use homelab_core::Failure;

/// From this release on SMB shares have purposes with options, and services are controlled by a job (truenas-notes section 5).
const NEW: (u32, u32) = (25, 10);

/// Whether the NAS is older than 25.10. `None` while there is no NAS.
pub(super) async fn is_old(nas: &NasReader) -> Result<Option<bool>, Failure> {
    let version = nas.once::<String>("system.version", vec![]).await?;
    Ok(version.and_then(|version| is_old_version(&version)))
}

/// The same of what it calls itself. `None` of what is no release.
pub(crate) fn is_old_version(version: &str) -> Option<bool> {
    number(version).map(|release| release < NEW)
}

/// `(25, 10)` from `25.10.1` or `TrueNAS-25.10.1`.
fn number(version: &str) -> Option<(u32, u32)> {
    let digits = version.trim_start_matches(|c: char| !c.is_ascii_digit());
    let mut parts = digits.split(|c: char| !c.is_ascii_digit());
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_is_read_from_how_the_nas_calls_itself() {
        for (text, release) in
            [("25.10.1", (25, 10)), ("TrueNAS-25.04.2.6", (25, 4)), ("TrueNAS-SCALE-24.10.0", (24, 10))]
        {
            assert_eq!(number(text), Some(release));
        }
        assert_eq!(number("nightly"), None);
    }
}
