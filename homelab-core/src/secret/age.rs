//! Files of age, the format that the store of secrets has: <https://c2sp.org/age>, of which this is the part for keys of X25519.
//!
//! The crate `age` does more, and brings seventy others for it, most of them for translations: a fifth of what a lab is built from.
//! What is cryptography here is `ring`'s and `curve25519-dalek`'s, which SSH and TLS need anyway.
use curve25519_dalek::MontgomeryPoint;
use data_encoding::BASE64_NOPAD;
use ring::{
    aead::{self, Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey},
    hkdf::{HKDF_SHA256, Salt},
    hmac::{self, HMAC_SHA256},
    rand::{SecureRandom, SystemRandom},
};
use std::{fmt, io, str::FromStr};
use zeroize::Zeroizing;

const VERSION: &str = "age-encryption.org/v1";
const STANZA: &str = "-> ";
const END: &str = "---";
const TAG: usize = 16;
/// What is encrypted at once.
const CHUNK: usize = 64 << 10;
/// How long a line of a body is; a shorter one is its last.
const LINE: usize = 64;

type Key = Zeroizing<[u8; 32]>;
type FileKey = Zeroizing<[u8; 16]>;

/// What opens files: a secret key of X25519, in text `AGE-SECRET-KEY-1..`.
pub(super) struct Identity(Key);

/// For whom a file can be encrypted: the public key of an identity, in text `age1..`.
#[derive(Clone, Copy)]
pub(super) struct Recipient([u8; 32]);

/// Why a file cannot be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// It does not begin as one of age.
    NotAge,
    /// It is encrypted for others.
    NotForUs,
    /// Its header is not as it was written.
    Header,
    /// What it holds is not as it was written, or cut off.
    Content,
}

impl Identity {
    /// A new one.
    pub(super) fn generate() -> io::Result<Identity> {
        random().map(Identity)
    }

    pub(super) fn recipient(&self) -> Recipient {
        Recipient(MontgomeryPoint::mul_base_clamped(*self.0).to_bytes())
    }

    pub(super) fn text(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(bech32("age-secret-key-", &*self.0));
        text.make_ascii_uppercase();
        text
    }

    /// The key of a file, if this stanza is for this identity.
    fn unwrap(&self, share: &[u8; 32], body: &[u8; 32]) -> Result<Option<FileKey>, Refused> {
        let key = wrapping(&self.0, *share, share, &self.recipient()).ok_or(Refused::Header)?;
        let mut body = Zeroizing::new(*body);
        let open = sealing(&key).open_in_place(nonce(0, false), Aad::empty(), &mut *body).ok();
        Ok(open.and_then(|open| open.try_into().ok()).map(Zeroizing::new))
    }
}

impl FromStr for Identity {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        // In small letters it is none, says the format.
        let upper = text == text.to_ascii_uppercase();
        let key = Zeroizing::new(unbech32("age-secret-key-", text).filter(|_| upper).ok_or(())?);
        key.as_slice().try_into().map(|key| Identity(Zeroizing::new(key))).map_err(|_| ())
    }
}

impl Recipient {
    /// The lines of a header by which this recipient finds the key of the file.
    fn stanza(&self, file_key: &FileKey) -> io::Result<String> {
        let secret = random()?;
        let share = MontgomeryPoint::mul_base_clamped(*secret).to_bytes();
        let key = wrapping(&secret, self.0, &share, self).ok_or_else(|| io::Error::other("a recipient is no key"))?;
        let mut body = file_key.to_vec();
        seal(&key, nonce(0, false), &mut body)?;
        Ok(format!("{STANZA}X25519 {}\n{}\n", BASE64_NOPAD.encode(&share), BASE64_NOPAD.encode(&body)))
    }
}

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&bech32("age", &self.0))
    }
}

/// A file that each of these opens.
///
/// # Errors
/// When the system gives no random numbers.
pub(super) fn encrypt(text: &[u8], identities: &[Identity]) -> io::Result<Vec<u8>> {
    let (mut file_key, mut salt) = (FileKey::default(), [0; 16]);
    fill(&mut *file_key)?;
    fill(&mut salt)?;
    let stanzas: String =
        identities.iter().map(|identity| identity.recipient().stanza(&file_key)).collect::<io::Result<_>>()?;
    let signed = format!("{VERSION}\n{stanzas}{END}");
    let mac = BASE64_NOPAD.encode(hmac::sign(&header_key(&file_key), signed.as_bytes()).as_ref());
    let mut encrypted = format!("{signed} {mac}\n").into_bytes();
    encrypted.extend(salt);
    let key = derived(&salt, &*file_key, b"payload");
    // Nothing is one chunk too.
    let last = text.len().saturating_sub(1) / CHUNK;
    for n in 0..=last {
        let mut chunk = text[n * CHUNK..text.len().min((n + 1) * CHUNK)].to_vec();
        seal(&key, nonce(n as u64, n == last), &mut chunk)?;
        encrypted.extend(chunk);
    }
    Ok(encrypted)
}

/// What is in a file.
///
/// # Errors
/// When it is damaged, or for none of these.
pub(super) fn decrypt(encrypted: &[u8], identities: &[Identity]) -> Result<Zeroizing<Vec<u8>>, Refused> {
    let Header { stanzas, signed, mac, rest } = Header::of(encrypted)?;
    let mut file_key = None;
    for stanza in stanzas.iter().filter(|stanza| stanza.arguments[0] == "X25519") {
        let [_, share] = stanza.arguments[..] else { return Err(Refused::Header) };
        let share = exactly(share).ok_or(Refused::Header)?;
        let body = stanza.body.as_slice().try_into().map_err(|_| Refused::Header)?;
        for identity in identities {
            file_key = file_key.or(identity.unwrap(&share, body)?);
        }
    }
    let file_key = file_key.ok_or(Refused::NotForUs)?;
    hmac::verify(&header_key(&file_key), signed, &mac).map_err(|_| Refused::Header)?;
    let (salt, rest) = rest.split_at_checked(16).ok_or(Refused::Content)?;
    let key = derived(salt, &*file_key, b"payload");
    let mut text = Zeroizing::new(Vec::with_capacity(rest.len()));
    let chunks = rest.chunks(CHUNK + TAG);
    let count = chunks.len() as u64;
    for (n, chunk) in (0..).zip(chunks) {
        let mut chunk = Zeroizing::new(chunk.to_vec());
        let open = sealing(&key).open_in_place(nonce(n, n + 1 == count), Aad::empty(), &mut chunk);
        let open = open.ok().filter(|open| n == 0 || !open.is_empty()).ok_or(Refused::Content)?;
        text.extend_from_slice(open);
    }
    if count == 0 { Err(Refused::Content) } else { Ok(text) }
}

/// What stands before the content.
struct Header<'a> {
    stanzas: Vec<Stanza<'a>>,
    /// What the code of authentication is of.
    signed: &'a [u8],
    mac: [u8; 32],
    rest: &'a [u8],
}

struct Stanza<'a> {
    /// At least one.
    arguments: Vec<&'a str>,
    body: Vec<u8>,
}

impl<'a> Header<'a> {
    fn of(file: &'a [u8]) -> Result<Self, Refused> {
        let mut rest = file;
        if line(&mut rest) != Some(VERSION) {
            return Err(Refused::NotAge);
        }
        let mut stanzas = vec![];
        loop {
            let signed = file.len() - rest.len() + END.len();
            let head = line(&mut rest).ok_or(Refused::Header)?;
            if let Some(mac) = head.strip_prefix(END) {
                let mac = mac.strip_prefix(' ').and_then(exactly).ok_or(Refused::Header)?;
                let none = stanzas.is_empty();
                let header = Header { stanzas, signed: &file[..signed], mac, rest };
                return if none { Err(Refused::Header) } else { Ok(header) };
            }
            let arguments: Vec<&str> = head.strip_prefix(STANZA).ok_or(Refused::Header)?.split(' ').collect();
            let visible = |argument: &&str| !argument.is_empty() && argument.bytes().all(|b| b.is_ascii_graphic());
            if !arguments.iter().all(visible) {
                return Err(Refused::Header);
            }
            let mut body = String::new();
            loop {
                let part = line(&mut rest).filter(|part| part.len() <= LINE).ok_or(Refused::Header)?;
                body += part;
                if part.len() < LINE {
                    break;
                }
            }
            let body = BASE64_NOPAD.decode(body.as_bytes()).map_err(|_| Refused::Header)?;
            stanzas.push(Stanza { arguments, body });
        }
    }
}

/// The next line, without what ends it.
fn line<'a>(rest: &mut &'a [u8]) -> Option<&'a str> {
    let end = rest.iter().position(|b| *b == b'\n')?;
    let line = str::from_utf8(&rest[..end]).ok()?;
    *rest = &rest[end + 1..];
    Some(line)
}

/// 32 bytes in base 64.
fn exactly(text: &str) -> Option<[u8; 32]> {
    BASE64_NOPAD.decode(text.as_bytes()).ok()?.try_into().ok()
}

/// What the key of a file is sealed with between two keys of X25519; nothing, if theirs is one that agrees with everybody.
fn wrapping(secret: &Key, theirs: [u8; 32], share: &[u8; 32], recipient: &Recipient) -> Option<Key> {
    let shared = Zeroizing::new(MontgomeryPoint(theirs).mul_clamped(**secret).to_bytes());
    let salt = [*share, recipient.0].concat();
    (*shared != [0; 32]).then(|| derived(&salt, &*shared, b"age-encryption.org/v1/X25519"))
}

fn header_key(file_key: &FileKey) -> hmac::Key {
    hmac::Key::new(HMAC_SHA256, &*derived(&[], &**file_key, b"header"))
}

fn derived(salt: &[u8], secret: &[u8], what_for: &[u8]) -> Key {
    let mut key = Key::default();
    let (extracted, info) = (Salt::new(HKDF_SHA256, salt).extract(secret), [what_for]);
    let filled = extracted.expand(&info, HKDF_SHA256).and_then(|expanded| expanded.fill(&mut *key));
    filled.expect("HKDF gives up to 255 times 32 bytes");
    key
}

fn sealing(key: &Key) -> LessSafeKey {
    LessSafeKey::new(UnboundKey::new(&CHACHA20_POLY1305, &**key).expect("a key of 32 bytes"))
}

fn seal(key: &Key, nonce: Nonce, text: &mut Vec<u8>) -> io::Result<()> {
    sealing(key).seal_in_place_append_tag(nonce, Aad::empty(), text).map_err(|_| io::Error::other("it is too long"))
}

/// Of the chunk of this number: eleven bytes of it, and one that says whether it is the last.
fn nonce(chunk: u64, last: bool) -> Nonce {
    let mut nonce = [0; aead::NONCE_LEN];
    nonce[3..11].copy_from_slice(&chunk.to_be_bytes());
    nonce[11] = last.into();
    Nonce::assume_unique_for_key(nonce)
}

fn random() -> io::Result<Key> {
    let mut key = Key::default();
    fill(&mut *key)?;
    Ok(key)
}

fn fill(bytes: &mut [u8]) -> io::Result<()> {
    SystemRandom::new().fill(bytes).map_err(|_| io::Error::other("the system gives no random numbers"))
}

fn bech32(kind: &str, bytes: &[u8]) -> String {
    let kind = bech32::Hrp::parse_unchecked(kind);
    bech32::encode::<bech32::Bech32>(kind, bytes).expect("32 bytes are not too long")
}

fn unbech32(kind: &str, text: &str) -> Option<Vec<u8>> {
    let text = bech32::primitives::decode::CheckedHrpstring::new::<bech32::Bech32>(text).ok()?;
    (text.hrp() == bech32::Hrp::parse_unchecked(kind)).then(|| text.byte_iter().collect())
}

#[cfg(test)]
mod tests;
