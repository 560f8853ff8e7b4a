//! The one function that decides who may do what. Everything that reads or writes on somebody's
//! behalf goes through it, whichever path it came by.

use crate::{Credential, Principal, Resource, Role, Scope, Visibility};

/// What a principal wants to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// List models and ask them.
    UseModels,
    /// Be told, with an answer, why its model route was taken and the others were not.
    ExplainRouting,
    /// See a collection, its documents and passages; find them by search.
    ReadCollection,
    /// Make a collection.
    CreateCollection,
    /// Change a collection, add or delete documents, delete it.
    WriteCollection,
    /// Read and continue conversations, watch and stop runs.
    UseConversation,
    /// See and change one's own account: password, sessions, API keys.
    ManageOwnAccount,
    /// Look after the tenant's people and units.
    ManagePeople,
    /// Look after the models of the installation, if the tenant runs it; say who of the tenant may use
    /// which, and where its data may go.
    ManageModels,
    /// Read the tenant's audit log and the state of its installation.
    ReadAudit,
    /// Read what the tenant's people together have used, and what it cost.
    ReadUsage,
    /// Set limits and budgets, and see how much of them is used.
    ManageLimits,
    /// See the limits that bind oneself, and what is left.
    ReadOwnLimits,
}

impl Action {
    /// All actions.
    pub const ALL: [Self; 13] = [
        Self::UseModels,
        Self::ExplainRouting,
        Self::ReadCollection,
        Self::CreateCollection,
        Self::WriteCollection,
        Self::UseConversation,
        Self::ManageOwnAccount,
        Self::ManagePeople,
        Self::ManageModels,
        Self::ReadAudit,
        Self::ReadUsage,
        Self::ManageLimits,
        Self::ReadOwnLimits,
    ];

    /// The scope an API key needs for it; `None` means that no key is enough and a person must be
    /// signed in.
    #[must_use]
    pub const fn scope(self) -> Option<Scope> {
        match self {
            Self::UseModels | Self::ExplainRouting | Self::ReadOwnLimits => Some(Scope::Models),
            Self::ReadCollection => Some(Scope::Search),
            Self::CreateCollection | Self::WriteCollection => Some(Scope::Documents),
            Self::UseConversation => Some(Scope::Conversations),
            Self::ManageOwnAccount
            | Self::ManagePeople
            | Self::ManageModels
            | Self::ReadAudit
            | Self::ReadUsage
            | Self::ManageLimits => None,
        }
    }
}

/// Why not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Denial {
    /// The principal may not even know that it exists.
    #[error("not visible to this principal")]
    Hidden,
    /// The principal knows it and may not do this to it.
    #[error("not permitted for this principal")]
    Forbidden,
    /// The API key lacks a scope.
    #[error("the API key lacks the scope {}", .0.code())]
    ScopeMissing(Scope),
    /// Only a signed-in person may do this.
    #[error("an API key cannot do this")]
    SessionNeeded,
}

/// Decides whether `principal` may do `action` to `resource`.
///
/// An administrator gets no content by being one: other people's conversations and private
/// collections stay hidden from them.
///
/// # Errors
/// The reason for a refusal.
pub fn authorise(principal: &Principal, action: Action, resource: &Resource) -> Result<(), Denial> {
    if resource.tenant() != principal.tenant {
        return Err(Denial::Hidden);
    }
    check_credential(principal, action)?;
    match (action, resource) {
        (Action::UseModels | Action::CreateCollection, Resource::Tenant(_)) => Ok(()),
        (
            Action::ExplainRouting
            | Action::ManagePeople
            | Action::ManageModels
            | Action::ReadAudit
            | Action::ReadUsage
            | Action::ManageLimits,
            Resource::Tenant(_),
        ) => {
            if principal.role == Role::Admin {
                Ok(())
            } else {
                Err(Denial::Forbidden)
            }
        }
        (
            Action::UseConversation | Action::ManageOwnAccount | Action::ReadOwnLimits,
            Resource::Personal { owner, .. },
        ) => {
            if *owner == principal.user {
                Ok(())
            } else {
                Err(Denial::Hidden)
            }
        }
        (Action::ReadCollection, Resource::Collection { owner, visibility, .. }) => {
            if may_read(principal, *owner == principal.user, *visibility) {
                Ok(())
            } else {
                Err(Denial::Hidden)
            }
        }
        (Action::WriteCollection, Resource::Collection { owner, visibility, .. }) => {
            if *owner == principal.user {
                Ok(())
            } else if may_read(principal, false, *visibility) {
                Err(Denial::Forbidden)
            } else {
                Err(Denial::Hidden)
            }
        }
        _ => Err(Denial::Forbidden),
    }
}

fn check_credential(principal: &Principal, action: Action) -> Result<(), Denial> {
    match (&principal.credential, action.scope()) {
        (Credential::Session(_), _) => Ok(()),
        (Credential::ApiKey { .. }, None) => Err(Denial::SessionNeeded),
        (Credential::ApiKey { .. }, Some(scope)) => {
            // Whoever may write documents may read them back.
            let written = scope == Scope::Search && principal.has_scope(Scope::Documents);
            if principal.has_scope(scope) || written {
                Ok(())
            } else {
                Err(Denial::ScopeMissing(scope))
            }
        }
    }
}

fn may_read(principal: &Principal, is_owner: bool, visibility: Visibility) -> bool {
    is_owner
        || match visibility {
            Visibility::Private => false,
            Visibility::Unit(unit) => principal.units.contains(&unit),
            Visibility::Tenant => true,
        }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{KeyId, SessionId, TenantId, UnitId, UserId};

    fn person(tenant: TenantId, role: Role, units: Vec<UnitId>) -> Principal {
        Principal {
            user: UserId::new(),
            tenant,
            units,
            role,
            credential: Credential::Session(SessionId::new()),
        }
    }

    #[test]
    fn another_tenant_is_hidden_for_every_action() {
        let principal = person(TenantId::new(), Role::Admin, vec![]);
        let tenant = TenantId::new();
        let resources = [
            Resource::Tenant(tenant),
            Resource::Personal { tenant, owner: principal.user },
            Resource::Collection { tenant, owner: principal.user, visibility: Visibility::Tenant },
        ];
        for action in Action::ALL {
            for resource in &resources {
                assert_eq!(authorise(&principal, action, resource), Err(Denial::Hidden));
            }
        }
    }

    #[test]
    fn collections_are_read_by_their_circle_and_written_by_their_owner() {
        let (tenant, unit) = (TenantId::new(), UnitId::new());
        let owner = person(tenant, Role::Member, vec![]);
        let colleague = person(tenant, Role::Member, vec![unit]);
        let stranger = person(tenant, Role::Member, vec![]);
        let admin = person(tenant, Role::Admin, vec![]);
        let check = |who: &Principal, action, visibility| {
            authorise(who, action, &Resource::Collection { tenant, owner: owner.user, visibility })
        };
        for visibility in [Visibility::Private, Visibility::Unit(unit), Visibility::Tenant] {
            assert_eq!(check(&owner, Action::ReadCollection, visibility), Ok(()));
            assert_eq!(check(&owner, Action::WriteCollection, visibility), Ok(()));
        }
        for who in [&colleague, &stranger, &admin] {
            assert_eq!(
                check(who, Action::ReadCollection, Visibility::Private),
                Err(Denial::Hidden)
            );
            assert_eq!(
                check(who, Action::WriteCollection, Visibility::Tenant),
                Err(Denial::Forbidden)
            );
            assert_eq!(check(who, Action::ReadCollection, Visibility::Tenant), Ok(()));
        }
        let unit_only = Visibility::Unit(unit);
        assert_eq!(check(&colleague, Action::ReadCollection, unit_only), Ok(()));
        assert_eq!(check(&stranger, Action::ReadCollection, unit_only), Err(Denial::Hidden));
        assert_eq!(check(&stranger, Action::WriteCollection, unit_only), Err(Denial::Hidden));
    }

    #[test]
    fn a_key_reaches_no_further_than_its_scopes() {
        let tenant = TenantId::new();
        let mut principal = person(tenant, Role::Admin, vec![]);
        let key = |scopes| Credential::ApiKey {
            id: KeyId::new(),
            scopes,
            models: None,
            data_class: None,
        };
        let own = Resource::Personal { tenant, owner: principal.user };

        principal.credential = key(vec![Scope::Models]);
        assert_eq!(authorise(&principal, Action::UseModels, &Resource::Tenant(tenant)), Ok(()));
        assert_eq!(
            authorise(&principal, Action::UseConversation, &own),
            Err(Denial::ScopeMissing(Scope::Conversations))
        );

        principal.credential = key(Scope::ALL.to_vec());
        let for_sessions = [
            Action::ManagePeople,
            Action::ManageModels,
            Action::ReadAudit,
            Action::ReadUsage,
            Action::ManageLimits,
        ];
        for action in for_sessions {
            assert_eq!(
                authorise(&principal, action, &Resource::Tenant(tenant)),
                Err(Denial::SessionNeeded)
            );
        }
        assert_eq!(
            authorise(&principal, Action::ManageOwnAccount, &own),
            Err(Denial::SessionNeeded)
        );
    }

    #[test]
    fn only_administrators_are_told_the_way_of_a_request_also_by_key() {
        let (tenant, key) = (TenantId::new(), |scopes| Credential::ApiKey {
            id: KeyId::new(),
            scopes,
            models: None,
            data_class: None,
        });
        let explain =
            |who: &Principal| authorise(who, Action::ExplainRouting, &Resource::Tenant(tenant));
        let mut admin = person(tenant, Role::Admin, vec![]);
        assert_eq!(explain(&admin), Ok(()));
        admin.credential = key(vec![Scope::Models]);
        assert_eq!(explain(&admin), Ok(()));
        admin.credential = key(vec![Scope::Search]);
        assert_eq!(explain(&admin), Err(Denial::ScopeMissing(Scope::Models)));
        let member = person(tenant, Role::Member, vec![]);
        assert_eq!(explain(&member), Err(Denial::Forbidden));
    }

    #[test]
    fn what_is_personal_stays_personal() {
        let tenant = TenantId::new();
        let admin = person(tenant, Role::Admin, vec![]);
        let theirs = Resource::Personal { tenant, owner: UserId::new() };
        for action in Action::ALL {
            assert!(authorise(&admin, action, &theirs).is_err(), "{action:?}");
        }
    }
}
