//! `fachwerk migrate` and `fachwerk audit verify`.

use super::{Failure, Outcome, load_quietly, print, runtime, with_app};
use crate::{
    cli::{Installation, Migrate},
    wiring::{self, explain},
};

pub(super) fn migrate(asked: &Migrate) -> Outcome {
    let config = load_quietly(&asked.installation)?;
    wiring::make_data_folder(&config.data)?;
    runtime()?.block_on(async {
        let store = wiring::open_store(&config).await?;
        let migrated = store.migrate().await;
        store.close().await;
        migrated.map_err(|error| explain("the database cannot be brought up to date", &error))
    })?;
    print("The database is up to date.\n")
}

pub(super) fn verify_audit(installation: &Installation) -> Outcome {
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
