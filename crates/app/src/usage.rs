//! What was used and what it cost: for administrators as figures over enough people, for everybody
//! their own. There are no figures about another person, in any form (decision 0015).

use std::{collections::HashMap, sync::Arc, time::Duration};

use domain::{Action, Day, Instant, Month, Resource, TenantId, UnitId};
use store::{AuditEvent, By, Figures, OwnUsage, Unit, UsageView};

use crate::{App, Error, Principal, Result};

/// How long after its end a day is closed: what a call used is written down late at times.
const CLOSED_AFTER: Duration = Duration::from_hours(2);

/// Most months of one export.
const EXPORT_MONTHS_MAX: usize = 36;

/// Between the names of a unit and those above it.
const PATH_SEPARATOR: &str = " / ";

/// What was used in a month, told apart by one view.
#[derive(Debug, Clone)]
pub struct UsageReport {
    /// The month.
    pub month: Month,
    /// What tells the lines apart.
    pub view: UsageView,
    /// The last day of which there are figures at all.
    pub closed_until: Option<Day>,
    /// The fewest people that a line is about.
    pub people_min: usize,
    /// All lines together.
    pub total: Figures,
    /// The lines.
    pub lines: Vec<UsageLine>,
}

/// What at least so many people have used.
#[derive(Debug, Clone)]
pub struct UsageLine {
    /// The id of a unit, the name of a model, the code of a place or class, or empty: for the whole
    /// tenant in the view of days, else for all of which too few people made use.
    pub subject: String,
    /// The unit with those above it; else as `subject`.
    pub name: String,
    /// The unit's cost centre or the nearest one above it.
    pub cost_centre: Option<String>,
    /// Whether it is about programs instead of people.
    pub is_service: bool,
    /// The first day that is counted; it may lie in the month before.
    pub first_day: Day,
    /// The last.
    pub last_day: Day,
    /// The sums.
    pub sums: Figures,
}

/// One's own figures.
#[derive(Debug, Clone)]
pub struct OwnFigures {
    /// Since the day began, in UTC.
    pub today: Figures,
    /// Since the month began, in UTC.
    pub month: Figures,
    /// The month by model.
    pub models: Vec<OwnUsage>,
}

/// Reports of one month after the other.
pub struct UsageExport {
    app: Arc<App>,
    tenant: TenantId,
    view: UsageView,
    months: std::vec::IntoIter<Month>,
}

impl UsageExport {
    /// The report of the next month.
    ///
    /// # Errors
    /// A database error.
    pub async fn next(&mut self) -> Result<Option<UsageReport>> {
        let Some(month) = self.months.next() else { return Ok(None) };
        self.app.usage_report(self.tenant, month, self.view).await.map(Some)
    }
}

impl App {
    /// Says what the people of the tenant together used in a month.
    ///
    /// # Errors
    /// If the principal is no administrator.
    pub async fn get_usage(
        &self,
        principal: &Principal,
        month: Option<Month>,
        view: UsageView,
    ) -> Result<UsageReport> {
        domain::authorise(principal, Action::ReadUsage, &Resource::Tenant(principal.tenant))?;
        let month = month.unwrap_or_else(|| Day::of(Instant::now()).month());
        self.close_usage(principal.tenant).await?;
        self.usage_report(principal.tenant, month, view).await
    }

    /// The same for several months, to be kept elsewhere; the audit log says so.
    ///
    /// # Errors
    /// If the principal is no administrator, or the months are in the wrong order or too many.
    pub async fn export_usage(
        self: &Arc<Self>,
        principal: &Principal,
        (from, to): (Month, Month),
        view: UsageView,
    ) -> Result<UsageExport> {
        domain::authorise(principal, Action::ReadUsage, &Resource::Tenant(principal.tenant))?;
        self.begin_export(principal.tenant, (from, to), view, &By::from(principal)).await
    }

    /// The same for the operator at the command line, of the default tenant.
    ///
    /// # Errors
    /// If the months are in the wrong order or too many.
    pub async fn export_usage_by_command(
        self: &Arc<Self>,
        (from, to): (Month, Month),
        view: UsageView,
    ) -> Result<UsageExport> {
        let tenant = self.store.default_tenant().await?.id;
        self.begin_export(tenant, (from, to), view, &By::command()).await
    }

    /// Says what the principal themselves used.
    ///
    /// # Errors
    /// If they came with an API key.
    pub async fn get_own_usage(&self, principal: &Principal) -> Result<OwnFigures> {
        self.authorise_account(principal)?;
        self.settle_ledger().await?;
        let today = Day::of(Instant::now());
        let since = |day: Day| self.store.own_usage(principal.tenant, principal.user, day.start());
        let models = since(today.month().first_day()).await?;
        Ok(OwnFigures { today: sum(&since(today).await?), month: sum(&models), models })
    }

    async fn begin_export(
        self: &Arc<Self>,
        tenant: TenantId,
        (from, to): (Month, Month),
        view: UsageView,
        by: &By,
    ) -> Result<UsageExport> {
        if from > to {
            return Err(Error::invalid("months_reversed").in_field("to"));
        }
        let all = std::iter::successors(Some(from), |month| Some(month.next()));
        let months: Vec<Month> =
            all.take_while(|month| *month <= to).take(EXPORT_MONTHS_MAX + 1).collect();
        if months.len() > EXPORT_MONTHS_MAX {
            let error = Error::invalid("months_too_many").with("max", EXPORT_MONTHS_MAX);
            return Err(error.in_field("from"));
        }
        self.close_usage(tenant).await?;
        let event = AuditEvent::done(by, "export_usage")
            .with("from", from)
            .with("to", to)
            .with("by", view.code());
        self.store.record_audit(tenant, event).await?;
        Ok(UsageExport { app: self.clone(), tenant, view, months: months.into_iter() })
    }

    /// Makes figures of all days that are over.
    pub(crate) async fn close_usage(&self, tenant: TenantId) -> Result<()> {
        let end = Day::of(Instant::now().before(CLOSED_AFTER));
        Ok(self.store.close_usage(tenant, end, self.config.usage_people_min).await?)
    }

    async fn usage_report(
        &self,
        tenant: TenantId,
        month: Month,
        view: UsageView,
    ) -> Result<UsageReport> {
        let days = month.first_day()..=month.last_day();
        let figures = self.store.usage_figures(tenant, view, days.clone()).await?;
        let services = self.store.service_figures(tenant, view, days).await?;
        let units = match view {
            UsageView::Unit => Tree::new(self.store.units(tenant).await?),
            _ => Tree::default(),
        };
        let mut total = Figures::default();
        let mut lines: Vec<UsageLine> = figures
            .into_iter()
            .map(|figure| (figure, false))
            .chain(services.into_iter().map(|figure| (figure, true)))
            .map(|(figure, is_service)| {
                total += figure.sums;
                let unit = figure.subject.parse().ok();
                let name = unit.and_then(|unit| units.path(unit));
                UsageLine {
                    name: name.unwrap_or_else(|| figure.subject.clone()),
                    cost_centre: unit.and_then(|unit| units.cost_centre(unit)),
                    subject: figure.subject,
                    is_service,
                    first_day: figure.first_day,
                    last_day: figure.last_day,
                    sums: figure.sums,
                }
            })
            .collect();
        // The rest stands last; days stand in their order, everything else by name.
        if view != UsageView::Day {
            lines.sort_by(|a, b| {
                let key = |line: &UsageLine| (line.subject.is_empty(), line.name.clone());
                (key(a), a.is_service).cmp(&(key(b), b.is_service))
            });
        }
        let closed_until = self.store.closed_until(tenant).await?;
        let people_min = self.config.usage_people_min;
        Ok(UsageReport { month, view, closed_until, people_min, total, lines })
    }
}

fn sum(models: &[OwnUsage]) -> Figures {
    models.iter().fold(Figures::default(), |mut sum, model| {
        sum += model.sums;
        sum
    })
}

/// A tenant's units by their ids.
#[derive(Default)]
struct Tree(HashMap<UnitId, Unit>);

impl Tree {
    fn new(units: Vec<Unit>) -> Self {
        Self(units.into_iter().map(|unit| (unit.id, unit)).collect())
    }

    /// The unit and those above it, up to the root.
    fn chain(&self, id: UnitId) -> impl Iterator<Item = &Unit> {
        let above = |unit: &&Unit| unit.parent.and_then(|parent| self.0.get(&parent));
        // A tree is no deeper than it has units, whatever the table says.
        std::iter::successors(self.0.get(&id), above).take(self.0.len())
    }

    fn path(&self, id: UnitId) -> Option<String> {
        let mut names: Vec<&str> = self.chain(id).map(|unit| unit.name.as_str()).collect();
        names.reverse();
        (!names.is_empty()).then(|| names.join(PATH_SEPARATOR))
    }

    fn cost_centre(&self, id: UnitId) -> Option<String> {
        self.chain(id).find_map(|unit| unit.cost_centre.clone())
    }
}
