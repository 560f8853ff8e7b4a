//! `fachwerk usage export`.

use std::sync::Arc;

use app::{App, Language};

use super::{Failure, Outcome, load_without_keys, print, with_app};
use crate::{cli::ExportUsage, routes, wiring};

pub(super) fn export(asked: &ExportUsage) -> Outcome {
    wiring::require_installation(&load_without_keys(&asked.installation.overrides())?)?;
    let months = (asked.month, asked.to.unwrap_or(asked.month));
    let (view, format) = (asked.by.into(), asked.format);
    with_app(&asked.installation, |app: Arc<App>| async move {
        let export = app.export_usage_by_command(months, view).await?;
        let mut pieces = routes::ExportPieces::new(export, view, format, Language::German);
        while let Some(piece) = pieces.next().await? {
            print(&piece)?;
        }
        Ok::<(), Failure>(())
    })
}
