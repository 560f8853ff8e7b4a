//! What was used and what it cost: figures over enough people for administrators, one's own for
//! everybody.

mod export;

use std::sync::Arc;

use app::{App, Figures, UsageView};
use axum::{
    body::Body,
    extract::State,
    response::{IntoResponse, Response},
};
use domain::{Day, Instant, Month};
pub(crate) use export::ExportPieces;
use futures_util::stream;
use http::{
    HeaderValue,
    header::{CONTENT_DISPOSITION, CONTENT_TYPE},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{
    cli::{ExportFormat, UsageBy},
    door::{Caller, Problem, Query, Reader},
};

/// What was used in a month.
#[derive(Serialize, ToSchema)]
pub(crate) struct MonthUsage {
    /// As `2026-11`.
    month: String,
    /// The last day of which there are figures at all; days are those of UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    closed_until: Option<String>,
    /// The fewest people that an item is about.
    people_min: usize,
    total: UsageFigures,
    items: Vec<UsageItem>,
}

/// What at least `people_min` people together have used, or programs.
#[derive(Serialize, ToSchema)]
pub(crate) struct UsageItem {
    /// The id of a unit, the name of a model, the code of a place or class; empty for the rest, and
    /// by day.
    subject: String,
    /// For a unit, its name after those above it; else as `subject`.
    name: String,
    /// The unit's cost centre, or the nearest above it.
    #[serde(skip_serializing_if = "Option::is_none")]
    cost_centre: Option<String>,
    /// Whether it is what programs used, which is about no person and counted at once.
    is_service: bool,
    /// The first day that is counted; it may lie in the month before.
    first_day: String,
    last_day: String,
    #[serde(flatten)]
    figures: UsageFigures,
}

/// Sums over requests.
#[derive(Serialize, ToSchema)]
pub(crate) struct UsageFigures {
    requests: u64,
    /// Those of them that were answered out of the answer cache.
    from_cache: u64,
    prompt_tokens: u64,
    /// Those of them that came out of the model server's cache.
    cached_tokens: u64,
    completion_tokens: u64,
    /// Millionths of a euro, to the nearest.
    cost_micro_euro: u64,
    /// The same in billionths of a euro, exactly: what is to be added up.
    cost_nano_euro: u64,
    /// Requests whose route has no price.
    unpriced: u64,
    /// Estimated milliwatt hours, as far as routes have an estimate.
    energy_mwh: u64,
}

/// What the caller used.
#[derive(Serialize, ToSchema)]
pub(crate) struct OwnUsage {
    /// Since midnight, in UTC.
    today: UsageFigures,
    /// Since the month began, in UTC.
    month: UsageFigures,
    /// The month by model.
    models: Vec<OwnModelUsage>,
}

/// What the caller used of a model.
#[derive(Serialize, ToSchema)]
pub(crate) struct OwnModelUsage {
    model: String,
    #[serde(flatten)]
    figures: UsageFigures,
}

/// Which figures.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct UsageQuery {
    /// As `2026-11`; without it the present month.
    month: Option<String>,
    /// What tells them apart; without it the units.
    #[param(inline)]
    by: Option<UsageBy>,
}

/// Which figures, in which form.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExportQuery {
    /// The first month, as `2026-11`; without it the present one.
    from: Option<String>,
    /// The last month, at most three years in all; without it the first.
    to: Option<String>,
    /// What tells them apart; without it the units.
    #[param(inline)]
    by: Option<UsageBy>,
    /// Without it CSV.
    #[param(inline)]
    format: Option<ExportFormat>,
}

impl From<Figures> for UsageFigures {
    fn from(sums: Figures) -> Self {
        Self {
            requests: sums.calls,
            from_cache: sums.from_cache,
            prompt_tokens: sums.prompt_tokens,
            cached_tokens: sums.cached_tokens,
            completion_tokens: sums.completion_tokens,
            cost_micro_euro: domain::money::to_micro_euro(sums.cost_nano_euro),
            cost_nano_euro: sums.cost_nano_euro,
            unpriced: sums.unpriced,
            energy_mwh: sums.energy_mwh,
        }
    }
}

impl From<app::UsageLine> for UsageItem {
    fn from(line: app::UsageLine) -> Self {
        Self {
            subject: line.subject,
            name: line.name,
            cost_centre: line.cost_centre,
            is_service: line.is_service,
            first_day: line.first_day.to_string(),
            last_day: line.last_day.to_string(),
            figures: line.sums.into(),
        }
    }
}

fn month(text: &str, field: &'static str) -> Result<Month, app::Error> {
    text.parse().map_err(|_| app::Error::invalid("month_unfit").in_field(field))
}

/// Says what the people of the tenant together used in a month. Nothing in it is about fewer than
/// `people_min` people, nor can be subtracted to be.
#[utoipa::path(get, path = "/api/usage", tag = "administration", params(UsageQuery),
    responses((status = 200, body = MonthUsage)))]
pub(crate) async fn get_usage(
    State(app): State<Arc<App>>,
    Caller(principal): Caller,
    Query(query): Query<UsageQuery>,
) -> Result<axum::Json<MonthUsage>, Problem> {
    let month = query.month.map(|text| month(&text, "month")).transpose()?;
    let view = query.by.map_or(UsageView::Unit, UsageView::from);
    let report = app.get_usage(&principal, month, view).await?;
    Ok(axum::Json(MonthUsage {
        month: report.month.to_string(),
        closed_until: report.closed_until.map(|day| day.to_string()),
        people_min: report.people_min,
        total: report.total.into(),
        items: report.lines.into_iter().map(UsageItem::from).collect(),
    }))
}

/// Hands the same out as a file, for one month or several.
#[utoipa::path(get, path = "/api/usage/export", tag = "administration", params(ExportQuery),
    responses((status = 200, body = String, content_type = "text/csv")))]
pub(crate) async fn export_usage(
    State(app): State<Arc<App>>,
    Caller(principal): Caller,
    Reader(language): Reader,
    Query(query): Query<ExportQuery>,
) -> Result<Response, Problem> {
    let from = query.from.map(|text| month(&text, "from")).transpose()?;
    let from = from.unwrap_or_else(|| Day::of(Instant::now()).month());
    let to = query.to.map(|text| month(&text, "to")).transpose()?.unwrap_or(from);
    let view = query.by.map_or(UsageView::Unit, UsageView::from);
    let format = query.format.unwrap_or(ExportFormat::Csv);
    let export = app.export_usage(&principal, (from, to), view).await?;
    let pieces = ExportPieces::new(export, view, format, language);
    let (kind, ending) = match format {
        ExportFormat::Csv => ("text/csv; charset=utf-8", "csv"),
        ExportFormat::Json => ("application/json", "json"),
    };
    let months = if from == to { from.to_string() } else { format!("{from}--{to}") };
    let name = format!("attachment; filename=\"fachwerk-{}-{months}.{ending}\"", view.code());
    let body = stream::try_unfold(pieces, |mut pieces| async move {
        let piece = pieces.next().await?;
        Ok::<_, app::Error>(piece.map(|piece| (piece, pieces)))
    });
    let mut response = Body::from_stream(body).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    let name = HeaderValue::try_from(name).expect("codes and digits are visible characters");
    headers.insert(CONTENT_DISPOSITION, name);
    Ok(response)
}

/// Says what the caller themselves used. Nobody else can ask for it.
#[utoipa::path(get, path = "/api/account/usage", tag = "account",
    responses((status = 200, body = OwnUsage)))]
pub(crate) async fn get_own_usage(
    State(app): State<Arc<App>>,
    Caller(principal): Caller,
) -> Result<axum::Json<OwnUsage>, Problem> {
    let own = app.get_own_usage(&principal).await?;
    let model =
        |used: app::OwnUsage| OwnModelUsage { model: used.model, figures: used.sums.into() };
    Ok(axum::Json(OwnUsage {
        today: own.today.into(),
        month: own.month.into(),
        models: own.models.into_iter().map(model).collect(),
    }))
}
