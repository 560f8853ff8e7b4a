//! The HTTP client that everything leaves the house by: HTTP/1.1, TLS as the system trusts it, a proxy
//! where one is set. It follows no redirects, tries nothing twice and keeps no cookies: whom to ask,
//! and how often, is for others to say. Knows no routes. See decision 0025.

mod body;
mod connector;

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderValue, Request, Response, Uri, header};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper_util::{
    client::legacy,
    rt::{TokioExecutor, TokioTimer},
};

pub(crate) use self::body::Body;
use self::connector::Connector;

const USER_AGENT: HeaderValue =
    HeaderValue::from_static(concat!("fachwerk/", env!("CARGO_PKG_VERSION")));
/// Most that is read ahead on a connection, in bytes: many servers that send faster than callers read
/// must not fill the memory. The head of an answer must fit, as it must with most proxies between.
const READ_AHEAD_MAX: usize = 8 << 10;
/// A connection on which nothing was asked for so long is closed.
const IDLE_MAX: Duration = Duration::from_secs(60);

/// Settings of a client. Not to be printed: a proxy's address may bear a password.
#[derive(Clone)]
pub struct HttpSettings {
    /// Longest time until a connection stands.
    pub connect: Duration,
    /// The address of the proxy for all calls, with name and password if it needs them. `None`: what
    /// the environment says (`HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`, `NO_PROXY`).
    pub proxy: Option<String>,
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self { connect: Duration::from_secs(5), proxy: None }
    }
}

/// Why a call had no answer, or not all of it. Names no address.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// Nobody was reached: nothing was sent.
    #[error("no connection")]
    Connect(#[source] legacy::Error),
    /// The connection broke before there was an answer.
    #[error("no answer")]
    Send(#[source] legacy::Error),
    /// The connection broke within the answer.
    #[error("half an answer")]
    Receive(#[from] hyper::Error),
}

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
pub enum HttpSetupError {
    /// The system's trusted certificates cannot be used.
    #[error("the system's trusted certificates cannot be used")]
    Tls(#[from] rustls::Error),
    /// The address of the proxy cannot be used, and nothing may leave past it.
    #[error("the address of the proxy cannot be used")]
    Proxy,
}

/// Makes calls. Clones share their connections.
#[derive(Debug, Clone)]
pub struct HttpClient {
    inner: legacy::Client<Connector, Body>,
    connector: Connector,
}

impl HttpClient {
    /// Makes a client.
    ///
    /// # Errors
    /// [`HttpSetupError`].
    pub fn new(settings: &HttpSettings) -> Result<Self, HttpSetupError> {
        // Client and database speak TLS with the same cryptography. Only the first call in a process
        // finds none installed.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Ok(Self::with(Connector::new(settings)?))
    }

    /// A client like this one, with connections of its own.
    #[must_use]
    pub fn sibling(&self) -> Self {
        Self::with(self.connector.clone())
    }

    fn with(connector: Connector) -> Self {
        let inner = legacy::Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_MAX)
            .retry_canceled_requests(false)
            .http1_max_buf_size(READ_AHEAD_MAX)
            .build(connector.clone());
        Self { inner, connector }
    }

    /// Asks. Returns with the head of the answer; what follows comes piece by piece. Dropping either
    /// closes the connection.
    ///
    /// # Errors
    /// [`HttpError`], but for a status that says no.
    pub(crate) async fn send(
        &self,
        mut request: Request<Body>,
    ) -> Result<Response<Incoming>, HttpError> {
        let proof = self.connector.proxy_authorization(request.uri());
        let headers = request.headers_mut();
        headers.insert(header::USER_AGENT, USER_AGENT);
        headers.entry(header::ACCEPT).or_insert(HeaderValue::from_static("*/*"));
        if let Some(proof) = proof {
            headers.insert(header::PROXY_AUTHORIZATION, proof);
        }
        self.inner.request(request).await.map_err(|error| {
            if error.is_connect() { HttpError::Connect(error) } else { HttpError::Send(error) }
        })
    }

    /// Posts a whole body and reads the answer up to `max` bytes; beyond: the rest is left. What
    /// breaks off counts as empty: its status stands.
    ///
    /// # Errors
    /// [`HttpError`], but for a status that says no.
    pub async fn post(
        &self,
        uri: Uri,
        headers: http::HeaderMap,
        body: impl Into<Bytes>,
        max: usize,
    ) -> Result<Response<Bytes>, HttpError> {
        let mut request = Request::post(uri).body(Body::from(body.into())).expect("only parts");
        *request.headers_mut() = headers;
        let (head, body) = self.send(request).await?.into_parts();
        let body = if max == 0 { Ok((Bytes::new(), true)) } else { read(body, max).await };
        let (body, _) = body.unwrap_or_default();
        Ok(Response::from_parts(head, body))
    }

    /// Asks for an address and throws away what it holds.
    pub(crate) async fn get(&self, uri: Uri) -> Result<http::StatusCode, HttpError> {
        let request = Request::get(uri).body(Body::default()).expect("only parts");
        Ok(self.send(request).await?.status())
    }
}

/// Reads a body up to `max` bytes and says whether that was all.
pub(crate) async fn read(mut body: Incoming, max: usize) -> Result<(Bytes, bool), HttpError> {
    let Some(first) = next(&mut body).await? else { return Ok((Bytes::new(), true)) };
    // Most answers come in one piece, which then need not be copied.
    let Some(second) = next(&mut body).await? else {
        let fits = first.len() <= max;
        return Ok((first.slice(..first.len().min(max)), fits));
    };
    let mut whole = BytesMut::new();
    let mut piece = Some(first);
    let mut second = Some(second);
    while let Some(bytes) = piece {
        let room = max - whole.len();
        whole.extend_from_slice(&bytes[..bytes.len().min(room)]);
        if bytes.len() > room {
            return Ok((whole.freeze(), false));
        }
        piece = match second.take() {
            Some(second) => Some(second),
            None => next(&mut body).await?,
        };
    }
    Ok((whole.freeze(), true))
}

/// The next piece of a body; `None` at its end.
pub(crate) async fn next(body: &mut Incoming) -> Result<Option<Bytes>, HttpError> {
    while let Some(frame) = body.frame().await {
        // What is no data is trailers, which nobody reads.
        if let Ok(data) = frame?.into_data() {
            return Ok(Some(data));
        }
    }
    Ok(None)
}
