//! Tokens of a service account at Google: a statement signed with its key is exchanged for a token
//! that holds for an hour. <https://developers.google.com/identity/protocols/oauth2/service-account>

use std::{
    fmt,
    sync::Arc,
    time::{Duration, SystemTime},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{HeaderMap, HeaderValue, header};
use ring::{
    rand::SystemRandom,
    signature::{RSA_PKCS1_SHA256, RsaKeyPair},
};
use rustls_pki_types::{PrivatePkcs8KeyDer, pem::PemObject};
use serde::Deserialize;
use serde_json::json;
use tokio::{sync::Mutex, time::Instant};

use crate::{BaseUrl, BaseUrlError, Failure, HttpClient, Secret};

/// What a token may be used for.
const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";
/// How long the signed statement holds; Google takes no more.
const STATEMENT_LIFETIME: Duration = Duration::from_hours(1);
/// So long before its end a token is no longer used.
const MARGIN: Duration = Duration::from_mins(1);
/// Longest wait for a token.
const WAIT_MAX: Duration = Duration::from_secs(15);
/// Longest answer with a token, in bytes; beyond: it is no such answer.
const ANSWER_BYTES_MAX: usize = 64 << 10;

/// Why a file is not that of a service account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ServiceAccountError {
    /// It is no JSON object with the fields that Google writes.
    #[error("not the JSON file of a service account")]
    Malformed,
    /// Its key cannot be used.
    #[error("its private key is no RSA key in PKCS 8")]
    Key,
    /// Its token address cannot be used.
    #[error("its token_uri {0}")]
    TokenUri(BaseUrlError),
}

/// A service account and the token it has at the moment. Clones share the token, so that however many
/// calls need one at once, one of them fetches it.
#[derive(Clone)]
pub struct ServiceAccount(Arc<Inner>);

struct Inner {
    email: String,
    key_id: String,
    key: RsaKeyPair,
    token_url: BaseUrl,
    token: Mutex<Option<Token>>,
}

struct Token {
    secret: Secret,
    /// From then on a new one is fetched.
    stale: Instant,
}

#[derive(Deserialize)]
struct AccountFile {
    client_email: String,
    private_key: String,
    #[serde(default)]
    private_key_id: String,
    token_uri: String,
}

#[derive(Deserialize)]
struct Granted {
    access_token: String,
    expires_in: u64,
}

impl ServiceAccount {
    /// Reads the file that Google hands out for a service account. The address in it is the only
    /// one that is asked for tokens.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, ServiceAccountError> {
        let file: AccountFile =
            serde_json::from_str(text).map_err(|_| ServiceAccountError::Malformed)?;
        let token_url = file.token_uri.parse().map_err(ServiceAccountError::TokenUri)?;
        let der = PrivatePkcs8KeyDer::from_pem_slice(file.private_key.as_bytes())
            .map_err(|_| ServiceAccountError::Key)?;
        let key =
            RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()).map_err(|_| ServiceAccountError::Key)?;
        Ok(Self(Arc::new(Inner {
            email: file.client_email,
            key_id: file.private_key_id,
            key,
            token_url,
            token: Mutex::new(None),
        })))
    }

    /// A token that holds for a while yet. Whoever comes while one is being fetched waits for it.
    pub(crate) async fn token(&self, client: &HttpClient) -> Result<Secret, Failure> {
        let mut held = self.0.token.lock().await;
        if let Some(token) = held.as_ref().filter(|token| Instant::now() < token.stale) {
            return Ok(token.secret.clone());
        }
        let asked = Instant::now();
        let fetched = tokio::time::timeout(WAIT_MAX, self.fetch(client)).await;
        let granted = fetched.map_err(|_| Failure::NoToken)??;
        let lifetime = Duration::from_secs(granted.expires_in).min(STATEMENT_LIFETIME);
        let secret = Secret::new(granted.access_token);
        let stale = asked + lifetime.saturating_sub(MARGIN);
        *held = Some(Token { secret: secret.clone(), stale });
        Ok(secret)
    }

    /// Throws a token away that was not accepted.
    pub(crate) async fn forget(&self) {
        *self.0.token.lock().await = None;
    }

    async fn fetch(&self, client: &HttpClient) -> Result<Granted, Failure> {
        let statement = self.statement().ok_or(Failure::NoToken)?;
        let grant = "urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer";
        let form = HeaderValue::from_static("application/x-www-form-urlencoded");
        let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, form)]);
        let body = format!("grant_type={grant}&assertion={statement}");
        let uri = self.0.token_url.itself().ok_or(Failure::NoToken)?;
        let answer = client.post(uri, headers, body, ANSWER_BYTES_MAX).await;
        let answer = answer.map_err(|_| Failure::NoToken)?;
        if !answer.status().is_success() {
            return Err(Failure::NoToken);
        }
        serde_json::from_slice(answer.body()).map_err(|_| Failure::NoToken)
    }

    /// A JSON Web Token (RFC 7523) that says who asks.
    fn statement(&self) -> Option<String> {
        let inner = &self.0;
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).ok()?;
        let header = json!({"alg": "RS256", "typ": "JWT", "kid": inner.key_id});
        let claims = json!({
            "iss": inner.email,
            "scope": SCOPE,
            "aud": inner.token_url.to_string(),
            "iat": now.as_secs(),
            "exp": (now + STATEMENT_LIFETIME).as_secs(),
        });
        let encode = |value: &serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", encode(&header), encode(&claims));
        let mut signature = vec![0; inner.key.public().modulus_len()];
        let random = SystemRandom::new();
        inner.key.sign(&RSA_PKCS1_SHA256, &random, signed.as_bytes(), &mut signature).ok()?;
        Some(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}

impl fmt::Debug for ServiceAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServiceAccount")
            .field("token_url", &self.0.token_url)
            .finish_non_exhaustive()
    }
}

impl PartialEq for ServiceAccount {
    /// Whether it is the same account with the same key.
    fn eq(&self, other: &Self) -> bool {
        let of = |one: &Self| (one.0.email.clone(), one.0.key_id.clone(), one.0.token_url.clone());
        of(self) == of(other)
    }
}

impl Eq for ServiceAccount {}
