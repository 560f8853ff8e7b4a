//! What a model reads again of a conversation: only what its owner may still read, at the class it
//! has today.

use std::collections::HashMap;

use domain::{CollectionId, DataClass, DocumentId};
use store::{Message, MessageRole};

use crate::{App, Principal, Result};

/// The messages of a conversation that a model may read again.
pub(crate) struct History {
    pub(crate) messages: Vec<Message>,
    /// The highest class among them and what they rest on.
    pub(crate) class: DataClass,
}

/// The classes of what is still there and readable.
struct Present {
    documents: HashMap<DocumentId, DataClass>,
    collections: HashMap<CollectionId, DataClass>,
}

impl App {
    /// Leaves out answers that rest on something deleted or no longer readable, and raises the class
    /// to that of every document and collection the rest speaks of, which may have risen since.
    pub(crate) async fn history(
        &self,
        principal: &Principal,
        before: Vec<Message>,
    ) -> Result<History> {
        let present = self.present(principal, &before).await?;
        let mut class = DataClass::Open;
        let mut messages = vec![];
        let mut question_stands = true;
        for message in before {
            let stands = present.has_all_of(&message);
            if message.role == MessageRole::User {
                question_stands = stands;
            } else if !(stands && question_stands) {
                continue;
            }
            class = class.max(message.data_class).max(present.class_of(&message));
            messages.push(message);
        }
        Ok(History { messages, class })
    }

    /// Keeps the documents and collections that are still there for the principal.
    pub(crate) async fn still_readable(
        &self,
        principal: &Principal,
        question: &Message,
    ) -> Result<(Vec<DocumentId>, Vec<CollectionId>)> {
        let present = self.present(principal, std::slice::from_ref(question)).await?;
        let documents = documents_of(question).filter(|id| present.documents.contains_key(id));
        let collections = question.collections.iter().copied();
        let collections = collections.filter(|id| present.collections.contains_key(id));
        Ok((documents.collect(), collections.collect()))
    }

    async fn present(&self, principal: &Principal, messages: &[Message]) -> Result<Present> {
        let mut documents: Vec<DocumentId> = messages.iter().flat_map(documents_of).collect();
        documents.sort_unstable();
        documents.dedup();
        let mut collections: Vec<CollectionId> =
            messages.iter().flat_map(|message| message.collections.iter().copied()).collect();
        collections.sort_unstable();
        collections.dedup();
        let documents = self.store.documents_for(principal, &documents).await?;
        let collections = self.store.collections_for(principal, &collections).await?;
        Ok(Present {
            documents: documents.into_iter().map(|one| (one.id, one.data_class)).collect(),
            collections: collections.into_iter().map(|one| (one.id, one.data_class)).collect(),
        })
    }
}

impl Present {
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
