//! Unguessable values from the operating system.

use aws_lc_rs::rand::{SecureRandom, SystemRandom};

/// `N` random bytes. A machine without randomness can't run a login, so that is an error.
pub(crate) fn bytes<const N: usize>() -> std::io::Result<[u8; N]> {
    let mut out = [0; N];
    SystemRandom::new().fill(&mut out).map_err(|_| std::io::Error::other("the operating system gives no randomness"))?;
    Ok(out)
}

/// `N` random bytes, in hexadecimal.
pub(crate) fn hex<const N: usize>() -> std::io::Result<String> {
    Ok(to_hex(&bytes::<N>()?))
}

/// Bytes in hexadecimal.
pub(crate) fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        for digit in [byte >> 4, byte & 15] {
            text.push(char::from_digit(u32::from(digit), 16).unwrap_or('0'));
        }
        text
    })
}
