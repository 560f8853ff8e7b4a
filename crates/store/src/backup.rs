//! One file that holds an installation: rows, stored files, secrets. Made while the service runs;
//! restored only into an empty place, after everything in it was checked. The search index is not in
//! it: it is built anew.

use std::{
    collections::BTreeMap,
    fs::File,
    path::{Path, PathBuf},
};

use domain::Instant;
use sqlx::Connection as _;

use crate::{
    BlobHash, Blobs, Engine, Error, Location, SchemaState, Store,
    archive::{
        Archive, DATABASE, FORMAT, Manifest, add_blobs, is_plain_name, newer, parent, unpack,
    },
    blob_rows::is_named,
    blobs::blocking,
    database::fetch,
    transfer::{self, AuditCheck, copy},
    values::{get, params},
};

/// A small file beside the database without which it is of no use, e.g. the installation's secret.
#[derive(Debug, Clone)]
pub struct SecretFile {
    /// Its name inside the backup: letters, digits, `.`, `-`, `_`.
    pub name: String,
    /// Where it lies.
    pub path: PathBuf,
}

/// What was saved or restored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupReport {
    /// When the backup was made.
    pub created_at: Instant,
    /// Rows in the database.
    pub rows: u64,
    /// Stored files.
    pub blobs: u64,
    /// Stored files that a document names and that were lost or damaged before the backup.
    pub missing: Vec<String>,
    /// Audit entries.
    pub audit_entries: u64,
    /// Whether every tenant's audit log verifies. One that was tampered with before the backup is
    /// saved and restored as it is, and told here.
    pub audit_intact: bool,
}

/// Where a backup is restored to. Everything must be empty.
#[derive(Debug, Clone)]
pub struct RestoreTarget {
    /// The database.
    pub location: Location,
    /// The folder of stored files.
    pub blobs: PathBuf,
    /// The folder of the journal of calls; what lies there belongs to another installation.
    pub ledger: PathBuf,
    /// Where each secret goes.
    pub secrets: Vec<SecretFile>,
}

/// Writes a backup to the new file `out`. The service may run meanwhile; the backup shows the
/// installation at one moment, less what was deleted while it was made.
///
/// # Errors
/// [`Error::Transfer`] if `out` exists; a file or database error.
/// A failed backup leaves no file.
pub async fn backup(
    store: &Store,
    blobs: &Blobs,
    secrets: &[SecretFile],
    out: &Path,
) -> Result<BackupReport, Error> {
    if out.exists() {
        return Err(Error::Transfer(format!("{} exists already", out.display())));
    }
    let folder = parent(out)?;
    let work = tempfile::Builder::new().prefix(".backup-").tempdir_in(&folder)?;
    let snapshot = take_snapshot(store, work.path()).await?;

    let hashes = blob_hashes(&snapshot).await?;
    let archive = Archive::create(&work.path().join("archive"))?;
    let (files, stored) = (hashes.clone(), blobs.clone());
    let (mut archive, absent) = blocking(move || add_blobs(archive, &stored, &files)).await?;
    let missing = forget_deleted(store, &snapshot, absent).await?;

    let Checked { tables, audit_entries, audit_intact } = check(&snapshot).await?;
    snapshot.close().await;
    let created_at = Instant::now();
    let (members, blob_count) = (secrets.to_vec(), hashes.len() as u64 - missing.len() as u64);
    let manifest = Manifest {
        format: FORMAT,
        created_at,
        tables: tables.iter().map(|(table, rows)| ((*table).to_owned(), *rows)).collect(),
        members: BTreeMap::new(),
        missing: missing.clone(),
        audit_intact,
    };
    let (database, finished) = (work.path().join(DATABASE), out.to_owned());
    blocking(move || {
        for secret in &members {
            if !is_plain_name(&secret.name) {
                return Err(Error::Transfer(format!("{:?} cannot name a secret", secret.name)));
            }
            archive.add_file(&format!("secrets/{}", secret.name), &secret.path)?;
        }
        archive.add_file(DATABASE, &database)?;
        archive.finish(manifest, &finished)
    })
    .await?;
    let rows = tables.iter().map(|(_, rows)| rows).sum();
    Ok(BackupReport { created_at, rows, blobs: blob_count, missing, audit_entries, audit_intact })
}

/// Restores a backup into an empty place. Everything is unpacked beside the target and checked first:
/// each member against the manifest, rows against counts, documents against files, the audit chains.
/// Only then it is moved into place, the database last.
///
/// # Errors
/// [`Error::Transfer`] with what is wrong, before anything of the target was touched.
pub async fn restore(archive: &Path, target: &RestoreTarget) -> Result<BackupReport, Error> {
    refuse_used(target).await?;
    let folder = parent(&target.blobs)?;
    std::fs::create_dir_all(&folder)?;
    let work = tempfile::Builder::new().prefix(".restore-").tempdir_in(&folder)?;
    let (from, to) = (archive.to_owned(), work.path().to_owned());
    let names: Vec<String> = target.secrets.iter().map(|secret| secret.name.clone()).collect();
    let manifest = blocking(move || unpack(&from, &to, &names)).await?;

    let database = Store::open(&Location::Sqlite(work.path().join(DATABASE))).await?;
    let checked = check_restored(&database, &manifest, work.path()).await;
    let report = match checked {
        Ok(report) => report,
        Err(error) => {
            database.close().await;
            return Err(error);
        }
    };
    move_files(work.path(), target)?;
    if let Location::Sqlite(path) = &target.location {
        database.close().await;
        std::fs::create_dir_all(parent(path)?)?;
        put(&work.path().join(DATABASE), path)?;
    } else {
        let store = Store::open(&target.location).await?;
        // Verified above, as far as it verified when it was saved.
        let copied = copy(&database, &store, AuditCheck::Waived).await;
        database.close().await;
        store.close().await;
        copied?;
    }
    Ok(report)
}

async fn take_snapshot(store: &Store, folder: &Path) -> Result<Store, Error> {
    let path = folder.join(DATABASE);
    if store.engine() == Engine::Sqlite {
        // A connection of its own: a long read that keeps no writer waiting.
        let mut db = sqlx::AnyConnection::connect(&store.location().url()?).await?;
        let target = path.to_str().ok_or_else(|| {
            Error::Transfer("the path of the backup is not valid UTF-8".to_owned())
        })?;
        crate::database::execute(&mut db, "VACUUM INTO $1", params![target]).await?;
        db.close().await?;
        return Store::open(&Location::Sqlite(path)).await;
    }
    let snapshot = Store::open(&Location::Sqlite(path)).await?;
    copy(store, &snapshot, AuditCheck::Waived).await?;
    Ok(snapshot)
}

async fn blob_hashes(store: &Store) -> Result<Vec<BlobHash>, Error> {
    let mut db = store.read().await?;
    let sql = "SELECT DISTINCT blob_hash FROM document ORDER BY blob_hash";
    let rows = fetch(&mut db, sql, params![]).await?;
    rows.iter().map(|row| get::<String>(row, "blob_hash")?.parse()).collect()
}

/// Takes those documents out of the snapshot whose file went away because they were deleted while
/// the backup was made; returns the files that are missing for no good reason.
async fn forget_deleted(
    store: &Store,
    snapshot: &Store,
    absent: Vec<BlobHash>,
) -> Result<Vec<String>, Error> {
    let mut missing = Vec::new();
    for hash in absent {
        let mut db = store.read().await?;
        let named = is_named(&mut db, &hash).await?;
        drop(db);
        if named {
            missing.push(hash.to_string());
            continue;
        }
        let mut tx = snapshot.write().await?;
        let sql = "DELETE FROM document WHERE blob_hash = $1";
        tx.execute(sql, params![hash.as_str()]).await?;
        tx.execute("DELETE FROM blob WHERE hash = $1", params![hash.as_str()]).await?;
        tx.commit().await?;
    }
    Ok(missing)
}

/// What counting and verifying found.
struct Checked {
    tables: Vec<(&'static str, u64)>,
    audit_entries: u64,
    audit_intact: bool,
}

/// Counts rows and verifies the audit chains.
async fn check(store: &Store) -> Result<Checked, Error> {
    let tables = {
        let mut db = store.read().await?;
        transfer::counts(&mut db).await?
    };
    let mut checked = Checked { tables, audit_entries: 0, audit_intact: true };
    for tenant in store.tenants().await? {
        let report = store.verify_audit(tenant.id).await?;
        checked.audit_entries += report.entries;
        checked.audit_intact &= report.intact();
    }
    Ok(checked)
}

async fn refuse_used(target: &RestoreTarget) -> Result<(), Error> {
    let used = |path: &Path| Error::Transfer(format!("{} is not empty", path.display()));
    for folder in [&target.blobs, &target.ledger] {
        if std::fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some()) {
            return Err(used(folder));
        }
    }
    if let Some(secret) = target.secrets.iter().find(|secret| secret.path.exists()) {
        return Err(used(&secret.path));
    }
    match &target.location {
        // A log left beside a database that is gone would be played into the restored one.
        Location::Sqlite(path) => {
            let log = PathBuf::from(format!("{}-wal", path.display()));
            [path.clone(), log].iter().find(|file| file.exists()).map_or(Ok(()), |f| Err(used(f)))
        }
        Location::Postgres(_) => {
            let store = Store::open(&target.location).await?;
            let used = match store.schema_state().await? {
                SchemaState::Empty => false,
                SchemaState::Current => {
                    let mut db = store.read().await?;
                    transfer::in_use(&mut db).await?
                }
                _ => true,
            };
            store.close().await;
            if used {
                return Err(Error::Transfer("the database is not empty".to_owned()));
            }
            Ok(())
        }
    }
}

async fn check_restored(
    database: &Store,
    manifest: &Manifest,
    folder: &Path,
) -> Result<BackupReport, Error> {
    match database.schema_state().await? {
        SchemaState::Current => {
            let tables = check(database).await?.tables;
            let same = tables.iter().all(|(table, rows)| manifest.tables.get(*table) == Some(rows));
            if !same {
                return Err(Error::Transfer("rows are missing in the backup".to_owned()));
            }
        }
        SchemaState::Behind(_) => database.migrate().await?,
        SchemaState::Ahead => return Err(newer()),
        SchemaState::Empty | SchemaState::Changed(_) => {
            return Err(Error::Transfer("the database in the backup is not ours".to_owned()));
        }
    }
    let Checked { tables, audit_entries, audit_intact } = check(database).await?;
    if manifest.audit_intact && !audit_intact {
        return Err(Error::Transfer("the audit log in the backup does not verify".to_owned()));
    }
    let mut blobs = 0;
    for hash in blob_hashes(database).await? {
        let path = folder.join("blobs").join(&hash.as_str()[..2]).join(hash.as_str());
        let known_missing = manifest.missing.iter().any(|missing| missing == hash.as_str());
        if known_missing {
            // What stands in a damaged file is not what its name says: nobody shall read it.
            std::fs::remove_file(&path).or_else(ignore_absent)?;
        } else if path.is_file() {
            blobs += 1;
        } else {
            return Err(Error::Transfer(format!("the file {hash} is not in the backup")));
        }
    }
    Ok(BackupReport {
        created_at: manifest.created_at,
        rows: tables.iter().map(|(_, rows)| rows).sum(),
        blobs,
        missing: manifest.missing.clone(),
        audit_entries,
        audit_intact,
    })
}

fn ignore_absent(error: std::io::Error) -> std::io::Result<()> {
    if error.kind() == std::io::ErrorKind::NotFound { Ok(()) } else { Err(error) }
}

fn move_files(from: &Path, target: &RestoreTarget) -> Result<(), Error> {
    std::fs::remove_dir(&target.blobs).or_else(ignore_absent)?;
    std::fs::rename(from.join("blobs"), &target.blobs)?;
    for secret in &target.secrets {
        let unpacked = from.join("secrets").join(&secret.name);
        if unpacked.is_file() {
            std::fs::create_dir_all(parent(&secret.path)?)?;
            put(&unpacked, &secret.path)?;
        }
    }
    Ok(())
}

/// Moves a file to its place, by copying where that is another file system, readable by us alone.
fn put(from: &Path, to: &Path) -> Result<(), Error> {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(from, std::fs::Permissions::from_mode(0o600))?;
    let folder = parent(to)?;
    let mut near = tempfile::NamedTempFile::new_in(&folder)?;
    std::io::copy(&mut File::open(from)?, &mut near)?;
    near.as_file().sync_all()?;
    near.persist_noclobber(to).map_err(|error| error.error)?;
    File::open(folder)?.sync_all()?;
    Ok(())
}
