//! Boundary tests: what identity accepts, refuses and never prints.

use std::time::Duration;

use domain::Instant;
use identity::{
    Attempts, InstallationSecret, MailAddress, Password, PasswordError, PasswordHash,
    ThrottlePolicy, Token, TokenKind,
};
use proptest::prelude::*;

#[test]
fn a_password_matches_its_own_hash_only() {
    let hash = Password::chosen("korrekt pferd batterie".to_owned())
        .expect("long enough")
        .hash()
        .expect("hashes");
    assert!(hash.as_str().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
    let stored = PasswordHash::from_stored(hash.as_str().to_owned());
    assert!(stored.matches(&Password::given("korrekt pferd batterie".to_owned())));
    assert!(!stored.matches(&Password::given("korrekt pferd batterien".to_owned())));
    assert!(
        !PasswordHash::from_stored("unsinn".to_owned()).matches(&Password::given(String::new()))
    );
}

#[test]
fn a_decoy_is_as_much_work_as_a_hash() {
    let (hash, other) = (PasswordHash::decoy(), PasswordHash::decoy());
    assert_ne!(hash, other);
    let real = Password::given("x".to_owned()).hash().expect("hashes");
    let parameters = |hash: &PasswordHash| {
        let parts: Vec<_> = hash.as_str().split('$').map(str::to_owned).collect();
        (parts[..4].to_vec(), parts[4].len(), parts[5].len(), parts.len())
    };
    assert_eq!(parameters(&hash), parameters(&real));
    assert!(!hash.matches(&Password::given("y".to_owned())));
}

#[test]
fn weak_passwords_are_refused() {
    let cases = [
        ("kurz", PasswordError::TooShort),
        ("aaaaaaaaaaaaaaaa", PasswordError::TooSimple),
        ("123456789012", PasswordError::TooSimple),
        ("abcdefghijklm", PasswordError::TooSimple),
    ];
    for (text, error) in cases {
        assert_eq!(Password::chosen(text.to_owned()).err(), Some(error), "{text}");
    }
    assert_eq!(Password::chosen("x".repeat(257)).err(), Some(PasswordError::TooLong));
    assert!(Password::chosen("Amtsstube im Erdgeschoss".to_owned()).is_ok());
}

#[test]
fn nothing_secret_is_printed() {
    let token = Token::generate(TokenKind::ApiKey);
    let secret = InstallationSecret::generate();
    let printed = format!("{token:?} {secret:?} {:?}", Password::given("geheim".to_owned()));
    assert!(!printed.contains(token.reveal()));
    assert!(!printed.contains(secret.to_hex().as_str()));
    assert!(!printed.contains("geheim"));
}

#[test]
fn a_token_of_one_kind_never_passes_for_another() {
    let secret = InstallationSecret::generate();
    let key = Token::generate(TokenKind::ApiKey);
    assert!(key.reveal().starts_with("sk-fw-"));
    assert!(Token::given(TokenKind::Session, key.reveal()).is_none());
    let again = Token::given(TokenKind::ApiKey, key.reveal()).expect("same shape");
    assert_eq!(secret.hash(&key), secret.hash(&again));
    assert_ne!(secret.hash(&key), InstallationSecret::generate().hash(&key));
    let restored = InstallationSecret::from_hex(&secret.to_hex()).expect("own text form");
    assert_eq!(secret.hash(&key), restored.hash(&key));
}

#[test]
fn waiting_grows_and_is_forgotten() {
    let policy = ThrottlePolicy::ACCOUNT_AT_ADDRESS;
    let start = Instant::from_micros(0);
    let mut attempts = Attempts::default();
    for _ in 0..4 {
        attempts = policy.failed(attempts, start);
        assert_eq!(policy.remaining_wait(attempts, start), None);
    }
    let mut waits = vec![];
    for _ in 0..8 {
        attempts = policy.failed(attempts, start);
        waits.push(policy.remaining_wait(attempts, start).map_or(0, |wait| wait.as_secs()));
    }
    assert_eq!(waits, [30, 60, 120, 240, 480, 900, 900, 900]);
    let later = start.after(Duration::from_secs(899));
    assert_eq!(policy.remaining_wait(attempts, later), Some(Duration::from_secs(1)));
    let next_day = start.after(Duration::from_hours(24));
    assert_eq!(policy.remaining_wait(attempts, next_day), None);
    assert_eq!(policy.failed(attempts, next_day).failures, 1);
}

#[test]
fn what_many_share_forgives_step_by_step() {
    let policy = ThrottlePolicy::ADDRESS;
    let start = Instant::from_micros(0);
    let mut attempts = Attempts::default();
    for _ in 0..101 {
        attempts = policy.failed(attempts, start);
    }
    assert!(policy.remaining_wait(attempts, start).is_some());
    let soon = start.after(Duration::from_mins(3));
    assert_eq!(policy.remaining_wait(attempts, soon), None);
    assert_eq!(policy.failed(attempts, soon).failures, 99);
}

#[test]
fn mail_addresses() {
    for good in [
        "Erika.Muster@stadt.example",
        " a+b@amt-nord.example ",
        "ä@müller.example",
        "root@localhost",
    ] {
        assert!(good.parse::<MailAddress>().is_ok(), "{good}");
    }
    for bad in [
        "",
        "@",
        "a@",
        "@b.example",
        "a b@c.example",
        "a@b..example",
        "a@-b.example",
        "a@b@c.example",
        "a\n@b.example",
    ] {
        assert!(bad.parse::<MailAddress>().is_err(), "{bad}");
    }
    let address: MailAddress = "Erika@Stadt.example".parse().expect("fits");
    assert_eq!(address.as_str(), "erika@stadt.example");
}

proptest! {
    #[test]
    fn arbitrary_text_is_read_without_panic(text in "\\PC*") {
        let _ = Token::given(TokenKind::Session, &text);
        let _ = InstallationSecret::from_hex(&text);
        let _ = text.parse::<MailAddress>();
    }
}
