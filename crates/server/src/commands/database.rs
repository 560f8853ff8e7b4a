//! `fachwerk migrate` and `fachwerk audit verify`.

use store::{Location, Store};

use super::{Failure, Outcome, load_quietly, load_without_keys, print, runtime, with_app};
use crate::{
    cli::{Installation, Migrate},
    wiring::{self, explain},
};

pub(super) fn migrate(asked: &Migrate) -> Outcome {
    let config = load_quietly(&asked.installation)?;
    match &asked.to {
        Some(url) if !url.starts_with("postgres://") && !url.starts_with("postgresql://") => {
            return Err(Failure::usage("--to must begin with postgres://"));
        }
        Some(_) => wiring::require_installation(&config)?,
        None => wiring::make_data_folder(&config.data)?,
    }
    // A copy shows one moment: what a running platform writes meanwhile would be lost.
    let _lock = match asked.to {
        Some(_) => Some(wiring::lock_data_folder(&config.data, true)?),
        None => None,
    };
    runtime()?.block_on(async {
        let store = wiring::open_store(&config).await?;
        let done = match &asked.to {
            Some(url) => copy(&store, url).await,
            None => bring_up_to_date(&store).await,
        };
        store.close().await;
        done
    })
}

async fn bring_up_to_date(store: &Store) -> Outcome {
    let migrated = store.migrate().await;
    migrated.map_err(|error| explain("the database cannot be brought up to date", &error))?;
    print("The database is up to date.\n")
}

async fn copy(from: &Store, url: &str) -> Outcome {
    let failed = |error: store::Error| explain("the installation could not be copied", &error);
    let to = Store::open(&Location::Postgres(url.to_owned())).await.map_err(failed)?;
    let copied = store::copy_all(from, &to).await;
    to.close().await;
    let report = copied.map_err(failed)?;
    for (table, rows) in &report.tables {
        print(&format!("{table}: {rows} rows\n"))?;
    }
    print(&format!(
        "{} rows copied and counted, {} audit entries verified. From now on set \
         FACHWERK_DATABASE_URL and keep the data folder: documents and secret stay there.\n",
        report.rows(),
        report.audit_entries
    ))
}

pub(super) fn verify_audit(installation: &Installation) -> Outcome {
    wiring::require_installation(&load_without_keys(&installation.overrides())?)?;
    let reports =
        with_app(installation, |app| async move { Ok(app.verify_audit_by_command().await?) })?;
    let mut broken = 0;
    for (tenant, report) in reports {
        let verdict = match report.first_broken {
            None => "intact".to_owned(),
            Some(entry) => {
                broken += 1;
                format!("BROKEN at entry {entry}")
            }
        };
        print(&format!("tenant {tenant}: {} entries, {verdict}\n", report.entries))?;
    }
    if broken > 0 {
        return Err(Failure::other("the audit log was changed after it was written"));
    }
    Ok(())
}
