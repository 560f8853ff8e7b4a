//! People of a tenant and its units, as an administrator looks after them.

use domain::{Action, DataClass, ErrorKind, Resource, Role, UnitId, UserId};
use identity::{MailAddress, Password};
use store::{By, NewUser, Page, Unit, User, UserChange};

use crate::{
    App, Error, Language, Part, Principal, Result, naming::checked_name, wording::wording,
};

/// A person to make an account for, as typed in.
pub struct NewPerson {
    /// Name.
    pub name: String,
    /// Mail address.
    pub email: String,
    /// First password.
    pub password: String,
    /// Role.
    pub role: Role,
    /// Units.
    pub units: Vec<UnitId>,
}

impl App {
    /// Lists the people of the tenant by name.
    ///
    /// # Errors
    /// If the principal is no administrator, or there is no such part.
    pub async fn list_users(&self, principal: &Principal, part: &Part) -> Result<Page<User>> {
        self.authorise_people(principal)?;
        Ok(self.store.users(principal.tenant, part.after(), part.limit()?).await?)
    }

    /// Makes an account.
    ///
    /// # Errors
    /// If the principal is no administrator, or a field is wrong.
    pub async fn create_user(&self, principal: &Principal, person: NewPerson) -> Result<User> {
        self.authorise_people(principal)?;
        let new = self.checked_person(person).await?;
        Ok(self.store.create_user(principal.tenant, &new, &By::from(principal)).await?)
    }

    /// Makes an account in the default tenant. For the operator at the command line.
    ///
    /// # Errors
    /// If a field is wrong.
    pub async fn create_user_by_command(&self, person: NewPerson) -> Result<User> {
        let tenant = self.store.default_tenant().await?;
        let new = self.checked_person(person).await?;
        Ok(self.store.create_user(tenant.id, &new, &By::command()).await?)
    }

    /// Changes an account.
    ///
    /// # Errors
    /// If the principal is no administrator, the person or a unit unknown, or nobody would be left
    /// to look after the tenant.
    pub async fn update_user(
        &self,
        principal: &Principal,
        id: UserId,
        mut change: UserChange,
    ) -> Result<User> {
        self.authorise_people(principal)?;
        if let Some(name) = &change.name {
            change.name = Some(checked_name(name, "name")?);
        }
        Ok(self.store.change_user(principal.tenant, id, &change, &By::from(principal)).await?)
    }

    /// Sets somebody's password, ends their sessions and revokes their API keys: whoever needs this
    /// may have lost the account to somebody else. For the operator at the command line.
    ///
    /// # Errors
    /// If there is no such account or the password is weak.
    pub async fn reset_password_by_command(&self, email: &str, password: String) -> Result<()> {
        let login = self.store.login(email).await?.ok_or_else(Error::not_found)?;
        let hash = self.hash_chosen_password(password, "password").await?;
        let user = login.user;
        self.store.set_password(user.tenant, user.id, &hash, None, &By::command()).await?;
        for key in self.store.keys(user.tenant, user.id).await? {
            self.store.revoke_key(user.tenant, user.id, key.id, &By::command()).await?;
        }
        self.forget_failures(&user.email).await
    }

    /// Lists the units of the tenant: everybody may know them.
    ///
    /// # Errors
    /// A database error.
    pub async fn list_units(&self, principal: &Principal) -> Result<Vec<Unit>> {
        let tenant = Resource::Tenant(principal.tenant);
        domain::authorise(principal, Action::CreateCollection, &tenant)?;
        Ok(self.store.units(principal.tenant).await?)
    }

    /// Makes a unit.
    ///
    /// # Errors
    /// If the principal is no administrator, or the name or parent is wrong.
    pub async fn create_unit(
        &self,
        principal: &Principal,
        name: &str,
        parent: Option<UnitId>,
    ) -> Result<Unit> {
        self.authorise_people(principal)?;
        let name = checked_name(name, "name")?;
        let by = By::from(principal);
        let made = self.store.create_unit(principal.tenant, &name, parent, &by).await;
        let (unit, version) = made.map_err(|error| match error {
            store::Error::NotFound => Error::invalid("unit_unknown").in_field("parent"),
            other => other.into(),
        })?;
        // What binds the units above and what is open to them holds for this one from now on.
        self.units.add(unit.id, parent, version);
        Ok(unit)
    }

    /// Sets the cost centre of a unit; an empty one is taken away, and that of the unit above counts.
    ///
    /// # Errors
    /// If the principal is no administrator, the unit unknown, or the cost centre unfit.
    pub async fn update_unit(
        &self,
        principal: &Principal,
        id: UnitId,
        cost_centre: &str,
    ) -> Result<Unit> {
        self.authorise_people(principal)?;
        let cost_centre = match cost_centre.trim() {
            "" => None,
            text => Some(checked_name(text, "cost_centre")?),
        };
        let by = By::from(principal);
        Ok(self.store.set_cost_centre(principal.tenant, id, cost_centre, &by).await?)
    }

    pub(crate) fn authorise_people(&self, principal: &Principal) -> Result<()> {
        let tenant = Resource::Tenant(principal.tenant);
        Ok(domain::authorise(principal, Action::ManagePeople, &tenant)?)
    }

    /// Checks what was typed in and hashes the password.
    pub(crate) async fn checked_person(&self, person: NewPerson) -> Result<NewUser> {
        let name = checked_name(&person.name, "name")?;
        let email: MailAddress =
            person.email.parse().map_err(|_| Error::invalid("email_invalid").in_field("email"))?;
        let password_hash = self.hash_chosen_password(person.password, "password").await?;
        Ok(NewUser {
            email: email.as_str().to_owned(),
            name,
            role: person.role,
            is_service: false,
            password_hash,
            locale: None,
            units: person.units,
            default_collection: wording(Language::German, "default_collection_name", &[]),
            default_class: DataClass::Internal,
        })
    }

    pub(crate) async fn hash_chosen_password(
        &self,
        password: String,
        field: &'static str,
    ) -> Result<String> {
        let password = Password::chosen(password).map_err(|e| Error::from(e).in_field(field))?;
        let hash = self.hashing.run(move || password.hash()).await??;
        Ok(hash.as_str().to_owned())
    }
}

impl From<store::Error> for Error {
    fn from(error: store::Error) -> Self {
        use store::{Conflict, Error as Store};
        let conflict = |code| Self::new(ErrorKind::Conflict, code);
        match error {
            Store::NotFound => Self::not_found(),
            Store::Conflict(what) => match what {
                Conflict::EmailTaken => conflict("email_taken").in_field("email"),
                Conflict::AlreadySetUp => conflict("setup_done"),
                Conflict::LastAdmin => conflict("last_admin"),
                Conflict::DefaultCollection => conflict("default_collection_kept"),
                Conflict::RunInProgress => conflict("run_in_progress"),
                Conflict::DocumentBusy => conflict("retry_not_failed"),
                Conflict::NameTaken => conflict("model_name_taken").in_field("name"),
                Conflict::ChangedMeanwhile => conflict("changed_meanwhile"),
            },
            Store::InvalidCursor => Self::invalid("invalid").in_field("after"),
            Store::Unavailable(_) => Self::new(ErrorKind::Overloaded, "overloaded")
                .retry_after(std::time::Duration::from_secs(2))
                .caused_by(error),
            other => Self::new(other.kind(), "internal").caused_by(other),
        }
    }
}
