//! Sizes of disks as Proxmox VE writes them: `32G`, `1124M`, `528K`, or bytes without a unit.
use super::property::{ConfigError, as_text};
use std::{
    fmt::{self, Display},
    str::FromStr,
};

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;
const TIB: u64 = 1 << 40;

/// A size in bytes. `1G` and `1024M` are equal; it prints in the largest unit that divides it, as the server does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DiskSize(u64);

impl DiskSize {
    /// A size of so many bytes.
    #[must_use]
    pub const fn bytes(bytes: u64) -> Self {
        DiskSize(bytes)
    }

    /// A size of so many mebibytes.
    #[must_use]
    pub const fn mib(mib: u64) -> Self {
        DiskSize(mib * MIB)
    }

    /// A size of so many gibibytes.
    #[must_use]
    pub const fn gib(gib: u64) -> Self {
        DiskSize(gib * GIB)
    }

    /// The size in bytes.
    #[must_use]
    pub const fn as_bytes(self) -> u64 {
        self.0
    }

    /// The number of GiB, as an allocation `STORE:4` or `STORE:0.5` wants it; exact, for dividing by 2^30 only moves the
    /// point (up to 2^53 bytes).
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "disks are smaller than 8 PiB")]
    pub fn as_gib(self) -> f64 {
        self.0 as f64 / GIB as f64
    }
}

impl Display for DiskSize {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (unit, name) = [(TIB, "T"), (GIB, "G"), (MIB, "M"), (KIB, "K")]
            .into_iter()
            .find(|(unit, _)| self.0 >= *unit && self.0.is_multiple_of(*unit))
            .unwrap_or((1, ""));
        write!(to, "{}{name}", self.0 / unit)
    }
}

impl FromStr for DiskSize {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<Self, ConfigError> {
        let wrong = || ConfigError::new("size", text, "write it as a number and K, M, G or T");
        let (number, unit) = match text.as_bytes().last() {
            Some(b'K') => (&text[..text.len() - 1], KIB),
            Some(b'M') => (&text[..text.len() - 1], MIB),
            Some(b'G') => (&text[..text.len() - 1], GIB),
            Some(b'T') => (&text[..text.len() - 1], TIB),
            _ => (text, 1),
        };
        decimal_times(number, unit).map(DiskSize).ok_or_else(wrong)
    }
}
as_text!(DiskSize);

/// `number * unit` in bytes, rounded down, for an unsigned decimal of at most 9 digits after the point; nothing for
/// what is no number or does not fit.
pub(crate) fn decimal_times(number: &str, unit: u64) -> Option<u64> {
    let (whole, part) = number.split_once('.').unwrap_or((number, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(part) {
        return None;
    }
    let part = &part[..part.len().min(30)];
    let scale = 10_u128.checked_pow(u32::try_from(part.len()).ok()?)?;
    let fraction = part.parse::<u128>().ok()?.checked_mul(u128::from(unit))? / scale;
    let whole = whole.parse::<u128>().ok()?.checked_mul(u128::from(unit))?;
    u64::try_from(whole.checked_add(fraction)?).ok()
}

/// The number of bytes in a GiB, for allocations.
pub(crate) const GIB_BYTES: u64 = GIB;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_print_in_the_largest_unit_that_divides_them() {
        for text in ["528K", "1124M", "128M", "4M", "3G", "512M", "32G", "2T", "17"] {
            assert_eq!(text.parse::<DiskSize>().unwrap().to_string(), text);
        }
        assert_eq!("1024M".parse::<DiskSize>().unwrap().to_string(), "1G");
        assert_eq!("1.5G".parse::<DiskSize>().unwrap(), DiskSize::mib(1536));
        assert_eq!("0".parse::<DiskSize>().unwrap().to_string(), "0");
    }

    #[test]
    fn what_is_no_size_is_refused() {
        for text in ["", "G", "abc", "-1G", "1 G", "1.G", "+1G", "99999999999999999999T"] {
            assert!(text.parse::<DiskSize>().is_err(), "{text}");
        }
    }
}
