//! What kinds of personal data and secrets there are, and what each means for the data class.
//! Knows nothing about how they are found.

use domain::DataClass;
use serde::{Deserialize, Serialize};

/// A kind of personal data, or a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The name of a natural person.
    Name,
    /// Street and number, postcode and town, or both.
    Address,
    /// A date that is somebody's date of birth.
    BirthDate,
    /// A telephone or fax number.
    Phone,
    /// A mail address.
    Mail,
    /// An international bank account number (ISO 13616).
    Iban,
    /// The number of a payment card (ISO/IEC 7812).
    Card,
    /// A tax identification number (§ 139b AO) or a tax number.
    TaxId,
    /// An insurance number of the statutory pension scheme (§ 147 SGB VI).
    SocialInsurance,
    /// The serial number of an identity card (§ 5 PAuswG).
    IdCard,
    /// The serial number of a passport (§ 4 PassG).
    Passport,
    /// A health-insurance number (§ 290 SGB V).
    HealthInsurance,
    /// A licence plate (§ 9 FZV).
    Plate,
    /// A file reference (Aktenzeichen) of a court or an authority.
    FileReference,
    /// An IPv4 or IPv6 address.
    Ip,
    /// A key, a token, a password.
    Secret,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 16] = [
        Self::Name,
        Self::Address,
        Self::BirthDate,
        Self::Phone,
        Self::Mail,
        Self::Iban,
        Self::Card,
        Self::TaxId,
        Self::SocialInsurance,
        Self::IdCard,
        Self::Passport,
        Self::HealthInsurance,
        Self::Plate,
        Self::FileReference,
        Self::Ip,
        Self::Secret,
    ];

    /// The code used in tables, files and interfaces.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Address => "address",
            Self::BirthDate => "birth_date",
            Self::Phone => "phone",
            Self::Mail => "mail",
            Self::Iban => "iban",
            Self::Card => "card",
            Self::TaxId => "tax_id",
            Self::SocialInsurance => "social_insurance",
            Self::IdCard => "id_card",
            Self::Passport => "passport",
            Self::HealthInsurance => "health_insurance",
            Self::Plate => "plate",
            Self::FileReference => "file_reference",
            Self::Ip => "ip",
            Self::Secret => "secret",
        }
    }

    /// The kind with this code, if there is one.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }

    /// The word inside a mask, German as the text around it: `[GEBURTSDATUM]`.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Name => "NAME",
            Self::Address => "ADRESSE",
            Self::BirthDate => "GEBURTSDATUM",
            Self::Phone => "TELEFON",
            Self::Mail => "E-MAIL",
            Self::Iban => "IBAN",
            Self::Card => "KARTENNUMMER",
            Self::TaxId => "STEUERNUMMER",
            Self::SocialInsurance => "VERSICHERUNGSNUMMER",
            Self::IdCard => "AUSWEISNUMMER",
            Self::Passport => "PASSNUMMER",
            Self::HealthInsurance => "KRANKENVERSICHERTENNUMMER",
            Self::Plate => "KENNZEICHEN",
            Self::FileReference => "AKTENZEICHEN",
            Self::Ip => "IP-ADRESSE",
            Self::Secret => "GEHEIMNIS",
        }
    }

    /// The word inside a placeholder, capitals only so that nothing in it can be escaped, inflected
    /// or broken: `⟦PERSON1⟧`.
    #[must_use]
    pub const fn placeholder(self) -> &'static str {
        match self {
            Self::Name => "PERSON",
            Self::Mail => "EMAIL",
            Self::Ip => "IPADRESSE",
            _ => self.label(),
        }
    }

    /// The class that a text holding this has at least. Tax and social numbers stand under tax
    /// secrecy (§ 30 AO) and social secrecy (§ 35 SGB I); a file reference alone names nobody.
    #[must_use]
    pub const fn class(self) -> DataClass {
        match self {
            Self::FileReference => DataClass::Internal,
            Self::TaxId | Self::SocialInsurance | Self::HealthInsurance | Self::Secret => {
                DataClass::Confidential
            }
            _ => DataClass::Personal,
        }
    }
}
