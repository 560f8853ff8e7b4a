//! Signing in and out, and finding out who calls.

use std::{net::IpAddr, time::Duration};

use domain::{Action, Credential, ErrorKind, Instant, Resource, SessionId};
use identity::{Attempts, Password, PasswordHash, ThrottlePolicy, Token, TokenKind};
use store::{AuditEvent, AuditOutcome, By, Login, LoginAttempts, ObjectKind, Page, Session, User};

use crate::{App, Error, Part, Principal, Result, known_keys::Lookup};

/// Longest name of a browser that is kept, in characters; the rest is cut.
const USER_AGENT_CHARS_MAX: usize = 200;

/// Longest wait for the database to say whose key or session it is; beyond: what was known of a key a
/// moment ago counts, and sessions are refused as overload.
const LOOKUP_MAX: Duration = Duration::from_secs(2);
/// Longest wait for noting that keys are in use; somebody may wait for the list of them.
const NOTE_MAX: Duration = Duration::from_secs(1);

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
        let brakes = self.login_brakes(&email, address);
        self.reserve_attempt(&brakes).await?;
        let login = self.store.login(&email).await?;
        if let Some(user) = self.password_matches(login, password).await? {
            self.settle_attempt(&brakes).await?;
            return self.start_session(&user, user_agent).await;
        }
        let tenant = self.store.default_tenant().await?;
        // Attempts on one account can be seen together, but not whose it is.
        let account = self.secret.pseudonym(AUDIT_ACCOUNT, &email);
        let event = AuditEvent::done(&By::system(), "create_session")
            .outcome(AuditOutcome::Refused)
            .with("account", &account[..PSEUDONYM_CHARS]);
        self.store.record_audit(tenant.id, event).await?;
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

    /// Lists the principal's own sessions, the last used first.
    ///
    /// # Errors
    /// If they came with an API key, or there is no such part.
    pub async fn list_sessions(&self, principal: &Principal, part: &Part) -> Result<Page<Session>> {
        self.authorise_account(principal)?;
        let (tenant, owner, now) = (principal.tenant, principal.user, Instant::now());
        Ok(self.store.sessions(tenant, owner, now, part.after(), part.limit()?).await?)
    }

    /// Ends one of the principal's own sessions.
    ///
    /// # Errors
    /// If it is not theirs.
    pub async fn revoke_session(&self, principal: &Principal, id: SessionId) -> Result<()> {
        self.authorise_account(principal)?;
        let by = By::from(principal);
        let ended = self.store.delete_session(principal.tenant, principal.user, id, &by).await;
        self.found(principal, ObjectKind::Session, id, ended).await
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
        let asked =
            tokio::time::timeout(LOOKUP_MAX, self.store.session_by_token(hash.as_str(), now));
        let signed_in = asked.await.map_err(|_| overloaded())??.ok_or_else(unknown)?;
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
        let hash = self.secret.hash(&token);
        let changes = self.store.principal_changes();
        let asked = Lookup { hash: hash.as_str(), changes, now: Instant::now() };
        if let Some(principal) = self.known_keys.fresh(asked) {
            return Ok(principal);
        }
        self.look_up(asked).await?.ok_or_else(unknown)
    }

    /// Finds out whose key it is where copies of old answers alone do not say.
    async fn look_up(&self, asked: Lookup<'_>) -> Result<Option<Principal>> {
        let keys = &self.known_keys;
        if keys.must_ask() {
            if answer(self.ask_about_rights()).await?.is_none() {
                return keys.during_outage(asked).map(Some).ok_or_else(overloaded);
            }
            if let Some(principal) = keys.fresh(asked) {
                return Ok(Some(principal));
            }
        }
        let version = keys.version();
        let Some(found) = answer(self.store.key_by_token(asked.hash, asked.now)).await? else {
            return keys.old(asked).map(Some).ok_or_else(overloaded);
        };
        match &found {
            Some(holder) => keys.keep(asked, holder, version),
            None => keys.forget(asked.hash),
        }
        Ok(found.map(|holder| holder.principal()))
    }

    /// Asks the database whether anything has changed. Also an answer that comes too late for this
    /// caller is one: a slow database is none that is away.
    async fn ask_about_rights(&self) -> Result<(), store::Error> {
        let (store, keys) = (self.store.clone(), self.known_keys.clone());
        let asked_at = std::time::Instant::now();
        let asking = self.tasks.spawn(async move {
            keys.answered(asked_at, store.principals_version().await?);
            Ok(())
        });
        asking.await.unwrap_or(Ok(()))
    }

    /// Writes down which keys are in use, or will the next time: that it cannot be noted now is no
    /// reason to do less.
    pub(crate) async fn note_used_keys(&self) {
        let used = self.known_keys.take_used();
        if used.is_empty() {
            return;
        }
        let noting = self.store.touch_keys(&used, Instant::now());
        let noted = tokio::time::timeout(NOTE_MAX, noting).await;
        if !matches!(noted, Ok(Ok(()))) {
            let error = noted.ok().and_then(Result::err);
            let error = error.as_ref().map(|error| error as &dyn std::error::Error);
            tracing::warn!(keys = used.len(), error, "the use of keys was not noted");
            self.known_keys.note_used(used);
        }
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

    /// What failures are counted under, and how strictly.
    fn login_brakes(&self, email: &str, address: Option<IpAddr>) -> Vec<Brake> {
        let place = address.map(network).unwrap_or_default();
        let brake = |realm, name: &str, policy| Brake {
            subject: self.secret.pseudonym(realm, name),
            policy,
        };
        let pair = format!("{email} {place}");
        let mut brakes = vec![
            brake("login-account-at-address", &pair, ThrottlePolicy::ACCOUNT_AT_ADDRESS),
            brake(LOGIN_ACCOUNT, email, ThrottlePolicy::ACCOUNT),
        ];
        if address.is_some() {
            brakes.push(brake("login-address", &place, ThrottlePolicy::ADDRESS));
        }
        brakes
    }

    /// The brake on guessing the present password of somebody who is signed in.
    pub(crate) fn password_brake(&self, principal: &Principal) -> Vec<Brake> {
        let subject = self.secret.pseudonym("password-change", &principal.user.to_string());
        vec![Brake { subject, policy: ThrottlePolicy::ACCOUNT_AT_ADDRESS }]
    }

    /// Counts an attempt as failed before the password is looked at, so that guesses made at the
    /// same moment do not slip past the brake; a success takes it back.
    pub(crate) async fn reserve_attempt(&self, brakes: &[Brake]) -> Result<()> {
        let now = Instant::now();
        let names: Vec<&str> = brakes.iter().map(|brake| brake.subject.as_str()).collect();
        let wait = self
            .store
            .change_login_attempts(&names, |attempts| {
                let known = attempts.iter().copied().map(known).zip(brakes);
                let wait = known.filter_map(|(a, brake)| brake.policy.remaining_wait(a, now)).max();
                if wait.is_none() {
                    for (attempts, brake) in attempts.iter_mut().zip(brakes) {
                        let next = brake.policy.failed(self::known(*attempts), now);
                        attempts.failures = next.failures;
                        attempts.last_failure = next.last_failure;
                    }
                }
                wait
            })
            .await?;
        let Some(wait) = wait else { return Ok(()) };
        Err(Error::new(ErrorKind::RateLimited, "login_throttled").retry_after(wait))
    }

    /// Takes the reserved failure of a successful attempt back. The first brake, which is the
    /// caller's own, forgets all; earlier failures of what others share stay: one known password
    /// must not buy free guesses at others.
    pub(crate) async fn settle_attempt(&self, brakes: &[Brake]) -> Result<()> {
        let names: Vec<&str> = brakes.iter().map(|brake| brake.subject.as_str()).collect();
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
        let subject = self.secret.pseudonym(LOGIN_ACCOUNT, email);
        self.store
            .change_login_attempts(&[&subject], |attempts| attempts.fill(LoginAttempts::default()))
            .await?;
        Ok(())
    }
}

/// The realm of an account's pseudonym in the audit log; another than that of the brakes, so that the
/// two tables cannot be laid side by side.
const AUDIT_ACCOUNT: &str = "audit-account";
/// Characters of a pseudonym that are kept: 64 bits tell all accounts apart.
const PSEUDONYM_CHARS: usize = 16;
/// The realm of an account's failures from anywhere.
const LOGIN_ACCOUNT: &str = "login-account";

/// What failures are counted under, and how strictly.
pub(crate) struct Brake {
    subject: String,
    policy: ThrottlePolicy,
}

/// The address, or the network that one subscriber gets (RFC 6177 gives out nothing smaller than a
/// /64 for IPv6).
fn network(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
    }
}

fn known(attempts: LoginAttempts) -> Attempts {
    Attempts { failures: attempts.failures, last_failure: attempts.last_failure }
}

fn overloaded() -> Error {
    Error::new(ErrorKind::Overloaded, "overloaded")
}

/// What the database answers; `None` if it does not in time, or has no time.
async fn answer<T>(asked: impl Future<Output = Result<T, store::Error>>) -> Result<Option<T>> {
    match tokio::time::timeout(LOOKUP_MAX, asked).await {
        Ok(Ok(answer)) => Ok(Some(answer)),
        Ok(Err(error)) if error.kind() != ErrorKind::Overloaded => Err(error.into()),
        Ok(Err(_)) | Err(_) => Ok(None),
    }
}
