//! Secrets that must be read again, kept so that a copy of the database does not give them away:
//! ChaCha20-Poly1305 (RFC 8439) with a key that is derived from the secret of the installation.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use zeroize::Zeroizing;

use crate::InstallationSecret;

/// A sealed text that does not open: another installation's, for something else, or changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the sealed text does not open with this installation's secret")]
pub struct SealError;

impl InstallationSecret {
    /// Seals a text. It opens only under the same `purpose`, so that who can write the database
    /// cannot move it to where it would serve something else.
    ///
    /// # Errors
    /// If the machine's cryptography refuses, which is a bug.
    pub fn seal(&self, purpose: &str, text: &str) -> Result<String, SealError> {
        let nonce: [u8; NONCE_LEN] = rand::random();
        let mut bytes = text.as_bytes().to_vec();
        let aad = Aad::from(purpose.as_bytes());
        let number = Nonce::assume_unique_for_key(nonce);
        self.sealing_key()?
            .seal_in_place_append_tag(number, aad, &mut bytes)
            .map_err(|_| SealError)?;
        Ok(URL_SAFE_NO_PAD.encode([&nonce[..], &bytes].concat()))
    }

    /// Opens what was sealed under the same `purpose`.
    ///
    /// # Errors
    /// If it was not.
    pub fn open(&self, purpose: &str, sealed: &str) -> Result<Zeroizing<String>, SealError> {
        let bytes = Zeroizing::new(URL_SAFE_NO_PAD.decode(sealed).map_err(|_| SealError)?);
        let (nonce, sealed) = bytes.split_at_checked(NONCE_LEN).ok_or(SealError)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| SealError)?;
        let mut sealed = Zeroizing::new(sealed.to_vec());
        let aad = Aad::from(purpose.as_bytes());
        let text = self.sealing_key()?.open_in_place(nonce, aad, &mut sealed);
        let text = text.map_err(|_| SealError)?;
        std::str::from_utf8(text).map(|text| Zeroizing::new(text.to_owned())).map_err(|_| SealError)
    }

    fn sealing_key(&self) -> Result<LessSafeKey, SealError> {
        let key = self.derive_key("seal");
        let key = UnboundKey::new(&CHACHA20_POLY1305, key.as_slice()).map_err(|_| SealError)?;
        Ok(LessSafeKey::new(key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_for_its_purpose_in_its_installation_alone() {
        let secret = InstallationSecret::generate();
        let sealed = secret.seal("route a", "sk-geheim-ä").unwrap();
        assert!(!sealed.contains("geheim"));
        assert_eq!(secret.open("route a", &sealed).unwrap().as_str(), "sk-geheim-ä");
        assert_eq!(secret.open("route b", &sealed).unwrap_err(), SealError);
        assert!(InstallationSecret::generate().open("route a", &sealed).is_err());
        assert_ne!(secret.seal("route a", "sk-geheim-ä").unwrap(), sealed);
        for end in 0..sealed.len() {
            assert!(secret.open("route a", &sealed[..end]).is_err());
        }
        let mut changed = sealed.into_bytes();
        changed[20] = if changed[20] == b'A' { b'B' } else { b'A' };
        assert!(secret.open("route a", std::str::from_utf8(&changed).unwrap()).is_err());
    }
}
