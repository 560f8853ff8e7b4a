//! Mail addresses, as names of accounts. Checked for shape only; whether one exists, only a mail
//! can tell.

use std::{fmt, str::FromStr};

/// Longest address (RFC 5321, section 4.5.3.1.3, less the angle brackets).
const CHARS_MAX: usize = 254;

/// Says that a text has not the shape of a mail address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a mail address")]
pub struct MailAddressError;

/// A mail address in lower case, so that one person has one account.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct MailAddress(String);

impl fmt::Debug for MailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MailAddress(***)")
    }
}

impl MailAddress {
    /// The address in lower case.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for MailAddress {
    type Err = MailAddressError;

    fn from_str(text: &str) -> Result<Self, MailAddressError> {
        let text = text.trim().to_lowercase();
        let (local, host) = text.rsplit_once('@').ok_or(MailAddressError)?;
        let unfit = |c: char| c.is_whitespace() || c.is_control() || "<>()[]\\,;:\"@".contains(c);
        let host_fits = !host.is_empty()
            && host.split('.').all(|label| {
                !label.is_empty()
                    && !label.starts_with('-')
                    && !label.ends_with('-')
                    && label.chars().all(|c| c.is_alphanumeric() || c == '-')
            });
        if local.is_empty() || local.contains(unfit) || !host_fits || text.len() > CHARS_MAX {
            return Err(MailAddressError);
        }
        Ok(Self(text))
    }
}
