//! What every answer carries and what every request must look like, before any route is asked:
//! security headers, the host's name, and that a browser's request comes from our own pages.

use std::net::IpAddr;

use axum::extract::Request;
use domain::ErrorKind;
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, StatusCode,
    header::{
        CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, HOST, ORIGIN, REFERRER_POLICY,
        STRICT_TRANSPORT_SECURITY, VARY, X_CONTENT_TYPE_OPTIONS,
    },
    uri::Authority,
};

use super::{caller::carries_key, cookie, language::Bilingual, problem::Problem};

/// Largest head of a request: its first line and its headers. Beyond: 431.
pub(crate) const HEAD_BYTES_MAX: usize = 64 << 10;

/// The page loads from us alone, and nobody frames it.
const PAGE_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

const PERMISSIONS: &str = "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), magnetometer=(), microphone=(), midi=(), payment=(), usb=()";

const fn header(name: HeaderName, value: &'static str) -> (HeaderName, HeaderValue) {
    (name, HeaderValue::from_static(value))
}

/// On every answer.
static ON_ALL: [(HeaderName, HeaderValue); 6] = [
    header(CONTENT_SECURITY_POLICY, PAGE_POLICY),
    header(X_CONTENT_TYPE_OPTIONS, "nosniff"),
    header(REFERRER_POLICY, "no-referrer"),
    header(HeaderName::from_static("permissions-policy"), PERMISSIONS),
    header(HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    header(HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// Answers belong to one caller; no cache between may keep them.
static ON_INTERFACE: [(HeaderName, HeaderValue); 2] = [
    header(CACHE_CONTROL, "no-store"),
    header(VARY, "accept-language, authorization, cookie, x-api-key"),
];

/// Where people come by https.
static SECURE_ONLY: (HeaderName, HeaderValue) =
    header(STRICT_TRANSPORT_SECURITY, "max-age=31536000");

const CSRF: HeaderName = HeaderName::from_static("x-fachwerk-csrf");
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// What the guard knows of the installation.
#[derive(Debug, Clone)]
pub(crate) struct Guard {
    /// The host people type, if it is fixed.
    pub host: Option<String>,
    /// The origin of our pages as browsers write it, if it is fixed.
    pub origin: Option<String>,
    /// Whether people come by https.
    pub https: bool,
    /// The reverse proxy whose word on the caller's address counts.
    pub trusted_proxy: Option<IpAddr>,
}

impl Guard {
    /// Puts on the headers that every answer carries. `interface`: whether the answer belongs to one
    /// caller rather than to the browser's address bar.
    pub fn put_headers(&self, interface: bool, headers: &mut HeaderMap) {
        headers.reserve(ON_ALL.len() + ON_INTERFACE.len() + 1);
        let mut put = |(name, value): &(HeaderName, HeaderValue)| {
            headers.entry(name).or_insert_with(|| value.clone());
        };
        ON_ALL.iter().for_each(&mut put);
        if interface {
            ON_INTERFACE.iter().for_each(&mut put);
        }
        if self.https {
            put(&SECURE_ONLY);
        }
    }

    /// Refuses requests with too large a head, and those that name no host, two, or somebody else's.
    pub fn check_host(&self, request: &Request) -> Result<(), Problem> {
        if head_bytes(request) > HEAD_BYTES_MAX {
            let text = Bilingual::new(
                "Adresse und Kopfzeilen der Anfrage sind zusammen zu groß. Erlaubt sind 64 kB.",
                "Address and headers of the request are too large together. The limit is 64 kB.",
            );
            return Err(Problem::invalid("head_too_large", text)
                .with_status(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE));
        }
        let Some(host) = host_of(request.headers()) else {
            let text = Bilingual::new(
                "Der Anfrage fehlt ein eindeutiger Rechnername („Host“).",
                "The request does not name one host (\"Host\").",
            );
            return Err(Problem::invalid("host_missing", text));
        };
        // Probes come by address, whatever the host is called.
        let probe = matches!(request.uri().path(), "/healthz" | "/readyz" | "/metrics");
        if probe || is_known_host(self, &host) {
            return Ok(());
        }
        let text = Bilingual::new(
            "Unter diesem Rechnernamen ist die Plattform nicht erreichbar.",
            "The platform is not reachable under this host name.",
        );
        Err(Problem::invalid("unknown_host", text).with_status(StatusCode::MISDIRECTED_REQUEST))
    }

    /// Refuses state-changing requests that a foreign page may have sent.
    ///
    /// A request with a key in a header cannot come from a foreign page. Everything else must come
    /// from our own origin where the browser says so; and with a session cookie it must carry a
    /// header that no plain form can set.
    pub fn refuse_foreign_page(&self, request: &Request) -> Result<(), Problem> {
        let safe = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
        let headers = request.headers();
        if safe || carries_key(headers) {
            return Ok(());
        }
        let marked = headers.get(&CSRF).is_some_and(|value| value == "1");
        if !is_foreign(self, headers) && (marked || cookie::session(headers).is_none()) {
            return Ok(());
        }
        let text = Bilingual::new(
            "Die Anfrage kommt nicht von den Seiten der Plattform. Programme melden sich mit einem API-Schlüssel an.",
            "The request does not come from the platform's own pages. Programs use an API key.",
        );
        Err(Problem::new(ErrorKind::Forbidden, "cross_site", text))
    }
}

/// Refuses bodies that are packed: nobody here unpacks them (RFC 9110, section 8.4).
pub(crate) fn refuse_encoded(headers: &HeaderMap) -> Result<(), Problem> {
    let mut encodings = headers.get_all(CONTENT_ENCODING).iter();
    if encodings.all(|encoding| encoding.as_bytes().eq_ignore_ascii_case(b"identity")) {
        return Ok(());
    }
    let text = Bilingual::new(
        "Gepackte Anfragen („Content-Encoding“) liest Fachwerk nicht. Bitte senden Sie den Inhalt ungepackt.",
        "Fachwerk reads no compressed requests (\"Content-Encoding\"). Please send the body as it is.",
    );
    Err(Problem::new(ErrorKind::Unsupported, "encoding_unsupported", text))
}

/// Size of the head as it came, but for white space that means nothing.
fn head_bytes(request: &Request) -> usize {
    let uri = request.uri();
    let target = uri.path_and_query().map_or(0, |target| target.as_str().len())
        + uri.authority().map_or(0, |authority| authority.as_str().len());
    // " HTTP/1.1" and the end of the line; ": " and the end of the line.
    let fields = request.headers().iter();
    let fields = fields.map(|(name, value)| name.as_str().len() + value.len() + 4);
    request.method().as_str().len() + target + 12 + fields.sum::<usize>()
}

/// The one host the request names.
fn host_of(headers: &HeaderMap) -> Option<Authority> {
    let mut values = headers.get_all(HOST).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return None };
    let authority = Authority::try_from(value.as_bytes()).ok()?;
    (!authority.as_str().contains('@')).then_some(authority)
}

fn is_known_host(guard: &Guard, authority: &Authority) -> bool {
    let Some(expected) = &guard.host else { return true };
    let host = authority.host();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    // Whoever sits on the machine itself may always come by loopback.
    host.eq_ignore_ascii_case(expected)
        || host.eq_ignore_ascii_case("localhost")
        || address.is_ok_and(|address| address.is_loopback())
}

fn is_foreign(guard: &Guard, headers: &HeaderMap) -> bool {
    let site = headers.get(&FETCH_SITE).map(HeaderValue::as_bytes);
    if site.is_some_and(|site| site != b"same-origin" && site != b"none") {
        return true;
    }
    let Some(origin) = headers.get(ORIGIN) else { return false };
    let Ok(origin) = origin.to_str() else { return true };
    // A proxy in front may have changed the host: the configured address counts as well.
    if guard.origin.as_deref() == Some(origin) {
        return false;
    }
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    match (origin.split_once("://"), host) {
        (Some((_, origin)), Some(host)) => !origin.eq_ignore_ascii_case(host),
        _ => true,
    }
}
