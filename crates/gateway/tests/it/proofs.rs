//! Calls that prove themselves by a signature or by a token, on servers that check it. G-2, G-8.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::DataClass;
use gateway::{
    AwsKeys, Completion, Gateway, GatewayError, KeyHeader, Route, RouteKind, Secret,
    ServiceAccount, ServiceAccountError, UsageMeter,
};
use hmac::{Hmac, KeyInit, Mac};
use llm::Dialect;
use ring::signature::{KeyPair, RSA_PKCS1_2048_8192_SHA256, RsaKeyPair, UnparsedPublicKey};
use rustls_pki_types::{PrivatePkcs8KeyDer, pem::PemObject};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use testkit::fake_model::{FakeModel, Reply, SeenRequest};

use crate::setup::{ask, gateway, route};

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
/// Made for this test and used nowhere else.
const KEY: &str = include_str!("../../fixtures/test_only_key.pem");

fn recorded(dialect: &str) -> Reply {
    let text = include_str!("../../../llm/fixtures/chat.json");
    let case: Value = serde_json::from_str(text).unwrap();
    Reply::status(200, &case["answers"][dialect])
}

fn proved(base_url: &str, dialect: Dialect, key_header: KeyHeader, model: &str) -> Route {
    let mut route = route("cloud", base_url);
    let RouteKind::Server(server) = &mut route.kind else { unreachable!("a server") };
    (server.dialect, server.key_header) = (dialect, key_header);
    server.upstream_model = model.to_owned();
    route
}

async fn complete(gateway: &Gateway) -> Result<Completion, GatewayError> {
    gateway.complete(&ask("Hallo"), DataClass::Open, &UsageMeter::default()).await
}

fn mac(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

/// What AWS does with a request: computes the signature itself and compares.
fn is_signed(seen: &SeenRequest) -> bool {
    let header = &seen.headers["authorization"];
    let field = |name: &str| {
        let rest = header.split_once(&format!("{name}=")).unwrap().1;
        rest.split(',').next().unwrap().to_owned()
    };
    let (scope, signed) = (field("Credential"), field("SignedHeaders"));
    let scope = scope.strip_prefix("AKIDEXAMPLE/").unwrap();
    let headers: String =
        signed.split(';').map(|name| format!("{name}:{}\n", seen.headers[name])).collect();
    let hash = |bytes: &[u8]| hex::encode(Sha256::digest(bytes));
    // Each part of the path is encoded a second time.
    let path = seen.path.replace('%', "%25");
    let request =
        format!("POST\n{path}\n{}\n{headers}\n{signed}\n{}", seen.query, hash(&seen.bytes));
    let date = &seen.headers["x-amz-date"];
    let text = format!("AWS4-HMAC-SHA256\n{date}\n{scope}\n{}", hash(request.as_bytes()));
    let key =
        scope.split('/').fold(format!("AWS4{SECRET}").into_bytes(), |key, part| mac(&key, part));
    assert!(scope.ends_with("/eu-central-1/bedrock/aws4_request"), "{scope}");
    assert!(signed.contains("content-type;host;x-amz-date"), "{signed}");
    field("Signature") == hex::encode(mac(&key, &text))
}

#[tokio::test]
async fn calls_to_bedrock_carry_a_signature_that_holds() {
    let fake = FakeModel::start().await;
    for token in [None, Some("vorlaeufig")] {
        let keys = AwsKeys {
            access_key_id: "AKIDEXAMPLE".to_owned(),
            secret_access_key: Secret::new(SECRET),
            session_token: token.map(Secret::new),
            region: "eu-central-1".to_owned(),
        };
        assert!(!format!("{keys:?}").contains("wJalr"));
        let base = fake.base_url_with("");
        let model = "anthropic.claude-sonnet-4-5-v1:0";
        let gateway =
            gateway(vec![proved(&base, Dialect::Bedrock, KeyHeader::Signed(keys), model)]);
        fake.next(recorded("bedrock"));
        complete(&gateway).await.unwrap();
        let mut seen = fake.requests().pop().unwrap();
        assert!(seen.path.contains("%3A0/converse"), "{}", seen.path);
        assert!(is_signed(&seen), "{seen:?}");
        let session = seen.headers.get("x-amz-security-token").map(String::as_str);
        assert_eq!(session, token);
        // And one that holds for nothing else.
        seen.bytes = b"{}".as_slice().into();
        assert!(!is_signed(&seen));
    }
}

fn account(token_url: &str) -> ServiceAccount {
    let file = json!({"type": "service_account", "client_email": "fachwerk@projekt.example",
        "private_key": KEY, "private_key_id": "k1", "token_uri": token_url});
    ServiceAccount::parse(&file.to_string()).unwrap()
}

fn granted(token: &str, seconds: u64) -> Reply {
    Reply::status(200, &json!({"access_token": token, "expires_in": seconds}))
}

/// A place for tokens, a model, and a gateway between them.
async fn on_vertex() -> (FakeModel, FakeModel, Gateway) {
    let (tokens, model) = (FakeModel::start().await, FakeModel::start().await);
    let account = account(&tokens.base_url_with("token"));
    let base = model.base_url_with("v1/projects/p/locations/europe-west3");
    model.always(recorded("gemini"));
    let route = proved(&base, Dialect::Vertex, KeyHeader::Account(account), "gemini-2.5-flash");
    (tokens, model, gateway(vec![route]))
}

fn bearers(model: &FakeModel) -> Vec<String> {
    model.requests().iter().map(|seen| seen.headers["authorization"].clone()).collect()
}

/// What Google does with a statement: checks the signature and reads who asks.
fn claims(seen: &SeenRequest) -> Value {
    let form = String::from_utf8(seen.bytes.to_vec()).unwrap();
    let grant = "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=";
    let statement = form.strip_prefix(grant).unwrap();
    let (signed, signature) = statement.rsplit_once('.').unwrap();
    let der = PrivatePkcs8KeyDer::from_pem_slice(KEY.as_bytes()).unwrap();
    let pair = RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()).unwrap();
    let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, pair.public_key());
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    public.verify(signed.as_bytes(), &signature).unwrap();
    let (header, claims) = signed.split_once('.').unwrap();
    let read =
        |part| serde_json::from_slice::<Value>(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap();
    assert_eq!(read(header), json!({"alg": "RS256", "typ": "JWT", "kid": "k1"}));
    read(claims)
}

#[tokio::test]
async fn one_token_is_fetched_for_many_calls_at_once() {
    let (tokens, model, gateway) = on_vertex().await;
    tokens.always(granted("t1", 3_600).delay(Duration::from_millis(50)));
    let calls = (0..8).map(|_| complete(&gateway));
    for answer in futures_util::future::join_all(calls).await {
        answer.unwrap();
    }
    assert_eq!(bearers(&model), ["Bearer t1"; 8]);
    let asked = tokens.requests();
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].headers["content-type"], "application/x-www-form-urlencoded");
    let claims = claims(&asked[0]);
    assert_eq!(claims["iss"], "fachwerk@projekt.example");
    assert_eq!(claims["aud"], tokens.base_url_with("token"));
    assert_eq!(claims["scope"], "https://www.googleapis.com/auth/cloud-platform");
    assert_eq!(claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap(), 3_600);
}

#[tokio::test]
async fn a_token_is_renewed_before_its_end_and_when_it_is_not_accepted() {
    let (tokens, model, gateway) = on_vertex().await;
    // It would end within the minute that is kept as a margin.
    tokens.next(granted("t1", 60));
    tokens.next(granted("t2", 3_600));
    tokens.next(granted("t3", 3_600));
    for _ in 0..3 {
        complete(&gateway).await.unwrap();
    }
    assert_eq!(bearers(&model), ["Bearer t1", "Bearer t2", "Bearer t2"]);
    model.next(Reply::status(401, &json!({})));
    complete(&gateway).await.unwrap_err();
    complete(&gateway).await.unwrap();
    assert_eq!(bearers(&model)[3..], ["Bearer t2", "Bearer t3"]);
}

#[tokio::test]
async fn without_a_token_nothing_is_sent_and_the_next_route_answers() {
    let (tokens, model, _) = on_vertex().await;
    let other = FakeModel::start().await;
    for refusal in [
        Reply::status(403, &json!({"error": "invalid_grant"})),
        Reply::status(200, &json!({"token": "falsch"})),
        Reply::raw(302, "text/plain", [""]).header("location", &other.base_url()),
        Reply::raw(200, "application/json", vec![vec![b' '; 70_000]]),
    ] {
        tokens.next(refusal);
        let base = model.base_url_with("v1/projects/p/locations/l");
        let key = KeyHeader::Account(account(&tokens.base_url_with("token")));
        let cloud = proved(&base, Dialect::Vertex, key, "gemini-2.5-flash");
        let own = route("own", &other.base_url());
        let answer = complete(&gateway(vec![cloud, own])).await.unwrap();
        assert_eq!(answer.taken.route, "own");
    }
    assert!(model.requests().is_empty());
    assert!(other.requests().iter().all(|seen| seen.path == "/v1/chat/completions"));
}

#[test]
fn what_is_no_service_account_is_refused() {
    let file = |key: &str, url: &str| {
        let file = json!({"client_email": "x", "private_key": key, "token_uri": url});
        ServiceAccount::parse(&file.to_string()).unwrap_err()
    };
    assert_eq!(ServiceAccount::parse("[]").unwrap_err(), ServiceAccountError::Malformed);
    assert_eq!(file("kein PEM", "https://token.example"), ServiceAccountError::Key);
    assert!(matches!(file(KEY, "file:///etc/passwd"), ServiceAccountError::TokenUri(_)));
    let account = account("https://token.example/");
    assert!(!format!("{account:?}").contains("PRIVATE") && account == account.clone());
}
