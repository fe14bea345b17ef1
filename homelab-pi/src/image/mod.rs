//! A card's image: what is in it, looked at without root and without a loop device, and what is put into it before it is written.
//!
//! The layout is that of nixpkgs' `sd-image.nix`: an MBR, a FAT partition with the firmware, and an ext4 root with the boot loader's
//! configuration, the kernels and the store.
mod config_txt;
mod extlinux;
mod inspect;
mod look;
mod mbr;
mod part;
mod secrets;

pub use extlinux::{Entry, default_entry};
pub use inspect::{Finding, Inspection, inspect};
pub use look::{Looked, look, sum};
pub use mbr::{BadMbr, Partition, partitions};
pub use secrets::inject;
