use super::*;
use data_encoding::BASE64;

/// What the program `age` and the crate of that name make: two identities, and files for them.
const A: (&str, &str) = (
    "AGE-SECRET-KEY-18DCCUD8FLGV5P7DAALE2FAF3ZDCHCH4S9KY78QVS27ZZ59REG2GQH7YWSK",
    "age15l3zmuys8c4uw6asxc8t7fgw4nwnhtfz05yp9p2vzf2hqfyad5xsgsj2jj",
);
const B: &str = "AGE-SECRET-KEY-1KNWY56VC69TG5R9P3M4TA88SK9W3P6Z3QZ8A77ZF8ZSJFFDF9ZCQSH8HK7";
/// For the first, with a stanza that means nothing, as every file of that crate has one.
const ONE: &str = "YWdlLWVuY3J5cHRpb24ub3JnL3YxCi0+IFgyNTUxOSAvYVUyL0pGeFU4UnU3RUkrUWRWYVdjdjNwcmIrSkdUbTVVTzRDRE9tQVZRCldIQ09nZUlJMWVMODdyNWpKYjJRVGxub25UWjN3ejNCbE1FY2R2ZkI1R3MKLT4gRj1BKzUtZ3JlYXNlIGdrUj1tIgpKU2g1eHRTc1RKTQotLS0gOVdGVE13Z1FHVDlpYmdBaEJ5RHRvYWFiRGwwVjFRc3FVRHB5K0xyZURiawoXyVWRWGUBTmTvl1oi8BbIhP7Qlu7UHQq9oF5irzpuf+HoKwr0Iw4V";
/// For a key of SSH, the second and the first.
const THREE: &str = "YWdlLWVuY3J5cHRpb24ub3JnL3YxCi0+IHNzaC1lZDI1NTE5IFBZWDRvdyBYMEQxWTNmZkp6ZzJkVVV6NVo3WWw3N2h5V1ZkSzNPZFdOWWw1cENTdTBJCnJtZldEZWRKYUVCb092dmNNRHlsK3JwTUJadHZKSm9PWEFWeUp4MnpxbEEKLT4gWDI1NTE5IHNCQnZNRHpQeTRHcHoweGRVdUNSSXIySzFOMk1FL2xBNDJicVk5dVdQV2cKcW1wclI0bTJNQTJyQjdIL0xpMG1VSEdteXF0SDhodHJ0V0ZKMmJtRXZpSQotPiBYMjU1MTkgRldaU0JWQ1ZPVzJJL2FJVVJNa3llQVROM1h3elh1czc2RFhVRjYrKzIzUQpRbkROWWRtTG43V3lsU2t6K3FKR0NTTFZCYlA5RVEwaXRWTzJTSVZvci9jCi0+IEctZ3JlYXNlCk5aT0M5WnFxOWQySzVOSGpreVBQcDRJZ0dWd0tyNjhzSXdnCi0tLSBucHRLYmk5ZXU4cUZXWmRuMURwWHdhRDVpaE90SWo4SnJzaTZHQTBLcFZzChQDsiTS5w7DopqMzlBpSOfCLjIlpgru2TrYXuQ5asfTd6LuhWzxoKk=";
/// For the first, with nothing in it.
const EMPTY: &str = "YWdlLWVuY3J5cHRpb24ub3JnL3YxCi0+IFgyNTUxOSBIaUh1VGo3c1lWSUlERW9pMzM0d1NRVUs2dUZBMWlsNTJMV1lEZUhRL3lZCll5eDF1WEQvUTFWRGdoelFheERsODdGZGhRRDg2L0hsd1NjY01kSmR6UFUKLT4gP208Pi1ncmVhc2UgITUKeTRyaUovSThsUkExVFlET1VNSUFtdjV3ZVVFK3dJYU9mT1dhcnNiMUhmSEVlMk5IQTFZVUlFYXFUQTVobk85YQptb29hCi0tLSAveFRPbDdZaGdZZTlwRjloV21XMTNaRUNFbjhtYkpZM01TQmZ6MXBZVWZrCjgCLtuJX0TnlYU5kEvUpM4a5+JdWIzW8Tw5mvPQtTu2";

fn a() -> Identity {
    A.0.parse().unwrap()
}

fn open(file: &str, identity: &str) -> Result<Vec<u8>, Refused> {
    let file = BASE64.decode(file.as_bytes()).unwrap();
    decrypt(&file, &[identity.parse().unwrap()]).map(|text| text.to_vec())
}

#[test]
fn files_that_the_library_of_age_made_are_opened() {
    assert_eq!(open(ONE, A.0).unwrap(), b"a secret");
    assert_eq!(open(THREE, A.0).unwrap(), b"of three");
    assert_eq!(open(THREE, B).unwrap(), b"of three");
    assert_eq!(open(EMPTY, A.0).unwrap(), b"");
}

#[test]
fn an_identity_is_the_same_text_and_the_same_recipient_as_age_keygen_says() {
    assert_eq!(*a().text(), A.0);
    assert_eq!(a().recipient().to_string(), A.1);
    let new = Identity::generate().unwrap();
    assert_eq!(new.text().parse::<Identity>().unwrap().recipient().to_string(), new.recipient().to_string());
    for wrong in [&A.0.to_lowercase(), A.1, &A.0[..73], &A.0.replace("8D", "8E"), ""] {
        assert!(wrong.parse::<Identity>().is_err(), "{wrong}");
    }
}

#[test]
fn what_is_encrypted_is_opened_by_each_it_is_for_and_by_nobody_else() {
    let (one, other, stranger) = (a(), Identity::generate().unwrap(), Identity::generate().unwrap());
    for length in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 2 * CHUNK + 1] {
        let text = vec![7; length];
        let both = [one.text().parse().unwrap(), other.text().parse().unwrap()];
        let file = encrypt(&text, &both).unwrap();
        for identity in both {
            assert!(*decrypt(&file, &[identity]).unwrap() == text, "{length} bytes");
        }
        assert_eq!(decrypt(&file, &[stranger.text().parse().unwrap()]).err(), Some(Refused::NotForUs));
    }
}

#[test]
fn no_byte_of_a_file_can_be_changed_and_none_be_missing_or_added() {
    let file = encrypt(b"a secret", &[a()]).unwrap();
    for at in 0..file.len() {
        for bit in 0..8 {
            let mut changed = file.clone();
            changed[at] ^= 1 << bit;
            assert!(decrypt(&changed, &[a()]).is_err(), "bit {bit} of byte {at}");
        }
        assert!(decrypt(&file[..at], &[a()]).is_err(), "cut off at {at}");
    }
    assert_eq!(decrypt(&[&file[..], b"x"].concat(), &[a()]).err(), Some(Refused::Content));
}

#[test]
fn chunks_can_neither_be_left_out_nor_change_places() {
    let file = encrypt(&vec![7; 3 * CHUNK], &[a()]).unwrap();
    let first = file.len() - 3 * (CHUNK + TAG);
    let chunks: Vec<&[u8]> = file[first..].chunks(CHUNK + TAG).collect();
    for order in [&[0, 1][..], &[0, 2], &[1, 0, 2], &[0, 1, 1, 2], &[]] {
        let some: Vec<u8> = order.iter().flat_map(|n| chunks[*n]).copied().collect();
        let refused = decrypt(&[&file[..first], &some].concat(), &[a()]).err();
        assert_eq!(refused, Some(Refused::Content), "{order:?}");
    }
}

fn key_of(stanza: &Stanza<'_>) -> ([u8; 32], FileKey) {
    let share = exactly(stanza.arguments[1]).unwrap();
    let key = a().unwrap(&share, stanza.body.as_slice().try_into().unwrap()).unwrap();
    (share, key.unwrap())
}

#[test]
fn a_last_chunk_with_nothing_in_it_is_refused_unless_it_is_the_only_one() {
    let file = encrypt(&vec![7; CHUNK], &[a()]).unwrap();
    let Header { stanzas, rest, .. } = Header::of(&file).unwrap();
    let key = derived(&rest[..16], &*key_of(&stanzas[0]).1, b"payload");
    let (mut first, mut empty) = (vec![7; CHUNK], vec![]);
    seal(&key, nonce(0, false), &mut first).unwrap();
    seal(&key, nonce(1, true), &mut empty).unwrap();
    let before = file.len() - CHUNK - TAG;
    assert_eq!(decrypt(&[&file[..before], &first, &empty].concat(), &[a()]).err(), Some(Refused::Content));
}

/// The stanza of a file of nothing, and what opens that file with any stanzas before `---` whose code of authentication is right.
fn with_stanzas() -> (String, impl Fn(&str, &str) -> Result<Vec<u8>, Refused>) {
    let file = encrypt(b"", &[a()]).unwrap();
    let Header { stanzas, rest, .. } = Header::of(&file).unwrap();
    let (share, file_key) = key_of(&stanzas[0]);
    let (rest, body) = (rest.to_vec(), BASE64_NOPAD.encode(&stanzas[0].body));
    let stanza = format!("-> X25519 {}\n{body}\n", BASE64_NOPAD.encode(&share));
    let open = move |stanzas: &str, before_mac: &str| {
        let signed = format!("{VERSION}\n{stanzas}{END}");
        let mac = BASE64_NOPAD.encode(hmac::sign(&header_key(&file_key), signed.as_bytes()).as_ref());
        let file = [format!("{signed}{before_mac}{mac}\n").as_bytes(), &rest].concat();
        decrypt(&file, &[a()]).map(|text| text.to_vec())
    };
    (stanza, open)
}

#[test]
fn a_header_that_the_format_forbids_is_refused_even_if_its_author_knows_the_key() {
    let (stanza, open) = with_stanzas();
    let full_line = "A".repeat(LINE);
    for fine in ["", "-> other !~ x\n\n", "-> other\nAAAA\n", &format!("-> other\n{full_line}\n\n")] {
        assert_eq!(open(&format!("{fine}{stanza}"), " "), Ok(vec![]), "{fine:?}");
    }
    let low = format!("-> X25519 {}\n{}\n", BASE64_NOPAD.encode(&[0; 32]), BASE64_NOPAD.encode(&[0; 32]));
    for wrong in [
        String::new(),
        // A share that agrees with every key, one that is too short, and one argument too many.
        format!("{low}{stanza}"),
        format!("-> X25519 AAAA\n{}\n{stanza}", BASE64_NOPAD.encode(&[0; 32])),
        format!("{}{stanza}", low.replace("-> X25519", "-> X25519 x")),
        format!("-> X25519 {}\nAAAA\n{stanza}", BASE64_NOPAD.encode(&[9; 32])),
        stanza.replace("-> ", "->  "),
        stanza.replace("-> ", "- "),
        stanza.replace('\n', "\r\n"),
        format!("-> \n\n{stanza}"),
        format!("-> \u{e9}\n\n{stanza}"),
        format!("-> other\n{full_line}\n{stanza}"),
        format!("-> other\n{full_line}AAAA\n\n{stanza}"),
        format!("-> other\nAAA=\n{stanza}"),
        format!("-> other\nAB\n{stanza}"),
        format!("-> other\n{stanza}"),
    ] {
        assert_eq!(open(&wrong, " "), Err(Refused::Header), "{wrong:?}");
    }
    for before_mac in ["", "  ", "\n"] {
        assert_eq!(open(&stanza, before_mac), Err(Refused::Header), "{before_mac:?}");
    }
    let file = encrypt(b"", &[a()]).unwrap();
    let later = [b"age-encryption.org/v2", &file[VERSION.len()..]].concat();
    assert_eq!(decrypt(&later, &[a()]).err(), Some(Refused::NotAge));
}
