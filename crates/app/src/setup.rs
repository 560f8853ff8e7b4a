//! The first steps: a one-time link makes the first administrator.

use std::time::Duration;

use domain::{Instant, Role};
use identity::{Token, TokenKind};
use store::NewUser;

use crate::{App, Error, Result, SignedIn, people::NewPerson};

/// How long a set-up link is good for.
pub const SETUP_LINK_LIFETIME: Duration = Duration::from_hours(24);

impl App {
    /// Says whether somebody still has to set the installation up. Public.
    ///
    /// # Errors
    /// A database error.
    pub async fn get_setup(&self) -> Result<bool> {
        Ok(!self.store.has_users().await?)
    }

    /// Makes a set-up token and forgets all earlier ones. For the operator at the command line.
    ///
    /// # Errors
    /// If somebody has set the installation up already.
    pub async fn issue_setup_token(&self) -> Result<Token> {
        let token = Token::generate(TokenKind::Setup);
        let expires_at = Instant::now().after(SETUP_LINK_LIFETIME);
        let tenant = self.store.default_tenant().await?.id;
        let hash = self.secret.hash(&token);
        self.store.create_setup_token(hash.as_str(), expires_at, tenant).await?;
        Ok(token)
    }

    /// Makes the first administrator and signs them in. Public, for whoever holds the token.
    ///
    /// # Errors
    /// If the token is unknown, used or expired, or a field is wrong.
    pub async fn create_setup(
        &self,
        token: &str,
        person: NewPerson,
        user_agent: &str,
    ) -> Result<SignedIn> {
        let invalid = || Error::invalid("setup_link_invalid");
        let token = Token::given(TokenKind::Setup, token).ok_or_else(invalid)?;
        if !self.get_setup().await? {
            // Before hashing: nobody shall make us compute for nothing.
            return Err(Error::new(domain::ErrorKind::Conflict, "setup_done"));
        }
        let tenant = self.store.default_tenant().await?;
        let first = NewUser { role: Role::Admin, ..self.checked_person(person).await? };
        let token_hash = self.secret.hash(&token);
        let user = self
            .store
            .set_up(token_hash.as_str(), Instant::now(), tenant.id, &first)
            .await
            .map_err(|error| match error {
                store::Error::NotFound => invalid(),
                other => other.into(),
            })?;
        self.start_session(&user, user_agent).await
    }
}
