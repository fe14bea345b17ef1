//! One-time codes of a second factor (RFC 6238: SHA-1, 30 seconds, 6 digits, as Proxmox VE sets them up).
use super::Secret;
use ring::hmac;

/// How long a code holds, in seconds.
const STEP: u64 = 30;

/// The code at `seconds` since 1970 for a secret in base32, or nothing if the secret is not base32.
pub(crate) fn code(secret: &Secret, seconds: u64) -> Option<String> {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &base32(secret.expose())?);
    let mac = hmac::sign(&key, &(seconds / STEP).to_be_bytes());
    let mac = mac.as_ref();
    let at = usize::from(mac.last()? & 0x0F);
    let bytes: [u8; 4] = mac.get(at..at + 4)?.try_into().ok()?;
    Some(format!("{:06}", (u32::from_be_bytes(bytes) & 0x7FFF_FFFF) % 1_000_000))
}

/// Decodes base32 as people copy it: in any case, with blanks and padding.
fn base32(text: &str) -> Option<zeroize::Zeroizing<Vec<u8>>> {
    let mut bytes = zeroize::Zeroizing::new(Vec::with_capacity(text.len()));
    let (mut buffer, mut bits) = (0_u32, 0);
    for symbol in text.bytes().filter(|byte| !byte.is_ascii_whitespace() && !b"=-".contains(byte)) {
        let value = match symbol.to_ascii_uppercase() {
            letter @ b'A'..=b'Z' => letter - b'A',
            digit @ b'2'..=b'7' => digit - b'2' + 26,
            _ => return None,
        };
        buffer = (buffer << 5 | u32::from(value)) & 0xFFF;
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from(buffer >> bits & 0xFF).unwrap_or_default());
        }
    }
    (!bytes.is_empty()).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_those_of_the_standard() {
        // RFC 6238, appendix B (its eight digits, of which the last six are ours); the secret is "12345678901234567890".
        let secret = Secret::new("GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ");
        for (seconds, expected) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(code(&secret, seconds).as_deref(), Some(expected));
        }
    }

    #[test]
    fn a_secret_that_is_no_base32_gives_no_code() {
        for text in ["", "1111", "not base32!"] {
            assert_eq!(code(&Secret::new(text), 0), None);
        }
    }
}
