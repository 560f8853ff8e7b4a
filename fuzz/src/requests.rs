//! Requests to the whole platform: host, address behind a proxy, cookie, key, language, query, form
//! and body, as `server` reads them. Whatever comes, the answer is no fault of ours.

use std::{path::PathBuf, sync::LazyLock};

use app::{KeyOwner, KeyRequest, NewPerson};
use axum::{Router, body::Body};
use domain::{Role, Scope};
use http::{HeaderName, HeaderValue, Method, Request, Uri};
use http_body_util::BodyExt;
use server::{
    Platform,
    config::{Environment, load_text},
};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tower::ServiceExt;

/// Stands for the key of an administrator.
const KEY: &str = "KEY";

pub const REQUESTS: &[&[u8]] = &[
    b"POST /api/search\nauthorization: Bearer KEY\ncontent-type: application/json\naccept-language: en;q=0.8, de;q=1\n\n{\"query\": \"Frist\", \"limit\": 5}",
    b"POST /v1/chat/completions\nauthorization: Bearer KEY\ncontent-type: application/json\n\n{\"model\": \"fachwerk-auszug\", \"messages\": [{\"role\": \"user\", \"content\": \"x\"}], \"fachwerk\": {\"documents\": []}}",
    b"GET /api/audit?from=2026-01-01T00:00:00%2B01:00&limit=3\nauthorization: Bearer KEY\nx-forwarded-for: 192.0.2.1, 198.51.100.2\n\n",
    b"POST /api/collections\nhost: [::1]:80\ncookie: a=b; fachwerk_session=fws-x\norigin: http://[::1]:80\nx-fachwerk-csrf: 1\ncontent-type: application/json\n\n{\"name\": \"x\", \"data_class\": \"open\"}",
    b"POST /api/keys\nauthorization: Bearer KEY\ncontent-type: application/json\n\n{\"name\": \"x\", \"scopes\": [\"models\"], \"expires_at\": \"2027-01-31T12:00:00.5+01:00\"}",
    b"GET /assets/../index.html?a=%ff\naccept-encoding: gzip\nif-none-match: \"x\"\nrange: bytes=0-1\n\n",
    b"POST /api/collections/0198c7b1-7a5e-7000-8000-000000000000/documents\nauthorization: Bearer KEY\ncontent-type: multipart/form-data; boundary=g\n\n--g\r\ncontent-disposition: form-data; name=\"file\"; filename=\"../a.txt\"\r\n\r\nx\r\n--g--\r\n",
];

struct House {
    router: Router,
    key: String,
    runtime: Runtime,
    _platform: Platform,
    _folder: TempDir,
}

static HOUSE: LazyLock<House> = LazyLock::new(|| {
    let runtime = Runtime::new().expect("threads");
    let folder = TempDir::new().expect("a temporary folder");
    let text = format!(
        "data = {:?}\ntrusted_proxy = \"127.0.0.1\"\n[log]\nlevel = \"error\"",
        folder.path().join("data")
    );
    let config = load_text(&text, &Environment::default()).expect("the configuration holds");
    let (platform, key) = runtime.block_on(async {
        // Nobody works through jobs: documents are the matter of other targets.
        let program = PathBuf::from("/nonexistent");
        let platform = Platform::open(config, server::Role::Api, program).await.expect("it opens");
        let person = NewPerson {
            name: "Ada".to_owned(),
            email: "ada@amt.example".to_owned(),
            password: "korrekt pferd batterie".to_owned(),
            role: Role::Admin,
            units: vec![],
        };
        platform.app().create_user_by_command(person).await.expect("a person");
        let asked = KeyRequest {
            name: "fuzz".to_owned(),
            scopes: Scope::ALL.to_vec(),
            expires_at: None,
            models: None,
            data_class: None,
        };
        let owner = KeyOwner::Person("ada@amt.example".to_owned());
        let made = platform.app().create_key_by_command(owner, asked).await.expect("a key");
        let key = made.token.reveal().to_owned();
        (platform, key)
    });
    House { router: platform.router(), key, runtime, _platform: platform, _folder: folder }
});

/// A line with method and address, a line for each header, an empty line, the body.
pub fn request(data: &[u8]) {
    let house = &*HOUSE;
    let Some(request) = read(data, &house.key) else { return };
    let path = request.uri().path().to_owned();
    let answering = async {
        let response = house.router.clone().oneshot(request).await.expect("there is an answer");
        let status = response.status();
        // A stream of events may go on for as long as somebody listens.
        let kind = response.headers().get("content-type");
        let endless = kind.is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"));
        if !endless {
            response.into_body().collect().await.expect("the answer is whole");
        }
        status
    };
    let status = house.runtime.block_on(answering);
    assert_ne!(status.as_u16(), 500, "{path}");
}

fn read(data: &[u8], key: &str) -> Option<Request<Body>> {
    let split = data.windows(2).position(|two| two == b"\n\n").unwrap_or(data.len());
    let head = str::from_utf8(&data[..split]).ok()?.replace(KEY, key);
    let body = data.get(split + 2..).unwrap_or_default();
    let mut lines = head.split('\n');
    let (method, target) = lines.next()?.split_once(' ')?;
    let mut request = Request::new(Body::from(body.to_vec()));
    *request.method_mut() = Method::from_bytes(method.as_bytes()).ok()?;
    *request.uri_mut() = target.parse::<Uri>().ok()?;
    for line in lines {
        let (name, value) = line.split_once(": ")?;
        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
        request.headers_mut().append(name, HeaderValue::from_str(value).ok()?);
    }
    let host = HeaderValue::from_static("localhost");
    request.headers_mut().entry("host").or_insert(host);
    Some(request)
}
