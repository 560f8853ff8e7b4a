//! German legal and numbered structure, recognised by the words of a line alone.
//!
//! Knows no fonts and no pages. Only what stands at the start of a line is judged.

/// Kinds of structural headings, in their usual order from outermost to innermost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Division {
    /// "Anlage 1", "Anhang 2": beside everything else.
    Annex,
    /// "Buch 1", "Erstes Buch".
    Book,
    /// "Teil 1", "Erster Teil".
    Part,
    /// "Abschnitt 5", "Fünfter Abschnitt".
    Chapter,
    /// "Unterabschnitt 2".
    Subchapter,
    /// "Titel 2".
    Title,
    /// "Untertitel 1".
    Subtitle,
    /// "Kapitel 1": above or below sections and titles, as the document has it.
    Kapitel,
    /// "Unterkapitel 1".
    Unterkapitel,
    /// "Artikel 3".
    Article,
    /// "§ 195", "§§ 3 bis 6".
    Section,
}

const NOUNS: [(&str, Division); 11] = [
    ("buch", Division::Book),
    ("teil", Division::Part),
    ("hauptteil", Division::Part),
    ("abschnitt", Division::Chapter),
    ("hauptabschnitt", Division::Chapter),
    ("unterabschnitt", Division::Subchapter),
    ("titel", Division::Title),
    ("untertitel", Division::Subtitle),
    ("kapitel", Division::Kapitel),
    ("unterkapitel", Division::Unterkapitel),
    ("artikel", Division::Article),
];

const ORDINALS: [&str; 20] = [
    "erste",
    "zweite",
    "dritte",
    "vierte",
    "fünfte",
    "sechste",
    "siebte",
    "siebente",
    "achte",
    "neunte",
    "zehnte",
    "elfte",
    "zwölfte",
    "dreizehnte",
    "vierzehnte",
    "fünfzehnte",
    "sechzehnte",
    "siebzehnte",
    "achtzehnte",
    "neunzehnte",
];

/// Words after a number that show a sentence or a reference instead of a heading.
const CONTINUATIONS: [&str; 26] = [
    "abs", "absatz", "absätze", "satz", "sätze", "nr", "nummer", "nummern", "des", "der", "und",
    "oder", "bis", "in", "dieses", "dieser", "gilt", "gelten", "ist", "sind", "wird", "werden",
    "findet", "finden", "bleibt", "sowie",
];

/// The division that a heading names, judged by its first words.
pub(crate) fn division_of(heading: &str) -> Option<Division> {
    let heading = without_placeholder(heading);
    if heading.starts_with('§') {
        let number = heading.trim_start_matches('§').trim_start();
        return number.starts_with(|c: char| c.is_ascii_digit()).then_some(Division::Section);
    }
    let mut words = heading.split_whitespace();
    let number = words.next()?;
    let first = number.to_lowercase();
    let second = words.next().unwrap_or_default();
    if matches!(first.as_str(), "anlage" | "anhang" | "anlagen") {
        let bare = second.is_empty() || is_number(second) || second.starts_with('(');
        return bare.then_some(Division::Annex);
    }
    if matches!(first.as_str(), "art" | "art.") {
        return is_number(second).then_some(Division::Article);
    }
    if let Some(division) = noun(&first) {
        return is_number(second).then_some(division);
    }
    if is_ordinal(&first) || is_number(number) && number.ends_with('.') {
        return noun(&second.to_lowercase());
    }
    None
}

/// True if the line, standing alone, is surely a heading of the legal kind.
pub(crate) fn is_heading_line(line: &str) -> bool {
    let Some(division) = division_of(line) else {
        return matches!(
            line,
            "Inhaltsverzeichnis"
                | "Inhaltsübersicht"
                | "Eingangsformel"
                | "Schlussformel"
                | "Schlußformel"
                | "Präambel"
        );
    };
    if line.ends_with([',', ';', ':']) {
        return false;
    }
    let line = without_placeholder(line);
    // A full stop at the end belongs to a heading only behind a bare number: "§ 5."
    if line.ends_with('.') && line.split_whitespace().count() > 2 {
        return false;
    }
    let rest = after_number(line, division);
    let word = rest.split_whitespace().next().unwrap_or_default().trim_end_matches(['.', ',', ')']);
    let range = division == Division::Section && line.starts_with("§§");
    if range && matches!(word, "bis" | "und") {
        return line.contains('(') || line.split_whitespace().count() <= 4;
    }
    // Headings go on with a noun or a bracket, references with a small word.
    !CONTINUATIONS.contains(&word.to_lowercase().as_str())
        && !word.starts_with(char::is_lowercase)
        && !rest.starts_with([',', ';'])
}

/// What stands behind the number of a structural heading.
fn after_number(line: &str, division: Division) -> &str {
    let skip = match division {
        Division::Section => {
            let behind = line.trim_start_matches('§').trim_start();
            let end = behind.find(|c: char| !(c.is_ascii_alphanumeric())).unwrap_or(behind.len());
            let rest = behind[end..].trim_start();
            // "§ 5 a" has its letter apart.
            return match rest.split_once(' ') {
                Some((letter, tail)) if is_single_small_letter(letter) => tail,
                _ => rest,
            };
        }
        Division::Annex if line.split_whitespace().count() < 2 => 1,
        _ => 2,
    };
    let mut rest = line;
    for _ in 0..skip {
        rest =
            rest.trim_start().find(char::is_whitespace).map_or("", |at| &rest.trim_start()[at..]);
    }
    rest.trim_start().trim_start_matches(['-', '–', '—', ':', '.']).trim_start()
}

fn is_single_small_letter(word: &str) -> bool {
    let mut letters = word.chars();
    letters.next().is_some_and(|c| c.is_ascii_lowercase()) && letters.next().is_none()
}

/// Some collections mark repealed provisions with "(XXXX)".
fn without_placeholder(heading: &str) -> &str {
    let heading = heading.trim();
    heading.strip_prefix("(XXXX)").map_or(heading, str::trim_start)
}

fn noun(word: &str) -> Option<Division> {
    let word = word.trim_end_matches([':', '.', ',']);
    NOUNS.iter().find(|(noun, _)| *noun == word).map(|(_, division)| *division)
}

fn is_ordinal(word: &str) -> bool {
    let stem = word.trim_end_matches(['r', 's', 'n']);
    ORDINALS.contains(&stem)
}

/// Arabic ("5", "5a", "5.") or Roman ("IV") number, or a single capital ("Teil A").
fn is_number(word: &str) -> bool {
    let word = word.trim_end_matches([':', '.', ',', ';', ')']);
    let digits = word.trim_end_matches(|c: char| c.is_ascii_lowercase());
    let arabic = !digits.is_empty()
        && word.len() - digits.len() <= 2
        && digits.chars().all(|c| c.is_ascii_digit())
        && digits.len() <= 4;
    let roman = !word.is_empty() && word.len() <= 7 && word.chars().all(|c| "IVXLC".contains(c));
    let letter = word.len() == 1 && word.chars().all(|c| c.is_ascii_uppercase());
    arabic || roman || letter
}

/// Depth of a decimal number at the start of a heading: 1 for "1 Foo" or "1. Foo", 3 for "1.2.3 Foo".
pub(crate) fn decimal_depth(heading: &str) -> Option<usize> {
    let (number, rest) = heading.split_once(' ')?;
    let parts: Vec<&str> = number.trim_end_matches('.').split('.').collect();
    let numeric = parts.iter().all(|part| {
        !part.is_empty() && part.len() <= 3 && part.chars().all(|c| c.is_ascii_digit())
    });
    (numeric && parts.len() <= 6 && rest.starts_with(char::is_alphabetic)).then_some(parts.len())
}

const MONTHS: [&str; 13] = [
    "Januar",
    "Jänner",
    "Februar",
    "März",
    "April",
    "Mai",
    "Juni",
    "Juli",
    "August",
    "September",
    "Oktober",
    "November",
    "Dezember",
];

/// The mark of a list item or paragraph number at the start of a line: "1.", "a)", "(2)", "–", "•".
pub(crate) fn list_mark(line: &str) -> Option<&str> {
    let (mark, rest) = line.split_once(char::is_whitespace)?;
    let next = rest.split_whitespace().next()?;
    if MONTHS.contains(&next.trim_end_matches([',', '.'])) {
        // The day of a date.
        return None;
    }
    let bullet = matches!(
        mark,
        "-" | "–"
            | "—"
            | "*"
            | "•"
            | "·"
            | "▪"
            | "■"
            | "●"
            | "○"
            | "◦"
            | "‣"
            | "►"
            | "➢"
            | "✓"
            | ""
    );
    (bullet || is_counter(mark)).then_some(mark)
}

/// "1.", "12a.", "1)", "a)", "aa)", "(1)", "(1a)", "IV."
fn is_counter(mark: &str) -> bool {
    let bracketed = mark.starts_with('(');
    let Some(body) = mark.trim_start_matches('(').strip_suffix(['.', ')']) else {
        return false;
    };
    let closed_by_stop = mark.ends_with('.');
    if bracketed && closed_by_stop {
        return false;
    }
    let digits = body.trim_end_matches(|c: char| c.is_ascii_lowercase());
    let number = !digits.is_empty()
        && digits.len() <= 3
        && digits.chars().all(|c| c.is_ascii_digit())
        && body.len() - digits.len() <= 2;
    let letters = !closed_by_stop
        && !body.is_empty()
        && body.len() <= 3
        && body.chars().all(|c| c.is_ascii_lowercase());
    let capital = closed_by_stop
        && body.len() <= 4
        && !body.is_empty()
        && (body.chars().all(|c| "IVX".contains(c)));
    number || letters || capital
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recognises_headings() {
        for line in [
            "§ 195 Regelmäßige Verjährungsfrist",
            "§ 5a Grundsatz",
            "§ 5 a Grundsatz",
            "§ 10 (weggefallen)",
            "(XXXX) §§ 3 bis 6 (weggefallen)",
            "Buch 1 - Allgemeiner Teil",
            "Abschnitt 5 Verjährung",
            "Erster Abschnitt",
            "Zweites Buch. Recht der Schuldverhältnisse",
            "3. Abschnitt Verfahren",
            "Artikel 3",
            "Art 12 Berufsfreiheit",
            "Anlage 1 (zu § 3)",
            "Teil A Allgemeines",
            "II. Abschnitt",
        ] {
            assert!(is_heading_line(line), "{line}");
        }
    }

    #[test]
    fn leaves_sentences_alone() {
        for line in [
            "§ 195 Absatz 2 gilt entsprechend.",
            "§ 5 gilt nicht für Verträge.",
            "§ 7 Abs. 1 Satz 2 bleibt unberührt",
            "Artikel 3 des Gesetzes vom 1. Mai",
            "Teil der Vereinbarung ist auch",
            "Anlage und Betrieb",
            "Buch führen muss, wer",
            "§§ 3 bis 6 des Gesetzes sind anzuwenden, wenn der",
            "§ 3,",
            "1. Januar",
        ] {
            assert!(!is_heading_line(line), "{line}");
        }
    }

    #[test]
    fn finds_list_marks() {
        for line in ["1. Foo", "a) Foo", "(1) Foo", "(2a) Foo", "– Foo", "aa) Foo", "IV. Foo"] {
            assert!(list_mark(line).is_some(), "{line}");
        }
        for line in
            ["1.", "Foo bar", "z.B. Foo", "2021 war", "(siehe) Foo", "Nr. 5", "1. Januar 2027"]
        {
            assert!(list_mark(line).is_none(), "{line}");
        }
        assert_eq!(decimal_depth("1.2.3 Foo"), Some(3));
        assert_eq!(decimal_depth("2 Foo"), Some(1));
        assert_eq!(decimal_depth("1.2.3 4"), None);
    }
}
