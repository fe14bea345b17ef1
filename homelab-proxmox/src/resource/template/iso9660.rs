//! The smallest CD image that a guest reads: one directory of files, in ISO 9660 (ECMA-119) with the names of Joliet.
//!
//! A FAT image would be as small, but drives of CDs have sectors of 2048 bytes, and Linux refuses a FAT of smaller ones. The plain names
//! of ISO 9660 have eight letters, so what counts are Joliet's, which Linux takes where there is no Rock Ridge.

const SECTOR: usize = 2048;
/// The first sectors are for boot loaders.
const SYSTEM: u32 = 16;
const PRIMARY: u32 = SYSTEM;
const PRIMARY_PATHS: u32 = SYSTEM + 3;
const JOLIET_PATHS: u32 = SYSTEM + 5;
const PRIMARY_ROOT: u32 = SYSTEM + 7;
const JOLIET_ROOT: u32 = SYSTEM + 8;
const FIRST_FILE: u32 = SYSTEM + 9;
/// The bytes of a path table with nothing but a root.
const PATHS: u32 = 10;
/// Joliet at level 3: its names are UCS-2.
const JOLIET: &[u8; 3] = b"%/E";

/// A file: its name by Joliet, its name of eight letters, and what is in it.
pub(super) struct File<'a> {
    pub(super) name: &'a str,
    pub(super) plain: &'a str,
    pub(super) content: &'a [u8],
}

/// The image of a volume with these files, in the order of their names. The same files make the same bytes: no time is in it.
pub(super) fn image(label: &str, files: &[File<'_>]) -> Vec<u8> {
    let mut next = FIRST_FILE;
    let mut places = vec![];
    for file in files {
        places.push((next, number(file.content.len())));
        next += number(file.content.len().div_ceil(SECTOR));
    }
    let ucs2 = |text: &str| text.encode_utf16().flat_map(u16::to_be_bytes).collect::<Vec<u8>>();
    let mut sectors = vec![
        descriptor(label.as_bytes().to_vec(), b" ", None, next, PRIMARY_PATHS, PRIMARY_ROOT),
        descriptor(ucs2(label), b"\0 ", Some(JOLIET), next, JOLIET_PATHS, JOLIET_ROOT),
        [&[255][..], b"CD001", &[1]].concat(),
    ];
    for root in [PRIMARY_ROOT, JOLIET_ROOT] {
        sectors.push([&[1, 0][..], &root.to_le_bytes(), &1u16.to_le_bytes(), &[0, 0]].concat());
        sectors.push([&[1, 0][..], &root.to_be_bytes(), &1u16.to_be_bytes(), &[0, 0]].concat());
    }
    let named = |name: &dyn Fn(&File<'_>) -> Vec<u8>| {
        files.iter().zip(&places).flat_map(|(file, place)| entry(&name(file), *place, false)).collect::<Vec<u8>>()
    };
    sectors.push([root(PRIMARY_ROOT), named(&|file| file.plain.as_bytes().to_vec())].concat());
    sectors.push([root(JOLIET_ROOT), named(&|file| ucs2(file.name))].concat());
    sectors.extend(files.iter().map(|file| file.content.to_vec()));
    let mut image = vec![0; PRIMARY as usize * SECTOR];
    for mut part in sectors {
        part.resize(part.len().div_ceil(SECTOR) * SECTOR, 0);
        image.append(&mut part);
    }
    image
}

/// A volume descriptor (ECMA-119, 8.4 and 8.5).
fn descriptor(label: Vec<u8>, blank: &[u8], escape: Option<&[u8]>, end: u32, paths: u32, root: u32) -> Vec<u8> {
    let blanks = |bytes: usize| blank.iter().copied().cycle().take(bytes).collect::<Vec<u8>>();
    let mut volume = blanks(32);
    volume[..label.len()].copy_from_slice(&label);
    let mut escapes = [0; 32];
    escapes[..escape.map_or(0, <[u8]>::len)].copy_from_slice(escape.unwrap_or_default());
    let never = [&[b'0'; 16][..], &[0]].concat();
    [
        [&[if escape.is_some() { 2 } else { 1 }][..], b"CD001", &[1, 0]].concat(),
        blanks(32),
        volume,
        vec![0; 8],
        both(end),
        escapes.to_vec(),
        [short(1), short(1), short(2048)].concat(),
        both(PATHS),
        [paths.to_le_bytes(), [0; 4], (paths + 1).to_be_bytes(), [0; 4]].concat(),
        entry(&[0], (root, 2048), true),
        // Who made it, and of what it is: nobody says so.
        blanks(4 * 128),
        blanks(37),
        blanks(37),
        blanks(37),
        never.repeat(4),
        vec![1, 0],
    ]
    .concat()
}

/// The entries of the directory for itself and for the one above it, which is itself.
fn root(at: u32) -> Vec<u8> {
    [entry(&[0], (at, 2048), true), entry(&[1], (at, 2048), true)].concat()
}

/// An entry of a directory (ECMA-119, 9.1), dated to the beginning of 1970.
fn entry(name: &[u8], (at, bytes): (u32, u32), directory: bool) -> Vec<u8> {
    let padding = if name.len().is_multiple_of(2) { 1 } else { 0 };
    let length = 33 + name.len() + padding;
    let mut entry = vec![length.to_le_bytes()[0], 0];
    entry.extend([both(at), both(bytes), vec![70, 1, 1, 0, 0, 0, 0, if directory { 2 } else { 0 }, 0, 0]].concat());
    entry.extend([short(1), vec![name.len().to_le_bytes()[0]], name.to_vec(), vec![0; padding]].concat());
    entry
}

/// A number in both orders of bytes.
fn both(number: u32) -> Vec<u8> {
    [number.to_le_bytes(), number.to_be_bytes()].concat()
}

fn short(number: u16) -> Vec<u8> {
    [number.to_le_bytes(), number.to_be_bytes()].concat()
}

fn number(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}
