//! Documents: received with their bytes, worked on by a job, shown to whoever may read their
//! collection, deleted for good.

use std::{str::FromStr, time::Duration};

use domain::{
    CollectionId, DataClass, DocumentId, Instant, Principal, Resource, TenantId, UserId, Visibility,
};
use sqlx::any::AnyRow;

use crate::{
    AuditEvent, AuditOutcome, BlobHash, Blobs, By, Conflict, Error, PendingBlob, PersonName, Store,
    audit,
    collections::{owned, readable_by},
    database::{Tx, composed, count, fetch, fetch_one, get, params, placeholders},
    jobs::{self, NewJob},
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
const WORK_COLUMNS: &str =
    "id, tenant_id, collection_id, name, title, blob_hash, size_bytes, state";

impl Store {
    /// Receives a document into a collection of the principal's own: file, row, job and audit entry
    /// in one transaction. What this returns survives a crash.
    ///
    /// # Errors
    /// [`Error::NotFound`] if the collection is not theirs.
    pub async fn receive_document(
        &self,
        principal: &Principal,
        collection: CollectionId,
        name: &str,
        blob: PendingBlob,
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
        .await?;
        jobs::enqueue(&mut tx, &NewJob::ingest(principal.tenant, principal.user, id)).await?;
        blob.publish().await?;
        let event = AuditEvent::done(&By::from(principal), "upload_document").to("document", id);
        audit::append(&mut tx, principal.tenant, event).await?;
        tx.commit().await?;
        Ok(Received { document: self.document_for(principal, id).await?, is_new: true })
    }

    /// Lists the documents of a collection the principal may read, the newest first.
    ///
    /// # Errors
    /// A database error. An unreadable collection looks empty; ask [`Store::collection_for`] first.
    pub async fn documents(
        &self,
        principal: &Principal,
        collection: CollectionId,
    ) -> Result<Vec<Document>, Error> {
        let mut list = params![];
        let (readable, next) = readable_by(principal, &mut list);
        list.add(collection);
        let sql = format!(
            "SELECT {COLUMNS} FROM {TABLES} WHERE d.collection_id = ${next} AND {readable} \
             ORDER BY d.created_at DESC, d.id DESC"
        );
        let mut db = self.read().await?;
        fetch(&mut db, composed(sql), list).await?.iter().map(document).collect()
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

    /// Deletes a document of the principal's own: rows at once, then the file, if no other document
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
        jobs::enqueue(&mut tx, &NewJob::purge_document(principal, id)).await?;
        let event = AuditEvent::done(&By::from(principal), "delete_document").to("document", id);
        audit::append(&mut tx, principal.tenant, event).await?;
        tx.commit().await?;
        self.collect_blobs(blobs, &[hash]).await
    }

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

    /// Removes stored files that no document has: those of `age` at least that a killed process left
    /// behind, and rows whose file was about to go. Returns how many.
    ///
    /// # Errors
    /// A database or file error.
    pub async fn sweep_blobs(&self, blobs: &Blobs, age: Duration) -> Result<u64, Error> {
        let mut unused = Vec::new();
        for hash in blobs.stored(age).await? {
            let mut db = self.read().await?;
            let sql = "SELECT COUNT(*) AS n FROM document WHERE blob_hash = $1";
            if count(&mut db, sql, params![hash.as_str()]).await? == 0 {
                unused.push(hash.to_string());
            }
        }
        let rows = {
            let mut db = self.read().await?;
            let sql = "SELECT hash FROM blob b \
                       WHERE NOT EXISTS (SELECT 1 FROM document d WHERE d.blob_hash = b.hash)";
            fetch(&mut db, sql, params![]).await?
        };
        for row in &rows {
            unused.push(get(row, "hash")?);
        }
        unused.sort_unstable();
        unused.dedup();
        self.collect_blobs(blobs, &unused).await?;
        Ok(unused.len() as u64)
    }

    /// Removes those of the stored files that no document has any more. The row of the file is its
    /// lock: an upload of the same content waits, and then stores it anew.
    pub(crate) async fn collect_blobs(
        &self,
        blobs: &Blobs,
        hashes: &[String],
    ) -> Result<(), Error> {
        for hash in hashes {
            let hash: BlobHash = hash.parse()?;
            let mut tx = self.write().await?;
            lock_blob(&mut tx, &hash, 0).await?;
            let sql = "SELECT COUNT(*) AS n FROM document WHERE blob_hash = $1";
            if count(tx.db(), sql, params![hash.as_str()]).await? > 0 {
                continue;
            }
            tx.execute("DELETE FROM blob WHERE hash = $1", params![hash.as_str()]).await?;
            blobs.remove(&hash).await?;
            tx.commit().await?;
        }
        Ok(())
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

/// Locks the row of a stored file, and makes it if it is not there.
async fn lock_blob(tx: &mut Tx, hash: &BlobHash, size_bytes: u64) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO blob (hash, size_bytes, created_at) VALUES ($1, $2, $3) \
         ON CONFLICT (hash) DO UPDATE SET created_at = blob.created_at",
        params![hash.as_str(), size_bytes, Instant::now()],
    )
    .await?;
    Ok(())
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
