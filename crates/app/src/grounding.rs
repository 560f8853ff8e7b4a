//! What an answer rests on: finds passages in the named collections and documents, as the principal
//! may read them, and turns the numbers a model cites back into places in documents.

use std::collections::BTreeMap;

use domain::{Action, CollectionId, DataClass, DocumentId, ErrorKind};
use gateway::Taken;
use llm::{Grounding, Source, Task};
use store::{Citation, Document, DocumentState, Passage};

use crate::{App, Error, Principal, Result, carrying::carrying_passages, marks::Marks};

/// Most passages given to a model for an answer.
const ANSWER_SOURCES_MAX: usize = 12;
/// Most characters of passages given to a model, some 8,000 tokens; the rest is left out, the best
/// passages first.
const SOURCE_CHARS_MAX: usize = 32_000;
/// Most passages of documents that are looked through for a summary; beyond: the rest is left out.
const SUMMARY_PASSAGES_MAX: usize = 100_000;

/// Collections and documents that the principal named and may read.
pub(crate) struct Scope {
    collections: Vec<CollectionId>,
    documents: Vec<Document>,
    /// The highest class among them.
    pub(crate) class: DataClass,
}

impl Scope {
    pub(crate) fn is_empty(&self) -> bool {
        self.collections.is_empty() && self.documents.is_empty()
    }

    pub(crate) fn documents(&self) -> &[Document] {
        &self.documents
    }

    fn document_ids(&self) -> Vec<DocumentId> {
        self.documents.iter().map(|document| document.id).collect()
    }
}

/// A passage with the name of its document.
#[derive(Clone)]
pub(crate) struct NamedPassage {
    pub(crate) passage: Passage,
    pub(crate) document_name: String,
}

/// The passages given to a model, by number.
#[derive(Clone, Default)]
pub(crate) struct Given {
    passages: BTreeMap<u32, NamedPassage>,
}

impl Given {
    /// Numbers passages from 1, in the order in which a model reads them.
    fn number(passages: Vec<NamedPassage>) -> Self {
        Self { passages: (1..).zip(passages).collect() }
    }

    pub(crate) fn grounding(&self, task: Task) -> Grounding {
        let sources = self.passages.iter().map(|(number, named)| Source {
            number: *number,
            title: named.document_name.clone(),
            heading: named.passage.heading.join(" › "),
            page: named.passage.page,
            text: named.passage.text.clone(),
        });
        Grounding { sources: sources.collect(), task }
    }

    pub(crate) fn numbers(&self) -> impl Iterator<Item = u32> + '_ {
        self.passages.keys().copied()
    }

    /// The citations of an answer: exact quotes where the model knows them, else whole passages for
    /// the sources it cited. Both come in the order of the answer, and that order gives the numbers,
    /// as it does for the marks in the text.
    pub(crate) fn citations(&self, quotes: &[llm::Citation], cited: &[u32]) -> Vec<Citation> {
        let exact = quotes.iter().map(|quote| (quote.number, Some((quote.start, quote.end))));
        let whole = cited.iter().map(|source| (*source, None));
        let mut appeared: Vec<u32> = vec![];
        let mut citations = vec![];
        for (source, span) in exact.chain(whole) {
            let is_new = !appeared.contains(&source);
            if is_new {
                appeared.push(source);
            } else if span.is_none() {
                continue;
            }
            let place = appeared.iter().position(|one| *one == source).unwrap_or_default();
            let number = u32::try_from(place + 1).unwrap_or(u32::MAX);
            citations.extend(self.citation(source, span).map(|found| Citation { number, ..found }));
        }
        citations
    }

    fn citation(&self, number: u32, span: Option<(usize, usize)>) -> Option<Citation> {
        let NamedPassage { passage, document_name } = self.passages.get(&number)?;
        let (start, end) = span.unwrap_or_else(|| (0, passage.text.chars().count()));
        let quote = passage.text.chars().skip(start).take(end.checked_sub(start)?).collect();
        Some(Citation {
            number,
            document: passage.document,
            document_name: document_name.clone(),
            passage: passage.id,
            page: passage.page,
            heading: passage.heading.join(" › "),
            quote,
            start: u32::try_from(start).ok()?,
            end: u32::try_from(end).ok()?,
            concealed: false,
        })
    }
}

impl App {
    /// Checks that the principal may read what they name, and that it is ready to be read.
    ///
    /// # Errors
    /// If something is unknown, hidden, or a document not ready.
    pub(crate) async fn check_scope(
        &self,
        principal: &Principal,
        collections: &[CollectionId],
        documents: &[DocumentId],
    ) -> Result<Scope> {
        let mut class = DataClass::Open;
        for id in collections {
            let collection = self.collection(principal, *id, Action::ReadCollection).await?;
            class = class.max(collection.data_class);
        }
        let mut found = vec![];
        for id in documents {
            let document = self.document(principal, *id, Action::ReadCollection).await?;
            check_ready(&document)?;
            class = class.max(document.data_class);
            found.push(document);
        }
        Ok(Scope { collections: collections.to_vec(), documents: found, class })
    }

    /// Finds the passages for a task.
    ///
    /// # Errors
    /// If the index or the store fails.
    pub(crate) async fn gather(
        &self,
        principal: &Principal,
        scope: &Scope,
        question: &str,
        task: Task,
    ) -> Result<Given> {
        let passages = match task {
            Task::Answer => self.passages_for_answer(principal, scope, question).await?,
            Task::Summary(_) => self.passages_for_summary(principal, scope).await?,
        };
        Ok(Given::number(within_budget(passages)))
    }

    /// How the marks in an answer over the given passages are checked.
    pub(crate) fn marks(&self, taken: &Taken, given: &Given) -> Marks {
        if self.is_built_in_route(taken) {
            Marks::trusted()
        } else {
            Marks::checked(given.numbers())
        }
    }

    async fn passages_for_answer(
        &self,
        principal: &Principal,
        scope: &Scope,
        question: &str,
    ) -> Result<Vec<NamedPassage>> {
        let mut hits = vec![];
        if !scope.collections.is_empty() {
            let within = &scope.collections;
            hits.extend(
                self.find_passages(principal, question, Some(within), None, ANSWER_SOURCES_MAX)
                    .await?,
            );
        }
        if !scope.documents.is_empty() {
            let documents = scope.document_ids();
            hits.extend(
                self.find_passages(principal, question, None, Some(&documents), ANSWER_SOURCES_MAX)
                    .await?,
            );
        }
        // Both searches run on one index, so their scores compare.
        hits.sort_by(|(_, a), (_, b)| b.total_cmp(a));
        let mut seen = std::collections::HashSet::new();
        hits.retain(|(found, _)| seen.insert(found.passage.id));
        hits.truncate(ANSWER_SOURCES_MAX);
        let named = |found: store::FoundPassage| NamedPassage {
            passage: found.passage,
            document_name: found.document_name,
        };
        Ok(hits.into_iter().map(|(found, _)| named(found)).collect())
    }

    /// Chooses the passages that carry the documents, over their whole length, in their order.
    async fn passages_for_summary(
        &self,
        principal: &Principal,
        scope: &Scope,
    ) -> Result<Vec<NamedPassage>> {
        let mut all = vec![];
        for document in &scope.documents {
            let passages = self.store.document_passages(principal, document.id).await?;
            let named = |passage| NamedPassage { passage, document_name: document.name.clone() };
            all.extend(passages.into_iter().map(named));
            if all.len() >= SUMMARY_PASSAGES_MAX {
                break;
            }
        }
        all.truncate(SUMMARY_PASSAGES_MAX);
        self.computing.run(move || carrying_passages(all, SOURCE_CHARS_MAX)).await
    }
}

fn check_ready(document: &Document) -> Result<()> {
    let code = match document.state {
        DocumentState::Ready => return Ok(()),
        DocumentState::Failed => "document_failed",
        _ => "document_not_ready",
    };
    Err(Error::new(ErrorKind::Conflict, code).with("name", &document.name))
}

/// Keeps the first passages that fit the budget of characters.
fn within_budget(passages: Vec<NamedPassage>) -> Vec<NamedPassage> {
    let mut left = SOURCE_CHARS_MAX;
    passages
        .into_iter()
        .take_while(|found| {
            let chars = found.passage.text.chars().count();
            let fits = chars <= left;
            left = left.saturating_sub(chars);
            fits
        })
        .collect()
}
