//! Numbers, secrets, addresses and tables as people type and paste them.

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
        "DE89_3704_0044_0532_0130_00",
        "DE89·3704·0044·0532·0130·00",
        "DE89 – 3704 – 0044 – 0532 – 0130 – 00",
        "DE89 3704\n0044 0532\n0130 00",
        "DE89 | 3704 | 0044 | 0532 | 0130 | 00",
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
    for (kind, text, number) in [
        (Kind::Iban, "IBAN:DE89370400440532013000BIC:COBADEFFXXX", "DE89370400440532013000"),
        (Kind::Iban, "Kontonummer 0532013000 bei der Sparkasse", "0532013000"),
        (Kind::HealthInsurance, "KV-Nr. N-428-926-934", "N-428-926-934"),
        (Kind::HealthInsurance, "Krankenkassennummer: n 428 926 934", "n 428 926 934"),
        (Kind::SocialInsurance, "Rentenvers.-Nr. 46-150351-W-389", "46-150351-W-389"),
        (Kind::Iban, "Konto 0532013000, BLZ 370 400 44", "0532013000, BLZ 370 400 44"),
        (Kind::IdCard, "Ausweis-Nr.: y1t58twcv9", "y1t58twcv9"),
        (Kind::Passport, "Reisepass-Nr. F6 VJKJ 1Y9", "F6 VJKJ 1Y9"),
        (Kind::Plate, "kennzeichen k-ab 1234", "k-ab 1234"),
        (Kind::BirthDate, "Geburtsdatum: 03-05-1980", "03-05-1980"),
        (Kind::BirthDate, "Geburtsdatum 03051980", "03051980"),
        (Kind::Phone, "hier Müller, meine Nummer ist 0221 4710815", "0221 4710815"),
        (Kind::Phone, "erreichbar: 0170.1234567", "0170.1234567"),
        (Kind::Phone, "01 70 - 1 23 45 67 ist meine Handynummer", "01 70 - 1 23 45 67"),
        (Kind::Iban, "DE89 3704 0044 0532 0130 OO", "DE89 3704 0044 0532 0130 OO"),
    ] {
        assert_eq!(found(text, kind), [number], "{text:?}");
    }
    // Without a word that names them, figures in groups are figures.
    for text in ["86.095.742.719 Euro", "Haushalt 4111  1111  1111  1111", "86 095\n742 719"] {
        for kind in [Kind::TaxId, Kind::Card] {
            assert_eq!(found(text, kind), [""; 0], "{text:?}");
        }
    }
}

#[test]
fn secrets_are_found_in_sentences() {
    for (text, wanted) in [
        ("das Passwort lautet Sommer2026!", vec!["Sommer2026"]),
        ("Mein Passwort ist: Sommer2026!", vec!["Sommer2026"]),
        ("password is hunter2abc", vec!["hunter2abc"]),
        ("Kennwort = Sommer26", vec!["Sommer26"]),
        ("Das Passwort für das WLAN im Amt lautet jetzt **Rathaus25**.", vec!["Rathaus25"]),
        ("Das Kennwort lautet „Schwertfisch“.", vec!["Schwertfisch"]),
        ("Bitte mein Passwort auf Neu#2024x setzen", vec!["Neu#2024x"]),
        ("Login: meier, Passwort xY7!pq2L", vec!["xY7!pq2L"]),
        ("Passwort\nKiefer?88\nDanke", vec!["Kiefer?88"]),
        ("Benutzer;Passwort\nmeier;Sommer26\nweber;$onne4711", vec!["Sommer26", "$onne4711"]),
        ("Die PIN lautet 4711. Die PUK: 12345678", vec!["4711", "12345678"]),
        (
            "AKIAIOSFODNN7EXAMPLE wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            vec!["AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"],
        ),
    ] {
        assert_eq!(found(text, Kind::Secret), wanted, "{text:?}");
    }
    for text in [
        "Das Passwort ist alle 90 Tage zu ändern, zuletzt 2024.",
        "Das Passwort ist SHA256 gehasht oder MD5-verschlüsselt.",
        "Das Passwort lautet anders, mindestens 12 Zeichen.",
        "Kennwort: siehe Anlage 3, Passwort: Pflichtfeld",
        "Passwort: https://reset.amt.example/neu4711",
        "Das Passwort auf Windows11-Rechnern ändern Sie selbst.",
        "Das Passwort ist falsch. Im Antrag stand Kiefer88a.",
        "The password is required for ISO27001 since 2013.",
        "Die PIN ist vierstellig, gilt 14 Tage und kommt am 03.04.2025.",
        "Die PIN hat 2024 niemand verlangt, PIN: 01.10.2024",
        "Passwort;Pflicht\nja;nein",
        "Commit 9b74c9897bac770ffc029102a200c5de9b74c989 ist geprüft.",
    ] {
        assert_eq!(found(text, Kind::Secret), [""; 0], "{text:?}");
    }
}

#[test]
fn addresses_are_found_in_any_order() {
    for (text, wanted) in [
        ("D-50667 Köln, Domkloster 4", vec!["D-50667 Köln, Domkloster 4"]),
        ("an 48143 Münster, Prinzipalmarkt 10.", vec!["48143 Münster, Prinzipalmarkt 10"]),
        ("DE-01067 Dresden | Theaterplatz 2", vec!["DE-01067 Dresden | Theaterplatz 2"]),
        ("in 50667 Köln, Zimmer 4", vec!["50667 Köln"]),
        ("wohnhaft heidestraße 17, 51147 köln", vec!["heidestraße 17, 51147 köln"]),
        ("Heidestraße\n17\n51147 Köln", vec!["Heidestraße\n17\n51147 Köln"]),
        ("Dorfstraße 12 in 25999 Kampen", vec!["Dorfstraße 12 in 25999 Kampen"]),
        ("auf der bundesstraße 17 nach norden", vec![]),
        ("Straße: Lindenweg\nHausnummer: 7", vec!["Lindenweg", "7"]),
        (
            "Name: Kunz\nStr.: Am Anger\nHausnr.: 12 b\nTel.: 0221 4710815\nPLZ: 99084\nOrt: Erfurt",
            vec!["Am Anger", "12 b", "99084", "Erfurt"],
        ),
        ("Ort: Köln\nDatum: 3.5.2024", vec![]),
        ("Straße: Vollsperrung\nwegen Bauarbeiten", vec![]),
    ] {
        assert_eq!(found(text, Kind::Address), wanted, "{text:?}");
    }
}

#[test]
fn who_is_lord_of_something_is_no_person() {
    for text in
        ["Herr der Ringe", "Er ist Herr der Lage.", "Die Frau des Jahres", "Herr des Hauses"]
    {
        assert_eq!(found(text, Kind::Name), [""; 0], "{text:?}");
    }
    for (text, wanted) in [
        ("Herr von der Heide", "von der Heide"),
        ("Frau van der Meer", "van der Meer"),
        ("Herr den Hartog", "den Hartog"),
        ("Madame Lefebvre", "Lefebvre"),
        ("Sehr geehrte Frau N'Diaye-Traoré,", "N'Diaye-Traoré"),
        ("Danke und LG Sabine", "Sabine"),
        ("Viele Grüße und Gruß Kevin\nPS: ja", "Kevin"),
    ] {
        assert_eq!(found(text, Kind::Name), [wanted], "{text:?}");
    }
}

#[test]
fn a_first_name_that_is_joined_to_a_name_is_one() {
    assert_eq!(found("Kinder Lea und Jonas", Kind::Name), ["Lea", "Jonas"]);
    assert_eq!(found("Frau Müller und Anna Weber", Kind::Name), ["Müller", "Anna Weber"]);
    for text in [
        "Die Kosten trägt das LG Köln.",
        "so das VG\nBerlin",
        "das LG München und das VG Trier",
        "Stadt ./. Land",
        "Nachname Vorname Geburtsdatum Anschrift",
    ] {
        assert_eq!(found(text, Kind::Name), [""; 0], "{text:?}");
    }
}

#[test]
fn heads_of_columns_say_what_numbers_are() {
    for (kind, text, wanted) in [
        (Kind::BirthDate, "Nr\tName\tGeburtsdatum\n1\tKunz\t03.05.1980", vec!["03.05.1980"]),
        (Kind::BirthDate, "Name\tOrt\tgeb.\nKunz\t\t03.05.1980", vec!["03.05.1980"]),
        (
            Kind::BirthDate,
            "| Eingang | Geburtsdatum |\n|---|---|\n| 01.02.2024 | 03.05.1980 |",
            vec!["03.05.1980"],
        ),
        (Kind::Phone, "Name;Telefon\nKunz;4710815", vec!["4710815"]),
        (Kind::TaxId, "Fall\tSteuer-ID\n1\t86.095.742.719", vec!["86.095.742.719"]),
        (Kind::FileReference, "Aktenzeichen\tOrt\n33.2-1234/2021\tKiel", vec!["33.2-1234/2021"]),
        (Kind::BirthDate, "Nr\tName\tEingang\n1\tKunz\t03.05.1980", vec![]),
    ] {
        assert_eq!(found(text, kind), wanted, "{text:?}");
    }
}

#[test]
fn mail_addresses_are_found_as_people_say_them() {
    for (text, wanted) in [
        ("Schreib an erika.muster at amt.example", vec!["erika.muster at amt.example"]),
        ("Mail: erika (at) amt (punkt) example", vec!["erika (at) amt (punkt) example"]),
        (
            "erika [at] stadt-koeln [dot] nrw [dot] example!",
            vec!["erika [at] stadt-koeln [dot] nrw [dot] example"],
        ),
        ("Mail: erika.muster AT amt DOT example", vec!["erika.muster AT amt DOT example"]),
        ("erika.muster -at- amt.example", vec!["erika.muster -at- amt.example"]),
        ("Look at amt.example, it is at example.org", vec![]),
        ("Wir treffen uns at Köln um 10 (am Dom).", vec![]),
    ] {
        assert_eq!(found(text, Kind::Mail), wanted, "{text:?}");
    }
}

#[test]
fn underscores_and_labels_that_touch_hide_nothing() {
    const IBAN: &str = "DE89370400440532013000";
    for (kind, text, wanted) in [
        (Kind::Iban, format!("Konto_{IBAN}.pdf"), vec![IBAN]),
        (Kind::Iban, format!("__{IBAN}__"), vec![IBAN]),
        (Kind::Iban, format!("IBAN{IBAN} BIC COBADEFFXXX"), vec![IBAN]),
        (Kind::Card, "kk_4111111111111111_x".to_owned(), vec!["4111111111111111"]),
        (Kind::BirthDate, "Geburtsdatum_12.03.1980".to_owned(), vec!["12.03.1980"]),
        (Kind::BirthDate, "geb_am_12.03.1980.docx".to_owned(), vec!["12.03.1980"]),
        (Kind::Ip, "ip_192.168.17.4".to_owned(), vec!["192.168.17.4"]),
        (Kind::TaxId, "steuer_id_65929970489".to_owned(), vec!["65929970489"]),
        (Kind::Plate, "erste Zeile\nKennzeichen_K-AB 1234".to_owned(), vec!["K-AB 1234"]),
        (Kind::Name, "Vermerk_Frau_Erika_Müller_final.odt".to_owned(), vec!["Erika_Müller"]),
        (Kind::Name, "max_tokens_per_minute = get_or_insert(user_id)".to_owned(), vec![]),
    ] {
        assert_eq!(found(&text, kind), wanted, "{text:?}");
    }
}

/// Each took minutes where the work grew with the square of a text.
#[test]
fn long_words_cost_no_more_than_long_texts() {
    for text in [
        "at-".repeat(100_000),
        format!("\nA{}ung 5\n", "a".repeat(250_000)),
        "a_".repeat(100_000),
        "IBAN".repeat(50_000),
    ] {
        assert_eq!(found(&text, Kind::Address), [""; 0]);
    }
}
