//! The boards that can be a name server.
use serde::{Deserialize, Serialize};
use std::fmt;

/// A board.
///
/// The stock aarch64 image of NixOS boots on the models 3 and 4: its `config.txt` has sections for both. The model 5 has neither
/// its device trees nor its settings in it (nixos-hardware issues 1894 and 1928), so it has to be asked for with [`Untested`].
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

    /// The section of the firmware's `config.txt` without which the board does not boot.
    #[must_use]
    pub const fn section(self) -> &'static str {
        match self {
            Board::Pi3 => "pi3",
            Board::Pi4 => "pi4",
            Board::Pi5(_) => "pi5",
        }
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
