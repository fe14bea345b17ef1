//! Reading the image of a CD as a guest does: its label, and the files in its directory by their names of Joliet.

const SECTOR: usize = 2048;

/// What is on a CD.
pub(crate) struct Disc {
    pub(crate) label: String,
    /// Names and contents.
    pub(crate) files: Vec<(String, Vec<u8>)>,
}

/// Reads an image; nothing if it is none.
pub(crate) fn read(image: &[u8]) -> Option<Disc> {
    let sector = |at: usize| image.get(at * SECTOR..(at + 1) * SECTOR);
    let descriptors: Vec<&[u8]> =
        (16..32).map_while(sector).take_while(|d| d[1..6] == *b"CD001" && d[0] != 255).collect();
    descriptors.iter().find(|d| d[0] == 1)?;
    let joliet = descriptors.iter().find(|d| d[0] == 2 && d[88..90] == *b"%/")?;
    let mut files = Vec::new();
    let (at, length) = place(joliet.get(156..190)?)?;
    let directory = image.get(at..at + length)?;
    let mut rest = directory;
    while let Some(entry) =
        rest.first().filter(|length| **length > 33).and_then(|length| rest.get(..usize::from(*length)))
    {
        rest = &rest[entry.len()..];
        let name = entry.get(33..33 + usize::from(entry[32]))?;
        if name.len() < 2 || entry[25] & 2 != 0 {
            continue;
        }
        let (at, length) = place(entry)?;
        files.push((ucs2(name), image.get(at..at + length)?.to_vec()));
    }
    Some(Disc { label: ucs2(&joliet[40..72]).trim_end().to_owned(), files })
}

/// Where the contents of an entry begin, and how many bytes they are.
fn place(entry: &[u8]) -> Option<(usize, usize)> {
    let number = |at: usize| Some(u32::from_be_bytes(entry.get(at..at + 4)?.try_into().ok()?) as usize);
    Some((number(6)? * SECTOR, number(14)?))
}

fn ucs2(bytes: &[u8]) -> String {
    let units: Vec<u16> = bytes.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect();
    String::from_utf16_lossy(&units)
}
