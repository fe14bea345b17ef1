//! The table of partitions in the first sector.

/// The size of a sector.
pub(crate) const SECTOR: u64 = 512;

/// A partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Partition {
    /// Its type: 0x0b for FAT32, 0x83 for Linux.
    pub kind: u8,
    /// Whether it is marked as the one to boot from.
    pub is_bootable: bool,
    /// Where it begins, in bytes.
    pub start: u64,
    /// Its length in bytes.
    pub len: u64,
}

/// Why there is no table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadMbr {
    /// The image ends within the first sector.
    #[error("it is shorter than a sector")]
    Short,
    /// The signature 55 AA is not there.
    #[error("its first sector has no boot signature")]
    NoSignature,
}

/// The partitions of a first sector, those that are used.
///
/// # Errors
/// When it is none.
pub fn partitions(sector: &[u8]) -> Result<Vec<Partition>, BadMbr> {
    let sector = sector.get(..SECTOR as usize).ok_or(BadMbr::Short)?;
    if sector[510..] != [0x55, 0xaa] {
        return Err(BadMbr::NoSignature);
    }
    let number = |bytes: &[u8]| bytes.iter().rev().fold(0u64, |n, b| n << 8 | u64::from(*b));
    let entry = |e: &[u8]| Partition {
        kind: e[4],
        is_bootable: e[0] == 0x80,
        start: number(&e[8..12]) * SECTOR,
        len: number(&e[12..16]) * SECTOR,
    };
    Ok(sector[446..510].chunks_exact(16).map(entry).filter(|p| p.kind != 0).collect())
}
