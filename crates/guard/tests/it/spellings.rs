//! Numbers as people type them: in groups of their own, in small letters, broken over a line.

use std::sync::LazyLock;

use guard::{Kind, Scanner};

static SCANNER: LazyLock<Scanner> = LazyLock::new(Scanner::default);

/// What is found of a kind.
fn found(text: &str, kind: Kind) -> Vec<&str> {
    let found = SCANNER.scan(text).into_iter().filter(|one| one.kind == kind);
    found.map(|one| &text[one.start..one.end]).collect()
}

#[test]
fn account_numbers_are_found_however_they_are_grouped() {
    for iban in [
        "DE89370400440532013000",
        "DE 89 3704 0044 0532 0130 00",
        "DE 89 37040044 0532013000",
        "DE89 370 400 44 0532 013 000",
        "de89 3704 0044 0532 0130 00",
        "De 89 3704 0044 0532 0130 00",
        "de89370400440532013000",
        "DE89  3704  0044  0532  0130  00",
        "DE89\t3704\t0044\t0532\t0130\t00",
        "DE89\n3704 0044 0532 0130 00",
        "DE89 3704 0044\r\n    0532 0130 00",
        "DE89.3704.0044.0532.0130.00",
        "DE-89-3704-0044-0532-0130-00",
        "DE89/3704/0044/0532/0130/00",
        "DE89\u{a0}3704\u{202f}0044 0532 0130 00",
        "at61 1904 3002 3457 3201",
        "CH93 0076 2011 6238 5295 7",
        "gb82 west 1234 5698 7654 32",
        "nl91 ABNA 0417 1643 00",
    ] {
        for text in [
            iban.to_owned(),
            format!("Meine IBAN ist {iban}."),
            format!("Bitte auf IBAN: {iban}, danke"),
            format!("IBAN\n{iban}\nBIC COBADEFFXXX"),
        ] {
            assert_eq!(found(&text, Kind::Iban), [iban], "{text:?}");
        }
    }
}

#[test]
fn what_only_looks_like_an_account_number_is_none() {
    for text in [
        "DE 89 3704 0044 0532 0130 01",
        "de89 3704 0044 0532 0130 0",
        "es 12 Personen waren es 2024 und 2025, 30000 mehr als 1999 und 100000 weniger",
        "Am 12. 10. 2024 um 14 Uhr 30 in 50667 Köln, 3 1 2 4 5 6 7 8 9 0 1 2 3",
        "code89 3704 0044 0532 0130 00",
        "DE89 3704\n\n0044 0532 0130 00",
    ] {
        assert_eq!(found(text, Kind::Iban), [""; 0], "{text:?}");
    }
}

#[test]
fn other_numbers_are_found_in_groups_of_their_own() {
    for (kind, label, number) in [
        (Kind::TaxId, "Steuer-ID", "86.095.742.719"),
        (Kind::TaxId, "Steuer-ID", "86-095-742-719"),
        (Kind::TaxId, "Steuer-ID", "86  095  742  719"),
        (Kind::TaxId, "Meine Steuer-ID lautet", "8609 5742 719"),
        (Kind::TaxId, "IdNr.", "86/095/742/719"),
        (Kind::TaxId, "Steuer-ID", "86 095\n742 719"),
        (Kind::SocialInsurance, "SVNR", "65 170839 J 003"),
        (Kind::SocialInsurance, "Rentenversicherungsnummer", "65170839j003"),
        (Kind::SocialInsurance, "Rentenversicherungsnummer", "65 170839 j 003"),
        (Kind::SocialInsurance, "Versicherungsnummer", "65-170839-J-003"),
        (Kind::SocialInsurance, "Versicherungsnummer", "65  170839  J  003"),
        (Kind::Card, "Kreditkarte", "4111.1111.1111.1111"),
        (Kind::Card, "Kreditkarte", "4111  1111  1111  1111"),
        (Kind::Card, "Kreditkartennummer", "4111/1111/1111/1111"),
        (Kind::Card, "Karte", "4111 1111\n1111 1111"),
    ] {
        let text = format!("{label}: {number}\nMit freundlichen Grüßen");
        assert_eq!(found(&text, kind), [number], "{text:?}");
    }
    // Without a word that names them, figures in groups are figures.
    for text in ["86.095.742.719 Euro", "Haushalt 4111  1111  1111  1111", "86 095\n742 719"] {
        for kind in [Kind::TaxId, Kind::Card] {
            assert_eq!(found(text, kind), [""; 0], "{text:?}");
        }
    }
}
