//! Documents: received with their bytes, worked on by a job, shown to whoever may read their
//! collection, deleted for good.

use std::str::FromStr;

use domain::{
    CollectionId, DataClass, DocumentId, Instant, Principal, Resource, TenantId, UserId, Visibility,
};
use sqlx::{AnyConnection, any::AnyRow};

use crate::{
    AuditEvent, BlobHash, Blobs, By, Conflict, Cursor, Error, Page, PendingBlob, PersonName, Store,
    audit,
    blob_rows::lock_blob,
    collections::{owned, readable_by},
    database::{Tx, composed, count, fetch, placeholders},
    error::is_dangling,
    jobs::{self, NewJob},
    quotes,
    values::{get, params},
};

/// How far a document has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DocumentState {
    /// Its bytes are stored; nothing else happened.
    Received,
    /// Its text is being read.
    Extracting,
    /// Its passages are being made findable.
    Indexing,
    /// It can be found and cited.
    Ready,
    /// It ended with a reason.
    Failed,
}

impl DocumentState {
    /// All states.
    pub const ALL: [Self; 5] =
        [Self::Received, Self::Extracting, Self::Indexing, Self::Ready, Self::Failed];

    /// The code used in tables and interfaces.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::Extracting => "extracting",
            Self::Indexing => "indexing",
            Self::Ready => "ready",
            Self::Failed => "failed",
        }
    }
}

impl FromStr for DocumentState {
    type Err = Error;

    fn from_str(code: &str) -> Result<Self, Error> {
        Self::ALL.into_iter().find(|state| state.code() == code).ok_or(Error::Unreadable("state"))
    }
}

/// A document as a reader sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// Its id.
    pub id: DocumentId,
    /// Its tenant.
    pub tenant: TenantId,
    /// The collection it lies in.
    pub collection: CollectionId,
    /// The name of that collection.
    pub collection_name: String,
    /// Whose collection that is.
    pub collection_owner: UserId,
    /// Who else reads that collection.
    pub visibility: Visibility,
    /// How sensitive that collection is.
    pub data_class: DataClass,
    /// Who uploaded it.
    pub owner: PersonName,
    /// The file's name.
    pub name: String,
    /// The title found inside.
    pub title: Option<String>,
    /// The format found, e.g. `pdf`.
    pub format: Option<String>,
    /// Size of the file.
    pub size_bytes: u64,
    /// The stored file.
    pub blob: BlobHash,
    /// How far it has come.
    pub state: DocumentState,
    /// Why it failed, as a code.
    pub reason: Option<String>,
    /// Pages, once counted.
    pub pages: Option<u32>,
    /// Pages read so far.
    pub pages_done: Option<u32>,
    /// Passages kept.
    pub passages: u64,
    /// Since when.
    pub created_at: Instant,
    /// Last change of state.
    pub updated_at: Instant,
}

impl Document {
    /// The collection of the document as `domain::authorise` wants it.
    #[must_use]
    pub fn resource(&self) -> Resource {
        Resource::Collection {
            tenant: self.tenant,
            owner: self.collection_owner,
            visibility: self.visibility,
        }
    }
}

/// What came of receiving a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// The document.
    pub document: Document,
    /// `false` if the collection had the same content under the same name already.
    pub is_new: bool,
}

/// How many documents are where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DocumentCounts {
    /// Can be found.
    pub ready: u64,
    /// Ended with a reason.
    pub failed: u64,
    /// Received or being worked on.
    pub waiting: u64,
    /// Passages of all documents.
    pub passages: u64,
}

const COLUMNS: &str = "d.id, d.tenant_id, d.collection_id, c.name AS collection_name, \
     c.owner_id AS collection_owner_id, c.visibility, c.unit_id, c.data_class, d.owner_id, \
     o.name AS owner_name, d.name, d.title, d.format, d.size_bytes, d.blob_hash, d.state, \
     d.reason, d.pages, d.pages_done, d.passages, d.created_at, d.updated_at";
const TABLES: &str = "document d JOIN collection c ON c.id = d.collection_id \
     JOIN user_account o ON o.id = d.owner_id";

impl Store {
    /// Receives a document into a collection of the principal's own: file, row, job and audit entry
    /// in one transaction. What this returns survives a crash.
    ///
    /// # Errors
    /// [`Error::NotFound`] if the collection is not theirs; [`Error::TooLarge`] if their documents
    /// would take more than `bytes_max` in all.
    pub async fn receive_document(
        &self,
        principal: &Principal,
        collection: CollectionId,
        name: &str,
        blob: PendingBlob,
        bytes_max: Option<u64>,
    ) -> Result<Received, Error> {
        let mut tx = self.write().await?;
        owned(&mut tx, principal, collection).await?;
        lock_blob(&mut tx, blob.hash(), blob.size_bytes()).await?;
        let sql = "SELECT id FROM document \
                   WHERE collection_id = $1 AND blob_hash = $2 AND name = $3";
        let present = tx.fetch_one(sql, params![collection, blob.hash().as_str(), name]).await?;
        if let Some(row) = present {
            let id = get(&row, "id")?;
            drop(tx);
            let document = self.document_for(principal, id).await?;
            return Ok(Received { document, is_new: false });
        }
        if let Some(most) = bytes_max {
            let stored = stored_bytes(tx.db(), principal).await?;
            if stored.saturating_add(blob.size_bytes()) > most {
                return Err(Error::TooLarge);
            }
        }
        let id = DocumentId::new();
        tx.execute(
            "INSERT INTO document (id, tenant_id, collection_id, owner_id, name, blob_hash, \
                                   size_bytes, state, passages, created_at, updated_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, 'received', 0, $8, $8)",
            params![
                id,
                principal.tenant,
                collection,
                principal.user,
                name,
                blob.hash().as_str(),
                blob.size_bytes(),
                Instant::now()
            ],
        )
        .await
        // The collection was deleted at this very moment.
        .map_err(|error| if is_dangling(&error) { Error::NotFound } else { error })?;
        jobs::enqueue(&mut tx, &NewJob::ingest(principal.tenant, principal.user, id)).await?;
        blob.publish().await?;
        let event = AuditEvent::done(&By::from(principal), "upload_document").to("document", id);
        audit::append(&mut tx, principal.tenant, event).await?;
        tx.commit().await?;
        Ok(Received { document: self.document_for(principal, id).await?, is_new: true })
    }

    /// What the documents that the principal uploaded take, in bytes. A file that several documents
    /// share counts for each.
    ///
    /// # Errors
    /// A database error.
    pub async fn stored_bytes(&self, principal: &Principal) -> Result<u64, Error> {
        let mut db = self.read().await?;
        stored_bytes(&mut db, principal).await
    }

    /// Lists the documents of a collection the principal may read, the newest first.
    ///
    /// # Errors
    /// A database error, or a bad cursor. An unreadable collection looks empty; ask
    /// [`Store::collection_for`] first.
    pub async fn documents(
        &self,
        principal: &Principal,
        collection: CollectionId,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Page<Document>, Error> {
        let (at, id) = Cursor::before(after)?;
        let mut list = params![];
        let (readable, next) = readable_by(principal, &mut list);
        list.add(collection);
        list.add(at);
        list.add(id);
        list.add(i64::from(limit) + 1);
        let sql = format!(
            "SELECT {COLUMNS} FROM {TABLES} WHERE d.collection_id = ${next} AND {readable} \
             AND (d.created_at, d.id) < (${}, ${}) \
             ORDER BY d.created_at DESC, d.id DESC LIMIT ${}",
            next + 1,
            next + 2,
            next + 3
        );
        let mut db = self.read().await?;
        let rows = fetch(&mut db, composed(sql), list).await?;
        let found = rows.iter().map(document).collect::<Result<Vec<_>, Error>>()?;
        Ok(Page::cut(found, limit, |last| Cursor::write(last.created_at, last.id)))
    }

    /// Returns a document the principal may read.
    ///
    /// # Errors
    /// [`Error::NotFound`], also where it exists and they may not know.
    pub async fn document_for(
        &self,
        principal: &Principal,
        id: DocumentId,
    ) -> Result<Document, Error> {
        self.documents_for(principal, &[id]).await?.pop().ok_or(Error::NotFound)
    }

    /// Returns those of `ids` that the principal may read, in no particular order.
    ///
    /// # Errors
    /// A database error.
    pub async fn documents_for(
        &self,
        principal: &Principal,
        ids: &[DocumentId],
    ) -> Result<Vec<Document>, Error> {
        let mut list = params![];
        let (readable, next) = readable_by(principal, &mut list);
        ids.iter().for_each(|id| list.add(*id));
        let sql = format!(
            "SELECT {COLUMNS} FROM {TABLES} WHERE d.id IN ({}) AND {readable}",
            placeholders(next, ids.len())
        );
        let mut db = self.read().await?;
        fetch(&mut db, composed(sql), list).await?.iter().map(document).collect()
    }

    /// Puts a failed document of the principal's own back to the beginning.
    ///
    /// # Errors
    /// [`Error::NotFound`] if its collection is not theirs; [`Conflict::DocumentBusy`] if it has not
    /// failed.
    pub async fn retry_document(
        &self,
        principal: &Principal,
        id: DocumentId,
    ) -> Result<Document, Error> {
        let mut tx = self.write().await?;
        owned_document(&mut tx, principal, id).await?;
        let begun = tx
            .execute(
                "UPDATE document SET state = 'received', reason = NULL, pages_done = NULL, \
                                     updated_at = $2 WHERE id = $1 AND state = 'failed'",
                params![id, Instant::now()],
            )
            .await?;
        if begun == 0 {
            return Err(Error::Conflict(Conflict::DocumentBusy));
        }
        jobs::enqueue(&mut tx, &NewJob::ingest(principal.tenant, principal.user, id)).await?;
        let event = AuditEvent::done(&By::from(principal), "retry_document").to("document", id);
        audit::append(&mut tx, principal.tenant, event).await?;
        tx.commit().await?;
        self.document_for(principal, id).await
    }

    /// Deletes a document of the principal's own: rows and quotes in answers at once, then the file, if no other document
    /// has the same; a job clears the index.
    ///
    /// # Errors
    /// [`Error::NotFound`] if its collection is not theirs.
    pub async fn delete_document(
        &self,
        principal: &Principal,
        id: DocumentId,
        blobs: &Blobs,
    ) -> Result<(), Error> {
        let mut tx = self.write().await?;
        let hash = owned_document(&mut tx, principal, id).await?;
        tx.execute("DELETE FROM document WHERE id = $1", params![id]).await?;
        quotes::forget(&mut tx, &[id]).await?;
        jobs::enqueue(&mut tx, &NewJob::purge_document(principal, id)).await?;
        let event = AuditEvent::done(&By::from(principal), "delete_document").to("document", id);
        audit::append(&mut tx, principal.tenant, event).await?;
        tx.commit().await?;
        self.collect_blobs(blobs, &[hash]).await
    }

    /// Counts a tenant's documents by state.
    ///
    /// # Errors
    /// A database error.
    pub async fn document_counts(&self, tenant: TenantId) -> Result<DocumentCounts, Error> {
        let mut db = self.read().await?;
        let sql = "SELECT state, COUNT(*) AS n, CAST(SUM(passages) AS BIGINT) AS passages \
                   FROM document WHERE tenant_id = $1 GROUP BY state";
        let mut counts = DocumentCounts::default();
        for row in fetch(&mut db, sql, params![tenant]).await? {
            let state: String = get(&row, "state")?;
            let n: u64 = get(&row, "n")?;
            match state.parse()? {
                DocumentState::Ready => counts.ready = n,
                DocumentState::Failed => counts.failed = n,
                _ => counts.waiting += n,
            }
            counts.passages += get::<u64>(&row, "passages")?;
        }
        Ok(counts)
    }
}

async fn stored_bytes(db: &mut AnyConnection, principal: &Principal) -> Result<u64, Error> {
    let sql = "SELECT CAST(COALESCE(SUM(size_bytes), 0) AS BIGINT) AS n FROM document \
               WHERE owner_id = $1 AND tenant_id = $2";
    count(db, sql, params![principal.user, principal.tenant]).await
}

/// Makes sure that the document lies in a collection of the principal's own; returns its file.
async fn owned_document(
    tx: &mut Tx,
    principal: &Principal,
    id: DocumentId,
) -> Result<String, Error> {
    let row = tx
        .fetch_one(
            "SELECT d.blob_hash FROM document d JOIN collection c ON c.id = d.collection_id \
             WHERE d.id = $1 AND c.tenant_id = $2 AND c.owner_id = $3",
            params![id, principal.tenant, principal.user],
        )
        .await?;
    get(&row.ok_or(Error::NotFound)?, "blob_hash")
}

pub(crate) fn state(row: &AnyRow) -> Result<DocumentState, Error> {
    get::<String>(row, "state")?.parse()
}

fn document(row: &AnyRow) -> Result<Document, Error> {
    let (visibility, unit): (String, Option<String>) =
        (get(row, "visibility")?, get(row, "unit_id")?);
    Ok(Document {
        id: get(row, "id")?,
        tenant: get(row, "tenant_id")?,
        collection: get(row, "collection_id")?,
        collection_name: get(row, "collection_name")?,
        collection_owner: get(row, "collection_owner_id")?,
        visibility: Visibility::from_parts(&visibility, unit.as_deref())
            .map_err(|_| Error::Unreadable("visibility"))?,
        data_class: get(row, "data_class")?,
        owner: PersonName { id: get(row, "owner_id")?, name: get(row, "owner_name")? },
        name: get(row, "name")?,
        title: get(row, "title")?,
        format: get(row, "format")?,
        size_bytes: get(row, "size_bytes")?,
        blob: get::<String>(row, "blob_hash")?.parse()?,
        state: state(row)?,
        reason: get(row, "reason")?,
        pages: get(row, "pages")?,
        pages_done: get(row, "pages_done")?,
        passages: get(row, "passages")?,
        created_at: get(row, "created_at")?,
        updated_at: get(row, "updated_at")?,
    })
}
