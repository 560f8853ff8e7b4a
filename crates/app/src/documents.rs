//! Documents: state, passages, original file, deletion. How they come in stands in `uploads`.

use domain::{Action, CollectionId, DocumentId, PassageId};
use store::{AuditEvent, By, Document, FoundPassage, ObjectKind, Page, Passage};

use crate::{App, Part, Principal, Result, paging::checked_limit};

/// Passages on one page of a list, and the most that may be asked for.
const PASSAGES_PAGE: u32 = 200;

/// Part of the passages of a document.
pub struct PassagePage {
    /// The passages, in reading order.
    pub items: Vec<Passage>,
    /// The ordinal to pass as `after` for the next part; `None` at the end.
    pub next: Option<u32>,
}

impl App {
    /// Lists the documents of a collection, the newest first.
    ///
    /// # Errors
    /// If the principal may not read it, or there is no such part.
    pub async fn list_documents(
        &self,
        principal: &Principal,
        collection: CollectionId,
        part: &Part,
    ) -> Result<Page<Document>> {
        self.collection(principal, collection, Action::ReadCollection).await?;
        Ok(self.store.documents(principal, collection, part.after(), part.limit()?).await?)
    }

    /// Returns a document.
    ///
    /// # Errors
    /// If the principal may not read its collection.
    pub async fn get_document(&self, principal: &Principal, id: DocumentId) -> Result<Document> {
        self.document(principal, id, Action::ReadCollection).await
    }

    /// Deletes a document: row, file and passages at once, and the index entry right after. Nothing
    /// of it appears in any later answer.
    ///
    /// # Errors
    /// If its collection is not the principal's own.
    pub async fn delete_document(&self, principal: &Principal, id: DocumentId) -> Result<()> {
        self.document(principal, id, Action::WriteCollection).await?;
        Ok(self.store.delete_document(principal, id, &self.blobs).await?)
    }

    /// Has a failed document read again.
    ///
    /// # Errors
    /// If it has not failed, or its collection is not the principal's own.
    pub async fn retry_document(&self, principal: &Principal, id: DocumentId) -> Result<Document> {
        self.document(principal, id, Action::WriteCollection).await?;
        Ok(self.store.retry_document(principal, id).await?)
    }

    /// Opens the original file; who did is written down.
    ///
    /// # Errors
    /// If the principal may not read its collection.
    pub async fn get_document_content(
        &self,
        principal: &Principal,
        id: DocumentId,
    ) -> Result<(Document, tokio::fs::File)> {
        let document = self.document(principal, id, Action::ReadCollection).await?;
        let file = self.blobs.read(&document.blob).await?;
        let event = AuditEvent::done(&By::from(principal), "get_document_content");
        self.note(principal.tenant, event.to("document", id)).await?;
        Ok((document, file))
    }

    /// Lists passages of a document in reading order, of one page or of all.
    ///
    /// # Errors
    /// If the principal may not read its collection, or asks for more than 200 at once.
    pub async fn list_passages(
        &self,
        principal: &Principal,
        id: DocumentId,
        page: Option<u32>,
        after: Option<u32>,
        limit: Option<u32>,
    ) -> Result<PassagePage> {
        self.document(principal, id, Action::ReadCollection).await?;
        let limit = checked_limit(limit, PASSAGES_PAGE, PASSAGES_PAGE)?;
        let mut items = self.store.passages(principal, id, page, after, limit + 1).await?;
        let has_more = items.len() > limit as usize;
        items.truncate(limit as usize);
        let next = items.last().filter(|_| has_more).map(|passage| passage.ordinal);
        Ok(PassagePage { items, next })
    }

    /// Returns a passage with its document.
    ///
    /// # Errors
    /// If the principal may not read its collection.
    pub async fn get_passage(&self, principal: &Principal, id: PassageId) -> Result<FoundPassage> {
        let found = self.store.passage_for(principal, id).await;
        let found = self.found(principal, ObjectKind::Passage, id, found).await?;
        self.collection(principal, found.collection, Action::ReadCollection).await?;
        Ok(found)
    }

    /// Reads a document as the principal and checks that they may do `action` to its collection.
    pub(crate) async fn document(
        &self,
        principal: &Principal,
        id: DocumentId,
        action: Action,
    ) -> Result<Document> {
        let found = self.store.document_for(principal, id).await;
        let document = self.found(principal, ObjectKind::Document, id, found).await?;
        let verdict = domain::authorise(principal, action, &document.resource());
        self.allowed(principal, ObjectKind::Document, id, verdict).await?;
        Ok(document)
    }
}
