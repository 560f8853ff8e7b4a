//! What a model reads again of a conversation: only what its owner may still read, at the class it
//! has today.

use std::collections::{HashMap, HashSet};

use domain::{CollectionId, DataClass, DocumentId};
use store::{Message, MessageRole};

use crate::{App, Principal, Result};

/// Ids looked up in one question to the store.
const IDS_AT_ONCE: usize = 500;

/// The messages of a conversation that a model may read again.
pub(crate) struct History {
    pub(crate) messages: Vec<Message>,
    /// The highest class among them and what they rest on.
    pub(crate) class: DataClass,
}

/// The classes of what is still there and readable.
pub(crate) struct Present {
    documents: HashMap<DocumentId, DataClass>,
    collections: HashMap<CollectionId, DataClass>,
}

impl App {
    /// Takes out of messages what they quote from documents that are gone, or that the principal may
    /// not read any more. What is kept stays as it is: it comes back with the right to read.
    pub(crate) async fn conceal_gone(
        &self,
        principal: &Principal,
        messages: &mut [Message],
    ) -> Result<()> {
        let cited = messages.iter().flat_map(|message| &message.citations);
        let mut cited: Vec<DocumentId> = cited.map(|citation| citation.document).collect();
        cited.sort_unstable();
        cited.dedup();
        if cited.is_empty() {
            return Ok(());
        }
        let mut readable = HashSet::new();
        for some in cited.chunks(IDS_AT_ONCE) {
            let found = self.store.documents_for(principal, some).await?;
            readable.extend(found.into_iter().map(|document| document.id));
        }
        for message in messages {
            let is_gone = |id| !readable.contains(&id);
            store::conceal(&mut message.text, &mut message.citations, is_gone);
        }
        Ok(())
    }

    /// Looks up everything that the messages rest on.
    pub(crate) async fn present(
        &self,
        principal: &Principal,
        messages: &[Message],
    ) -> Result<Present> {
        let mut documents: Vec<DocumentId> = messages.iter().flat_map(documents_of).collect();
        documents.sort_unstable();
        documents.dedup();
        let mut collections: Vec<CollectionId> =
            messages.iter().flat_map(|message| message.collections.iter().copied()).collect();
        collections.sort_unstable();
        collections.dedup();
        let mut present = Present { documents: HashMap::new(), collections: HashMap::new() };
        for some in documents.chunks(IDS_AT_ONCE) {
            let found = self.store.documents_for(principal, some).await?;
            present.documents.extend(found.into_iter().map(|one| (one.id, one.data_class)));
        }
        for some in collections.chunks(IDS_AT_ONCE) {
            let found = self.store.collections_for(principal, some).await?;
            present.collections.extend(found.into_iter().map(|one| (one.id, one.data_class)));
        }
        Ok(present)
    }
}

impl Present {
    /// Leaves out answers that rest on something deleted or no longer readable, and raises the class
    /// to that of every document and collection the rest speaks of, which may have risen since.
    pub(crate) fn history(&self, before: Vec<Message>) -> History {
        let mut class = DataClass::Open;
        let mut messages = vec![];
        let mut question_stands = true;
        for message in before {
            let stands = self.has_all_of(&message);
            if message.role == MessageRole::User {
                question_stands = stands;
            } else if !(stands && question_stands) {
                continue;
            }
            class = class.max(message.data_class).max(self.class_of(&message));
            messages.push(message);
        }
        History { messages, class }
    }

    /// What a question named and what is left of it.
    pub(crate) fn named_by(&self, question: &Message) -> (Vec<DocumentId>, Vec<CollectionId>) {
        let documents = documents_of(question).filter(|id| self.documents.contains_key(id));
        let collections = question.collections.iter().copied();
        let collections = collections.filter(|id| self.collections.contains_key(id));
        (documents.collect(), collections.collect())
    }

    fn has_all_of(&self, message: &Message) -> bool {
        documents_of(message).all(|id| self.documents.contains_key(&id))
            && message.collections.iter().all(|id| self.collections.contains_key(id))
    }

    fn class_of(&self, message: &Message) -> DataClass {
        let documents = documents_of(message).filter_map(|id| self.documents.get(&id));
        let collections = message.collections.iter().filter_map(|id| self.collections.get(id));
        documents.chain(collections).copied().max().unwrap_or(DataClass::Open)
    }
}

/// The documents a message was given or cites.
fn documents_of(message: &Message) -> impl Iterator<Item = DocumentId> + '_ {
    let given = message.attachments.iter().map(|file| file.document);
    given.chain(message.citations.iter().map(|citation| citation.document))
}
