//! One vocabulary for anonymous callers, browsers and programs.

use axum::{Router, body::Body};
use http::{HeaderMap, Method, Request};
use http_body_util::BodyExt;
use serde_json::Value;
use tower::ServiceExt;

/// A caller.
#[derive(Clone)]
pub struct Client {
    router: Router,
    cookie: Option<String>,
    key: Option<String>,
    language: &'static str,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub bytes: Vec<u8>,
}

impl Client {
    pub fn new(router: Router) -> Self {
        Self { router, cookie: None, key: None, language: "de" }
    }

    pub fn with_cookie(mut self, cookie: &str) -> Self {
        self.cookie = Some(cookie.to_owned());
        self
    }

    pub fn with_key(mut self, key: &str) -> Self {
        self.key = Some(key.to_owned());
        self
    }

    /// The key it sends.
    pub fn secret(&self) -> &str {
        self.key.as_deref().unwrap_or_default()
    }

    /// The session it sends.
    pub fn session(&self) -> &str {
        self.cookie.as_deref().unwrap_or_default()
    }

    pub fn in_english(mut self) -> Self {
        self.language = "en";
        self
    }

    /// A request with what this caller always sends.
    pub fn request(&self, method: &Method, path: &str) -> http::request::Builder {
        let mut builder = Request::builder()
            .method(method)
            .uri(path)
            .header("host", "localhost")
            .header("accept-language", self.language);
        if let Some(cookie) = &self.cookie {
            builder = builder.header("cookie", format!("fachwerk_session={cookie}"));
            builder =
                builder.header("x-fachwerk-csrf", "1").header("sec-fetch-site", "same-origin");
        }
        if let Some(key) = &self.key {
            builder = builder.header("authorization", format!("Bearer {key}"));
        }
        builder
    }

    pub async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes().to_vec();
        Answer { status: parts.status.as_u16(), headers: parts.headers, bytes }
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(self.request(&Method::GET, path).body(Body::empty()).unwrap()).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.send(self.request(&Method::DELETE, path).body(Body::empty()).unwrap()).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.json(&Method::POST, path, body).await
    }

    pub async fn json(&self, method: &Method, path: &str, body: &Value) -> Answer {
        self.raw(method, path, "application/json", body.to_string().into_bytes()).await
    }

    pub async fn raw(&self, method: &Method, path: &str, kind: &str, body: Vec<u8>) -> Answer {
        let request = self.request(method, path).header("content-type", kind);
        self.send(request.body(Body::from(body)).unwrap()).await
    }

    pub async fn post_form(&self, path: &str, name: &str, bytes: &[u8]) -> Answer {
        let (kind, body) = form("file", name, bytes);
        self.raw(&Method::POST, path, &kind, body).await
    }
}

/// A multipart form with one file.
pub fn form(field: &str, name: &str, bytes: &[u8]) -> (String, Vec<u8>) {
    let mut body = format!(
        "--grenze\r\ncontent-disposition: form-data; name=\"{field}\"; filename=\"{name}\"\r\n\
         content-type: application/octet-stream\r\n\r\n"
    )
    .into_bytes();
    body.extend_from_slice(bytes);
    body.extend_from_slice(b"\r\n--grenze--\r\n");
    ("multipart/form-data; boundary=grenze".to_owned(), body)
}

/// A multipart form with fields around a recording, which stands behind the first of them.
pub fn recording(fields: &[(&str, &str)], name: &str, bytes: &[u8]) -> (String, Vec<u8>) {
    let mut body = Vec::new();
    for (index, (field, value)) in fields.iter().enumerate() {
        let part = format!(
            "--grenze\r\ncontent-disposition: form-data; name=\"{field}\"\r\n\r\n{value}\r\n"
        );
        body.extend_from_slice(part.as_bytes());
        if index == 0 {
            let head = format!(
                "--grenze\r\ncontent-disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\
                 content-type: audio/wav\r\n\r\n"
            );
            body.extend_from_slice(head.as_bytes());
            body.extend_from_slice(bytes);
            body.extend_from_slice(b"\r\n");
        }
    }
    body.extend_from_slice(b"--grenze--\r\n");
    ("multipart/form-data; boundary=grenze".to_owned(), body)
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or_else(|_| panic!("not JSON: {self:?}"))
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    pub fn id(&self) -> String {
        self.json()["id"].as_str().unwrap().to_owned()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The session's token, if the answer sets or takes it.
    pub fn cookie(&self) -> Option<String> {
        let cookie = self.header("set-cookie").strip_prefix("fachwerk_session=")?;
        Some(cookie.split(';').next()?.to_owned())
    }

    /// The stable code of a refusal, under `/api` or `/v1`.
    pub fn code(&self) -> String {
        let body: Value = serde_json::from_slice(&self.bytes).unwrap_or_default();
        let code = body["code"].as_str().or(body["error"]["code"].as_str());
        code.unwrap_or_default().to_owned()
    }

    /// The sentence of a refusal.
    pub fn detail(&self) -> String {
        let body: Value = serde_json::from_slice(&self.bytes).unwrap_or_default();
        let detail = body["detail"].as_str().or(body["error"]["message"].as_str());
        detail.unwrap_or_default().to_owned()
    }
}
