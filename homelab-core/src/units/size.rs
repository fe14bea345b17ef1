//! Sizes of memory and disks, in bytes.
use super::{UnitError, serde_as_text};
use std::{
    fmt,
    iter::Sum,
    ops::{Add, Mul, Sub},
    str::FromStr,
};

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;
const TIB: u64 = 1 << 40;
const KB: u64 = 1_000;
const MB: u64 = 1_000_000;
const GB: u64 = 1_000_000_000;
const TB: u64 = 1_000_000_000_000;

/// A number of bytes, up to 16 EiB.
///
/// ```
/// use homelab_core::units::{Size, SizeUnits};
/// const MEMORY: Size = Size::gib(4);
/// assert_eq!(4.gib(), MEMORY);
/// assert_eq!(1536.mib().to_string(), "1536 MiB");
/// assert_eq!(8.tb().to_string(), "8 TB"); // as vendors of disks count
/// assert_eq!("32G".parse(), Ok(32.gib())); // as Proxmox writes: powers of 1024
/// ```
///
/// It prints as the smallest whole number of a unit, binary ones first, and serialises so: `"4 GiB"`, `"1234 B"`. What
/// it prints it reads back exactly. It also reads what Proxmox writes (`32G`, `1124M`, `528K`, `4T`, and plain bytes),
/// where one letter is a power of 1024; `8 TB`, with its `B`, is a power of 1000. Upper and lower case are the same.
///
/// Sums beyond 16 EiB, and differences below nothing, panic: [`checked_add`](Size::checked_add) and
/// [`checked_sub`](Size::checked_sub) are for numbers that come from outside.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Size(u64);

macro_rules! constructors {
    ($($(#[$doc:meta])* $name:ident = $unit:expr;)*) => {
        impl Size {
            $($(#[$doc])*
            ///
            /// # Panics
            /// Beyond 16 EiB; in a constant that is a compile error.
            #[must_use]
            #[track_caller]
            pub const fn $name(n: u64) -> Size {
                match n.checked_mul($unit) {
                    Some(bytes) => Size(bytes),
                    None => panic!("a size is at most 16 EiB"),
                }
            })*
        }

        /// Sizes as one says them: `4.gib()`, `8.tb()`. For constants there is [`Size::gib`] and its like.
        pub trait SizeUnits {
            $($(#[$doc])*
            ///
            /// # Panics
            /// Beyond 16 EiB.
            #[must_use]
            #[track_caller]
            fn $name(self) -> Size;)*
        }

        impl SizeUnits for u64 {
            $(#[track_caller]
            fn $name(self) -> Size {
                Size::$name(self)
            })*
        }
    };
}
constructors! {
    /// So many bytes.
    bytes = 1;
    /// So many times 1024 bytes.
    kib = KIB;
    /// So many times 1024 KiB.
    mib = MIB;
    /// So many times 1024 MiB.
    gib = GIB;
    /// So many times 1024 GiB.
    tib = TIB;
    /// So many times 1000 bytes.
    kb = KB;
    /// So many millions of bytes.
    mb = MB;
    /// So many times 10⁹ bytes, as vendors of disks count.
    gb = GB;
    /// So many times 10¹² bytes, as vendors of disks count.
    tb = TB;
}

impl Size {
    /// Nothing.
    pub const ZERO: Size = Size(0);

    /// How many bytes.
    #[must_use]
    pub const fn as_bytes(self) -> u64 {
        self.0
    }

    /// How many KiB, if it is a whole number of them.
    #[must_use]
    pub const fn whole_kib(self) -> Option<u64> {
        self.whole(KIB)
    }

    /// How many MiB, if it is a whole number of them: Proxmox counts memory so.
    #[must_use]
    pub const fn whole_mib(self) -> Option<u64> {
        self.whole(MIB)
    }

    /// How many GiB, if it is a whole number of them: Proxmox allocates disks so.
    #[must_use]
    pub const fn whole_gib(self) -> Option<u64> {
        self.whole(GIB)
    }

    const fn whole(self, unit: u64) -> Option<u64> {
        if self.0.is_multiple_of(unit) { Some(self.0 / unit) } else { None }
    }

    /// The sum, unless it is beyond 16 EiB.
    #[must_use]
    pub const fn checked_add(self, other: Size) -> Option<Size> {
        match self.0.checked_add(other.0) {
            Some(bytes) => Some(Size(bytes)),
            None => None,
        }
    }

    /// What is left, unless the other is larger.
    #[must_use]
    pub const fn checked_sub(self, other: Size) -> Option<Size> {
        match self.0.checked_sub(other.0) {
            Some(bytes) => Some(Size(bytes)),
            None => None,
        }
    }
}

impl Add for Size {
    type Output = Size;
    #[track_caller]
    fn add(self, other: Size) -> Size {
        self.checked_add(other).expect("a size is at most 16 EiB")
    }
}
impl Sub for Size {
    type Output = Size;
    #[track_caller]
    fn sub(self, other: Size) -> Size {
        self.checked_sub(other).expect("a size is not less than nothing")
    }
}
impl Mul<u64> for Size {
    type Output = Size;
    #[track_caller]
    fn mul(self, times: u64) -> Size {
        Size(self.0.checked_mul(times).expect("a size is at most 16 EiB"))
    }
}
impl Sum for Size {
    fn sum<I: Iterator<Item = Size>>(sizes: I) -> Size {
        sizes.fold(Size::ZERO, Size::add)
    }
}

impl Size {
    /// About this much, for people: cut to whole units of the largest that it has at least ten of. `37259 GiB`, not `39070132920 KiB`.
    #[must_use]
    pub fn about(self) -> Size {
        let unit = [TIB, GIB, MIB, KIB].into_iter().find(|unit| self.0 >= 10 * unit).unwrap_or(1);
        Size(self.0 / unit * unit)
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = [
            (TIB, "TiB"),
            (GIB, "GiB"),
            (MIB, "MiB"),
            (KIB, "KiB"),
            (TB, "TB"),
            (GB, "GB"),
            (MB, "MB"),
            (KB, "KB"),
            (1, "B"),
        ];
        let whole = units.into_iter().filter(|(unit, _)| self.0 != 0 && self.0.is_multiple_of(*unit));
        let (unit, name) = whole.min_by_key(|(unit, _)| self.0 / unit).unwrap_or((1, "B"));
        f.pad(&format!("{} {name}", self.0 / unit))
    }
}

impl FromStr for Size {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Size, UnitError> {
        let error = |why| UnitError::new("a size", text, why);
        let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
        let (number, unit) = text.split_at(digits);
        let unit = match unit.trim().to_ascii_lowercase().as_str() {
            "" | "b" => 1,
            "k" | "kib" => KIB,
            "m" | "mib" => MIB,
            "g" | "gib" => GIB,
            "t" | "tib" => TIB,
            "kb" => KB,
            "mb" => MB,
            "gb" => GB,
            "tb" => TB,
            _ => return Err(error("its unit is none of B, KiB, MiB, GiB, TiB, KB, MB, GB, TB and K, M, G, T")),
        };
        // Proxmox takes fractions, `1.5G`; they are fine when they are a whole number of bytes.
        let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
        let number =
            |digits: &str| digits.parse::<u64>().map_err(|_| error("it starts with no number of a sensible length"));
        let scale = 10u64.checked_pow(fraction.len() as u32).ok_or_else(|| error("it has too many decimal places"))?;
        let part = u128::from(number(fraction)?) * u128::from(unit);
        if !part.is_multiple_of(scale.into()) {
            return Err(error("it is not a whole number of bytes"));
        }
        let bytes = u128::from(number(whole)?) * u128::from(unit) + part / u128::from(scale);
        u64::try_from(bytes).map(Size).map_err(|_| error("it is more than 16 EiB"))
    }
}
serde_as_text!(Size);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn sizes_print_as_the_smallest_whole_number() {
        for (size, text) in [
            (Size::ZERO, "0 B"),
            (4.gib(), "4 GiB"),
            (4096.mib(), "4 GiB"),
            (528.kib(), "528 KiB"),
            (50.tib(), "50 TiB"),
            (8.tb(), "8 TB"),
            (900.gb(), "900 GB"),
            (1234.bytes(), "1234 B"),
            (Size::bytes(u64::MAX), "18446744073709551615 B"),
        ] {
            assert_eq!(size.to_string(), text);
        }
        assert_eq!(format!("{:>8}|", 4.gib()), "   4 GiB|");
    }

    #[test]
    fn what_proxmox_writes_is_read_in_powers_of_1024() {
        for (text, size) in
            [("32G", 32.gib()), ("1124M", 1124.mib()), ("528K", 528.kib()), ("4T", 4.tib()), ("4194304", 4.mib())]
        {
            assert_eq!(text.parse(), Ok(size), "{text}");
        }
        assert_eq!("1.5g".parse(), Ok(1536.mib()));
        assert_eq!("8TB".parse(), Ok(8.tb()));
    }

    #[test]
    fn what_is_no_size_says_why() {
        for (text, why) in [
            ("", "no number"),
            ("G", "no number"),
            ("-4G", "its unit"),
            ("4 apples", "its unit"),
            ("1.2.3G", "no number"),
            ("0.3K", "whole number of bytes"),
            ("17000000T", "16 EiB"),
            ("1.000000000000000000000000001G", "decimal places"),
        ] {
            let error = text.parse::<Size>().unwrap_err().to_string();
            assert!(error.starts_with(&format!("`{text}` is not a size: ")) && error.contains(why), "{error}");
        }
    }

    #[test]
    fn arithmetic_is_checked() {
        assert_eq!(1.gib() + 512.mib() - 1.mib() * 512, 1.gib());
        assert_eq!([1.gib(), 3.gib()].into_iter().sum::<Size>(), 4.gib());
        assert_eq!(Size::bytes(u64::MAX).checked_add(1.bytes()), None);
        assert_eq!(1.kib().checked_sub(1.mib()), None);
        assert_eq!((1536.mib().whole_gib(), 1536.mib().whole_mib()), (None, Some(1536)));
    }

    #[test]
    #[should_panic(expected = "at most 16 EiB")]
    fn a_size_beyond_all_disks_panics() {
        let _ = 17_000_000.tib();
    }

    proptest! {
        #[test]
        fn what_is_printed_is_read_back(
            n in any::<u64>(),
            unit in prop::sample::select(vec![1, KIB, MIB, GIB, TIB, GB, TB]),
        ) {
            let size = Size(n / unit * unit);
            prop_assert_eq!(size.to_string().parse(), Ok(size));
            let json = serde_json::to_string(&size).unwrap();
            prop_assert_eq!(serde_json::from_str::<Size>(&json).unwrap(), size);
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in "[0-9.]{0,30}.{0,5}") {
            let _ = text.parse::<Size>();
        }
    }
}
