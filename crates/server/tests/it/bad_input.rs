//! Hostile and broken requests: each gets a 4xx with a clear text, and the service stays up.

use std::fmt::Write;

use axum::body::{Body, Bytes};
use futures_util::stream;
use http::{Method, Request};
use serde_json::json;

use crate::{
    client::{Answer, Client, form},
    world::World,
};

const UNKNOWN: &str = "01890000-0000-7000-8000-000000000000";

struct Table<'w> {
    client: &'w Client,
    rows: String,
    count: usize,
}

impl Table<'_> {
    async fn send(&mut self, what: &str, request: Request<Body>) {
        let answer = self.client.send(request).await;
        self.note(what, &answer);
    }

    async fn json(&mut self, what: &str, method: Method, path: &str, body: impl Into<Vec<u8>>) {
        let answer = self.client.raw(&method, path, "application/json", body.into()).await;
        self.note(what, &answer);
    }

    async fn post(&mut self, what: &str, path: &str, body: impl Into<Vec<u8>>) {
        self.json(what, Method::POST, path, body).await;
    }

    async fn get(&mut self, what: &str, path: &str) {
        let answer = self.client.get(path).await;
        self.note(what, &answer);
    }

    fn note(&mut self, what: &str, answer: &Answer) {
        assert!((400..500).contains(&answer.status), "{what}: {answer:?}");
        let detail = answer.detail();
        assert!(detail.len() > 10 && detail.len() < 600, "{what}: {answer:?}");
        let leaks = ["panicked", "src/", "sqlx", "SELECT", "/tmp/"];
        assert!(!leaks.iter().any(|leak| detail.contains(leak)), "{what}: {detail}");
        let _ = writeln!(self.rows, "{what}: {} {} – {detail}", answer.status, answer.code());
        self.count += 1;
    }
}

#[tokio::test]
async fn bad_requests_get_a_clear_refusal() {
    let world = World::with("[limits]\nupload_bytes = 100000\nbody_idle_seconds = 1").await;
    let ada = world.member("ada").await;
    let mut table = Table { client: &ada, rows: String::new(), count: 0 };
    bad_bodies(&mut table).await;
    bad_values(&mut table).await;
    bad_addresses(&mut table).await;
    bad_requests(&mut table).await;
    bad_chats(&mut table).await;
    let collection = ada.collection("Akten", "private").await;
    let documents = format!("/api/collections/{collection}/documents");
    bad_uploads(&mut table, &documents).await;
    bad_files(&mut table, &documents).await;
    assert_eq!(ada.get(&documents).await.json()["items"], json!([]), "no row stays");
    assert_eq!(world.files(), 0, "no file stays");
    assert_eq!(ada.get("/healthz").await.status, 200);
    assert_eq!(ada.get("/api/me").await.status, 200);
    assert!(table.count >= 40, "{}", table.count);
    insta::assert_snapshot!(table.rows);
}

async fn bad_bodies(table: &mut Table<'_>) {
    let path = "/api/collections";
    table.post("an empty body", path, "").await;
    table.post("half a body", path, "{\"name\": \"x\"").await;
    table.post("no JSON", path, "name=x&data_class=open").await;
    table.post("invalid UTF-8", path, b"{\"name\": \"\xff\xfe\"}".to_vec()).await;
    table.post("a lone surrogate", path, r#"{"name": "\ud800", "data_class": "open"}"#).await;
    table.post("a list", path, "[]").await;
    table.post("a list of lists", path, "[[\"x\", \"open\"]]").await;
    table.post("a number", path, "42").await;
    table.post("null", path, "null").await;
    table.post("two objects", path, "{}{}").await;
    let deep = format!("{{\"name\": {}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    table.post("deep nesting", path, deep).await;
    table.post("a name twice", path, r#"{"name": "a", "name": "b", "data_class": "open"}"#).await;
    let unknown = r#"{"name": "a", "data_class": "open", "owner": "x"}"#;
    table.post("an unknown field", path, unknown).await;
    table.post("3 MB of JSON", path, format!("{{\"name\": \"{}\"}}", "x".repeat(3 << 20))).await;
    let endless =
        table.client.request(&Method::POST, path).header("content-type", "application/json");
    table.send("JSON without end", endless.body(endless_body(b"[")).unwrap()).await;
    let stalled =
        table.client.request(&Method::POST, path).header("content-type", "application/json");
    table.send("a body that stalls", stalled.body(stalled_body(b"{")).unwrap()).await;
    let announced = table
        .client
        .request(&Method::POST, path)
        .header("content-type", "application/json")
        .header("content-length", "1000000000");
    table.send("a body of 1 GB", announced.body(endless_body(b"{")).unwrap()).await;
}

async fn bad_values(table: &mut Table<'_>) {
    let path = "/api/collections";
    let long = json!({"name": "x".repeat(201), "data_class": "open"});
    table.post("a name too long", path, long.to_string()).await;
    let control = json!({"name": "a\u{0}b", "data_class": "open"});
    table.post("a name with NUL", path, control.to_string()).await;
    let turned = json!({"name": "a\u{202e}b", "data_class": "open"});
    table.post("a name that turns around", path, turned.to_string()).await;
    table.post("a wrong type", path, r#"{"name": 3, "data_class": "open"}"#).await;
    table.post("an unknown class", path, r#"{"name": "a", "data_class": "streng geheim"}"#).await;
    let huge = r#"{"query": "x", "limit": 99999999999999999999999999}"#;
    table.post("a huge number", "/api/search", huge).await;
    table.post("infinity", "/api/search", r#"{"query": "x", "limit": 1e999}"#).await;
    table.post("a negative number", "/api/search", r#"{"query": "x", "limit": -5}"#).await;
    let long = json!({"query": "x".repeat(2_001)});
    table.post("a query too long", "/api/search", long.to_string()).await;
    let many = json!({"query": "x", "collections": vec![UNKNOWN; 101]});
    table.post("too many ids", "/api/search", many.to_string()).await;
    let foreign = json!({"query": "x", "collections": [UNKNOWN]});
    table.post("an unknown id", "/api/search", foreign.to_string()).await;
    table
        .post("an id that is none", "/api/search", r#"{"query": "x", "documents": ["1; DROP"]}"#)
        .await;
    let mail = json!({"email": "a".repeat(100_000), "password": "x"});
    table.post("a mail address without end", "/api/session", mail.to_string()).await;
    let times = json!({"name": "x", "scopes": ["models"], "expires_at": "2026-02-30T00:00:00Z"});
    table.post("a day that is none", "/api/keys", times.to_string()).await;
}

async fn bad_addresses(table: &mut Table<'_>) {
    table.get("an unknown collection", &format!("/api/collections/{UNKNOWN}")).await;
    table.get("an unknown document", &format!("/api/documents/{UNKNOWN}/content")).await;
    table.get("an unknown passage", &format!("/api/passages/{UNKNOWN}")).await;
    table.get("an unknown run", &format!("/api/runs/{UNKNOWN}/events")).await;
    table.get("a path in place of an id", "/api/documents/..%2f..%2fetc%2fpasswd").await;
    table.get("SQL in place of an id", "/api/documents/'%20OR%201=1--").await;
    table.get("invalid UTF-8 in the path", "/api/documents/%ff%fe").await;
    table.get("an id without hyphens", "/api/documents/01890000000070008000000000000000").await;
    table.get("an unknown address", "/api/admin/shell").await;
    table.get("an unknown model", "/v1/models/gibtsnicht").await;
    table.get("invalid UTF-8 as a model", "/v1/models/%ff").await;
    table.get("a file beside the page", "/../../etc/passwd.txt").await;
    table.get("a wrong cursor", "/api/conversations?after=morgen").await;
    table.get("a wrong cursor of names", "/api/collections?after=morgen").await;
    table.get("more at once than there is", "/api/collections?limit=101").await;
    table.get("nothing at once", "/api/me/sessions?limit=0").await;
    table.get("an unknown query", "/api/conversations?sort=title").await;
    table.get("a query twice", "/api/conversations?query=a&query=b").await;
    let page = format!("/api/documents/{UNKNOWN}/passages?page=-1");
    table.get("a page below zero", &page).await;
    table.json("a wrong method", Method::PUT, "/api/collections", "{}").await;
    table.json("a method that is none", Method::TRACE, "/api/me", "").await;
    table.json("POST to a page", Method::POST, "/chat", "{}").await;
}

async fn bad_requests(table: &mut Table<'_>) {
    let request = table.client.request(&Method::POST, "/api/collections");
    table.send("no content type", request.body(Body::from("{}")).unwrap()).await;
    let request = table.client.request(&Method::POST, "/api/collections");
    let xml = request.header("content-type", "text/xml").body(Body::from("<x/>")).unwrap();
    table.send("XML", xml).await;
    let request = table.client.request(&Method::POST, "/v1/chat/completions");
    let request = request.header("content-type", "application/json");
    let packed = request.header("content-encoding", "gzip").body(Body::from(&[0x1f, 0x8b, 8][..]));
    table.send("a packed body", packed.unwrap()).await;
    let nobody = || Request::get("/api/me").header("accept-language", "de");
    table.send("no host", nobody().body(Body::empty()).unwrap()).await;
    let two = nobody().header("host", "a").header("host", "b");
    table.send("two hosts", two.body(Body::empty()).unwrap()).await;
    let local = || nobody().header("host", "localhost");
    for (what, value) in [
        ("a basic login", "Basic YWRhOmFkYQ=="),
        ("a key of nobody", "Bearer sk-fw-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
        ("a key that is none", "Bearer ' OR 1=1 --"),
        ("no key at all", "Bearer"),
    ] {
        let request = local().header("authorization", value);
        table.send(what, request.body(Body::empty()).unwrap()).await;
    }
    let cookie = local().header("cookie", "fachwerk_session=../../etc/passwd");
    table.send("a cookie of nobody", cookie.body(Body::empty()).unwrap()).await;
}

async fn bad_chats(table: &mut Table<'_>) {
    let path = "/v1/chat/completions";
    table.post("a chat that is no JSON", path, "hallo").await;
    table.post("a chat without a model", path, r#"{"messages": []}"#).await;
    table.post("a chat without messages", path, r#"{"model": "gross"}"#).await;
    let text = json!({"model": "gross", "messages": "hallo"});
    table.post("a chat with a text for messages", path, text.to_string()).await;
    let model = json!({"model": "gpt-99", "messages": [{"role": "user", "content": "x"}]});
    table.post("a chat with an unknown model", path, model.to_string()).await;
    let class = json!({"model": "gross", "messages": [{"role": "user", "content": "x"}],
        "fachwerk": {"data_class": "restricted"}});
    table.post("a chat above the clearance", path, class.to_string()).await;
    let foreign = json!({"model": "gross", "messages": [{"role": "user", "content": "x"}],
        "fachwerk": {"collections": [UNKNOWN]}});
    table.post("a chat from an unknown collection", path, foreign.to_string()).await;
    let misspelt = json!({"model": "gross", "messages": [{"role": "user", "content": "x"}],
        "fachwerk": {"dataclass": "open"}});
    table.post("a chat with a misspelt field", path, misspelt.to_string()).await;
    let deep = format!("{{\"model\": \"gross\", \"messages\": {}", "[".repeat(100_000));
    table.post("a chat with deep nesting", path, deep).await;
}

async fn bad_uploads(table: &mut Table<'_>, path: &str) {
    table.post("an upload as JSON", path, "{}").await;
    let kind = "multipart/form-data; boundary=grenze";
    let mut form_of = async |what: &str, kind: &str, body: Vec<u8>| {
        let answer = table.client.raw(&Method::POST, path, kind, body).await;
        table.note(what, &answer);
    };
    form_of("an upload without a boundary", "multipart/form-data", b"x".to_vec()).await;
    form_of("an empty form", kind, b"--grenze--\r\n".to_vec()).await;
    form_of("a form that is none", kind, b"hallo".to_vec()).await;
    let (_, other) = form("datei", "a.txt", b"x");
    form_of("another field", kind, other).await;
    let (_, empty) = form("file", "a.txt", b"");
    form_of("an empty file", kind, empty).await;
    let (_, whole) = form("file", "a.txt", b"Ein Satz, der noch weiter geht.");
    form_of("half a form", kind, whole[..whole.len() - 20].to_vec()).await;
    let (_, large) = form("file", "a.txt", &vec![b'x'; 100_001]);
    form_of("a file over the limit", kind, large).await;
    let (_, one) = form("file", "a.txt", b"Eins.");
    let two =
        [&one[..one.len() - b"--\r\n".len()], b"\r\n", &one[b"--grenze\r\n".len()..]].concat();
    form_of("two files", kind, two).await;
    let endless = table.client.request(&Method::POST, path).header("content-type", kind);
    let (_, head) = form("file", "a.txt", b"");
    let head = head[..head.len() - b"\r\n--grenze--\r\n".len()].to_vec();
    let body = stream::once(async { Ok::<_, std::io::Error>(Bytes::from(head)) });
    let body = futures_util::StreamExt::chain(body, endless_pieces(b"x"));
    table.send("a file without end", endless.body(Body::from_stream(body)).unwrap()).await;
    let announced = table
        .client
        .request(&Method::POST, path)
        .header("content-type", kind)
        .header("content-length", "1000000000");
    table.send("an upload of 1 GB", announced.body(endless_body(b"x")).unwrap()).await;
    let stalled = table.client.request(&Method::POST, path).header("content-type", kind);
    table.send("an upload that stalls", stalled.body(stalled_body(b"--gren")).unwrap()).await;
}

/// Files whose broken state is cheap to see: 422, and nothing is kept of them.
async fn bad_files(table: &mut Table<'_>, path: &str) {
    let docx = |packed: &'static [u8], unpacked: u32| {
        container(&[
            ("[Content_Types].xml", b"<Types/>", 8),
            ("word/document.xml", packed, unpacked),
        ])
    };
    let whole = docx(b"<w:document/>", 13);
    let mut crowd = whole.clone();
    let end = crowd.len() - 22;
    crowd[end + 10..end + 12].copy_from_slice(&20_001_u16.to_le_bytes());
    let media = "mimetypeapplication/vnd.oasis.opendocument.text";
    let cases: Vec<(&str, &str, Vec<u8>)> = vec![
        ("a file of blanks", "leer.txt", b" \n\t \r\n".to_vec()),
        (
            "a program",
            "programm.exe",
            b"MZ\x90\x00\x03\x00\x00\x00\x04\x00\x00\x00\xff\xff\x00".to_vec(),
        ),
        ("a picture called PDF", "bild.pdf", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec()),
        ("an empty container", "leer.docx", container(&[])),
        ("an old document", "alt.doc", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 WordDocument".to_vec()),
        ("a PDF of its header", "kopf.pdf", b"%PDF-1.7\n".to_vec()),
        ("a PDF without objects", "a.pdf", b"%PDF-1.7\nstartxref\n0\n%%EOF\n".to_vec()),
        ("a PDF without an end", "a.pdf", b"%PDF-1.7\n1 0 obj\n<< >>\nendobj\n".to_vec()),
        ("half a DOCX", "a.docx", whole[..whole.len() / 2].to_vec()),
        ("a DOCX without its end", "a.docx", whole[..whole.len() - 22].to_vec()),
        ("a DOCX without a text", "a.docx", container(&[("[Content_Types].xml", b"", 0)])),
        (
            "a table called DOCX",
            "a.docx",
            container(&[("[Content_Types].xml", b"", 0), ("xl/workbook.xml", b"", 0)]),
        ),
        ("an ODT without a text", "a.odt", container(&[("mimetype", &media.as_bytes()[8..], 39)])),
        ("a DOCX that claims 3 GB", "a.docx", docx(b"x", 3_000_000_000)),
        ("a DOCX that packs a thousandfold", "a.docx", docx(&[b'x'; 10_000], 10_000_000)),
        ("a DOCX of 20,001 members", "a.docx", crowd),
    ];
    for (what, name, bytes) in cases {
        let answer = table.client.post_form(path, name, &bytes).await;
        assert_eq!(answer.status, 422, "{what}: {answer:?}");
        table.note(what, &answer);
    }
}

/// A zip container of members that lie there as they are and claim to become so large.
fn container(members: &[(&str, &[u8], u32)]) -> Vec<u8> {
    let (mut bytes, mut directory) = (vec![], vec![]);
    for (name, content, unpacked) in members {
        let mut entry = vec![20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        entry.extend((content.len() as u32).to_le_bytes());
        entry.extend(unpacked.to_le_bytes());
        entry.extend((name.len() as u16).to_le_bytes());
        entry.extend([0, 0]);
        directory.extend(b"PK\x01\x02\x14\0");
        directory.extend(&entry);
        directory.extend([0; 10]);
        directory.extend((bytes.len() as u32).to_le_bytes());
        directory.extend(name.as_bytes());
        bytes.extend(b"PK\x03\x04");
        bytes.extend(&entry);
        bytes.extend(name.as_bytes());
        bytes.extend(*content);
    }
    let (count, place) = ((members.len() as u16).to_le_bytes(), bytes.len() as u32);
    bytes.extend(&directory);
    bytes.extend(b"PK\x05\x06\0\0\0\0");
    bytes.extend([count, count].concat());
    bytes.extend((directory.len() as u32).to_le_bytes());
    bytes.extend(place.to_le_bytes());
    bytes.extend([0, 0]);
    bytes
}

/// More than anybody should take: the test hangs if somebody does.
fn endless_pieces(
    byte: &'static [u8],
) -> impl futures_util::Stream<Item = Result<Bytes, std::io::Error>> {
    stream::repeat_with(move || Ok(Bytes::from(byte.repeat(64 << 10))))
}

fn endless_body(byte: &'static [u8]) -> Body {
    Body::from_stream(endless_pieces(byte))
}

fn stalled_body(bytes: &'static [u8]) -> Body {
    let first = stream::once(async move { Ok::<_, std::io::Error>(Bytes::from_static(bytes)) });
    Body::from_stream(futures_util::StreamExt::chain(first, stream::pending()))
}

#[tokio::test]
async fn broken_documents_harm_nothing_but_themselves() {
    let world = World::new().await;
    let ada = world.member("ada").await;
    let collection = ada.collection("Akten", "private").await;
    let mut shown = String::new();
    let broken_text =
        container(&[("[Content_Types].xml", b"<Types/>", 8), ("word/document.xml", b"<w:p>", 5)]);
    let cases: &[(&str, &[u8])] = &[
        ("kaputt.pdf", b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog >>\nendobj\nstartxref\n9\n%%EOF\n"),
        ("kaputt.docx", &broken_text),
        ("../../../etc/cron.d/x.txt", b"Ein Satz steht hier."),
        ("latin1.txt", b"Stra\xdfe und B\xfcrgersteig."),
    ];
    for (name, bytes) in cases {
        let answer = ada.upload(&collection, name, bytes).await;
        assert_eq!(answer.status, 202, "{name}: {answer:?}");
        let settled = ada.settled(&answer.id()).await;
        let _ = writeln!(
            shown,
            "{name}: {} {} {}",
            settled["name"], settled["state"], settled["reason"]
        );
    }
    assert_eq!(ada.get("/healthz").await.status, 200);
    insta::assert_snapshot!(shown);
}

#[tokio::test]
async fn a_full_disk_takes_nothing_in() {
    let world = World::with("[limits]\nfree_bytes = 1000000000000000").await;
    let ada = world.member("ada").await;
    let collection = ada.collection("Akten", "private").await;
    let answer = ada.upload(&collection, "a.txt", b"Ein Satz.").await;
    assert_eq!((answer.status, answer.code().as_str()), (507, "disk_full"), "{answer:?}");
    assert!(answer.detail().starts_with("Der Speicherplatz auf dem Server reicht nicht aus."));
    assert_eq!(world.files(), 0);
}

#[tokio::test]
async fn nobody_stores_more_than_their_share() {
    let world = World::with("[limits]\nperson_bytes = 3000").await;
    let (ada, bob) = (world.member("ada").await, world.member("bob").await);
    let (mine, his) =
        (ada.collection("Akten", "private").await, bob.collection("Akten", "private").await);
    let first = ada.upload(&mine, "a.txt", &b"Ein Satz. ".repeat(200)).await;
    assert_eq!(first.status, 202, "{first:?}");
    let over = ada.upload(&mine, "b.txt", &b"Ein Wort. ".repeat(200)).await;
    assert_eq!((over.status, over.code().as_str()), (413, "quota_exceeded"), "{over:?}");
    // One that does not say how long it is comes to the same end.
    let (kind, body) = form("file", "b.txt", &b"Ein Wort. ".repeat(200));
    let path = format!("/api/collections/{mine}/documents");
    let request = ada.request(&Method::POST, &path).header("content-type", kind);
    let body = Body::from_stream(stream::iter([Ok::<_, std::io::Error>(Bytes::from(body))]));
    let over = ada.send(request.body(body).unwrap()).await;
    assert_eq!((over.status, over.code().as_str()), (413, "quota_exceeded"), "{over:?}");
    assert_eq!(world.files(), 1);

    assert_eq!(bob.upload(&his, "b.txt", &b"Ein Wort. ".repeat(200)).await.status, 202);
    ada.settled(&first.id()).await;
    assert_eq!(ada.delete(&format!("/api/documents/{}", first.id())).await.status, 204);
    assert_eq!(ada.upload(&mine, "b.txt", &b"Ein Wort. ".repeat(200)).await.status, 202);
}
