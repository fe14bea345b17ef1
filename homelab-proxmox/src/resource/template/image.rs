//! Disk images that templates are made from: where they are, and what they must be.
use crate::api::Checksum;
use serde::{Serialize, Serializer};
use std::fmt;

/// A disk image, or the image of a CD, on the internet with its checksum: a dated release, never "latest".
///
/// ```
/// use homelab_proxmox::Image;
/// const NOBLE: Image = Image::sha256(
///     "https://cloud-images.ubuntu.com/releases/noble/release-20260911/ubuntu-24.04-server-cloudimg-amd64.img",
///     "612b2c0cc1bc413a6cb8c38fd611794caf0f2b436c50013d8b3794db12ad7354",
/// );
/// ```
///
/// A checksum that is none does not compile where the image is a constant:
///
/// ```compile_fail
/// # use homelab_proxmox::Image;
/// const NOBLE: Image = Image::sha256("https://example.org/noble.qcow2", "612b");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Image {
    url: &'static str,
    algorithm: &'static str,
    digest: &'static str,
    user: Option<&'static str>,
}

impl Image {
    /// The image at `url` (qcow2, whatever its ending, or raw if it ends in `.raw`) with this SHA-256 in hexadecimal.
    ///
    /// # Panics
    /// When the digest is not 64 hexadecimal digits; in a constant that is a compile error.
    #[must_use]
    #[track_caller]
    pub const fn sha256(url: &'static str, digest: &'static str) -> Image {
        assert!(is_hex(digest, 64), "a SHA-256 is 64 hexadecimal digits: copy it from the release's SHA256SUMS");
        Image { url, algorithm: "sha256", digest, user: None }
    }

    /// The same with a SHA-512, as Debian publishes them.
    ///
    /// # Panics
    /// When the digest is not 128 hexadecimal digits; in a constant that is a compile error.
    #[must_use]
    #[track_caller]
    pub const fn sha512(url: &'static str, digest: &'static str) -> Image {
        assert!(is_hex(digest, 128), "a SHA-512 is 128 hexadecimal digits: copy it from the release's SHA512SUMS");
        Image { url, algorithm: "sha512", digest, user: None }
    }

    /// Ubuntu 24.04 as released on 2026-09-11.
    pub const UBUNTU_24_04: Image = Image::sha256(
        "https://cloud-images.ubuntu.com/releases/noble/release-20260911/ubuntu-24.04-server-cloudimg-amd64.img",
        "612b2c0cc1bc413a6cb8c38fd611794caf0f2b436c50013d8b3794db12ad7354",
    );
    /// Ubuntu 22.04 as released on 2026-09-13.
    pub const UBUNTU_22_04: Image = Image::sha256(
        "https://cloud-images.ubuntu.com/releases/jammy/release-20260913/ubuntu-22.04-server-cloudimg-amd64.img",
        "9144540e8af7637d258b50dbabe82ce1aa6752c9574fedfb048270da0e087899",
    );
    /// Debian 13, `generic` (its kernel has the drivers for a cloud-init drive on IDE), as released on 2026-09-14.
    pub const DEBIAN_13: Image = Image::sha512(
        "https://cloud.debian.org/images/cloud/trixie/20260914-2601/debian-13-generic-amd64-20260914-2601.qcow2",
        "a733e7d49442a03e70d03e4eb5aaf3967f3efc69ef70952f9bb10fc1ee2c4876\
         eb95956b5ad2d31350e5fada768feb651352535fb8cd1233f61998a5a7d2e93c",
    );
    /// Debian 12, `generic`, as released on 2025-10-06.
    pub const DEBIAN_12: Image = Image::sha512(
        "https://cloud.debian.org/images/cloud/bookworm/20251006-2257/debian-12-generic-amd64-20251006-2257.qcow2",
        "be06e506319a7f0e3ee5ec2328595bc4c2205b91b4354ccbb2e6d88b047cf728\
         8137bfa17a143ea611cb588adb9417847c0a5aec0addbbf2835f9f31e2e76547",
    );

    /// The user that it comes with, whom cloud-init gives the keys unless a guest declares another. Without this it is `ubuntu` or
    /// `debian` if the address says so, and `root` otherwise.
    #[must_use]
    pub const fn user(mut self, name: &'static str) -> Image {
        self.user = Some(name);
        self
    }

    pub(super) fn login(&self) -> &'static str {
        let of_address = ["ubuntu", "debian"].into_iter().find(|name| self.url.contains(name));
        self.user.or(of_address).unwrap_or("root")
    }

    pub(in crate::resource) const fn url(&self) -> &'static str {
        self.url
    }

    pub(in crate::resource) fn checksum(&self) -> Checksum {
        Checksum { algorithm: self.algorithm.to_owned(), digest: self.digest.to_ascii_lowercase() }
    }

    /// The name of the file on a storage: the template's own, so that it goes with the template. Proxmox VE imports only what
    /// has one of its endings (pve-notes section 8, Images).
    pub(super) fn file(&self, lab: &str, vmid: u32) -> String {
        let end = if self.url.ends_with(".raw") { "raw" } else { "qcow2" };
        format!("{}{}.{end}", file_prefix(lab, vmid), &self.digest.to_ascii_lowercase()[..16])
    }
}

/// How the names of a template's files begin.
pub(super) fn file_prefix(lab: &str, vmid: u32) -> String {
    format!("homelab-{lab}-{vmid}-")
}

const fn is_hex(text: &str, digits: usize) -> bool {
    let bytes = text.as_bytes();
    let mut n = 0;
    while n < bytes.len() {
        if !bytes[n].is_ascii_hexdigit() {
            return false;
        }
        n += 1;
    }
    n == digits
}

/// The address, and the beginning of the checksum.
impl fmt::Display for Image {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({} {}..)", self.url, self.algorithm, &self.digest[..12])
    }
}

impl Serialize for Image {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_the_lab_the_number_and_an_ending_that_can_be_imported() {
        assert_eq!(Image::UBUNTU_24_04.file("home", 9000), "homelab-home-9000-612b2c0cc1bc413a.qcow2");
        assert!(Image::DEBIAN_12.file("home", 1).ends_with(".qcow2"));
        let raw = Image::sha256("https://example.org/x.raw", Image::UBUNTU_24_04.digest);
        assert!(raw.file("home", 1).ends_with(".raw"));
    }

    #[test]
    #[should_panic(expected = "64 hexadecimal digits")]
    fn a_checksum_that_is_none_is_refused() {
        let _ = Image::sha256("https://example.org/x.qcow2", "612b");
    }
}
