//! Signing in and out, and finding out who calls.

use std::{net::IpAddr, time::Duration};

use domain::{Action, Credential, ErrorKind, Instant, Resource, SessionId};
use identity::{Attempts, Password, PasswordHash, ThrottlePolicy, Token, TokenKind};
use store::{AuditEvent, AuditOutcome, By, Login, LoginAttempts, Session, User};

use crate::{App, Error, Principal, Result};

/// Longest name of a browser that is kept, in characters; the rest is cut.
const USER_AGENT_CHARS_MAX: usize = 200;

/// Somebody who has just signed in, with the token for their cookie.
pub struct SignedIn {
    /// The person.
    pub principal: Principal,
    /// What goes into the cookie.
    pub token: Token,
}

impl App {
    /// Signs in with mail address and password.
    ///
    /// # Errors
    /// The same for an unknown account and a wrong password; after repeated failures the time to
    /// wait.
    pub async fn create_session(
        &self,
        email: &str,
        password: String,
        address: Option<IpAddr>,
        user_agent: &str,
    ) -> Result<SignedIn> {
        let email = email.trim().to_lowercase();
        let subjects = self.throttled_subjects(&email, address);
        self.reserve_attempt(&subjects).await?;
        let login = self.store.login(&email).await?;
        if let Some(user) = self.password_matches(login, password).await? {
            self.settle_attempt(&subjects).await?;
            return self.start_session(&user, user_agent).await;
        }
        let tenant = self.store.default_tenant().await?;
        let event = AuditEvent::done(&By::system(), "create_session");
        self.store.record_audit(tenant.id, event.outcome(AuditOutcome::Refused)).await?;
        Err(Error::new(ErrorKind::Unauthenticated, "login_failed"))
    }

    /// Ends the session the principal came with.
    ///
    /// # Errors
    /// If they came with an API key.
    pub async fn delete_session(&self, principal: &Principal) -> Result<()> {
        self.authorise_account(principal)?;
        match principal.credential {
            Credential::Session(id) => self.revoke_session(principal, id).await,
            Credential::ApiKey { .. } => Err(Error::new(ErrorKind::Forbidden, "session_needed")),
        }
    }

    /// Lists the principal's own sessions.
    ///
    /// # Errors
    /// If they came with an API key.
    pub async fn list_sessions(&self, principal: &Principal) -> Result<Vec<Session>> {
        self.authorise_account(principal)?;
        Ok(self.store.sessions(principal.tenant, principal.user, Instant::now()).await?)
    }

    /// Ends one of the principal's own sessions.
    ///
    /// # Errors
    /// If it is not theirs.
    pub async fn revoke_session(&self, principal: &Principal, id: SessionId) -> Result<()> {
        self.authorise_account(principal)?;
        let by = By::from(principal);
        Ok(self.store.delete_session(principal.tenant, principal.user, id, &by).await?)
    }

    /// Finds out who a session cookie belongs to.
    ///
    /// # Errors
    /// If it belongs to nobody, or the session has ended.
    pub async fn principal_by_session(&self, token: &str) -> Result<Principal> {
        let unknown = || Error::new(ErrorKind::Unauthenticated, "unauthenticated");
        let token = Token::given(TokenKind::Session, token).ok_or_else(unknown)?;
        let now = Instant::now();
        let hash = self.secret.hash(&token);
        let signed_in =
            self.store.session_by_token(hash.as_str(), now).await?.ok_or_else(unknown)?;
        let session = &signed_in.session;
        if now.since(session.last_used_at) > self.config.session_idle {
            return Err(unknown());
        }
        self.store.touch_session(session, now).await?;
        Ok(signed_in.principal())
    }

    /// Finds out who an API key belongs to.
    ///
    /// # Errors
    /// If it belongs to nobody, or is expired or revoked.
    pub async fn principal_by_key(&self, key: &str) -> Result<Principal> {
        let unknown = || Error::new(ErrorKind::Unauthenticated, "key_invalid");
        let token = Token::given(TokenKind::ApiKey, key).ok_or_else(unknown)?;
        let now = Instant::now();
        let hash = self.secret.hash(&token);
        let holder = self.store.key_by_token(hash.as_str(), now).await?.ok_or_else(unknown)?;
        self.store.touch_key(&holder.key, now).await?;
        Ok(holder.principal())
    }

    pub(crate) async fn start_session(&self, user: &User, user_agent: &str) -> Result<SignedIn> {
        let token = Token::generate(TokenKind::Session);
        let user_agent: String =
            user_agent.chars().filter(|c| !c.is_control()).take(USER_AGENT_CHARS_MAX).collect();
        let expires_at = Instant::now().after(self.config.session_lifetime);
        let hash = self.secret.hash(&token);
        let session =
            self.store.create_session(user, hash.as_str(), &user_agent, expires_at).await?;
        Ok(SignedIn { principal: user.principal(Credential::Session(session.id)), token })
    }

    pub(crate) fn authorise_account(&self, principal: &Principal) -> Result<()> {
        let own = Resource::Personal { tenant: principal.tenant, owner: principal.user };
        Ok(domain::authorise(principal, Action::ManageOwnAccount, &own)?)
    }

    /// Returns the person if the password is theirs. Takes as long for an account that does not
    /// exist or is disabled.
    async fn password_matches(
        &self,
        login: Option<Login>,
        password: String,
    ) -> Result<Option<User>> {
        let login = login.filter(|login| !login.user.disabled);
        let hash = match &login {
            Some(login) => PasswordHash::from_stored(login.password_hash.clone()),
            None => self.decoy.clone(),
        };
        let matches = self.hashing.run(move || hash.matches(&Password::given(password))).await?;
        Ok(login.map(|login| login.user).filter(|_| matches))
    }

    /// Under which names failures are counted: the account first, then the address.
    fn throttled_subjects(&self, email: &str, address: Option<IpAddr>) -> Vec<String> {
        let mut subjects = vec![self.secret.pseudonym("login-account", email)];
        subjects.extend(address.map(|ip| self.secret.pseudonym("login-address", &ip.to_string())));
        subjects
    }

    /// Counts an attempt as failed before the password is looked at, so that guesses made at the
    /// same moment do not slip past the brake; a success takes it back.
    async fn reserve_attempt(&self, subjects: &[String]) -> Result<()> {
        let now = Instant::now();
        let names: Vec<&str> = subjects.iter().map(String::as_str).collect();
        let wait = self
            .store
            .change_login_attempts(&names, |attempts| {
                let known = attempts.iter().copied().map(known).zip(POLICIES);
                let wait = known.filter_map(|(a, policy)| policy.remaining_wait(a, now)).max();
                if wait.is_none() {
                    for (attempts, policy) in attempts.iter_mut().zip(POLICIES) {
                        let next = policy.failed(self::known(*attempts), now);
                        attempts.failures = next.failures;
                        attempts.last_failure = next.last_failure;
                    }
                }
                wait
            })
            .await?;
        let Some(wait) = wait else { return Ok(()) };
        let seconds = wait.as_secs() + 1;
        Err(Error::new(ErrorKind::RateLimited, "login_throttled")
            .with("seconds", seconds)
            .retry_after(Duration::from_secs(seconds)))
    }

    /// Takes the reserved failure of a successful attempt back. Earlier failures of the address
    /// stay: one known password must not buy free guesses at others.
    async fn settle_attempt(&self, subjects: &[String]) -> Result<()> {
        let names: Vec<&str> = subjects.iter().map(String::as_str).collect();
        self.store
            .change_login_attempts(&names, |attempts| {
                for (place, attempts) in attempts.iter_mut().enumerate() {
                    let left = if place == 0 { 0 } else { attempts.failures.saturating_sub(1) };
                    attempts.failures = left;
                }
            })
            .await?;
        Ok(())
    }

    /// Forgets the failures of an account.
    pub(crate) async fn forget_failures(&self, email: &str) -> Result<()> {
        let subject = self.secret.pseudonym("login-account", email);
        self.store
            .change_login_attempts(&[&subject], |attempts| attempts.fill(LoginAttempts::default()))
            .await?;
        Ok(())
    }
}

const POLICIES: [ThrottlePolicy; 2] = [ThrottlePolicy::ACCOUNT, ThrottlePolicy::ADDRESS];

fn known(attempts: LoginAttempts) -> Attempts {
    Attempts { failures: attempts.failures, last_failure: attempts.last_failure }
}
