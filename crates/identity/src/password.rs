//! Passwords and their Argon2id hashes (RFC 9106, parameters of the OWASP password storage sheet).

use std::fmt;

use argon2::{
    Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version,
    password_hash::phc::PasswordHash as PhcHash,
};
use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use domain::limits::{PASSWORD_CHARS_MAX, PASSWORD_CHARS_MIN};
use zeroize::Zeroizing;

/// Memory of one hash in KiB: 19 MiB, with two passes, OWASP's second choice of equal strength.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// Why a text is not accepted as a new password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// Fewer than [`PASSWORD_CHARS_MIN`] characters.
    #[error("the password is too short")]
    TooShort,
    /// More than [`PASSWORD_CHARS_MAX`] characters.
    #[error("the password is too long")]
    TooLong,
    /// The same few characters over and over, or a run such as 123456789012.
    #[error("the password is too simple")]
    TooSimple,
}

/// Says that hashing did not work; that is a fault of the machine, not of the password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("hashing the password failed")]
pub struct HashError;

/// A password in clear, wiped from memory when dropped and never printed.
pub struct Password(Zeroizing<String>);

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(***)")
    }
}

impl Password {
    /// Takes what somebody typed to sign in, whatever it is.
    #[must_use]
    pub fn given(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// Takes a new password and checks it: length counts, composition rules do not (NIST SP
    /// 800-63B, section 3.1.1.2).
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn chosen(text: String) -> Result<Self, PasswordError> {
        let text = Zeroizing::new(text);
        let length = text.chars().count();
        if length < PASSWORD_CHARS_MIN {
            return Err(PasswordError::TooShort);
        }
        if length > PASSWORD_CHARS_MAX {
            return Err(PasswordError::TooLong);
        }
        if is_simple(&text) {
            return Err(PasswordError::TooSimple);
        }
        Ok(Self(text))
    }

    /// Hashes the password with a fresh salt. Takes some 20 ms of one core: not for async threads.
    ///
    /// # Errors
    /// If the machine has no randomness or memory.
    pub fn hash(&self) -> Result<PasswordHash, HashError> {
        let hash: PhcHash = argon2().hash_password(self.0.as_bytes()).map_err(|_| HashError)?;
        Ok(PasswordHash(hash.to_string()))
    }
}

/// Fewer than five different characters, or nothing but neighbours such as "abcdefghijkl".
fn is_simple(text: &str) -> bool {
    let chars: Vec<char> = text.to_lowercase().chars().collect();
    let mut distinct = chars.clone();
    distinct.sort_unstable();
    distinct.dedup();
    let neighbours =
        chars.windows(2).filter(|pair| (pair[0] as i64 - pair[1] as i64).abs() <= 1).count();
    distinct.len() < 5 || neighbours * 5 >= chars.len() * 4
}

/// A stored hash in PHC string format.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(***)")
    }
}

impl PasswordHash {
    /// Takes a hash from the store.
    #[must_use]
    pub fn from_stored(text: String) -> Self {
        Self(text)
    }

    /// The text to store.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Says whether the password is the one that was hashed. Takes some 20 ms of one core.
    #[must_use]
    pub fn matches(&self, password: &Password) -> bool {
        PhcHash::new(&self.0)
            .is_ok_and(|hash| argon2().verify_password(password.0.as_bytes(), &hash).is_ok())
    }

    /// A hash that no password is known for. Verified against when an account does not exist, so
    /// that the answer takes as long as for one that does.
    #[must_use]
    pub fn decoy() -> Self {
        let (salt, hash): ([u8; 16], [u8; 32]) = (rand::random(), rand::random());
        let [salt, hash] = [&salt[..], &hash[..]].map(|bytes| STANDARD_NO_PAD.encode(bytes));
        Self(format!("$argon2id$v=19$m={MEMORY_KIB},t={PASSES},p={LANES}${salt}${hash}"))
    }
}

fn argon2() -> Argon2<'static> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).expect("constants are in range");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}
