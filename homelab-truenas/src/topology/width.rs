//! The widths that a layout can have, checked by the compiler where the pool is declared.
use super::Disk;

/// Disks that make a mirror: 2 to 12.
#[diagnostic::on_unimplemented(
    message = "a mirror cannot be made of `{Self}`",
    label = "a mirror has 2 to 12 disks",
    note = "hand it an array of disks: `let [a, b] = NAS.disks([\"SERIAL\", \"SERIAL\"]);` and `.mirror([a, b])`"
)]
pub trait MirrorWidth: Sealed {}

/// Disks that make a RAIDZ1 vdev: 3 to 24.
#[diagnostic::on_unimplemented(
    message = "a RAIDZ1 vdev cannot be made of `{Self}`",
    label = "RAIDZ1 has 3 to 24 disks, one of which may fail",
    note = "of two disks make a mirror: `.mirror([a, b])`"
)]
pub trait Raidz1Width: Sealed {}

/// Disks that make a RAIDZ2 vdev: 4 to 24.
#[diagnostic::on_unimplemented(
    message = "a RAIDZ2 vdev cannot be made of `{Self}`",
    label = "RAIDZ2 has 4 to 24 disks, two of which may fail",
    note = "of three disks make a mirror of three, `.mirror([a, b, c])`: it holds as much, and two may fail as well"
)]
pub trait Raidz2Width: Sealed {}

/// Disks that make a RAIDZ3 vdev: 5 to 24.
#[diagnostic::on_unimplemented(
    message = "a RAIDZ3 vdev cannot be made of `{Self}`",
    label = "RAIDZ3 has 5 to 24 disks, three of which may fail",
    note = "of four disks make a mirror of four: it holds as much, and three may fail as well"
)]
pub trait Raidz3Width: Sealed {}

/// An array of disks.
pub trait Sealed {
    /// The disks.
    #[doc(hidden)]
    fn list(self) -> Vec<Disk>;
}
impl<const N: usize> Sealed for [Disk; N] {
    fn list(self) -> Vec<Disk> {
        self.into()
    }
}

macro_rules! widths {
    ($($layout:ident: $($n:literal)*;)*) => { $($(impl $layout for [Disk; $n] {})*)* };
}
widths! {
    MirrorWidth: 2 3 4 5 6 7 8 9 10 11 12;
    Raidz1Width: 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24;
    Raidz2Width: 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24;
    Raidz3Width: 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24;
}
