//! Where a model server is.

use std::{fmt, str::FromStr};

use bytes::Bytes;
use http::{
    Uri,
    uri::{Authority, PathAndQuery, Scheme},
};
use url::{Position, Url, form_urlencoded};

/// The address of a model server up to and including its version, e.g. `http://127.0.0.1:8000/v1`,
/// or of an Azure deployment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseUrl {
    url: Url,
    scheme: Scheme,
    authority: Authority,
}

/// Why a text is not a base URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BaseUrlError {
    /// It is no URL.
    #[error("not a URL")]
    Malformed,
    /// It is not for HTTP.
    #[error("must begin with http:// or https://")]
    NotHttp,
    /// It carries a name or password.
    #[error("must not contain a user name or password; put the key into the environment")]
    HasCredentials,
    /// It carries a query or fragment.
    #[error("must not contain ? or #; extra query parameters have a setting of their own")]
    HasQuery,
}

impl BaseUrl {
    /// The address of a percent-encoded `path` below it, e.g. `chat/completions`, with the query
    /// parameters of the call and of the route; `None` if it is longer than any address may be.
    pub(crate) fn endpoint(
        &self,
        path: &str,
        of_call: &[(&str, &str)],
        of_route: &[(String, String)],
    ) -> Option<Uri> {
        let base = self.url.path().trim_end_matches('/');
        if of_call.is_empty() && of_route.is_empty() {
            return self.at([base, "/", path].concat());
        }
        let mut query = form_urlencoded::Serializer::new(String::new());
        let query = query.extend_pairs(of_call).extend_pairs(of_route).finish();
        self.at([base, "/", path, "?", &query].concat())
    }

    /// The host, without its port.
    pub(crate) fn host(&self) -> Option<&str> {
        self.url.host_str()
    }

    /// The port, also where it is the usual one.
    pub(crate) fn port(&self) -> Option<u16> {
        self.url.port_or_known_default()
    }

    /// The address itself, for what is no model server.
    pub(crate) fn itself(&self) -> Option<Uri> {
        self.at(self.url.path().to_owned())
    }

    /// The address of an absolute path on the same host, e.g. `/health`.
    pub(crate) fn on_host(&self, path: &str) -> Option<Uri> {
        let mut url = self.url.clone();
        url.set_path(path);
        self.at(url.path().to_owned())
    }

    /// The address of a percent-encoded path with its query.
    fn at(&self, path: String) -> Option<Uri> {
        let path = PathAndQuery::from_maybe_shared(Bytes::from(path)).ok()?;
        let (scheme, authority) = (self.scheme.clone(), self.authority.clone());
        Uri::builder().scheme(scheme).authority(authority).path_and_query(path).build().ok()
    }
}

impl FromStr for BaseUrl {
    type Err = BaseUrlError;

    fn from_str(text: &str) -> Result<Self, BaseUrlError> {
        let url = Url::parse(text).map_err(|_| BaseUrlError::Malformed)?;
        let scheme = match url.scheme() {
            "http" => Scheme::HTTP,
            "https" => Scheme::HTTPS,
            _ => return Err(BaseUrlError::NotHttp),
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(BaseUrlError::HasCredentials);
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(BaseUrlError::HasQuery);
        }
        let authority = url[Position::BeforeHost..Position::AfterPort].parse();
        let authority = authority.map_err(|_| BaseUrlError::Malformed)?;
        url.path().parse::<PathAndQuery>().map_err(|_| BaseUrlError::Malformed)?;
        Ok(Self { url, scheme, authority })
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.url.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_lie_below_the_base() {
        let base = |text: &str| text.parse::<BaseUrl>().expect("valid");
        let text = |uri: Option<Uri>| uri.expect("short").to_string();
        let plain = base("http://localhost:8000/v1/").endpoint("chat/completions", &[], &[]);
        assert_eq!(text(plain), "http://localhost:8000/v1/chat/completions");
        let gemini = base("https://x.example/v1beta").endpoint(
            "models/a%2Fb:streamGenerateContent",
            &[("alt", "sse")],
            &[("key".to_owned(), "1 2".to_owned())],
        );
        assert_eq!(
            text(gemini),
            "https://x.example/v1beta/models/a%2Fb:streamGenerateContent?alt=sse&key=1+2"
        );
        let query = [("api-version".to_owned(), "2024-10-21".to_owned())];
        let azure = base("https://x.example/openai/deployments/gpt").endpoint(
            "chat/completions",
            &[],
            &query,
        );
        assert_eq!(
            text(azure),
            "https://x.example/openai/deployments/gpt/chat/completions?api-version=2024-10-21"
        );
    }

    #[test]
    fn what_is_too_long_for_an_address_is_none() {
        let base: BaseUrl = "http://localhost:8000/v1".parse().expect("valid");
        let long = "a".repeat(70_000);
        assert_eq!(base.on_host(&long), None);
        assert_eq!(base.endpoint(&long, &[], &[]), None);
        assert_eq!(base.endpoint("x", &[], &[("key".to_owned(), long)]), None);
    }

    #[test]
    fn what_is_no_base_url_is_refused() {
        let error = |text: &str| text.parse::<BaseUrl>().expect_err("invalid");
        assert_eq!(error("localhost"), BaseUrlError::Malformed);
        assert_eq!(error("file:///etc/passwd"), BaseUrlError::NotHttp);
        assert_eq!(error("https://me:key@host/v1"), BaseUrlError::HasCredentials);
        assert_eq!(error("https://host/v1?key=1"), BaseUrlError::HasQuery);
    }
}
