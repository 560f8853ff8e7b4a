//! The one cookie: the session.

use http::{HeaderMap, HeaderValue, header::COOKIE};

/// The cookie's name.
pub(crate) const SESSION: &str = "fachwerk_session";

/// Reads the session's token from the request.
pub(crate) fn session(headers: &HeaderMap) -> Option<&str> {
    headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .find_map(|pair| pair.trim().strip_prefix(SESSION)?.strip_prefix('='))
        .filter(|token| !token.is_empty())
}

/// Writes the cookie. It ends with the session on the server; the browser keeps it as long as
/// that may last.
pub(crate) fn set(token: &str, seconds: u64, https: bool) -> Option<HeaderValue> {
    let secure = if https { "; Secure" } else { "" };
    let text =
        format!("{SESSION}={token}; Path=/; HttpOnly; SameSite=Strict; Max-Age={seconds}{secure}");
    HeaderValue::from_str(&text).ok()
}

/// Takes the cookie back.
pub(crate) fn clear(https: bool) -> Option<HeaderValue> {
    set("", 0, https)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_its_own_among_others() {
        let mut headers = HeaderMap::new();
        headers.append(COOKIE, HeaderValue::from_static("a=1; fachwerk_session2=x"));
        headers.append(COOKIE, HeaderValue::from_static("b=2;fachwerk_session=abc; c=3"));
        assert_eq!(session(&headers), Some("abc"));
        assert_eq!(session(&HeaderMap::new()), None);
    }
}
