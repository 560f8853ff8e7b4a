//! What the worker does to a document: one step after the other, each telling whether the document is
//! still there. No rights are asked; the job was enqueued by somebody who had them.

use domain::{CollectionId, DocumentId, Instant, TenantId};
use sqlx::any::AnyRow;

use crate::{
    AuditEvent, AuditOutcome, BlobHash, By, DocumentState, Error, Store, audit,
    database::{composed, fetch, fetch_one},
    documents::state,
    jobs,
    values::{get, params},
};

/// A document as the worker sees it; no rights are asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentWork {
    /// Its id.
    pub id: DocumentId,
    /// Its tenant.
    pub tenant: TenantId,
    /// The collection it lies in.
    pub collection: CollectionId,
    /// The file's name.
    pub name: String,
    /// The title found inside.
    pub title: Option<String>,
    /// The stored file.
    pub blob: BlobHash,
    /// Size of the file.
    pub size_bytes: u64,
    /// How far it has come.
    pub state: DocumentState,
}

const WORK_COLUMNS: &str =
    "id, tenant_id, collection_id, name, title, blob_hash, size_bytes, state";

impl Store {
    /// Returns a document to work on; `None` if it was deleted meanwhile.
    ///
    /// # Errors
    /// A database error.
    pub async fn document_work(&self, id: DocumentId) -> Result<Option<DocumentWork>, Error> {
        let mut db = self.read().await?;
        let sql = format!("SELECT {WORK_COLUMNS} FROM document WHERE id = $1");
        let row = fetch_one(&mut db, composed(sql), params![id]).await?;
        row.as_ref().map(work).transpose()
    }

    /// Lists ready documents by id, for building the index anew.
    ///
    /// # Errors
    /// A database error.
    pub async fn documents_to_index(
        &self,
        after: Option<DocumentId>,
        limit: u32,
    ) -> Result<Vec<DocumentWork>, Error> {
        let mut db = self.read().await?;
        let sql = format!(
            "SELECT {WORK_COLUMNS} FROM document WHERE id > $1 AND state = 'ready' \
             ORDER BY id LIMIT $2"
        );
        let after = after.map(|id| id.to_string()).unwrap_or_default();
        let rows = fetch(&mut db, composed(sql), params![after, limit]).await?;
        rows.iter().map(work).collect()
    }

    /// Says that the text of a document is being read. `false` if it is ready already or was deleted:
    /// there is nothing to do.
    ///
    /// # Errors
    /// A database error.
    pub async fn begin_extraction(&self, id: DocumentId) -> Result<bool, Error> {
        let mut tx = self.write().await?;
        let begun = tx
            .execute(
                "UPDATE document SET state = 'extracting', reason = NULL, pages_done = NULL, \
                                     updated_at = $2 WHERE id = $1 AND state <> 'ready'",
                params![id, Instant::now()],
            )
            .await?;
        tx.commit().await?;
        Ok(begun > 0)
    }

    /// Notes how many pages there are and were read. `false` if the document was deleted meanwhile.
    ///
    /// # Errors
    /// A database error.
    pub async fn set_document_progress(
        &self,
        id: DocumentId,
        pages: Option<u32>,
        pages_done: u32,
    ) -> Result<bool, Error> {
        let mut tx = self.write().await?;
        let noted = tx
            .execute(
                "UPDATE document SET pages = COALESCE($2, pages), pages_done = $3 \
                 WHERE id = $1 AND state = 'extracting'",
                params![id, pages, pages_done],
            )
            .await?;
        tx.commit().await?;
        Ok(noted > 0)
    }

    /// Says that the passages of a document are being made findable, and what was found in it.
    /// `false` if it was deleted meanwhile.
    ///
    /// # Errors
    /// A database error.
    pub async fn begin_indexing(
        &self,
        id: DocumentId,
        format: &str,
        title: Option<&str>,
        pages: Option<u32>,
    ) -> Result<bool, Error> {
        let mut tx = self.write().await?;
        let begun = tx
            .execute(
                "UPDATE document SET state = 'indexing', format = $2, title = $3, pages = $4, \
                                     pages_done = $4, updated_at = $5 \
                 WHERE id = $1 AND state <> 'ready'",
                params![id, format, title, pages, Instant::now()],
            )
            .await?;
        tx.commit().await?;
        Ok(begun > 0)
    }

    /// Says that a document can be found. `false` if it was deleted meanwhile: then its entries must
    /// leave the index again.
    ///
    /// # Errors
    /// A database error.
    pub async fn finish_document(&self, id: DocumentId) -> Result<bool, Error> {
        self.end_document(id, DocumentState::Ready, None).await
    }

    /// Says that a document failed, with the code of the reason. `false` if it was deleted meanwhile.
    ///
    /// # Errors
    /// A database error.
    pub async fn fail_document(&self, id: DocumentId, reason: &str) -> Result<bool, Error> {
        self.end_document(id, DocumentState::Failed, Some(reason)).await
    }

    async fn end_document(
        &self,
        id: DocumentId,
        state: DocumentState,
        reason: Option<&str>,
    ) -> Result<bool, Error> {
        let mut tx = self.write().await?;
        let sql = "SELECT tenant_id, state FROM document WHERE id = $1";
        let Some(row) = tx.fetch_one(sql, params![id]).await? else { return Ok(false) };
        let before: String = get(&row, "state")?;
        if before == state.code() {
            return Ok(true);
        }
        let ended = tx
            .execute(
                "UPDATE document SET state = $2, reason = $3, updated_at = $4 WHERE id = $1",
                params![id, state.code(), reason, Instant::now()],
            )
            .await?;
        if ended == 0 {
            return Ok(false);
        }
        let mut event = AuditEvent::done(&By::system(), jobs::INGEST_DOCUMENT).to("document", id);
        if let Some(reason) = reason {
            event = event.outcome(AuditOutcome::Failed).with("reason", reason);
        }
        audit::append(&mut tx, get(&row, "tenant_id")?, event).await?;
        tx.commit().await?;
        Ok(true)
    }
}

fn work(row: &AnyRow) -> Result<DocumentWork, Error> {
    Ok(DocumentWork {
        id: get(row, "id")?,
        tenant: get(row, "tenant_id")?,
        collection: get(row, "collection_id")?,
        name: get(row, "name")?,
        title: get(row, "title")?,
        blob: get::<String>(row, "blob_hash")?.parse()?,
        size_bytes: get(row, "size_bytes")?,
        state: state(row)?,
    })
}
