//! What German words are reduced to and taken apart into.

use std::fmt::Write;

use proptest::prelude::*;
use text::{Analyser, is_stop_word, terms};

/// Shows terms as "stem" or "stem (further, readings)".
fn shown(text: &str) -> String {
    let mut out = String::new();
    for term in terms(text) {
        match (term.part, out.is_empty()) {
            (true, _) => write!(out, " +{}", term.text).unwrap(),
            (false, true) => write!(out, "{}", term.text).unwrap(),
            (false, false) => write!(out, " {}", term.text).unwrap(),
        }
    }
    out
}

fn check(table: &[(&str, &str)]) {
    let wrong: Vec<String> = table
        .iter()
        .filter(|(text, expected)| shown(text) != *expected)
        .map(|(text, expected)| format!("{text}: {} instead of {expected}", shown(text)))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn spellings_of_a_word_meet() {
    for group in [
        vec!["Müller", "Mueller", "MÜLLER", "müller", "Mu\u{308}ller"],
        vec!["Straße", "Strasse", "STRASSE", "Straßen", "Strassen"],
        vec!["Bürger", "Buerger", "Bürgern", "Bürgers"],
        vec!["Häuser", "Haeuser", "Haus", "Hauses", "Häusern"],
        vec!["Gericht", "Gerichte", "Gerichts", "Gerichten", "Gerichtes"],
        vec!["Behörde", "Behoerde", "Behörden"],
        vec!["Kündigung", "Kuendigung", "Kündigungen"],
        vec!["Maßnahme", "Massnahme", "Maßnahmen"],
        vec!["Quelle", "Quellen"],
        vec!["neue", "neuer", "neuen", "neues"],
        vec!["Steuer", "Steuern"],
        vec!["Bauer", "Bauern"],
        vec!["aktuell", "aktuelle", "aktueller"],
        vec!["Statue", "Statuen"],
        vec!["Öl", "Oel", "OEL"],
        vec!["Café", "Cafe", "CAFÉ"],
        vec!["GmbH", "GMBH", "gmbh"],
        vec!["LKW", "LKWs"],
        vec!["1.000", "1000"],
        vec!["05", "5"],
        vec!["Gandhi", "Gandhis", "Gandhi's", "Gandhi’s"],
        vec!["Ver\u{ad}waltung", "Verwaltung", "Verwaltungen"],
    ] {
        let stems: Vec<String> = group.iter().map(|word| terms(word)[0].text.clone()).collect();
        assert!(stems.iter().all(|stem| *stem == stems[0]), "{group:?} became {stems:?}");
    }
}

#[test]
fn different_words_stay_apart() {
    for (one, other) in [
        ("Quelle", "Quote"),
        ("Steuer", "Stier"),
        ("neu", "neun"),
        ("Recht", "Rechnung"),
        ("86a", "86b"),
        ("§ 195", "§ 196"),
        ("Bund", "Bunt"),
        ("1.000", "1,000"),
        ("Antrag", "Auftrag"),
        ("Kauf", "Kaufhaus"),
        ("Mieter", "Vermieter"),
        ("2010", "2011"),
    ] {
        assert_ne!(terms(one)[0].text, terms(other)[0].text, "{one} and {other}");
        assert_ne!(shown(one), shown(other));
    }
}

#[test]
fn compounds_fall_into_their_parts() {
    check(&[
        ("Gerichtskostenvorschuss", "gerichtskostenvorschuss +gericht +kost +vorschuss"),
        ("Verwaltungsverfahrensgesetz", "verwaltungsverfahrensgesetz +verwalt +verfahr +gesetz"),
        ("Bundesregierung", "bundesregier +bund +regier"),
        ("Widerspruchsbescheid", "widerspruchsbescheid +widerspruch +bescheid"),
        ("Straßenverkehrsordnung", "strassenverkehrsordn +strass +verkehr +ordnung"),
        ("Kündigungsschutzklage", "kundigungsschutzklag +kundig +schutz +klag"),
        ("Häuserkampf", "hauserkampf +haus +kampf"),
        ("Grenzabstand", "grenzabstand +grenz +abstand"),
        ("Schulpflicht", "schulpflicht +schul +pflicht"),
        ("Hundesteuer", "hundesteu +hund +steu"),
        ("Apfelbaum", "apfelbaum +apfel +baum"),
        ("Regenwald", "regenwald +reg +wald"),
        ("Dampfmaschine", "dampfmaschin +dampf +maschin"),
        ("Einwohnermeldeamt", "einwohnermeldeamt +einwohn +meld +amt"),
        ("Personalausweis", "personalausweis +personal +ausweis"),
        ("Baugenehmigung", "baugenehm +bau +genehm"),
        ("Mietvertrag", "mietvertrag +miet +vertrag"),
        ("Lebensversicherung", "lebensversicher +leb +versicher"),
        ("Sauerstoffversorgung", "sauerstoffversorg +sauerstoff +versorg"),
        ("Staatsangehörigkeit", "staatsangehor +staat +angehor"),
        ("verwaltungsrechtlich", "verwaltungsrecht +verwalt +rechtlich"),
        ("kostenpflichtig", "kostenpflicht +kost +pflichtig"),
        ("Grundstückseigentümer", "grundstuckseigentum +grundstuck +eigentum"),
        ("Arbeitgeberverband", "arbeitgeberverband +arbeitgeb +verband"),
        ("Gewerbesteuermessbescheid", "gewerbesteuermessbescheid +gewerb +steu +mess +bescheid"),
        ("Universitätsbibliothek", "universitatsbibliothek +universitat +bibliothek"),
        ("Plutoniumbombe", "plutoniumbomb +plutonium +bomb"),
        ("Ludwigshafen", "ludwigshaf +ludwig +haf"),
        (
            "Donaudampfschifffahrtsgesellschaft",
            "donaudampfschifffahrtsgesellschaft +donau +dampf +schiff +fahrt +gesellschaft",
        ),
        ("Buergergeldantrag", "burgergeldantrag +burgergeld +antrag"),
    ]);
}

#[test]
fn what_is_one_word_stays_whole() {
    for word in [
        "Abteilung",
        "Verwaltung",
        "Handlung",
        "Behandlung",
        "Verhandlung",
        "Interesse",
        "Minister",
        "Präsident",
        "Personen",
        "Reisende",
        "Ostern",
        "Hamburg",
        "Regierung",
        "Information",
        "Gesellschafter",
        "Partnerschaft",
        "Unternehmen",
        "Computer",
        "überprüfen",
        "Zuständigkeit",
        "Verteidigung",
        "Westminster",
        "Interception",
        "Carolina",
        "Versicherungen",
        "Wirtschaft",
        "Verwandtschaft",
        "Gefängnis",
        "Programme",
        "Vorstand",
        "wissenschaftlich",
        "Angestellte",
        "understanding",
        "government",
        "championship",
    ] {
        let found = terms(word);
        assert_eq!(found.len(), 1, "{word} became {}", shown(word));
    }
}

#[test]
fn a_part_meets_the_word_it_is() {
    for (compound, words) in [
        ("Gerichtskostenvorschuss", ["Gerichte", "Kosten", "Vorschüsse"].as_slice()),
        ("Einkommensteuerbescheid", &["Einkommensteuer", "Bescheide"]),
        ("Länderfinanzausgleich", &["Land", "Finanz", "Ausgleich"]),
        ("Kinderbetreuung", &["Kind", "Betreuung"]),
        ("Wohnungseigentümergemeinschaft", &["Wohnung", "Eigentümer", "Gemeinschaften"]),
        ("Jahresabschlussprüfung", &["Jahre", "Abschluss", "Prüfungen"]),
    ] {
        let parts: Vec<String> =
            terms(compound).into_iter().filter(|term| term.part).map(|term| term.text).collect();
        for word in words {
            assert!(parts.contains(&terms(word)[0].text), "{word} is not among {parts:?}");
        }
    }
}

#[test]
fn numbers_references_and_seams() {
    check(&[
        ("§ 195 BGB", "195 +§195 bgb"),
        ("§§ 111 und 112 BetrVG", "111 +§111 und 112 +§112 betrvg"),
        ("Paragraph 86b", "paragraph 86b +§86b"),
        ("Art. 5 Abs. 1 Nr. 3", "art 5 +art5 abs 1 +abs1 nr 3 +nr3"),
        ("Artikel 20a GG", "artikel 20a +art20a gg"),
        ("12,25 Euro am 31.01.2011", "12,25 euro am 31 1 2011"),
        ("1.000.000 Menschen", "1000000 mensch"),
        ("TenorAuf die Berufung", "tenor auf +tenorauf die beruf"),
        ("Tatbestand1Mit", "tatbestand 1 mit +tatbestand1mit"),
        ("tragen.Die Revision", "trag die revision"),
        ("E-Mail-Adresse", "e mail adress +emailadress"),
        ("COVID-19", "covid 19 +covid19"),
        ("Ein- und Ausfuhr", "ein und ausfuhr"),
        ("A4 H2O 5G", "a4 h2o 5g"),
        ("„Treu“ (und) Glauben!", "treu und glaub"),
        ("§ % ! – …", ""),
        ("", ""),
    ]);
}

#[test]
fn stop_words_are_known_as_they_are_written() {
    for word in ["der", "Die", "FÜR", "fuer", "welche", "Wann", "können", "koennen", "the"] {
        assert!(is_stop_word(word), "{word}");
    }
    for word in ["Ehe", "Weg", "Seite", "Fall", "Wille", "Recht", "not", "Ware", "Gericht", ""] {
        assert!(!is_stop_word(word), "{word}");
    }
    let stops: Vec<bool> = terms("seit der Seite").iter().map(|term| term.stop).collect();
    assert_eq!(stops, [true, true, false]);
}

proptest! {
    /// Whoever looks for a word may pass over all that begin otherwise.
    #[test]
    fn a_stem_is_the_beginning_of_its_word(word in "[a-zA-ZäöüßÄÖÜé0-9]{1,24}") {
        let folded = text::fold(&word);
        let stem = text::stem(&folded);
        let is_sure = !folded.contains("ae") && !folded.contains("oe");
        prop_assert!(!is_sure || folded.starts_with(&stem), "{folded} {stem}");
    }

    #[test]
    fn any_text_is_analysed_and_every_term_lies_in_it(text in "\\PC{0,200}") {
        let mut last = 0;
        for term in terms(&text) {
            prop_assert!(term.start < term.end && text.get(term.start..term.end).is_some());
            prop_assert!(!term.text.is_empty() && term.text.chars().count() <= 400);
            prop_assert!(!term.text.contains(char::is_whitespace));
            if !term.part {
                prop_assert!(term.start >= last);
                last = term.end;
            }
        }
    }

    #[test]
    fn german_looking_words_never_break_the_splitter(word in "[A-Za-zäöüßÄÖÜ§0-9.,'-]{0,60}") {
        let found = terms(&word);
        prop_assert!(found.len() <= 200);
    }

    #[test]
    fn remembering_changes_nothing(texts in prop::collection::vec("[a-zäöüß0-9§ -]{0,40}", 0..8)) {
        let mut analyser = Analyser::new();
        for text in &texts {
            let mut found = Vec::new();
            analyser.each(text, &mut |term| found.push(term));
            prop_assert_eq!(found, terms(text));
        }
    }
}
