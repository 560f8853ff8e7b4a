//! One try on one route: send, judge the answer, and say what a failure means for the next try.

use std::{
    borrow::Cow,
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri, header};
use hyper::body::Incoming;
use llm::{Authentication, OutgoingCall, UpstreamError, openai::Head};
use tokio::time::{Instant, timeout_at};

use crate::{
    Failure, GatewayError, HttpClient, HttpError, KeyHeader, Route, Secret, ServerRoute, TimeLimit,
    asked::{Asked, Received, Whole},
    backoff,
    deadline::Until,
    http_client::{self, Body},
    upstream_stream::UpstreamStream,
};

/// How much of an error's body is read, in bytes; beyond: the rest is ignored.
const ERROR_BYTES_MAX: usize = 64 << 10;

/// A failed try.
#[derive(Debug)]
pub(crate) struct Failed {
    pub(crate) error: GatewayError,
    pub(crate) next: Next,
}

impl Failed {
    /// How long the server wishes to be left alone.
    pub(crate) fn wish(&self) -> Option<Duration> {
        match self.next {
            Next::SameRoute { after } => after,
            Next::OtherRoute | Next::Nobody => None,
        }
    }
}

/// Who may be tried next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// The same route, after the time the server wishes, if it named one.
    SameRoute { after: Option<Duration> },
    /// Another route.
    OtherRoute,
    /// Nobody: the fault lies in the request.
    Nobody,
}

/// A call whose bytes several tries share.
#[derive(Debug)]
pub(crate) struct Prepared {
    path: String,
    query: &'static [(&'static str, &'static str)],
    headers: Vec<(&'static str, Cow<'static, str>)>,
    content_type: HeaderValue,
    /// In pieces, so that a large file need not be copied.
    body: Vec<Bytes>,
}

impl Prepared {
    /// A call whose body is a form.
    pub(crate) fn form(path: &str, content_type: HeaderValue, body: Vec<Bytes>) -> Self {
        Self { path: path.to_owned(), query: &[], headers: Vec::new(), content_type, body }
    }
}

impl From<OutgoingCall> for Prepared {
    fn from(call: OutgoingCall) -> Self {
        let OutgoingCall { path, query, headers, pieces } = call;
        let content_type = HeaderValue::from_static("application/json");
        Self { path, query, headers, content_type, body: pieces }
    }
}

/// How a server answers a wish for a stream.
pub(crate) enum Reply {
    Stream(Box<UpstreamStream>),
    Whole(Box<Whole>),
}

/// One try on a model server.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Attempt<'a> {
    pub(crate) client: &'a HttpClient,
    pub(crate) route: &'a Route,
    pub(crate) server: &'a ServerRoute,
    pub(crate) asked: Asked<'a>,
    /// One after the other; a stream is a single one.
    pub(crate) calls: &'a [Prepared],
    /// What the answer bears where the server says nothing.
    pub(crate) head: &'a Head,
    /// When the caller's own time is over.
    pub(crate) deadline: Option<Instant>,
    /// The place in the caller's trace.
    pub(crate) trace_parent: Option<&'a HeaderValue>,
}

impl Attempt<'_> {
    /// Opens a stream and waits for the first of the answer, or fetches a whole answer from a server that
    /// does not stream what it may answer whole. Dropping the future or the stream closes the
    /// connection, which tells the server to stop.
    pub(crate) async fn stream(&self) -> Result<Reply, Failed> {
        let timeouts = self.asked.timeouts(self.route.timeouts);
        let started = Instant::now();
        let until = self.until(started);
        let open = async {
            let [call, ..] = self.calls else {
                return Err(self.failed(Failure::Garbled, None, Next::OtherRoute));
            };
            let expected = self.server.dialect.stream_media_type();
            let response = self.send(call, Some(expected)).await?;
            if self.asked.may_come_whole() && !has_type(&response, expected) {
                return Ok(Err(response));
            }
            self.check_content_type(&response, Some(expected))?;
            let events = self.asked.reader(self.server.dialect, self.head);
            let mut stream = UpstreamStream::new(
                response.into_body(),
                events,
                &self.route.name,
                timeouts.idle,
                until,
            );
            // A stream that ends or breaks before it brought anything has given nothing away yet.
            stream
                .await_first()
                .await
                .map_err(|error| Failed { next: after_break(&error), error })?;
            Ok(Ok(stream))
        };
        let first_byte = Until::new(started + timeouts.first_byte, TimeLimit::FirstByte);
        let first_byte = first_byte.or_before(self.deadline);
        match timeout_at(first_byte.at, open).await {
            Ok(Ok(Ok(stream))) => Ok(Reply::Stream(Box::new(stream))),
            Ok(Ok(Err(whole))) => {
                let read = async { self.decode(vec![self.read(whole).await?]) };
                let whole = timeout_at(until.at, read).await;
                let whole = whole.unwrap_or_else(|_| Err(self.timed_out(until.limit)))?;
                Ok(Reply::Whole(Box::new(whole)))
            }
            Ok(Err(failed)) => Err(failed),
            Err(_) => Err(self.timed_out(first_byte.limit)),
        }
    }

    /// Fetches a whole answer.
    pub(crate) async fn whole(&self) -> Result<Whole, Failed> {
        let until = self.until(Instant::now());
        let fetch = async {
            let mut received = Vec::with_capacity(self.calls.len());
            for call in self.calls {
                received.push(self.receive(call).await?);
            }
            self.decode(received)
        };
        match timeout_at(until.at, fetch).await {
            Ok(fetched) => fetched,
            Err(_) => Err(self.timed_out(until.limit)),
        }
    }

    fn decode(&self, received: Vec<Received>) -> Result<Whole, Failed> {
        let whole = self.asked.read(self.server.dialect, received, self.head);
        whole.map_err(|_| self.failed(Failure::Garbled, None, Next::OtherRoute))
    }

    async fn receive(&self, call: &Prepared) -> Result<Received, Failed> {
        let response = self.send(call, self.asked.media_type()).await?;
        self.read(response).await
    }

    async fn read(&self, response: Response<Incoming>) -> Result<Received, Failed> {
        self.check_content_type(&response, self.asked.media_type())?;
        let content_type = response.headers().get(header::CONTENT_TYPE).cloned();
        match http_client::read(response.into_body(), self.asked.answer_bytes_max()).await {
            Ok((body, true)) => Ok(Received { content_type, body }),
            Ok((_, false)) => Err(self.failed(Failure::TooLarge, None, Next::OtherRoute)),
            Err(error) => Err(self.broken(error)),
        }
    }

    fn until(&self, started: Instant) -> Until {
        Until::new(started + self.route.timeouts.total, TimeLimit::Total).or_before(self.deadline)
    }

    async fn send(
        &self,
        call: &Prepared,
        accept: Option<&'static str>,
    ) -> Result<Response<Incoming>, Failed> {
        let uri = self.server.base_url.endpoint(&call.path, call.query, &self.server.query);
        let uri = uri.ok_or_else(|| self.unsendable())?;
        let proof = self.proof(call, &uri).await?;
        let mut request = Request::new(Body::of(&call.body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = uri;
        let headers = request.headers_mut();
        headers.reserve(8);
        headers.insert(header::CONTENT_TYPE, call.content_type.clone());
        headers.insert(header::ACCEPT, HeaderValue::from_static(accept.unwrap_or("*/*")));
        for (name, value) in &call.headers {
            let value = HeaderValue::from_str(value).map_err(|_| self.unsendable())?;
            headers.insert(HeaderName::from_static(name), value);
        }
        if let Some(place) = self.trace_parent {
            headers.insert(HeaderName::from_static("traceparent"), place.clone());
        }
        headers.extend(proof);
        let response = self.client.send(request).await.map_err(|error| self.broken(error))?;
        if let (StatusCode::UNAUTHORIZED, KeyHeader::Account(account)) =
            (response.status(), &self.server.key_header)
        {
            account.forget().await;
        }
        if !response.status().is_success() {
            return Err(self.refused(response).await);
        }
        Ok(response)
    }

    /// What proves who calls this address.
    async fn proof(
        &self,
        call: &Prepared,
        uri: &Uri,
    ) -> Result<Vec<(HeaderName, HeaderValue)>, Failed> {
        let bad = |failure| self.failed(failure, None, Next::OtherRoute);
        match (&self.server.key_header, self.server.dialect.authentication()) {
            (KeyHeader::Signed(keys), Authentication::AwsSignature(service)) => {
                let body = call.body.concat();
                let (kind, address) = (call.content_type.to_str().ok(), uri.to_string());
                let signed = keys.sign(service, &address, kind, &body, SystemTime::now());
                signed.ok_or_else(|| bad(Failure::BadKey))
            }
            (KeyHeader::Account(account), _) => {
                let token = account.token(self.client).await.map_err(bad)?;
                Ok(vec![self.bearer(header::AUTHORIZATION, &token)?])
            }
            _ => Ok(self.key()?.into_iter().collect()),
        }
    }

    fn key(&self) -> Result<Option<(HeaderName, HeaderValue)>, Failed> {
        let Some(key) = &self.server.api_key else { return Ok(None) };
        let name = match (&self.server.key_header, self.server.dialect.authentication()) {
            (KeyHeader::Named(name), _) => name.clone(),
            (KeyHeader::OfDialect, Authentication::Header(name)) => HeaderName::from_static(name),
            // Of the two ways into Bedrock it is the one with an API key.
            (KeyHeader::Bearer | KeyHeader::Signed(_) | KeyHeader::Account(_), _)
            | (_, Authentication::Bearer | Authentication::AwsSignature(_)) => {
                header::AUTHORIZATION
            }
        };
        self.bearer(name, key).map(Some)
    }

    /// A key in a header; in the common one behind the word for it.
    fn bearer(&self, name: HeaderName, key: &Secret) -> Result<(HeaderName, HeaderValue), Failed> {
        let text = if name == header::AUTHORIZATION {
            format!("Bearer {}", key.expose())
        } else {
            key.expose().to_owned()
        };
        let mut value = HeaderValue::from_str(&text)
            .map_err(|_| self.failed(Failure::BadKey, None, Next::OtherRoute))?;
        value.set_sensitive(true);
        Ok((name, value))
    }

    fn check_content_type(
        &self,
        response: &Response<Incoming>,
        expected: Option<&str>,
    ) -> Result<(), Failed> {
        let fits = expected.is_none_or(|expected| has_type(response, expected));
        if fits { Ok(()) } else { Err(self.failed(Failure::Garbled, None, Next::OtherRoute)) }
    }

    async fn refused(&self, response: Response<Incoming>) -> Failed {
        let status = response.status();
        let wish = backoff::retry_after(response.headers(), SystemTime::now());
        let code = status.as_u16();
        match status {
            StatusCode::BAD_REQUEST
            | StatusCode::PAYLOAD_TOO_LARGE
            | StatusCode::UNPROCESSABLE_ENTITY => {
                let idle = Instant::now() + self.route.timeouts.idle;
                let body =
                    timeout_at(idle, http_client::read(response.into_body(), ERROR_BYTES_MAX))
                        .await;
                let error = match body {
                    Ok(Ok((body, _))) => self.server.dialect.error(&body),
                    _ => UpstreamError::default(),
                };
                if error.is_of_operator() {
                    return self.failed(Failure::Status(code), None, Next::OtherRoute);
                }
                Failed { error: GatewayError::Refused { status: code, error }, next: Next::Nobody }
            }
            StatusCode::TOO_MANY_REQUESTS => Failed {
                error: GatewayError::RateLimited { retry_after: wish },
                next: Next::SameRoute { after: wish },
            },
            StatusCode::NOT_IMPLEMENTED => {
                self.failed(Failure::Status(code), None, Next::OtherRoute)
            }
            StatusCode::REQUEST_TIMEOUT => {
                self.failed(Failure::Status(code), None, Next::SameRoute { after: wish })
            }
            status if status.is_server_error() => {
                self.failed(Failure::Status(code), None, Next::SameRoute { after: wish })
            }
            // A wrong key, an unknown model name, a redirect: our configuration, not the caller's
            // fault, and the same the next time.
            _ => self.failed(Failure::Status(code), None, Next::OtherRoute),
        }
    }

    fn broken(&self, error: HttpError) -> Failed {
        let failure = match error {
            HttpError::Connect(_) => Failure::Connect,
            HttpError::Send(_) | HttpError::Receive(_) => Failure::Interrupted,
        };
        self.failed(failure, Some(error), Next::SameRoute { after: None })
    }

    fn timed_out(&self, limit: TimeLimit) -> Failed {
        // A server that is silent for so long will not be better at once.
        let error = GatewayError::TimedOut { route: self.route.name.clone(), limit };
        Failed { error, next: Next::OtherRoute }
    }

    /// Nobody can be reached with such an address or such headers.
    fn unsendable(&self) -> Failed {
        self.failed(Failure::Connect, None, Next::OtherRoute)
    }

    fn failed(&self, failure: Failure, source: Option<HttpError>, next: Next) -> Failed {
        let route = self.route.name.clone();
        Failed { error: GatewayError::Upstream { route, failure, source }, next }
    }
}

/// Whether an answer is of this media type. Servers that name none get the benefit of the doubt; the
/// decoder will tell.
fn has_type(response: &Response<Incoming>, expected: &str) -> bool {
    let given = response.headers().get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok());
    given.is_none_or(|given| {
        let essence = given.split(';').next().unwrap_or_default().trim();
        essence.eq_ignore_ascii_case(expected)
    })
}

fn after_break(error: &GatewayError) -> Next {
    match error {
        GatewayError::Upstream { failure: Failure::Interrupted, .. } => {
            Next::SameRoute { after: None }
        }
        _ => Next::OtherRoute,
    }
}
