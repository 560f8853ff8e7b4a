//! Documents: upload, state, passages, original file, deletion.

use domain::{Action, CollectionId, DocumentId, ErrorKind, PassageId, limits};
use store::{BlobWriter, Document, FoundPassage, Passage};

use crate::{App, Error, Principal, Result, naming::is_invisible_direction};

/// Passages on one page of a list, and the most that may be asked for.
const PASSAGES_PAGE: u32 = 200;

/// A document on its way in. Dropping it leaves nothing behind.
pub struct Upload {
    collection: CollectionId,
    writer: BlobWriter,
    bytes_max: u64,
}

impl Upload {
    /// Takes the next bytes.
    ///
    /// # Errors
    /// If the file grows over the limit, or the disk is full.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<()> {
        let bytes_max = self.bytes_max;
        self.writer.write(bytes).await.map_err(|error| writing_failed(error, bytes_max))
    }
}

/// Part of the passages of a document.
pub struct PassagePage {
    /// The passages, in reading order.
    pub items: Vec<Passage>,
    /// The ordinal to pass as `after` for the next part; `None` at the end.
    pub next: Option<u32>,
}

impl App {
    /// Begins an upload into a collection: the rights are checked before the first byte.
    ///
    /// # Errors
    /// If the collection is not the principal's own.
    pub async fn begin_upload(
        &self,
        principal: &Principal,
        collection: CollectionId,
    ) -> Result<Upload> {
        self.collection(principal, collection, Action::WriteCollection).await?;
        let bytes_max = self.config.upload_bytes_max;
        let writer = self.blobs.begin(bytes_max).await?;
        Ok(Upload { collection, writer, bytes_max })
    }

    /// Ends an upload: the bytes are safe on disk, the document is received and will be read.
    /// The same content under the same name in the same collection stays one document.
    ///
    /// # Errors
    /// If the file is empty, or the collection has gone meanwhile.
    pub async fn upload_document(
        &self,
        principal: &Principal,
        upload: Upload,
        name: &str,
    ) -> Result<Document> {
        if upload.writer.size_bytes() == 0 {
            return Err(Error::invalid("file_empty").in_field("file"));
        }
        let blob = upload.writer.finish().await.map_err(|e| writing_failed(e, upload.bytes_max))?;
        let name = file_name(name);
        let received =
            self.store.receive_document(principal, upload.collection, &name, blob).await?;
        Ok(received.document)
    }

    /// Lists the documents of a collection.
    ///
    /// # Errors
    /// If the principal may not read it.
    pub async fn list_documents(
        &self,
        principal: &Principal,
        collection: CollectionId,
    ) -> Result<Vec<Document>> {
        self.collection(principal, collection, Action::ReadCollection).await?;
        Ok(self.store.documents(principal, collection).await?)
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

    /// Opens the original file.
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
        Ok((document, file))
    }

    /// Lists passages of a document in reading order, of one page or of all.
    ///
    /// # Errors
    /// If the principal may not read its collection.
    pub async fn list_passages(
        &self,
        principal: &Principal,
        id: DocumentId,
        page: Option<u32>,
        after: Option<u32>,
        limit: Option<u32>,
    ) -> Result<PassagePage> {
        self.document(principal, id, Action::ReadCollection).await?;
        let limit = limit.unwrap_or(PASSAGES_PAGE).clamp(1, PASSAGES_PAGE);
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
        let found = self.store.passage_for(principal, id).await?;
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
        let document = self.store.document_for(principal, id).await?;
        domain::authorise(principal, action, &document.resource())?;
        Ok(document)
    }
}

fn writing_failed(error: store::Error, bytes_max: u64) -> Error {
    match error {
        store::Error::TooLarge => {
            Error::new(ErrorKind::TooLarge, "file_too_large").with("max_mb", bytes_max / 1_000_000)
        }
        store::Error::Io(ref cause) if cause.kind() == std::io::ErrorKind::StorageFull => {
            Error::new(ErrorKind::Overloaded, "disk_full").caused_by(error)
        }
        other => other.into(),
    }
}

/// Makes a name fit to show from whatever a client sent: no folders, no control characters, not
/// too long, the ending kept.
fn file_name(sent: &str) -> String {
    let last = sent.rsplit(['/', '\\']).next().unwrap_or_default();
    let clean: String =
        last.chars().filter(|c| !c.is_control() && !is_invisible_direction(*c)).collect();
    let clean = clean.trim().trim_start_matches('.');
    if clean.is_empty() {
        return "Dokument".to_owned();
    }
    let length = clean.chars().count();
    if length <= limits::DOCUMENT_NAME_CHARS_MAX {
        return clean.to_owned();
    }
    let tail: String = clean.chars().skip(length - 20).collect();
    let head: String = clean.chars().take(limits::DOCUMENT_NAME_CHARS_MAX - 21).collect();
    format!("{head}…{tail}")
}

#[cfg(test)]
mod tests {
    use super::file_name;

    #[test]
    fn names_lose_what_could_do_harm() {
        let cases = [
            ("Satzung.pdf", "Satzung.pdf"),
            ("../../etc/passwd", "passwd"),
            ("C:\\Akten\\Bescheid.docx", "Bescheid.docx"),
            ("a\u{202E}fdp.exe", "afdp.exe"),
            ("zeile\numbruch\0.txt", "zeileumbruch.txt"),
            ("...", "Dokument"),
            ("", "Dokument"),
            ("  .htaccess ", "htaccess"),
        ];
        for (sent, kept) in cases {
            assert_eq!(file_name(sent), kept, "{sent:?}");
        }
        let long = file_name(&format!("{}.pdf", "ä".repeat(400)));
        assert_eq!(long.chars().count(), 255);
        assert!(long.ends_with("ä.pdf"));
    }
}
