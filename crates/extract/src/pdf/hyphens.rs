//! Undoes the hyphenation of line ends.

/// Words that follow a hyphen which stands for a left-out part: "Haupt- und Nebenamt".
const JOINERS: [&str; 6] = ["und", "oder", "bzw.", "beziehungsweise", "sowie", "und/oder"];

/// Appends a line to a text whose last line may end in a hyphen.
pub(crate) fn append_line(text: &mut String, line: &str) {
    if text.is_empty() {
        text.push_str(line);
        return;
    }
    match seam(text, line) {
        Seam::Space => text.push(' '),
        Seam::KeepHyphen => {}
        Seam::DropHyphen => {
            text.pop();
        }
    }
    text.push_str(line);
}

/// True if the text ends in a hyphen that is part of a word.
pub(crate) fn ends_in_hyphen(text: &str) -> bool {
    let mut letters = text.chars().rev();
    letters.next().is_some_and(is_hyphen) && letters.next().is_some_and(char::is_alphanumeric)
}

#[derive(Debug, PartialEq)]
enum Seam {
    Space,
    KeepHyphen,
    DropHyphen,
}

fn seam(text: &str, line: &str) -> Seam {
    if text.ends_with('\u{ad}') {
        return Seam::DropHyphen;
    }
    if !ends_in_hyphen(text) {
        // A slash or dash between words is set without spaces: "und/oder", "2010–2015".
        let open = text.ends_with('/') && !text.ends_with(" /");
        return if open { Seam::KeepHyphen } else { Seam::Space };
    }
    let fragment = last_word(text);
    let next = line.split_whitespace().next().unwrap_or_default();
    let Some(first) = next.chars().next() else {
        return Seam::Space;
    };
    let bare = next.trim_end_matches([',', ';']);
    if JOINERS.contains(&bare) {
        return Seam::Space;
    }
    let letters = fragment.chars().filter(|c| c.is_alphabetic()).count();
    let capitals = fragment.chars().filter(|c| c.is_uppercase()).count();
    if first.is_lowercase() {
        let abbreviation = letters >= 2 && capitals == letters;
        let counted = fragment.chars().next_back().is_some_and(|c| c.is_ascii_digit());
        // "EU-" + "weit", "40-" + "jährig" keep theirs, as does a single letter: "E-" + "mail".
        return if abbreviation || counted || letters < 2 {
            Seam::KeepHyphen
        } else {
            Seam::DropHyphen
        };
    }
    let shouted = letters >= 3
        && capitals == letters
        && bare.chars().count() >= 3
        && bare.chars().all(|c| !c.is_lowercase())
        && is_shouted_line(text);
    if shouted && first.is_alphabetic() { Seam::DropHyphen } else { Seam::KeepHyphen }
}

/// True for text set in capitals throughout, where capitals say nothing about nouns.
fn is_shouted_line(text: &str) -> bool {
    let letters = text.chars().filter(|c| c.is_alphabetic()).count();
    let capitals = text.chars().filter(|c| c.is_uppercase()).count();
    letters >= 8 && capitals * 10 >= letters * 9
}

/// The word before the final hyphen, back to the last space or hyphen inside it.
fn last_word(text: &str) -> &str {
    let text = text.trim_end_matches(is_hyphen);
    let start = text
        .rfind(|c: char| c.is_whitespace() || is_hyphen(c) || matches!(c, '(' | '„' | '"' | '/'))
        .map_or(0, |at| at + text[at..].chars().next().map_or(1, char::len_utf8));
    &text[start..]
}

fn is_hyphen(character: char) -> bool {
    matches!(character, '-' | '\u{2010}' | '\u{ad}' | '\u{2011}')
}

#[cfg(test)]
mod tests {
    use super::append_line;

    fn joined(first: &str, second: &str) -> String {
        let mut text = first.to_owned();
        append_line(&mut text, second);
        text
    }

    #[test]
    fn joins_words_and_keeps_real_hyphens() {
        for (first, second, whole) in [
            ("die Verjäh-", "rungsfrist beträgt", "die Verjährungsfrist beträgt"),
            ("die Verjäh\u{2010}", "rungsfrist", "die Verjährungsfrist"),
            ("die Verjäh\u{ad}", "rungsfrist", "die Verjährungsfrist"),
            ("Haupt-", "und Nebenamt", "Haupt- und Nebenamt"),
            ("so-", "wie in Bezug", "sowie in Bezug"),
            ("die Bund-", "Länder-Gruppe", "die Bund-Länder-Gruppe"),
            ("Bund-Länder-", "Arbeitsgruppe", "Bund-Länder-Arbeitsgruppe"),
            ("EU-", "weite Regel", "EU-weite Regel"),
            ("eine 40-", "jährige Frist", "eine 40-jährige Frist"),
            ("COVID-", "19-Gesetz", "COVID-19-Gesetz"),
            ("das ist -", "so heißt es", "das ist - so heißt es"),
            ("BUNDESVERWAL-", "TUNGSGERICHT", "BUNDESVERWALTUNGSGERICHT"),
            ("ein Satz", "geht weiter", "ein Satz geht weiter"),
            ("und/", "oder", "und/oder"),
        ] {
            assert_eq!(joined(first, second), whole);
        }
    }
}
