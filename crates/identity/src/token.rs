//! Random bearer tokens and the keyed hashes by which the store knows them.
//!
//! A token carries 256 bits of randomness, so one HMAC is enough to store it safely; the key of the
//! HMAC lies outside the database, so that a stolen copy of the database opens nothing.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

/// What a token is for; part of what is hashed, so that one kind never passes for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TokenKind {
    /// A browser session.
    Session,
    /// An API key.
    ApiKey,
    /// A one-time set-up link.
    Setup,
}

impl TokenKind {
    /// What the token begins with, so that people and secret scanners recognise it.
    const fn prefix(self) -> &'static str {
        match self {
            Self::Session => "fws-",
            Self::ApiKey => "sk-fw-",
            Self::Setup => "fwe-",
        }
    }
}

/// A bearer token in clear, wiped from memory when dropped and never printed.
pub struct Token {
    kind: TokenKind,
    text: Zeroizing<String>,
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token({:?}, ***)", self.kind)
    }
}

impl Token {
    /// Makes a fresh token.
    #[must_use]
    pub fn generate(kind: TokenKind) -> Self {
        let bytes: Zeroizing<[u8; 32]> = Zeroizing::new(rand::random());
        let text = format!("{}{}", kind.prefix(), URL_SAFE_NO_PAD.encode(bytes.as_slice()));
        Self { kind, text: Zeroizing::new(text) }
    }

    /// Takes what a caller sent, if it has the shape of a token of that kind.
    #[must_use]
    pub fn given(kind: TokenKind, text: &str) -> Option<Self> {
        let body = text.strip_prefix(kind.prefix())?;
        let decoded = Zeroizing::new(URL_SAFE_NO_PAD.decode(body).ok()?);
        (decoded.len() == 32).then(|| Self { kind, text: Zeroizing::new(text.to_owned()) })
    }

    /// The token itself, to hand to its owner once.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.text
    }

    /// The first characters, by which its owner tells it from others.
    #[must_use]
    pub fn hint(&self) -> String {
        self.text.chars().take(self.kind.prefix().len() + 6).collect()
    }
}

/// What the store keeps instead of a token, in hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TokenHash(String);

impl TokenHash {
    /// The text to store.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The secret of this installation; lies in a file beside the data, not in the database.
#[derive(Clone)]
pub struct InstallationSecret(Zeroizing<[u8; 32]>);

impl fmt::Debug for InstallationSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InstallationSecret(***)")
    }
}

impl InstallationSecret {
    /// Makes a fresh secret.
    #[must_use]
    pub fn generate() -> Self {
        Self(Zeroizing::new(rand::random()))
    }

    /// Reads the secret from its text form; `None` if it is not 64 hexadecimal digits.
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Self> {
        let mut bytes = Zeroizing::new([0_u8; 32]);
        hex::decode_to_slice(text.trim(), bytes.as_mut_slice()).ok()?;
        Some(Self(bytes))
    }

    /// Writes the text form, for the file.
    #[must_use]
    pub fn to_hex(&self) -> Zeroizing<String> {
        Zeroizing::new(hex::encode(self.0.as_slice()))
    }

    /// Hashes a token for storing and finding it.
    #[must_use]
    pub fn hash(&self, token: &Token) -> TokenHash {
        TokenHash(self.keyed(&format!("{:?}", token.kind), token.reveal()))
    }

    /// Hashes a name (an address, an account) under which failed attempts are counted, so that the
    /// table of attempts holds neither mail addresses nor network addresses.
    #[must_use]
    pub fn pseudonym(&self, realm: &str, name: &str) -> String {
        self.keyed(realm, name)
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        self.0.as_slice()
    }

    fn keyed(&self, realm: &str, text: &str) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.0.as_slice())
            .expect("HMAC takes keys of any length");
        mac.update(realm.as_bytes());
        mac.update(&[0]);
        mac.update(text.as_bytes());
        let mut digits = [0; 64];
        hex::encode_to_slice(mac.finalize().into_bytes(), &mut digits).expect("two for a byte");
        str::from_utf8(&digits).expect("digits are ASCII").to_owned()
    }
}
