//! Proves who is calling: password hashes, random tokens and their keyed hashes, the brake on
//! guessing.
//!
//! Computes; knows no SQL, no HTTP and no clock. Whoever calls it brings the stored values and the
//! time.

mod mail;
mod password;
mod seal;
mod sealed_text;
mod throttle;
mod token;

pub use mail::{MailAddress, MailAddressError};
pub use password::{HashError, Password, PasswordError, PasswordHash};
pub use seal::Seal;
pub use sealed_text::SealError;
pub use throttle::{Attempts, ThrottlePolicy};
pub use token::{InstallationSecret, Token, TokenHash, TokenKind};
