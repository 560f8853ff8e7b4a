//! One try on one route: send, judge the answer, and say what a failure means for the next try.

use std::time::{Duration, SystemTime};

use bytes::{Bytes, BytesMut};
use http::{HeaderValue, StatusCode, header};
use llm::{ChatResponse, Delivery, UpstreamError};
use reqwest::Response;
use tokio::time::{Instant, timeout_at};

use crate::{
    Failure, GatewayError, KeyHeader, OpenAiRoute, Route, TimeLimit, backoff, deadline::Until,
    upstream_stream::UpstreamStream,
};

/// Largest answer that comes whole, in bytes; beyond: the route counts as failed.
const ANSWER_BYTES_MAX: usize = 64 << 20;
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

/// One try on a server that speaks OpenAI.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Attempt<'a> {
    pub(crate) client: &'a reqwest::Client,
    pub(crate) route: &'a Route,
    pub(crate) server: &'a OpenAiRoute,
    pub(crate) body: &'a Bytes,
    /// When the caller's own time is over.
    pub(crate) deadline: Option<Instant>,
}

impl Attempt<'_> {
    /// Opens a stream and waits for its first event. Dropping the future or the stream closes the
    /// connection, which tells the server to stop.
    pub(crate) async fn stream(&self) -> Result<UpstreamStream, Failed> {
        let timeouts = self.route.timeouts;
        let started = Instant::now();
        let until = self.until(started);
        let open = async {
            let response = self.send(Delivery::Streamed).await?;
            let mut stream = UpstreamStream::new(response, &self.route.name, timeouts.idle, until);
            // A stream that ends or breaks before its first event has given nothing away yet.
            stream
                .await_first()
                .await
                .map_err(|error| Failed { next: after_break(&error), error })?;
            Ok(stream)
        };
        let first_byte = Until::new(started + timeouts.first_byte, TimeLimit::FirstByte);
        let first_byte = first_byte.or_before(self.deadline);
        match timeout_at(first_byte.at, open).await {
            Ok(opened) => opened,
            Err(_) => Err(self.timed_out(first_byte.limit)),
        }
    }

    /// Fetches a whole answer.
    pub(crate) async fn whole(&self) -> Result<ChatResponse, Failed> {
        let until = self.until(Instant::now());
        let fetch = async {
            let response = self.send(Delivery::Whole).await?;
            let body = match read(response, ANSWER_BYTES_MAX).await {
                Ok((body, true)) => body,
                Ok((_, false)) => {
                    return Err(self.failed(Failure::TooLarge, None, Next::OtherRoute));
                }
                Err(error) => return Err(self.broken(error)),
            };
            match ChatResponse::parse(&body) {
                Ok(response) => Ok(response),
                Err(_) => Err(self.failed(Failure::Garbled, None, Next::OtherRoute)),
            }
        };
        match timeout_at(until.at, fetch).await {
            Ok(fetched) => fetched,
            Err(_) => Err(self.timed_out(until.limit)),
        }
    }

    fn until(&self, started: Instant) -> Until {
        Until::new(started + self.route.timeouts.total, TimeLimit::Total).or_before(self.deadline)
    }

    async fn send(&self, delivery: Delivery) -> Result<Response, Failed> {
        let accept = match delivery {
            Delivery::Streamed => "text/event-stream",
            Delivery::Whole => "application/json",
        };
        let url = self.server.base_url.endpoint("chat/completions", &self.server.query);
        let mut request = self
            .client
            .post(url)
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::ACCEPT, accept)
            .body(self.body.clone());
        if let Some((name, value)) = self.key()? {
            request = request.header(name, value);
        }
        let response = request.send().await.map_err(|error| self.broken(error))?;
        if !response.status().is_success() {
            return Err(self.refused(response).await);
        }
        self.check_content_type(&response, accept)?;
        Ok(response)
    }

    fn key(&self) -> Result<Option<(header::HeaderName, HeaderValue)>, Failed> {
        let Some(key) = &self.server.api_key else { return Ok(None) };
        let (name, text) = match &self.server.key_header {
            KeyHeader::Bearer => (header::AUTHORIZATION, format!("Bearer {}", key.expose())),
            KeyHeader::Named(name) => (name.clone(), key.expose().to_owned()),
        };
        let mut value = HeaderValue::from_str(&text)
            .map_err(|_| self.failed(Failure::BadKey, None, Next::OtherRoute))?;
        value.set_sensitive(true);
        Ok(Some((name, value)))
    }

    fn check_content_type(&self, response: &Response, expected: &str) -> Result<(), Failed> {
        let given = response.headers().get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok());
        // Servers that name no type get the benefit of the doubt; the decoder will tell.
        let fits = given.is_none_or(|given| {
            let essence = given.split(';').next().unwrap_or_default().trim();
            essence.eq_ignore_ascii_case(expected)
        });
        if fits { Ok(()) } else { Err(self.failed(Failure::Garbled, None, Next::OtherRoute)) }
    }

    async fn refused(&self, response: Response) -> Failed {
        let status = response.status();
        let wish = backoff::retry_after(response.headers(), SystemTime::now());
        let code = status.as_u16();
        match status {
            StatusCode::BAD_REQUEST
            | StatusCode::PAYLOAD_TOO_LARGE
            | StatusCode::UNPROCESSABLE_ENTITY => {
                let idle = Instant::now() + self.route.timeouts.idle;
                let body = timeout_at(idle, read(response, ERROR_BYTES_MAX)).await;
                let error = match body {
                    Ok(Ok((body, _))) => UpstreamError::parse(&body),
                    _ => UpstreamError::default(),
                };
                Failed { error: GatewayError::Refused { status: code, error }, next: Next::Nobody }
            }
            StatusCode::TOO_MANY_REQUESTS => Failed {
                error: GatewayError::Overloaded { retry_after: wish },
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

    fn broken(&self, error: reqwest::Error) -> Failed {
        let failure = if error.is_connect() { Failure::Connect } else { Failure::Interrupted };
        self.failed(failure, Some(error), Next::SameRoute { after: None })
    }

    fn timed_out(&self, limit: TimeLimit) -> Failed {
        // A server that is silent for so long will not be better at once.
        let error = GatewayError::TimedOut { route: self.route.name.clone(), limit };
        Failed { error, next: Next::OtherRoute }
    }

    fn failed(&self, failure: Failure, source: Option<reqwest::Error>, next: Next) -> Failed {
        let source = source.map(reqwest::Error::without_url);
        let route = self.route.name.clone();
        Failed { error: GatewayError::Upstream { route, failure, source }, next }
    }
}

fn after_break(error: &GatewayError) -> Next {
    match error {
        GatewayError::Upstream { failure: Failure::Interrupted, .. } => {
            Next::SameRoute { after: None }
        }
        _ => Next::OtherRoute,
    }
}

/// Reads a body up to `max` bytes and says whether that was all.
async fn read(mut response: Response, max: usize) -> Result<(Bytes, bool), reqwest::Error> {
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await? {
        let room = max - body.len();
        body.extend_from_slice(&chunk[..chunk.len().min(room)]);
        if chunk.len() > room {
            return Ok((body.freeze(), false));
        }
    }
    Ok((body.freeze(), true))
}
