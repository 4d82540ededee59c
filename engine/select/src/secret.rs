//! The secret behind every draw: unpredictable to those outside, the same again on every replay inside.
//!
//! A draw is HMAC-SHA256 under the secret, of a purpose (`share`, `random`), a name (rule, stratum) and the
//! subject id, read as a number in [0, 1). The key and the purpose are absorbed once; a draw clones that state
//! and adds the subject id, which is two compressions of SHA-256.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// The key of all draws. Whoever knows it can tell whom the random arm takes, so it is never shown:
/// `Debug` prints `Secret(***)`, and only [`Secret::key_id`] leaves the process.
#[derive(Clone)]
pub struct Secret {
    mac: Hmac<Sha256>,
}

/// Why a secret was refused. The secret itself is in none of the messages.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// Fewer bytes than can withstand guessing.
    #[error(
        "the selection secret has {bytes} bytes, at least {} are needed; `openssl rand -hex 32` makes one",
        Secret::BYTES_MIN
    )]
    TooShort {
        /// How many there were.
        bytes: usize,
    },
    /// Not pairs of hexadecimal digits.
    #[error("the selection secret is not hexadecimal: write two digits 0-9 a-f for each byte")]
    NotHex,
}

impl Secret {
    /// Fewest bytes accepted.
    pub const BYTES_MIN: usize = 16;
    const DEMO: &[u8] = b"haechi demonstration secret, known to everyone";

    /// A secret of these bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SecretError> {
        if bytes.len() < Self::BYTES_MIN {
            return Err(SecretError::TooShort { bytes: bytes.len() });
        }
        Ok(Self::keyed(bytes))
    }

    /// A secret written in hexadecimal; blanks around it are left aside.
    pub fn from_hex(text: &str) -> Result<Self, SecretError> {
        let bytes = hex::decode(text.trim()).map_err(|_| SecretError::NotHex)?;
        Self::from_bytes(&bytes)
    }

    /// The secret that stands in this source file, **for demonstrations and tests only**: with it, anybody who has
    /// the source can compute whom the random arm takes. A command that falls back on it says so.
    pub fn demo() -> Self {
        Self::keyed(Self::DEMO)
    }

    /// [`Secret::demo`] as a file of settings has it, in hexadecimal.
    pub fn demo_hex() -> String {
        hex::encode(Self::DEMO)
    }

    fn keyed(bytes: &[u8]) -> Self {
        Self { mac: Hmac::new_from_slice(bytes).expect("HMAC takes a key of any length") }
    }

    /// Names the secret without giving it away: 16 hexadecimal digits, equal for equal secrets. Stored with
    /// selections so that a replay can tell whether it draws from the same secret.
    pub fn key_id(&self) -> String {
        let digest = self.mac.clone().chain_update("haechi key id").finalize().into_bytes();
        hex::encode(&digest[..8])
    }

    /// A key of its own for another purpose, such as the pseudonyms of travellers: it tells nothing about this secret.
    pub fn subkey(&self, purpose: &str) -> [u8; 32] {
        self.mac.clone().chain_update("haechi subkey ").chain_update(purpose).finalize().into_bytes().into()
    }

    /// Whether this is [`Secret::demo`].
    pub fn is_demo(&self) -> bool {
        self.key_id() == Self::demo().key_id()
    }

    /// Draws for one purpose and name.
    pub(crate) fn lots(&self, purpose: &str, name: &str) -> Lots {
        // Lengths go in front, so that no two pairs of purpose and name run together into the same bytes.
        let mut mac = self.mac.clone();
        for part in [purpose, name] {
            mac.update(&(part.len() as u32).to_le_bytes());
            mac.update(part.as_bytes());
        }
        Lots { mac }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(***)")
    }
}

/// Draws of one rule's share or of one stratum.
#[derive(Clone)]
pub(crate) struct Lots {
    mac: Hmac<Sha256>,
}

impl Lots {
    /// The subject's number in [0, 1): uniform over subjects, always the same for one.
    pub(crate) fn draw(&self, subject_id: &str) -> f64 {
        let digest = self.mac.clone().chain_update(subject_id).finalize().into_bytes();
        let mut first = [0; 8];
        first.copy_from_slice(&digest[..8]);
        // The upper 53 bits: as many as a double holds exactly, so the result is never rounded up to 1.
        (u64::from_be_bytes(first) >> 11) as f64 / (1u64 << 53) as f64
    }
}

impl fmt::Debug for Lots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Lots(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_does_not_show_itself() {
        let secret = Secret::from_hex("00112233445566778899aabbccddeeff").unwrap();
        assert_eq!(format!("{secret:?} {:?}", secret.lots("random", "baseline")), "Secret(***) Lots(***)");
    }

    #[test]
    fn short_or_garbled_secrets_are_refused_without_repeating_them() {
        for (text, error) in [
            ("0011", SecretError::TooShort { bytes: 2 }),
            ("", SecretError::TooShort { bytes: 0 }),
            ("hunter2hunter2hunter2hunter2hunt", SecretError::NotHex),
            ("0011223344556677889", SecretError::NotHex),
        ] {
            let refused = Secret::from_hex(text).unwrap_err();
            assert_eq!(refused, error);
            assert!(text.is_empty() || !refused.to_string().contains(text));
        }
    }

    #[test]
    fn the_key_id_tells_secrets_apart() {
        let one = Secret::from_bytes(&[1; 32]).unwrap();
        assert_eq!(one.key_id(), Secret::from_hex(&"01".repeat(32)).unwrap().key_id());
        assert_ne!(one.key_id(), Secret::from_bytes(&[2; 32]).unwrap().key_id());
        assert!(Secret::demo().is_demo() && !one.is_demo());
    }

    #[test]
    fn a_draw_is_hmac_sha256_of_purpose_name_and_subject() {
        // Reference: python3 -c "import hmac; m = b'\x06\0\0\0random\x08\0\0\0baseline24KR001';
        //   print(int.from_bytes(hmac.digest(bytes(range(32)), m, 'sha256')[:8], 'big') / 2**64)"
        let key: Vec<u8> = (0..32).collect();
        let lots = Secret::from_bytes(&key).unwrap().lots("random", "baseline");
        assert!((lots.draw("24KR001") - 0.43882276157025357).abs() < 1e-12, "{}", lots.draw("24KR001"));
    }

    #[test]
    fn names_that_run_together_draw_differently() {
        let secret = Secret::demo();
        assert_ne!(secret.lots("share", "ab").draw("c"), secret.lots("share", "a").draw("bc"));
        assert_ne!(secret.lots("share", "a").draw("1"), secret.lots("random", "a").draw("1"));
    }
}
