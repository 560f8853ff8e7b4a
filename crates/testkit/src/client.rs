//! A client for calls out, made as the server makes its own: no redirects.

/// Makes the client.
#[must_use]
pub fn client() -> reqwest::Client {
    // Only the first call in a process finds none installed.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap()
}
