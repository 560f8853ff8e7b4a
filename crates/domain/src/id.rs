//! Identifiers. Rows get UUIDv7 (RFC 9562), so that ids sort by creation; passages get an id derived
//! from their content, so that extracting the same document again yields the same ids.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// Says that a text is not an identifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a valid identifier")]
pub struct IdError;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// Makes a fresh, time-ordered id.
            #[expect(clippy::new_without_default, reason = "an id is never a default value")]
            #[must_use]
            pub fn new() -> Self {
                Self(Uuid::now_v7())
            }

            /// Wraps an existing UUID.
            #[must_use]
            pub fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// Returns the UUID inside.
            #[must_use]
            pub fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                // Only the hyphenated form: one thing has one name.
                if text.len() != 36 {
                    return Err(IdError);
                }
                Uuid::try_parse(text).map(Self).map_err(|_| IdError)
            }
        }
    };
}

id!(
    /// An authority with its own people, data and rules.
    TenantId
);
id!(
    /// A node in a tenant's tree of organisation.
    UnitId
);
id!(
    /// A person with an account.
    UserId
);
id!(
    /// An API key (its public name, not its secret).
    KeyId
);
id!(
    /// A browser session (its public name, not its secret).
    SessionId
);
id!(
    /// Documents under one set of rights.
    CollectionId
);
id!(
    /// An uploaded file in a collection.
    DocumentId
);
id!(
    /// A citable piece of a document.
    PassageId
);
id!(
    /// A conversation between a person and models.
    ConversationId
);
id!(
    /// One message of a conversation.
    MessageId
);
id!(
    /// One answer in the making.
    RunId
);
id!(
    /// A piece of background work.
    JobId
);

impl PassageId {
    /// Derives the id of a passage from its document, its text, and how many passages with the same
    /// text stand before it in that document. Extracting again gives the same id.
    #[must_use]
    pub fn derive(document: DocumentId, text: &str, occurrence: u32) -> Self {
        let mut hash = Sha256::new();
        hash.update(document.uuid().as_bytes());
        hash.update(occurrence.to_be_bytes());
        hash.update(text.as_bytes());
        let digest = hash.finalize();
        let mut bytes = [0_u8; 16];
        bytes.copy_from_slice(&digest[..16]);
        // UUIDv8 is the version for ids of an application's own making (RFC 9562, section 5.8).
        Self(uuid::Builder::from_custom_bytes(bytes).into_uuid())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passage_ids_are_stable_and_distinct() {
        let document = DocumentId::new();
        let id = PassageId::derive(document, "Der Mieter zahlt.", 0);
        assert_eq!(id, PassageId::derive(document, "Der Mieter zahlt.", 0));
        assert_ne!(id, PassageId::derive(document, "Der Mieter zahlt.", 1));
        assert_ne!(id, PassageId::derive(DocumentId::new(), "Der Mieter zahlt.", 0));
    }

    #[test]
    fn only_the_hyphenated_form_is_an_id() {
        let id = UserId::new();
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(id.uuid().simple().to_string().parse::<UserId>(), Err(IdError));
        assert_eq!("../../etc/passwd".parse::<UserId>(), Err(IdError));
    }
}
