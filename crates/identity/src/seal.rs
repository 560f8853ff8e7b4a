//! Seals what is kept for later under a key that only whoever asks the same again can make: from the
//! secret of the installation and from everything that was asked. Whoever has the database, or even
//! the secret too, but not the question, reads nothing.

use hmac::{Hmac, KeyInit, Mac};
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::InstallationSecret;

/// Name and key of one thing.
#[derive(Debug)]
pub struct Seal {
    name: String,
    key: LessSafeKey,
}

impl InstallationSecret {
    /// The seal of what belongs to these parts, all of which must be the same to make it again.
    #[must_use]
    pub fn seal_for(&self, realm: &str, parts: &[&[u8]]) -> Seal {
        let name = hex::encode(self.derive(realm, "name", parts).as_slice());
        let key = self.derive(realm, "key", parts);
        let key = UnboundKey::new(&CHACHA20_POLY1305, key.as_slice())
            .expect("a SHA-256 value has the length of a key of ChaCha20");
        Seal { name, key: LessSafeKey::new(key) }
    }

    /// Each part goes in with its length, so that what ends one never passes for the begin of the
    /// next.
    fn derive(&self, realm: &str, purpose: &str, parts: &[&[u8]]) -> Zeroizing<[u8; 32]> {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(self.bytes()).expect("HMAC takes keys of any length");
        for part in [realm.as_bytes(), purpose.as_bytes()].iter().chain(parts) {
            mac.update(&(part.len() as u64).to_le_bytes());
            mac.update(part);
        }
        Zeroizing::new(mac.finalize().into_bytes().into())
    }
}

impl Seal {
    /// The name under which it is kept; says nothing about what it belongs to.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Seals content (ChaCha20-Poly1305, RFC 8439) with a random nonce in front; bound to its name.
    #[must_use]
    pub fn seal(&self, content: Vec<u8>) -> Vec<u8> {
        let nonce: [u8; NONCE_LEN] = rand::random();
        let mut sealed = content;
        let name = Aad::from(self.name.as_bytes());
        self.key
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), name, &mut sealed)
            .expect("the cipher takes 256 GB, far more than an answer");
        sealed.splice(0..0, nonce);
        sealed
    }

    /// Opens what was sealed; `None` if it was changed or belongs to something else.
    #[must_use]
    pub fn open(&self, sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, content) = sealed.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut content = content.to_vec();
        let name = Aad::from(self.name.as_bytes());
        let length = self.key.open_in_place(nonce, name, &mut content).ok()?.len();
        content.truncate(length);
        Some(content)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_the_same_parts_open_it() {
        let secret = InstallationSecret::generate();
        let seal = secret.seal_for("answer", &[b"ab", b"c"]);
        let sealed = seal.seal(b"Ja.".to_vec());
        assert_eq!(secret.seal_for("answer", &[b"ab", b"c"]).open(&sealed).unwrap(), b"Ja.");
        let others = [
            secret.seal_for("answer", &[b"a", b"bc"]),
            secret.seal_for("other", &[b"ab", b"c"]),
            InstallationSecret::generate().seal_for("answer", &[b"ab", b"c"]),
        ];
        for other in others {
            assert_ne!(other.name(), seal.name());
            assert_eq!(other.open(&sealed), None);
        }
        assert_ne!(seal.seal(b"Ja.".to_vec()), sealed, "the nonce differs");
    }

    proptest! {
        #[test]
        fn whatever_was_changed_does_not_open(content: Vec<u8>, at: usize, bit in 0..8_u8) {
            let seal = InstallationSecret::generate().seal_for("answer", &[b"x"]);
            let mut sealed = seal.seal(content.clone());
            prop_assert_eq!(seal.open(&sealed), Some(content));
            let at = at % sealed.len();
            sealed[at] ^= 1 << bit;
            prop_assert_eq!(seal.open(&sealed), None);
            prop_assert_eq!(seal.open(&sealed[..at]), None);
        }
    }
}
