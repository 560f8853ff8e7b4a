//! What is acted on, reduced to what a permission rule needs to know.

use std::str::FromStr;

use crate::{TenantId, UnitId, UnknownCode, UserId};

/// Who besides its owner may read a collection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Visibility {
    /// Nobody.
    Private,
    /// The people of one unit.
    Unit(UnitId),
    /// Everyone in the tenant.
    Tenant,
}

impl Visibility {
    /// The code used in tables, files and interfaces; the unit travels beside it.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Private => "private",
            Self::Unit(_) => "unit",
            Self::Tenant => "tenant",
        }
    }

    /// The unit, if it is one unit that sees it.
    #[must_use]
    pub const fn unit(self) -> Option<UnitId> {
        match self {
            Self::Unit(unit) => Some(unit),
            Self::Private | Self::Tenant => None,
        }
    }

    /// Puts code and unit together again.
    ///
    /// # Errors
    /// If the code is unknown, or `unit` comes without a unit id.
    pub fn from_parts(code: &str, unit: Option<&str>) -> Result<Self, UnknownCode> {
        let unknown = || UnknownCode { code: code.to_owned(), allowed: "private, unit, tenant" };
        match (code, unit) {
            ("private", _) => Ok(Self::Private),
            ("tenant", _) => Ok(Self::Tenant),
            ("unit", Some(id)) => UnitId::from_str(id).map(Self::Unit).map_err(|_| unknown()),
            _ => Err(unknown()),
        }
    }
}

/// What is acted on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resource {
    /// The tenant's own settings, people, audit.
    Tenant(TenantId),
    /// Something that belongs to one person: conversation, run, key, session, account.
    Personal {
        /// The tenant it lies in.
        tenant: TenantId,
        /// Whose it is.
        owner: UserId,
    },
    /// A collection, and with it every document and passage inside.
    Collection {
        /// The tenant it lies in.
        tenant: TenantId,
        /// Who made it.
        owner: UserId,
        /// Who else may read it.
        visibility: Visibility,
    },
}

impl Resource {
    /// The tenant the resource lies in.
    #[must_use]
    pub const fn tenant(&self) -> TenantId {
        match *self {
            Self::Tenant(tenant)
            | Self::Personal { tenant, .. }
            | Self::Collection { tenant, .. } => tenant,
        }
    }
}
