//! What an answer quotes goes with the document it is quoted from: words, headings and name. The
//! answer keeps its own words and the numbers of its citations.

use std::{
    cmp::Reverse,
    collections::{BTreeSet, HashSet},
};

use domain::DocumentId;

use crate::{
    Citation, Error,
    conversations::fold,
    database::{Tx, composed, placeholders},
    engine,
    values::{Json, get, params},
};

/// What stands in an answer for words that were taken out.
pub const OMITTED: &str = "[…]";
/// Ids in one statement.
const IDS_PER_STATEMENT: usize = 500;
/// A quote of fewer words may be anybody's words: it goes only where nothing else
/// is said between the beginning of a line or item, marks of citations and the end of the line.
const QUOTE_WORDS_MIN: usize = 3;
/// A sentence of a quote, by itself, goes from so many words on.
const SENTENCE_WORDS_MIN: usize = 5;
/// A dot does not always end a sentence ("Abs. 2 Nr. 1"): so many pieces in a row are tried as one.
const PIECES_MAX: usize = 4;

/// Takes everything out of an answer that comes from documents that `is_gone` says are: the quotes
/// of its citations and the sentences of these, in the list and wherever they stand word for word in
/// the text, and the headings above them. Doing it again changes nothing. Returns whether anything
/// was changed.
pub fn conceal(
    text: &mut String,
    citations: &mut [Citation],
    is_gone: impl Fn(DocumentId) -> bool,
) -> bool {
    let is_due = |citation: &Citation| !citation.concealed && is_gone(citation.document);
    let kept: HashSet<String> = citations
        .iter()
        .filter(|citation| !is_due(citation))
        .flat_map(|citation| headings(&citation.heading))
        .collect();
    let (mut quotes, mut titles) = (BTreeSet::new(), HashSet::new());
    for citation in citations.iter().filter(|citation| is_due(citation)) {
        // The longest first: one quote may be a part of another.
        quotes.extend(quoted(&citation.quote).map(|words| (Reverse(words.len()), words)));
        let gone = headings(&citation.heading).into_iter().filter(|one| !kept.contains(one));
        titles.extend(gone.map(|heading| format!("**{heading}**")));
    }
    for (_, words) in &quotes {
        *text = without(text, words);
    }
    if !titles.is_empty() {
        let title = format!("**{OMITTED}**");
        *text = by_statement(text, |said| titles.contains(said).then_some(title.as_str()));
    }
    let mut changed = false;
    for citation in citations.iter_mut().filter(|citation| is_due(citation)) {
        changed = true;
        citation.concealed = true;
        citation.document_name.clear();
        citation.heading.clear();
        citation.quote.clear();
        (citation.page, citation.start, citation.end) = (None, 0, 0);
    }
    changed
}

/// What of a quote may stand in an answer word for word: the whole, and its longer sentences.
fn quoted(quote: &str) -> impl Iterator<Item = String> {
    let mut pieces: Vec<Vec<&str>> = vec![vec![]];
    for line in quote.lines() {
        for word in line.split_whitespace() {
            pieces.last_mut().into_iter().for_each(|piece| piece.push(word));
            if word.trim_end_matches(['"', '“', '”', '»', '«', ')']).ends_with(['.', '!', '?'])
            {
                pieces.push(vec![]);
            }
        }
        pieces.push(vec![]);
    }
    pieces.retain(|piece| !piece.is_empty());
    let mut found = vec![pieces.concat()];
    for count in 1..=PIECES_MAX.min(pieces.len()) {
        let sentences = pieces.windows(count).map(<[_]>::concat);
        found.extend(sentences.filter(|words| words.len() >= SENTENCE_WORDS_MIN));
    }
    found.into_iter().filter(|words| !words.is_empty()).map(|words| words.join(" "))
}

/// The text without these words, wherever they stand as a whole. White space of any kind and length
/// separates words.
fn without(text: &str, words: &str) -> String {
    let list: Vec<&str> = words.split(' ').collect();
    if list.len() < QUOTE_WORDS_MIN {
        return by_statement(text, |said| (said == words).then_some(OMITTED));
    }
    let (mut out, mut done) = (String::with_capacity(text.len()), 0);
    for (start, _) in text.match_indices(list[0]) {
        if start < done {
            continue;
        }
        let end = end_of(&text[start..], &list).map(|length| start + length);
        if let Some(end) = end.filter(|end| stands_alone(text, start, *end)) {
            out.push_str(&text[done..start]);
            out.push_str(OMITTED);
            done = end;
        }
    }
    out.push_str(&text[done..]);
    out
}

/// Where the words end, if the text begins with them.
fn end_of(text: &str, words: &[&str]) -> Option<usize> {
    let mut rest = text.strip_prefix(*words.first()?)?;
    for word in &words[1..] {
        let next = rest.trim_start();
        if next.len() == rest.len() {
            return None;
        }
        rest = next.strip_prefix(word)?;
    }
    Some(text.len() - rest.len())
}

/// Says whether the words between two places break up neither a word nor the mark of a citation.
fn stands_alone(text: &str, start: usize, end: usize) -> bool {
    let (before, words, after) = (&text[..start], &text[start..end], &text[end..]);
    let is_digit = |one: char| one.is_ascii_digit();
    let breaks_mark = before.ends_with('[') && words.trim_start_matches(is_digit).starts_with(']')
        || words.trim_end_matches(is_digit).ends_with('[') && after.starts_with(']');
    let joins = |outer: Option<char>, inner: Option<char>| {
        outer.is_some_and(char::is_alphanumeric) && inner.is_some_and(char::is_alphanumeric)
    };
    !breaks_mark
        && !joins(before.chars().next_back(), words.chars().next())
        && !joins(after.chars().next(), words.chars().next_back())
}

/// Replaces what stands between the beginning of a line or item, marks of citations and the end of
/// the line.
fn by_statement<'a>(text: &str, replaced: impl Fn(&str) -> Option<&'a str>) -> String {
    let mut out = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let words = line.trim_start();
        let item = words.strip_prefix(['-', '*']).filter(|rest| rest.starts_with(' '));
        let mut rest = item.unwrap_or(words);
        out.push_str(&line[..line.len() - rest.len()]);
        while !rest.is_empty() {
            let (start, end) = mark(rest).unwrap_or((rest.len(), rest.len()));
            let said = rest[..start].trim();
            let before = start - rest[..start].trim_start().len();
            out.push_str(&rest[..before]);
            out.push_str(replaced(said).unwrap_or(said));
            out.push_str(&rest[before + said.len()..end]);
            rest = &rest[end..];
        }
    }
    out
}

/// Where the first mark of a citation begins and ends.
fn mark(text: &str) -> Option<(usize, usize)> {
    text.match_indices('[').find_map(|(start, _)| {
        let digits = text[start + 1..].bytes().take_while(u8::is_ascii_digit).count();
        let end = start + 1 + digits;
        (digits > 0 && text[end..].starts_with(']')).then_some((start, end + 1))
    })
}

/// A heading path and each of its beginnings, as the built-in engine writes them above quotes.
fn headings(path: &str) -> Vec<String> {
    let ends = path.match_indices(" › ").map(|(end, _)| end).chain([path.len()]);
    let one_line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    ends.map(|end| one_line(&path[..end]).replace('*', "")).filter(|one| !one.is_empty()).collect()
}

/// Takes the words of these documents out of all answers that quote them.
pub(crate) async fn forget(tx: &mut Tx, documents: &[DocumentId]) -> Result<(), Error> {
    let gone: HashSet<DocumentId> = documents.iter().copied().collect();
    for some in documents.chunks(IDS_PER_STATEMENT) {
        let mut list = params![];
        some.iter().for_each(|id| list.add(*id));
        let sql = format!(
            "SELECT DISTINCT m.id, m.text, m.citations FROM message_source s \
             JOIN message m ON m.id = s.message_id WHERE s.document_id IN ({})",
            placeholders(1, some.len())
        );
        for row in tx.fetch(composed(sql), list).await? {
            let (id, mut text): (String, String) = (get(&row, "id")?, get(&row, "text")?);
            let Json(mut citations): Json<Vec<Citation>> = get(&row, "citations")?;
            if conceal(&mut text, &mut citations, |id| gone.contains(&id)) {
                let sql = "UPDATE message SET text = $2, text_folded = $3, citations = $4 \
                           WHERE id = $1";
                let folded = fold(&text);
                tx.execute(sql, params![id, text, folded, Json(&citations)]).await?;
            }
        }
    }
    Ok(())
}

/// Remembers which documents an answer quotes.
pub(crate) async fn remember(
    tx: &mut Tx,
    message: &str,
    citations: &[Citation],
) -> Result<(), Error> {
    tx.execute("DELETE FROM message_source WHERE message_id = $1", params![message]).await?;
    let documents: BTreeSet<DocumentId> = citations.iter().map(|one| one.document).collect();
    for document in documents {
        let sql = "INSERT INTO message_source (message_id, document_id) VALUES ($1, $2)";
        tx.execute(sql, params![message, document]).await?;
    }
    Ok(())
}

/// Says which of the cited documents are there, and keeps them until the transaction has ended: who
/// deletes one meanwhile waits, and then finds the answer among those that quote it.
pub(crate) async fn present(
    tx: &mut Tx,
    citations: &[Citation],
) -> Result<HashSet<DocumentId>, Error> {
    let documents: BTreeSet<DocumentId> = citations.iter().map(|one| one.document).collect();
    let mut list = params![];
    documents.iter().for_each(|id| list.add(*id));
    // In one order everywhere, so that no two transactions wait for each other.
    let sql = format!(
        "SELECT id FROM document WHERE id IN ({}) ORDER BY id{}",
        placeholders(1, documents.len()),
        engine::keeping_rows(tx.engine())
    );
    tx.fetch(composed(sql), list).await?.iter().map(|row| get(row, "id")).collect()
}

#[cfg(test)]
mod tests {
    use domain::PassageId;
    use proptest::{prelude::*, sample::select};

    use super::*;

    fn citation(number: u32, document: DocumentId, heading: &str, quote: &str) -> Citation {
        Citation {
            number,
            document,
            document_name: "Satzung.pdf".to_owned(),
            passage: PassageId::derive(document, quote, 0),
            page: Some(3),
            heading: heading.to_owned(),
            quote: quote.to_owned(),
            start: 0,
            end: 9,
            concealed: false,
        }
    }

    #[test]
    fn quotes_and_headings_go_and_everything_else_stays() {
        let (gone, kept) = (DocumentId::new(), DocumentId::new());
        let mut text = "Auszüge:\n\n**Teil 1 › § 1**\n\n- Die Frist beträgt drei Monate. [1]\n\n\
                        **Teil 2**\n\n- Die Frist. [1]\n- Der Preis steigt. [2]"
            .to_owned();
        let mut citations = vec![
            citation(1, gone, "Teil 1 › § 1", "Die Frist\nbeträgt drei Monate."),
            citation(1, gone, "Teil 2 › § 9", "Die Frist."),
            citation(2, kept, "Teil 2 › § 8", "Der Preis steigt."),
        ];
        assert!(conceal(&mut text, &mut citations, |id| id == gone));
        assert_eq!(
            text,
            "Auszüge:\n\n**[…]**\n\n- […] [1]\n\n**Teil 2**\n\n- […] [1]\n- Der Preis steigt. [2]"
        );
        assert!(citations[0].concealed && citations[1].concealed && !citations[2].concealed);
        assert_eq!((citations[0].quote.as_str(), citations[0].document_name.as_str()), ("", ""));
        assert_eq!(citations[2].quote, "Der Preis steigt.");
        let before = (text.clone(), citations.clone());
        assert!(!conceal(&mut text, &mut citations, |id| id == gone), "once is enough");
        assert_eq!((text, citations), before);
    }

    /// The text after the document of these quotes has gone.
    fn concealed(text: &str, quotes: &[&str]) -> String {
        let gone = DocumentId::new();
        let mut citations: Vec<_> =
            quotes.iter().map(|quote| citation(1, gone, "Anlage", quote)).collect();
        let mut text = text.to_owned();
        conceal(&mut text, &mut citations, |_| true);
        text
    }

    #[test]
    fn words_and_marks_stay_whole() {
        let same = [
            ("Das Anlagenverzeichnis und die Anlage gelten. [1]", "Anlage"),
            ("Es sind 3 Monate. [3]", "3"),
            ("Die **Anlage** gilt. [1]", "zwei Worte"),
            ("Die Anlage ist großzügig bemessen. [1]", "Anlage ist groß"),
            ("Siehe [1] und dann. [2]", "1] und dann."),
            ("Wie [2] sagt [1]", "sagt wie [1"),
        ];
        for (text, quote) in same {
            assert_eq!(concealed(text, &[quote]), text, "{quote}");
        }
        let gone = [
            (
                "- Anlage [1]\n- 3 [2][3]\nEnde",
                &["Anlage", "3"][..],
                "- […] [1]\n- […] [2][3]\nEnde",
            ),
            ("Anlage [1] Anlage 2. [2]", &["Anlage"], "[…] [1] Anlage 2. [2]"),
            ("(Die Frist\n läuft ab.)[1]", &["Die Frist läuft ab."], "([…])[1]"),
            ("Er sagt „Die Frist läuft“.", &["Die Frist läuft"], "Er sagt „[…]“."),
        ];
        for (text, quotes, expected) in gone {
            assert_eq!(concealed(text, quotes), expected);
        }
    }

    #[test]
    fn a_sentence_of_a_passage_goes_and_a_phrase_stays() {
        let passage = "Nach § 3 Abs. 2 Nr. 1 endet die Frist. Sie beginnt mit dem Tag des Zugangs. \
                       Kurz gesagt: nein.";
        let text = "Nach § 3 Abs. 2 Nr. 1 endet die Frist. Laut Satzung gilt: Sie beginnt mit dem \
                    Tag des Zugangs. [1] Sie beginnt mit dem Tag, sagt man. Kurz gesagt: nein.";
        let left = "[…] Laut Satzung gilt: […] [1] Sie beginnt mit dem Tag, sagt man. Kurz gesagt: \
                    nein.";
        assert_eq!(concealed(text, &[passage]), left);
    }

    /// Words of the answer: some are in the quotes, some contain them, none is a marker of a quote.
    fn own_words() -> impl Strategy<Value = String> {
        let word = select(
            &[
                "Anlage",
                "Anlagen",
                "Anlagenverzeichnis",
                "die",
                "dieser",
                "3",
                "13",
                "gilt",
                "gilt.",
                "„gilt“",
                "…",
                "**Anlage**",
                "-",
            ][..],
        );
        // More than two: a statement of one or two words may well be a quote.
        prop::collection::vec(word, 3..8).prop_map(|words| format!("Wir {} [3]", words.join(" ")))
    }

    fn quotes() -> impl Strategy<Value = Vec<String>> {
        let word = select(&["Anlage", "die", "3", "gilt", "[3]"][..]);
        let long = prop::collection::vec(word.clone(), 2..9)
            .prop_map(|words| format!("Satzung {} Satzungsende", words.join(" ")));
        let short = prop::collection::vec(word, 1..3).prop_map(|words| words.join(" "));
        prop::collection::vec(prop_oneof![long, short], 1..5)
    }

    proptest! {
        /// What is no quote never changes, and what is one goes.
        #[test]
        fn own_words_never_change(
            own in prop::collection::vec(own_words(), 1..6),
            quotes in quotes(),
            separator in select(&[" ", "\n", "\n\n"][..]),
        ) {
            let mut parts: Vec<String> = vec![];
            let mut expected: Vec<String> = vec![];
            let mut long = quotes.iter().filter(|quote| quote.starts_with("Satzung")).cycle();
            for words in own {
                parts.push(words.clone());
                expected.push(words);
                if let Some(quote) = long.next() {
                    parts.push(quote.clone());
                    expected.push(OMITTED.to_owned());
                }
            }
            let quotes: Vec<&str> = quotes.iter().map(String::as_str).collect();
            let left = concealed(&parts.join(separator), &quotes);
            prop_assert_eq!(left, expected.join(separator));
        }

        #[test]
        fn any_text_and_any_quote(text in ".{0,80}", quote in ".{0,20}") {
            let once = concealed(&text, &[&quote]);
            prop_assert!(once.len() <= text.len() + 3 * text.chars().count() + OMITTED.len());
        }
    }
}
