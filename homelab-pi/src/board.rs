//! The boards that can be a name server.
use serde::{Deserialize, Serialize};
use std::fmt;

/// A board.
///
/// The stock aarch64 image of NixOS boots on the models 3 and 4: its `config.txt` has sections for both. It has neither the device
/// trees nor the settings of the model 5, whose boot loader in the EEPROM starts nothing without them (nixos-hardware issue 1928). They
/// come from nixos-hardware (pull request 1894), and the model has to be asked for with [`Untested`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Board {
    /// Raspberry Pi 3 B and B+, 1 GB.
    Pi3,
    /// Raspberry Pi 4 B.
    Pi4,
    /// Raspberry Pi 5, with the kernel of the project nixos-hardware.
    Pi5(Untested),
}

/// Says that a board is wanted although nobody has tried it: keep a display and a spare card at hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Untested;

impl Board {
    /// Every board.
    pub const ALL: [Board; 3] = [Board::Pi3, Board::Pi4, Board::Pi5(Untested)];

    /// The section of the firmware's `config.txt` that is for this board alone.
    #[must_use]
    pub const fn section(self) -> &'static str {
        match self {
            Board::Pi3 => "pi3",
            Board::Pi4 => "pi4",
            Board::Pi5(_) => "pi5",
        }
    }

    /// Its device tree, as the kernel and the firmware name it.
    #[must_use]
    pub const fn device_tree(self) -> &'static str {
        match self {
            Board::Pi3 => "bcm2837-rpi-3-b.dtb",
            Board::Pi4 => "bcm2711-rpi-4-b.dtb",
            Board::Pi5(_) => "bcm2712-rpi-5-b.dtb",
        }
    }

    /// Whether its boot loader wants to see that tree beside `config.txt` before it starts anything.
    #[must_use]
    pub const fn checks_its_tree(self) -> bool {
        matches!(self, Board::Pi5(_))
    }

    /// Whether it may have no more than 1 GB of memory, so that caches are halved.
    #[must_use]
    pub const fn is_small(self) -> bool {
        matches!(self, Board::Pi3)
    }
}

impl fmt::Display for Board {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Board::Pi3 => "Raspberry Pi 3",
            Board::Pi4 => "Raspberry Pi 4",
            Board::Pi5(_) => "Raspberry Pi 5",
        })
    }
}
