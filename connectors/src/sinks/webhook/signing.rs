//! Signatures of calls: `Haechi-Signature: t=UNIX,v1=HEX`, where HEX is the HMAC-SHA256 of `UNIX.BODY` under a secret
//! that both sides know. A receiver recomputes it over the bytes it got, compares in constant time, and refuses old times.

use std::fmt;
use std::path::Path;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// What calls are signed with. Never shown.
#[derive(Clone)]
pub struct Secret(Hmac<Sha256>);

impl Secret {
    /// From an environment variable.
    pub fn from_env(variable: &str) -> Result<Self, String> {
        let text = std::env::var(variable)
            .map_err(|_| format!("`secret_env`: the environment variable `{variable}` is not set"))?;
        Self::new(&text).ok_or_else(|| format!("`secret_env`: the environment variable `{variable}` is empty"))
    }

    /// From a file.
    pub fn from_file(path: &Path) -> Result<Self, String> {
        let shown = path.display();
        let text =
            std::fs::read_to_string(path).map_err(|error| format!("`secret_file`: cannot read `{shown}`: {error}"))?;
        Self::new(&text).ok_or_else(|| format!("`secret_file`: `{shown}` is empty"))
    }

    fn new(text: &str) -> Option<Self> {
        let key = text.trim().as_bytes();
        let mac = Hmac::new_from_slice(key).expect("HMAC takes a key of any length");
        (!key.is_empty()).then_some(Self(mac))
    }

    /// The signature of a body at a time, in seconds since 1970.
    pub fn sign(&self, unix: u64, body: &[u8]) -> String {
        let mut mac = self.0.clone();
        mac.update(unix.to_string().as_bytes());
        mac.update(b".");
        mac.update(body);
        format!("t={unix},v1={}", hex::encode(mac.finalize().into_bytes()))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_are_what_openssl_makes_of_the_same() {
        // printf '%s' '1795329592.[{"a":1}]' | openssl dgst -sha256 -hmac s3cret
        let secret = Secret::new(" s3cret\n").unwrap();
        assert_eq!(
            secret.sign(1_795_329_592, br#"[{"a":1}]"#),
            "t=1795329592,v1=98dbc163f020418d2c0ecd3ac8b21b82ca0b1b880116b97e3e82ea569565e10b"
        );
        assert_eq!(format!("{secret:?}"), "Secret");
        assert!(Secret::new(" \n").is_none());
    }
}
