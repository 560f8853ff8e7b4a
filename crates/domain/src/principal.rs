//! Who acts.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{DataClass, KeyId, SessionId, TenantId, UnitId, UnknownCode, UserId};

/// What a person is in their tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Works with the platform.
    Member,
    /// Looks after people and settings; sees nobody's content by that.
    Admin,
}

impl Role {
    /// The code used in tables, files and interfaces.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Member => "member",
            Self::Admin => "admin",
        }
    }
}

impl FromStr for Role {
    type Err = UnknownCode;

    fn from_str(code: &str) -> Result<Self, UnknownCode> {
        match code {
            "member" => Ok(Self::Member),
            "admin" => Ok(Self::Admin),
            _ => Err(UnknownCode { code: code.to_owned(), allowed: "member, admin" }),
        }
    }
}

/// What an API key may be used for. A key never gives more than its owner has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// List models and ask them.
    Models,
    /// Search collections and read documents.
    Search,
    /// Create and change collections and documents.
    Documents,
    /// Read and write the owner's conversations.
    Conversations,
}

impl Scope {
    /// All scopes.
    pub const ALL: [Self; 4] = [Self::Models, Self::Search, Self::Documents, Self::Conversations];

    /// The code used in tables, files and interfaces.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Models => "models",
            Self::Search => "search",
            Self::Documents => "documents",
            Self::Conversations => "conversations",
        }
    }
}

impl FromStr for Scope {
    type Err = UnknownCode;

    fn from_str(code: &str) -> Result<Self, UnknownCode> {
        Self::ALL.into_iter().find(|scope| scope.code() == code).ok_or_else(|| UnknownCode {
            code: code.to_owned(),
            allowed: "models, search, documents, conversations",
        })
    }
}

/// How the principal proved who they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credential {
    /// A browser session.
    Session(SessionId),
    /// An API key with its scopes.
    ApiKey {
        /// The key.
        id: KeyId,
        /// What it may be used for.
        scopes: Vec<Scope>,
        /// The only models it may be used for; `None` for all that its owner may use.
        models: Option<Vec<String>>,
        /// The class of the data it stands for: assumed where a request says none, and the least
        /// that a request may say; `None` for the default of the installation.
        data_class: Option<DataClass>,
    },
}

impl Credential {
    /// The class of the data that a key stands for, if it says one.
    #[must_use]
    pub const fn data_class(&self) -> Option<DataClass> {
        match self {
            Self::Session(_) => None,
            Self::ApiKey { data_class, .. } => *data_class,
        }
    }
}

/// Who acts: a person with tenant, units and role, and the credential they came with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// The person.
    pub user: UserId,
    /// Their tenant.
    pub tenant: TenantId,
    /// The units they belong to.
    pub units: Vec<UnitId>,
    /// Their role in the tenant.
    pub role: Role,
    /// What they came with.
    pub credential: Credential,
}

impl Principal {
    /// The unit that what they use is counted for: of several, the one that was made last. A unit is
    /// made after the one above it, so that it is never one above another of theirs.
    #[must_use]
    pub fn home_unit(&self) -> Option<UnitId> {
        self.units.iter().max().copied()
    }

    /// Says whether the credential covers `scope`. A session covers everything.
    #[must_use]
    pub fn has_scope(&self, scope: Scope) -> bool {
        match &self.credential {
            Credential::Session(_) => true,
            Credential::ApiKey { scopes, .. } => scopes.contains(&scope),
        }
    }
}
