//! The rows of stored files. Each is the lock under which its file appears and disappears, so that
//! an upload and a deletion of the same content, in whichever processes, come one after the other.

use std::time::Duration;

use domain::Instant;
use sqlx::AnyConnection;

use crate::{
    BlobHash, Blobs, Error, Store,
    database::{Tx, fetch, fetch_one},
    values::{get, params},
};

impl Store {
    /// Removes stored files that no document has: those of `age` at least that a killed process left
    /// behind, and rows whose file was about to go. Returns how many.
    ///
    /// # Errors
    /// A database or file error.
    pub async fn sweep_blobs(&self, blobs: &Blobs, age: Duration) -> Result<u64, Error> {
        let mut unused = Vec::new();
        for hash in blobs.stored(age).await? {
            let mut db = self.read().await?;
            if !is_named(&mut db, &hash).await? {
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
            if is_named(tx.db(), &hash).await? {
                continue;
            }
            tx.execute("DELETE FROM blob WHERE hash = $1", params![hash.as_str()]).await?;
            blobs.remove(&hash).await?;
            tx.commit().await?;
        }
        Ok(())
    }
}

/// Says whether a document has this file.
pub(crate) async fn is_named(db: &mut AnyConnection, hash: &BlobHash) -> Result<bool, Error> {
    let sql = "SELECT id FROM document WHERE blob_hash = $1 LIMIT 1";
    Ok(fetch_one(db, sql, params![hash.as_str()]).await?.is_some())
}

/// Locks the row of a stored file, and makes it if it is not there.
pub(crate) async fn lock_blob(tx: &mut Tx, hash: &BlobHash, size_bytes: u64) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO blob (hash, size_bytes, created_at) VALUES ($1, $2, $3) \
         ON CONFLICT (hash) DO UPDATE SET created_at = blob.created_at",
        params![hash.as_str(), size_bytes, Instant::now()],
    )
    .await?;
    Ok(())
}
