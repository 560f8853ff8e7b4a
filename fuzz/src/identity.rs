//! Who somebody says they are: `identity`, and the ids and codes of `domain`.

use domain::{
    CollectionId, ConversationId, DataClass, DocumentId, PassageId, Place, RunId, TenantId, UserId,
};
use identity::{InstallationSecret, MailAddress, Password, PasswordHash, Token, TokenKind};

pub const CREDENTIALS: &[&[u8]] = &[
    b"sk-fw-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    b"fws-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE",
    b"Ada.Lovelace+x@Amt.Example",
    b"$argon2id$v=19$p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA",
    b"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
];
pub const IDS: &[&[u8]] = &[
    b"0198c7b1-7a5e-7000-8000-000000000000",
    b"{0198C7B17A5E70008000000000000000}",
    b"eu",
    b"open",
];

pub fn credentials(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let secret = InstallationSecret::from_hex(&"5a".repeat(32)).expect("64 digits");
    for kind in [TokenKind::Session, TokenKind::ApiKey, TokenKind::Setup] {
        if let Some(token) = Token::given(kind, &text) {
            assert_eq!(token.reveal(), text);
            assert!(token.hint().len() < token.reveal().len());
            assert!(!secret.hash(&token).as_str().contains(token.reveal()));
        }
    }
    if let Ok(address) = text.parse::<MailAddress>() {
        let again = address.as_str().parse::<MailAddress>().expect("a kept address is one");
        assert_eq!(again.as_str(), address.as_str());
    }
    if let Some(read) = InstallationSecret::from_hex(&text) {
        assert!(read.to_hex().eq_ignore_ascii_case(text.trim()));
    }
    // A stored hash says itself how much memory it takes to check it. It is ours; the parser is not
    // asked to doubt that, so what names an amount is left out.
    if !text.contains("m=") && !text.contains("t=") {
        assert!(
            !PasswordHash::from_stored(text.clone().into_owned())
                .matches(&Password::given("korrekt pferd batterie".to_owned()))
        );
    }
    let _ = Password::chosen(text.into_owned());
}

pub fn ids(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    macro_rules! round {
        ($($kind:ty),*) => {
            $(if let Ok(id) = text.parse::<$kind>() {
                assert_eq!(id.to_string().parse::<$kind>(), Ok(id));
            })*
        };
    }
    round!(CollectionId, ConversationId, DocumentId, PassageId, RunId, TenantId, UserId);
    if let Ok(class) = text.parse::<DataClass>() {
        assert_eq!(class.code(), text);
    }
    if let Ok(place) = text.parse::<Place>() {
        assert_eq!(place.code(), text);
    }
}
