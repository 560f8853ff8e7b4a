//! Passages: the citable pieces of documents, in order. Shown only to whoever may read the
//! collection, which each query asks again.

use std::collections::HashMap;

use domain::{CollectionId, DataClass, DocumentId, PassageId, Principal, TenantId};
use serde::{Deserialize, Serialize};
use sqlx::any::AnyRow;

use crate::{
    Error, Store,
    collections::readable_by,
    database::{composed, fetch, fetch_one, placeholders},
    error::is_dangling,
    values::{Json, get, params},
};

/// Rows of one insert: 9 parameters each stay far below both engines' limits (32,766 and 65,535).
const ROWS_PER_STATEMENT: usize = 100;
/// Rows of one transaction: others get to write in between.
const ROWS_PER_TRANSACTION: usize = 2_000;

/// A rectangle on a page, in parts of the page as displayed, origin top left.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PageBox {
    /// The page, from 1.
    pub page: u32,
    /// Left edge, 0 to 1.
    pub x: f32,
    /// Upper edge, 0 to 1.
    pub y: f32,
    /// Width, 0 to 1.
    pub width: f32,
    /// Height, 0 to 1.
    pub height: f32,
}

/// A passage to keep.
#[derive(Debug, Clone, PartialEq)]
pub struct NewPassage {
    /// Its id, derived from its content.
    pub id: PassageId,
    /// The page it begins on, from 1.
    pub page: Option<u32>,
    /// The headings above it, outermost first.
    pub heading: Vec<String>,
    /// What it is, as a code of `extract`.
    pub kind: String,
    /// Its text.
    pub text: String,
    /// Where it stands.
    pub boxes: Vec<PageBox>,
}

/// A passage.
#[derive(Debug, Clone, PartialEq)]
pub struct Passage {
    /// Its id.
    pub id: PassageId,
    /// The document it stands in.
    pub document: DocumentId,
    /// Its place in the document, from 0.
    pub ordinal: u32,
    /// The page it begins on, from 1.
    pub page: Option<u32>,
    /// The headings above it, outermost first.
    pub heading: Vec<String>,
    /// What it is, as a code of `extract`.
    pub kind: String,
    /// Its text.
    pub text: String,
    /// Where it stands.
    pub boxes: Vec<PageBox>,
}

/// A passage with what is shown beside it.
#[derive(Debug, Clone, PartialEq)]
pub struct FoundPassage {
    /// The passage.
    pub passage: Passage,
    /// Name of its document.
    pub document_name: String,
    /// Title of its document.
    pub document_title: Option<String>,
    /// Format of its document.
    pub document_format: Option<String>,
    /// Pages of its document.
    pub document_pages: Option<u32>,
    /// Its collection.
    pub collection: CollectionId,
    /// The name of that collection.
    pub collection_name: String,
    /// How sensitive that collection is.
    pub data_class: DataClass,
}

const COLUMNS: &str = "p.id, p.document_id, p.ordinal, p.page, p.heading, p.kind, p.text, p.boxes";
const FOUND_COLUMNS: &str = "d.name AS document_name, d.title AS document_title, \
     d.format AS document_format, d.pages AS document_pages, d.collection_id, \
     c.name AS collection_name, c.data_class";
const TABLES: &str =
    "passage p JOIN document d ON d.id = p.document_id JOIN collection c ON c.id = d.collection_id";

impl Store {
    /// Replaces all passages of a document, in the order given. In several transactions: the document
    /// must not be ready meanwhile. `false` if it was deleted in between.
    ///
    /// # Errors
    /// A database error.
    pub async fn replace_passages(
        &self,
        tenant: TenantId,
        document: DocumentId,
        passages: &[NewPassage],
    ) -> Result<bool, Error> {
        let mut tx = self.write().await?;
        tx.execute("DELETE FROM passage WHERE document_id = $1", params![document]).await?;
        tx.commit().await?;
        let mut ordinal = 0;
        for batch in passages.chunks(ROWS_PER_TRANSACTION) {
            if !self.insert_passages(tenant, document, ordinal, batch).await? {
                return Ok(false);
            }
            ordinal += batch.len();
        }
        let mut tx = self.write().await?;
        let kept = tx
            .execute(
                "UPDATE document SET passages = $2 WHERE id = $1",
                params![document, passages.len()],
            )
            .await?;
        tx.commit().await?;
        Ok(kept > 0)
    }

    async fn insert_passages(
        &self,
        tenant: TenantId,
        document: DocumentId,
        first_ordinal: usize,
        batch: &[NewPassage],
    ) -> Result<bool, Error> {
        let mut tx = self.write().await?;
        for (part, rows) in batch.chunks(ROWS_PER_STATEMENT).enumerate() {
            let mut list = params![];
            for (row, passage) in rows.iter().enumerate() {
                list.add(passage.id);
                list.add(tenant);
                list.add(document);
                list.add(first_ordinal + part * ROWS_PER_STATEMENT + row);
                list.add(passage.page);
                list.add(Json(&passage.heading));
                list.add(passage.kind.as_str());
                list.add(passage.text.as_str());
                list.add(Json(&passage.boxes));
            }
            let values: Vec<String> =
                (0..rows.len()).map(|row| format!("({})", placeholders(row * 9 + 1, 9))).collect();
            let sql = format!(
                "INSERT INTO passage (id, tenant_id, document_id, ordinal, page, heading, kind, \
                                      text, boxes) VALUES {}",
                values.join(", ")
            );
            match tx.execute(composed(sql), list).await {
                // The document was deleted while we worked on it.
                Err(error) if is_dangling(&error) => return Ok(false),
                other => other?,
            };
        }
        tx.commit().await?;
        Ok(true)
    }

    /// Lists passages of a document the principal may read, in order: those after the place `after`,
    /// of one page if given.
    ///
    /// # Errors
    /// A database error. An unreadable document looks empty; ask [`Store::document_for`] first.
    pub async fn passages(
        &self,
        principal: &Principal,
        document: DocumentId,
        page: Option<u32>,
        after: Option<u32>,
        limit: u32,
    ) -> Result<Vec<Passage>, Error> {
        let mut list = params![];
        let (readable, next) = readable_by(principal, &mut list);
        list.add(document);
        list.add(after.map_or(-1, i64::from));
        list.add(limit);
        let mut sql = format!(
            "SELECT {COLUMNS} FROM {TABLES} \
             WHERE p.document_id = ${next} AND p.ordinal > ${} AND {readable}",
            next + 1
        );
        if let Some(page) = page {
            list.add(page);
            sql.push_str(&format!(" AND p.page = ${}", next + 3));
        }
        sql.push_str(&format!(" ORDER BY p.ordinal LIMIT ${}", next + 2));
        let mut db = self.read().await?;
        fetch(&mut db, composed(sql), list).await?.iter().map(passage).collect()
    }

    /// Returns a passage the principal may read, of a document in whatever state.
    ///
    /// # Errors
    /// [`Error::NotFound`], also where it exists and they may not know.
    pub async fn passage_for(
        &self,
        principal: &Principal,
        id: PassageId,
    ) -> Result<FoundPassage, Error> {
        let mut list = params![];
        let (readable, next) = readable_by(principal, &mut list);
        list.add(id);
        let sql = format!(
            "SELECT {COLUMNS}, {FOUND_COLUMNS} FROM {TABLES} WHERE p.id = ${next} AND {readable}"
        );
        let mut db = self.read().await?;
        let row = fetch_one(&mut db, composed(sql), list).await?.ok_or(Error::NotFound)?;
        found(&row)
    }

    /// Returns those of `ids` that the principal may read now and whose document is ready, in the
    /// order of `ids`: the check on search hits before anything is shown.
    ///
    /// # Errors
    /// A database error.
    pub async fn passages_for(
        &self,
        principal: &Principal,
        ids: &[PassageId],
    ) -> Result<Vec<FoundPassage>, Error> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let mut list = params![];
        let (readable, next) = readable_by(principal, &mut list);
        ids.iter().for_each(|id| list.add(*id));
        let sql = format!(
            "SELECT {COLUMNS}, {FOUND_COLUMNS} FROM {TABLES} \
             WHERE p.id IN ({}) AND d.state = 'ready' AND {readable}",
            placeholders(next, ids.len())
        );
        let rows = {
            let mut db = self.read().await?;
            fetch(&mut db, composed(sql), list).await?
        };
        let mut by_id = HashMap::with_capacity(rows.len());
        for row in &rows {
            let found = found(row)?;
            by_id.insert(found.passage.id, found);
        }
        Ok(ids.iter().filter_map(|id| by_id.remove(id)).collect())
    }

    /// Returns the passages of a document around the place `ordinal`, itself included, in order.
    ///
    /// # Errors
    /// A database error.
    pub async fn neighbours(
        &self,
        principal: &Principal,
        document: DocumentId,
        ordinal: u32,
        reach: u32,
    ) -> Result<Vec<Passage>, Error> {
        let first = i64::from(ordinal.saturating_sub(reach));
        let mut list = params![];
        let (readable, next) = readable_by(principal, &mut list);
        list.add(document);
        list.add(first);
        list.add(i64::from(ordinal) + i64::from(reach));
        let sql = format!(
            "SELECT {COLUMNS} FROM {TABLES} WHERE p.document_id = ${next} \
             AND p.ordinal BETWEEN ${} AND ${} AND {readable} ORDER BY p.ordinal",
            next + 1,
            next + 2
        );
        let mut db = self.read().await?;
        fetch(&mut db, composed(sql), list).await?.iter().map(passage).collect()
    }

    /// Returns all passages of a ready document the principal may read, in order.
    ///
    /// # Errors
    /// A database error.
    pub async fn document_passages(
        &self,
        principal: &Principal,
        document: DocumentId,
    ) -> Result<Vec<Passage>, Error> {
        let mut list = params![];
        let (readable, next) = readable_by(principal, &mut list);
        list.add(document);
        let sql = format!(
            "SELECT {COLUMNS} FROM {TABLES} \
             WHERE p.document_id = ${next} AND d.state = 'ready' AND {readable} \
             ORDER BY p.ordinal"
        );
        let mut db = self.read().await?;
        fetch(&mut db, composed(sql), list).await?.iter().map(passage).collect()
    }

    /// Returns all passages of a document for the worker that indexes it; no rights are asked.
    ///
    /// # Errors
    /// A database error.
    pub async fn passages_to_index(&self, document: DocumentId) -> Result<Vec<Passage>, Error> {
        let mut db = self.read().await?;
        let sql =
            format!("SELECT {COLUMNS} FROM passage p WHERE p.document_id = $1 ORDER BY p.ordinal");
        let rows = fetch(&mut db, composed(sql), params![document]).await?;
        rows.iter().map(passage).collect()
    }
}

fn passage(row: &AnyRow) -> Result<Passage, Error> {
    let Json(heading) = get(row, "heading")?;
    let Json(boxes) = get(row, "boxes")?;
    Ok(Passage {
        id: get(row, "id")?,
        document: get(row, "document_id")?,
        ordinal: get(row, "ordinal")?,
        page: get(row, "page")?,
        heading,
        kind: get(row, "kind")?,
        text: get(row, "text")?,
        boxes,
    })
}

fn found(row: &AnyRow) -> Result<FoundPassage, Error> {
    Ok(FoundPassage {
        passage: passage(row)?,
        document_name: get(row, "document_name")?,
        document_title: get(row, "document_title")?,
        document_format: get(row, "document_format")?,
        document_pages: get(row, "document_pages")?,
        collection: get(row, "collection_id")?,
        collection_name: get(row, "collection_name")?,
        data_class: get(row, "data_class")?,
    })
}
