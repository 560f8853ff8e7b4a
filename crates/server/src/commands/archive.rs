//! `fachwerk backup` and `fachwerk restore`: a whole installation in one file.

use std::fs;

use store::{AuditEvent, BackupReport, Blobs, By, RestoreTarget, SecretFile, Store};

use super::{Failure, Outcome, load_quietly, print, runtime, tell};
use crate::{
    cli::{Backup, Restore},
    config::Config,
    wiring::{self, explain, places},
};

pub(super) fn backup(asked: &Backup) -> Outcome {
    let config = load_quietly(&asked.installation)?;
    wiring::require_installation(&config)?;
    let failed = |error: store::Error| explain("the backup could not be made", &error);
    let report = runtime()?.block_on(async {
        let blobs =
            Blobs::open(&config.data.join(places::BLOBS), &config.data.join(places::INCOMING))
                .map_err(failed)?;
        let store = wiring::open_store(&config).await?;
        let made = store::backup(&store, &blobs, &[secret(&config)], &asked.file).await;
        if let Ok(report) = &made {
            note(&store, "create_backup", report).await.map_err(failed)?;
        }
        store.close().await;
        made.map_err(failed)
    })?;
    print(&format!("{}: {}\n", asked.file.display(), describe(&report)))?;
    tell_missing(&report);
    Ok(())
}

pub(super) fn restore(asked: &Restore) -> Outcome {
    let config = load_quietly(&asked.installation)?;
    wiring::make_data_folder(&config.data)?;
    let _lock = wiring::lock_data_folder(&config.data, true)?;
    let target = RestoreTarget {
        location: wiring::location(&config),
        blobs: config.data.join(places::BLOBS),
        ledger: config.data.join(places::LEDGER),
        secrets: vec![secret(&config)],
    };
    let failed = |error: store::Error| explain("the backup could not be restored", &error);
    let report = runtime()?.block_on(async {
        let report = store::restore(&asked.file, &target).await.map_err(failed)?;
        let store = wiring::open_store(&config).await?;
        let noted = note(&store, "restore_backup", &report).await;
        store.close().await;
        noted.map_err(failed)?;
        Ok::<_, Failure>(report)
    })?;
    forget_index(&config)?;
    print(&format!("{}: {}\n", config.data.display(), describe(&report)))?;
    tell_missing(&report);
    Ok(())
}

/// Writes down in each tenant's log that all its rows were copied out or in.
async fn note(
    store: &Store,
    action: &'static str,
    report: &BackupReport,
) -> Result<(), store::Error> {
    for tenant in store.tenants().await? {
        let event = AuditEvent::done(&By::command(), action)
            .with("as_of", report.created_at.to_rfc3339())
            .with("rows", report.rows)
            .with("blobs", report.blobs);
        store.record_audit(tenant.id, event).await?;
    }
    Ok(())
}

/// The file without which no password link, session or key of the database can be checked.
fn secret(config: &Config) -> SecretFile {
    SecretFile { name: places::SECRET.to_owned(), path: config.data.join(places::SECRET) }
}

/// An index from before knows nothing of what was restored; the next start builds it anew.
fn forget_index(config: &Config) -> Outcome {
    match fs::remove_dir_all(config.data.join(places::INDEX)) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Failure::other(format!("the old search index cannot be removed: {error}")))
        }
        _ => Ok(()),
    }
}

fn describe(report: &BackupReport) -> String {
    format!(
        "as of {}: {} rows, {} stored files, {} audit entries verified",
        report.created_at.to_rfc3339(),
        report.rows,
        report.blobs,
        report.audit_entries
    )
}

fn tell_missing(report: &BackupReport) {
    if !report.missing.is_empty() {
        let count = report.missing.len();
        tell(&format!("{count} stored file(s) that documents name were lost before the backup"));
    }
}
