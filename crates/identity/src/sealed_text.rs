//! Secrets that must be read again, kept so that a copy of the database does not give them away: under
//! a [`crate::Seal`] of the installation for one purpose.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

use crate::InstallationSecret;

/// What is sealed so, among all that is sealed.
const REALM: &str = "text";

/// A sealed text that does not open: another installation's, for something else, or changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the sealed text does not open with this installation's secret")]
pub struct SealError;

impl InstallationSecret {
    /// Seals a text. It opens only under the same `purpose`, so that who can write the database
    /// cannot move it to where it would serve something else.
    #[must_use]
    pub fn seal(&self, purpose: &str, text: &str) -> String {
        let seal = self.seal_for(REALM, &[purpose.as_bytes()]);
        URL_SAFE_NO_PAD.encode(seal.seal(text.as_bytes().to_vec()))
    }

    /// Opens what was sealed under the same `purpose`.
    ///
    /// # Errors
    /// If it was not.
    pub fn open(&self, purpose: &str, sealed: &str) -> Result<Zeroizing<String>, SealError> {
        let bytes = URL_SAFE_NO_PAD.decode(sealed).map_err(|_| SealError)?;
        let seal = self.seal_for(REALM, &[purpose.as_bytes()]);
        let text = seal.open(&bytes).ok_or(SealError)?;
        String::from_utf8(text).map(Zeroizing::new).map_err(|_| SealError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_for_its_purpose_in_its_installation_alone() {
        let secret = InstallationSecret::generate();
        let sealed = secret.seal("route a", "sk-geheim-ä");
        assert!(!sealed.contains("geheim"));
        assert_eq!(secret.open("route a", &sealed).unwrap().as_str(), "sk-geheim-ä");
        assert_eq!(secret.open("route b", &sealed).unwrap_err(), SealError);
        assert!(InstallationSecret::generate().open("route a", &sealed).is_err());
        assert_ne!(secret.seal("route a", "sk-geheim-ä"), sealed);
        for end in 0..sealed.len() {
            assert!(secret.open("route a", &sealed[..end]).is_err());
        }
        let mut changed = sealed.into_bytes();
        changed[20] = if changed[20] == b'A' { b'B' } else { b'A' };
        assert!(secret.open("route a", std::str::from_utf8(&changed).unwrap()).is_err());
    }
}
