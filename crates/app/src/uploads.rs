//! Uploads: a document on its way in. Refused at once is what surely is no document, and what there
//! is no room for; everything else is received and then read by the worker.

use domain::{Action, CollectionId, ErrorKind, limits};
use extract::Failure;
use store::{BlobWriter, Blobs, Document, PendingBlob};

use crate::{App, Error, Principal, Result, naming::is_invisible_direction};

/// Bytes of an upload after which the free space is looked at again.
const BYTES_PER_LOOK: u64 = 16 << 20;

/// A document on its way in. Dropping it leaves nothing behind.
pub struct Upload {
    collection: CollectionId,
    writer: BlobWriter,
    blobs: Blobs,
    bounds: Bounds,
    /// Bytes after which the free space is looked at.
    next_look: u64,
}

/// How much may come in.
#[derive(Clone, Copy)]
struct Bounds {
    /// Largest document.
    file_bytes_max: u64,
    /// What one person may store in all.
    person_bytes_max: Option<u64>,
    /// What is left of that.
    person_bytes_left: Option<u64>,
    /// What must stay free on the disk.
    free_bytes_min: u64,
}

impl Upload {
    /// Takes the next bytes.
    ///
    /// # Errors
    /// If the file grows over the limit, or there is no room for it.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.writer.write(bytes).await.map_err(|error| self.bounds.refusal(error))?;
        if self.writer.size_bytes() >= self.next_look {
            self.next_look = self.writer.size_bytes() + BYTES_PER_LOOK;
            self.bounds.check_free(&self.blobs, 0).await?;
        }
        Ok(())
    }
}

impl Bounds {
    fn bytes_max(&self) -> u64 {
        self.person_bytes_left.map_or(self.file_bytes_max, |left| left.min(self.file_bytes_max))
    }

    /// Refuses what would leave too little room on the disk.
    async fn check_free(&self, blobs: &Blobs, expected_bytes: u64) -> Result<()> {
        if blobs.free_bytes().await? < self.free_bytes_min.saturating_add(expected_bytes) {
            return Err(Error::new(ErrorKind::StorageFull, "disk_full"));
        }
        Ok(())
    }

    fn over_quota(&self) -> Error {
        let whole = self.person_bytes_max.unwrap_or_default();
        let used = whole.saturating_sub(self.person_bytes_left.unwrap_or_default());
        Error::new(ErrorKind::TooLarge, "quota_exceeded")
            .with("used_mb", used / 1_000_000)
            .with("max_mb", whole / 1_000_000)
    }

    fn refusal(&self, error: store::Error) -> Error {
        match error {
            store::Error::TooLarge if self.bytes_max() < self.file_bytes_max => self.over_quota(),
            store::Error::TooLarge => Error::new(ErrorKind::TooLarge, "file_too_large")
                .with("max_mb", self.file_bytes_max / 1_000_000),
            store::Error::Io(ref cause) if cause.kind() == std::io::ErrorKind::StorageFull => {
                Error::new(ErrorKind::StorageFull, "disk_full").caused_by(error)
            }
            other => other.into(),
        }
    }
}

impl App {
    /// Begins an upload into a collection: rights and room are checked before the first byte.
    /// `expected_bytes` is what the caller says will come, zero if they do not say.
    ///
    /// # Errors
    /// If the collection is not the principal's own, their share is used up, or the disk is full.
    pub async fn begin_upload(
        &self,
        principal: &Principal,
        collection: CollectionId,
        expected_bytes: u64,
    ) -> Result<Upload> {
        self.collection(principal, collection, Action::WriteCollection).await?;
        // What is over the limit is told so when it arrives, not that there is no room.
        let expected_bytes = expected_bytes.min(self.config.upload_bytes_max);
        let person_bytes_max = self.config.person_bytes_max;
        let person_bytes_left = match person_bytes_max {
            Some(whole) => Some(whole.saturating_sub(self.store.stored_bytes(principal).await?)),
            None => None,
        };
        let bounds = Bounds {
            file_bytes_max: self.config.upload_bytes_max,
            person_bytes_max,
            person_bytes_left,
            free_bytes_min: self.config.free_bytes_min,
        };
        if person_bytes_left.is_some_and(|left| left < expected_bytes.max(1)) {
            return Err(bounds.over_quota());
        }
        bounds.check_free(&self.blobs, expected_bytes).await?;
        let writer = self.blobs.begin(bounds.bytes_max()).await?;
        let blobs = self.blobs.clone();
        Ok(Upload { collection, writer, blobs, bounds, next_look: BYTES_PER_LOOK })
    }

    /// Ends an upload: the bytes are safe on disk, the document is received and will be read.
    /// The same content under the same name in the same collection stays one document.
    ///
    /// # Errors
    /// If the file is empty or surely no document, the person's share is used up, or the collection
    /// has gone meanwhile.
    pub async fn upload_document(
        &self,
        principal: &Principal,
        upload: Upload,
        name: &str,
    ) -> Result<Document> {
        let Upload { collection, writer, bounds, .. } = upload;
        if writer.size_bytes() == 0 {
            return Err(Error::invalid("file_empty").in_field("file"));
        }
        let blob = writer.finish().await.map_err(|error| bounds.refusal(error))?;
        let name = file_name(name);
        let blob = self.inspect(blob, name.clone()).await?;
        let most = bounds.person_bytes_max;
        let received = self.store.receive_document(principal, collection, &name, blob, most).await;
        let received = received.map_err(|error| match error {
            // Another upload of theirs was faster.
            store::Error::TooLarge => bounds.over_quota(),
            other => other.into(),
        })?;
        Ok(received.document)
    }

    /// Looks at a file that has arrived, within bounds; gives it back if it may be a document.
    async fn inspect(&self, blob: PendingBlob, name: String) -> Result<PendingBlob> {
        let bounds = self.config.extraction.clone();
        let look = move || -> std::io::Result<_> {
            let mut file = std::fs::File::open(blob.path())?;
            let seen = extract::inspect(&mut file, &name, &bounds);
            Ok((blob, seen))
        };
        let (blob, seen) = self.computing.run(look).await?.map_err(Error::internal)?;
        match seen {
            Ok(_) => Ok(blob),
            Err(failure) => Err(unfit(failure).in_field("file")),
        }
    }
}

/// What is told of a file that surely is no document.
fn unfit(failure: Failure) -> Error {
    let code = match failure {
        Failure::Unsupported => "file_unsupported",
        Failure::NoText => "file_blank",
        Failure::TooLarge => "file_unpacks_too_large",
        _ => "file_damaged",
    };
    Error::new(ErrorKind::Unprocessable, code)
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
