//! What an answer quotes goes with the document it is quoted from: words, headings and name. The
//! answer keeps its own words and the numbers of its citations.

use std::collections::{BTreeSet, HashSet};

use domain::DocumentId;
use sqlx::AnyConnection;

use crate::{
    Citation, Error,
    conversations::fold,
    database::{Tx, composed, fetch, placeholders},
    values::{Json, get, params},
};

/// What stands in an answer for words that were taken out.
pub const OMITTED: &str = "[…]";
/// Ids in one statement.
const IDS_PER_STATEMENT: usize = 500;

/// Takes everything out of an answer that comes from documents that `is_gone` says are: the quotes
/// of its citations, in the list and wherever they stand word for word in the text, and the headings
/// above them. Doing it again changes nothing. Returns whether anything was changed.
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
    let mut words = BTreeSet::new();
    for citation in citations.iter().filter(|citation| is_due(citation)) {
        // The longest first: one quote may be a part of another.
        let quote = one_line(&citation.quote);
        words.insert((std::cmp::Reverse(quote.len()), quote, OMITTED.to_owned()));
        for heading in headings(&citation.heading).into_iter().filter(|one| !kept.contains(one)) {
            let heading = format!("**{heading}**");
            words.insert((std::cmp::Reverse(heading.len()), heading, format!("**{OMITTED}**")));
        }
    }
    for (_, word, sign) in words.iter().filter(|(_, word, _)| !word.is_empty()) {
        *text = text.replace(word.as_str(), sign);
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

/// A quote as the built-in engine writes it.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A heading path and each of its beginnings, as the built-in engine writes them above quotes.
fn headings(path: &str) -> Vec<String> {
    let ends = path.match_indices(" › ").map(|(end, _)| end).chain([path.len()]);
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

/// Says which of the cited documents are there.
pub(crate) async fn present(
    db: &mut AnyConnection,
    citations: &[Citation],
) -> Result<HashSet<DocumentId>, Error> {
    let documents: BTreeSet<DocumentId> = citations.iter().map(|one| one.document).collect();
    let mut list = params![];
    documents.iter().for_each(|id| list.add(*id));
    let sql = format!("SELECT id FROM document WHERE id IN ({})", placeholders(1, documents.len()));
    fetch(db, composed(sql), list).await?.iter().map(|row| get(row, "id")).collect()
}

#[cfg(test)]
mod tests {
    use domain::PassageId;

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
}
