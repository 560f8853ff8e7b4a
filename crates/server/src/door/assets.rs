//! The web interface: static files inside the binary. Names that carry a hash are kept for ever by
//! browsers, everything else is asked for again; unknown addresses get the one page, which knows
//! its own routes.

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use http::{
    HeaderMap, HeaderValue, Method, StatusCode, Uri,
    header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH},
};
use rust_embed::{EmbeddedFile, RustEmbed};

use super::problem::{Problem, is_interface, without_version};

#[derive(RustEmbed)]
#[folder = "../../web/build"]
#[allow_missing = true]
struct Web;

const PAGE: &str = "index.html";

const MISSING: &str = "<!doctype html><html lang=\"de\"><meta charset=\"utf-8\"><title>Fachwerk</title>\
    <h1>Fachwerk</h1><p>Die Weboberfläche fehlt in diesem Programm. <code>cargo xtask build</code> baut sie ein.</p>\
    <p lang=\"en\">This program was built without the web interface. Run <code>cargo xtask build</code>.</p></html>";

/// Answers everything that no route answers.
pub(crate) async fn fallback(method: Method, uri: Uri, headers: HeaderMap) -> Response {
    let path = uri.path();
    if is_interface(path) {
        return Problem::not_found().into_response();
    }
    if let Some(name) = without_version(path) {
        let error = app::Error::new(domain::ErrorKind::NotFound, "version_missing");
        return Problem::from(error.with("interface", name)).into_response();
    }
    if method != Method::GET && method != Method::HEAD {
        return method_not_allowed().await;
    }
    let name = path.trim_start_matches('/');
    if let Some(file) = Web::get(name) {
        return serve(name, file, &headers);
    }
    // Something that looks like a file and is none: a page in its place would only confuse.
    if name.rsplit('/').next().is_some_and(|last| last.contains('.')) {
        return Problem::not_found().into_response();
    }
    match Web::get(PAGE) {
        Some(file) => serve(PAGE, file, &headers),
        None => missing(),
    }
}

/// Answers a method that the address does not know.
pub(crate) async fn method_not_allowed() -> Response {
    let text = super::language::Bilingual::new(
        "Diese Methode gibt es unter dieser Adresse nicht.",
        "This address does not know this method.",
    );
    Problem::invalid("method_not_allowed", text)
        .with_status(StatusCode::METHOD_NOT_ALLOWED)
        .into_response()
}

fn serve(name: &str, file: EmbeddedFile, headers: &HeaderMap) -> Response {
    let tag = format!("\"{}\"", hex::encode(&file.metadata.sha256_hash()[..16]));
    let known = headers
        .get_all(IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|known| known.trim().trim_start_matches("W/") == tag);
    let mut response = if known {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        Response::new(Body::from(file.data))
    };
    let headers = response.headers_mut();
    let kind = mime_guess::from_path(name).first_or_octet_stream();
    let mut kind = kind.essence_str().to_owned();
    if kind.starts_with("text/") || kind == "application/javascript" {
        kind.push_str("; charset=utf-8");
    }
    let cache = if name.starts_with("_app/immutable/") {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    if let Ok(value) = HeaderValue::from_str(&kind) {
        headers.insert(CONTENT_TYPE, value);
    }
    if let Ok(value) = HeaderValue::from_str(&tag) {
        headers.insert(ETAG, value);
    }
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(cache));
    response
}

fn missing() -> Response {
    let mut response = (StatusCode::SERVICE_UNAVAILABLE, MISSING).into_response();
    let html = HeaderValue::from_static("text/html; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, html);
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
