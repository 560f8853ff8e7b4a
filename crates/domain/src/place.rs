//! How sensitive data is, and where a model runs.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Says that a code is not in a closed list.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code:?} is not one of {allowed}")]
pub struct UnknownCode {
    /// What was given.
    pub code: String,
    /// The list, comma-separated.
    pub allowed: &'static str,
}

/// How sensitive something is, in rising order. A run has the highest class of its parts; a model
/// route never receives more than its clearance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DataClass {
    /// For everybody, e.g. published law.
    Open,
    /// For the authority, e.g. internal instructions.
    Internal,
    /// About identifiable people (Art. 4 No. 1 GDPR).
    Personal,
    /// Under particular protection: health, social, tax secrecy.
    Confidential,
    /// Classified VS-NfD, for official use only.
    Restricted,
}

impl DataClass {
    /// All classes, in rising order.
    pub const ALL: [Self; 5] =
        [Self::Open, Self::Internal, Self::Personal, Self::Confidential, Self::Restricted];

    /// The code used in tables, files and interfaces.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Internal => "internal",
            Self::Personal => "personal",
            Self::Confidential => "confidential",
            Self::Restricted => "restricted",
        }
    }
}

impl FromStr for DataClass {
    type Err = UnknownCode;

    fn from_str(code: &str) -> Result<Self, UnknownCode> {
        Self::ALL.into_iter().find(|class| class.code() == code).ok_or_else(|| UnknownCode {
            code: code.to_owned(),
            allowed: "open, internal, personal, confidential, restricted",
        })
    }
}

/// Where a model route runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Place {
    /// In the authority's own data centre.
    Own,
    /// In Germany.
    Germany,
    /// In the European Union.
    Eu,
    /// Anywhere else.
    Elsewhere,
}

impl Place {
    /// All places, from near to far.
    pub const ALL: [Self; 4] = [Self::Own, Self::Germany, Self::Eu, Self::Elsewhere];

    /// The code used in tables, files and interfaces.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::Germany => "germany",
            Self::Eu => "eu",
            Self::Elsewhere => "elsewhere",
        }
    }
}

impl FromStr for Place {
    type Err = UnknownCode;

    fn from_str(code: &str) -> Result<Self, UnknownCode> {
        Self::ALL.into_iter().find(|place| place.code() == code).ok_or_else(|| UnknownCode {
            code: code.to_owned(),
            allowed: "own, germany, eu, elsewhere",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_rise() {
        assert!(DataClass::ALL.is_sorted());
        for class in DataClass::ALL {
            assert_eq!(class.code().parse(), Ok(class));
        }
        assert!("geheim".parse::<DataClass>().is_err());
    }
}
