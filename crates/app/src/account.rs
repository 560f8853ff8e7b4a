//! One's own account: who am I, my password, my API keys.

use domain::{
    CollectionId, Credential, DataClass, Day, ErrorKind, Instant, KeyId, Role, Scope, TenantId,
    UnitId, UserId,
};
use identity::{Password, PasswordHash, Token, TokenKind};
use store::{
    ApiKey, AuditEvent, AuditOutcome, By, NewApiKey, NewUser, ObjectKind, Tenant, TenantKey, User,
};

use crate::{App, Error, Language, Principal, Result, naming::checked_name, wording};

/// Most live keys of one person; beyond: refused.
const KEYS_MAX: usize = 50;
/// Most models that a key is narrowed to; beyond: refused.
const KEY_MODELS_MAX: usize = 100;

/// The principal as they see themselves.
pub struct Me {
    /// The person.
    pub user: User,
    /// Their tenant.
    pub tenant: Tenant,
    /// Their private collection, where attached files go.
    pub default_collection: CollectionId,
}

/// A key that was just made; the secret is shown this once.
pub struct CreatedKey {
    /// The secret.
    pub token: Token,
    /// The key.
    pub key: ApiKey,
}

/// A key to make, as asked for.
pub struct KeyRequest {
    /// What its owner calls it.
    pub name: String,
    /// What it may be used for.
    pub scopes: Vec<Scope>,
    /// Until when; `None` for ever.
    pub expires_at: Option<Instant>,
    /// The only models it may be used for; `None` for all that its owner may use.
    pub models: Option<Vec<String>>,
    /// The class of the data it stands for; `None` for the default of the installation.
    pub data_class: Option<DataClass>,
}

/// A key that may be made, with its secret.
struct NewKey {
    token: Token,
    row: NewApiKey,
}

/// Whose key an operator makes.
pub enum KeyOwner {
    /// The person with this mail address.
    Person(String),
    /// A program by its name; its account is made if there is none yet.
    Service {
        /// Its name.
        name: String,
        /// The unit that its use is counted for, by name or id, if the account is made.
        unit: Option<String>,
    },
}

impl App {
    /// Says who the principal is. Every credential may ask that.
    ///
    /// # Errors
    /// A database error.
    pub async fn get_me(&self, principal: &Principal) -> Result<Me> {
        let user = self.store.user(principal.tenant, principal.user).await?;
        let tenant = self.store.tenant(principal.tenant).await?;
        let default_collection =
            self.store.default_collection(principal.tenant, principal.user).await?;
        Ok(Me { user, tenant, default_collection })
    }

    /// Changes the principal's own password and ends all their other sessions.
    ///
    /// # Errors
    /// If the present password is wrong or the new one weak.
    pub async fn change_password(
        &self,
        principal: &Principal,
        current: String,
        new: String,
    ) -> Result<()> {
        self.authorise_account(principal)?;
        let login = self.store.login_of(principal.tenant, principal.user).await?;
        let stored = PasswordHash::from_stored(login.password_hash);
        let brakes = self.password_brake(principal);
        self.reserve_attempt(&brakes).await?;
        let matches = self.hashing.run(move || stored.matches(&Password::given(current))).await?;
        if matches {
            self.settle_attempt(&brakes).await?;
        } else {
            let event = AuditEvent::done(&By::from(principal), "set_password");
            let refused = event.outcome(AuditOutcome::Refused);
            self.store.record_audit(principal.tenant, refused).await?;
            return Err(Error::invalid("password_wrong").in_field("current"));
        }
        let hash = self.hash_chosen_password(new, "new").await?;
        let keep = match principal.credential {
            Credential::Session(id) => Some(id),
            Credential::ApiKey { .. } => None,
        };
        let by = By::from(principal);
        Ok(self.store.set_password(principal.tenant, principal.user, &hash, keep, &by).await?)
    }

    /// Lists the principal's own keys.
    ///
    /// # Errors
    /// If they came with an API key.
    pub async fn list_keys(&self, principal: &Principal) -> Result<Vec<ApiKey>> {
        self.authorise_account(principal)?;
        self.note_used_keys().await;
        Ok(self.store.keys(principal.tenant, principal.user).await?)
    }

    /// Makes a key for the principal.
    ///
    /// # Errors
    /// If they came with an API key, or a field is wrong.
    pub async fn create_key(&self, principal: &Principal, asked: KeyRequest) -> Result<CreatedKey> {
        self.authorise_account(principal)?;
        let new = self.checked_key(asked)?;
        let user = self.store.user(principal.tenant, principal.user).await?;
        self.make_key(&user, new, &By::from(principal)).await
    }

    /// Makes a key for a person or a program; one without a name is called after the command line and the
    /// day. For the operator at the command line.
    ///
    /// # Errors
    /// If there is no such account or unit, or a field is wrong.
    pub async fn create_key_by_command(
        &self,
        owner: KeyOwner,
        mut asked: KeyRequest,
    ) -> Result<CreatedKey> {
        if asked.name.is_empty() {
            let date = ("date", Day::of(Instant::now()).to_string());
            asked.name = wording(Language::German, "command_key_name", &[date]);
        }
        let new = self.checked_key(asked)?;
        let owner = match owner {
            KeyOwner::Person(email) => match self.store.login(&email).await? {
                Some(login) => login.user,
                None => {
                    let unknown = Error::new(ErrorKind::NotFound, "person_unknown");
                    return Err(unknown.with("email", email));
                }
            },
            KeyOwner::Service { name, unit } => self.service_by_command(&name, unit).await?,
        };
        self.make_key(&owner, new, &By::command()).await
    }

    /// Lists all keys of the default tenant. For the operator at the command line.
    ///
    /// # Errors
    /// A database error.
    pub async fn list_keys_by_command(&self) -> Result<Vec<TenantKey>> {
        let tenant = self.store.default_tenant().await?.id;
        Ok(self.store.tenant_keys(tenant).await?)
    }

    /// Revokes any key of the default tenant. For the operator at the command line.
    ///
    /// # Errors
    /// If there is no such key.
    pub async fn revoke_key_by_command(&self, id: KeyId) -> Result<()> {
        let tenant = self.store.default_tenant().await?.id;
        let owner = self.store.key_owner(tenant, id).await?;
        Ok(self.store.revoke_key(tenant, owner, id, &By::command()).await?)
    }

    /// Lists all keys of the tenant, without their secrets.
    ///
    /// # Errors
    /// If the principal is no administrator.
    pub async fn list_tenant_keys(&self, principal: &Principal) -> Result<Vec<TenantKey>> {
        self.authorise_people(principal)?;
        self.note_used_keys().await;
        Ok(self.store.tenant_keys(principal.tenant).await?)
    }

    /// Revokes a key at once: one of the principal's own, for administrators any of the tenant.
    ///
    /// # Errors
    /// If it is not theirs.
    pub async fn revoke_key(&self, principal: &Principal, id: KeyId) -> Result<()> {
        self.authorise_account(principal)?;
        let by = By::from(principal);
        let mut owner = principal.user;
        if principal.role == Role::Admin
            && let Ok(other) = self.store.key_owner(principal.tenant, id).await
        {
            owner = other;
        }
        let revoked = self.store.revoke_key(principal.tenant, owner, id, &by).await;
        self.found(principal, ObjectKind::Key, id, revoked).await
    }

    /// The account of a program, made if there is none of that name. One that is there stays in its
    /// unit: another one is refused, since its use would be counted where nobody expects it.
    async fn service_by_command(&self, name: &str, unit: Option<String>) -> Result<User> {
        let name = checked_name(name, "service")?;
        let tenant = self.store.default_tenant().await?.id;
        let mut units = vec![];
        if let Some(wanted) = unit {
            units.push(self.unit_called(tenant, wanted).await?);
        }
        if let Some(service) = self.store.service(tenant, &name).await? {
            let has = |wanted| service.units.iter().any(|unit| unit.id == wanted);
            if units.iter().all(|unit| has(*unit)) {
                return Ok(service);
            }
            let other = Error::new(ErrorKind::Conflict, "service_elsewhere");
            return Err(other.with("service", name).in_field("unit"));
        }
        let new = NewUser {
            // Nobody can have this address (RFC 2606), nor a password with this hash.
            email: format!("{}@service.invalid", UserId::new()),
            name,
            role: Role::Member,
            is_service: true,
            password_hash: String::from("!"),
            locale: None,
            units,
            default_collection: wording(Language::German, "default_collection_name", &[]),
            default_class: DataClass::Internal,
        };
        Ok(self.store.create_user(tenant, &new, &By::command()).await?)
    }

    /// The unit of this name or id. Of two of one name nobody knows which is meant: it has to be the id.
    async fn unit_called(&self, tenant: TenantId, wanted: String) -> Result<UnitId> {
        let all = self.store.units(tenant).await?;
        let mut named =
            all.iter().filter(|unit| unit.name == wanted || unit.id.to_string() == wanted);
        let code = match (named.next(), named.next()) {
            (Some(unit), None) => return Ok(unit.id),
            (None, _) => "unit_unknown",
            (Some(_), Some(_)) => "unit_ambiguous",
        };
        Err(Error::new(ErrorKind::NotFound, code).with("unit", wanted).in_field("unit"))
    }

    /// A key as asked for, if it makes sense.
    fn checked_key(&self, asked: KeyRequest) -> Result<NewKey> {
        let name = checked_name(&asked.name, "name")?;
        let mut scopes = asked.scopes;
        scopes.sort_unstable();
        scopes.dedup();
        if scopes.is_empty() {
            return Err(Error::invalid("scopes_empty").in_field("scopes"));
        }
        if asked.expires_at.is_some_and(|at| at <= Instant::now()) {
            return Err(Error::invalid("expiry_past").in_field("expires_at"));
        }
        let models = asked.models.map(|names| self.checked_models(names)).transpose()?;
        let token = Token::generate(TokenKind::ApiKey);
        let row = NewApiKey {
            name,
            prefix: token.hint(),
            token_hash: self.secret.hash(&token).as_str().to_owned(),
            scopes,
            expires_at: asked.expires_at,
            models,
            data_class: asked.data_class,
        };
        Ok(NewKey { token, row })
    }

    async fn make_key(&self, owner: &User, new: NewKey, by: &By) -> Result<CreatedKey> {
        if self.store.keys(owner.tenant, owner.id).await?.len() >= KEYS_MAX {
            return Err(Error::new(ErrorKind::Conflict, "too_many_keys").with("max", KEYS_MAX));
        }
        let key = self.store.create_key(owner.tenant, owner.id, &new.row, by).await?;
        Ok(CreatedKey { token: new.token, key })
    }

    /// The names of models that a key is narrowed to; `auto` then chooses among them.
    fn checked_models(&self, mut names: Vec<String>) -> Result<Vec<String>> {
        names.sort_unstable();
        names.dedup();
        if names.is_empty() || names.len() > KEY_MODELS_MAX {
            let wrong = Error::invalid("key_models_count").with("max", KEY_MODELS_MAX);
            return Err(wrong.in_field("models"));
        }
        let catalogue = self.gateway.catalogue();
        match names.iter().find(|name| catalogue.model(name).is_none()) {
            Some(unknown) => {
                Err(Error::invalid("key_model_unknown").with("model", unknown).in_field("models"))
            }
            None => Ok(names),
        }
    }
}
